"""The figures once more, straight from events and as slowly as one likes: nothing of the product's folds is used here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from softswitch.model import events as ev

RESULTS = {
    "answered": "ans", "abandoned": "abd", "key": "xkey", "mailbox": "xvm", "timeout": "xto", "overflow": "xov",
    "callback": "xcb", "closed": "xcl", "supervisor": "xsup",
}  # fmt: skip


@dataclass
class Queue:
    counts: Counter[str] = field(default_factory=Counter)
    answered_waits: list[int] = field(default_factory=list)
    abandoned_waits: list[int] = field(default_factory=list)
    waits: list[int] = field(default_factory=list)
    waiting_waits: list[int] = field(default_factory=list)


def by_call(events: Iterable[ev.Event]) -> dict[str, list[ev.Event]]:
    found: dict[str, list[ev.Event]] = defaultdict(list)
    for event in events:
        if event.call:
            found[event.call].append(event)
    return found


def queues(events: Sequence[ev.Event], since: float, until: float, now: float) -> dict[str, Queue]:
    found: dict[str, Queue] = defaultdict(Queue)
    for call in by_call(events).values():
        for entered in call:
            if not isinstance(entered, ev.QueueEntered) or not since <= entered.at < until:
                continue
            queue, mine = found[entered.queue], [e for e in call if getattr(e, "visit", "") == entered.visit]
            left = next((e for e in mine if isinstance(e, ev.QueueLeft)), None)
            ended = next((e for e in call if isinstance(e, ev.CallEnded)), None)
            if left is not None:
                result, wait = RESULTS[left.result], left.wait_ms
            elif ended is not None:
                result = "abd" if ended.who == "caller" else "xsup" if ended.who == "supervisor" else "xcl"
                wait = round((ended.at - entered.at) * 1000)
            else:
                result, wait = "open", round((now - entered.at) * 1000)
            queue.counts["off"] += 1
            queue.counts[result] += 1
            queue.waits.append(wait)
            if result == "ans":
                queue.answered_waits.append(wait)
            if result == "abd":
                queue.abandoned_waits.append(wait)
            first = next((e for e in mine if isinstance(e, ev.OfferMade)), None)
            if first is None or first.wait_ms > 0:
                queue.waiting_waits.append(wait)
    return found


def lines(events: Sequence[ev.Event], since: float, until: float, now: float) -> dict[str, tuple[int, int, float]]:
    """Trunk → calls in, calls out, busy seconds within the range."""
    found: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    for call in by_call(events).values():
        ended = next((e.at for e in call if isinstance(e, ev.CallEnded)), now)
        for event in call:
            if isinstance(event, ev.CallCreated | ev.LegStarted) and event.trunk:
                end = ended
                if isinstance(event, ev.LegStarted):
                    end = next((e.at for e in call if isinstance(e, ev.LegEnded) and e.leg == event.leg), ended)
                row = found[event.trunk]
                if since <= event.at < until:
                    row[0 if isinstance(event, ev.CallCreated) else 1] += 1
                row[2] += max(0.0, min(end, until) - max(event.at, since))
    return {trunk: (int(a), int(b), busy) for trunk, (a, b, busy) in found.items() if a or b or busy}


def states(events: Sequence[ev.Event], since: float, until: float, now: float) -> dict[tuple[str, str], float]:
    """(agent, state) → seconds within the range."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    changes: dict[str, list[ev.AgentStateChanged]] = defaultdict(list)
    for event in events:
        if isinstance(event, ev.AgentStateChanged):
            changes[event.agent].append(event)
    for agent, mine in changes.items():
        for n, change in enumerate(mine):
            end = mine[n + 1].at if n + 1 < len(mine) else now
            if change.new != "logged_out":
                found[agent, change.new] += max(0.0, min(end, until) - max(change.at, since))
    return {key: seconds for key, seconds in found.items() if seconds > 0}


@dataclass
class Agent:
    outcomes: Counter[str] = field(default_factory=Counter)
    talk: float = 0.0
    hold: float = 0.0
    ring_ms: int = 0

    @property
    def missed(self) -> int:
        return sum(self.outcomes[name] for name in ("no_answer", "reject", "busy", "abandoned_late"))


def inbound(events: Sequence[ev.Event], since: float, until: float) -> dict[str, Agent]:
    """Offers made within the range, of calls that are over."""
    found: dict[str, Agent] = defaultdict(Agent)
    for call in by_call(events).values():
        if not any(isinstance(e, ev.CallEnded) for e in call):
            continue
        for n, made in enumerate(call):
            if isinstance(made, ev.OfferMade) and since <= made.at < until:
                _offer(found[made.agent], made, call[n + 1 :])
            if isinstance(made, ev.ConsultEnded) and made.result == "transferred":
                _taken_over(found, call[n + 1 :], next(e.at for e in reversed(call[:n]) if isinstance(e, ev.ConsultStarted)),
                            since, until)  # fmt: skip
    return found


def _offer(agent: Agent, made: ev.OfferMade, rest: Sequence[ev.Event]) -> None:
    rang = next((e.at for e in rest if isinstance(e, ev.OfferRinging) and e.offer == made.offer), None)
    for n, event in enumerate(rest):
        if isinstance(event, ev.OfferFailed) and event.offer == made.offer:
            agent.outcomes[event.reason] += 1
            agent.ring_ms += event.ring_ms
            return
        if isinstance(event, ev.OfferWithdrawn) and event.offer == made.offer:
            ms = round((event.at - rang) * 1000) if rang is not None else 0
            agent.outcomes["abandoned_late" if ms >= 3000 and event.reason == "abandoned" else "withdrawn"] += 1
            agent.ring_ms += ms
            return
        if isinstance(event, ev.OfferAnswered) and event.offer == made.offer:
            agent.outcomes["answered"] += 1
            agent.ring_ms += event.ring_ms
            _talked(agent, event.at, rest[n + 1 :])
            return
    agent.outcomes["withdrawn"] += 1
    if rang is not None:
        agent.ring_ms += round((rest[-1].at - rang) * 1000)


def _talked(agent: Agent, since: float, rest: Sequence[ev.Event]) -> None:
    leg = next((e.leg for e in rest if isinstance(e, ev.CallConnected)), "")
    held: float | None = None
    for event in rest:
        if isinstance(event, ev.CallHeld | ev.ConsultStarted):
            held = event.at if held is None else held
        over = isinstance(event, ev.CallEnded) or (isinstance(event, ev.LegEnded) and event.leg == leg)
        if held is not None and (over or isinstance(event, ev.CallResumed | ev.ConsultEnded)):
            agent.hold += event.at - held
            held = None
        if over:
            agent.talk += event.at - since
            return


def _taken_over(found: dict[str, Agent], rest: Sequence[ev.Event], tried: float, since: float, until: float) -> None:
    """The colleague to whom a call was handed."""
    for n, event in enumerate(rest):
        if isinstance(event, ev.CallConnected):
            if since <= tried < until:
                agent = found[event.agent]
                agent.outcomes["answered"] += 1
                agent.ring_ms += round((event.at - tried) * 1000)
                _talked(agent, event.at, [event, *rest[n + 1 :]])
            return
