"""Ended calls in the database: written late, held as evidence, removed in time."""

from __future__ import annotations

from pathlib import Path

from signalling import events as sig
from softswitch.model.clock import ManualClock
from softswitch.model.events import CallCreated, CallEnded
from softswitch.store.database import Store
from softswitch.trace.messages import Messages
from softswitch.trace.service import TraceForm, Traces
from softswitch.trace.tables import SCHEMA

FLOW = sig.Flow("udp", ("192.0.2.100", 5060), ("192.0.2.1", 5060))


def call(traces: Traces, name: str, filler: bytes = b"") -> None:
    data = b"INVITE sip:1@x SIP/2.0\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nX: %s\r\n\r\n" % (name.encode(), filler)
    traces.messages.note("<", data, FLOW)
    traces.take(CallCreated(call=f"c-{name}", direction="in", caller="1", sip_call_id=name))
    traces.take(CallEnded(call=f"c-{name}", who="caller", cause="normal", q850=16, sip_status=0))


def traces_at(clock: ManualClock, form: TraceForm) -> Traces:
    return Traces(Messages(clock.utc), lambda _leg: "", clock, form)


async def test_ended_calls_reach_the_database_and_leave_it_in_time(tmp_path: Path) -> None:
    clock = ManualClock()
    messages = Messages(clock.utc)
    traces = Traces(messages, lambda _leg: "", clock, TraceForm(hours=1.0))
    flow = sig.Flow("udp", ("192.0.2.100", 5060), ("192.0.2.1", 5060))
    messages.note("<", b"INVITE sip:1@x SIP/2.0\r\nCall-ID: abc\r\nCSeq: 1 INVITE\r\n\r\n", flow)
    traces.take(CallCreated(call="c1", direction="in", caller="1", sip_call_id="abc"))
    live = traces.live("c1")
    assert live is not None
    assert live.is_live
    assert len(live.dialogs["abc"].messages) == 1
    traces.take(CallEnded(call="c1", who="caller", cause="normal", q850=16, sip_status=0))
    store = await Store.open(f"sqlite:///{tmp_path}/trace.db", (SCHEMA,))
    try:
        assert await traces.write(store) == 0  # answers to the BYE may come
        clock.advance(5.0)
        assert await traces.write(store) == 1
        kept = await traces.of("c1", store)
        assert kept is not None
        assert not kept.is_live
        assert kept.dialogs["abc"].messages[0].data.startswith(b"INVITE")
        assert await traces.hold("c1", store)
        clock.advance(7200.0)
        await traces.write(store)
        assert await traces.of("c1", store) is not None  # held as evidence
        assert await traces.release("c1", store)
        clock.advance(7200.0)
        await traces.write(store)
        assert await traces.of("c1", store) is None
    finally:
        await store.close()


async def test_the_database_takes_no_more_than_it_may(tmp_path: Path) -> None:
    clock = ManualClock()
    traces = traces_at(clock, TraceForm(database=500))
    store = await Store.open(f"sqlite:///{tmp_path}/trace.db", (SCHEMA,))
    try:
        for number in range(6):
            call(traces, f"n{number}", bytes(range(65, 90)) * (number + 1))
            clock.advance(5.0)
            await traces.write(store)
        kept = [await traces.of(f"c-n{number}", store) is not None for number in range(6)]
        assert kept == sorted(kept)  # the oldest are gone
        assert kept[-1]
        assert not kept[0]
    finally:
        await store.close()
