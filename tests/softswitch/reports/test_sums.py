"""Every figure of every report is what one gets by going through the raw events, whatever the range and the zone."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from softswitch.acd.counters import Today
from softswitch.calls.cdr import fold
from softswitch.model import events as ev
from softswitch.reports.catalogue import REPORTS
from softswitch.reports.figures import EXITS
from softswitch.reports.model import Asking, Context, Query, Table
from softswitch.store.calls import CallFilter, page_of_calls
from softswitch.store.database import Store
from tests.softswitch.reports import naive
from tests.softswitch.reports.calls import DAY, a_day
from tests.softswitch.reports.conftest import Fill


async def table(store: Store, report: str, query: Query, now: float, **context: object) -> Table:
    asked = Context(now=now, **context)  # type: ignore[arg-type]
    return await store.study(lambda connection: REPORTS[report].make(Asking(connection, query, asked)))


def ranges(seed: int) -> list[tuple[float, float]]:
    """Whole days, whole quarters, and ranges that cut everything."""
    dice = random.Random(seed)
    odd = sorted(round(DAY + dice.uniform(0, 24_000), 3) for _ in range(2))
    return [(DAY, DAY + 86_400), (DAY + 900, DAY + 9000), (odd[0], odd[1]), (odd[0], odd[0] + 100.5)]


@pytest.mark.parametrize("seed", range(3))
async def test_the_queue_report_is_what_the_events_say_and_every_visit_has_one_end(fill: Fill, seed: int) -> None:
    events = [event for event in a_day(seed, 250) if event.at < DAY + 15_000]  # what comes later has not happened: calls go on
    now = DAY + 15_000
    store = await fill(events)
    for since, until in ranges(seed):
        found = await table(store, "queues", Query(since=since, until=until), now)
        expected = naive.queues(events, since, until, now)
        assert {row.values["queue"] for row in found.rows} == set(expected)
        for row in found.rows:
            queue, values = expected[str(row.values["queue"])], row.values
            for name in ("off", *EXITS):
                assert values[name] == queue.counts[name], (name, since, until)
            assert values["off"] == sum(int(values[name] or 0) for name in EXITS)
            in_time = sum(wait <= 20_000 for wait in queue.answered_waits)
            short = sum(wait <= 5_000 for wait in queue.abandoned_waits)
            quick = sum(wait <= 20_000 for wait in queue.abandoned_waits)
            off, ans, abd = (queue.counts[name] for name in ("off", "ans", "abd"))
            assert values["sab"] == short
            assert values["sl1"] == percent(in_time, off)
            assert values["sl2"] == percent(in_time, off - short)
            assert values["sl3"] == percent(in_time, ans)
            assert values["sl4"] == percent(in_time + quick, ans + abd)
            assert values["abandon_rate"] == percent(abd - short, off - short)
            assert values["abandon_strict"] == percent(abd, off)
            assert values["asa_ms"] == mean(queue.answered_waits)
            assert values["avg_wait_ms"] == mean(queue.waiting_waits)
            assert values["longest_ms"] == max(queue.waits)
        totals = found.totals
        assert totals["off"] == sum(queue.counts["off"] for queue in expected.values())
        assert totals["off"] == sum(int(totals[name] or 0) for name in EXITS)


def percent(part: int, whole: int) -> float | None:
    from decimal import ROUND_HALF_UP, Decimal

    return float((Decimal(100 * part) / whole).quantize(Decimal("0.01"), ROUND_HALF_UP)) if whole else None


def mean(values: list[int]) -> int | None:
    from decimal import ROUND_HALF_UP, Decimal

    return int((Decimal(sum(values)) / len(values)).quantize(Decimal(1), ROUND_HALF_UP)) if values else None


@pytest.mark.parametrize("interval", ["15", "30", "60", "day"])
async def test_intervals_add_up_to_the_range(fill: Fill, interval: str) -> None:
    events, now = a_day(7, 200), DAY + 40_000
    store = await fill(events)
    for since, until in ranges(7):
        for report, names in (
            ("queues", ("off", *EXITS, "sab", "talk_ms", "wrap_up_ms")),
            ("agent_inbound", ("total", "answered", "talk_ms", "ring_ms")),
            ("agent_outbound", ("total", "answered", "talk_ms")), ("lines", ("calls_in", "calls_out", "busy_ms")),
            ("traffic", ("all", "inbound", "outbound", "missed", "talk_ms")), ("ivr", ("visits", "dropped")),
            ("self_service", ("calls", "self_service", "people", "left")),
            ("agent_states", ("ms",)), ("workload", ("talk_ms", "ready_ms", "document_ms", "signed_in_ms")),
        ):  # fmt: skip
            whole = await table(store, report, Query(since=since, until=until), now)
            cut = await table(store, report, Query(since=since, until=until, interval=interval), now)  # type: ignore[arg-type]
            for name in names:
                together = sum(int(row.values[name] or 0) for row in cut.rows)
                assert together == whole.totals[name] == cut.totals[name], (report, name, since, until)


@pytest.mark.parametrize("seed", range(3))
async def test_lines_and_states_are_cut_at_the_borders(fill: Fill, seed: int) -> None:
    events, now = [event for event in a_day(seed, 150) if event.at < DAY + 15_000], DAY + 15_000
    store = await fill(events)
    for since, until in ranges(seed):
        found = await table(store, "lines", Query(since=since, until=until), now)
        expected = naive.lines(events, since, min(until, now), now)
        assert {row.values["trunk"]: (row.values["calls_in"], row.values["calls_out"]) for row in found.rows} == {
            trunk: (came, went) for trunk, (came, went, _) in expected.items()
        }
        for row in found.rows:
            assert int(row.values["busy_ms"] or 0) == pytest.approx(expected[str(row.values["trunk"])][2] * 1000, abs=250)
        times = await table(store, "agent_states", Query(since=since, until=until), now)
        counted: Counter[tuple[str, str]] = Counter()
        for row in times.rows:
            counted[str(row.values["agent"]), str(row.values["state"])] += int(row.values["ms"] or 0)
        wanted = naive.states(events, since, min(until, now), now)
        assert set(counted) == set(wanted)
        assert all(ms == pytest.approx(wanted[key] * 1000, abs=60) for key, ms in counted.items())


async def test_agents_have_what_their_offers_say(fill: Fill) -> None:
    events, now = a_day(11, 300), DAY + 80_000
    store = await fill(events)
    for since, until in ranges(11):
        made = await table(store, "agent_inbound", Query(since=since, until=until), now)
        found = {row.values["agent"]: row.values for row in made.rows}
        for agent, expected in naive.inbound(events, since, until).items():
            values = found.get(agent)
            if values is None:
                assert not expected.outcomes["answered"] and not expected.missed
                continue
            assert values["answered"] == expected.outcomes["answered"], (agent, since)
            assert values["missed"] == expected.missed
            assert values["total"] == expected.outcomes["answered"] + expected.missed
            assert int(values["talk_ms"] or 0) == pytest.approx(expected.talk * 1000, abs=100)
            assert int(values["talk_ms"] or 0) - int(values["net_talk_ms"] or 0) == pytest.approx(expected.hold * 1000, abs=100)
            assert values["ring_ms"] == pytest.approx(expected.ring_ms, abs=50)


async def test_records_curves_and_the_timeline_agree(fill: Fill) -> None:
    events, now = a_day(5, 250), DAY + 80_000
    store = await fill(events)
    records = [record for call in naive.by_call(events).values() if (record := fold(call)) is not None]
    traffic = await table(store, "traffic", Query(since=DAY, until=DAY + 86_400, interval="60"), now)
    assert traffic.totals["all"] == len(records)
    assert traffic.totals["missed"] == sum(record.direction == "in" and record.result != "answered" for record in records)
    assert traffic.totals["talk_ms"] == sum(record.talk_ms for record in records)
    assert [series.id for series in traffic.series] == ["all", "outbound", "inbound", "missed"]
    assert sum(point or 0 for point in traffic.series[0].points) == len(records)
    page = await store.read(lambda c: page_of_calls(c, CallFilter(), limit=1000))
    assert sorted(page.items, key=lambda row: row.id) == sorted(records, key=lambda row: row.id)
    waits: Counter[str] = Counter()
    for event in events:
        if isinstance(event, ev.QueueLeft):
            waits[event.call] += event.wait_ms
    assert all(record.wait_ms >= waits[record.id] for record in records)


async def test_each_row_leads_to_the_calls_that_it_counts(fill: Fill) -> None:
    events, now = a_day(3, 200), DAY + 80_000
    store = await fill(events)
    asked = Query(since=DAY + 1000.5, until=DAY + 12_345.6, interval="60")
    for report, count in (("queues", "off"), ("lines", "calls"), ("traffic", "all")):
        for row in (await table(store, report, asked, now)).rows:
            calls = await store.read(lambda c, row=row: page_of_calls(c, drilled(dict(row.drill or {})), limit=1000))  # type: ignore[misc]
            counted = int(row.values[count] or 0)
            assert len(calls.items) <= counted  # a call may be in a queue twice
            assert (len(calls.items) > 0) == (counted > 0), (report, row.values)
            if report == "traffic":
                assert len(calls.items) == counted
    for row in (await table(store, "agent_inbound", asked, now)).rows:
        drill = {**(row.drill or {}), "result": "missed"}
        calls = await store.read(lambda c, drill=drill: page_of_calls(c, drilled(drill), limit=1000))  # type: ignore[misc]
        assert (len(calls.items) > 0) == (int(row.values["missed"] or 0) > 0)


def drilled(query: dict[str, str]) -> CallFilter:
    from datetime import datetime

    since, until = (datetime.fromisoformat(query.pop(name)).timestamp() for name in ("from", "to"))
    channel = int(query.pop("channel", "0"))
    return CallFilter(since=since, until=until, channel=channel, **query)  # type: ignore[arg-type]


async def test_another_service_time_is_counted_from_the_visits(fill: Fill) -> None:
    events, now = a_day(9, 200), DAY + 80_000
    store = await fill(events)
    for since, until in ranges(9):
        for interval in ("", "60"):
            query = Query(since=since, until=until, target_ms=7_000, interval=interval)
            found = await table(store, "queues", query, now)
            expected = naive.queues(events, since, until, now)
            in_time = sum(wait <= 7_000 for queue in expected.values() for wait in queue.answered_waits)
            off = sum(queue.counts["off"] for queue in expected.values())
            assert found.totals["sl1"] == percent(in_time, off)


async def test_a_ratio_of_nothing_has_no_value(fill: Fill) -> None:
    store = await fill([])
    for report in REPORTS:
        found = await table(store, report, Query(since=DAY, until=DAY + 86_400, interval="60"), DAY + 50)
        assert all(not str(name).endswith("rate") or value is None for name, value in found.totals.items())
        assert not found.rows or report == "traffic"


async def test_an_agent_of_a_crashed_node_is_offline_since_its_last_sign_of_life(fill: Fill) -> None:
    def change(old: str, new: str, at: float) -> ev.Event:
        return ev.AgentStateChanged(agent="li", old=old, new=new, at=at)

    alive = 1_700_000_000.0  # of the clock of `fill`
    store = await fill([change("logged_out", "ready", alive - 100), change("ready", "talking", alive - 40)])
    await fill([change("talking", "offline", alive + 500), change("offline", "logged_out", alive + 530)])
    query = Query(since=alive - 3600, until=alive + 3600)
    found = await table(store, "agent_states", query, alive + 3600)
    times = {(row.values["state"], row.values["reason"]): row.values["ms"] for row in found.rows}
    assert times == {("ready", ""): 60_000, ("talking", ""): 40_000, ("offline", "node lost"): 500_000, ("offline", ""): 30_000}


async def test_the_board_counts_what_the_report_counts(fill: Fill) -> None:
    events, now = [event for event in a_day(13, 200) if event.at < DAY + 15_000], DAY + 15_000
    board = Today()
    for event in events:
        board.count(event)
    store = await fill(events)
    rows = (await table(store, "queues", Query(since=DAY, until=DAY + 86_400), now)).rows
    assert len(rows) == len(board.queues) == 3
    for row in rows:
        count, values = board.queue(str(row.values["queue"])), row.values
        lost = int(values["xcl"] or 0) - count.exits["closed"]  # waiting when the node died: the board died with it
        assert lost >= 0
        assert (values["off"], values["ans"], values["abd"], values["sab"]) == (
            count.offered, count.answered, count.abandoned, count.short_abandoned,
        )  # fmt: skip
        assert values["sl1"] == percent(count.in_time, count.offered)
        assert values["asa_ms"] == pytest.approx(count.asa_ms, abs=1)
