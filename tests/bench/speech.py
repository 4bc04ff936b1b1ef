"""How speech sounds after the engine: PESQ of lines, levels in a conference, skew and drift of a recording.

Everything runs in virtual time (`examples/speech_line.rs`): the figures depend on the words and the seeds, not on the machine.
The words are those of `tests/vectors/speech`; where `ACCEPTANCE_DIR` is set, those of its `speech` folder are added.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pesq import pesq  # type: ignore[import-untyped]
from scipy.signal import resample_poly  # type: ignore[import-untyped]

from media.engine import codec_libraries
from tests.bench.figures import Figure

NATIVE = Path(__file__).parents[2] / "media" / "native"
WORDS = Path(__file__).parents[1] / "vectors" / "speech"
SHORTEST = 2.5
"""Seconds of words that PESQ needs to judge."""
SEEDS = (1, 2, 3)
Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A direction of a call and the least PESQ it may have. `band` is nb (P.862.1) or wb (P.862.2)."""

    name: str
    band: str
    goal: float | None
    options: tuple[str, ...]
    seeded: bool = False
    library: str = ""
    """A codec that needs a library of the system; without it there is no figure."""


LINES = (
    Line("PCMU passed on", "nb", 4.4, ("--from", "PCMU", "--to", "PCMU")),
    Line("PCMA to PCMU", "nb", 4.25, ("--from", "PCMA", "--to", "PCMU")),
    Line("G722 to Opus", "wb", 3.8, ("--from", "G722", "--to", "OPUS")),
    Line("Opus to G722", "wb", 3.8, ("--from", "OPUS", "--to", "G722")),
    Line("PCMA to PCMU, 2 % loss", "nb", 3.2, ("--from", "PCMA", "--to", "PCMU", "--loss", "2"), seeded=True),
    Line("Opus to G722, 2 % loss", "wb", 3.2, ("--from", "OPUS", "--to", "G722", "--loss", "2"), seeded=True),
    Line("G722 to G722 mixed, 2 % loss", "wb", None, ("--from", "G722", "--to", "G722", "--mix", "--loss", "2"), seeded=True),
    Line("PCMA to PCMU, 5 % in pairs", "nb", None, ("--from", "PCMA", "--to", "PCMU", "--loss", "5", "--burst", "2"), True),
    Line("PCMA to PCMU, 60 ms jitter", "nb", 4.0, ("--from", "PCMA", "--to", "PCMU", "--jitter", "60"), seeded=True),
    Line("Opus to G722, 60 ms jitter", "wb", None, ("--from", "OPUS", "--to", "G722", "--jitter", "60"), seeded=True),
    Line("PCMA to G729", "nb", None, ("--from", "PCMA", "--to", "G729"), library="G729"),
    Line("G729 to PCMA", "nb", None, ("--from", "G729", "--to", "PCMA"), library="G729"),
    Line("PCMA to AMR 12.2", "nb", None, ("--from", "PCMA", "--to", "AMR"), library="AMR"),
    Line("AMR-WB to G722", "wb", None, ("--from", "AMR-WB", "--to", "G722"), library="AMR-WB"),
    Line("PCMA to PCMU, clock 500 ppm fast", "nb", 4.0, ("--from", "PCMA", "--to", "PCMU", "--ppm", "500")),
    Line("PCMA to PCMU, clock 500 ppm slow", "nb", 4.0, ("--from", "PCMA", "--to", "PCMU", "--ppm", "-500")),
)


def program() -> Path:
    """The engine's example, built when it is not."""
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--package", "engine", "--example", "speech_line"],
        cwd=NATIVE,
        check=True,
        timeout=1800,
    )
    return Path(os.environ.get("CARGO_TARGET_DIR", NATIVE / "target")) / "release" / "examples" / "speech_line"


def words() -> list[Path]:
    """Speech long enough to be judged."""
    files = sorted(WORDS.glob("*.wav"))
    if "ACCEPTANCE_DIR" in os.environ:
        files += sorted(Path(os.environ["ACCEPTANCE_DIR"], "speech").glob("*.wav"))
    return [file for file in files if _seconds(file) >= SHORTEST]


def _seconds(file: Path) -> float:
    with wave.open(str(file)) as opened:
        seconds: float = opened.getnframes() / opened.getframerate()
        return seconds


def samples(file: Path) -> tuple[Samples, int, int]:
    """PCM16 as floats in −1..1 by frame and channel, rate in Hz, channels."""
    with wave.open(str(file)) as opened:
        data = np.frombuffer(opened.readframes(opened.getnframes()), "<i2").astype(np.float64) / 32768
        return data.reshape(-1, opened.getnchannels()), opened.getframerate(), opened.getnchannels()


def score(reference: Path, heard: Path, band: str) -> float:
    """MOS-LQO of what was heard against what was said."""
    rate = 8000 if band == "nb" else 16_000
    found: float = pesq(rate, _at(reference, rate), _at(heard, rate), band)
    return float(found)


def _at(file: Path, rate: int) -> Samples:
    data, known, _ = samples(file)
    divisor = np.gcd(rate, known)
    converted: Samples = resample_poly(data[:, 0], rate // divisor, known // divisor)
    return converted


def run(tool: Path, *arguments: str) -> list[dict[str, Any]]:
    """The JSON lines that the program prints."""
    done = subprocess.run([str(tool), *arguments], capture_output=True, text=True, check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def judged(tool: Path, line: Line, files: Sequence[Path]) -> Figure:
    """Mean over the words and, on lines with chance, over the seeds."""
    scores, facts = [], []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "heard.wav")
        for seed in SEEDS if line.seeded else SEEDS[:1]:
            for file in files:
                facts += run(tool, "line", str(file), str(out), *line.options, "--seed", str(seed))
                scores.append(score(file, out, line.band))
    concealed, delay = (fmean(fact[key] for fact in facts) for key in ("concealed_ms", "delay_ms"))
    note = f"least {min(scores):.2f}; {concealed:.0f} ms concealed, {delay:.0f} ms in the buffer"
    return Figure("speech", line.name, fmean(scores), f"PESQ-{line.band.upper()}", line.goal, note=note, more_is_better=True)


def conference(tool: Path, files: Sequence[Path]) -> list[Figure]:
    """Eight talk one after another."""
    parties = [str(files[index % len(files)]) for index in range(8)]
    heard = run(tool, "room", *parties)
    others = [fact["db"] for fact in heard if fact["speaker"] != fact["listener"]]
    own = [fact["db"] for fact in heard if fact["speaker"] == fact["listener"]]
    return [
        Figure("speech", "conference of 8: others' level", max(map(abs, others)), "dB off", 1.0),
        Figure("speech", "conference of 8: own voice", max(own), "dB", -40.0),
    ]


def clicks(channel: Samples, rate: int) -> Samples:
    """Seconds at which clicks begin, to the sample."""
    loud = np.flatnonzero(np.abs(channel) > 0.2)
    first = loud[np.insert(np.diff(loud) > rate // 2, 0, True)]
    begun: Samples = first / rate
    return begun


def recorded(tool: Path, seconds: int) -> list[Figure]:
    """Both parties click each second; one clock is 300 ppm fast."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "recorded.wav")
        run(tool, "record", str(out), "--seconds", str(seconds), "--ppm", "300")
        data, rate, _ = samples(out)
        length = len(data) / rate
    first, second = (clicks(data[:, channel], rate)[2:] for channel in (0, 1))
    count = min(len(first), len(second))
    skew = np.abs(first[:count] - second[:count]).max() * 1000
    # A click each second: what its place moves against the seconds that passed.
    off = (first - np.arange(len(first))) * 1000
    drift = abs(fmean(off[-60:]) - fmean(off[:60])) * 3600 / max(seconds - 60, 1)
    return [
        Figure("speech", "recording: channels apart", float(skew), "ms at most", 20.0, note="one clock 300 ppm fast"),
        Figure("speech", "recording: drift", float(drift), "ms per hour", 20.0),
        Figure("speech", "recording: length", abs(length - seconds) * 1000, "ms off", 200.0),
        Figure("speech", "recording: clicks lost", float(abs(seconds - 2 - count)), "clicks", 2.0),
    ]


def bench() -> list[Figure]:
    tool, files, missing = program(), words(), codec_libraries(["auto"])
    return [
        *(judged(tool, line, files) for line in LINES if not missing.get(line.library)),
        *conference(tool, files),
        *recorded(tool, 3600),
    ]
