"""Excel workbooks: the table, its chart, the formulas of its columns. Written row by row, so memory does not grow."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from softswitch.reports.figures import Value
from softswitch.reports.formats.document import NONE, Document, is_risky
from softswitch.reports.model import Column

MOST_ROWS = 1_048_000
"""A sheet has 1,048,576 rows; what is more goes to further sheets."""
_FORMATS = {"ms": "[h]:mm:ss", "percent": "0.00%", "number": "0.00", "count": "0", "time": "yyyy-mm-dd hh:mm:ss"}
_WIDTHS = {"text": 16, "time": 19, "period": 17, "count": 10, "number": 10, "percent": 10, "ms": 11}


def write_xlsx(document: Document, path: Path) -> None:
    book = xlsxwriter.Workbook(
        str(path),
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    try:
        _Book(document, book).write()
    finally:
        book.close()


class _Book:
    def __init__(self, document: Document, book: Any) -> None:
        self._document = document
        self._book = book
        self._plain = {kind: book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
        self._bold = {kind: book.add_format({"num_format": text, "bold": True, "top": 1}) for kind, text in _FORMATS.items()}
        self._text = book.add_format({})
        self._risky = book.add_format({"quote_prefix": True})
        self._head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E8EEF4"})
        self._title = book.add_format({"bold": True, "font_size": 14})
        self._total = book.add_format({"bold": True, "top": 1})

    def write(self) -> None:
        document = self._document
        sheet, row = self._sheet(1)
        number = 1
        for values in document.rows:
            if row >= MOST_ROWS:
                number += 1
                sheet, row = self._sheet(number)
            for place, column in enumerate(document.columns):
                self._cell(sheet, row, place, column, values.get(column.id))
            row += 1
        if document.totals:
            self._totals(sheet, row)
        self._chart()
        self._formulas()

    def _sheet(self, number: int) -> tuple[Any, int]:
        """A sheet with its head, and the row for the first line of the table."""
        document = self._document
        sheet = self._book.add_worksheet(_sheet_name(document.title, number))
        for place, column in enumerate(document.columns):
            sheet.set_column(place, place, _WIDTHS[column.kind])
        heading = document.heading()
        sheet.freeze_panes(len(heading) + 3, 0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(len(heading) + 2)
        sheet.write_string(0, 0, document.title, self._title)
        for row, (name, text) in enumerate(heading, 1):
            sheet.write_string(row, 0, name, self._text)
            sheet.write_string(row, 1, text, self._text)
        for place, column in enumerate(document.columns):
            sheet.write_string(len(heading) + 2, place, column.title.say(document.language), self._head)
        return sheet, len(heading) + 3

    def _cell(self, sheet: Any, row: int, place: int, column: Column, value: Value, *, total: bool = False) -> None:
        formats = self._bold if total else self._plain
        if value is None or value == "":
            sheet.write_string(row, place, NONE if value is None else "", self._total if total else self._text)
        elif column.kind == "time":
            local = datetime.fromisoformat(str(value)).astimezone(self._document.zone).replace(tzinfo=None)
            sheet.write_datetime(row, place, local, formats["time"])
        elif isinstance(value, str):
            sheet.write_string(row, place, value, self._risky if is_risky(value) else self._text)
        else:
            scale = {"ms": 86_400_000, "percent": 100}.get(column.kind, 1)
            sheet.write_number(row, place, value / scale, formats.get(column.kind, formats["count"]))

    def _totals(self, sheet: Any, row: int) -> None:
        document = self._document
        for place, column in enumerate(document.columns):
            if column.id in document.totals and column.kind not in ("text", "time", "period"):
                self._cell(sheet, row, place, column, document.totals[column.id], total=True)
            else:
                sheet.write_string(row, place, document.total(column, place), self._total)

    def _chart(self) -> None:
        """The curves as figures on a sheet of their own, and a chart of them."""
        document = self._document
        if len(document.periods) < 2 or not document.series or document.report.chart == "none":
            return
        titles = {column.id: column.title.say(document.language) for column in document.report.columns}
        name = document.word("chart")
        sheet = self._book.add_worksheet(name)
        sheet.write_row(0, 0, ["", *(titles[series.id] for series in document.series)])
        for row, period in enumerate(document.periods, 1):
            sheet.write_string(row, 0, period)
            for place, series in enumerate(document.series, 1):
                if (point := series.points[row - 1]) is not None:
                    sheet.write_number(row, place, point)
        chart = self._book.add_chart({"type": "line" if document.report.chart == "lines" else "column"})
        for place, series in enumerate(document.series, 1):
            last = len(document.periods)
            chart.add_series({
                "name": titles[series.id], "categories": [name, 1, 0, last, 0], "values": [name, 1, place, last, place],
            })  # fmt: skip
        chart.set_title({"name": document.title})
        chart.set_size({"width": 960, "height": 420})
        sheet.insert_chart(1, len(document.series) + 2, chart)

    def _formulas(self) -> None:
        document = self._document
        sheet = self._book.add_worksheet(document.word("formulas"))
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 1, 80)
        sheet.write_string(0, 0, document.word("column"), self._head)
        sheet.write_string(0, 1, document.word("formula"), self._head)
        shown = [column for column in document.columns if column.formula.zh]
        for row, column in enumerate(shown, 1):
            sheet.write_string(row, 0, column.title.say(document.language))
            sheet.write_string(row, 1, column.formula.say(document.language))


def _sheet_name(title: str, number: int) -> str:
    cleaned = "".join(sign for sign in title if sign not in "[]:*?/\\")[:26]
    return cleaned if number == 1 else f"{cleaned} {number}"
