"""The README's table of states is the table of the code."""

from __future__ import annotations

from pathlib import Path

import softswitch.acd
from softswitch.acd.machine import TRANSITIONS, table
from softswitch.model.states import AgentState

README = (Path(softswitch.acd.__file__).parent / "README.md").read_text(encoding="utf-8")


def test_state_table_is_the_one_of_the_code() -> None:
    assert table() in README


def test_every_state_can_be_entered_and_left() -> None:
    assert {old for old, _ in TRANSITIONS} == set(AgentState)
    assert {new for targets in TRANSITIONS.values() for new in targets} == set(AgentState)


def test_every_file_is_in_the_map() -> None:
    folder = Path(softswitch.acd.__file__).parent
    missing = [path.name for path in folder.glob("*.py") if path.name != "__init__.py" and f"`{path.name}`" not in README]
    assert missing == []
