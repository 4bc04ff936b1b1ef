"""The one fan-out of what happens to the people who watch: translates views and events into frames for each client's topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from secrets import token_urlsafe
from typing import Any

from softswitch.access.scope import Scope, Scopes
from softswitch.directory.users import Principal
from softswitch.features.conference import Conferences, RoomView
from softswitch.features.screen_pop import ScreenPops
from softswitch.model.events import (
    AgentHelp,
    AgentMessage,
    AlarmAcknowledged,
    AlarmCleared,
    AlarmRaised,
    CallbackCancelled,
    CallbackCreated,
    CallbackDone,
    CallbackDue,
    CallEnded,
    Event,
    SupervisionEnded,
    SupervisionMode,
    SupervisionStarted,
    rfc3339,
)
from softswitch.model.states import Role
from softswitch.services import AgentView, CallView, OfferView, QueueView, Services
from softswitch.store import calls as store_calls
from softswitch.store import recordings as store_recordings
from web import shapes
from web.api.conferences import room
from web.ws import pop
from web.ws.outbox import Outbox, Parking

_HEARD = (
    CallEnded, AlarmRaised, AlarmCleared, AlarmAcknowledged, SupervisionStarted, SupervisionMode, SupervisionEnded, AgentHelp,
    AgentMessage, CallbackCreated, CallbackDue, CallbackDone, CallbackCancelled,
)  # fmt: skip
SWEEP = 5.0  # seconds between looks for expired outboxes


class Hub:
    """Owns the outboxes of people, connected and parked. One per process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._connected: dict[str, set[Outbox]] = {}
        self._scopes = Scopes()
        self._parking = Parking(services.clock.now, self._expired)
        self._stops: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        services = self._services
        supervision = services.bus.subscribe(self._on_event, _HEARD)
        self._stops = [
            services.floor.watch(agent=self._on_agent, queue=self._on_queue, offer=self._on_offer),
            services.calls.watch(self._on_call, self._has_readers),
            services.part(Conferences).watch(self._on_room),
            supervision.close,
        ]
        self._spawn(self._sweep())

    async def stop(self) -> None:
        for stop in self._stops:
            stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # clients

    def attach(
        self, login: str, resume: str, after: int, overflow: Callable[[], None]
    ) -> tuple[Outbox, asyncio.Queue[str], bool]:
        """The outbox of a person's new connection, its queue, and whether the former one was resumed without a gap."""
        outbox = (self._parking.take(resume, login) or self._take_over(resume, login)) if resume else None
        resumed = outbox is not None
        if outbox is None:
            outbox = Outbox(login, token_urlsafe(24))
        queue = outbox.connect(overflow)
        complete = resumed and outbox.replay(after)
        first = not self._connected.get(login)
        self._connected.setdefault(login, set()).add(outbox)
        if first and login in self._services.directory.current().agents:
            self._services.floor.desk_connected(login)
        return outbox, queue, complete

    def _take_over(self, resume: str, login: str) -> Outbox | None:
        """A connection that is dead, but not known to be: its network went away and the client is faster than our heartbeat."""
        outbox = next((mine for mine in self._connected.get(login, ()) if mine.resume == resume), None)
        if outbox is not None and outbox.overflow is not None:
            outbox.overflow()
        return outbox

    def detach(self, outbox: Outbox, queue: asyncio.Queue[str]) -> None:
        """The connection is gone; the person may come back. Nothing when another connection has taken the outbox over."""
        if outbox.send is not queue:
            return
        outbox.disconnect()
        mine = self._connected.get(outbox.login, set())
        mine.discard(outbox)
        self._parking.park(outbox)
        if not mine:
            self._connected.pop(outbox.login, None)
            if outbox.login in self._services.directory.current().agents:
                self._services.floor.desk_lost(outbox.login)

    def _expired(self, outbox: Outbox) -> None:
        if outbox.login not in self._connected:
            self._services.browsers.close(outbox.login)

    def _outboxes(self) -> Iterable[Outbox]:
        for mine in self._connected.values():
            yield from mine
        yield from self._parking

    def _has_readers(self) -> bool:
        return bool(self._connected) or any(True for _ in self._parking)

    def _is_watched(self, topic: str, logins: Collection[str]) -> bool:
        """Whether a page wants the topic, or the person's own page is there: what nobody reads is not even put together."""
        return any(topic in outbox.topics or outbox.login in logins for outbox in self._outboxes())

    def scope(self, login: str) -> Scope:
        """What a person may see now."""
        snapshot = self._services.directory.current()
        user = snapshot.users.get(login)
        return self._scopes.of(Principal(login, login, user.role if user else Role.AGENT), snapshot)

    def _tell(self, topic: str, event: Mapping[str, Any], may_see: Callable[[Scope], bool] = lambda _: True) -> None:
        for outbox in self._outboxes():
            if topic in outbox.topics and may_see(self.scope(outbox.login)):
                outbox.event(event)

    def _tell_person(self, login: str, event: Mapping[str, Any], topic: str = "agent") -> None:
        for outbox in self._outboxes():
            if outbox.login == login and topic in outbox.topics:
                outbox.event(event)

    # what happens

    def names(self) -> dict[str, str]:
        return {login: agent.name for login, agent in self._services.directory.current().agents.items()}

    def _on_agent(self, view: AgentView) -> None:
        agent = shapes.agent(view).model_dump()
        self._tell_person(view.login, {"type": "agent.state", "agent": agent})
        self._tell("board", {"type": "board.agent", "agent": agent}, lambda scope: scope.may_see_agent(view.login))

    def _on_queue(self, view: QueueView) -> None:
        event = {"type": "board.queue", "queue": shapes.queue(view).model_dump()}
        self._tell("board", event, lambda scope: scope.may_see_queue(view.name))

    def _on_offer(self, login: str, view: OfferView | None, reason: str) -> None:
        if view is not None:
            self._tell_person(login, {"type": "offer.made", "offer": pop.offer(self._services, view, login)})
            if ScreenPops in self._services.parts:
                self._services.part(ScreenPops).popped(view.call, login)
        else:
            self._tell_person(login, {"type": "offer.withdrawn", "reason": reason})

    def _on_call(self, view: CallView) -> None:
        if not self._is_watched("calls", view.agents):
            return
        call = shapes.live_call(view, self.names(), self._services.clock.utc()).model_dump()
        for login in view.agents:
            self._tell_person(login, {"type": "call.state", "call": call})
        self._tell("calls", {"type": "call.state", "call": call}, lambda scope: scope.may_see_call(view.agent, view.queue))

    def _on_room(self, view: RoomView) -> None:
        if self._is_watched("rooms", ()):
            self._tell("rooms", {"type": "room", "room": room(view).model_dump()})

    def _on_event(self, event: Event) -> None:
        match event:
            case CallEnded():
                if any(True for _ in self._outboxes()):
                    self._spawn(self._tell_ended(event.call))
            case AlarmRaised():
                alarm = {
                    "id": event.alarm,
                    "code": event.code,
                    "level": event.level,
                    "text": event.text,
                    "object": event.object,
                }
                self._tell("calls", {"type": "alarm.raised", **alarm})
            case AlarmCleared():
                alarm = {"id": event.alarm, "code": event.code, "object": event.object}
                self._tell("calls", {"type": "alarm.cleared", **alarm})
            case AlarmAcknowledged():
                acked = {"id": event.alarm, "code": event.code, "object": event.object, "by": event.actor, "note": event.note}
                self._tell("calls", {"type": "alarm.acked", **acked})
            case SupervisionStarted() | SupervisionMode():
                self._tell_monitor(event.supervisor or event.actor, event.call, event.mode)
            case SupervisionEnded():
                self._tell_monitor(event.supervisor or event.actor, event.call, "off")
            case AgentHelp():
                self._on_help(event)
            case AgentMessage():
                self._on_message(event)
            case CallbackCreated() | CallbackDue() | CallbackDone() | CallbackCancelled():
                self._on_callback(event)

    def _tell_monitor(self, supervisor: str, call: str, mode: str) -> None:
        self._tell_person(supervisor, {"type": "monitor.state", "call": call, "mode": mode}, "calls")

    def _on_help(self, event: AgentHelp) -> None:
        """The leaders of the agent know at once; after a while, and when it is settled, everybody who may help."""
        everybody = event.state in ("escalated", "accepted", "ended")
        told = {"type": "help", "agent": event.agent, "state": event.state, "supervisor": event.supervisor or None}
        self._tell("board", told, lambda scope: everybody or scope.may_see_agent(event.agent))
        self._tell_person(event.agent, told)

    def _on_message(self, event: AgentMessage) -> None:
        told = {"type": "agent.message", "from": event.actor, "text": event.text, "to": event.to, "at": rfc3339(event.at)}
        kind, _, name = event.to.partition(":")
        for login, agent in self._services.directory.current().agents.items():
            mine = event.to == "all" or (kind == "agent" and login == name) or (kind == "team" and agent.team == name)
            if mine and (not event.people or login in event.people):
                self._tell_person(login, told)

    def _on_callback(self, event: CallbackCreated | CallbackDue | CallbackDone | CallbackCancelled) -> None:
        """What is to be done has changed for those who serve the queue; the page fetches its list again."""
        told = {
            "type": "callback.due",
            "callback": event.callback,
            "queue": event.queue,
            "why": event.type.removeprefix("callback."),
        }
        agents = self._services.directory.current().agents
        for login in {outbox.login for outbox in self._outboxes()}:
            if login in agents and (login == event.agent or event.queue in agents[login].queues):
                self._tell_person(login, told)

    async def _tell_ended(self, call: str) -> None:
        """The committed record; also to the agent who talked."""
        store = self._services.store
        row = await store.read(lambda db: store_calls.call_record(db, call))
        if row is None:
            return
        recordings = await store.read(lambda db: store_recordings.recordings_of(db, [call]))
        event = {"type": "call.state", "call": shapes.ended_call(row, self.names(), recordings.get(call, [])).model_dump()}
        if row.agent:
            self._tell_person(row.agent, event)
        self._tell("calls", event, lambda scope: scope.may_see_call(row.agent, row.queue))

    # housekeeping

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            self._parking.sweep()
