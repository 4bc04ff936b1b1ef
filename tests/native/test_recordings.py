"""Recordings of the real engine: coded, encrypted, changed by a stranger, killed in the middle."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from media import commands as c
from media import events as e
from softswitch.recordings import sound
from softswitch.recordings.vault import KeyRing, Sealed, Unreadable
from tests.native.test_smoke import PCMU, Stage

av = pytest.importorskip("av")
OLD, NEW = (f"{name}={base64.b64encode(os.urandom(32)).decode()}" for name in ("2025", "2026"))
RING = KeyRing.of([NEW, OLD])
FORMS = [("wav", False), ("wav", True), ("opus", False), ("opus", True)]


def record(stage: Stage, file: str, container: str, ring: KeyRing | None, seconds: float = 1.5) -> e.RecordEnded:
    """A bridged call of 500 Hz (left) and 900 Hz (right)."""
    stage.phone(1, 500)
    stage.phone(2, 900, codecs=(PCMU,))
    stage.engine.submit([c.Listen(1, {2: 0.0}), c.Listen(2, {1: 0.0}), order(file, container, ring)])
    stage.run(seconds)
    stage.engine.submit([c.StopRecord(90)])
    return stage.await_event(e.RecordEnded)


def order(file: str, container: str, ring: KeyRing | None) -> c.Record:
    key = ring.new_file() if ring is not None else None
    channels = ({1: 0.0}, {2: 0.0})
    if key is None:
        return c.Record(90, 1, file, channels, format=container)  # type: ignore[arg-type]
    return c.Record(90, 1, file, channels, format=container, key=key.key, envelope=key.envelope)  # type: ignore[arg-type]


def samples(found: sound.Sound) -> np.ndarray:
    """Both channels at 8 kHz, −1…1."""
    content = found.read(0, found.size)
    if found.form == "wav":
        with wave.open(BytesIO(content)) as file:
            words = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float) / 32768
        return words.reshape(-1, 2).T
    with av.open(BytesIO(content)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(frames, axis=1)[:, ::6]  # 48 kHz; tones below 1 kHz only


def amplitude(side: np.ndarray, hertz: float) -> float:
    return float(2 * abs(np.mean(side * np.exp(-2j * np.pi * hertz * np.arange(len(side)) / 8000))))


def began(side: np.ndarray) -> int:
    """The sample at which the tone begins."""
    return int(np.argmax(np.abs(side) > 0.08))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize(("container", "sealed"), FORMS)
def test_each_form_plays_with_both_sides_where_they_were(stage: Stage, tmp_path: Path, container: str, sealed: bool) -> None:
    ended = record(stage, "one", container, RING if sealed else None)
    assert (ended.verdict, ended.gaps) == ("complete", ())
    path = Path(ended.path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == ended.sha256
    found = sound.open_sound(path, RING)
    assert abs(sound.duration_ms(found) - ended.duration) <= 1
    left, right = samples(found)
    assert abs(len(left) / 8 - ended.duration) <= 1, "nothing is shortened"
    middle = slice(4000, 10000)
    assert amplitude(left[middle], 500) > 0.2 and amplitude(left[middle], 900) < 0.01
    assert amplitude(right[middle], 900) > 0.2 and amplitude(right[middle], 500) < 0.01
    assert abs(began(left) - began(right)) / 8 <= 20, "skew of the sides, ms"
    peaks = sound.peaks(found, 40)
    assert [len(side) for side in peaks] == [40, 40]
    assert all(0.2 < sorted(side)[20] < 0.45 for side in peaks), peaks


def test_parts_of_an_encrypted_file_are_those_of_the_whole(stage: Stage) -> None:
    found = sound.open_sound(Path(record(stage, "one", "wav", RING).path), RING)
    whole = found.read(0, found.size)
    assert len(whole) == found.size and whole[:4] == b"RIFF"
    chance = random.Random(4)
    for _ in range(50):
        start, length = chance.randrange(found.size), chance.randrange(1, 20_000)
        assert found.read(start, length) == whole[start : start + length]
    assert found.read(found.size, 10) == b""
    assert b"RIFF" not in found.path.read_bytes()


def test_keys_are_changed_and_old_files_still_open(stage: Stage) -> None:
    path = Path(record(stage, "one", "wav", KeyRing.of([OLD]), 0.5).path)
    assert sound.open_sound(path, RING).read(0, 4) == b"RIFF", "the old key stands behind the new one"
    with pytest.raises(Unreadable, match="2025"):
        sound.open_sound(path, KeyRing.of([NEW]))
    other = KeyRing.of([f"2025={base64.b64encode(bytes(32)).decode()}"])
    with pytest.raises(Unreadable, match="not the one"):
        sound.open_sound(path, other)


def test_whoever_changes_an_octet_or_cuts_the_end_is_found_out(stage: Stage, tmp_path: Path) -> None:
    path = Path(record(stage, "one", "wav", RING, 0.8).path)
    content = path.read_bytes()
    Sealed(path, RING).verify()
    chance = random.Random(5)
    for place in [8, 9, 200, *(chance.randrange(len(content)) for _ in range(40))]:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :])
        with pytest.raises(Unreadable):
            Sealed(path, RING).verify()
    for length in (len(content) - 1, len(content) - 20, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(Unreadable):
            Sealed(path, RING).verify()


TALKING = """
import sys, time
from pathlib import Path
from media import events as e
from softswitch.recordings.vault import KeyRing
from tests.native.test_recordings import PCMU, Stage, c, order
root, container, keys = sys.argv[1:4]
stage = Stage(Path(root))
stage.phone(1, 500)
stage.phone(2, 900, codecs=(PCMU,))
stage.run(0.2)
ring = KeyRing.of([keys]) if keys else None
stage.engine.submit([c.Listen(1, {2: 0.0}), c.Listen(2, {1: 0.0}), order("call", container, ring)])
print("began", flush=True)
while True:
    stage.run(1)
"""


@pytest.mark.parametrize(("container", "sealed"), FORMS)
def test_killed_at_any_time_all_but_the_last_second_is_there(tmp_path: Path, container: str, sealed: bool) -> None:
    chance = random.Random(f"{container}{sealed}")
    for round_ in range(2):
        root = tmp_path / str(round_)
        root.mkdir()
        command = [sys.executable, "-c", TALKING, str(root), container, NEW if sealed else ""]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
            assert process.stdout is not None and process.stdout.readline() == b"began\n"
            start = time.monotonic()
            time.sleep(chance.uniform(1.2, 3.0))
            os.kill(process.pid, signal.SIGKILL)
            length = time.monotonic() - start
        part = root / "call.part"
        sound.repair(part, RING)
        sound.repair(part, RING)  # a second crash, in the middle of this
        found = sound.open_sound(part, RING)
        kept = sound.duration_ms(found) / 1000
        assert length - 1.0 <= kept <= length + 0.1, f"{length - kept:.3f} s are missing"
        assert amplitude(samples(found)[0][2000:], 500) > 0.2
        if sealed:
            Sealed(part, RING).verify()
