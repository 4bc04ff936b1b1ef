"""Peers that ask and never listen, and an impatient end: what both mean for the calls of others."""

from __future__ import annotations

import signal
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.raw_sip import RawSip, offer, status
from tests.support.switch import Switch, wait_for

APPLY = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[number]]
number = "7000"
to = "echo"
"""


@pytest.mark.acceptance("TRA-7")
def test_deaf_peers_delay_nobody_and_a_second_signal_ends_all_calls(tmp_path: Path) -> None:
    """200 connections ask for 401s and read none; the carrier's calls are set up at once. Then SIGTERM, and SIGTERM again."""
    with Switch(tmp_path, APPLY) as switch, ExitStack() as stack:
        deaf = [_deaf(stack, switch.sip_port, f"127.0.1.{host}") for host in range(1, 11) for _ in range(20)]
        over = threading.Event()
        storm = threading.Thread(target=_storm, args=(deaf, over))
        storm.start()
        try:
            took = sorted(_set_up(switch.sip_port) for _ in range(40))
        finally:
            over.set()
            storm.join()
        assert took[int(len(took) * 0.95)] <= 0.150, took
        assert switch.is_ready()
        _is_ended_at_once(switch)


def _deaf(stack: ExitStack, port: int, source: str) -> socket.socket:
    peer = stack.enter_context(socket.socket())
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.bind((source, 0))
    peer.connect(("127.0.0.1", port))
    peer.setblocking(False)
    return peer


def _storm(peers: list[socket.socket], over: threading.Event) -> None:
    """2,000 requests a second, each with a name of its own."""
    alive = list(peers)
    while alive and not over.is_set():
        for peer in list(alive):
            name = uuid4().hex
            text = (
                f"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{name}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:{name}@127.0.0.1>;tag=a\r\nTo: <sip:{name}@127.0.0.1>\r\nCall-ID: {name}\r\nCSeq: 1 REGISTER\r\n"
                f"Contact: <sip:{name}@127.0.0.1>\r\nContent-Length: 0\r\n\r\n"
            )
            try:
                peer.send(text.encode())
            except BlockingIOError:
                continue
            except OSError:
                alive.remove(peer)  # closed by the switch
        over.wait(0.1)


def _set_up(port: int) -> float:
    """Seconds from INVITE to 200 of a call of the carrier."""
    with RawSip(port) as caller:
        began = time.monotonic()
        caller.send(caller.request("INVITE", f"sip:7000@127.0.0.1:{port}", body=offer()))
        answer = caller.final()
        took = time.monotonic() - began
        assert answer is not None and status(answer) == 200
        caller.hang_up(answer)
    return took


def _is_ended_at_once(switch: Switch) -> None:
    """Ten calls live when the first signal comes; the second ends them all within five seconds."""
    assert switch.process is not None
    with ExitStack() as stack:
        callers = [stack.enter_context(RawSip(switch.sip_port)) for _ in range(10)]
        for caller in callers:
            caller.send(caller.request("INVITE", f"sip:7000@127.0.0.1:{switch.sip_port}", body=offer()))
            answer = caller.final()
            assert answer is not None and status(answer) == 200
            caller.acknowledge(answer)
        switch.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not switch.is_ready(), 5, "draining")
        assert switch.process.poll() is None, "calls live on"
        began = time.monotonic()
        switch.process.send_signal(signal.SIGTERM)
        for caller in callers:
            while (message := caller.receive(6.0)) is not None and not message.startswith("BYE "):
                pass
            assert message is not None and "Q.850;cause=41" in message.replace(" ", ""), message
        assert time.monotonic() - began <= 5.0
        assert switch.process.wait(10) == 0
