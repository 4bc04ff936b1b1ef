"""What a plain call costs, counted and not timed: so that what is added for some calls is not paid by all of them.

A whole switch with its database and a fake engine; two peers on UDP sockets. A call from trunk to trunk is counted in function
calls of the switch's own Python code, tasks, and uses of the database. The bounds leave a fifth above what was counted when
they were written; who raises one says in the commit what the calls get for it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import signalling
from media.fake import FakeEngine
from softswitch.bootstrap import configuring
from softswitch.bootstrap.node import Node
from softswitch.config.load import load
from softswitch.store.database import Store
from tests.bench.signalling import apply_file
from tests.bench.signalling_cost import SDP, in_dialog, reply

ROOT = str(Path(signalling.__file__).parents[1])
OURS = tuple(f"{ROOT}/{package}/" for package in ("softswitch", "signalling", "media", "web"))
FAKE = f"{ROOT}/media/fake"
WARM_UP, COUNTED = 5, 20

MOST_FUNCTIONS = 2500
"""Python functions entered per call, generators' steps included."""
MOST_ABOVE = 1530
"""Of those, the ones above signalling."""
MOST_TASKS = 1.5
MOST_CROSSINGS = 9.0
"""Batches and reservations that go to the media engine."""


class Peer(asyncio.DatagramProtocol):
    """A carrier on one UDP socket; messages that the switch sends are taken one by one."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0
        self._transport: Any = None
        self._switch = ("127.0.0.1", 0)

    @classmethod
    async def open(cls) -> Peer:
        _, peer = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        return peer

    def connection_made(self, transport: Any) -> None:
        self._transport, self.port = transport, transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._switch = addr
        self.came.put_nowait(data)

    def send(self, data: bytes, port: int = 0) -> None:
        self._transport.sendto(data, ("127.0.0.1", port) if port else self._switch)

    async def sees(self, start: str) -> bytes:
        """The next message; it begins so."""
        async with asyncio.timeout(10):
            message = await self.came.get()
        assert message.startswith(start.encode()), message
        return message

    def close(self) -> None:
        self._transport.close()


def invite(number: int, port: int, own: int) -> bytes:
    return (
        f"INVITE sip:4000@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{own};rport;branch=z9hG4bKcaller{number}\r\n"
        f'Max-Forwards: 70\r\nFrom: "Customer" <sip:13800138000@127.0.0.1>;tag=caller{number}\r\n'
        f"To: <sip:4000@127.0.0.1>\r\nCall-ID: call{number}@caller\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:13800138000@127.0.0.1:{own}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    ).encode()


def towards(message: bytes, peer: Peer) -> bytes:
    """The templates of the bench name addresses of their own."""
    return message.replace(b"192.0.2.2:5060", f"127.0.0.1:{peer.port}".encode()).replace(
        b"192.0.2.1:5060", f"127.0.0.1:{peer.port}".encode()
    )


async def one_call(number: int, port: int, caller: Peer, called: Peer) -> None:
    """14 messages: 7 in, 7 out."""
    caller.send(invite(number, port, caller.port), port)
    await caller.sees("SIP/2.0 100")
    offered = await called.sees("INVITE")
    tag = f"callee{number}"
    called.send(towards(reply(offered, "100 Trying", ""), called))
    called.send(towards(reply(offered, "180 Ringing", tag), called))
    await caller.sees("SIP/2.0 180")
    called.send(towards(reply(offered, "200 OK", tag, SDP), called))
    ok = await caller.sees("SIP/2.0 200")
    await called.sees("ACK")
    caller.send(towards(in_dialog("ACK", number, 1, ok), caller))
    caller.send(towards(in_dialog("BYE", number, 2, ok), caller))
    await caller.sees("SIP/2.0 200")
    called.send(towards(reply(await called.sees("BYE"), "200 OK", tag), called))


class Counting:
    """Counts, between `begin` and `end`, what the loop's thread enters of our code, and what it starts and asks for."""

    def __init__(self) -> None:
        self.functions: Counter[str] = Counter()
        self.other: Counter[str] = Counter()
        self._packages: dict[Any, str] = {}

    def begin(self) -> None:
        asyncio.get_running_loop().set_task_factory(self._task)
        sys.setprofile(self._entered)

    def end(self) -> None:
        sys.setprofile(None)
        asyncio.get_running_loop().set_task_factory(None)

    def _entered(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        package = self._packages.get(frame.f_code)
        if package is None:
            file = frame.f_code.co_filename
            package = file[len(ROOT) + 1 :].partition("/")[0] if file.startswith(OURS) and not file.startswith(FAKE) else ""
            self._packages[frame.f_code] = package
        if package:
            self.functions[package] += 1

    def _task(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        if work.cr_code.co_filename.startswith(OURS):
            self.other["tasks"] += 1
        return asyncio.Task(work, loop=loop, **more)


def counted(what: str, count: Callable[[str], None], work: Callable[..., Any]) -> Callable[..., Any]:
    def told(*arguments: Any) -> Any:
        count(what)
        return work(*arguments)

    return told


class Engine(FakeEngine):
    def __init__(self, count: Callable[[str], None]) -> None:
        super().__init__()
        self._count = count

    def submit(self, batch: Any) -> int:
        self._count("crossings")
        return super().submit(batch)

    def reserve(self, *place: Any, **more: Any) -> Any:
        self._count("crossings")
        return super().reserve(*place, **more)


@pytest.mark.timeout(120)
async def test_a_plain_call_costs_no_more_than_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Counting()

    def count(what: str) -> None:
        counting.other[what] += 1

    caller, called = await Peer.open(), await Peer.open()
    settings = load(
        None, {}, None, {"data_dir": str(tmp_path / "data"), "sip.listen": ["udp:127.0.0.1:0"], "media.listen": "127.0.0.1"}
    )
    node = Node(settings, make_engine=lambda _settings: Engine(count))
    try:
        await node.open()
        await configuring.apply_text(node.directory, settings, apply_file(called.port), "cost.toml", dry_run=False, actor="t")
        await node.start()
        port = int(node.driver.bound[0].rpartition(":")[2])
        for number in range(WARM_UP):
            await one_call(number, port, caller, called)
        for way in ("read", "study"):
            monkeypatch.setattr(Store, way, counted("reads", count, getattr(Store, way)))
        counting.other.clear()
        counting.begin()
        for number in range(WARM_UP, WARM_UP + COUNTED):
            await one_call(number, port, caller, called)
        counting.end()
        await node.journal.flush()
    finally:
        await node.close()
        caller.close()
        called.close()

    functions, other = counting.functions, counting.other
    print({name: round(total / COUNTED, 1) for name, total in (functions + other).most_common()})
    assert other["reads"] / COUNTED <= 0.5, "a plain call asks the database"  # others ask now and then
    assert other["tasks"] / COUNTED <= MOST_TASKS
    assert other["crossings"] / COUNTED <= MOST_CROSSINGS
    assert (functions.total() - functions["signalling"]) / COUNTED <= MOST_ABOVE
    assert functions.total() / COUNTED <= MOST_FUNCTIONS
