"""Prompts: what the switch says, as files per language. Lookups only; playing is the work of call and media engine.

A folder holds `LANGUAGE/NAME.wav` and `music/NAME.wav`. The shipped folder is this package; folders given before it win,
so that an operator's own recording replaces a shipped one by having its name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

SHIPPED = Path(__file__).parent
LANGUAGES = ("zh-CN", "en")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Library:
    """Finds prompt files; looks at the disk each time, so that a new recording is heard by the next call."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = (*folders, SHIPPED)

    def prompt(self, name: str, language: str) -> Path | None:
        """The file of a prompt in a language; None when there is none, or when the name could not be a file's."""
        return self._find(language, name)

    def music(self, name: str) -> Path | None:
        return self._find("music", name)

    def _find(self, folder: str, name: str) -> Path | None:
        if not _NAME.fullmatch(name) or not _NAME.fullmatch(folder):
            return None
        return next((path for root in self._folders if (path := root / folder / f"{name}.wav").is_file()), None)


def texts() -> Mapping[str, Mapping[str, str]]:
    """Name -> language -> what the shipped prompt says (prompts.toml)."""
    found: dict[str, dict[str, str]] = tomllib.loads((SHIPPED / "prompts.toml").read_text(encoding="utf-8"))
    return found
