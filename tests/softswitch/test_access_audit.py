"""The audit shows every change that is made to it: edit, deletion, insertion, a cut-off end, a chain that was rewritten."""
# ruff: noqa: E501 - statements stay whole

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from softswitch.access.audit import ANCHORS, Audit, AuditFilter
from softswitch.model.clock import ManualClock
from softswitch.model.events import AdminChanged, CallCreated, RecordingAccessed, SupervisionStarted
from softswitch.store.commit import append_audited
from softswitch.store.database import Store
from softswitch.store.facts import set_fact
from softswitch.store.journal import Journal
from softswitch.store.tables import audit
from softswitch.store.trail import HEAD, Head, head_of, link, verify


def act(number: int, actor: str = "root") -> AdminChanged:
    return AdminChanged(
        at=1_700_000_000.1 + number, actor=actor, object=f"queue:q{number}", action="update", detail={"n": "中"}
    )


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url)
    for number in range(1, 7):
        await store.write(lambda c, number=number: append_audited(c, [act(number)]))  # type: ignore[misc]
    yield store
    await store.close()


def rewrite(connection: Connection) -> None:
    """What a careful forger does: changes a row and makes all later hashes fit, the head too."""
    connection.execute(text("update audit set data = replace(data, 'q2', 'q9') , object = 'queue:q9' where id = 2"))
    head = Head()
    for row in connection.execute(audit.select().order_by(audit.c.id)).all():
        digest = link(head.hash, row.id, (row.call, row.seq, row.type, row.at, row.data))
        connection.execute(audit.update().where(audit.c.id == row.id).values(hash=digest))
        head = Head(row.id, digest)
    set_fact(connection, HEAD, str(head))


async def test_an_untouched_trail_is_whole(store: Store) -> None:
    verdict = await store.read(verify)
    assert (verdict.ok, verdict.checked, verdict.head.number) == (True, 6, 6)
    assert verdict.head == await store.read(head_of)


@pytest.mark.parametrize(
    ("forgery", "number", "why"),
    [
        ("update audit set data = replace(data, 'q3', 'q8') where id = 3", 3, "not what was written"),
        ("update audit set at = at + 0.001 where id = 3", 3, "not what was written"),
        ("update audit set type = 'sup.forced' where id = 3", 3, "not what was written"),
        ("update audit set actor = 'li' where id = 3", 3, "actor or object"),
        ("delete from audit where id = 3", 3, "missing before"),
        ("delete from audit where id = 1", 1, "missing before"),
        ("delete from audit where id = 6", 6, "1 of the newest rows are missing"),
        ("delete from audit where id > 3", 4, "3 of the newest rows are missing"),
        ("delete from audit", 1, "6 of the newest rows are missing"),
        ("delete from facts where name = 'audit.head'", 7, "behind the head"),
        ("insert into audit select 7, call, seq, type, at, data, hash, actor, object from audit where id = 6", 7, "not what was written"),
        ("insert into audit select 0, call, seq, type, at, data, hash, actor, object from audit where id = 6", 1, "put in"),
        ("update audit set id = id + 10 where id > 3", 4, "missing before"),
    ],
)  # fmt: skip
async def test_every_forgery_is_found_at_its_row(store: Store, forgery: str, number: int, why: str) -> None:
    await store.write(lambda c: c.execute(text(forgery)))
    verdict = await store.read(verify)
    assert not verdict.ok and verdict.number == number and why in verdict.why


async def test_two_rows_that_changed_places_are_found(store: Store) -> None:
    def swap(connection: Connection) -> None:
        for old, new in ((2, 99), (3, 2), (99, 3)):
            connection.execute(text(f"update audit set id = {new} where id = {old}"))

    await store.write(swap)
    assert (await store.read(verify)).number == 2


async def test_a_rewritten_chain_does_not_fit_the_anchors(store: Store, tmp_path: Path) -> None:
    trail = Audit(store, ManualClock(), tmp_path)
    assert (await trail.verify()).ok
    await trail.anchor()
    await store.write(rewrite)
    assert (await store.read(verify)).ok, "the chain itself fits again"
    verdict = await trail.verify()
    assert not verdict.ok and verdict.number == 6 and "rewritten" in verdict.why
    (tmp_path / ANCHORS).unlink()
    await store.write(lambda c: append_audited(c, [act(7)]))
    await trail.anchor()
    await store.write(lambda c: (c.execute(text("delete from audit")), set_fact(c, HEAD, str(Head()))))
    assert "anchored row is missing" in (await trail.verify()).why


async def test_acts_of_both_ways_into_the_journal_stand_in_one_chain(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    clock = ManualClock()
    journal = Journal(store, lambda _: None, clock, lambda _: None)
    journal.start()
    journal.append(SupervisionStarted(call="c1", seq=4, at=clock.utc(), actor="wang", mode="listen", agent="li"))
    journal.append(RecordingAccessed(call="c1", at=clock.utc(), actor="qa", recording="r1", how="play"))
    await journal.flush()
    await store.write(lambda c: append_audited(c, [act(1)]))
    journal.append(CallCreated(call="c2", at=clock.utc(), direction="in", caller="1", called="2"))
    await journal.flush()
    await journal.close()
    trail = Audit(store, clock, tmp_path)
    assert (await trail.verify()).checked == 3, "a call is no act"
    entries, _ = await trail.page(AuditFilter())
    assert [(entry.number, entry.actor, entry.object) for entry in entries] == [
        (3, "root", "queue:q1"), (2, "qa", "recording:r1"), (1, "wang", "agent:li"),
    ]  # fmt: skip
    await store.close()


async def test_pages_and_filters(store: Store, tmp_path: Path) -> None:
    await store.write(
        lambda c: append_audited(c, [act(7, "wang"), AdminChanged(at=5.0, actor="wang", object="user:li", action="invite")])
    )
    trail = Audit(store, ManualClock(), tmp_path)
    first, following = await trail.page(AuditFilter(), limit=5)
    second, end = await trail.page(AuditFilter(), limit=5, before=following)
    assert [entry.number for entry in [*first, *second]] == [8, 7, 6, 5, 4, 3, 2, 1] and end == 0
    for wanted, count in (
        (AuditFilter(actor="wang"), 2), (AuditFilter(object="queue:"), 7), (AuditFilter(object="queue:q3"), 1),
        (AuditFilter(actor="wang", object="user:"), 1), (AuditFilter(since=1_700_000_005.0), 3), (AuditFilter(until=6.0), 1),
        (AuditFilter(type="sup.forced"), 0),
    ):  # fmt: skip
        assert len((await trail.page(wanted))[0]) == count, wanted


async def test_a_former_database_gets_its_chain(tmp_path: Path) -> None:
    import sqlite3

    database = sqlite3.connect(tmp_path / "s.db")
    database.executescript((Path(__file__).parents[1] / "vectors/directory-1.sql").read_text(encoding="utf-8"))
    database.close()
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    trail = Audit(store, ManualClock(), tmp_path)
    verdict = await trail.verify()
    assert verdict.ok and verdict.checked > 10
    assert (await trail.page(AuditFilter(object="user:wang")))[0][0].actor == "cli"
    await store.close()
