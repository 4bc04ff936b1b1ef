"""A phone that keeps two connections to the switch (RFC 5626): when one carries nothing, the call comes over the other."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest

from tests.support.apply import extensions
from tests.support.raw_sip import RawSip, RawStream, authorization, header, offer, status
from tests.support.switch import Switch, wait_for

INSTANCE = "<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("two-ways"), extensions("1001", "1002")) as running:
        yield running


def register(way: RawStream, reg_id: int, more: str = "") -> str:
    """The answer to a REGISTER with the login."""
    host, port = way.address
    contact = f'<sip:1001@{host}:{port};transport=tcp;ob>;reg-id={reg_id};+sip.instance="{INSTANCE}"'
    more, call_id = f"Supported: outbound, path\nExpires: 600\n{more}", uuid4().hex
    challenge = way.ask(way.request("REGISTER", "1001", more, contact=contact, call_id=call_id))
    login = authorization(challenge, "REGISTER", "sip:127.0.0.1", "1001", "secret-1001")
    return way.ask(way.request("REGISTER", "1001", more + login, contact=contact, call_id=call_id))


def connect(switch: Switch, reg_id: int) -> RawStream:
    """One of the ways of phone 1001, registered."""
    way = RawStream(switch.sip_port)
    granted = register(way, reg_id)
    assert status(granted) == 200 and header(granted, "Require") == "outbound" and header(granted, "Flow-Timer")
    return way


def dial(switch: Switch, caller: RawSip) -> float:
    """1002 calls 1001; when the INVITE with the login was sent."""
    uri, call_id = f"sip:1001@127.0.0.1:{switch.sip_port}", uuid4().hex
    caller.send(caller.request("INVITE", uri, body=offer(), caller="1002", call_id=call_id))
    login = authorization(caller.final() or "", "INVITE", uri, "1002", "secret-1002")
    text = caller.request("INVITE", uri, body=offer(), caller="1002", call_id=call_id, cseq=2, headers=login)
    began = time.monotonic()
    caller.send(text)
    return began


def rings(way: RawStream, seconds: float) -> str:
    """The INVITE that came; it is answered with 180 and then refused, so that the call is over."""
    invite = way.receive(seconds)
    assert invite.startswith("INVITE "), invite
    way.answer(invite, "180 Ringing")
    return invite


@pytest.mark.acceptance("REG-4", missing="baresip, which keeps one connection")
@pytest.mark.parametrize(("fault", "least", "most"), [("reset", 0.0, 0.2), ("black hole", 3.8, 4.2), ("430", 0.0, 0.2)])
def test_the_second_way_rings(switch: Switch, fault: str, least: float, most: float) -> None:
    with ExitStack() as stack:
        second, first = (stack.enter_context(connect(switch, number)) for number in (2, 1))  # the newest is tried first
        caller = stack.enter_context(RawSip(switch.sip_port))
        if fault == "reset":
            first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            first.socket.close()
        began = dial(switch, caller)
        if fault != "reset":
            invite = first.receive()
            assert invite.startswith("INVITE "), "the newest way is tried"
            if fault == "430":
                first.answer(invite, "430 Flow Failed")
        invite = rings(second, 10.0)
        took = time.monotonic() - began
        assert least <= took <= most + 0.3, f"{took:.2f} s (0.3 s of grace for a busy machine)"
        assert status(wait_for(lambda: _ringing(caller), 3)) == 180
        second.answer(invite, "486 Busy Here")
        assert status(caller.final()) == 486


@pytest.mark.acceptance("REG-4")
def test_behind_a_proxy_without_flows_a_second_way_is_refused(switch: Switch) -> None:
    """RFC 5626 §6: the Path of the first proxy says whether it keeps them (ob)."""
    far = "Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKfar\n"
    with RawStream(switch.sip_port) as way:
        for path, expected in (("", 439), ("Path: <sip:edge.test;lr>\n", 439), ("Path: <sip:edge.test;lr;ob>\n", 200)):
            assert status(register(way, 1, far + path)) == expected


def _ringing(caller: RawSip) -> str | None:
    message = caller.receive(1.0)
    return message if message and status(message) == 180 else None
