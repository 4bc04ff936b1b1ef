"""The bus: each published event reaches every subscriber of its type, in order, in the caller's turn of the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from softswitch.model.events import Event

Handler = Callable[[Event], None]
log = structlog.get_logger("bus")


@dataclass(eq=False, slots=True)
class Subscription:
    """A running subscription; `close()` ends it (twice is harmless)."""

    handler: Handler
    types: tuple[type[Event], ...]
    _bus: Bus = field(repr=False)

    def close(self) -> None:
        self._bus.remove(self)

    def wants(self, kind: type[Event]) -> bool:
        return not self.types or issubclass(kind, self.types)


class Bus:
    """In-process dispatch. Events that a handler publishes are delivered after the current one, so that all see one order.

    Producers use `Journal.append`, which publishes here; only the journal calls `publish` itself.
    """

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()
        self._wanted: dict[type[Event], tuple[Handler, ...]] = {}  # who wants a type, as far as one was published
        self._waiting: deque[Event] = deque()
        self._delivering = False

    def subscribe(self, handler: Handler, types: tuple[type[Event], ...] = ()) -> Subscription:
        """Calls `handler` with each later event of `types` (all when empty). It must be quick and must not block."""
        subscription = Subscription(handler, types, self)
        self._subscriptions = (*self._subscriptions, subscription)
        self._wanted = {}
        return subscription

    def remove(self, subscription: Subscription) -> None:
        self._subscriptions = tuple(other for other in self._subscriptions if other is not subscription)
        self._wanted = {}

    def publish(self, event: Event) -> None:
        self._waiting.append(event)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._waiting:
                self._deliver(self._waiting.popleft())
        finally:
            self._delivering = False

    def _deliver(self, event: Event) -> None:
        kind = type(event)
        handlers = self._wanted.get(kind)
        if handlers is None:
            handlers = tuple(one.handler for one in self._subscriptions if one.wants(kind))
            self._wanted[kind] = handlers
        for handler in handlers:
            try:
                handler(event)
            except Exception:  # a broken subscriber must not stop the others (architecture.md §12)
                log.exception("! subscriber failed", type=event.type, call=event.call)
