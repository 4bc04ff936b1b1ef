"""Missing and changed files raise an alarm each; the disk's end is told a week before."""

from __future__ import annotations

import pytest

from softswitch.recordings.watch import forecast, is_due
from tests.softswitch.recordings.conftest import Shelf

DAY, HOUR = 86_400.0, 3600.0
GIB = 2**30


async def test_each_missing_or_damaged_file_is_an_alarm_until_it_is_well(shelf: Shelf) -> None:
    well, missing, changed = [await shelf.made(name) for name in ("1", "2", "3")]
    assert (await shelf.archive.watch.check()).faults == {}
    kept = missing.read_bytes()
    missing.unlink()
    octets = bytearray(changed.read_bytes())
    octets[100] ^= 1
    changed.write_bytes(octets)
    report = await shelf.archive.watch.check()
    assert (report.files, report.faults) == (3, {"r2": "missing", "r3": "checksum differs"})
    assert shelf.raised() == {("recording_missing", "recording:r2"), ("recording_damaged", "recording:r3")}
    missing.write_bytes(kept)
    await shelf.archive.remove("r3", reason="damaged", actor="root")
    assert (await shelf.archive.watch.check()).faults == {}
    assert shelf.raised() == set()
    assert well.exists()
    last = await shelf.archive.watch.last()
    assert last is not None
    assert (last.at, last.files) == (shelf.clock.utc(), 2)


async def test_a_shortened_file_is_found_without_hashing(shelf: Shelf) -> None:
    path = await shelf.made("1")
    shelf.clock.advance(3 * DAY)
    await shelf.archive.watch.check()
    path.write_bytes(path.read_bytes()[:-10])
    shelf.clock.advance(DAY)
    report = await shelf.archive.watch.check()
    assert report.faults["r1"].startswith("length")


async def test_every_file_is_hashed_within_a_month(shelf: Shelf) -> None:
    for name in ("1", "2", "3", "4"):
        await shelf.made(name)
    shelf.clock.advance(2 * DAY)
    await shelf.archive.watch.check()
    hashed = 0
    for _ in range(30):
        shelf.clock.advance(DAY)
        hashed += (await shelf.archive.watch.check()).hashed
    assert hashed == 4


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [(100 * DAY, 99 * DAY, True), (100 * DAY, 100 * DAY - HOUR, False), (100 * DAY, 100 * DAY - 5 * HOUR, False)],
)
def test_by_day_only_a_lost_night_is_made_up_for(now: float, last: float, expected: bool) -> None:
    assert is_due(now, last, lambda _: 12) is expected


def test_at_night_once() -> None:
    assert is_due(100 * DAY, 100 * DAY - 20 * HOUR, lambda _: 3)
    assert not is_due(100 * DAY, 100 * DAY - HOUR, lambda _: 3)


def test_the_disk_lasts_as_long_as_the_pace_says() -> None:
    assert forecast(70 * GIB, 70 * GIB, 7.0, 0).days == pytest.approx(7.0)
    assert forecast(70 * GIB, 70 * GIB, 7.0, 35 * GIB).days == pytest.approx(14.0)
    assert forecast(70 * GIB, 70 * GIB, 7.0, 70 * GIB).days is None
    assert forecast(70 * GIB, 0, 7.0, 0).days is None


async def test_a_disk_that_fills_within_a_week_is_an_alarm(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    await shelf.made("1")
    shelf.clock.advance(DAY)
    keeper = shelf.archive.keeper
    monkeypatch.setattr(keeper, "disk_free", lambda: 3244 * 5)
    assert (await shelf.archive.watch.measure()).days == pytest.approx(5.0, rel=0.01)
    assert shelf.raised() == {("disk_forecast", "")}
    monkeypatch.setattr(keeper, "disk_free", lambda: 10 * GIB)
    await shelf.archive.watch.measure()
    assert shelf.raised() == set()
