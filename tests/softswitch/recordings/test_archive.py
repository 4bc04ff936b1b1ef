"""Who finds which recording, what cannot be removed, and that a removal is known before it happens."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.access.scope import Scope
from softswitch.model.errors import Conflict, ForeignCursor, Invalid, NotFound
from softswitch.recordings import questions
from softswitch.recordings.questions import RecordingFilter
from softswitch.store.calls import audit_trail
from tests.softswitch.recordings.conftest import Shelf

DAY = 86_400.0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["r3", "r2", "r1"]),
        ({"agent": "li"}, ["r2", "r1"]),
        ({"queue": "repair"}, ["r3"]),
        ({"number": "139"}, ["r2"]),
        ({"restricted": False}, ["r3", "r1"]),
        ({"status": "failed"}, []),
        ({"call": "c3"}, ["r3"]),
        ({"scope": Scope("wang", agents=frozenset({"wu", "zhao"}))}, ["r3"]),
        ({"scope": Scope("wang", queues=frozenset({"sales"}))}, ["r2", "r1"]),
        ({"scope": Scope("wang")}, []),
    ],
)
async def test_filters(shelf: Shelf, wanted: dict[str, Any], expected: list[str]) -> None:
    await shelf.made("1")
    await shelf.made("2", caller="139", restricted=True)
    await shelf.made("3", agent="wu", queue="repair")
    page = await shelf.archive.page(RecordingFilter(**wanted))
    assert [found.row.id for found in page.items] == expected


async def test_pages_follow_each_other_without_gap(shelf: Shelf) -> None:
    for number in range(5):
        await shelf.made(str(number))
    seen, cursor = [], ""
    while True:
        page = await shelf.archive.page(RecordingFilter(), limit=2, cursor=cursor)
        seen += [found.row.id for found in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert seen == ["r4", "r3", "r2", "r1", "r0"]
    with pytest.raises(ForeignCursor):
        await shelf.archive.page(RecordingFilter(), cursor="nonsense")


async def test_a_hold_outlasts_age_and_orders(shelf: Shelf) -> None:
    path = await shelf.made("1")
    with pytest.raises(Invalid, match="reason"):
        await shelf.archive.set_hold("r1", on=True, reason="", actor="root")
    assert (await shelf.archive.set_hold("r1", on=True, reason="law suit 7", actor="root")).legal_hold
    with pytest.raises(Conflict, match="legal hold"):
        await shelf.archive.remove("r1", reason="tidy", actor="root")
    shelf.clock.advance(400 * DAY)
    assert await shelf.archive.keeper.sweep(shelf.store) == 0
    assert path.exists()
    await shelf.archive.set_hold("r1", on=False, reason="", actor="root")
    assert await shelf.archive.keeper.sweep(shelf.store) == 1
    assert not path.exists()


async def test_keeping_longer(shelf: Shelf) -> None:
    path = await shelf.made("1")
    until = shelf.clock.utc() + 60 * DAY
    assert (await shelf.archive.keep_until("r1", until, actor="root")).row.expires_at == until
    shelf.clock.advance(40 * DAY)
    assert await shelf.archive.keeper.sweep(shelf.store) == 0
    with pytest.raises(Invalid, match="to come"):
        await shelf.archive.keep_until("r1", shelf.clock.utc() - 1, actor="root")
    assert (await shelf.archive.keep_until("r1", None, actor="root")).row.expires_at is None
    shelf.clock.advance(4000 * DAY)
    assert await shelf.archive.keeper.sweep(shelf.store) == 0
    assert path.exists()


async def test_a_removal_is_audited_with_its_reason_and_digest(shelf: Shelf) -> None:
    path = await shelf.made("1")
    sha256 = (await shelf.archive.one("r1")).row.sha256
    await shelf.archive.remove("r1", reason="wrong number", actor="root")
    assert not path.exists()
    with pytest.raises(NotFound):
        await shelf.archive.one("r1")
    (event,) = await shelf.store.read(lambda connection: audit_trail(connection, ("admin.changed",)))
    detail = event.detail  # type: ignore[attr-defined]
    assert (event.actor, detail["reason"], detail["sha256"]) == ("root", "wrong number", sha256)
    assert event in shelf.published
    assert await shelf.store.read(questions.unfinished_removals) == []


async def test_a_crash_between_audit_and_file_is_finished_at_the_start(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = await shelf.made("1")

    def fails(_file: str) -> None:
        raise OSError("the disk is away")

    with monkeypatch.context() as patch:
        patch.setattr(shelf.archive.keeper, "unlink", fails)
        await shelf.archive.remove("r1", reason="tidy", actor="root")
    assert path.exists()
    assert await shelf.archive.finish_removals() == 1
    assert not path.exists()
    assert await shelf.archive.finish_removals() == 0
