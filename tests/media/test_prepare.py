"""Files of any format become prompts of one form and loudness; broken ones say why."""

from __future__ import annotations

import asyncio
import math
import struct
import wave
from pathlib import Path

import pytest

pytest.importorskip("media._native")
from media.prepare import BadSound, Preparer


def sine(path: Path, *, level: float = 0.5, seconds: float = 2.0, rate: int = 16_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        for n in range(int(seconds * rate)):
            file.writeframesraw(struct.pack("<h", round(32767 * level * math.sin(2 * math.pi * 997 * n / rate))) * channels)
    return path


def encoded(source: Path, target: Path, codec: str, rate: int) -> Path:
    av = pytest.importorskip("av")
    with av.open(str(source)) as read, av.open(str(target), "w") as write:
        stream = write.add_stream(codec, rate=rate, layout="mono")
        for frame in read.decode(audio=0):
            frame.pts = None
            write.mux(stream.encode(frame))
        write.mux(stream.encode(None))
    return target


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.mp3", "libmp3lame", 44_100), ("a.flac", "flac", 44_100), ("a.m4a", "aac", 48_000),      ("a.opus", "libopus", 48_000)],
)  # fmt: skip
async def test_every_format_is_as_loud(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    source = encoded(sine(tmp_path / "a.wav", level=0.05, rate=rate), tmp_path / name, codec, rate)
    prepared = await Preparer(tmp_path / "cache").prepare(source)
    with wave.open(str(prepared.path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert file.getnframes() / 16_000 == pytest.approx(2.0, abs=0.15)
        samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))[8000:16_000]
    rms = math.sqrt(sum(sample * sample for sample in samples) / len(samples)) / 32768
    assert 20 * math.log10(rms) == pytest.approx(-23.0, abs=0.6)  # 997 Hz: K-weighting changes nothing, and −0.69 dB + 0.691
    assert prepared.loudness == pytest.approx(-29.0, abs=1.0)


async def test_it_is_made_once_and_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    preparer, source = Preparer(tmp_path / "cache"), sine(tmp_path / "a.wav")
    late = 0.0

    async def watch() -> None:
        nonlocal late
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            late = max(late, loop.time() - before - 0.01)

    watching = asyncio.create_task(watch())
    first = await preparer.prepare(source)
    watching.cancel()
    again = await preparer.prepare(source)
    assert (again.path, again.loudness) == (first.path, None)
    assert late < 0.25
    other = await preparer.prepare(sine(tmp_path / "a.wav", level=0.1))
    assert other.path != first.path, "another content is another file"


async def test_what_is_no_prompt_says_why(tmp_path: Path) -> None:
    preparer = Preparer(tmp_path / "cache")

    async def word(content: bytes, name: str = "x.wav", most_ms: int = 5000) -> str:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadSound) as fault:
            await preparer.prepare(path, most_ms)
        return fault.value.word

    whole = sine(tmp_path / "whole.wav").read_bytes()
    assert await word(b"") in {"broken", "not_audio", "no_decoder"}
    assert await word(b"\x00" * 5000, "x.mp3") in {"broken", "not_audio", "no_decoder"}
    assert await word(b"RIFF\xff\xff\xff\xffWAVEfmt ", "y.wav") in {"broken", "not_audio", "no_decoder"}
    assert await word(whole, most_ms=1000) == "too_long"
    assert await word(whole[:44] + bytes(len(whole) - 44)) == "silent"
    assert not list((tmp_path / "cache").glob("*")), "nothing half made is left"
