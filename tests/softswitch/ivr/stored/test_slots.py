"""Emergency announcements: on the air at once, never without an end, kept over a restart."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from media.prepare import Preparer
from softswitch.ivr.slots import AnnouncementBook, Studio
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Invalid, NotFound
from softswitch.store.database import Store
from softswitch.store.spool import Spool

Made = tuple[AnnouncementBook, list[ev.Event], Spool]


def _nothing(_name: str, _language: str) -> None:
    """Nobody has loaded anything."""


def sound(seconds: int) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(np.arange(int(8000 * seconds)) * 2 * np.pi * 440 / 8000)).astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture
async def made(store: Store, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Made]:
    events: list[ev.Event] = []
    spool, studio = Spool(store), Studio(tmp_path / "prompts", _nothing, Preparer(tmp_path / "cache"))
    task = asyncio.get_running_loop().create_task(spool.run())
    yield AnnouncementBook(store, spool, clock, events.append, studio), events, spool
    task.cancel()


async def test_on_the_air_until_its_end(made: Made, clock: ManualClock) -> None:
    book, events, _ = made
    book.set("top", ["emergency"], clock.utc() + 60, ["4008"], "wang")
    found = book.on_air("top")
    assert found is not None
    assert (found.covers("4008", clock.utc()), found.covers("4009", clock.utc())) == (True, False)
    assert [(event.object, event.actor) for event in events if isinstance(event, ev.AdminChanged)] == [
        ("announcement:top", "wang")
    ]
    clock.advance(60)
    assert book.on_air("top") is None
    assert len(book.all()) == 1, "its figures can still be read"


async def test_figures_and_announcements_survive_a_restart(made: Made, clock: ManualClock, store: Store) -> None:
    book, _, spool = made
    book.set("top", ["emergency"], clock.utc() + 60, [], "wang")
    book.heard("top", left=False)
    book.heard("top", left=True)
    await spool.flush()
    again = AnnouncementBook(store, spool, clock, lambda event: None, Studio(Path(), _nothing, Preparer(Path())))
    await again.load()
    (entry,) = again.all()
    assert (entry.what.prompts, entry.heard, entry.left, entry.by) == (("emergency",), 2, 1, "wang")
    again.remove("top", "wang")
    with pytest.raises(NotFound):
        again.remove("top", "wang")
    assert again.on_air("top") is None


@pytest.mark.parametrize(
    ("seconds", "prompts"), [(0, ["emergency"]), (-5, ["emergency"]), (40 * 86_400, ["emergency"]), (60, [])]
)
async def test_an_end_is_needed(made: Made, clock: ManualClock, seconds: float, prompts: list[str]) -> None:
    with pytest.raises(Invalid):
        made[0].set("top", prompts, clock.utc() + seconds, [], "wang")
    assert made[0].on_air("top") is None


async def test_the_sound_of_an_announcement_is_a_prompt(made: Made, tmp_path: Path) -> None:
    book = made[0]
    assert await book.record("top", "zh-CN", sound(3), "wang") == "announcement-top"
    with wave.open(str(tmp_path / "prompts/zh-CN/announcement-top.wav"), "rb") as kept:
        assert kept.getnframes() == 3 * kept.getframerate()
    wrong = [("../x", "en", sound(1)), ("top", "../en", sound(1)), ("top", "en", b"no"), ("top", "en", sound(130))]
    for slot, language, audio in wrong:
        with pytest.raises(Invalid):
            await book.record(slot, language, audio, "wang")
    assert [path.name for path in tmp_path.rglob("*announcement*")] == ["announcement-top.wav"]
