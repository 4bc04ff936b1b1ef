"""The shipped prompts: what they say (prompts.toml) and, beside it, one WAV file per language. Playing is `media`'s work."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

SHIPPED = Path(__file__).parent
"""`LANGUAGE/NAME.wav` and `music/NAME.wav`: a root for `media.prompts.PromptStore`."""

LANGUAGES = ("zh-CN", "en")


def texts() -> Mapping[str, Mapping[str, str]]:
    """Name -> language -> what the shipped prompt says."""
    found: dict[str, dict[str, str]] = tomllib.loads((SHIPPED / "prompts.toml").read_text(encoding="utf-8"))
    return found
