"""A call as a trace of OpenTelemetry: the call, its legs, waits in queues and nodes of flows, each with begin and end.

`spans_of` is plain: timeline in, spans out. The library (`softswitch[otel]`) is imported by `open_exporter` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from softswitch.model import events as ev

Value = str | int | float | bool
Export = Callable[["Sequence[Span]"], None]
MOST_CALLS = 20_000
MOST_EVENTS = 2_000


@dataclass(frozen=True, slots=True)
class Span:
    """Times are UTC seconds. `parent` is the place of another span of the same list, -1 for the call itself."""

    name: str
    began: float
    ended: float
    parent: int = 0
    failed: bool = False
    values: Mapping[str, Value] = field(default_factory=dict)


def spans_of(events: Sequence[ev.Event]) -> list[Span]:
    """Of a whole timeline; the call is the first span. Empty for a timeline without its begin or end."""
    created = next((event for event in events if isinstance(event, ev.CallCreated)), None)
    ended = next((event for event in events if isinstance(event, ev.CallEnded)), None)
    if created is None or ended is None:
        return []
    connected = any(isinstance(event, ev.CallConnected) for event in events)
    values: dict[str, Value] = {
        "call.id": created.call, "call.direction": created.direction, "call.called": created.called,
        "call.trunk": created.trunk, "call.cause": ended.cause, "call.ended_by": ended.who, "sip.status": ended.sip_status,
        "sip.call_id": created.sip_call_id,
    }  # fmt: skip
    call = Span(f"call {created.direction}", created.at, ended.at, -1, not connected and ended.q850 not in (16, 17, 19), values)
    return [call, *_legs(events, ended.at), *_queues(events, ended.at), *_nodes(events)]


def _legs(events: Sequence[ev.Event], end: float) -> list[Span]:
    found: list[Span] = []
    ends = {event.leg: event for event in events if isinstance(event, ev.LegEnded)}
    for event in events:
        if isinstance(event, ev.LegStarted):
            over = ends.get(event.leg)
            values: dict[str, Value] = {"leg.id": event.leg, "leg.target": event.target, "leg.trunk": event.trunk}
            if over is not None:
                values |= {"leg.cause": over.cause, "sip.status": over.sip_status}
            failed = over is not None and over.sip_status >= 400
            found.append(Span("leg", event.at, over.at if over is not None else end, 0, failed, values))
    return found


def _queues(events: Sequence[ev.Event], end: float) -> list[Span]:
    found: list[Span] = []
    left = {event.visit: event for event in events if isinstance(event, ev.QueueLeft)}
    for event in events:
        if isinstance(event, ev.QueueEntered):
            over = left.get(event.visit)
            values: dict[str, Value] = {"queue.name": event.queue, "queue.result": over.result if over is not None else ""}
            found.append(Span("queue wait", event.at, over.at if over is not None else end, 0, False, values))
    return found


def _nodes(events: Sequence[ev.Event]) -> list[Span]:
    """A node is told when it is over, with how long it took."""
    return [
        Span(
            f"ivr {event.verb}", event.at - event.ms / 1000, event.at, 0, event.result in ("error", "failed"),
            {"ivr.flow": event.flow, "ivr.node": event.node, "ivr.result": event.result},
        )
        for event in events
        if isinstance(event, ev.IvrNode)
    ]  # fmt: skip


class Spans:
    """Gathers timelines from the bus and exports each call at its end."""

    def __init__(self, export: Exporter | None) -> None:
        self._export = export
        self._calls: dict[str, list[ev.Event]] = {}

    def take(self, event: ev.Event) -> None:
        if isinstance(event, ev.CallCreated):
            if len(self._calls) < MOST_CALLS:
                self._calls[event.call] = [event]
        elif (events := self._calls.get(event.call)) is not None:
            if len(events) < MOST_EVENTS or isinstance(event, ev.CallEnded):
                events.append(event)
            if isinstance(event, ev.CallEnded):
                del self._calls[event.call]
                if self._export is not None:
                    self._export(spans_of(events))

    def close(self) -> None:
        if self._export is not None:
            self._export.close()


class Exporter:
    """Spans through the library's batch processor, which has a thread of its own and drops what it cannot send."""

    def __init__(self, send: Export, stop: Callable[[], None]) -> None:
        self._send = send
        self._stop = stop

    def __call__(self, spans: Sequence[Span]) -> None:
        if spans:
            self._send(spans)

    def close(self) -> None:
        """Sends what has gathered; may take as long as the receiver does."""
        self._stop()


def trace_id(call: str) -> int:
    """128 bits that follow from the call's id, so that a trace can be found by it."""
    return int.from_bytes(hashlib.sha256(call.encode()).digest()[:16], "big") or 1


def open_exporter(url: str) -> Exporter:
    """Raises OSError when `softswitch[otel]` is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        from softswitch.trace.otel import emit  # noqa: PLC0415 - imports the extra
    except ImportError as fault:
        raise OSError(f"metrics.otlp: install softswitch[otel] ({fault.name} is missing)") from fault
    processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=url))
    return Exporter(lambda spans: emit(spans, processor), processor.shutdown)
