"""The resolver against a DNS server on loopback: all four kinds of records, lives, and what happens when the server is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from signalling.errors import TransportError
from signalling.location import Answer, Query, Wanted, ordered
from signalling.transports import Resolver
from signalling.transports import resolver as module

ZONE = """
carrier.test.           60 IN NAPTR 10 10 "s" "SIP+D2T" "" _sip._tcp.carrier.test.
_sip._tcp.carrier.test. 60 IN SRV 10 5 5070 a.carrier.test.
_sip._udp.carrier.test. 60 IN SRV 20 5 5060 b.carrier.test.
_sip._udp.carrier.test. 60 IN SRV 10 5 5060 a.carrier.test.
a.carrier.test.         60 IN A 192.0.2.1
a.carrier.test.         60 IN AAAA 2001:db8::1
b.carrier.test.         60 IN A 192.0.2.2
short.test.             5 IN A 192.0.2.5
"""


class Server(asyncio.DatagramProtocol):
    """Answers from ZONE; silent once `up` is False."""

    def __init__(self) -> None:
        self.up = True
        self.asked: Counter[tuple[str, str]] = Counter()
        self._records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for line in ZONE.strip().splitlines():
            name, ttl, _, kind, value = line.split(None, 4)
            known = self._records.get((name, kind))
            values = [*(str(record) for record in known), value] if known is not None else [value]
            self._records[name, kind] = dns.rrset.from_text(name, int(ttl), "IN", kind, *values)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.up:
            return
        question = dns.message.from_wire(data)
        name, kind = str(question.question[0].name).lower(), dns.rdatatype.to_text(question.question[0].rdtype)
        self.asked[name.rstrip("."), kind] += 1
        answer = dns.message.make_response(question)
        if (found := self._records.get((name, kind))) is not None:
            answer.answer.append(found)
        elif not any(known == name for known, _ in self._records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def dns_server() -> AsyncIterator[tuple[Server, str]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    try:
        yield server, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


@pytest.mark.acceptance("TRA-5")
async def test_naptr_srv_and_both_kinds_of_addresses() -> None:
    async with dns_server() as (server, address):
        resolver = Resolver((address,))
        route = await resolver.locate(Wanted("carrier.test"), ("udp", "tcp"))
        found = [(hop.transport, *hop.address) for hop in ordered(route, lambda most: most)]
        assert found == [("tcp", "192.0.2.1", 5070), ("tcp", "2001:db8::1", 5070)]
        route = await resolver.locate(Wanted("carrier.test", 0, "udp"))
        assert [hop.address[0] for hop in ordered(route, lambda most: 0)] == ["192.0.2.1", "2001:db8::1", "192.0.2.2"]
        assert server.asked["a.carrier.test", "A"] == 1, "an answer that lives is not asked for again"
        assert await resolver.locate(Wanted("nobody.test")) == ()


async def test_ten_calls_at_once_ask_once() -> None:
    async with dns_server() as (server, address):
        resolver = Resolver((address,), families=("ipv4",))
        await asyncio.gather(*(resolver.locate(Wanted("short.test", 5060)) for _ in range(10)))
        assert server.asked["short.test", "A"] == 1


async def test_a_server_that_is_gone_leaves_stale_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIFETIME", 0.2)
    async with dns_server() as (server, address):
        resolver = Resolver((address,), families=("ipv4",))
        first = await resolver.locate(Wanted("short.test", 5060))
        query = Query("short.test", "A")
        old = asyncio.get_running_loop().time() - 6.0
        resolver.memory.put(query, Answer(("192.0.2.5",), 5.0), old)
        server.up = False
        assert await resolver.locate(Wanted("short.test", 5060)) == first
        with pytest.raises(TransportError, match="no DNS server answers"):
            await resolver.locate(Wanted("b.carrier.test", 5060))
