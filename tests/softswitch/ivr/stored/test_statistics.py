"""Figures of nodes are what the journal says, however often and in whatever portions it is counted."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, insert

from softswitch.ivr import statistics
from softswitch.ivr.statistics import HOUR, FlowStatistics, figures, fold
from softswitch.model.events import Event, IvrLeft, IvrNode
from softswitch.store.database import Store
from softswitch.store.rows import event_values
from softswitch.store.tables import journal

NOON = 1_704_081_600.0


def write(connection: Connection, events: list[Event]) -> None:
    for event in events:
        call, seq, kind, at, data = event_values(event)
        connection.execute(insert(journal).values(call=call, seq=seq, type=kind, at=at, data=data))


def node(name: str, result: str, at: float = NOON, ms: int = 1000, flow: str = "main") -> IvrNode:
    return IvrNode(call="c1", seq=1, at=at, flow=flow, node=name, verb="menu", result=result, ms=ms)


async def test_visits_results_drop_off_and_time(store: Store) -> None:
    events: list[Event] = (
        [node("menu", "key", ms=2000)] * 6 + [node("menu", "hangup", ms=6000)] * 2 + [node("bye", "ended")] * 6
    )
    await store.write(partial(write, events=[*events, IvrLeft(call="c1", at=NOON, flow="main", node="bye", result="ended")]))
    counted = FlowStatistics(store)
    menu, bye = await counted.figures("main", NOON - HOUR, NOON + HOUR)
    assert (menu.node, menu.visits, menu.results) == ("menu", 8, {"key": 6, "hangup": 2})
    assert (menu.drop_off, menu.mean_ms) == (0.25, 3000)
    assert (bye.node, bye.visits, bye.drop_off) == ("bye", 6, 0.0)


async def test_nothing_counts_twice(store: Store) -> None:
    counted = FlowStatistics(store)
    await store.write(partial(write, events=[node("menu", "key")]))
    for _ in range(3):
        await counted.catch_up()
    await store.write(partial(write, events=[node("menu", "key")]))
    assert (await counted.figures("main", NOON - HOUR, NOON + HOUR))[0].visits == 2


async def test_a_crash_while_counting_loses_nothing(store: Store) -> None:
    await store.write(partial(write, events=[node("menu", "key")] * 3))

    def crash(connection: Connection) -> None:
        fold(connection)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        await store.write(crash)
    assert (await FlowStatistics(store).figures("main", 0, NOON + HOUR))[0].visits == 3


async def test_a_long_journal_is_counted_in_portions(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "ROWS", 4)
    await store.write(partial(write, events=[node("menu", "key")] * 11))
    assert (await FlowStatistics(store).figures("main", 0, NOON + HOUR))[0].visits == 11


async def test_spans_and_other_flows(store: Store) -> None:
    events: list[Event] = [node("menu", "key", at=NOON + hour * HOUR) for hour in range(5)]
    await store.write(partial(write, events=[*events, node("menu", "key", flow="other")]))
    counted = FlowStatistics(store)
    assert (await counted.figures("main", NOON + HOUR, NOON + 3 * HOUR))[0].visits == 2
    assert await counted.figures("none", 0, NOON * 2) == []
    assert (await store.read(partial(figures, flow="other", since=0, until=NOON * 2)))[0].visits == 1
