"""What a synthesizer is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

LONGEST_TEXT = 1000
"""Characters that are spoken at once."""


class SpeechFailed(Exception):
    """The synthesizer cannot say this, or cannot say anything now."""


class Synthesizer(Protocol):
    """A plug-in: local process or remote service. Work never happens on the loop."""

    @property
    def name(self) -> str:
        """With voices and version: what makes two renderings of one text differ. Part of the cache's key."""

    @property
    def languages(self) -> frozenset[str]: ...

    async def render(self, text: str, language: str, target: Path) -> None:
        """Writes a WAV or Ogg/Opus file of any loudness. Raises SpeechFailed, OSError."""

    async def close(self) -> None: ...
