"""The synthesizers by the name that `speech.engine` gives them. A new one is a file beside this and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from softswitch.config.settings import SpeechSettings
from softswitch.speech.base import SpeechFailed, Synthesizer
from softswitch.speech.kokoro import Kokoro


class Mute:
    """Says nothing: no engine is set."""

    name = "mute"
    languages: frozenset[str] = frozenset()

    async def render(self, text: str, language: str, target: Path) -> None:
        del text, language, target
        raise SpeechFailed("no speech engine is set (speech.engine)")

    async def close(self) -> None:
        return None


ENGINES: Mapping[str, Callable[[SpeechSettings], Synthesizer]] = {
    "": lambda _settings: Mute(),
    "kokoro": lambda settings: Kokoro(Path(settings.voices), settings.python),
}
