"""The operator's own prompts: uploaded, heard at once, removed again."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

pytest.importorskip("media._native")
from media.engine import EnginePump, Ids
from media.fake import FakeEngine
from media.prepare import Preparer
from media.prompts import PromptStore
from softswitch.model.errors import Invalid, NotFound
from softswitch.prompts import SHIPPED
from softswitch.speech.shelf import Shelf


async def test_an_upload_takes_the_place_of_a_shipped_prompt_until_it_is_removed(tmp_path: Path) -> None:
    own, preparer = tmp_path / "prompts", Preparer(tmp_path / "cache")
    pump = EnginePump(FakeEngine())
    shelf = Shelf(own, PromptStore(pump, Ids(), [own, SHIPPED], preparer=preparer, own=own), preparer)
    sound = (SHIPPED / "en" / "goodbye.wav").read_bytes()
    assert await shelf.keep("welcome", "en", sound) > 1000
    assert shelf.path("welcome", "en") == own / "en" / "welcome.wav"
    (item,) = [each for each in await shelf.items() if (each.name, each.language) == ("welcome", "en")]
    assert item.own and item.shipped and item.text
    with wave.open(str(SHIPPED / "en" / "goodbye.wav")) as goodbye:
        assert item.duration_ms == goodbye.getnframes() * 1000 // goodbye.getframerate()
    assert "default" in {each.name for each in await shelf.items() if each.language == "music" and each.duration_ms}
    await shelf.remove("welcome", "en")
    assert shelf.path("welcome", "en") == SHIPPED / "en" / "welcome.wav"
    assert [item.own for item in await shelf.items() if (item.name, item.language) == ("welcome", "en")] == [False]
    with pytest.raises(NotFound):
        await shelf.remove("welcome", "en")
    with pytest.raises(Invalid):
        await shelf.keep("welcome", "en", b"no sound at all")
    for name, language in (("../x", "en"), ("x", ".."), ("x", "voicemail")):
        with pytest.raises(Invalid):
            await shelf.keep(name, language, sound)
    assert [path.name for path in own.rglob("*") if path.is_file()] == []
    pump.close()
