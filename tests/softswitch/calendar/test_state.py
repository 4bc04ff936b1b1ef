"""When a calendar is open, until when and why: weekly hours, holidays with exchanged working days, entered days."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from softswitch.calendar.model import Day
from softswitch.calendar.state import check, state
from softswitch.directory.model import Calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Calendar(name="office", open=("Mon-Fri 09:00-11:59", "Mon-Fri 13:00-17:59", "Sat 10:00-12:00"), holidays="cn")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_open", "until"),
    [
        ("2026-11-23 08:59:59", False, "2026-11-23 09:00"),
        ("2026-11-23 09:00:00", True, "2026-11-23 12:00"),  # the end minute is included
        ("2026-11-23 11:59:59", True, "2026-11-23 12:00"),
        ("2026-11-23 12:00:00", False, "2026-11-23 13:00"),
        ("2026-11-23 17:59:30", True, "2026-11-23 18:00"),
        ("2026-11-28 12:00:59", True, "2026-11-28 12:01"),
        ("2026-11-28 12:01:00", False, "2026-11-30 09:00"),  # over the Sunday
    ],
)
def test_weekly_hours_with_several_segments_a_day(moment: str, is_open: bool, until: str) -> None:
    found = state(OFFICE, {}, at(moment))
    assert (found.open, found.until, found.why) == (is_open, at(until), "hours")


def test_a_public_holiday_is_closed_and_the_exchanged_sunday_is_open() -> None:
    spring = state(OFFICE, {}, at("2026-02-17 10:00"))
    assert (spring.open, spring.why, spring.title) == (False, "holiday", "春节")
    exchanged = state(OFFICE, {}, at("2026-02-14 14:00"))  # a Saturday that is worked, with the hours of a working day
    assert (exchanged.open, exchanged.why, exchanged.until) == (True, "workday", at("2026-02-14 18:00"))


def test_the_next_opening_is_found_behind_the_longest_holiday() -> None:
    assert state(OFFICE, {}, at("2026-02-14 20:00")).until == at("2026-02-24 09:00")


def test_a_year_without_a_notice_has_the_days_that_the_law_fixes() -> None:
    assert state(OFFICE, {}, at("2030-10-01 10:00")).why == "holiday"


def test_entered_days_win_over_the_shipped_ones() -> None:
    days = {
        date(2026, 2, 17): Day(date(2026, 2, 17), "special", ("10:00-11:59",), "值班"),
        date(2026, 11, 23): Day(date(2026, 11, 23), "holiday", title="盘点"),
    }
    duty = state(OFFICE, days, at("2026-02-17 10:30"))
    assert (duty.open, duty.why, duty.title, duty.until) == (True, "special", "值班", at("2026-02-17 12:00"))
    assert state(OFFICE, days, at("2026-02-17 12:30")).open is False
    assert state(OFFICE, days, at("2026-11-23 10:00")).title == "盘点"


def test_hours_over_midnight_go_on_into_the_next_day() -> None:
    night = Calendar(name="night", open=("Fri 22:00-05:59",))
    found = state(night, {}, at("2026-11-28 03:00"))
    assert (found.open, found.until) == (True, at("2026-11-28 06:00"))
    assert state(night, {}, at("2026-11-28 06:00")).open is False


def test_without_hours_it_is_always_open_but_on_holidays() -> None:
    always = Calendar(name="always")
    assert (state(always, {}, at("2026-11-23 03:00")).open, state(always, {}, at("2026-11-23 03:00")).until) == (True, None)
    with_holidays = Calendar(name="hotline", holidays="cn")
    assert state(with_holidays, {}, at("2026-10-01 12:00")).open is False
    assert state(with_holidays, {}, at("2026-09-24 12:00")).until == at("2026-09-25 00:00")


def test_whole_week_segments_that_meet_at_midnight_are_one_span() -> None:
    assert state(Calendar(name="all", open=("00:00-23:59",)), {}, at("2026-11-23 12:00")).until is None


def test_civil_time_of_a_zone_with_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    calendar = Calendar(name="berlin", zone="Europe/Berlin", open=("00:00-23:59",))
    assert state(calendar, {}, at("2026-03-29 12:00", berlin)).open
    office = Calendar(name="berlin", zone="Europe/Berlin", open=("Sun 01:00-03:29",))
    found = state(office, {}, at("2026-03-29 01:30", berlin))  # the hour from two to three is missing that night
    assert found.until is not None and found.until - at("2026-03-29 01:00", berlin) == 5400


def test_closing_in_minutes() -> None:
    found = state(OFFICE, {}, at("2026-11-23 17:45"))
    assert found.closes_within(15, at("2026-11-23 17:45"))
    assert not found.closes_within(14, at("2026-11-23 17:45"))
    assert not state(OFFICE, {}, at("2026-11-23 19:00")).closes_within(60, at("2026-11-23 19:00"))


def test_overlaps_and_unreadable_hours_are_named() -> None:
    faults = check(Calendar(name="x", open=("Mon-Wed 09:00-12:00", "Tue 11:30-13:00", "noon")))
    assert faults == ['"Tue 11:30-13:00" overlaps "Mon-Wed 09:00-12:00"', 'expected "Mon-Fri 09:00-18:00", got "noon"'] or (
        set(faults) == {'"Tue 11:30-13:00" overlaps "Mon-Wed 09:00-12:00"', 'expected "Mon-Fri 09:00-18:00", got "noon"'}
    )
