"""Texts become files once; a synthesizer that fails or dawdles costs a caller at most its patience."""

from __future__ import annotations

import asyncio
import math
import os
import struct
import sys
import wave
from pathlib import Path

import pytest

pytest.importorskip("media._native")
from media.prepare import Preparer
from softswitch.ivr.texts import spoken_texts
from softswitch.observe.alarms import Alarms
from softswitch.observe.clock import SystemClock
from softswitch.speech.base import SpeechFailed
from softswitch.speech.kokoro import Kokoro
from softswitch.speech.service import ALARM, Speech


class Robot:
    """Says everything as a tone of a second, another one for each length of text."""

    name = "robot"
    languages = frozenset({"en", "zh-CN"})

    def __init__(self) -> None:
        self.said: list[str] = []
        self.fault = ""
        self.go = asyncio.Event()
        self.go.set()

    async def render(self, text: str, language: str, target: Path) -> None:
        self.said.append(text)
        await self.go.wait()
        if self.fault:
            raise SpeechFailed(self.fault)
        step = sum(f"{text} {language}".encode()) / 9000
        with wave.open(str(target), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(b"".join(struct.pack("<h", round(2000 * math.sin(n * step))) for n in range(16_000)))

    async def close(self) -> None:
        return None


def speech(tmp_path: Path, *, octets: int = 10_000_000, patience: float = 60.0) -> tuple[Speech, Robot, Alarms]:
    robot, alarms = Robot(), Alarms(lambda _event: None, SystemClock())
    made = Speech(robot, Preparer(tmp_path / "prompts"), tmp_path / "speech", alarms, octets=octets, patience=patience)
    return made, robot, alarms


def raised(alarms: Alarms) -> set[str]:
    return {alarm.code for alarm in alarms.active()}


async def test_a_text_is_rendered_once_for_all_who_ask(tmp_path: Path) -> None:
    made, robot, _ = speech(tmp_path)
    first, second = await asyncio.gather(made.say("Your parcel is here", "en"), made.say("Your  parcel is here ", "en"))
    assert first is not None
    assert first == second
    assert await made.say("Your parcel is here", "en") == first
    assert await made.say("Your parcel is here", "zh-CN") not in {first, None}
    assert len(robot.said) == 2
    with wave.open(str(first)) as file:
        assert (file.getframerate(), file.getnframes()) == (16_000, 16_000)


async def test_failure_is_no_sound_and_an_alarm_until_it_works(tmp_path: Path) -> None:
    made, robot, alarms = speech(tmp_path)
    robot.fault = "out of memory"
    assert await made.say("Hello", "en") is None
    assert raised(alarms) == {ALARM}
    robot.fault = ""
    assert await made.say("Hello", "en") is not None
    assert raised(alarms) == set()
    assert await made.say("Bonjour", "fr") is None
    assert await made.say("x" * 5000, "en") is None


async def test_a_slow_synthesizer_costs_the_patience_and_the_next_caller_has_it(tmp_path: Path) -> None:
    made, robot, alarms = speech(tmp_path, patience=0.05)
    robot.go.clear()
    assert await made.say("Slow", "en") is None
    assert raised(alarms) == {ALARM}
    robot.go.set()
    made.patience = 60.0
    assert await made.say("Slow", "en") is not None
    assert robot.said == ["Slow"]
    await made.close()


async def test_the_cache_keeps_what_is_used(tmp_path: Path) -> None:
    made, robot, _ = speech(tmp_path, octets=70_000)  # two files
    for age, text in ((300, "one"), (200, "two")):
        path = await made.say(text, "en")
        assert path is not None
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
    for text in ("one", "three", "one"):  # used again, so the other one goes
        await made.say(text, "en")
    assert robot.said == ["one", "two", "three"]
    await made.say("two", "en")
    assert robot.said[-1] == "two"


async def test_texts_of_a_flow_are_ready_before_somebody_calls(tmp_path: Path) -> None:
    tree = {
        "languages": ["en"],
        "nodes": {
            "a": {"verb": "say", "text": "We moved to another street"},
            "b": {"verb": "say", "text": "Hello {{name}}"},
            "c": {"verb": "menu", "prompts": ["welcome", "text:Press seven for the zoo"], "languages": ["en", "zh-CN"]},
        },
    }
    texts = list(spoken_texts(tree))
    zoo = "Press seven for the zoo"
    assert texts == [("We moved to another street", "en"), (zoo, "en"), (zoo, "zh-CN")]
    made, robot, _ = speech(tmp_path)
    assert made.prepare(texts) == 3
    for text in texts:
        assert await made.say(*text) is not None
    assert made.prepare(texts) == 0
    assert len(robot.said) == 3


async def test_a_speech_process_that_cannot_start_is_a_failure(tmp_path: Path) -> None:
    kokoro = Kokoro(tmp_path / "nothing.tgz", sys.executable)
    with pytest.raises(SpeechFailed):
        await kokoro.render("Hello", "en", tmp_path / "a.wav")
    await kokoro.close()


VOICES = os.environ.get("SOFTSWITCH_SPEECH__VOICES", "")


@pytest.mark.skipif(not VOICES, reason="the model (90 MB) is not installed: set SOFTSWITCH_SPEECH__VOICES and __PYTHON")
async def test_kokoro_speaks_both_languages(tmp_path: Path) -> None:
    kokoro = Kokoro(Path(VOICES), os.environ.get("SOFTSWITCH_SPEECH__PYTHON", ""))
    for text, language in (("您的包裹已经到了。", "zh-CN"), ("Your parcel has arrived.", "en")):
        target = tmp_path / f"{language}.wav"
        await kokoro.render(text, language, target)
        with wave.open(str(target)) as file:
            assert 0.8 < file.getnframes() / file.getframerate() < 6.0
    await kokoro.close()
