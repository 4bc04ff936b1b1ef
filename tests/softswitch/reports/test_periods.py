"""Ranges in time zones: no gap, no overlap, and days that are 23 and 25 hours long."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.model.errors import Invalid
from softswitch.reports.periods import INTERVALS, calendar

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")


def at(text: str, zone: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_the_days_of_the_change_to_summer_time_and_back_have_their_true_length() -> None:
    spring = calendar(at("2026-03-28", "Europe/Berlin"), at("2026-03-31", "Europe/Berlin"), "Europe/Berlin", "day")
    assert [round((p.until - p.since) / 3600) for p in spring.periods] == [24, 23, 24]
    autumn = calendar(at("2026-10-24", "Europe/Berlin"), at("2026-10-27", "Europe/Berlin"), "Europe/Berlin", "day")
    assert [round((p.until - p.since) / 3600) for p in autumn.periods] == [24, 25, 24]
    assert [autumn.label(n) for n in range(3)] == ["2026-10-24", "2026-10-25", "2026-10-26"]
    hours = calendar(at("2026-10-25", "Europe/Berlin"), at("2026-10-26", "Europe/Berlin"), "Europe/Berlin", "60")
    assert len(hours.periods) == 25
    assert [hours.label(n)[-5:] for n in range(1, 5)] == ["01:00", "02:00", "02:00", "03:00"]


def test_hours_begin_when_local_clocks_say_so() -> None:
    found = calendar(at("2026-01-05 09:20", "Asia/Kathmandu"), at("2026-01-05 11:10", "Asia/Kathmandu"), "Asia/Kathmandu", "60")
    assert [found.label(n)[-5:] for n in range(3)] == ["09:20", "10:00", "11:00"]
    months = calendar(at("2025-11-15", "UTC"), at("2026-02-01", "UTC"), "UTC", "month")
    assert [months.label(n) for n in range(3)] == ["2025-11", "2025-12", "2026-01"]
    assert len(months.periods) == 3


@given(
    st.floats(1.6e9, 1.9e9), st.floats(1, 400 * 86_400), st.sampled_from(ZONES), st.sampled_from([i for i in INTERVALS if i])
)
def test_periods_cover_the_range_without_gaps(since: float, length: float, zone: str, interval: str) -> None:
    try:
        found = calendar(since, since + length, zone, interval)  # type: ignore[arg-type]
    except Invalid:
        assert interval in ("15", "30", "60") and length > 200 * 86_400
        return
    assert (found.since, found.until) == (since, since + length)
    assert all(a.until == b.since for a, b in pairwise(found.periods))
    for number in (0, len(found.periods) // 2, len(found.periods) - 1):
        period = found.periods[number]
        assert period.since < period.until
        assert found.index(period.since) == number == found.index((period.since + period.until) / 2)
        if found.step:
            assert (int(period.since) - found.origin) // found.step == number


@pytest.mark.parametrize(("zone", "since", "until", "field"), [("Mars/Olympus", 1, 2, "zone"), ("UTC", 2, 2, "to")])
def test_what_makes_no_sense_is_refused_by_name(zone: str, since: float, until: float, field: str) -> None:
    with pytest.raises(Invalid, match=field):
        calendar(since, until, zone)
