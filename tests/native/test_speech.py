"""Thresholds of how speech sounds after the engine; the whole set of figures is `python -m tests.bench speech`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("pesq", reason="PESQ is not installed")

from tests.bench import speech

TOOL = Path(os.environ.get("CARGO_TARGET_DIR", speech.NATIVE / "target")) / "release" / "examples" / "speech_line"
pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="cargo build --release --example speech_line was not run")


@pytest.mark.parametrize("line", [line for line in speech.LINES if line.goal is not None], ids=lambda line: line.name)
def test_lines_sound_as_well_as_they_must(line: speech.Line) -> None:
    figure = speech.judged(TOOL, line, sorted(speech.WORDS.glob("*.wav")))
    assert figure.verdict == "reached", f"{figure.value:.2f}, {figure.note}"


def test_parties_of_a_conference_hear_each_other_and_not_themselves() -> None:
    for figure in speech.conference(TOOL, sorted(speech.WORDS.glob("*.wav"))):
        assert figure.verdict == "reached", f"{figure.name}: {figure.value}"


def test_a_recording_keeps_its_channels_together() -> None:
    figures = {figure.name.removeprefix("recording: "): figure for figure in speech.recorded(TOOL, 130)}
    # The goal is 20 ms; a frame and the 2 ms that the jitter buffer keeps against drift may lie between two legs.
    assert figures["channels apart"].value <= 22.5
    for name in ("length", "clicks lost"):
        assert figures[name].verdict == "reached", f"{name}: {figures[name].value}"
