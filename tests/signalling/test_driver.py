"""The shell over real sockets on loopback: UDP and TCP, a taken port, dead connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from signalling.commands import AcceptModify, Answer, Command, HangUp, Invite, Modify, Options, Ring
from signalling.endpoint import EndpointConfig
from signalling.errors import TransportError
from signalling.events import (
    Answered,
    Body,
    Ended,
    Event,
    Flow,
    Identity,
    IncomingCall,
    Modified,
    ModifyRequested,
    OptionsAnswered,
)
from signalling.testing import Book, open_book
from signalling.transports import Resolver, SipDriver


class Phone:
    """A driver that answers everything; events can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self.driver = SipDriver(EndpointConfig(), open_book(), self._on_event)

    def _on_event(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()
        for command in self._react(event):
            self.driver.submit(command)

    def _react(self, event: Event) -> list[Command]:
        if isinstance(event, IncomingCall):
            return [Ring(event.leg), Answer(event.leg, Body(b"v=0 answer"))]
        if isinstance(event, ModifyRequested):
            return [AcceptModify(event.leg, Body(b"v=0 held"))]
        return []

    async def told(self, kind: type) -> Event:
        async with asyncio.timeout(5):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._news.clear()
                await self._news.wait()

    def address(self, transport: str) -> tuple[str, int]:
        (found,) = [bound for bound in self.driver.bound if bound.startswith(transport)]
        return "127.0.0.1", int(found.rpartition(":")[2])


@asynccontextmanager
async def phones(listen: str = "127.0.0.1") -> AsyncIterator[tuple[Phone, Phone]]:
    one, other = Phone(), Phone()
    for phone in (one, other):
        await phone.driver.start([f"udp:{listen}:0", f"tcp:{listen}:0"])
    try:
        yield one, other
    finally:
        await one.driver.stop()
        await other.driver.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
async def test_call_over_sockets(transport: str, listen: str) -> None:
    async with phones(listen) as (one, other):
        host, port = other.address(transport)
        flow = Flow(transport, ("", 0), (host, port))
        target = f"sip:100@{host}:{port};transport={transport}"
        one.driver.submit(Invite("L", target, flow, Identity("200", ""), "100", Body(b"v=0")))
        answered = await one.told(Answered)
        assert isinstance(answered, Answered)
        assert (answered.leg, answered.body) == ("L", Body(b"v=0 answer"))
        one.driver.submit(Modify("L", Body(b"v=0 hold")))
        await one.told(Modified)
        call = await other.told(IncomingCall)
        assert isinstance(call, IncomingCall)
        assert call.caller.uri_host == "127.0.0.1"
        other.driver.submit(HangUp(call.leg))
        ended = await one.told(Ended)
        assert isinstance(ended, Ended)
        assert ended.status == 200


async def test_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    async with phones() as (one, _):
        for transport in ("udp", "tcp"):
            late = Phone()
            with pytest.raises(OSError, match="in use"):
                await late.driver.start(["udp:127.0.0.1:0", f"{transport}:127.0.0.1:{one.address(transport)[1]}"])
            assert late.driver.bound == []


@pytest.mark.parametrize("listen", ["5060", "sctp:127.0.0.1:5060", "udp:127.0.0.1:x", "udp::5060"])
async def test_listen_address_of_another_form_is_a_value_error(listen: str) -> None:
    with pytest.raises(ValueError, match="not a listen address"):
        await Phone().driver.start([listen])


async def test_refused_tcp_connection_fails_the_request_at_once() -> None:
    async with phones() as (one, other):
        address = other.address("tcp")
        await other.driver.stop()
        one.driver.submit(Options("probe", "sip:x", Flow("tcp", ("", 0), address)))
        assert await one.told(OptionsAnswered) == OptionsAnswered("probe", 503)


async def test_no_listener_for_a_flow_is_a_transport_error() -> None:
    async with phones() as (one, _):
        for transport, remote in (("tls", "127.0.0.1"), ("udp", "::1")):
            with pytest.raises(TransportError):
                one.driver.local_flow(transport, (remote, 5060))


async def test_ping_on_a_stream_is_answered_and_garbage_closes_it() -> None:
    async with phones() as (one, _):
        reader, writer = await asyncio.open_connection(*one.address("tcp"))
        writer.write(b"\r\n\r\n")
        assert await asyncio.wait_for(reader.readexactly(2), 1) == b"\r\n"
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 1) == b""
        writer.close()


async def test_resolver_knows_numbers_and_names() -> None:
    resolver = Resolver()
    assert await resolver.resolve("sip:1@192.0.2.1:5070;transport=TCP") == ("tcp", ("192.0.2.1", 5070))
    assert await resolver.resolve("sip:[2001:db8::1]") == ("udp", ("2001:db8::1", 5060))
    assert (await resolver.resolve("localhost:5080"))[1][1] == 5080
    for bad in ("sip:@", "no-such-host.invalid"):
        with pytest.raises(TransportError):
            await resolver.resolve(bad)


async def test_what_a_flood_sends_is_not_shown_to_the_observer() -> None:
    """Of a source over its budget nothing is read, so nothing is kept of it either."""
    seen: list[tuple[str, bytes]] = []
    driver = SipDriver(EndpointConfig(), Book(), lambda _: None, trace=lambda way, data, _: seen.append((way, data)))
    await driver.start(["udp:127.0.0.1:0"])
    try:
        flow, junk = Flow("udp", ("127.0.0.1", 5060), ("192.0.2.66", 5060)), b"INVITE sip:x SIP/2.0\r\n\r\n"
        for _ in range(500):
            driver.received(junk, flow)
        assert driver.endpoint.traffic["in", "silenced"] >= 400
        assert len(seen) + driver.endpoint.traffic["in", "silenced"] == 500
    finally:
        await driver.stop()
