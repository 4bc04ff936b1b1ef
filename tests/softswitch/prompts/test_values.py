"""Values as prompts: every word that can come out is shipped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.prompts import LANGUAGES, SHIPPED, values


@pytest.mark.parametrize(
    ("number", "mandarin", "english"),
    [
        (0, "0", "0"),
        (10, "10", "10"),
        (100, "1 unit-hundred", "1 unit-hundred"),
        (105, "1 unit-hundred 0 5", "1 unit-hundred 5"),
        (110, "1 unit-hundred 1 10", "1 unit-hundred 10"),
        (1001, "1 unit-thousand 0 1", "1 unit-thousand 1"),
        (1010, "1 unit-thousand 0 1 10", "1 unit-thousand 10"),
        (2024, "2 unit-thousand 0 20 4", "2 unit-thousand 20 4"),
        (10_000, "1 unit-wan", "10 unit-thousand"),
        (10_500, "1 unit-wan 0 5 unit-hundred", "10 unit-thousand 5 unit-hundred"),
        (100_000, "10 unit-wan", "1 unit-hundred unit-thousand"),
        (120_003, "12 unit-wan 0 3", "1 unit-hundred 20 unit-thousand 3"),
        (1_000_000, "1 unit-hundred unit-wan", "1 unit-million"),
        (100_000_000, "1 unit-yi", "1 unit-hundred unit-million"),
        (100_000_001, "1 unit-yi 0 1", "1 unit-hundred unit-million 1"),
        (2_000_000_000, "20 unit-yi", "2 unit-billion"),
    ],
)
def test_whole_numbers(number: int, mandarin: str, english: str) -> None:
    assert " ".join(values.whole(number, mandarin=True)) == mandarin
    assert " ".join(values.whole(number, mandarin=False)) == english


@pytest.mark.parametrize(
    ("kind", "value", "mandarin", "english"),
    [
        ("number", "-3.05", "minus 3 point 0 5", "minus 3 point 0 5"),
        ("number", "0138", "1 unit-hundred 30 8", "1 unit-hundred 30 8"),
        ("digits", "0138", "0 1 3 8", "0 1 3 8"),
        ("money", "12", "12 money-yuan", "12 money-yuan"),
        ("money", "12.50", "12 money-yuan 5 money-jiao", "12 money-yuan 50 money-fen"),
        ("money", "12.05", "12 money-yuan 0 5 money-fen", "12 money-yuan 5 money-fen"),
        ("money", "0.99", "0 money-yuan 9 money-jiao 9 money-fen", "0 money-yuan 90 9 money-fen"),
        ("date", "2024-01-15", "2 0 2 4 date-year 1 date-month 15 date-day", "month-1 15 20 20 4"),
        ("date", "2000-12-31", "2 0 0 0 date-year 12 date-month 30 1 date-day", "month-12 30 1 20 unit-hundred"),
        ("time", "09:05", "9 time-hour 0 5 time-minute", "9 0 5"),
        ("time", "18:00", "18 time-hour", "18 time-hour"),
        ("duration", "3725", "1 hour 2 minutes 5 seconds", "1 hour 2 minutes 5 seconds"),
        ("duration", "0", "0 seconds", "0 seconds"),
        ("date", "tomorrow 7", "7", "7"),
        ("money", "", "", ""),
    ],
)
def test_kinds(kind: str, value: str, mandarin: str, english: str) -> None:
    assert " ".join(values.spoken(kind, value, "zh-CN")) == mandarin
    assert " ".join(values.spoken(kind, value, "en")) == english


@settings(deadline=None, max_examples=200)
@given(
    kind=st.sampled_from(values.KINDS),
    value=st.integers(-(10**12), 10**12 - 1).map(str)
    | st.decimals(0, 10**6, places=2).map(str)
    | st.dates().map(str)
    | st.times().map(lambda at: at.strftime("%H:%M"))
    | st.text(max_size=12),
)
def test_every_word_is_shipped(kind: str, value: str) -> None:
    for language in LANGUAGES:
        for word in values.spoken(kind, value, language):
            assert (SHIPPED / language / f"{word}.wav").is_file(), word
