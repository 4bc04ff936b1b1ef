"""Whether the day adds up: nobody stuck, no call lost, every recording there, each figure of the reports as the raw events say.

The figures are counted by `tests.softswitch.reports.naive`, which knows nothing of the product's folds, from the journal.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from softswitch.model import events as ev
from softswitch.reports.figures import EXITS
from softswitch.store.rows import event_of
from tests.day.configuration import CHANNELS
from tests.day.script import Outcome
from tests.day.staff import Rest
from tests.softswitch.reports import naive
from tests.softswitch.reports.test_sums import mean, percent

SERVICE_MS = {"sales": 5000, "service": 5000, "vip": 3000}
SHORT_MS = 2000
TITLES = {"销售": "sales", "报修": "service", "贵宾": "vip"}
REPORTS = (
    "queues", "service", "workload", "agent_inbound", "agent_states", "lines", "traffic", "recordings", "callbacks",
    "dispositions",
)  # fmt: skip
STATES = {
    "ready_ms": ("ready",), "away_ms": ("not_ready", "not_responding"), "offline_ms": ("offline",), "document_ms": ("wrap_up",),
    "handle_ms": ("reserved", "ringing", "talking", "conference", "holding", "consulting", "dialling", "preview", "wrap_up"),
}  # fmt: skip


@dataclass
class Proof:
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: dict[str, str] = field(default_factory=dict)
    """What was checked, and what was found."""
    faults: list[str] = field(default_factory=list)
    figures: int = 0

    def same(self, what: str, found: Any, expected: Any, within: float = 0.0) -> None:
        """A figure of the product and the one that was counted; `within`: what rounding of each part may add up to."""
        self.figures += 1
        near = within and found is not None and expected is not None and abs(found - expected) <= within
        if found != expected and not near:
            self.faults.append(f"{what}: {found} instead of {expected}")

    def check(self, what: str, found: str, holds: bool) -> None:
        self.checks[what] = found
        if not holds:
            self.faults.append(f"{what}: {found}")


async def prove(rest: Rest, outcome: Outcome) -> Proof:
    """The journal is read after the reports: those wait for what has just happened, reading past the product would not."""
    proof = Proof(faults=list(outcome.faults))
    for report in REPORTS:
        proof.reports[report] = await rest("GET", f"/reports/{report}?{span(outcome)}&language=en")
    events = journal(outcome)
    await _calls(rest, outcome, events, proof)
    await _agents(rest, outcome, proof)
    await _recordings(rest, events, proof, span(outcome))
    since, until = outcome.began.timestamp(), outcome.ended.timestamp()
    _queues(proof, naive.queues(without_callbacks(events), since, until, until))
    _workload(proof, events, since, until)
    _lines(proof, naive.lines(events, since, until, until))
    _callbacks(proof, events)
    return proof


def span(outcome: Outcome) -> str:
    """The day as parameters of a report."""
    return f"from={_text(outcome.began)}&to={_text(outcome.ended)}"


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def journal(outcome: Outcome) -> list[ev.Event]:
    """Every event as it was written, read past the product."""
    with sqlite3.connect(f"file:{outcome.switch.data / 'softswitch.db'}?mode=ro", uri=True) as connection:
        rows = connection.execute("SELECT call, seq, type, at, data FROM journal ORDER BY id").fetchall()
    names = ("call", "seq", "type", "at", "data")
    found: list[ev.Event] = []
    for row in rows:
        stored: Any = SimpleNamespace(**dict(zip(names, row, strict=True)))
        found.append(event_of(stored))
    return found


def without_callbacks(events: Sequence[ev.Event]) -> list[ev.Event]:
    """Somebody who waits for a callback was offered when the place was taken, and is not offered again."""
    return [event for event in events if not (isinstance(event, ev.QueueEntered) and event.channel == "callback")]


async def _calls(rest: Rest, outcome: Outcome, events: Sequence[ev.Event], proof: Proof) -> None:
    """Every call that a carrier sent is a record, every record has ended, every visit has one end."""
    records: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await rest("GET", f"/calls?state=ended&limit=200{cursor}")
        records += page["items"]
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    came = [record for record in records if record["direction"] == "in"]
    proof.check("calls sent by the carriers = records", f"{outcome.sent} = {len(came)}", outcome.sent == len(came) > 0)
    made = {event.call for event in events if isinstance(event, ev.CallCreated)}
    over = {event.call for event in events if isinstance(event, ev.CallEnded)}
    proof.check("calls without an end", str(len(made - over)), made == over)
    proof.check("calls begun = records", f"{len(made)} = {len(records)}", made == {record["id"] for record in records})
    live = (await rest("GET", "/calls?state=live"))["items"]
    proof.check("calls still live", str(len(live)), not live)
    odd = Counter(record["result"] for record in records if record["result"] in ("failed", "interrupted"))
    proof.checks["results"] = ", ".join(f"{name} {n}" for name, n in Counter(r["result"] for r in records).most_common())
    proof.check("calls interrupted", str(odd["interrupted"]), not odd["interrupted"])
    traffic = proof.reports["traffic"]["totals"]
    proof.same("traffic all", traffic["all"], len(records))
    proof.same("traffic inbound", traffic["inbound"], len(came))
    proof.same("traffic missed", traffic["missed"], sum(record["result"] != "answered" for record in came))
    proof.same("traffic talk", traffic["talk_ms"], sum(record["talk_ms"] for record in records))


async def _agents(rest: Rest, outcome: Outcome, proof: Proof) -> None:
    states = Counter(agent["state"] for agent in (await rest("GET", "/agents"))["items"])
    proof.check("agents at the end", ", ".join(f"{name} {n}" for name, n in states.items()), set(states) == {"logged_out"})
    alarms = [alarm["code"] for alarm in (await rest("GET", "/alarms?state=all"))["items"]]
    proof.checks["alarms of the day"] = ", ".join(sorted(set(alarms))) or "none"
    deaf = [desk.login for desk in outcome.desks if desk.counts["accepted"] > 1 and not desk.counts["loud"]]
    proof.check("agents at browsers who heard nobody", ", ".join(deaf) or "0", not deaf)
    proof.check("conversations supervised", str(len(outcome.supervised)), bool(outcome.supervised))


async def _recordings(rest: Rest, events: Sequence[ev.Event], proof: Proof, range_: str) -> None:
    """Every conversation of a queue has a complete file that is as long as it was."""
    answered = {event.call for event in events if isinstance(event, ev.QueueLeft) and event.result == "answered"}
    talked = {event.call for event in events if isinstance(event, ev.CallConnected)} & answered
    found: dict[str, list[str]] = {}
    cursor = ""
    while True:
        page = await rest("GET", f"/recordings?{range_}&limit=200{cursor}")
        for one in page["items"]:
            found.setdefault(one["call"], []).append(one["status"])
        if not page["next"]:
            break
        cursor = f"&cursor={page['next']}"
    missing = [call for call in talked if not found.get(call)]
    partial = [call for call in talked if set(found.get(call, ())) - {"complete"}]
    proof.check("conversations of queues", str(len(talked)), bool(talked))
    proof.check("… without a recording", str(len(missing)), not missing)
    proof.check("… with an incomplete recording", str(len(partial)), not partial)
    files = await rest("POST", "/recordings/check")
    proof.check("recordings whose file does not match", f"{len(files['faults'])} of {files['files']}", not files["faults"])
    row = proof.reports["recordings"]["totals"]
    proof.same("recordings missing", row["missing"], len(missing))


def _queues(proof: Proof, expected: dict[str, naive.Queue]) -> None:
    rows = {TITLES[row["queue"]]: row for row in proof.reports["queues"]["rows"]}
    service = {TITLES[row["queue"]]: row for row in proof.reports["service"]["rows"]}
    proof.same("queues of the report", sorted(rows), sorted(expected))
    for name, queue in expected.items():
        values, counts = rows[name], queue.counts
        off, ans, abd = counts["off"], counts["ans"], counts["abd"]
        in_time = sum(wait <= SERVICE_MS[name] for wait in queue.answered_waits)
        quick = sum(wait <= SERVICE_MS[name] for wait in queue.abandoned_waits)
        short = sum(wait <= SHORT_MS for wait in queue.abandoned_waits)
        wanted = {
            **{exit: counts[exit] for exit in ("off", *EXITS)}, "sab": short, "connect_rate": percent(ans, off),
            "sl1": percent(in_time, off), "sl2": percent(in_time, off - short), "sl3": percent(in_time, ans),
            "sl4": percent(in_time + quick, ans + abd), "abandon_rate": percent(abd - short, off - short),
            "abandon_strict": percent(abd, off), "asa_ms": mean(queue.answered_waits),
            "avg_wait_ms": mean(queue.waiting_waits), "avg_wait_all_ms": mean(queue.waits), "longest_ms": max(queue.waits),
        }  # fmt: skip
        for figure, value in wanted.items():
            proof.same(f"queues {name} {figure}", values[figure], value)
        proof.same(f"queues {name}: OFF = sum of the exits", values["off"], sum(values[exit] for exit in EXITS))
        for figure in ("off", "ans", "wtd", "left", "sl1", "avg_wait_ms", "longest_ms"):
            given = {**wanted, "wtd": len(queue.waiting_waits), "left": abd + counts["xkey"]}
            if figure in service[name]:
                proof.same(f"service {name} {figure}", service[name][figure], given[figure])
    totals = proof.reports["queues"]["totals"]
    text = " + ".join(f"{exit.upper()} {totals[exit]}" for exit in EXITS if totals[exit])
    proof.check("OFF = where visits ended", f"{totals['off']} = {text}", totals["off"] == sum(totals[exit] for exit in EXITS))


def _workload(proof: Proof, events: Sequence[ev.Event], since: float, until: float) -> None:
    """Times of an agent are sums of rounded times: half a millisecond for each of them."""
    contacts = naive.inbound(events, since, until)
    times = naive.states(events, since, until, until)
    changes = Counter(event.agent for event in events if isinstance(event, ev.AgentStateChanged))
    rows = {row["agent"]: row for row in proof.reports["workload"]["rows"]}
    offers = {row["agent"]: row for row in proof.reports["agent_inbound"]["rows"]}
    proof.same("agents of the workload report", sorted(rows), sorted({agent for agent, _ in times}))
    for agent, row in rows.items():
        mine, slack = contacts[agent], 1 + 0.5 * (changes[agent] + sum(contacts[agent].outcomes.values()))
        proof.same(f"workload {agent} answered", row["answered"], mine.outcomes["answered"])
        proof.same(f"workload {agent} talk", row["talk_ms"], round(mine.talk * 1000), slack)
        for figure, states in STATES.items():
            seconds = sum(times.get((agent, state), 0.0) for state in states)
            proof.same(f"workload {agent} {figure}", row[figure], round(1000 * seconds), slack)
        offered = offers.get(agent)
        if offered is not None:
            proof.same(f"inbound {agent} missed", offered["missed"], mine.missed)
            proof.same(f"inbound {agent} total", offered["total"], mine.missed + mine.outcomes["answered"])
            proof.same(f"inbound {agent} ring", offered["ring_ms"], mine.ring_ms, slack)
    counted: Counter[tuple[str, str]] = Counter()
    for row in proof.reports["agent_states"]["rows"]:
        counted[row["agent"], row["state"]] += row["ms"]
    proof.same("states of the report", sorted(counted), sorted(times))
    for key, seconds in times.items():
        proof.same(f"states {key}", counted[key], round(seconds * 1000), 1 + 0.5 * changes[key[0]])


def _lines(proof: Proof, expected: dict[str, tuple[int, int, float]]) -> None:
    rows = {row["trunk"]: row for row in proof.reports["lines"]["rows"]}
    proof.same("trunks of the report", sorted(rows), sorted(expected))
    for trunk, (came, went, busy) in expected.items():
        row = rows[trunk]
        proof.same(f"lines {trunk} in", row["calls_in"], came)
        proof.same(f"lines {trunk} out", row["calls_out"], went)
        proof.same(f"lines {trunk} busy", row["busy_ms"], round(busy * 1000), 1 + 0.5 * (came + went))
        seconds = (row["busy_ms"] + row["idle_ms"]) / 1000 / CHANNELS
        proof.same(f"lines {trunk} occupancy", row["occupancy"], percent(row["busy_ms"], row["busy_ms"] + row["idle_ms"]), 0.01)
        proof.same(f"lines {trunk} erlang", row["erlang"], round(busy / seconds, 2), 0.01)


def _callbacks(proof: Proof, events: Sequence[ev.Event]) -> None:
    created = {event.callback for event in events if isinstance(event, ev.CallbackCreated)}
    over = [event for event in events if isinstance(event, ev.CallbackDone)]
    failed = sum(event.result.startswith("failed") for event in over)
    cancelled = sum(isinstance(event, ev.CallbackCancelled) for event in events)
    attempts = {(event.callback, event.attempt) for event in events if isinstance(event, ev.CallbackAttempt)}
    totals = proof.reports["callbacks"]["totals"]
    wanted = {"created": len(created), "done": len(over) - failed, "failed": failed, "cancelled": cancelled, "waiting": 0,
              "dialling": 0, "attempts": len(attempts)}  # fmt: skip
    for name, value in wanted.items():
        proof.same(f"callbacks {name}", totals[name], value)
    proof.checks["callbacks"] = ", ".join(f"{name} {value}" for name, value in wanted.items() if value)
    given = {event.call for event in events if isinstance(event, ev.CallDisposed) and event.codes}
    proof.same("contacts with a result", proof.reports["dispositions"]["totals"]["contacts"], len(given))
