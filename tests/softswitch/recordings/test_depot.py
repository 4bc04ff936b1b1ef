"""Recordings that go into a store: moved when finished, kept while it is away, heard, checked and removed there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from softswitch.model.errors import NotFound
from softswitch.recordings.depot import Away, DepotSettings, ObjectDepot, open_depot
from softswitch.recordings.keeper import Keeper
from softswitch.recordings.mover import ALARM, Mover
from softswitch.recordings.watch import DAY
from tests.softswitch.recordings.conftest import Shelf

stores = pytest.importorskip("obstore.store")
S3 = DepotSettings(url="s3://calls/here", endpoint="http://127.0.0.1:9", key="a", secret="b")


class Flaky(ObjectDepot):
    """A store that can be taken away."""

    away = False

    async def put(self, name: str, path: Path) -> None:
        if self.away:
            raise Away("no route to host")
        await super().put(name, path)


def moving(shelf: Shelf) -> tuple[Mover, Keeper, Flaky]:
    keeper, depot = shelf.archive.keeper, Flaky(stores.MemoryStore(), "memory")
    keeper.depot = depot
    return Mover(shelf.store, keeper, depot, shelf.clock, shelf.alarms), keeper, depot


async def test_a_finished_recording_moves_and_is_heard_all_the_same(shelf: Shelf) -> None:
    path = await shelf.made("1")
    content = path.read_bytes()
    path.with_name(path.name + ".json").write_text('{"peaks": [[0, 500], [250, 1000]]}')
    mover, keeper, _ = moving(shelf)
    assert await mover.move() == 1
    assert not path.exists(), "its place here is free"
    found = await keeper.sound("2023/11/14/c1.wav")
    assert found.read(0, found.size) == content
    assert await keeper.peaks("2023/11/14/c1.wav") == [[0, 0.5], [0.25, 1]]
    assert await mover.move() == 0
    report = await shelf.archive.watch.check()
    assert (report.files, report.faults) == (1, {})


async def test_while_the_store_is_away_recordings_stay_and_an_alarm_says_so(shelf: Shelf) -> None:
    path = await shelf.made("1")
    mover, keeper, depot = moving(shelf)
    depot.away = True
    task = asyncio.get_running_loop().create_task(mover.run())
    for _ in range(200):
        await asyncio.sleep(0.01)
        if shelf.alarms.active():
            break
    task.cancel()
    assert {code for code, _ in shelf.raised()} == {ALARM}
    assert path.exists() and (await keeper.sound("2023/11/14/c1.wav")).size == path.stat().st_size
    depot.away = False
    task = asyncio.get_running_loop().create_task(mover.run())
    for _ in range(200):
        await asyncio.sleep(0.01)
        if not shelf.raised():
            break
    task.cancel()
    assert not path.exists() and not shelf.raised()


async def test_what_was_changed_or_lost_in_the_store_alarms(shelf: Shelf) -> None:
    for name in ("1", "2", "3"):
        await shelf.made(name)
    mover, _, depot = moving(shelf)
    assert await mover.move() == 3
    await depot.delete("2023/11/14/c1.wav")
    other = shelf.root / "other"
    other.write_bytes(b"x" * 3244)
    await depot.put("2023/11/14/c2.wav", other)
    report = await shelf.archive.watch.check()
    assert report.faults == {"r1": "missing", "r2": "checksum differs"}
    assert shelf.raised() == {("recording_missing", "recording:r1"), ("recording_damaged", "recording:r2")}


async def test_age_and_order_remove_from_the_store_and_a_hold_keeps(shelf: Shelf) -> None:
    for name in ("1", "2", "3"):
        await shelf.made(name)
    mover, keeper, depot = moving(shelf)
    await mover.move()
    await shelf.archive.remove("r1", reason="asked for by the caller", actor="root")
    await shelf.archive.set_hold("r2", on=True, reason="case 7", actor="root")
    shelf.clock.advance(32 * DAY)
    assert await keeper.sweep(shelf.store) == 1
    there = [await depot.size(f"2023/11/14/c{name}.wav") is not None for name in ("1", "2", "3")]
    assert there == [False, True, False]
    with pytest.raises(NotFound):
        await keeper.sound("2023/11/14/c3.wav")


async def test_a_store_that_nobody_answers_for_is_away_not_a_fault() -> None:
    with pytest.raises(Away):
        await open_depot(S3).size("c1.wav")


@pytest.mark.parametrize("url", ["s3://", "ftp://x", "file://relative", "x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"recordings\.store"):
        open_depot(DepotSettings(url=url))


async def test_a_directory_is_a_store_too(tmp_path: Path) -> None:
    depot = open_depot(DepotSettings(url=f"file://{tmp_path}/elsewhere"))
    source, target = tmp_path / "a", tmp_path / "b" / "c"
    source.write_bytes(b"sound" * 1000)
    await depot.put("2026/x.wav", source)
    assert await depot.size("2026/x.wav") == 5000
    await depot.fetch("2026/x.wav", target)
    assert target.read_bytes() == source.read_bytes()
    await depot.delete("2026/x.wav")
    await depot.delete("2026/x.wav")
    assert await depot.size("2026/x.wav") is None
    with pytest.raises(FileNotFoundError):
        await depot.checksum("2026/x.wav")
