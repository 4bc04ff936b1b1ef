"""The journal on a real SQLite file: what is committed, when it is shown, what a crash leaves and what recovery makes of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.store import tables
from softswitch.store.calls import call_record, timeline_of
from softswitch.store.database import Store
from softswitch.store.journal import MOST_WAITING, Journal, outbox_count
from softswitch.store.recordings import recordings_of
from softswitch.store.rows import CdrRow


def fold(timeline: Sequence[ev.Event]) -> CdrRow | None:
    created, ended = timeline[0], timeline[-1]
    assert isinstance(created, ev.CallCreated) and isinstance(ended, ev.CallEnded)
    result = "interrupted" if ended.cause == "NODE_LOST" else "answered"
    return CdrRow(
        created.call, created.direction, created.caller, "", created.called, "", "sip", "", "", result, ended.cause, ended.q850,
        ended.sip_status, ended.who, created.at, None, None, ended.at, 0, 0, 0, 0, int((ended.at - created.at) * 1000), "", {},
    )  # fmt: skip


def created(call: str, at: float = 100.0) -> ev.CallCreated:
    return ev.CallCreated(call=call, seq=1, at=at, direction="in", caller="13800138000", called="1000")


def ended(call: str, seq: int = 3, at: float = 109.0) -> ev.CallEnded:
    return ev.CallEnded(call=call, seq=seq, at=at, who="caller", cause="normal", q850=16, sip_status=200)


class Seen:
    def __init__(self, bus: Bus) -> None:
        self.events: list[ev.Event] = []
        bus.subscribe(self.events.append)

    def types(self) -> list[str]:
        return [event.type for event in self.events]


class Signals:
    """An alarm sink that remembers."""

    def __init__(self) -> None:
        self.raised: list[str] = []
        self.cleared: list[str] = []

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        self.raised.append(code)

    def clear(self, code: str, object: str = "") -> None:
        self.cleared.append(code)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await Store.open(url)
    yield opened
    await opened.close()


def journal_on(store: Store, clock: ManualClock | None = None) -> tuple[Journal, Seen]:
    bus = Bus()
    seen = Seen(bus)
    return Journal(store, bus.publish, clock or ManualClock(), fold), seen


async def test_an_ended_call_is_shown_only_when_its_record_can_be_read(store: Store) -> None:
    bus = Bus()
    journal = Journal(store, bus.publish, ManualClock(), fold)
    found: list[asyncio.Task[CdrRow | None]] = []
    types: list[str] = []

    def on_event(event: ev.Event) -> None:
        types.append(event.type)
        if event.type == "call.ended":
            found.append(asyncio.ensure_future(store.read(lambda c: call_record(c, event.call))))

    bus.subscribe(on_event)
    journal.append(created("c1"))
    journal.append(ended("c1"))
    assert types == ["call.created"]  # before any commit
    journal.start()
    await journal.flush()
    record = await found[0]
    assert record is not None and (record.id, record.duration_ms, record.ended_at) == ("c1", 9000, 109.0)
    await journal.close()


async def test_the_timeline_is_readable_after_the_call_and_empty_fields_come_back(store: Store) -> None:
    journal, _ = journal_on(store)
    journal.start()
    decision = ev.AcdDecision(call="c1", seq=2, at=101.5, visit="v1", strategy="longest_idle", candidates=("li", "wang"),
                              excluded={"zhao": "not_ready"}, chosen="li")  # fmt: skip
    for event in (created("c1"), decision, ended("c1")):
        journal.append(event)
    assert journal.timeline("c1") == (created("c1"), decision, ended("c1"))
    await journal.flush()
    assert journal.timeline("c1") == ()
    assert await store.read(lambda c: timeline_of(c, "c1")) == [created("c1"), decision, ended("c1")]
    await journal.close()


async def test_recording_rows_follow_from_events(store: Store) -> None:
    journal, _ = journal_on(store)
    journal.start()
    journal.append(created("c1"))
    journal.append(ev.RecordingStarted(call="c1", seq=2, at=102.0, recording="r1", file="2026/01/01/c1.wav"))
    await journal.flush()
    rows = await store.read(lambda c: recordings_of(c, ["c1"]))
    assert [(r.status, r.duration_ms) for r in rows["c1"]] == [("recording", 0)]
    journal.append(ev.RecordingFinished(call="c1", seq=3, at=109.0, recording="r1", file="2026/01/01/c1.wav", status="complete",
                                        duration_ms=7000, bytes=224044, sha256="ab"))  # fmt: skip
    await journal.flush()
    (row,) = (await store.read(lambda c: recordings_of(c, ["c1"])))["c1"]
    assert (row.status, row.started_at, row.duration_ms, row.expires_at) == ("complete", 102.0, 7000, 102.0 + 31 * 86400)
    await journal.close()


async def test_live_calls_of_a_crashed_node_end_as_interrupted(store: Store) -> None:
    crashed, _ = journal_on(store)
    crashed.start()
    for event in (created("c1"), created("c2"), ended("c2")):
        crashed.append(event)
    await crashed.flush()  # and then the process is gone: no close()

    journal, seen = journal_on(store, ManualClock(at=1_700_009_999.0))
    assert await journal.recover() == ["c1"]
    record = await store.read(lambda c: call_record(c, "c1"))
    assert record is not None and (record.result, record.cause, record.who) == ("interrupted", "NODE_LOST", "system")
    assert record.ended_at == 1_700_000_000.0  # last sign of life, not the time of the restart
    assert seen.types().count("call.ended") >= 1
    again, _ = journal_on(store)
    assert await again.recover() == []


async def test_what_was_committed_but_not_shown_is_shown_after_the_restart(store: Store) -> None:
    crashed, before = journal_on(store)
    crashed.append(created("c1"))
    crashed.append(ended("c1"))
    await store.write(crashed._group(2).write)  # committed; the crash comes before the bus has it
    assert before.types() == ["call.created"]

    journal, seen = journal_on(store)
    assert await journal.recover() == []
    assert seen.types() == ["call.ended"]
    assert await store.read(outbox_count) == 0


async def test_a_failing_disk_loses_nothing_and_raises_one_alarm(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softswitch.store.journal.RETRY_SECONDS", (0.001,))
    journal, seen = journal_on(store)
    signals = Signals()
    journal.watch(signals)
    failing = [OperationalError("insert", {}, OSError("database or disk is full"))] * 3
    write = store._backend.write

    async def flaky(work: object) -> object:
        if failing:
            raise failing.pop()
        return await write(work)  # type: ignore[arg-type]

    monkeypatch.setattr(store._backend, "write", flaky)
    journal.start()
    journal.append(created("c1"))
    journal.append(ended("c1"))
    await journal.flush()
    assert seen.types() == ["call.created", "call.ended"]
    assert set(signals.raised) == {"journal_stalled"} and "journal_stalled" in signals.cleared
    assert await store.read(lambda c: call_record(c, "c1")) is not None
    await journal.close()


async def test_one_event_the_database_refuses_does_not_stop_the_others(store: Store) -> None:
    journal, _ = journal_on(store)
    signals = Signals()
    journal.watch(signals)
    journal.start()
    bad = ev.CallCreated(call="c2", seq=None, at=1.0, direction="in", caller="1")  # type: ignore[arg-type]
    for event in (created("c1"), bad, ended("c1")):
        journal.append(event)
    await journal.flush()
    assert await store.read(lambda c: call_record(c, "c1")) is not None
    assert "journal_refused" in signals.raised
    await journal.close()


async def test_a_text_that_cannot_be_encoded_does_not_stop_the_journal(store: Store) -> None:
    journal, _ = journal_on(store)
    signals = Signals()
    journal.watch(signals)
    journal.start()
    broken = ev.CallCreated(call="c2", seq=1, at=100.0, direction="in", caller="\udcff", called="1000")
    for event in (created("c1"), broken, ended("c2"), ended("c1")):
        journal.append(event)
    await journal.flush()
    assert await store.read(lambda c: call_record(c, "c1")) is not None
    assert "journal_refused" in signals.raised
    await journal.close()


async def test_a_full_journal_says_so_once(store: Store) -> None:
    journal, _ = journal_on(store)
    signals = Signals()
    journal.watch(signals)
    event = ev.LegDtmf(call="c1", digit="1", way="rfc4733")
    for _ in range(MOST_WAITING + 5):
        journal.append(event)
    assert journal.pending == MOST_WAITING
    assert signals.raised == ["journal_full"]


async def test_events_without_a_call_are_journaled(store: Store) -> None:
    journal, seen = journal_on(store)
    journal.start()
    journal.append(ev.RecordingAccessed(at=5.0, actor="wang", recording="r1", how="play"))
    await journal.close()
    rows = await store.read(lambda c: c.execute(select(tables.journal)).all())
    assert [(r.type, r.call, r.data) for r in rows] == [("rec.accessed", "", '{"actor":"wang","recording":"r1","how":"play"}')]
    assert seen.types() == ["rec.accessed"]


async def live_until_killed(url: str) -> None:
    """Runs in a process of its own: kills it the moment the twentieth ended call is shown."""
    bus = Bus()
    journal = Journal(await Store.open(url), bus.publish, ManualClock(), fold)
    shown: list[ev.Event] = []

    def on_event(event: ev.Event) -> None:
        shown.append(event)
        if len(shown) == 20:
            os.kill(os.getpid(), signal.SIGKILL)

    bus.subscribe(on_event, (ev.CallEnded,))
    journal.start()
    for number in range(20):
        journal.append(created(f"c{number}"))
        journal.append(ended(f"c{number}"))
    for number in range(20, 25):
        journal.append(created(f"c{number}"))
    await asyncio.sleep(30)


async def test_kill_9_right_after_the_end_was_shown_keeps_the_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/k.db"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, __file__, url], env=environment, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    store = await Store.open(url)
    journal, _ = journal_on(store)
    interrupted = await journal.recover()
    records = await store.read(lambda c: {row.id: row.result for row in c.execute(select(tables.cdr))})
    assert [records[f"c{n}"] for n in range(20)] == ["answered"] * 20
    assert interrupted == [f"c{n}" for n in range(20, 25)]
    assert [records[call] for call in interrupted] == ["interrupted"] * 5
    await store.close()


if __name__ == "__main__":
    asyncio.run(live_until_killed(sys.argv[1]))
