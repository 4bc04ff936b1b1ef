"""Recordings over HTTP: who sees and hears what, Range, hold, removal with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.calls.cdr import fold
from softswitch.model.states import Role
from softswitch.recordings.archive import Archive
from softswitch.recordings.keeper import Form, Keeper
from softswitch.recordings.watch import Watch
from softswitch.store.calls import audit_trail
from softswitch.store.journal import Journal
from tests.softswitch.recordings.conftest import Shelf
from tests.softswitch.recordings.sealing import RING, seal
from tests.web.conftest import Web

URL = "/api/v1/recordings"


@pytest.fixture
async def shelf(app: Web, tmp_path: Path) -> AsyncIterator[Shelf]:
    services = app.services
    journal = Journal(services.store, services.bus.publish, app.clock, fold)
    journal.start()
    keeper = Keeper(tmp_path / "recordings", app.clock, journal.append, services.alarms)
    watch = Watch(services.store, keeper, app.clock, services.alarms)
    archive = Archive(services.store, keeper, app.clock, services.bus.publish, watch)
    services.parts[Archive] = archive  # type: ignore[index]
    yield Shelf(tmp_path / "recordings", services.store, journal, app.clock, services.alarms, archive)
    await journal.close()


async def test_an_agent_sees_no_archive_and_quality_no_whispers(app: Web, shelf: Shelf) -> None:
    await shelf.made("1")
    await shelf.made("2", restricted=True)
    agent, _ = await app.client("li")
    assert (await agent.get(URL)).status == 403
    http = app.anonymous()
    quality = await app.program(Role.QUALITY)
    assert [item["id"] for item in (await (await http.get(URL, headers=quality)).json())["items"]] == ["r1"]
    assert (await http.get(f"{URL}/r2", headers=quality)).status == 404
    assert (await http.get(f"{URL}/r2/audio", headers=quality)).status == 404
    leader, _ = await app.client("wang")
    items = (await (await leader.get(URL, params={"agent": "li"})).json())["items"]
    assert [(item["id"], item["call"], item["agent"], item["restricted"]) for item in items] == [
        ("r2", "c2", "li", True), ("r1", "c1", "li", False),
    ]  # fmt: skip


async def test_sound_with_range_and_a_trace_of_the_hearing(app: Web, shelf: Shelf) -> None:
    path = await shelf.made("1")
    leader, _ = await app.client("wang")
    reply = await leader.get(f"{URL}/r1/audio", headers={"Range": "bytes=0-3"})
    assert (reply.status, await reply.read()) == (206, b"RIFF")
    assert await (await leader.get(f"{URL}/r1/audio", params={"download": "true"})).read() == path.read_bytes()
    peaks = await (await leader.get(f"{URL}/r1/audio", params={"peaks": "true"})).json()
    assert len(peaks["channels"]) == 2
    await shelf.journal.flush()
    heard = await shelf.store.read(lambda connection: audit_trail(connection, ("rec.accessed",)))
    assert sorted((event.actor, event.how) for event in heard) == [("wang", "download"), ("wang", "play")]  # type: ignore[attr-defined]


async def test_only_an_administrator_holds_and_removes_and_says_why(app: Web, shelf: Shelf) -> None:
    path = await shelf.made("1")
    leader, csrf = await app.client("wang")
    assert (await leader.delete(f"{URL}/r1", params={"reason": "x"}, headers=csrf)).status == 403
    root, csrf = await app.client("root")
    held = await root.put(f"{URL}/r1", json={"legal_hold": True, "reason": "law suit"}, headers=csrf)
    assert (await held.json())["legal_hold"] is True
    assert (await root.put(f"{URL}/r1", json={}, headers=csrf)).status == 400
    assert (await root.delete(f"{URL}/r1", params={"reason": "tidy"}, headers=csrf)).status == 409
    await root.put(f"{URL}/r1", json={"legal_hold": False}, headers=csrf)
    assert (await root.delete(f"{URL}/r1", headers=csrf)).status == 400
    assert path.exists()
    assert (await root.delete(f"{URL}/r1", params={"reason": "tidy"}, headers=csrf)).status == 204
    assert not path.exists()
    assert (await root.get(f"{URL}/r1")).status == 404


async def test_the_check_names_what_is_missing(app: Web, shelf: Shelf) -> None:
    path = await shelf.made("1")
    path.unlink()
    root, csrf = await app.client("root")
    report = await (await root.post(f"{URL}/check", headers=csrf)).json()
    assert (report["files"], report["faults"]) == (1, {"r1": "missing"})
    assert (await (await root.get(f"{URL}/check")).json())["faults"] == {"r1": "missing"}
    lost = await root.get(f"{URL}/r1/audio")
    assert lost.status == 404


async def test_an_encrypted_recording_plays_in_parts_as_any_other(app: Web, shelf: Shelf) -> None:
    path = await shelf.made("1")
    sound = path.read_bytes()
    seal(path, RING)
    shelf.archive.keeper.form = Form(ring=RING)
    leader, _ = await app.client("wang")

    async def ask(wanted: str = "") -> tuple[int, bytes, str]:
        reply = await leader.get(f"{URL}/r1/audio", headers={"Range": wanted} if wanted else {})
        return reply.status, await reply.read(), reply.headers.get("Content-Range", "")

    size = len(sound)
    assert await ask() == (200, sound, "")
    assert await ask("bytes=0-3") == (206, b"RIFF", f"bytes 0-3/{size}")
    assert await ask("bytes=1000-") == (206, sound[1000:], f"bytes 1000-{size - 1}/{size}")
    assert await ask("bytes=-10") == (206, sound[-10:], f"bytes {size - 10}-{size - 1}/{size}")
    assert await ask("bytes=99999-") == (416, b"", f"bytes */{size}")
    assert (await ask("lines=1-2"))[0] == 200
    reply = await leader.get(f"{URL}/r1/audio", params={"peaks": "true"})
    assert len((await reply.json())["channels"]) == 2
    shelf.archive.keeper.form = Form()
    assert (await ask())[0] == 404, "without its key nobody hears it"
