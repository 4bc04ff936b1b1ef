"""Every verb is in the table, documented, and does what its examples say."""

from __future__ import annotations

import importlib
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from softswitch.calls.outcome import Outcome
from softswitch.directory.model import Extension, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import verbs
from softswitch.ivr.verbs import VERBS, time_check
from softswitch.ivr.verbs.base import Example, filled
from softswitch.model.destination import Destination

FOLDER = Path(verbs.__file__).parent
SNAPSHOT = Snapshot(queues={"sales": Queue(name="sales")}, extensions={"1001": Extension(number="1001")})


class FakeLine:
    """A caller who pressed some keys ahead and hears prompts that take no time."""

    def __init__(self, example: Example[Any]) -> None:
        self.language = "zh-CN"
        self.keys = list(example.presses)
        self.played: list[str] = []
        self.answered = False
        self._variables: dict[str, str] = {}
        self._outcome = example.outcome or Outcome("failed")
        self._utc = example.utc

    @property
    def variables(self) -> MutableMapping[str, str]:
        return self._variables

    async def answer(self) -> None:
        self.answered = True

    async def play(self, prompts: Sequence[str], *, languages: Sequence[str] = (), stop_on_key: bool = True) -> None:
        if not (stop_on_key and self.keys):
            self.played += [f"{language}/{prompt}" for language in languages or (self.language,) for prompt in prompts]

    async def collect(self, max_digits: int, *, seconds: float, inter_digit: float, finish_on: str = "") -> str:
        pressed = ""
        while self.keys and len(pressed) < max_digits:
            if (key := self.keys.pop(0)) in finish_on:
                break
            pressed += key
        return pressed

    def forget_digits(self) -> None:
        self.keys.clear()

    async def queue(self, name: str) -> Outcome:
        return self._outcome

    async def transfer(self, to: Destination) -> Outcome:
        return self._outcome

    def utc(self) -> float:
        return self._utc


EXAMPLES = [(name, example) for name, verb in VERBS.items() for example in verb.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(EXAMPLES)])
async def test_example(name: str, example: Example[Any]) -> None:
    verb = VERBS[name]
    assert list(verb.check(example.given, SNAPSHOT)) == []
    line = FakeLine(example)
    outcome = await verb.run(example.given, line)
    assert outcome == example.expect
    if outcome.ending is None:
        assert verb.next_node(example.given, outcome) == example.next
    if example.plays:
        assert tuple(line.played) == example.plays


def test_every_file_is_in_the_table_and_says_what_it_does() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert files == set(VERBS) - {"say"}
    for name in files:
        module = importlib.import_module(f"softswitch.ivr.verbs.{name}")
        assert module.VERB is VERBS[name]
        assert module.__doc__
        assert VERBS[name].examples


async def test_set_changes_language_and_variables() -> None:
    node = verbs.set.Set(next="menu", language="en", values={"greeting": "{{name}}!", "name": "x"})
    line = FakeLine(Example(node, expect=Outcome("done")))
    line.variables["name"] = "wang"
    await VERBS["set"].run(node, line)
    assert (line.language, line.variables) == ("en", {"name": "x", "greeting": "wang!"})


@pytest.mark.parametrize(
    ("text", "result"),
    [("a{{x}}b", "a1b"), ("{{ x }}{{y}}", "1"), ("{{x", "{{x"), ("", ""), ("}}", "}}"), ("{{missing}}", "")],
)
def test_variables_fill_texts(text: str, result: str) -> None:
    assert filled(text, {"x": "1"}) == result


def _open(segment: str, weekday: int, clock: str) -> bool:
    """Monday is 0; 2024-01-01 is a Monday."""
    from datetime import datetime

    hour, minute = clock.split(":")
    return time_check.parse_segment(segment).covers(datetime(2024, 1, 1 + weekday, int(hour), int(minute), 30))


@pytest.mark.parametrize(
    ("segment", "weekday", "clock", "is_open"),
    [
        ("Mon-Fri 09:00-18:00", 0, "09:00", True),
        ("Mon-Fri 09:00-18:00", 0, "08:59", False),
        ("Mon-Fri 09:00-18:00", 4, "18:00", True),  # the last minute is included
        ("Mon-Fri 09:00-18:00", 4, "18:01", False),
        ("Mon-Fri 09:00-18:00", 5, "12:00", False),
        ("Sat,Sun 10:00-12:00", 6, "11:00", True),
        ("Fri-Mon 10:00-12:00", 0, "11:00", True),
        ("Fri-Mon 10:00-12:00", 2, "11:00", False),
        ("09:00-10:00", 3, "09:30", True),
        ("Mon 22:00-06:00", 1, "05:59", True),  # Tuesday morning belongs to Monday night
        ("Mon 22:00-06:00", 0, "05:59", False),
        ("Mon 00:00-24:00", 0, "23:59", True),
    ],
)
def test_opening_hours(segment: str, weekday: int, clock: str, is_open: bool) -> None:
    assert _open(segment, weekday, clock) is is_open


@pytest.mark.parametrize("segment", ["", "Mon", "Mon-Fri", "Mo 09:00-10:00", "09:00", "25:00-26:00", "Mon 9-10", "09:60-10:00"])
def test_wrong_opening_hours_are_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        time_check.parse_segment(segment)
