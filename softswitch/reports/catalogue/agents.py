"""Reports of agents: workload, inbound and outbound statistics, times in states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from softswitch.reports.figures import Values, added, contact_figures, mean, percent, quotient, state_figures
from softswitch.reports.model import Asking, Row, Series, Table, curve
from softswitch.reports.periods import calendar
from softswitch.reports.sums import Reader, Sums
from softswitch.store.fact_tables import CONTACT_SUMS, interval_contacts, interval_states

_NONE = [0] * len(CONTACT_SUMS)
_OF_CONTACTS = ("answered", "talk_ms", "aht", "aht_wfm", "rona_rate", "transfer_rate", "hold_rate")
_OF_STATES = ("ready_ms", "away_ms", "offline_ms", "handle_ms", "signed_in_ms", "occupancy", "utilisation")
Times = dict[tuple[int, str], dict[str, int]]
"""(period, agent) → state → ms."""


def inbound_report(asking: Asking) -> Table:
    return _contacts(asking, "in")


def outbound_report(asking: Asking) -> Table:
    return _contacts(asking, "out")


def _contacts(asking: Asking, direction: str) -> Table:
    where = {"direction": (direction,), "agent": asking.query.agents, "queue": asking.query.queues}
    sums = asking.reader.sums(interval_contacts, ["agent"], where)
    sums = {key: values for key, values in sums.items() if any(values)}
    talk = sum(values[CONTACT_SUMS.index("talk_ms")] for values in sums.values())
    rows = []
    for (period, agent), values in sorted(sums.items()):
        figures = contact_figures(values)
        figures["talk_share"] = percent(values[CONTACT_SUMS.index("talk_ms")], talk)
        rows.append(Row(_named(asking, period, agent, figures), _drill(asking, period, agent, direction=direction)))
    totals = contact_figures(added(list(sums.values())) if sums else _NONE)
    totals["talk_share"] = percent(talk, talk)
    return Table(rows, totals, asking.labels(), _curves(asking, sums, "total", "answered", "missed"))


def _named(asking: Asking, period: int, agent: str, figures: Values) -> Values:
    context = asking.context
    team = context.teams.get(agent, "")
    return {
        **asking.period(period), "agent": agent, "name": context.name("agent", agent),
        "team": context.name("team", team) if team else "", **figures,
    }  # fmt: skip


def _drill(asking: Asking, period: int, agent: str, **filters: str) -> dict[str, str]:
    return asking.drill("contact", period, agent=agent, **filters)


def _curves(asking: Asking, sums: Sums, *names: str) -> tuple[Series, ...]:
    by_period: dict[int, list[Sequence[int]]] = {}
    for key, values in sums.items():
        by_period.setdefault(key[0], []).append(values)
    figures = [contact_figures(added(by_period.get(n, [_NONE]))) for n in range(len(asking.calendar.periods))]
    return tuple(curve(name, figures) for name in names)


def workload_report(asking: Asking) -> Table:
    contacts = asking.reader.sums(
        interval_contacts, ["agent"], {"direction": ("in",), "agent": asking.query.agents, "queue": asking.query.queues}
    )
    times = agent_times(asking)
    days = _days_on_duty(asking)
    rows = []
    for key in sorted(contacts.keys() | times.keys()):
        period, agent = key[0], str(key[1])
        sums = contacts.get(key, _NONE)
        if not any(sums) and not times.get((period, agent)):
            continue
        figures = _workload(sums, times.get((period, agent), {}), days.get(agent, 0) if not asking.query.interval else 1)
        rows.append(Row(_named(asking, period, agent, figures), _drill(asking, period, agent, direction="in")))
    together: dict[str, int] = {}
    for entry in times.values():
        for state, ms in entry.items():
            together[state] = together.get(state, 0) + ms
    total_days = sum(days.values())
    totals = _workload(added(list(contacts.values())) if contacts else _NONE, together, total_days)
    return Table(rows, totals, asking.labels(), _curves(asking, contacts, "answered"))


def _workload(sums: Sequence[int], times: Mapping[str, int], days: int) -> Values:
    contacts, states = contact_figures(sums), state_figures(times)
    talk, answered = contacts["talk_ms"], contacts["answered"]
    assert isinstance(talk, int) and isinstance(answered, int)
    return {
        **{name: contacts[name] for name in _OF_CONTACTS}, **{name: states[name] for name in _OF_STATES},
        "document_ms": states["wrap_up_ms"], "days": days, "avg_calls_day": quotient(answered, days),
        "talk_per_day": mean(talk, days),
    }  # fmt: skip


def agent_times(asking: Asking) -> Times:
    where = {"kind": ("agent",), "name": asking.query.agents}
    found: Times = {}
    for (period, agent, state), (ms, _times) in asking.reader.sums(interval_states, ["name", "state"], where).items():
        found.setdefault((period, agent), {})[state] = ms
    return found


def _days_on_duty(asking: Asking) -> dict[str, int]:
    """Days with sign-in, per agent."""
    query, context = asking.query, asking.context
    days = calendar(query.since, min(query.until, max(context.now, query.since + 1)), query.zone, "day")
    reader = Reader(asking.connection, days, context.now, context.targets)
    found: dict[str, int] = {}
    for (_, agent), (ms, _times) in reader.sums(interval_states, ["name"], {"kind": ("agent",), "name": query.agents}).items():
        found[agent] = found.get(agent, 0) + (ms > 0)
    return found


def states_report(asking: Asking) -> Table:
    """Time per state and reason."""
    where = {"kind": ("agent",), "name": asking.query.agents}
    sums = asking.reader.sums(interval_states, ["name", "state", "reason"], where)
    signed_in: dict[tuple[int, str], int] = {}
    for (period, agent, *_), (ms, _times) in sums.items():
        signed_in[period, agent] = signed_in.get((period, agent), 0) + ms
    rows = []
    for (period, agent, state, reason), (ms, times) in sorted(sums.items()):
        shown = asking.context.name("reason", reason) if reason else ""
        figures: Values = {"state": state, "reason": shown, "ms": ms, "times": times,
                           "share": percent(ms, signed_in[period, agent])}  # fmt: skip
        rows.append(Row(_named(asking, period, agent, figures), _drill(asking, period, agent)))
    total = sum(values[0] for values in sums.values())
    totals: Values = {"ms": total, "times": sum(values[1] for values in sums.values()), "share": percent(total, total)}
    return Table(rows, totals, asking.labels())
