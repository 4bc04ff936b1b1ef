"""DNS for `signalling.location`: dnspython asks, the memory keeps; the system knows what is in no DNS (/etc/hosts)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.resolver

from signalling.errors import RemoteProtocolError, TransportError
from signalling.location import NOWHERE, Answer, Memory, Naptr, Query, Record, Route, Srv, Wanted, locate, ordered
from signalling.message import parse_uri

LIFETIME = 2.0  # seconds for one question, over all servers
_FAMILIES = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}


class Resolver:
    """Answers from memory while they live. `servers` are "host" or "host:port"; none: the system's."""

    def __init__(self, servers: tuple[str, ...] = (), families: tuple[str, ...] = ("ipv4", "ipv6")) -> None:
        """Raises ValueError for a server that is no address."""
        self.memory = Memory()
        self._families = families
        self._own = bool(servers)
        self._asking: dict[Query, asyncio.Task[tuple[Record, ...]]] = {}
        try:
            self._dns: dns.asyncresolver.Resolver | None = dns.asyncresolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration:  # no /etc/resolv.conf: only what the system knows by itself
            self._dns = None
        if self._dns is not None:
            self._dns.lifetime = LIFETIME
            self._dns.timeout = LIFETIME / 2
            if servers:
                self._dns.nameservers = [_nameserver(text) for text in servers]

    async def locate(self, wanted: Wanted, transports: tuple[str, ...] = ("udp",)) -> Route:
        """Where a name leads; NOWHERE when it is known to lead nowhere. Raises TransportError when nobody answers."""
        asking = locate(wanted, transports, self._families)
        try:
            query = next(asking)
            while True:
                query = asking.send(await self._ask(query))
        except StopIteration as end:
            found: Route = end.value
            return found

    async def resolve(self, target: str) -> tuple[str, tuple[str, int]]:
        """Transport and first address for a SIP URI or 'host[:port]'. Raises TransportError when there is none."""
        try:
            uri = parse_uri(target if target.lower().startswith(("sip:", "sips:")) else f"sip:{target}")
        except RemoteProtocolError as error:
            raise TransportError(f"not a SIP address: {target!r}") from error
        wanted = Wanted(uri.host, uri.port or 0, (uri.param("transport") or "").lower())
        hops = ordered(await self.locate(wanted), lambda most: most // 2)
        if not hops:
            raise TransportError(f"cannot resolve {uri.host}")
        return hops[0].transport, hops[0].address

    async def _ask(self, query: Query) -> tuple[Record, ...]:
        """One question; callers who ask the same share the answer."""
        now = asyncio.get_running_loop().time()
        known = self.memory.fresh(query, now)
        if known is not None:
            return known
        task = self._asking.get(query)
        if task is None:
            task = self._asking[query] = asyncio.get_running_loop().create_task(self._fetch(query))
            task.add_done_callback(lambda _: self._asking.pop(query, None))
        return await asyncio.shield(task)

    async def _fetch(self, query: Query) -> tuple[Record, ...]:
        loop = asyncio.get_running_loop()
        try:
            answer = await self._from_dns(query)
        except (dns.exception.DNSException, OSError) as fault:
            records = await self._from_system(query)
            if not records:
                kept = self.memory.stale(query, loop.time())
                if kept is not None:
                    return kept
                if query.kind in _FAMILIES:
                    raise TransportError(f"cannot resolve {query.name}: no DNS server answers") from fault
            answer = Answer(records, 0.0)
        else:
            if not answer.records:
                answer = Answer(await self._from_system(query), 60.0)
        self.memory.put(query, answer, loop.time())
        return answer.records

    async def _from_dns(self, query: Query) -> Answer:
        if self._dns is None:
            return Answer((), 0.0)
        try:
            name = dns.name.from_text(query.name)  # absolute: search domains are for people
            found = await self._dns.resolve(name, query.kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return Answer((), 0.0)
        except ValueError:  # no name that DNS could hold
            return Answer((), 0.0)
        if found.rrset is None:
            return Answer((), 0.0)
        return Answer(tuple(_READ[query.kind](record) for record in found.rrset), float(found.rrset.ttl))

    async def _from_system(self, query: Query) -> tuple[Record, ...]:
        """Addresses of names that stand in no DNS; nothing when servers of our own are configured."""
        family = _FAMILIES.get(query.kind)
        if family is None or self._own:
            return ()
        try:
            found = await asyncio.get_running_loop().getaddrinfo(query.name, None, family=family, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            return ()
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _nameserver(text: str) -> Any:
    host, _, port = text.rpartition(":") if text.count(":") == 1 or text.startswith("[") else (text, "", "")
    return dns.nameserver.Do53Nameserver(host.strip("[]"), int(port or 53))


def _text(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True)).lower()


def _bytes(value: bytes) -> str:
    return value.decode("ascii", "replace")


_READ: dict[str, Callable[[Any], Record]] = {
    "A": lambda record: str(record.address),
    "AAAA": lambda record: str(record.address),
    "SRV": lambda record: Srv(record.priority, record.weight, record.port, _text(record.target)),
    "NAPTR": lambda record: Naptr(
        record.order, record.preference, _bytes(record.flags), _bytes(record.service), _text(record.replacement)
    ),
}
__all__ = ["NOWHERE", "Resolver"]
