"""Reports of the operation: recordings and whether they are whole, alarms, what people with rights did."""

from __future__ import annotations

import json
from collections import Counter

from sqlalchemy import and_, select

from softswitch.model.events import rfc3339
from softswitch.reports.figures import Values, percent
from softswitch.reports.model import Asking, Row, Table
from softswitch.store.fact_tables import outcomes
from softswitch.store.tables import audit, cdr, recordings

_STATUS = ("complete", "degraded", "recovered", "failed", "recording")
_PRESENT = frozenset({"complete", "degraded", "recovered"})
MOST = 10_000


def recording_report(asking: Asking) -> Table:
    """Conversations of queues against the files that there are of them."""
    c, calendar = cdr.c, asking.calendar
    talked = (
        select(c.id, c.created_at, recordings.c.status, recordings.c.duration_ms)
        .select_from(cdr.outerjoin(recordings, and_(recordings.c.call == c.id, recordings.c.restricted.is_(False))))
        .where(c.created_at >= calendar.since, c.created_at < calendar.until, c.queue != "", c.connected_at.is_not(None))
    )
    if asking.query.queues:
        talked = talked.where(c.queue.in_(asking.query.queues))
    states: list[dict[str, set[str]]] = [{} for _ in calendar.periods]
    length = [0] * len(calendar.periods)
    for row in asking.connection.execute(talked):
        period = calendar.index(row.created_at)
        states[period].setdefault(row.id, set()).add(row.status or "")
        length[period] += row.duration_ms or 0
    found = [(_integrity(calls), ms) for calls, ms in zip(states, length, strict=True)]
    rows = [
        Row({**asking.period(n), **_shown(counted, ms)}, asking.drill("call", n))
        for n, (counted, ms) in enumerate(found) if counted["calls"]
    ]  # fmt: skip
    together: Counter[str] = Counter()
    for counted, _ in found:
        together.update(counted)
    return Table(rows, _shown(together, sum(length)), asking.labels())


def _integrity(calls: dict[str, set[str]]) -> Counter[str]:
    counted: Counter[str] = Counter(calls=len(calls))
    for found in calls.values():
        counted["present"] += bool(found & _PRESENT)
        counted["missing"] += found == {""}
        counted.update(status for status in found if status)
    return counted


def _shown(counted: Counter[str], ms: int) -> Values:
    return {
        "calls": counted["calls"], "present": counted["present"], "missing": counted["missing"],
        **{status: counted[status] for status in _STATUS}, "share": percent(counted["present"], counted["calls"]), "ms": ms,
    }  # fmt: skip


def alarm_report(asking: Asking) -> Table:
    """Each time an alarm was raised, until it was cleared."""
    c = outcomes.c
    found = select(outcomes).where(c.kind == "alarm", c.at < asking.calendar.until).order_by(c.at)
    open_alarms: dict[str, Values] = {}
    rows: list[Values] = []
    for row in asking.connection.execute(found):
        values = open_alarms.get(row.name)
        if row.code == "cleared" and values is not None:
            values["cleared"] = rfc3339(row.at)
            values["ms"] = round((row.at - _at(values)) * 1000)
            del open_alarms[row.name]
        elif row.code == "acked" and values is not None:
            values["acked"], values["by"] = rfc3339(row.at), row.agent
        elif row.code not in ("cleared", "acked") and values is None:
            code, _, thing = row.name.partition(" ")
            made: Values = {"raised": rfc3339(row.at), "at": row.at, "code": code, "object": thing, "level": row.code,
                            "text": row.note, "cleared": None, "ms": None, "acked": None, "by": ""}  # fmt: skip
            open_alarms[row.name] = made
            rows.append(made)
    shown = [values for values in rows if asking.calendar.since <= _at(values)]
    for values in rows:
        values.pop("at")
    return Table([Row(values) for values in reversed(shown)], {"code": f"{len(shown)}"})


def _at(values: Values) -> float:
    at = values["at"]
    assert isinstance(at, float)
    return at


def operation_report(asking: Asking) -> Table:
    c = audit.c
    found = select(audit).where(c.at >= asking.calendar.since, c.at < asking.calendar.until).order_by(c.at.desc(), c.id.desc())
    rows = []
    for row in asking.connection.execute(found.limit(MOST)):
        data = json.loads(row.data)
        actor, detail = data.pop("actor", ""), data.pop("detail", {})
        values: Values = {
            "at": rfc3339(row.at), "actor": actor, "what": row.type, "object": str(data.pop("object", "") or row.call),
            "detail": " ".join(f"{name}={value}" for name, value in {**data, **detail}.items()),
        }  # fmt: skip
        rows.append(Row(values, {"id": row.call} if row.call else None))
    return Table(rows, {"what": f"{len(rows)}"})
