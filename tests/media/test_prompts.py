"""The prompt store: languages, fall-back, missing and broken files, loading once."""

from __future__ import annotations

import pytest

from media.commands import DropPrompt, LoadPrompt


def loads(engine):
    return [command.path for batch in engine.batches for command in batch if isinstance(command, LoadPrompt)]


async def test_a_prompt_is_loaded_once(desk):
    first, second = await desk.media.prompts.load_all(["welcome", "welcome"], "en")
    assert first == second
    assert await desk.media.prompts.load("welcome", "en") == first
    assert len(loads(desk.engine)) == 1
    assert desk.media.prompts.duration(first) == 1000


async def test_languages_are_apart(desk):
    english, chinese = await desk.media.prompts.load("welcome", "en"), await desk.media.prompts.load("welcome", "zh-CN")
    assert english != chinese
    assert desk.media.prompts.duration(chinese) == 1500


async def test_missing_is_none_and_reported_once(desk):
    assert await desk.media.prompts.load("main-menu", "zh-CN") is None
    assert await desk.media.prompts.load("main-menu", "zh-CN") is None
    assert desk.missing == [("main-menu", "zh-CN", "no such file")]


async def test_fallback_language(desk):
    desk.media.prompts.fallback = ("en",)
    assert await desk.media.prompts.load("main-menu", "zh-CN") == await desk.media.prompts.load("main-menu", "en")


async def test_a_broken_file_is_reported_and_may_be_repaired(desk, tmp_path):
    path = tmp_path / "prompts" / "en" / "broken.wav"
    path.write_bytes(b"not a wave file")
    assert await desk.media.prompts.load("broken", "en") is None
    assert [what[0] for what in desk.missing] == ["broken"]
    path.write_bytes((path.parent / "welcome.wav").read_bytes())
    assert await desk.media.prompts.load("broken", "en") is not None


@pytest.mark.parametrize("name", ["../en/welcome", "/etc/passwd", "", ".hidden", "a//b", "welcome\0", "en/../welcome"])
async def test_names_cannot_leave_the_roots(desk, name):
    assert desk.media.prompts.find(name, "en") is None


async def test_a_changed_file_is_loaded_again(desk):
    before = await desk.media.prompts.load("welcome", "en")
    desk.media.prompts.forget("welcome", "en")
    assert desk.engine.batches[-1] == (DropPrompt(before),)
    assert await desk.media.prompts.load("welcome", "en") != before
