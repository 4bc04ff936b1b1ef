"""One media service over a FakeEngine, inside the test's loop; its time is the fake's own and moves by `advance`."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from media.commands import PayloadMap, PortKind
from media.fake import FakeEngine
from media.negotiation import Agreement
from media.port import Port
from media.service import MediaService

PCMU = Agreement(codecs=(PayloadMap("PCMU", 0, 8000),), remote=("192.0.2.1", 4000))


@dataclass
class Desk:
    """The service, its engine, and what was reported missing."""

    media: MediaService
    engine: FakeEngine
    missing: list[tuple[str, str, str]]

    async def party(self, label: str, group: int) -> Port:
        """An open port whose voice is called `label`."""
        port = self.media.reserve_port(PortKind.RTP, group)
        self.engine.label(port.id, label)
        await port.open(PCMU)
        return port


def write_prompt(path: Path, ms: int = 1000) -> None:
    """A silent prompt of `ms`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16 * ms))


@pytest.fixture
async def desk(tmp_path: Path) -> Iterator[Desk]:
    for name, ms in {"welcome": 1000, "main-menu": 2000, "music": 500}.items():
        write_prompt(tmp_path / "prompts" / "en" / f"{name}.wav", ms)
    write_prompt(tmp_path / "prompts" / "zh-CN" / "welcome.wav", 1500)
    missing: list[tuple[str, str, str]] = []
    engine = FakeEngine()
    media = MediaService(engine, prompt_roots=[tmp_path / "prompts"], on_missing_prompt=lambda *what: missing.append(what))
    media.start()
    yield Desk(media, engine, missing)
    media.close()
