"""The destination `application:NAME`: a call driven by a webhook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.applications.client import Webhooks
from softswitch.applications.interpreter import Interpreter
from softswitch.applications.model import Stream
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.model import Application
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.doors import Doors
from softswitch.ivr.line import CallLine
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.events import IvrEntered, IvrLeft
from softswitch.streams.model import StreamWish, Track
from softswitch.streams.service import Streams


@dataclass(frozen=True, slots=True)
class CallStreams:
    """What the streams of one call are to the interpreter."""

    streams: Streams
    call: Call
    application: Application

    def start(self, wanted: Stream) -> None:
        self.streams.start(self.call, self._wish(wanted), self.application.name)

    async def connect(self, wanted: Stream) -> str:
        return await self.streams.connect(self.call, self._wish(wanted))

    def stop(self, name: str) -> None:
        """One that has ended by itself is none to complain about."""
        live = self.streams.views(self.call)
        found = next((view.id for view in reversed(live) if view.name == name or not name), None)
        if found is not None:
            self.streams.stop(self.call, found)

    def _wish(self, wanted: Stream) -> StreamWish:
        return StreamWish(
            url=wanted.url, name=wanted.name, tracks=tuple(Track(track) for track in wanted.tracks), speaks=wanted.speaks,
            parameters=wanted.parameters, secret=self.application.secret, account=self.application.name,
        )  # fmt: skip


class Applications:
    """Owned by the loop; `close()` at the end."""

    def __init__(self, *, directory: Callable[[], Snapshot], clock: Clock, doors: Doors, desk: Desk, streams: Streams) -> None:
        self._directory = directory
        self._clock = clock
        self._doors = doors
        self._desk = desk
        self._streams = streams
        self.webhooks = Webhooks(clock)

    async def close(self) -> None:
        await self.webhooks.close()

    async def to_application(self, call: Call, destination: Destination) -> Outcome:
        """The handler. The timeline has it as a flow of that name, entered and left."""
        application = self._directory().applications.get(destination.name)
        if application is None:
            return Outcome.failed(Cause.UNALLOCATED)
        name = str(destination)
        call.emit(IvrEntered(flow=name))
        result = "hangup"
        try:
            outcome = await self._interpreter(call, application).run()
            result = outcome.result
            return outcome
        finally:
            call.emit(IvrLeft(flow=name, node="", result=result))

    def _interpreter(self, call: Call, application: Application) -> Interpreter:
        line = CallLine(call, self._clock, self._directory, self._desk, self._doors)
        facts = call.facts
        return Interpreter(
            application=application, line=line, asker=self.webhooks,
            facts={
                "CallSid": call.id, "AccountSid": application.name, "ApiVersion": "2010-04-01", "From": facts.caller,
                "Caller": facts.caller, "CallerName": facts.caller_name, "To": facts.called, "Called": facts.called,
                "Direction": "inbound",
            },
            answered=lambda: call.is_answered, number=self._dialled, press=call.caller.press, limit=call.limit,
            streams=CallStreams(self._streams, call, application),
        )  # fmt: skip

    def _dialled(self, number: str) -> Destination | None:
        """An extension of the switch, else an outside number that a route leads to; None: no way there."""
        text = "".join(sign for sign in number if sign in "0123456789*#+")
        snapshot = self._directory()
        if text in snapshot.extensions:
            return Destination(DestinationKind.EXTENSION, text)
        return Destination(DestinationKind.OUTSIDE, text) if text and snapshot.route_for(text) is not None else None
