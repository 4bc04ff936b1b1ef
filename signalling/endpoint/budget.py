"""How much a source may ask before it is identified: token buckets in bounded tables, least recently used first out."""

from __future__ import annotations

from collections import OrderedDict
from enum import StrEnum
from ipaddress import ip_address

from signalling.usage.config import Limits

HEARD_OF = 30 * 86400.0  # a login this recent makes a source known


class Verdict(StrEnum):
    FINE = "fine"
    OVERRUN = "overrun"  # this request was one too many: silence begins
    SILENCED = "silenced"


class _Bucket:
    __slots__ = ("at", "silent_until", "tokens")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens = tokens
        self.at = at
        self.silent_until = 0.0

    def take(self, rate: float, burst: float, now: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Budget:
    """Requests per source address: /32 of IPv4, /64 of IPv6."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._asked: OrderedDict[str, _Bucket] = OrderedDict()
        self._told: OrderedDict[str, _Bucket] = OrderedDict()
        self._logins: OrderedDict[str, float] = OrderedDict()

    def is_silenced(self, host: str, now: float) -> bool:
        """Looked at before a request is parsed."""
        bucket = self._asked.get(source_of(host))
        return bucket is not None and bucket.silent_until > now

    def ask(self, host: str, now: float) -> Verdict:
        """Count one request outside dialogs."""
        source, limits = source_of(host), self._limits
        login = self._logins.get(source)
        if login is not None and now - login < HEARD_OF:
            rate, burst = limits.known_rate, limits.known_burst
        else:
            rate, burst = limits.stranger_rate, limits.stranger_burst
        bucket = self._bucket(self._asked, source, burst, now)
        if bucket.silent_until > now:
            return Verdict.SILENCED
        if bucket.take(rate, burst, now):
            return Verdict.FINE
        bucket.silent_until = now + limits.penalty
        return Verdict.OVERRUN

    def may_tell(self, host: str, now: float) -> bool:
        """Whether a stranger may hear one more error answer."""
        burst = self._limits.told_per_minute
        return self._bucket(self._told, source_of(host), burst, now).take(burst / 60.0, burst, now)

    def logged_in(self, host: str, now: float) -> None:
        """A login from this source succeeded: it gets the larger budget and its silence ends."""
        source = source_of(host)
        self._logins.pop(source, None)
        self._logins[source] = now
        if len(self._logins) > self._limits.table:
            self._logins.popitem(last=False)
        bucket = self._asked.get(source)
        if bucket is not None:
            bucket.silent_until = 0.0

    def _bucket(self, table: OrderedDict[str, _Bucket], source: str, burst: float, now: float) -> _Bucket:
        bucket = table.get(source)
        if bucket is None:
            bucket = table[source] = _Bucket(burst, now)
            if len(table) > self._limits.table:
                table.popitem(last=False)
        else:
            table.move_to_end(source)
        return bucket


def source_of(host: str) -> str:
    """What counts as one source: an IPv4 address, a /64 of IPv6."""
    if ":" not in host:
        return host
    try:
        return ip_address(host.partition("%")[0]).packed[:8].hex()
    except ValueError:
        return host
