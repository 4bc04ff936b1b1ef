"""Figures that follow from events: one subscriber of the bus keeps the counters of `Metrics`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.states import AgentState
from softswitch.observe.metrics import Metrics

IN_TIME_MS = 20_000  # the usual "80 % within 20 s"
_UP = ("up", "registered")
_RESULTS = {
    Cause.BUSY.word: "busy", Cause.NO_ANSWER.word: "no_answer", Cause.NO_USER_RESPONSE.word: "no_answer",
    Cause.CANCELLED.word: "abandoned", Cause.NORMAL.word: "abandoned", Cause.REJECTED.word: "rejected",
    Cause.FORBIDDEN.word: "rejected", Cause.NODE_LOST.word: "interrupted",
}  # fmt: skip


_TAKEN = (
    ev.CallCreated, ev.CallAnswered, ev.CallConnected, ev.CallEnded, ev.LegStarted, ev.LegEnded, ev.LegQuality, ev.QueueEntered,
    ev.QueueLeft, ev.AgentLogin, ev.AgentStateChanged, ev.AgentLogout, ev.RecordingFinished, ev.TrunkStateChanged,
    ev.RegistrationChanged,
)  # fmt: skip


class Subscribing(Protocol):
    def subscribe(self, handler: Callable[[ev.Event], None], types: tuple[type[ev.Event], ...] = ()) -> object: ...


@dataclass(slots=True)
class _Call:
    direction: str
    created_at: float
    trunks: dict[str, str] = field(default_factory=dict)  # leg → trunk; "" is the caller's own leg
    setup_seen: bool = False
    connected: bool = False


class MetricsFeed:
    """Subscribes on construction. What has to be computed when it is looked at is computed by `render`."""

    def __init__(self, metrics: Metrics, bus: Subscribing, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._calls: dict[str, _Call] = {}
        self._waiting: dict[tuple[str, str], float] = {}  # (queue, visit) → since
        self._queues: set[str] = set()
        self._left: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # queue → [in time, all]
        self._agents: dict[str, str] = {}
        self._contacts: dict[str, int] = {}
        self._channels: dict[str, int] = {}  # trunk → legs on it
        bus.subscribe(self.take, _TAKEN)

    def render(self) -> bytes:
        now = self._clock.utc()
        longest = dict.fromkeys(self._queues, 0.0)
        for (queue, _), since in self._waiting.items():
            longest[queue] = max(longest[queue], now - since)
        for queue, seconds in longest.items():
            self._metrics.queue_longest.labels(queue).set(seconds)
        for trunk, legs in self._channels.items():
            self._metrics.trunk_channels.labels(trunk).set(legs)
        self._metrics.calls_active.set(len(self._calls))
        return self._metrics.render()

    def take(self, event: ev.Event) -> None:
        match event:
            case ev.CallCreated() | ev.CallAnswered() | ev.CallConnected() | ev.CallEnded():
                self._take_call(event)
            case ev.LegStarted(trunk=trunk) if trunk and event.call in self._calls:
                self._seize(self._calls[event.call], event.leg, trunk)
            case ev.LegEnded() if event.call in self._calls:
                self._release(self._calls[event.call], event.leg)
            case ev.LegQuality():
                self._take_quality(event)
            case ev.QueueEntered() | ev.QueueLeft():
                self._take_queue(event)
            case ev.AgentLogin():
                self._set_agent(event.agent, AgentState.NOT_READY)
            case ev.AgentStateChanged(new=new):
                self._set_agent(event.agent, new)
            case ev.AgentLogout():
                self._set_agent(event.agent, AgentState.LOGGED_OUT)
            case ev.RecordingFinished(status=status):
                self._metrics.recordings.labels(status).inc()
            case ev.TrunkStateChanged(trunk=trunk, state=state):
                self._metrics.trunk_up.labels(trunk).set(state in _UP)
            case ev.RegistrationChanged(extension=extension, contacts=contacts):
                self._contacts[extension] = contacts
                self._metrics.registrations.set(sum(self._contacts.values()))

    def _take_call(self, event: ev.CallCreated | ev.CallAnswered | ev.CallConnected | ev.CallEnded) -> None:
        if isinstance(event, ev.CallCreated):
            self._calls[event.call] = call = _Call(event.direction, event.at)
            if event.trunk:
                self._seize(call, "", event.trunk)
        elif (known := self._calls.get(event.call)) is None:
            return  # it ended in a crash before this process began
        elif isinstance(event, ev.CallEnded):
            self._end(event, known)
        else:
            if not known.setup_seen:
                known.setup_seen = True
                self._metrics.call_setup.observe(max(0.0, event.at - known.created_at))
            known.connected = known.connected or isinstance(event, ev.CallConnected)

    def _end(self, event: ev.CallEnded, call: _Call) -> None:
        del self._calls[event.call]
        for leg in list(call.trunks):
            self._release(call, leg)
        result = "interrupted" if event.cause == Cause.NODE_LOST.word else "answered"
        if not call.connected:
            result = _RESULTS.get(event.cause, "failed")
        self._metrics.calls.labels(call.direction, result).inc()

    def _seize(self, call: _Call, leg: str, trunk: str) -> None:
        call.trunks[leg] = trunk
        self._channels[trunk] = self._channels.get(trunk, 0) + 1

    def _release(self, call: _Call, leg: str) -> None:
        if trunk := call.trunks.pop(leg, ""):
            self._channels[trunk] -= 1

    def _take_quality(self, event: ev.LegQuality) -> None:
        if not event.final:
            return
        if event.one_way:
            self._metrics.one_way_audio.inc()
        expected = event.packets_received + event.lost
        if expected:
            loss = event.lost / expected
            self._metrics.packet_loss.observe(loss)
            self._metrics.jitter.observe(event.jitter_ms / 1000)
            if event.mos >= 1:
                self._metrics.mos.observe(event.mos)

    def _take_queue(self, event: ev.QueueEntered | ev.QueueLeft) -> None:
        self._queues.add(event.queue)
        if isinstance(event, ev.QueueEntered):
            self._waiting[event.queue, event.visit] = event.at
        else:
            self._waiting.pop((event.queue, event.visit), None)
            counts = self._left[event.queue]
            counts[0] += event.result == "answered" and event.wait_ms <= IN_TIME_MS
            counts[1] += 1
            self._metrics.queue_service_level.labels(event.queue).set(counts[0] / counts[1])
        waiting = sum(queue == event.queue for queue, _ in self._waiting)
        self._metrics.queue_waiting.labels(event.queue).set(waiting)

    def _set_agent(self, agent: str, state: str) -> None:
        self._agents[agent] = state
        for known in AgentState:
            self._metrics.agents.labels(known.value).set(sum(value == known for value in self._agents.values()))
