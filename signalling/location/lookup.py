"""The procedure of RFC 3263 §4 as a generator: it yields questions for DNS and returns a route."""

from __future__ import annotations

from collections.abc import Generator
from ipaddress import ip_address
from typing import NamedTuple

from signalling.location.values import NOWHERE, Hop, Member, Naptr, Query, Record, Route, Srv, direct

Asking = Generator[Query, tuple[Record, ...], Route]
_SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_SRV = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_KINDS = {"ipv4": "A", "ipv6": "AAAA"}
MOST_HOPS = 16  # of one name; nobody tries more


class Wanted(NamedTuple):
    """A next hop as configured or as a URI says: `port` 0 and `transport` "" when they are not given."""

    host: str
    port: int = 0
    transport: str = ""


def default_port(transport: str) -> int:
    return 5061 if transport == "tls" else 5060


def locate(wanted: Wanted, transports: tuple[str, ...] = ("udp",), families: tuple[str, ...] = ("ipv4",)) -> Asking:
    """What to ask, then where to go. `transports` and `families` are what we can send with, best first."""
    transport = wanted.transport or transports[0]
    try:
        number = str(ip_address(wanted.host))
    except ValueError:
        number = ""
    if number:
        return direct(transport, (number, wanted.port or default_port(transport)))
    if wanted.port:
        return (yield from _plain(wanted.host, wanted.port, transport, families))
    if wanted.transport:
        services = [(_SRV[wanted.transport] + "." + wanted.host, wanted.transport)] if wanted.transport in _SRV else []
    else:
        services = yield from _services(wanted.host, transports)
    tiers: list[tuple[Member, ...]] = []
    for name, kind in services:
        tiers += yield from _servers(name, kind, families)
    return tuple(tiers) or (yield from _plain(wanted.host, default_port(transport), transport, families))


def _services(host: str, transports: tuple[str, ...]) -> Generator[Query, tuple[Record, ...], list[tuple[str, str]]]:
    """Names for SRV with their transport: by NAPTR, else by what we can do (§4.1)."""
    pointers = [record for record in (yield Query(host, "NAPTR")) if isinstance(record, Naptr)]
    found = []
    for pointer in sorted(pointers, key=lambda pointer: (pointer.order, pointer.preference)):
        transport = _SERVICES.get(pointer.service.lower(), "")
        if pointer.flags.lower() == "s" and transport in transports:
            found.append((pointer.replacement.lower(), transport))
    return found or [(f"{_SRV[transport]}.{host}", transport) for transport in transports if transport in _SRV]


def _servers(
    name: str, transport: str, families: tuple[str, ...]
) -> Generator[Query, tuple[Record, ...], list[tuple[Member, ...]]]:
    """One SRV name: a tier for each priority (§4.2)."""
    servers = sorted(record for record in (yield Query(name, "SRV")) if isinstance(record, Srv))
    tiers: dict[int, list[Member]] = {}
    for server in servers[:MOST_HOPS]:
        if server.target in {"", "."}:  # RFC 2782: decidedly not offered
            continue
        hops = yield from _addresses(server.target.lower(), server.port, transport, families)
        if hops:
            tiers.setdefault(server.priority, []).append(Member(server.weight, hops))
    return [tuple(members) for members in tiers.values()]


def _plain(host: str, port: int, transport: str, families: tuple[str, ...]) -> Asking:
    hops = yield from _addresses(host, port, transport, families)
    return ((Member(0, hops),),) if hops else NOWHERE


def _addresses(
    host: str, port: int, transport: str, families: tuple[str, ...]
) -> Generator[Query, tuple[Record, ...], tuple[Hop, ...]]:
    """Both families in turn, the preferred one first (RFC 7984 §4)."""
    try:
        return (Hop(transport, (str(ip_address(host)), port), host),)
    except ValueError:
        pass  # a name, as it should be
    lists = []
    for family in families:
        records = yield Query(host, _KINDS[family])
        lists.append([Hop(transport, (record, port), host) for record in records if isinstance(record, str)])
    longest = max(map(len, lists), default=0)
    return tuple(hops[place] for place in range(longest) for hops in lists if place < len(hops))[:MOST_HOPS]
