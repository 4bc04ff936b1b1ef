"""PDF for paper: A4 landscape, a chart as vectors, tables that break over pages; wide ones go on below with first columns.

Chinese is set in STSong-Light, one of the fonts that every PDF reader knows by name for GB characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.charts.legends import Legend
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.shapes import Drawing
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus.flowables import Flowable

from softswitch.reports.formats.document import Document
from softswitch.reports.model import Column

FONT, LATIN, LATIN_BOLD = "STSong-Light", "Helvetica", "Helvetica-Bold"
SIZE = 7.5
MARGIN = 12 * mm
MOST_ROWS = 10_000
"""Longer tables are for programs."""
LABELS = 16
"""Texts below a chart; more would overlap."""
COLOURS = ("#2563A8", "#C2570C", "#2F7D32", "#7A3E9D")
KEYS = frozenset({"text", "period", "time"})


def write_pdf(document: Document, path: Path) -> None:
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    page = SimpleDocTemplate(
        str(path), pagesize=landscape(A4), leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=14 * mm,
        title=document.title, author="softswitch",
    )  # fmt: skip
    width = landscape(A4)[0] - 2 * MARGIN
    story: list[Flowable] = [Paragraph(_markup(document.title), _style(15, 20))]
    story += [Paragraph(_markup(f"{name}: {text}"), _style(8.5, 12)) for name, text in document.heading()]
    if len(document.periods) > 1 and document.series and document.report.chart != "none":
        story += [Spacer(1, 4 * mm), _chart(document, width)]
    rows = list(islice(document.rows, MOST_ROWS))
    for columns in _blocks(document, rows, width):
        story += [Spacer(1, 5 * mm), _table(document, columns, rows, width)]
    story += [Spacer(1, 6 * mm), *_formulas(document)]
    page.build(story, onFirstPage=_foot(document), onLaterPages=_foot(document))


def _style(size: float, leading: float) -> ParagraphStyle:
    return ParagraphStyle(f"s{size}", fontName=FONT, fontSize=size, leading=leading, wordWrap="CJK")


def _markup(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _font(text: str, *, bold: bool = False) -> str:
    """Latin letters and figures look better in a Latin font."""
    return (LATIN_BOLD if bold else LATIN) if text.isascii() else FONT


def _width(text: str, *, bold: bool = False) -> float:
    return pdfmetrics.stringWidth(text, _font(text, bold=bold), SIZE) + 6


Measured = tuple[Column, float]


def _blocks(document: Document, rows: Sequence[dict[str, Any]], width: float) -> list[list[Measured]]:
    """The columns in blocks that fit the page; each begins with those that name the row."""
    measured = [(column, _needed(document, column, rows)) for column in document.columns]
    keys = [entry for entry in measured if entry[0].kind in KEYS]
    if sum(size for _, size in keys) > width * 0.6:
        keys = keys[:2]
    blocks: list[list[Measured]] = [list(keys)]
    for entry in [entry for entry in measured if entry not in keys]:
        if sum(size for _, size in blocks[-1]) + entry[1] > width and len(blocks[-1]) > len(keys):
            blocks.append(list(keys))
        blocks[-1].append(entry)
    return blocks


def _needed(document: Document, column: Column, rows: Sequence[dict[str, Any]]) -> float:
    """Points; long texts are cut to 140."""
    texts = [document.shown(column, values.get(column.id)) for values in rows[:300]]
    title = column.title.say(document.language)
    half = max((_width(part) for part in title.split(" ")), default=0) if title.isascii() else _width(title) / 2 + 6
    return min(140.0, max(half, 30.0, _width(document.total(column, 1)), *map(_width, texts)) + 2)


def _table(document: Document, columns: Sequence[Measured], rows: Sequence[dict[str, Any]], width: float) -> LongTable:
    head = [Paragraph(_markup(column.title.say(document.language)), _style(SIZE, SIZE + 2)) for column, _ in columns]
    body = [[_cut(document.shown(column, values.get(column.id)), size) for column, size in columns] for values in rows]
    foot = [[document.total(column, place) for place, (column, _) in enumerate(columns)]] if document.totals else []
    style: list[Any] = [
        ("FONT", (0, 0), (-1, -1), LATIN, SIZE), ("LEADING", (0, 0), (-1, -1), SIZE + 2),
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("BACKGROUND", (0, 0), (-1, 0), colors.HexColor("#E8EEF4")),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, colors.HexColor("#51657A")), ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3), ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.HexColor("#F6F8FA")]),
    ]  # fmt: skip
    for place, (column, _) in enumerate(columns):
        if column.kind not in KEYS:
            style.append(("ALIGN", (place, 0), (place, -1), "RIGHT"))
    style += [("FONT", (x, y), (x, y), FONT, SIZE)
              for y, row in enumerate([*body, *foot], 1) for x, text in enumerate(row) if not text.isascii()]  # fmt: skip
    if foot:
        style += [("LINEABOVE", (0, -1), (-1, -1), 0.6, colors.HexColor("#51657A"))]
        style += [("FONT", (x, -1), (x, -1), _font(text, bold=True), SIZE) for x, text in enumerate(foot[0])]
    spare = min(width / sum(size for _, size in columns), 1.25)
    return LongTable(
        [head, *body, *foot],
        colWidths=[size * spare for _, size in columns],
        repeatRows=1,
        style=TableStyle(style),
        hAlign="LEFT",
    )


def _cut(text: str, size: float) -> str:
    if _width(text) <= size:
        return text
    while text and _width(f"{text}…") > size:
        text = text[:-1]
    return f"{text}…"


def _chart(document: Document, width: float) -> Drawing:
    """Bars or lines over the periods. None is a gap in a line and no bar."""
    height = 60 * mm
    drawing = Drawing(width, height)
    lines = document.report.chart == "lines"
    chart: Any = HorizontalLineChart() if lines else VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 40, 34, width - 60, height - 56
    kinds = {column.id: column for column in document.report.columns}
    scale = 1000 if kinds[document.series[0].id].kind == "ms" else 1
    chart.data = [[None if point is None else point / scale for point in series.points] for series in document.series]
    every = -(-len(document.periods) // LABELS)
    chart.categoryAxis.categoryNames = [label if n % every == 0 else "" for n, label in enumerate(document.periods)]
    chart.categoryAxis.labels.fontName, chart.categoryAxis.labels.fontSize = LATIN, 6
    chart.categoryAxis.labels.angle, chart.categoryAxis.labels.boxAnchor = 25, "ne"
    chart.categoryAxis.labels.dy = -3
    chart.valueAxis.labels.fontName, chart.valueAxis.labels.fontSize = LATIN, 6.5
    points = [point for series in chart.data for point in series if point is not None]
    chart.valueAxis.valueMin = min([0.0, *points])
    chart.valueAxis.valueMax = max([*points, 1.0]) * 1.05
    chart.valueAxis.visibleGrid = True
    chart.valueAxis.gridStrokeColor = colors.HexColor("#D5DCE3")
    chart.valueAxis.gridStrokeWidth = 0.4
    for place, _ in enumerate(document.series):
        colour = colors.HexColor(COLOURS[place % len(COLOURS)])
        if lines:
            chart.lines[place].strokeColor, chart.lines[place].strokeWidth = colour, 1.4
        else:
            chart.bars[place].fillColor, chart.bars[place].strokeColor = colour, None
    drawing.add(chart)
    drawing.add(_legend(document, height, scale))
    return drawing


def _legend(document: Document, height: float, scale: int) -> Any:
    legend: Any = Legend()
    legend.x, legend.y, legend.boxAnchor = 40, height - 6, "nw"
    legend.fontName, legend.fontSize, legend.alignment = FONT, 8, "right"
    legend.columnMaximum, legend.deltax, legend.dxTextSpace = 1, 70, 4
    legend.dx, legend.dy = 10, 6
    titles = {column.id: column.title.say(document.language) for column in document.report.columns}
    unit = " (s)" if scale != 1 else ""
    legend.colorNamePairs = [
        (colors.HexColor(COLOURS[place % len(COLOURS)]), titles[series.id] + unit)
        for place, series in enumerate(document.series)
    ]
    return legend


def _formulas(document: Document) -> list[Flowable]:
    shown = [column for column in document.columns if column.formula.zh]
    lines = [f"{column.title.say(document.language)} = {column.formula.say(document.language)}" for column in shown]
    if not lines:
        return []
    return [
        Paragraph(document.word("formulas"), _style(10, 15)),
        *(Paragraph(_markup(line), _style(7.5, 10)) for line in lines),
    ]


def _foot(document: Document) -> Any:
    def draw(canvas: Any, page: Any) -> None:
        canvas.setFont(FONT, 7.5)
        canvas.drawString(MARGIN, 8 * mm, document.title)
        canvas.drawRightString(landscape(A4)[0] - MARGIN, 8 * mm, document.word("page").format(page=page.page))

    return draw
