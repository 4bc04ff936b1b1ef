"""A report ready to be written: its words in one language, its rows, and how a value looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from softswitch.reports.figures import Value, Values
from softswitch.reports.model import Column, Report, Series

NONE = "-"
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
WORDS = {
    "zh-CN": {
        "range": "统计时段", "zone": "时区", "total": "合计", "formulas": "指标说明", "column": "列", "formula": "公式",
        "made": "生成时间", "filters": "筛选", "chart": "图表", "page": "第 {page} 页",
    },
    "en": {
        "range": "Range", "zone": "Time zone", "total": "Total", "formulas": "Formulas", "column": "Column",
        "formula": "Formula", "made": "Made", "filters": "Filters", "chart": "Chart", "page": "Page {page}",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    report: Report
    language: str
    zone: ZoneInfo
    since: float
    until: float
    made_at: float
    rows: Iterable[Values]
    totals: Values
    filters: str = ""
    periods: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()

    @property
    def columns(self) -> Sequence[Column]:
        """Without the period when the range is one."""
        return [column for column in self.report.columns if column.kind != "period" or len(self.periods) > 1]

    @property
    def title(self) -> str:
        return self.report.title.say(self.language)

    def word(self, name: str) -> str:
        return WORDS.get(self.language, WORDS["en"])[name]

    def local(self, at: float) -> str:
        return datetime.fromtimestamp(at, self.zone).strftime("%Y-%m-%d %H:%M:%S")

    def heading(self) -> list[tuple[str, str]]:
        """What stands above the table."""
        found = [
            (self.word("range"), f"{self.local(self.since)} – {self.local(self.until)}"), (self.word("zone"), self.zone.key),
            (self.word("made"), self.local(self.made_at)),
        ]  # fmt: skip
        return [*found, (self.word("filters"), self.filters)] if self.filters else found

    def shown(self, column: Column, value: Value) -> str:
        """A value as people read it: h:mm:ss, per cent with two decimals, local time, "-" for none."""
        if value is None:
            return NONE
        match column.kind:
            case "ms":
                return hours(int(value))
            case "percent":
                return f"{float(value):.2f}%"
            case "number":
                return f"{float(value):.2f}"
            case "time":
                return self.local(datetime.fromisoformat(str(value)).astimezone(UTC).timestamp()) if value else ""
            case _:
                return str(value)

    def total(self, column: Column, place: int) -> str:
        if column.id in self.totals and column.kind not in ("text", "time", "period"):
            return self.shown(column, self.totals[column.id])
        return self.word("total") if place == 0 else ""


def hours(ms: int) -> str:
    """1:02:03; a begun second counts from its half."""
    sign, seconds = "-" if ms < 0 else "", (abs(ms) + 500) // 1000
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def is_risky(text: str) -> bool:
    """A spreadsheet would take it for a formula."""
    return text.startswith(_RISKY)


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if is_risky(text) and text != NONE else text
