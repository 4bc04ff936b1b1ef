"""Messages of calls: the observer of the wire is made with the driver, here it learns of calls and gets its database."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from softswitch.bootstrap.tracing import Observer
from softswitch.model.events import CallCreated, CallEnded, LegStarted
from softswitch.trace.service import Traces
from softswitch.trace.spans import Spans, open_exporter

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

log = structlog.get_logger("trace")


async def build(node: Node) -> Traces:
    observer: Observer = node.observer
    traces = Traces(observer.messages, node.driver.endpoint.call_id_of, node.clock, observer.form)
    observer.traces = traces
    if observer.form.scope != "off":
        node.bus.subscribe(traces.take, (CallCreated, LegStarted, CallEnded))
        node.metrics.trace_octets.set_function(lambda: observer.messages.octets)
        node.metrics.trace_lost.set_function(lambda: traces.lost + observer.messages.dropped)
        node.run(traces.run(node.store), "messages of calls")
        node.on_close_async(lambda: traces.write(node.store, all_of_them=True))
    elif observer.sender is not None:
        node.run(observer.keep_sorting(), "messages to the capture server")
    if observer.sender is not None:
        await observer.sender.open(*observer.capture)
        node.on_close(observer.sender.close)
    return traces


async def build_spans(node: Node) -> Spans:
    """Calls as traces of OpenTelemetry; nothing of that library is imported while no receiver is set."""
    url = node.settings.metrics.otlp
    spans = Spans(open_exporter(url) if url else None)
    if url:
        node.bus.subscribe(spans.take)
        node.on_close_async(partial(asyncio.to_thread, spans.close))
        log.info("= calls are told as traces", to=url)
    return spans
