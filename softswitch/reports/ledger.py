"""The sums of facts: one definition of every figure, used when facts are stored, for what is not stored yet, and by rebuilding.

A ledger has, per table of `store.fact_tables`, key → sums in the order of the table's columns. Facts are counted in the quarter
of an hour in which they began; times in a state and busy times are cut at the borders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Table

from softswitch.model.events.queue import ENDLESS_MS
from softswitch.reports.facts import OPEN, CallFacts, Contact, Ended, Seizure, Span, Step, Visit
from softswitch.store.bulk import Bulk, adding
from softswitch.store.fact_tables import (
    BUCKET_SECONDS,
    CONTACT_SUMS,
    QUEUE_SUMS,
    interval_calls,
    interval_contacts,
    interval_handled,
    interval_lines,
    interval_nodes,
    interval_queues,
    interval_states,
)

TARGET_MS, SHORT_MS = 20_000, 5_000
Targets = Callable[[str], tuple[int, int]]
"""Queue → the time within which an answer is in time, and up to which an abandonment is short; ms."""
Key = tuple[Any, ...]

_EXITS = {
    "answered": "ans", "abandoned": "abd", "key": "xkey", "mailbox": "xvm", "timeout": "xto", "overflow": "xov",
    "callback": "xcb", "closed": "xcl", "supervisor": "xsup",
}  # fmt: skip
_QUEUE = {name: index for index, name in enumerate((*QUEUE_SUMS, "max_wait_ms", "open"))}
_CONTACT = {name: index for index, name in enumerate(CONTACT_SUMS)}
_MAX = _QUEUE["max_wait_ms"]
_ADD: dict[Table, Bulk] = {
    interval_queues: adding(interval_queues, QUEUE_SUMS, ("max_wait_ms",)),
    interval_contacts: adding(interval_contacts, CONTACT_SUMS),
    interval_handled: adding(interval_handled, CONTACT_SUMS),
    interval_states: adding(interval_states, ("ms", "times")),
    interval_lines: adding(interval_lines, ("calls_in", "calls_out", "busy_ms")),
    interval_calls: adding(interval_calls, ("calls", "wait_ms", "talk_ms", "duration_ms")),
    interval_nodes: adding(interval_nodes, ("visits", "ms", "dropped")),
}


def bucket_of(at: float) -> int:
    return int(at // BUCKET_SECONDS) * BUCKET_SECONDS


def default_targets(_queue: str) -> tuple[int, int]:
    return TARGET_MS, SHORT_MS


class Ledger:
    """Only what lies in [since, until) is counted."""

    def __init__(self, targets: Targets = default_targets, since: float = -math.inf, until: float = math.inf) -> None:
        self.sums: dict[Table, dict[Key, list[int]]] = {table: {} for table in _ADD}
        self._targets = targets
        self._since = since
        self._until = until

    def __bool__(self) -> bool:
        return any(self.sums.values())

    def _row(self, table: Table, key: Key, length: int) -> list[int]:
        rows = self.sums[table]
        found = rows.get(key)
        if found is None:
            found = rows[key] = [0] * length
        return found

    def _has(self, at: float) -> bool:
        return self._since <= at < self._until

    def _pieces(self, began: float, ended: float) -> Iterator[tuple[int, int]]:
        """(bucket, ms) of a time, cut at the borders. Rounding the ends, not the pieces, keeps the sum."""
        start, end = round(max(began, self._since) * 1000), round(min(ended, self._until) * 1000)
        while start < end:
            bucket = start // (BUCKET_SECONDS * 1000) * BUCKET_SECONDS
            border = min(end, (bucket + BUCKET_SECONDS) * 1000)
            yield bucket, border - start
            start = border

    def visit(self, visit: Visit) -> None:
        if visit.channel != "voice" or not self._has(visit.entered):
            return
        target, short = self._targets(visit.queue)
        row = self._row(interval_queues, (bucket_of(visit.entered), visit.queue, target, short), len(_QUEUE))
        wait, at = visit.wait_ms, _QUEUE
        row[0] += 1
        row[at["wait_ms"]] += wait
        row[_MAX] = max(row[_MAX], wait)
        if visit.waited:
            row[at["wtd"]] += 1
            row[at["wtd_wait_ms"]] += wait
        row[at["open" if visit.result == OPEN else _EXITS.get(visit.result, "xcl")]] += 1
        if visit.result == "answered":
            row[at["ans_wait_ms"]] += wait
            row[at["in_time"]] += wait <= target
            if 0 <= visit.predicted_ms < ENDLESS_MS:
                row[at["predicted"]] += 1
                row[at["error_ms"]] += visit.predicted_ms - wait
                row[at["abs_error_ms"]] += abs(visit.predicted_ms - wait)
                row[at["covered"]] += wait <= visit.p80_ms
        elif visit.result == "abandoned":
            row[at["sab"]] += wait <= short
            row[at["abd_in_time"]] += wait <= target

    def contact(self, contact: Contact) -> None:
        if not self._has(contact.began):
            return
        bucket, at = bucket_of(contact.began), _CONTACT
        row = [0] * len(_CONTACT)
        row[at["ring_ms"]] += contact.ring_ms
        if contact.outcome == "answered":
            row[at["total"]] += 1
            row[at["answered"]] += 1
            row[at["talk_ms"]] += contact.talk_ms
            row[at["hold_ms"]] += contact.hold_ms
            row[at["held"]] += contact.holds > 0
            row[at["transferred"]] += contact.transferred
        else:
            row[at["total"]] += contact.counted
            row[at["missed"]] += contact.counted
            row[at["no_answer"]] += contact.outcome == "no_answer"
            row[at["refused"]] += contact.outcome in ("reject", "busy")
            row[at["device"]] += contact.outcome in ("device", "lost")
            row[at["given_up"]] += contact.outcome == "abandoned"
        self._contact(bucket, contact.agent, contact.queue, contact.direction, row)

    def _contact(self, bucket: int, agent: str, queue: str, direction: str, sums: list[int]) -> None:
        self.add(interval_contacts, (bucket, agent, queue, direction), sums)
        self.add(interval_handled, (bucket, queue, direction), sums)

    def seizure(self, seizure: Seizure) -> None:
        for bucket, ms in self._pieces(seizure.began, seizure.ended):
            self._row(interval_lines, (bucket, seizure.trunk, seizure.channel), 3)[2] += ms
        if self._has(seizure.began):
            key = (bucket_of(seizure.began), seizure.trunk, seizure.channel)
            self._row(interval_lines, key, 3)[0 if seizure.direction == "in" else 1] += 1

    def span(self, span: Span) -> None:
        for bucket, ms in self._pieces(span.began, span.ended):
            self._row(interval_states, (bucket, span.kind, span.name, span.state, span.reason), 2)[0] += ms
        if not self._has(span.began):
            return
        bucket = bucket_of(span.began)
        self._row(interval_states, (bucket, span.kind, span.name, span.state, span.reason), 2)[1] += 1
        if span.state == "wrap_up":
            sums = [0] * len(_CONTACT)
            sums[_CONTACT["wrap_ms"]] = round(span.ended * 1000) - round(span.began * 1000)
            self._contact(bucket, span.name, span.queue, "in" if span.queue else "out", sums)

    def call(self, call: Ended) -> None:
        if self._has(call.began):
            row = self._row(interval_calls, (bucket_of(call.began), call.direction, call.result), 4)
            for index, value in enumerate((1, call.wait_ms, call.talk_ms, call.duration_ms)):
                row[index] += value

    def facts(self, found: CallFacts) -> None:
        """What one call made."""
        for visit in found.visits:
            self.visit(visit)
        for contact in found.contacts:
            self.contact(contact)
        for seizure in found.seizures:
            self.seizure(seizure)
        for step in found.steps:
            self.step(step)

    def step(self, step: Step) -> None:
        if self._has(step.began):
            key = (bucket_of(step.began), step.flow, step.node, step.verb, step.result)
            row = self._row(interval_nodes, key, 3)
            row[0] += 1
            row[1] += step.ms
            row[2] += step.dropped

    def merge(self, other: Ledger) -> None:
        for table, rows in other.sums.items():
            for key, values in rows.items():
                self.add(table, key, values)

    def add(self, table: Table, key: Key, values: list[int]) -> None:
        row = self._row(table, key, len(values))
        for index, value in enumerate(values):
            if table is interval_queues and index == _MAX:
                row[index] = max(row[index], value)
            else:
                row[index] += value

    def write(self, connection: Connection) -> None:
        """Adds to what is stored, keys in order so that two writers never wait for each other."""
        for table, rows in self.sums.items():
            width = -1 if table is interval_queues else None  # open visits are not stored
            _ADD[table].run(connection, [(*key, *values[:width]) for key, values in sorted(rows.items())])
