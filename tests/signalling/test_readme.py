"""The transition lists in the README are the tables."""

from __future__ import annotations

from pathlib import Path

import signalling
from signalling.transaction import INVITE_CLIENT, INVITE_SERVER, OTHER_CLIENT, OTHER_SERVER
from signalling.transaction.tables import Table

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


def test_readme_shows_the_tables() -> None:
    text = (Path(signalling.__file__).parent / "README.md").read_text()
    for name, table in MACHINES.items():
        assert f"{name}\n" + "".join(f"  {line}\n" for line in described(table)) in text, name
