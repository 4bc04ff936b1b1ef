"""Two days beside each other: figures per queue, who got what, which decisions came out otherwise. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from softswitch.acd.model import AcdConfig
from softswitch.model.events import AcdDecision, Event, OfferAnswered, QueueEntered, QueueLeft, rfc3339

_TARGET = 20.0  # seconds, of a queue that is not configured


@dataclass(slots=True)
class QueueFigures:
    """`service_level`: answered within the queue's target / (answered + abandoned); times in ms, of the answered."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    exits: dict[str, int] = field(default_factory=dict)
    in_time: int = 0
    wait_ms: int = 0
    longest_ms: int = 0
    agents: dict[str, int] = field(default_factory=dict)

    @property
    def service_level(self) -> float | None:
        judged = self.answered + self.abandoned
        return round(self.in_time / judged, 4) if judged else None

    @property
    def asa_ms(self) -> int:
        return round(self.wait_ms / self.answered) if self.answered else 0

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "service_level": self.service_level, "asa_ms": self.asa_ms}


def figures_of(events: Iterable[Event], config: AcdConfig) -> dict[str, QueueFigures]:
    found: dict[str, QueueFigures] = defaultdict(QueueFigures)
    returns: set[str] = set()  # stays of callbacks: their callers were offered before, and left as `callback`
    for event in events:
        if isinstance(event, QueueEntered) and event.channel == "callback":
            returns.add(event.visit)
        if getattr(event, "visit", "") in returns:
            continue
        match event:
            case QueueEntered():
                found[event.queue].offered += 1
            case QueueLeft(result="answered"):
                queue = config.queues.get(event.queue)
                row = found[event.queue]
                row.answered += 1
                row.wait_ms += event.wait_ms
                row.in_time += event.wait_ms <= 1000 * (queue.service_seconds if queue else _TARGET)
                row.longest_ms = max(row.longest_ms, event.wait_ms)
            case QueueLeft():
                row = found[event.queue]
                row.abandoned += event.result == "abandoned"
                row.exits[event.result] = row.exits.get(event.result, 0) + 1
                row.longest_ms = max(row.longest_ms, event.wait_ms)
            case OfferAnswered():
                row = found[event.queue]
                row.agents[event.agent] = row.agents.get(event.agent, 0) + 1
            case _:
                pass
    return dict(found)


@dataclass(frozen=True, slots=True)
class Change:
    """The n-th decision about a caller that came out otherwise; "" where there was none."""

    call: str
    queue: str
    at: float
    before: str
    after: str
    rule: str


def changes_between(before: Sequence[AcdDecision], after: Sequence[AcdDecision]) -> list[Change]:
    """In the order of time."""
    old, new = _by_visit(before), _by_visit(after)
    found: list[Change] = []
    for visit in dict.fromkeys((*old, *new)):
        was, now = old.get(visit, []), new.get(visit, [])
        for index in range(max(len(was), len(now))):
            one = was[index] if index < len(was) else None
            two = now[index] if index < len(now) else None
            if (one.chosen if one else "") != (two.chosen if two else ""):
                told = two or one
                if told is not None:
                    first, second = one.chosen if one else "", two.chosen if two else ""
                    found.append(Change(told.call, told.queue, told.at, first, second, told.rule))
    return sorted(found, key=lambda change: change.at)


def reproduced(before: Sequence[AcdDecision], after: Sequence[AcdDecision]) -> float:
    """Share of the recorded decisions that were made again: the same agent for the same caller, attempt by attempt."""
    if not before:
        return 1.0
    old, new = _by_visit(before), _by_visit(after)
    same = sum(
        1 for visit, was in old.items() for one, two in zip(was, new.get(visit, []), strict=False) if one.chosen == two.chosen
    )
    return same / len(before)


def _by_visit(decisions: Iterable[AcdDecision]) -> Mapping[str, list[AcdDecision]]:
    found: dict[str, list[AcdDecision]] = defaultdict(list)
    for decision in decisions:
        found[decision.visit].append(decision)
    return found


@dataclass(frozen=True, slots=True)
class Comparison:
    """`check`: share of decisions that the unchanged configuration reproduces; None when that was not asked."""

    before: Mapping[str, QueueFigures]
    after: Mapping[str, QueueFigures]
    changes: Sequence[Change]
    decisions: int
    refused: int
    check: float | None = None

    def only(self, queue: str) -> Comparison:
        """Of one queue."""
        before = {name: row for name, row in self.before.items() if name == queue}
        after = {name: row for name, row in self.after.items() if name == queue}
        changes = [change for change in self.changes if change.queue == queue]
        return Comparison(before, after, changes, self.decisions, self.refused, self.check)

    def to_dict(self) -> dict[str, Any]:
        queues = sorted({*self.before, *self.after})
        empty = QueueFigures()
        return {
            "queues": [
                {
                    "queue": name, "before": self.before.get(name, empty).to_dict(),
                    "after": self.after.get(name, empty).to_dict(),
                }
                for name in queues
            ],
            "decisions": self.decisions, "changed": len(self.changes), "refused": self.refused, "reproduced": self.check,
            "changes": [{**asdict(change), "at": rfc3339(change.at)} for change in self.changes],
        }  # fmt: skip

    def text(self, most: int = 20) -> str:
        """For people; the first `most` changed decisions."""
        lines: list[str] = []
        for name in sorted({*self.before, *self.after}):
            lines += [f"queue {name}", *_rows(self.before.get(name, QueueFigures()), self.after.get(name, QueueFigures()))]
        lines.append(f"{len(self.changes)} of {self.decisions} decisions came out otherwise")
        if self.check is not None:
            lines.append(f"the unchanged configuration reproduces {self.check:.2%} of the decisions")
        for change in self.changes[:most]:
            was, now = change.before or "nobody", change.after or "nobody"
            lines.append(f"  {rfc3339(change.at)} {change.call} in {change.queue}: {was} -> {now} ({change.rule})")
        if len(self.changes) > most:
            lines.append(f"  … and {len(self.changes) - most} more")
        return "\n".join(lines)


def _rows(before: QueueFigures, after: QueueFigures) -> list[str]:
    def level(row: QueueFigures) -> str:
        return "-" if row.service_level is None else f"{row.service_level:.1%}"

    rows = [
        ("offered", str(before.offered), str(after.offered)),
        ("answered", str(before.answered), str(after.answered)),
        ("abandoned", str(before.abandoned), str(after.abandoned)),
        ("service level", level(before), level(after)),
        ("average speed of answer", f"{before.asa_ms / 1000:.1f} s", f"{after.asa_ms / 1000:.1f} s"),
        ("longest wait", f"{before.longest_ms / 1000:.1f} s", f"{after.longest_ms / 1000:.1f} s"),
    ]
    moved = Counter(after.agents)
    moved.subtract(before.agents)
    shifts = [f"{login} {count:+d}" for login, count in sorted(moved.items(), key=lambda entry: -abs(entry[1])) if count]
    table = [f"  {title:<26}{old:>12} -> {new:>12}" for title, old, new in rows]
    return [*table, *([f"  agents' answered calls      {', '.join(shifts[:10])}"] if shifts else [])]
