"""Log lines: structlog, on a console for people or as JSON for machines.

A line starts with a fixed mark: `<` in, `>` out, `=` state, `!` error, `x` close. Structured fields carry call, leg, trunk.
`bind_call` puts the call's id into every line that its task writes.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TextIO

import structlog


def configure(level: str = "info", form: str = "auto", stream: TextIO | None = None) -> None:
    """Sets up logging for the process. `form`: `console`, `json`, or `auto` (console on a terminal)."""
    out = stream or sys.stderr
    as_json = form == "json" or (form == "auto" and not out.isatty())
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_tracebacks()] if as_json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_name: _Lines(stream),
        cache_logger_on_first_use=False,
    )
    # Libraries log through the standard library; their lines go to the same place, warnings and worse only.
    logging.basicConfig(stream=out, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s", force=True)


def bind_call(call: str) -> None:
    """Every later line of this task and of the tasks it starts names the call."""
    structlog.contextvars.bind_contextvars(call=call)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Writes to `stream`, or to whatever stderr is at that moment."""

    stream: TextIO | None

    def msg(self, message: str) -> None:
        print(message, file=self.stream or sys.stderr, flush=True)

    debug = info = warning = error = critical = exception = msg


def _tracebacks() -> structlog.types.Processor:
    """Tracebacks as data, without local variables: those may hold secrets."""
    return structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
