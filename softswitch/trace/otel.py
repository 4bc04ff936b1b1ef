"""Our spans as those of OpenTelemetry. Imported only when a receiver is set."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import Status, StatusCode, set_span_in_context

from softswitch import __version__
from softswitch.trace.spans import Span, trace_id


class _Ids(IdGenerator):
    """The trace of a call has the id that follows from the call."""

    def __init__(self, call: str) -> None:
        self._trace = trace_id(call)
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        return self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        return self._trace


_RESOURCE = Resource({"service.name": "softswitch", "service.version": __version__})


def emit(spans: Sequence[Span], processor: SpanProcessor) -> None:
    """Hands the spans of one call to the processor, with their own times."""
    provider = TracerProvider(
        resource=_RESOURCE, id_generator=_Ids(str(spans[0].values.get("call.id", ""))), shutdown_on_exit=False
    )
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("softswitch.calls", __version__)
    root = tracer.start_span(spans[0].name, start_time=_nanos(spans[0].began), attributes=dict(spans[0].values))
    context = set_span_in_context(root)
    for span in spans[1:]:
        part = tracer.start_span(span.name, context, start_time=_nanos(span.began), attributes=dict(span.values))
        if span.failed:
            part.set_status(Status(StatusCode.ERROR))
        part.end(_nanos(span.ended))
    if spans[0].failed:
        root.set_status(Status(StatusCode.ERROR, str(spans[0].values.get("call.cause", ""))))
    root.end(_nanos(spans[0].ended))


def _nanos(seconds: float) -> int:
    return round(seconds * 1e9)
