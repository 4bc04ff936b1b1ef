"""Streams of live calls: begun and ended by programs (REST) and by applications (TwiML), gone with their call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from media.commands import Command
from media.service import MediaService
from softswitch.calls.call import Call
from softswitch.calls.mix import Party
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import StreamEnded, StreamStarted
from softswitch.streams.messages import language_of
from softswitch.streams.model import StreamView, StreamWish
from softswitch.streams.session import Session, small_socket

MOST_OF_CALL = 4
MOST = 200
"""Streams of a call, and of the node."""


@dataclass(slots=True)
class _Live:
    session: Session
    call: Call
    since: float
    reason: str = ""
    task: asyncio.Task[None] | None = None


class Streams:
    """Owned by the loop; `close()` at the end. `new_id` makes stream ids, `calls` finds a live call or raises
    NotFound."""

    def __init__(self, media: MediaService, clock: Clock, new_id: Callable[[], str], calls: Callable[[str], Call]) -> None:
        self._media = media
        self._clock = clock
        self._new_id = new_id
        self.call_of = calls
        self._live: dict[str, _Live] = {}
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        for live in tuple(self._live.values()):
            self._end(live, "ended")
        await asyncio.gather(*(live.task for live in self._live.values() if live.task is not None), return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    # orders

    def start(self, call: Call, wish: StreamWish, actor: str = "") -> StreamView:
        """Begins one at once; connecting goes on beside. Raises NotFound (no such party), Conflict (no sound, too many)."""
        return self._view(self._begin(call, wish, actor))

    async def connect(self, call: Call, wish: StreamWish) -> str:
        """The same, until it is over; the reason of its end. Cancelling ends it."""
        live = self._begin(call, wish, "")
        assert live.task is not None
        try:
            await asyncio.wait({live.task})
        finally:
            self._end(live, "stopped")
        return live.reason

    def stop(self, call: Call, which: str) -> None:
        """Ends one by its id or its name. Raises NotFound."""
        found = next((live for live in self._of(call) if which in (live.session.id, live.session.wish.name)), None)
        if found is None or not which:
            raise NotFound(f"no stream {which!r} in this call")
        self._end(found, "stopped")

    def views(self, call: Call) -> list[StreamView]:
        """Of one call, oldest first."""
        return [self._view(live) for live in self._of(call)]

    # life

    def _of(self, call: Call) -> list[_Live]:
        return [live for live in self._live.values() if live.call is call]

    def _begin(self, call: Call, wish: StreamWish, actor: str) -> _Live:
        party = _party(call, wish.party)
        if call.is_over or not party.port:
            raise Conflict("the party has no sound yet")
        if len(self._of(call)) >= MOST_OF_CALL or len(self._live) >= MOST:
            raise Conflict(f"at most {MOST_OF_CALL} streams of a call and {MOST} in all")
        if wish.speaks and any(live.session.wish.speaks and live.session.party is party for live in self._of(call)):
            raise Conflict("a program speaks to this party already")
        stream = self._new_id()
        session = Session(
            stream, wish, party, language_of(wish, stream=stream, call=call.id), self._media, call.timeline, self._clock
        )
        live = self._live[stream] = _Live(session, call, self._clock.utc())
        call.mix.streaming = lambda: self._follow(call)
        if self._end_with not in call.before_end:
            call.before_end.append(self._end_with)
        live.task = asyncio.create_task(self._run(live, actor), name=f"stream {stream}")
        return live

    async def _run(self, live: _Live, actor: str) -> None:
        session, call, wish = live.session, live.call, live.session.wish

        def begin() -> None:
            batch = session.open()
            session.party.stream = session.source
            call.mix.apply(before=batch)
            call.emit(StreamStarted(
                stream=session.id, url=wish.shown, party=session.party.name, tracks=tuple(map(str, wish.tracks)),
                format=str(wish.format), speaks=wish.speaks, name=wish.name, actor=actor,
            ))  # fmt: skip

        reason = "stopped"
        try:
            if not live.reason:
                reason = await session.run(self._connections(), begin)
        finally:
            self._over(live, reason)

    def _end(self, live: _Live, reason: str) -> None:
        """The engine's part ends now, the farewell on the WebSocket goes on beside."""
        if self._live.get(live.session.id) is live:
            self._over(live, reason)
            if live.task is not None:
                live.task.cancel()

    def _over(self, live: _Live, reason: str) -> None:
        session, call = live.session, live.call
        if live.reason:
            return
        live.reason = reason
        del self._live[session.id]
        was_open = session.is_open
        session.close()
        session.is_open = False
        if session.party.stream and was_open:
            session.party.stream = 0
            if not call.is_over:
                call.mix.apply()
        session.losses.tell()
        if not call.is_over:
            call.emit(StreamEnded(stream=session.id, reason=reason, dropped_ms=session.losses.total))

    def _end_with(self, call: Call) -> None:
        for live in self._of(call):
            self._end(live, "ended")

    def _follow(self, call: Call) -> list[Command]:
        """Asked at every change of the call's picture."""
        batch: list[Command] = []
        for live in self._of(call):
            session = live.session
            if session.party not in call.mix.parties:
                asyncio.get_running_loop().call_soon(self._end, live, "left")
                continue
            batch += session.follow()
            if session.is_open:
                session.party.stream = session.source
        return batch

    def _connections(self) -> aiohttp.ClientSession:
        if self._client is None:
            connector = aiohttp.TCPConnector(limit=0, socket_factory=small_socket)
            self._client = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._client

    def _view(self, live: _Live) -> StreamView:
        session, wish = live.session, live.session.wish
        return StreamView(
            id=session.id, call=live.call.id, name=wish.name, url=wish.shown, party=session.party.name,
            tracks=tuple(map(str, wish.tracks)), format=str(wish.format), rate=wish.rate, speaks=wish.speaks,
            state="open" if session.is_open else "connecting", since=live.since, dropped_ms=session.losses.total,
        )  # fmt: skip


def _party(call: Call, name: str) -> Party:
    """The anchor, or whoever has that name. Raises NotFound."""
    found = next((party for party in call.mix.parties if name in (party.name, party.id)), None) if name else call.mix.anchor
    if found is None:
        raise NotFound(f"no party {name!r} in this call")
    return found
