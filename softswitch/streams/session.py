"""One stream: a WebSocket that we open, taps that feed it, an inject that it feeds. Nothing of it ever waits in the call."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import structlog

from media.commands import Command
from media.errors import EngineClosed, MediaError
from media.events import Dtmf, Event, InjectPosition
from media.inject import Injection
from media.service import MediaService
from media.tap import Tap
from softswitch.calls.mix import Party
from softswitch.calls.timeline import Timeline
from softswitch.model.clock import Clock
from softswitch.model.events import StreamDropped
from softswitch.streams.messages import BadMessage, Clear, Language, Mark, Message, Sound
from softswitch.streams.model import StreamWish, Track

log = structlog.get_logger("streams")

CONNECT_SECONDS = 5.0
HEARTBEAT = 10.0
"""Seconds between pings; who does not answer one within half of that is gone."""
FAREWELL_SECONDS = 1.0
QUEUE_MS = 1000
"""Sound that waits for a slow program at each of two places; older sound is dropped."""
SOCKET_OCTETS = 16_384
"""What the system may hold for it besides."""
LONGEST_MESSAGE = 1 << 20
MOST_NOTES = 256
MOST_BAD = 20
REPORT_SECONDS = 5.0


@dataclass(slots=True)
class Losses:
    """What was left out, told at most every `REPORT_SECONDS`."""

    timeline: Timeline
    stream: str
    waiting: dict[str, int] = field(default_factory=dict)
    total: int = 0
    told_at: float = -REPORT_SECONDS

    def add(self, direction: str, ms: int, now: float) -> None:
        self.total += ms
        self.waiting[direction] = self.waiting.get(direction, 0) + ms
        if now - self.told_at >= REPORT_SECONDS:
            self.tell()
            self.told_at = now

    def tell(self) -> None:
        for direction, ms in self.waiting.items():
            self.timeline.emit(StreamDropped(stream=self.stream, direction=direction, ms=ms))
        self.waiting.clear()


@dataclass(slots=True)
class _Place:
    """The port that is streamed and the group that it is in: a page that comes back has another port, a room another group."""

    port: int
    group: int


class Session:
    """Owned by `Streams`. `run` lasts as long as the stream; `follow` is asked at every change of who hears whom."""

    def __init__(self, stream: str, wish: StreamWish, party: Party, language: Language, media: MediaService,
                 timeline: Timeline, clock: Clock) -> None:  # fmt: skip
        self.id = stream
        self.wish = wish
        self.party = party
        self.is_open = False
        self.losses = Losses(timeline, stream)
        self._language = language
        self._media = media
        self._timeline = timeline
        self._clock = clock
        self._place = _Place(party.port, party.leg.group)
        self._taps: dict[Track, Tap] = {}
        self._inject: Injection | None = None
        self._notes: asyncio.Queue[Message] = asyncio.Queue(MOST_NOTES)
        self._cancel_keys: Callable[[], None] | None = None
        self._began: float | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def source(self) -> int:
        """The node that the party hears; 0 when nothing comes back."""
        return self._inject.id if self._inject is not None else 0

    # who is heard

    def open(self) -> list[Command]:
        """The batch part that begins it."""
        self.is_open = True
        self._place = _Place(self.party.port, self.party.leg.group)
        batch: list[Command] = []
        encoding = self._language.encoding
        for track in self.wish.tracks:
            tap = self._taps[track] = self._media.tap(self._place.group)
            said = track is Track.INBOUND
            batch += tap.command(
                {self._place.port: 0.0} if said else {}, rate=self.wish.rate, encoding=encoding, queue=QUEUE_MS,
                ear=0 if said else self._place.port,
            )  # fmt: skip
        if self.wish.speaks:
            self._inject = self._media.inject(self._place.group, on_mark=self._marked, on_refused=self._refused)
            batch += self._inject.command(rate=self.wish.rate, encoding=encoding)
        self._cancel_keys = self._media.pump.subscribe(self._place.port, self._heard)
        return batch

    def follow(self) -> list[Command]:
        """The batch part that keeps it with its party when that has another port or group now."""
        place = _Place(self.party.port, self.party.leg.group)
        if not self.is_open or not place.port or place == self._place:
            return []
        return [*self.close(), *self.open()]

    def close(self) -> list[Command]:
        """The batch part that ends what is in the engine; what was being said is silenced and its marks are told."""
        if self._cancel_keys is not None:
            self._cancel_keys()
            self._cancel_keys = None
        for tap in self._taps.values():
            tap.close()
        if self._inject is not None:
            self._inject.close()
            self._inject = None
        return []

    # the conversation

    async def run(self, client: aiohttp.ClientSession, begin: Callable[[], None]) -> str:
        """Connects, tells `begin`, and streams until the other side ends it; the reason word of its end."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                ws = await client.ws_connect(
                    self.wish.url, heartbeat=HEARTBEAT, max_msg_size=LONGEST_MESSAGE, headers=self._signature()
                )
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as fault:
            log.warning("! stream", stream=self.id, url=self.wish.shown, why=str(fault) or type(fault).__name__)
            return "unreachable"
        reason = "stopped"
        try:
            for message in self._language.greeting():
                await _send(ws, message)
            begin()
            reason = await self._converse(ws)
        except (aiohttp.ClientError, ConnectionError) as fault:
            log.warning("! stream", stream=self.id, url=self.wish.shown, why=str(fault) or type(fault).__name__)
            reason = "lost"
        finally:
            await self._part(ws, reason)
        return reason

    def _signature(self) -> dict[str, str]:
        """As requests of applications are signed (softswitch/applications), so that the program knows who calls."""
        if not self.wish.secret:
            return {}
        stamp = str(int(self._clock.utc()))
        signed = hmac.new(self.wish.secret.encode(), f"{stamp}.GET.{self.wish.url}.".encode(), hashlib.sha256).hexdigest()
        return {"X-Softswitch-Timestamp": stamp, "X-Softswitch-Signature": signed}

    async def _converse(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        tasks = [asyncio.create_task(self._listen(ws)), asyncio.create_task(self._note(ws))]
        tasks += [asyncio.create_task(self._speak(ws, track)) for track in self.wish.tracks]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _part(self, ws: aiohttp.ClientWebSocketResponse, reason: str) -> None:
        with contextlib.suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                if not ws.closed:
                    await _send(ws, self._language.farewell(reason))
                await ws.close()

    async def _speak(self, ws: aiohttp.ClientWebSocketResponse, track: Track) -> str:
        """What is heard, as fast as the other side takes it. While it does not, the tap drops."""
        while True:
            tap = self._taps[track]
            try:
                chunk = await tap.next()
            except EngineClosed:
                if self._taps[track] is tap:
                    return "stopped"
                continue
            except MediaError as fault:
                log.warning("! stream", stream=self.id, why=str(fault))
                return "media"
            if self._began is None:
                self._began = chunk.at
            if chunk.missing:
                self.losses.add("out", chunk.missing, self._loop.time())
                for message in self._language.dropped(track, chunk.missing):
                    await _send(ws, message)
            at_ms = max(0, round((chunk.at - self._began) * 1000))
            await _send(ws, self._language.sound(track, chunk.data, at_ms))

    async def _note(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        while True:
            await _send(ws, await self._notes.get())

    async def _listen(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        bad = 0
        async for message in ws:
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                continue
            try:
                self._obey(message.data)
            except BadMessage as fault:
                bad += 1
                if bad in (1, MOST_BAD):
                    log.warning("! stream", stream=self.id, why=str(fault))
                if bad >= MOST_BAD:
                    return "lost"
        return "closed" if ws.close_code in (1000, 1001, 1005) else "lost"

    def _obey(self, data: Message) -> None:
        order = self._language.read(data)
        if self._inject is None:
            return  # nobody listens to it; said by `speaks` of the start
        match order:
            case Sound(data=sound):
                self._inject.put(sound)
                self._last_ms = len(sound) * 1000 // (self.wish.rate * (1 if self._language.encoding == "pcmu" else 2))
            case Mark(name=name):
                self._inject.put(b"", name)
            case Clear():
                self._inject.clear()

    _last_ms = 0

    # what the engine tells

    def _marked(self, event: InjectPosition) -> None:
        self._say(self._language.mark(event.mark, event.played_ms))

    def _refused(self, reason: str) -> None:
        if reason == "limit":
            self.losses.add("in", max(1, self._last_ms), self._loop.time())

    def _heard(self, event: Event) -> None:
        if isinstance(event, Dtmf) and Track.INBOUND in self.wish.tracks and not self._timeline.concealed:
            self._say(self._language.digit(event.digit))

    def _say(self, message: Message) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # whoever takes nothing is told nothing
            self._notes.put_nowait(message)


async def _send(ws: aiohttp.ClientWebSocketResponse, message: Message) -> None:
    if isinstance(message, str):
        await ws.send_str(message)
    else:
        await ws.send_bytes(message)


def small_socket(address: tuple[object, ...]) -> socket.socket:
    """A socket in which little sound can wait."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)  # type: ignore[arg-type]
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_OCTETS)
    return made
