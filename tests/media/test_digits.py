"""A key that comes by several ways counts once."""

from __future__ import annotations

import pytest

from media.digits import DigitMerger


def heard(*digits):
    """The ways of the digits that count, of (digit, way, seconds, ms)."""
    merger = DigitMerger()
    return [(digit, way) for digit, way, at, ms in digits if merger.counts(digit, way, at, ms)]


@pytest.mark.parametrize(
    ("first", "second"),
    [("rfc4733", "inband"), ("inband", "rfc4733"), ("info", "rfc4733"), ("info", "inband"), ("inband", "info")],
)
def test_the_same_key_by_two_ways_counts_once(first, second):
    assert heard(("5", first, 1.0, 100), ("5", second, 1.09, 100)) == [("5", first)]


def test_the_same_key_by_all_three_ways_counts_once():
    assert heard(("5", "info", 1.0, 0), ("5", "inband", 1.12, 100), ("5", "rfc4733", 1.14, 120)) == [("5", "info")]


def test_an_info_at_the_press_of_a_long_key_is_the_event_at_its_release():
    assert heard(("5", "info", 1.0, 0), ("5", "rfc4733", 3.05, 2000)) == [("5", "info")]


def test_another_digit_and_a_later_one_count():
    assert len(heard(("5", "info", 1.0, 0), ("6", "inband", 1.05, 50))) == 2
    assert len(heard(("5", "info", 1.0, 0), ("5", "inband", 1.3, 50))) == 2


def test_the_same_way_twice_is_pressed_twice_and_each_has_its_echo():
    pressed = heard(("1", "rfc4733", 1.0, 60), ("1", "rfc4733", 1.1, 60), ("1", "inband", 1.12, 60), ("1", "inband", 1.15, 60))
    assert pressed == [("1", "rfc4733"), ("1", "rfc4733")]


def test_who_sends_events_is_not_heard_by_signalling_however_late():
    assert heard(("1", "rfc4733", 1.0, 60), ("1", "info", 1.6, 0), ("2", "info", 2.0, 0)) == [("1", "rfc4733")]
