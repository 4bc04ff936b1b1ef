"""Repair of files that a crash left open, checksums and waveforms."""

from __future__ import annotations

import array
import struct
import wave
from pathlib import Path

import pytest

from softswitch.recordings import wav


def _file(path: Path, frames: int, *, channels: int = 2, level: int = 16384) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = array.array("h", [level if index % channels == 0 else -level // 2 for index in range(frames * channels)])
        file.writeframes(samples.tobytes())
    return path


@pytest.mark.parametrize("claimed", [0, 4000, 0xFFFFFFFF])
def test_a_file_that_was_cut_off_is_playable_after_repair(tmp_path: Path, claimed: int) -> None:
    path = _file(tmp_path / "a.wav", 8000)
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", claimed)
    data[4:8] = struct.pack("<I", 36)
    path.write_bytes(bytes(data) + b"\x01")  # half a sample more
    assert wav.repair(path).duration_ms == 1000
    with wave.open(str(path), "rb") as file:
        assert (file.getnframes(), file.getnchannels()) == (8000, 2)


def test_repair_of_an_empty_recording(tmp_path: Path) -> None:
    assert wav.repair(_file(tmp_path / "a.wav", 0)).duration_ms == 0


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3 something that is no sound at all", b"RIFF\0\0\0\0WAVEfmt "])
def test_what_is_no_recording_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(wav.NotWav):
        wav.examine(path)


def test_peaks_per_channel(tmp_path: Path) -> None:
    duration, channels = wav.peaks(_file(tmp_path / "a.wav", 16_000))
    assert duration == 2000
    assert [len(channel) for channel in channels] == [800, 800]
    assert set(channels[0]) == {0.5}
    assert set(channels[1]) == {0.25}


def test_peaks_of_a_very_short_file(tmp_path: Path) -> None:
    assert wav.peaks(_file(tmp_path / "a.wav", 3))[1] == [[0.5] * 3, [0.25] * 3]
    assert wav.peaks(_file(tmp_path / "b.wav", 0))[1] == [[], []]
