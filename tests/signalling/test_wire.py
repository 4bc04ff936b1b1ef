"""What the core decides about its wires, in virtual time: size of a datagram, keep-alives, overload, devices that come back."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from signalling.commands import AcceptSubscription, Drain, Invite, Login, Options, Register
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.endpoint.overload import Load, Overload
from signalling.endpoint.sizes import MOST_DATAGRAM
from signalling.events import Body, Ended, Flow, Identity, OptionsAnswered, RegistrationState, SubscriptionAsked
from signalling.message import Request, Response, ResponseTemplate, parse
from signalling.policy import PeerKind, PeerPolicy
from signalling.testing import Book, counting_token, open_book

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 7)
STRANGER = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.9", 4000))


def endpoint(book: Book | None = None, **more: object) -> Endpoint:
    config = EndpointConfig(stream_for=lambda flow: TCP, **more)  # type: ignore[arg-type]
    return Endpoint(config, book or open_book(), counting_token())


def call(size: int, leg: str = "L") -> Invite:
    """An INVITE of about so many octets."""
    return Invite(leg, "sip:100@192.0.2.2", UDP, Identity("200", ""), "100", Body(b"v" * (size - 600)))


def sent(output: Output) -> Request:
    message = parse(output.transmits[0].data)
    assert isinstance(message, Request)
    return message


def answered(output: Output, status: int, headers: str = "") -> bytes:
    return ResponseTemplate(sent(output), ("192.0.2.1", 5060)).render(status, "far", headers)


@pytest.mark.acceptance("TRA-2")
def test_a_long_request_goes_by_tcp_and_back_to_udp_when_that_is_refused() -> None:
    core, now = endpoint(), 100.0
    output = core.submit(call(1700), now)
    assert output.transmits[0].flow == TCP and sent(output).via.transport == "TCP"
    first = sent(output).via.branch
    output = core.flow_closed(TCP, now + 2.0)
    assert output.transmits[0].flow == UDP and sent(output).via.transport == "UDP"
    assert sent(output).via.branch != first and not any(isinstance(event, Ended) for event in output.events)
    again = core.submit(call(1700, "second"), now + 3.0)
    assert again.transmits[0].flow == UDP, "remembered"
    later = core.submit(call(1700, "third"), now + 3700.0)
    assert later.transmits[0].flow == TCP, "for an hour"


@pytest.mark.acceptance("TRA-2")
def test_a_long_request_that_tcp_takes_lives_there() -> None:
    core = endpoint()
    output = core.submit(call(1700), 100.0)
    ringing = core.receive(answered(output, 180), TCP, 100.1)
    assert [type(event).__name__ for event in ringing.events] == ["EarlyDialog", "Progress"][-len(ringing.events) :]
    refused = core.receive(answered(output, 486), TCP, 101.0)
    assert refused.transmits[0].flow == TCP and refused.transmits[0].data.startswith(b"ACK ")
    assert [event.status for event in refused.events if isinstance(event, Ended)] == [486]


def test_a_little_too_long_is_written_shorter() -> None:
    core = endpoint()
    exact = len(core.submit(call(1000), 100.0).transmits[0].data)
    output = endpoint().submit(call(1000 + MOST_DATAGRAM + 20 - exact), 100.0)
    (transmit,) = output.transmits
    assert transmit.flow == UDP and b"\r\nv: SIP/2.0/UDP" in transmit.data and len(transmit.data) <= MOST_DATAGRAM


def test_signed_numbers_take_a_call_to_tcp() -> None:
    """Each Identity header is a line of its own (RFC 8224), and three of them are more than a datagram should hold."""
    (transmit,) = (
        endpoint().submit(replace(call(100), identities=tuple(f"{'a' * 500}{n};info=<x>" for n in range(3))), 100.0).transmits
    )
    assert transmit.flow == TCP and transmit.data.count(b"\r\nIdentity: aaa") == 3


def test_a_carrier_that_forbids_the_switch_gets_datagrams() -> None:
    book = Book(open_policy=PeerPolicy(PeerKind.TRUNK, "t", mtu_switch=False))
    assert endpoint(book).submit(call(1700), 100.0).transmits[0].flow == UDP


@pytest.mark.acceptance("TRA-3")
def test_stun_on_the_sip_port_is_told_its_address_and_nul_nothing() -> None:
    core = endpoint()
    request = struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(range(12))
    (transmit,) = core.receive(request, UDP, 100.0).transmits
    kind, length, cookie = struct.unpack_from("!HHI", transmit.data)
    assert (kind, length, cookie) == (0x0101, 12, 0x2112A442) and transmit.data[8:20] == request[8:20]
    port, address = struct.unpack_from("!HI", transmit.data, 26)
    assert port ^ 0x2112 == 5060 and (address ^ 0x2112A442).to_bytes(4, "big") == bytes((192, 0, 2, 2))
    v6 = UDP._replace(remote=("2001:db8::9", 5060))
    assert len(core.receive(request, v6, 100.0).transmits[0].data) == 44
    for noise in (b"\0", b"\r\n\r\n", b"\0\0\0\0", request[:19], request[:2] + b"\xff\xff" + request[4:]):
        assert core.receive(noise, UDP, 100.0).transmits == []


def test_our_registration_is_kept_open_and_a_dead_stream_is_noticed() -> None:
    core, now = endpoint(), 100.0
    output = core.submit(Register("t", "sip:192.0.2.2", TCP, "u", Login("u", "p")), now)
    output = core.receive(answered(output, 200, "Contact: <sip:u@192.0.2.1>;expires=3600\r\n"), TCP, now)
    pings = 0
    while output.deadline is not None and output.deadline < now + 250:
        at = output.deadline
        output = core.handle_timeout(at)
        if [transmit.data for transmit in output.transmits] == [b"\r\n\r\n"]:
            pings += 1
            core.receive(b"\r\n", TCP, at + 0.05)
    assert pings == 2
    closed: list[Flow] = []
    while not closed:
        assert output.deadline is not None
        output = core.handle_timeout(output.deadline)
        closed = output.close_flows
    assert closed == [TCP]
    output = core.flow_closed(TCP, output.deadline or 0.0)
    assert [event.state for event in output.events if isinstance(event, RegistrationState)] == ["failed"]


@pytest.mark.acceptance("TRA-9")
def test_the_level_rises_with_a_late_loop_and_falls_after_five_calm_seconds() -> None:
    overload, now = Overload(), 0.0

    def second(lag: float) -> Load:
        nonlocal now
        for _ in range(20):
            now += 0.05
            overload.measure(lag, now)
        return overload.level

    assert second(0.02) is Load.CALM
    assert [second(0.06) for _ in range(3)][-1] is Load.BUSY
    assert second(0.2) is Load.BUSY, "a pause is no overload"
    assert [second(0.2) for _ in range(2)][-1] is Load.FULL
    assert second(0.06) is Load.FULL, "not let in again before it is calm"
    assert [second(0.01) for _ in range(7)][-1] is Load.CALM
    for _ in range(19):
        now += 0.05
        overload.measure(0.001, now)
    overload.measure(0.3, now)
    assert overload.level is Load.CALM, "one hiccup of a second is none"


def _request(method: str, to: str = "100", branch: str = "1", more: str = "") -> bytes:
    return (
        f"{method} sip:{to}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\nFrom: <sip:a@h>;tag=1\r\n"
        f"To: <sip:{to}@h>\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\nContact: <sip:a@192.0.2.2>\r\nMax-Forwards: 70\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode()


@pytest.mark.acceptance("TRA-9")
def test_what_is_shed_hears_when_to_return_and_an_emergency_call_never_is() -> None:
    core = endpoint()
    core.load.level = Load.FULL
    waits = set()
    for number in range(60):
        (transmit,) = core.receive(_request("OPTIONS", branch=f"o{number}"), UDP, 100.0).transmits
        response = parse(transmit.data)
        assert isinstance(response, Response) and response.status == 503
        waits.add(int(response.get("retry-after")))
    assert min(waits) >= 5 and max(waits) <= 15 and len(waits) > 3
    for method in ("INVITE", "REGISTER"):
        last = parse(core.receive(_request(method, branch=method), UDP, 100.0).transmits[-1].data)
        assert isinstance(last, Response) and last.status == 503
    urgent = core.receive(_request("INVITE", "120", "urgent"), UDP, 100.0)
    assert any(type(event).__name__ == "IncomingCall" for event in urgent.events)


def test_a_busy_switch_does_not_read_what_strangers_send() -> None:
    book, long = Book(), f"Subject: {'x' * 300}\r\n"  # who asks with little hears little
    book.add_phone("100", "secret")
    core = endpoint(book)
    assert core.receive(_request("INVITE", more=long), STRANGER, 100.0).transmits, "a challenge, usually"
    core.load.level = Load.BUSY
    assert core.receive(_request("INVITE", branch="2", more=long), STRANGER, 100.0).transmits == []
    assert core.unheard, "nor is it kept for the ladder"
    assert core.receive(_request("INVITE", "112", "3", long), STRANGER, 100.0).transmits, "but not a call for help"
    core.budget.logged_in(STRANGER.remote[0], 100.0)
    answer = core.receive(_request("INVITE", branch="4", more=long), STRANGER, 101.0)
    assert answer.transmits and not core.unheard, "and not who has logged in from there before"


@pytest.mark.acceptance("TRA-10")
def test_a_draining_switch_spreads_the_return() -> None:
    core = endpoint()
    core.submit(Drain(), 100.0)
    answer = parse(core.receive(_request("OPTIONS"), UDP, 100.0).transmits[0].data)
    assert isinstance(answer, Response) and answer.status == 503 and 5 <= int(answer.get("retry-after")) <= 15


@pytest.mark.acceptance("TRA-10")
def test_devices_of_a_draining_switch_come_back_in_a_minute_or_go_elsewhere() -> None:
    for elsewhere, status in ((False, 200), (True, 503)):
        core = endpoint()
        core.submit(Drain(elsewhere=elsewhere), 100.0)
        answer = parse(core.receive(_request("REGISTER", more="Expires: 3600\r\n"), UDP, 100.0).transmits[0].data)
        assert isinstance(answer, Response) and answer.status == status
        assert status == 503 or "expires=60" in answer.get("contact")
        assert status == 200 or 5 <= int(answer.get("retry-after")) <= 15


@pytest.mark.acceptance("TRA-10")
def test_watchers_of_a_draining_switch_are_told_to_subscribe_anew() -> None:
    core = endpoint(events=("presence",))
    asked = core.receive(_request("SUBSCRIBE", more="Event: presence\r\nExpires: 600\r\n"), UDP, 100.0).events[0]
    assert isinstance(asked, SubscriptionAsked)
    core.submit(AcceptSubscription(asked.subscription, 600), 100.0)
    last = sent(core.submit(Drain(), 101.0))
    assert last.method == "NOTIFY" and last.get("subscription-state") == "terminated;reason=deactivated"


def test_a_frame_is_a_message_and_may_ask_for_life() -> None:
    core, flow = endpoint(), Flow("wss", ("192.0.2.1", 443), ("192.0.2.2", 40_000), 1)
    core.flow_opened(flow, 100.0)
    assert [transmit.data for transmit in core.receive(b"\r\n\r\n", flow, 100.0).transmits] == [b"\r\n"]
    answer = parse(core.receive(_request("OPTIONS"), flow, 100.0).transmits[0].data)
    assert isinstance(answer, Response) and answer.status == 200
    output = core.submit(Options("p", "sip:x@192.0.2.2", flow), 101.0)
    assert sent(output).via.transport == "WSS"
    assert OptionsAnswered("p", 503) in core.flow_closed(flow, 102.0).events
