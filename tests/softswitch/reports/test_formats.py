"""Files of reports as the programs read them for which they are made."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from softswitch.reports.catalogue import REPORTS
from softswitch.reports.figures import Values
from softswitch.reports.formats import WRITERS
from softswitch.reports.formats.document import Document, hours
from softswitch.reports.model import Series

DAY = 1_763_740_800.0
PERIODS = tuple(f"2025-11-22 {hour:02}:00" for hour in range(8, 20))


def queues(language: str = "zh-CN", rows: int = 24) -> Document:
    columns = REPORTS["queues"].columns
    shown: list[Values] = []
    for number in range(rows):
        values: Values = {column.id: 3_723_500 if column.kind == "ms" else 87.5 if column.kind == "percent" else number
                          for column in columns}  # fmt: skip
        values |= {"period": PERIODS[number % 12], "queue": "=销售+队列" if number % 2 else "repair", "sl3": None}
        shown.append(values)
    return Document(
        report=REPORTS["queues"], language=language, zone=ZoneInfo("Asia/Shanghai"), since=DAY, until=DAY + 86_400,
        made_at=DAY + 90_000, rows=iter(shown), totals={**shown[0], "off": 12, "sl1": 81.25}, periods=PERIODS,
        series=tuple(Series(name, tuple(range(place, place + 12))) for place, name in enumerate(("off", "ans", "abd"))),
        filters="queue: sales",
    )  # fmt: skip


def calls() -> Document:
    row: Values = {
        "created": "2025-11-22T01:02:03.000Z", "direction": "in", "caller": "+8613800138000", "called": "@SUM(A1)",
        "trunk": "carrier", "queue": "sales", "agent": "li", "name": "-2+3", "result": "answered", "cause": "normal",
        "who": "caller", "wait_ms": 1500, "ring_ms": 0, "talk_ms": 90_061_000, "hold_ms": 0, "duration_ms": 1, "id": "c1",
    }  # fmt: skip
    return Document(report=REPORTS["calls"], language="en", zone=ZoneInfo("Asia/Shanghai"), since=DAY, until=DAY + 86_400,
                    made_at=DAY, rows=iter([row]), totals={})  # fmt: skip


def test_csv_is_read_with_its_chinese_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    WRITERS["csv"](queues(), path)
    octets = path.read_bytes()
    assert octets.startswith(b"\xef\xbb\xbf")
    head, *rows = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"))))
    assert head[:4] == ["时段", "队列", "呼入排队", "接通"]
    assert len(rows) == 25
    assert rows[1][1] == "'=销售+队列"
    by_name = dict(zip(head, rows[0], strict=True))
    assert (by_name["服务水平"], by_name["接通及时率"], by_name["最长等待"]) == ("87.50%", "-", "1:02:04")
    assert rows[-1][0] == "合计" and dict(zip(head, rows[-1], strict=True))["服务水平"] == "81.25%"
    WRITERS["csv"](calls(), path)
    head, row = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    found = dict(zip(head, row, strict=True))
    assert (found["Begin"], found["Caller"], found["Called"], found["Name"]) == (
        "2025-11-22 09:02:03", "'+8613800138000", "'@SUM(A1)", "'-2+3",
    )  # fmt: skip
    assert found["Talk"] == "25:01:01"


def test_excel_has_numbers_as_numbers_texts_as_texts_a_chart_and_the_formulas_in_words(tmp_path: Path) -> None:
    path = tmp_path / "q.xlsx"
    WRITERS["xlsx"](queues(), path)
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names == ["队列报表", "图表", "指标说明"]
    rows = book.get_sheet_by_name("队列报表").to_python()
    at = next(n for n, row in enumerate(rows) if row[0] == "时段")
    first, second = (dict(zip(rows[at], rows[at + n], strict=True)) for n in (1, 2))
    assert first["呼入排队"] == 0.0 and second["服务水平"] == 0.875 and second["接通及时率"] == "-"
    assert second["队列"] == "=销售+队列"
    assert rows[1][:2] == ["统计时段", "2025-11-22 00:00:00 – 2025-11-23 00:00:00"]
    formulas = {str(row[0]): row[1] for row in book.get_sheet_by_name("指标说明").to_python()}
    assert formulas["接通率"] == "接通 / 呼入排队"
    with ZipFile(path) as archive:
        assert "xl/charts/chart1.xml" in archive.namelist()
        assert all(b"<f>" not in archive.read(name) for name in archive.namelist() if "worksheets/sheet" in name)


def test_a_list_of_calls_in_excel_has_local_times(tmp_path: Path) -> None:
    path = tmp_path / "c.xlsx"
    WRITERS["xlsx"](calls(), path)
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    head = next(row for row in rows if row[0] == "Begin")
    found = dict(zip(head, rows[rows.index(head) + 1], strict=True))
    assert str(found["Begin"]) == "2025-11-22 09:02:03"
    assert found["Caller"] == "+8613800138000"


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_pdf_is_whole_and_has_a_font_for_its_language(tmp_path: Path, language: str) -> None:
    path = tmp_path / "q.pdf"
    WRITERS["pdf"](queues(language, rows=120), path)
    octets = path.read_bytes()
    assert octets.startswith(b"%PDF-") and octets.rstrip().endswith(b"%%EOF")
    assert b"/STSong-Light" in octets and b"UniGB-UCS2-H" in octets
    assert octets.count(b"/Contents") >= 5


@pytest.mark.parametrize(
    ("ms", "text"), [(0, "0:00:00"), (499, "0:00:00"), (500, "0:00:01"), (3_599_500, "1:00:00"), (-61_000, "-0:01:01")]
)
def test_durations_are_hours_minutes_seconds(ms: int, text: str) -> None:
    assert hours(ms) == text
