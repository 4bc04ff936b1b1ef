"""Sets up calls for the media benchmarks: both ends are our own signalling on one port, the sound comes from elsewhere."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType

from signalling.commands import Answer, HangUp, Invite
from signalling.endpoint import EndpointConfig
from signalling.events import Answered, Body, Ended, Event, Flow, Identity, IncomingCall
from signalling.testing import open_book
from signalling.transports import SipDriver

PACE = 0.02
"""Seconds between two calls: set-up is not what is measured."""
_MEDIA = re.compile(rb"^m=audio (\d+)", re.MULTILINE)


def description(port: int) -> Body:
    """PCMU alone, at a port of this machine."""
    return Body(
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        b"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n" % port
    )


def media_port(body: Body | None) -> int:
    found = _MEDIA.search(body.content) if body else None
    if found is None:
        raise AssertionError(f"no audio in {body}")
    return int(found[1])


@dataclass(slots=True)
class Talk:
    """One leg that we dialled. Ports are the switch's."""

    leg: str
    answered: asyncio.Future[int]
    """The port where the switch hears us."""
    answered_at: float = 0.0


@dataclass(slots=True)
class Dialler:
    """Use as an async context manager. `listen_from` is where the parties hear: party N at `listen_from + 2·N`."""

    switch_port: int
    listen_from: int = 0
    port: int = 0
    called: dict[str, int] = field(default_factory=dict)
    """Called number → the port where the switch hears that party."""
    failures: list[str] = field(default_factory=list)
    _talks: dict[str, Talk] = field(default_factory=dict)
    _incoming: dict[str, str] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=count)
    _driver: SipDriver | None = None

    async def __aenter__(self) -> Dialler:
        self._driver = SipDriver(EndpointConfig(), open_book(), self._heard)
        await self._driver.start([f"udp:127.0.0.1:{self.port}"])
        self.port = int(self._driver.bound[0].rpartition(":")[2])
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _fault: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self.hang_up()
        assert self._driver is not None
        await self._driver.stop()

    async def hang_up(self) -> None:
        """Ends all calls and waits until nothing of them is on its way any more."""
        assert self._driver is not None
        for leg in tuple(self._talks):
            self._driver.submit(HangUp(leg))
            await asyncio.sleep(PACE / 4)
        await asyncio.sleep(0.5)

    def end(self, talk: Talk) -> None:
        """Hangs one call up."""
        assert self._driver is not None
        self._driver.submit(HangUp(talk.leg))

    async def call(self, number: str, listen: int) -> Talk:
        """Dials; returns when the call is answered."""
        assert self._driver is not None
        talk = Talk(f"b{next(self._numbers)}", asyncio.get_running_loop().create_future())
        self._talks[talk.leg] = talk
        flow = Flow("udp", ("127.0.0.1", 0), ("127.0.0.1", self.switch_port))
        target = f"sip:{number}@127.0.0.1:{self.switch_port}"
        caller = Identity("13800138000", "127.0.0.1")
        self._driver.submit(Invite(talk.leg, target, flow, caller, number, description(listen)))
        async with asyncio.timeout(20):
            await talk.answered
        return talk

    def _heard(self, event: Event) -> None:
        assert self._driver is not None
        match event:
            case IncomingCall():
                # the digits behind the first one are the party's number
                self._incoming[event.leg] = event.called
                self.called[event.called] = media_port(event.body)
                self._driver.submit(Answer(event.leg, description(self.listen_from + 2 * int(event.called[1:]))))
            case Answered():
                talk = self._talks[event.leg]
                talk.answered_at = time.monotonic()
                talk.answered.set_result(media_port(event.body))
            case Ended():
                self._ended(event)
            case _:
                pass

    def _ended(self, event: Ended) -> None:
        talk = self._talks.pop(event.leg, None)
        if talk is not None and not event.by_us:
            self.failures.append(f"{event.leg} ended: {event.status}")
        if talk is not None and not talk.answered.done():
            talk.answered.set_exception(AssertionError(f"{event.leg} was refused: {event.status}"))
