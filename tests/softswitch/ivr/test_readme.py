"""The README's table of verbs names every verb and every field with its default."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

import softswitch.ivr
from softswitch.ivr.verbs import VERBS

README = (Path(softswitch.ivr.__file__).parent / "README.md").read_text(encoding="utf-8")
ROWS = {
    name: cells[1]
    for line in README.splitlines()
    if line.startswith("| `") and len(cells := line.strip("| ").split(" | ")) == 3
    for name in re.findall(r"`(\w+)`", cells[0])
}


def test_every_verb_has_a_row() -> None:
    assert set(VERBS) == set(ROWS)


@pytest.mark.parametrize("name", sorted(VERBS))
def test_the_row_names_every_field(name: str) -> None:
    schema = VERBS[name].schema
    expected = set()
    for field in fields(schema):
        word = field.name.rstrip("_")
        needed = field.default is MISSING and field.default_factory is MISSING
        expected.add(f"{word}*" if needed else word)
    written = {re.split(r"=", text)[0] for text in re.findall(r"`([^`]+)`", ROWS[name])}
    assert written == expected
