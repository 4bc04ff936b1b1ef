"""A trunk of two channels: when no channel is free, how much is idle, and which trunk was out of service."""

from __future__ import annotations

from pathlib import Path

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.reports.catalogue import REPORTS
from softswitch.reports.figures import Values
from softswitch.reports.model import Asking, Context, Query
from softswitch.reports.recorder import Recorder
from softswitch.store.database import Store
from softswitch.store.journal import Journal

T = 1_763_740_800.0


def call(name: str, since: float, until: float, channel: int) -> list[ev.Event]:
    return [
        ev.CallCreated(call=name, seq=1, at=T + since, direction="in", caller="1", trunk="e1", channel=channel),
        ev.LegEnded(call=name, seq=2, at=T + since + 1, cause="busy"),  # a device that could not be tried: no leg
        ev.CallEnded(call=name, seq=3, at=T + until, who="caller", cause="normal", q850=16, sip_status=200),
    ]


async def lines(tmp_path: Path, events: list[ev.Event], **query: object) -> list[Values]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db")
    journal = Journal(store, Bus().publish, ManualClock(), fold, followers=[Recorder(channels=lambda _: 2)])
    await journal.recover()
    for event in sorted(events, key=lambda event: event.at):
        journal.append(event)
    journal.start()
    await journal.close()
    asked = Query(since=T, until=T + 3600, **query)  # type: ignore[arg-type]
    context = Context(now=T + 3600, channels=lambda _: 2)
    table = await store.study(lambda connection: REPORTS["lines"].make(Asking(connection, asked, context)))
    await store.close()
    return [row.values for row in table.rows]


async def test_busy_idle_occupancy_and_the_time_without_a_free_channel(tmp_path: Path) -> None:
    events = [*call("a", 0, 600, 1), *call("b", 500, 900, 2), *call("c", 800, 1000, 1), *call("d", 950, 1100, 2)]
    (row,) = await lines(tmp_path, events)
    busy = 600 + 400 + 200 + 150
    assert (row["calls_in"], row["calls_out"], row["busy_ms"]) == (4, 0, busy * 1000)
    assert row["idle_ms"] == (2 * 3600 - busy) * 1000
    assert row["occupancy"] == 18.75  # 1350 / 7200
    assert row["erlang"] == 0.38  # 1350 / 3600 = 0.375, half up
    assert row["all_busy_ms"] == (100 + 100 + 50) * 1000
    assert (row["in_hour"], row["in_day"]) == (4.0, 96.0)


async def test_channels_stand_for_themselves(tmp_path: Path) -> None:
    first, second = await lines(tmp_path, [*call("a", 0, 600, 1), *call("b", 500, 900, 2)], by_channel=True)
    assert (first["channel"], first["busy_ms"], first["occupancy"]) == ("1", 600_000, 16.67)
    assert (second["channel"], second["busy_ms"], second["idle_ms"]) == ("2", 400_000, 3_200_000)


async def test_time_out_of_service_is_no_idle_time(tmp_path: Path) -> None:
    down = [
        ev.TrunkStateChanged(trunk="e1", state=state, at=T + at) for state, at in (("up", -500), ("down", 1800), ("up", 2700))
    ]
    (row,) = await lines(tmp_path, [*call("a", 0, 900, 1), *down])
    assert row["idle_ms"] == (2 * (3600 - 900) - 900) * 1000
    assert row["occupancy"] == 16.67
