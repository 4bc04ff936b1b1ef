"""What is wrong in a file, in the one form that every command prints: `FILE:LINE: key: expected …, got …`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1; 0 when there is none (environment, command line). Indexes in `key` count from 0."""

    file: str
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class Refused(Exception):
    """Input was refused as a whole; `problems` has every reason, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def shown(value: object) -> str:
    """A value as the author wrote it, shortened: strings in quotes, TOML words for the rest."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def key_text(path: Sequence[str | int]) -> str:
    """`("trunk", 2, "addresses")` as `trunk[2].addresses`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
