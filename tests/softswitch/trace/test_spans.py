"""Calls as traces: which spans, with which times; and that nothing of the library is imported while it is off."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from softswitch.model import events as ev
from softswitch.trace.otel import emit
from softswitch.trace.spans import Exporter, Spans, spans_of, trace_id

EVENTS = [
    ev.CallCreated(call="c7", at=100.0, direction="in", caller="138", called="4001", sip_call_id="abc"),
    ev.IvrNode(call="c7", at=103.0, flow="main", node="menu", verb="menu", result="1", ms=2500),
    ev.QueueEntered(call="c7", at=103.0, queue="sales", visit="v", position=1),
    ev.LegStarted(call="c7", at=105.0, leg="l1", target="agent:li"),
    ev.LegEnded(call="c7", at=110.0, leg="l1", cause="busy", sip_status=486),
    ev.QueueLeft(call="c7", at=112.0, queue="sales", visit="v", result="abandoned", wait_ms=9000),
    ev.CallEnded(call="c7", at=112.5, who="caller", cause="cancelled", q850=16, sip_status=487),
]


def test_spans_of_a_call() -> None:
    found = [(span.name, span.began, span.ended, span.failed) for span in spans_of(EVENTS)]
    assert found == [
        ("call in", 100.0, 112.5, False), ("leg", 105.0, 110.0, True), ("queue wait", 103.0, 112.0, False),
        ("ivr menu", 100.5, 103.0, False),
    ]  # fmt: skip
    assert spans_of(EVENTS[:-1]) == []


def test_the_library_gets_them_under_the_trace_of_the_call() -> None:
    memory = InMemorySpanExporter()
    processor = SimpleSpanProcessor(memory)
    spans = Spans(Exporter(lambda found: emit(found, processor), processor.shutdown))
    for event in EVENTS:
        spans.take(event)
    found = {span.name: span for span in memory.get_finished_spans()}
    assert found.keys() == {"call in", "leg", "queue wait", "ivr menu"}
    root = found["call in"]
    assert {span.context.trace_id for span in found.values()} == {trace_id("c7")}
    assert all(span.parent.span_id == root.context.span_id for name, span in found.items() if name != "call in")
    assert (root.start_time, root.end_time) == (100_000_000_000, 112_500_000_000)
    assert found["leg"].status.status_code is StatusCode.ERROR
    assert root.attributes["call.cause"] == "cancelled"
    spans.close()


def test_nothing_is_imported_while_it_is_off() -> None:
    code = (
        "import sys, softswitch.bootstrap.node; from softswitch.trace.spans import Spans; Spans(None);"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
