"""Traffic analysis with its four curves, the call list, and the nodes of flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection

from softswitch.model.events import rfc3339
from softswitch.reports.facts import SESSION
from softswitch.reports.figures import Values, mean, percent
from softswitch.reports.model import Asking, Query, Row, Series, Table
from softswitch.store.calls import CallFilter, page_of_calls
from softswitch.store.fact_tables import interval_calls, interval_nodes
from softswitch.store.rows import CdrRow

PAGE = 1000
MOST_LISTED = 10_000
"""Calls of the list in JSON and PDF; tables for programs (CSV, XLSX) have all."""


def traffic_report(asking: Asking) -> Table:
    count = len(asking.calendar.periods)
    every, outbound, inbound, internal, missed, talk = ([0] * count for _ in range(6))
    for (period, direction, result), values in asking.reader.sums(interval_calls, ["direction", "result"]).items():
        calls = values[0]
        every[period] += calls
        {"out": outbound, "in": inbound}.get(direction, internal)[period] += calls
        missed[period] += calls if direction == "in" and result != "answered" else 0
        talk[period] += values[2]
    rows = [
        Row(
            {**asking.period(n), "all": every[n], "outbound": outbound[n], "inbound": inbound[n], "internal": internal[n],
             "missed": missed[n], "missed_rate": percent(missed[n], inbound[n]), "talk_ms": talk[n],
             "avg_talk_ms": mean(talk[n], every[n])},
            asking.drill("call", n),
        )
        for n in range(count)
    ]  # fmt: skip
    totals: Values = {
        "all": sum(every), "outbound": sum(outbound), "inbound": sum(inbound), "internal": sum(internal), "missed": sum(missed),
        "missed_rate": percent(sum(missed), sum(inbound)), "talk_ms": sum(talk), "avg_talk_ms": mean(sum(talk), sum(every)),
    }  # fmt: skip
    curves = (("all", every), ("outbound", outbound), ("inbound", inbound), ("missed", missed))
    return Table(rows, totals, asking.labels(), tuple(Series(name, tuple(points)) for name, points in curves))


def call_list(asking: Asking) -> Table:
    """The newest calls of the range."""
    rows: list[Row] = []
    for row in listed(asking.connection, asking.query):
        rows.append(call_row(row, asking))
        if len(rows) >= MOST_LISTED:
            break
    talk = sum(value for row in rows if isinstance(value := row.values["talk_ms"], int))
    return Table(rows, {"talk_ms": talk, "id": f"{len(rows)}"})


def listed(connection: Connection, query: Query) -> Iterator[CdrRow]:
    """All calls of a query, newest first, page by page."""
    wanted = CallFilter(
        since=query.since, until=query.until, number=query.number, result=query.result, direction=query.direction,
        queues=query.queues, agents=query.agents, trunks=query.trunks,
    )  # fmt: skip
    cursor: str | None = None
    while True:
        page = page_of_calls(connection, wanted, limit=PAGE, cursor=cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def call_row(row: CdrRow, asking: Asking) -> Row:
    context = asking.context
    values: Values = {
        "id": row.id, "created": rfc3339(row.created_at), "direction": row.direction, "caller": row.caller,
        "called": row.called, "trunk": row.trunk, "agent": row.agent, "result": row.result, "cause": row.cause, "who": row.who,
        "queue": context.name("queue", row.queue) if row.queue else "",
        "name": context.name("agent", row.agent) if row.agent else "",
        "wait_ms": row.wait_ms, "ring_ms": row.ring_ms, "talk_ms": row.talk_ms, "hold_ms": row.hold_ms,
        "duration_ms": row.duration_ms,
    }  # fmt: skip
    return Row(values, {"id": row.id})


def node_report(asking: Asking) -> Table:
    sums = asking.reader.sums(interval_nodes, ["flow", "node", "verb", "result"], {"flow": asking.query.flows})
    nodes: dict[tuple[int, str, str, str], list[int]] = {}
    results: dict[tuple[int, str, str, str], Counter[str]] = {}
    for (period, flow, node, verb, result), values in sums.items():
        if verb == SESSION:
            continue
        key = (period, flow, node, verb)
        nodes[key] = [a + b for a, b in zip(nodes.get(key, [0, 0, 0]), values, strict=True)]
        results.setdefault(key, Counter())[result] += values[0]
    rows = []
    for (period, flow, node, verb), (visits, ms, dropped) in sorted(nodes.items()):
        shown = " ".join(f"{result}:{count}" for result, count in sorted(results[period, flow, node, verb].items()))
        figures = _node(visits, ms, dropped)
        rows.append(Row({**asking.period(period), "flow": flow, "node": node, "verb": verb, "results": shown, **figures}))
    together = [sum(column) for column in zip(*nodes.values(), strict=True)] if nodes else [0, 0, 0]
    return Table(rows, _node(*together), asking.labels())


def self_service_report(asking: Asking) -> Table:
    """Calls that flows took, by what became of them."""
    filters = {"flow": asking.query.flows, "verb": [SESSION]}
    found: dict[tuple[int, str], Counter[str]] = {}
    for (period, flow, result), values in asking.reader.sums(interval_nodes, ["flow", "result"], filters).items():
        found.setdefault((period, flow), Counter())[result] += values[0]
    rows = [
        Row({**asking.period(period), "flow": flow, **_sessions(results)}) for (period, flow), results in sorted(found.items())
    ]
    return Table(rows, _sessions(sum(found.values(), Counter())), asking.labels())


def _sessions(results: Counter[str]) -> Values:
    calls = results.total()
    served = results["self_service"]
    return {
        "calls": calls, "self_service": served, "people": results["people"], "left": results["left"],
        "self_service_rate": percent(served, calls),
    }  # fmt: skip


def _node(visits: int, ms: int, dropped: int) -> Values:
    return {"visits": visits, "avg_ms": mean(ms, visits), "dropped": dropped, "drop_rate": percent(dropped, visits)}
