"""How much a source may ask before it is identified: token buckets in one bounded table, least recently used first out.

Nothing that is over a budget is parsed (sip.md §9). Who is judged by which budget: strangers by two, of all requests and
of those that make work, and all strangers together by a third; a source with a login in the last 30 days by a larger one of its
own, so that an office after a power cut gets in while a flood goes on; a flow with a binding by the same figures, without the
silence.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address

from signalling.usage.config import Limits

HEARD_OF = 30 * 86400.0  # a login this recent makes a source known
COSTLY = (b"REGISTER ", b"INVITE ", b"SUBSCRIBE ", b"OPTIONS ")


class Verdict(StrEnum):
    FINE = "fine"
    OVERRUN = "overrun"  # this request was one too many: silence begins
    SILENCED = "silenced"
    CROWDED = "crowded"  # the source did nothing wrong, but all strangers together ask too much


class _Bucket:
    """Tokens for all requests and for costly ones; one clock for both."""

    __slots__ = ("at", "costly", "silent_until", "tokens")

    def __init__(self, tokens: float, costly: float, at: float) -> None:
        self.tokens = tokens
        self.costly = costly
        self.at = at
        self.silent_until = 0.0


class Budget:
    """Requests per source address: /32 of IPv4, /64 of IPv6."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._asked: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._told: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._logins: OrderedDict[str, float] = OrderedDict()
        self._all = _Bucket(limits.strangers_burst, 0.0, 0.0)

    def ask(self, host: str, data: bytes, now: float) -> Verdict:
        """Count one message that is not parsed yet; only its first octets are looked at."""
        source, limits = source_of(host), self._limits
        bucket = self._asked.get(source)
        if bucket is not None and bucket.silent_until > now:
            return Verdict.SILENCED
        if self.knows(source, now):
            rate, burst, costly_rate, costly_burst = (
                limits.known_rate,
                limits.known_burst,
                limits.known_rate,
                limits.known_burst,
            )
        elif not self._room_for_strangers(now):
            return Verdict.CROWDED
        else:
            rate, burst = limits.stranger_rate, limits.stranger_burst
            costly_rate, costly_burst = limits.costly_rate, limits.costly_burst
        bucket = self._bucket(self._asked, source, burst, costly_burst, now)
        since, bucket.at = now - bucket.at, now
        bucket.tokens = min(burst, bucket.tokens + since * rate)
        bucket.costly = min(costly_burst, bucket.costly + since * costly_rate)
        costs = 1.0 if data.startswith(COSTLY) else 0.0
        if bucket.tokens < 1.0 or bucket.costly < costs:
            bucket.silent_until = now + limits.penalty
            return Verdict.OVERRUN
        bucket.tokens -= 1.0
        bucket.costly -= costs
        return Verdict.FINE

    def may_go_on(self, flow: Hashable, now: float) -> bool:
        """Count one message of a flow with a binding; what is too much is left out, and that is all."""
        burst = self._limits.known_burst
        return self._take(self._bucket(self._asked, flow, burst, 0.0, now), self._limits.known_rate, burst, now)

    def may_tell(self, host: str, now: float) -> bool:
        """Whether a stranger may hear one more error answer."""
        burst = self._limits.told_per_minute
        return self._take(self._bucket(self._told, source_of(host), burst, 0.0, now), burst / 60.0, burst, now)

    def knows(self, source: str, now: float) -> bool:
        """Whether a login came from this source (see `source_of`) in the last 30 days."""
        login = self._logins.get(source)
        return login is not None and now - login < HEARD_OF

    def logged_in(self, host: str, now: float) -> None:
        """A login from this source succeeded: it gets the larger budget and its silence ends."""
        source = source_of(host)
        was_known = self._logins.pop(source, None) is not None
        self._logins[source] = now
        if len(self._logins) > self._limits.table:
            self._logins.popitem(last=False)
        bucket = self._asked.get(source)
        if bucket is not None:
            bucket.silent_until = 0.0
            if not was_known:
                bucket.tokens = bucket.costly = self._limits.known_burst

    @property
    def logins(self) -> Mapping[str, float]:
        """Source → when it last logged in; what a restart must not forget."""
        return self._logins

    def _room_for_strangers(self, now: float) -> bool:
        return self._take(self._all, self._limits.strangers_rate, self._limits.strangers_burst, now)

    @staticmethod
    def _take(bucket: _Bucket, rate: float, burst: float, now: float) -> bool:
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True

    def _bucket(
        self, table: OrderedDict[Hashable, _Bucket], source: Hashable, burst: float, costly: float, now: float
    ) -> _Bucket:
        bucket = table.get(source)
        if bucket is None:
            bucket = table[source] = _Bucket(burst, costly, now)
            if len(table) > self._limits.table:
                table.popitem(last=False)
        else:
            table.move_to_end(source)
        return bucket


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, a /64 of IPv6 (written as its first address)."""
    return _first_of_64(host) if ":" in host else host


@lru_cache(maxsize=4096)
def _first_of_64(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return str(ip_address(address.packed[:8] + bytes(8)))
