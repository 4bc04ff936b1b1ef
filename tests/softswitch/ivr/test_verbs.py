"""Every verb is in the table, documented, and does what its examples say."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from softswitch.calls.outcome import Outcome
from softswitch.directory.model import Extension, Flow, Mailbox, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import schema, verbs
from softswitch.ivr.desk import Desk
from softswitch.ivr.trial import Caller, TrialLine
from softswitch.ivr.verbs import VERBS, time_check
from softswitch.ivr.verbs.base import Example, filled
from softswitch.prompts import texts

FOLDER = Path(verbs.__file__).parent
SNAPSHOT = Snapshot(
    queues={"sales": Queue(name="sales")}, extensions={"1001": Extension(number="1001")},
    mailboxes={"sales": Mailbox(name="sales")}, flows={"main": Flow(name="main")},
)  # fmt: skip


def line_of(example: Example[Any]) -> TrialLine:
    """A caller as the example has it."""
    desk = example.desk or Desk()
    caller = Caller(keys=example.later, variables=example.variables, at=example.utc, certain=False)
    line = TrialLine(caller, SNAPSHOT, desk)
    line.press_ahead(example.presses)
    line.outcome = example.outcome or Outcome("failed")
    return line


EXAMPLES = [(name, example) for name, verb in VERBS.items() for example in verb.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(EXAMPLES)])
async def test_example(name: str, example: Example[Any]) -> None:
    verb = VERBS[name]
    assert list(verb.check(example.given, SNAPSHOT)) == []
    line = line_of(example)
    outcome = await verb.run(example.given, line)
    assert outcome == example.expect
    if outcome.ending is None:
        assert verb.next_node(example.given, outcome) == example.next
    if example.plays:
        assert tuple(line.heard) == example.plays
    for variable, value in example.sets.items():
        assert line.variables.get(variable, "") == value


def test_every_file_is_in_the_table_and_says_what_it_does() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert {name.rstrip("_") for name in files} == set(VERBS)
    for name in files:
        module = importlib.import_module(f"softswitch.ivr.verbs.{name}")
        assert module.VERB is VERBS[name.rstrip("_")]
        assert module.__doc__
        assert module.VERB.examples


def test_no_refused_verb_is_built() -> None:
    assert not set(VERBS) & set(verbs.REFUSED)


def test_every_prompt_that_a_verb_says_by_itself_is_shipped() -> None:
    """Defaults of `Prompts` fields: whoever writes only the needed fields must hear something."""
    for name, verb in VERBS.items():
        for example in verb.examples:
            for field, prompt in schema.marked(example.given, "prompts"):
                default = verb.schema.__dataclass_fields__[field.partition(".")[0]].default
                if isinstance(default, tuple) and prompt in default:
                    assert prompt in texts(), f"{name}.{field}: {prompt}"


async def test_set_changes_language_and_variables() -> None:
    node = verbs.set.Set(next="menu", language="en", values={"greeting": "{{name}}!", "name": "x"})
    line = line_of(Example(node, expect=Outcome("done"), variables={"name": "wang"}))
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
