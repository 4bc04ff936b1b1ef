"""What sources have done wrong: points, timed bans, and the watch over single accounts (sip.md §9, §6 guessing guard).

Only a verified source is banned: one that finished a TCP handshake or returned a nonce of ours. Else a forged
datagram would shut out whomever it names. All tables are bounded, least recently used first out.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from signalling.endpoint.budget import source_of
from signalling.usage.offences import POINTS, BanRules


class Ban(NamedTuple):
    """`times`: how often the source was banned, this time included; the next one lasts twice as long."""

    source: str
    until: float
    reason: str
    times: int = 1


class Score(NamedTuple):
    """What became of one event: its points, what the source has collected, and the ban when this was too much."""

    points: int
    total: int
    ban: Ban | None = None


@dataclass(slots=True)
class _Record:
    marks: deque[tuple[float, int]] = field(default_factory=deque)
    times: int = 0


class Bans:
    """Owned by the endpoint. `host` is an address; a source is what `source_of` makes of it."""

    def __init__(self, rules: BanRules) -> None:
        self._rules = rules
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._banned: OrderedDict[str, Ban] = OrderedDict()

    def is_banned(self, host: str, now: float) -> bool:
        if not self._banned:  # asked for each message of a stranger
            return False
        ban = self._banned.get(source_of(host))
        if ban is None:
            return False
        if ban.until > now:
            return True
        del self._banned[ban.source]
        return False

    def note(self, what: str, host: str, now: float, *, verified: bool) -> Score:
        """Count one event of POINTS. One of a source that may be forged costs points and is not collected."""
        points, rules = POINTS[what], self._rules
        if not verified:
            return Score(points, 0)
        source = source_of(host)
        record = self._record(source)
        record.marks.append((now, points))
        while record.marks[0][0] < now - rules.window:
            record.marks.popleft()
        total = sum(mark for _, mark in record.marks)
        if not 0 < rules.limit <= total or self._is_spared(host):
            return Score(points, total)
        record.marks.clear()
        record.times += 1
        seconds = min(rules.first * 2 ** min(record.times - 1, 30), rules.longest)
        ban = Ban(source, now + seconds, what, record.times)
        self._put(ban)
        return Score(points, total, ban)

    def cleared(self, host: str) -> None:
        """A login from there succeeded: what was collected is forgotten."""
        if self._records:
            record = self._records.get(source_of(host))
            if record is not None:
                record.marks.clear()

    def ban(self, ban: Ban) -> None:
        """Shut a source out by order, or as it was before a restart."""
        self._record(ban.source).times = ban.times
        self._put(ban)

    def lift(self, source: str) -> bool:
        """End a ban; its source begins anew. False when there is none."""
        source = source_of(source)
        self._records.pop(source, None)
        return self._banned.pop(source, None) is not None

    def active(self, now: float) -> list[Ban]:
        """The bans in force, newest last."""
        return [ban for ban in self._banned.values() if ban.until > now]

    def _put(self, ban: Ban) -> None:
        self._banned.pop(ban.source, None)
        self._banned[ban.source] = ban
        if len(self._banned) > self._rules.table:
            self._banned.popitem(last=False)

    def _record(self, source: str) -> _Record:
        record = self._records.get(source)
        if record is None:
            record = self._records[source] = _Record()
            if len(self._records) > self._rules.table:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(source)
        return record

    def _is_spared(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return True
        return any(address in network for network in self._rules.never)


class GuessGuard:
    """Accounts whose secret is being guessed from many sources: over `most` failures in `window` seconds.

    Names are counted as they are claimed, known or not: nobody learns from it which exist.
    """

    def __init__(self, most: int = 20, window: float = 600.0, table: int = 10_000) -> None:
        self._most = most
        self._window = window
        self._table = table
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def failed(self, name: str, now: float) -> bool:
        """Count a failure; True when it is the one that makes the account guarded."""
        failures = self._failures.setdefault(name, deque(maxlen=self._most + 1))
        self._failures.move_to_end(name)
        if len(self._failures) > self._table:
            self._failures.popitem(last=False)
        was = self.is_guarded(name, now)
        failures.append(now)
        return not was and self.is_guarded(name, now)

    def is_guarded(self, name: str, now: float) -> bool:
        failures = self._failures.get(name)
        return failures is not None and len(failures) > self._most and now - failures[0] < self._window

    def names(self, now: float) -> Iterable[str]:
        return [name for name in self._failures if self.is_guarded(name, now)]
