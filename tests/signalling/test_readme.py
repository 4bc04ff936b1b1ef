"""The transition lists in the README are the tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import signalling
from signalling.dialog.offer_answer import TURNS
from signalling.dialog.reliable import RINGING
from signalling.transaction import INVITE_CLIENT, INVITE_SERVER, OTHER_CLIENT, OTHER_SERVER
from signalling.transaction.tables import Table
from signalling.usage.refer import MOVES as REFERS
from signalling.usage.watch import NOTIFIER, SUBSCRIBER

MACHINES = {
    "INVITE client": INVITE_CLIENT,
    "INVITE server": INVITE_SERVER,
    "other client": OTHER_CLIENT,
    "other server": OTHER_SERVER,
}


def described(table: Table) -> list[str]:
    """One line per state: input → next state."""
    lines: dict[str, list[str]] = {}
    for (state, event), row in table.rows.items():
        lines.setdefault(state.value, []).append(f"{event.value} → {row.state.value}")
    return [f"{state}: {', '.join(moves)}" for state, moves in lines.items()]


USAGES: dict[str, Mapping[tuple[StrEnum, str], StrEnum]] = {
    "reliable 18x": RINGING,
    "REFER received": REFERS,
    "subscriber": SUBSCRIBER,
    "notifier": NOTIFIER,
    "offer and answer": TURNS,
}


def moves(table: Mapping[tuple[StrEnum, str], StrEnum]) -> list[str]:
    """The same for tables whose rows are next states alone."""
    lines: dict[str, list[str]] = {}
    for (state, event), after in table.items():
        lines.setdefault(state.value, []).append(f"{event} → {after.value}")
    return [f"{state}: {', '.join(found)}" for state, found in lines.items()]


def test_readme_shows_the_tables_of_the_usages() -> None:
    text = (Path(signalling.__file__).parent / "README.md").read_text()
    for name, table in USAGES.items():
        assert f"{name}\n" + "".join(f"  {line}\n" for line in moves(table)) in text, name


def test_readme_shows_the_tables() -> None:
    text = (Path(signalling.__file__).parent / "README.md").read_text()
    for name, table in MACHINES.items():
        assert f"{name}\n" + "".join(f"  {line}\n" for line in described(table)) in text, name
