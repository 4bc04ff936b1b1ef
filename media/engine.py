"""The seam to the engine: the `MediaEngine` protocol, the loader of the native one, the pump that feeds its events to handles.

This is the only module that imports `media._native`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from media.commands import CloseBus, Command, Listen, MovePort, PortKind
from media.errors import CommandRefused, EngineClosed, NoCapacity, PortLost
from media.events import EVENTS, CommandFailed, Event, PortClosed, PortFailed, Reservation

Subscriber = Callable[[Event], None]
"""Called in the event loop's thread, in order. It must not block and must not raise: it belongs to a handle or to metrics."""

Awaited = TypeVar("Awaited", bound=Event)

_REMEMBERED_BATCHES = 4096
_NO_SOURCES: Mapping[int, float] = MappingProxyType({})


class MediaEngine(Protocol):
    """What every engine offers: native, fake, later remote. All calls come from one thread and never block."""

    def reserve(self, kind: PortKind, group: int, family: str = "") -> Reservation:
        """Binds sockets for a port of `group`, which the first reservation creates. Raises NoCapacity.

        `family` of the peer: "ipv4", "ipv6" or "" for either. Without an address of that family it is served at the first.
        """
        ...

    def submit(self, batch: Sequence[Command]) -> int:
        """Hands over a batch that is applied whole, between two frames; returns its sequence number. Raises EngineClosed."""
        ...

    def drain(self) -> list[Event]:
        """Everything since the last call, in order per node."""
        ...

    def fileno(self) -> int:
        """A descriptor that is readable while `drain` has something."""
        ...

    def close(self) -> None:
        """Ends all ports and threads; idempotent."""
        ...


def is_built() -> bool:
    """Whether the Rust engine can be loaded."""
    return find_spec("media._native") is not None


def level_sound(file: bytes, most_ms: int, target: float, ceiling: float) -> tuple[bytes, int, float, float]:
    """A WAV or Ogg/Opus file as WAV (PCM16, mono, 16 kHz) at `target` LUFS, true peaks below `ceiling` dB.

    Returns it with its length in ms, its loudness before in LUFS, and the gain in dB. Raises ValueError, ImportError.
    """
    from media import _native  # noqa: PLC0415 -- built from Rust, absent where only the fake is used

    return _native.level(file, most_ms, target, ceiling)


def native_engine(
    listen: str = "0.0.0.0",  # noqa: S104 -- the documented default of media.listen
    port_min: int = 20000,
    port_max: int = 29999,
    workers: int = 0,
    record_root: str = "data/recordings",
    webrtc_port: int = 0,
    tcp_port: int = 0,
    plugins: Sequence[str] = (),
) -> MediaEngine:
    """Starts the Rust engine at one address, or at one of each family separated by a comma.

    `workers` 0 means one less than the cores; recordings are only written below `record_root`.

    `webrtc_port`: one UDP port for all browsers, 0 for one each. `tcp_port`: for browsers whose network blocks UDP, 0 for none.
    `plugins`: where libraries of codecs are looked for, see `codec_libraries`.
    Raises ImportError with what to do when the module was not built, OSError when nothing can be bound.
    """
    try:
        from media._native import NativeEngine  # noqa: PLC0415 -- the rest of the package works without the build
    except ImportError as problem:
        raise ImportError("the media engine is not built: run script/setup") from problem
    engine: MediaEngine = NativeEngine(listen, port_min, port_max, workers, record_root, webrtc_port, tcp_port, list(plugins))
    return engine


def codec_libraries(plugins: Sequence[str]) -> dict[str, str]:
    """Codecs that need a library of the system, and why it cannot be used ("" where it can).

    `plugins` are folders, files, or "auto" for wherever the system keeps libraries; none: no library is loaded.
    Raises ImportError when the engine is not built.
    """
    from media._native import codec_libraries as look  # noqa: PLC0415 -- the rest of the package works without the build

    return dict(look(list(plugins)))


def _first_field(kind: type) -> Callable[[Any], int]:
    """An event is about the node that its first field names; only CommandFailed says it elsewhere."""
    name = "target" if kind is CommandFailed else next(iter(kind.__dataclass_fields__))  # type: ignore[attr-defined]
    getter: Callable[[Any], int] = attrgetter(name)
    return getter


_NODE_OF = {kind: _first_field(kind) for kind in EVENTS}
_NODELESS = {kind for kind in EVENTS if kind.__name__ in {"Overload", "EventsDropped"}}


class EnginePump:
    """Moves batches down and events up, in one event loop.

    Owned by that loop's thread. It also remembers what each listener hears, from the `Listen`s that pass through it, so that
    a handle can add a prompt to a mix that somebody else made. All commands of a process must pass through its one pump.
    """

    def __init__(self, engine: MediaEngine) -> None:
        self.engine = engine
        self._subscribers: dict[int, list[Subscriber]] = {}
        self._watchers: list[Subscriber] = []
        self._failures: OrderedDict[int, Subscriber] = OrderedDict()
        self._sources: dict[int, Mapping[int, float]] = {}
        self._backlog: deque[Event] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        self._closed = False

    def start(self) -> None:
        """Begins to read events; call it inside the loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.engine.fileno(), self._readable)

    @property
    def is_closed(self) -> bool:
        """Whether the engine is gone; whoever only cleans up needs nothing more then."""
        return self._closed

    def close(self) -> None:
        """Stops reading and closes the engine; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None:
            self._loop.remove_reader(self.engine.fileno())
        self.engine.close()
        for future in tuple(self._waiting):
            if not future.done():
                future.set_exception(EngineClosed("the media engine was closed"))

    def reserve(self, kind: PortKind, group: int, family: str = "") -> Reservation:
        """Binds sockets for a peer of `family`. Raises NoCapacity, EngineClosed."""
        if self._closed:
            raise EngineClosed("the media engine is closed")
        return self.engine.reserve(kind, group, family)

    def submit(self, batch: Sequence[Command], on_failure: Subscriber | None = None) -> int:
        """Submits a batch. Each `CommandFailed` of it also goes to `on_failure`, for as long as the batch is remembered."""
        if self._closed:
            raise EngineClosed("the media engine is closed")
        seq = self.engine.submit(batch)
        for command in batch:
            if isinstance(command, Listen):
                self._sources[command.listener] = command.sources
            elif isinstance(command, MovePort):
                self.forget(command.port)  # routes never cross groups
            elif isinstance(command, CloseBus):
                self.forget(command.bus)
        if on_failure is not None:
            self._failures[seq] = on_failure
            if len(self._failures) > _REMEMBERED_BATCHES:
                self._failures.popitem(last=False)
        return seq

    def sources_of(self, listener: int) -> Mapping[int, float]:
        """What `listener` was last told to hear: source to gain in dB."""
        return self._sources.get(listener, _NO_SOURCES)

    def forget(self, listener: int) -> None:
        """Drops what is remembered of a node that is gone."""
        self._sources.pop(listener, None)

    def subscribe(self, node: int, subscriber: Subscriber) -> Callable[[], None]:
        """Delivers the events about `node` to `subscriber`; returns what undoes it."""
        self._subscribers.setdefault(node, []).append(subscriber)

        def cancel() -> None:
            remaining = [each for each in self._subscribers.get(node, ()) if each is not subscriber]
            if remaining:
                self._subscribers[node] = remaining
            else:
                self._subscribers.pop(node, None)

        return cancel

    def watch(self, watcher: Subscriber) -> Callable[[], None]:
        """Delivers every event to `watcher`, after the handle it belongs to; returns what undoes it."""
        self._watchers.append(watcher)

        def cancel() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return cancel

    def expect(self, node: int, kind: type[Awaited], *commands: str) -> asyncio.Future[Awaited]:
        """A future for the next event of `kind` about `node`.

        It fails with the `refusal` of a `CommandFailed` about `node` that names one of `commands`, with PortLost when `node` is
        a port that goes away, and with EngineClosed. Make it before submitting; the caller bounds it with `asyncio.timeout`.
        """
        future: asyncio.Future[Awaited] = asyncio.get_running_loop().create_future()

        def receive(event: Event) -> None:
            if future.done():
                return
            if isinstance(event, kind):
                future.set_result(event)
            elif isinstance(event, CommandFailed) and event.command in commands:
                future.set_exception(refusal(event))
            elif isinstance(event, PortClosed | PortFailed):
                future.set_exception(PortLost(node, event.reason))

        cancel = self.subscribe(node, receive)
        self._waiting.add(future)

        def settled(_: object) -> None:
            cancel()
            self._waiting.discard(future)

        future.add_done_callback(settled)
        return future

    def _readable(self) -> None:
        self._backlog.extend(self.engine.drain())
        self._dispatch()

    def _dispatch(self) -> None:
        """Delivers the backlog. A subscriber that raises is reported by the loop; those behind it still get their events."""
        try:
            while self._backlog:
                self._deliver(self._backlog.popleft())
        finally:
            if self._backlog and self._loop is not None:
                self._loop.call_soon(self._dispatch)

    def _deliver(self, event: Event) -> None:
        kind = type(event)
        if isinstance(event, CommandFailed) and event.seq in self._failures:
            self._failures[event.seq](event)
        if kind not in _NODELESS:
            node = _NODE_OF[kind](event)
            for subscriber in tuple(self._subscribers.get(node, ())):
                subscriber(event)
            if isinstance(event, PortClosed | PortFailed):
                self.forget(node)
        for watcher in tuple(self._watchers):
            watcher(event)


def refusal(event: CommandFailed) -> CommandRefused | NoCapacity:
    """The error that a `CommandFailed` means to whoever awaits the command."""
    if event.reason in {"no_capacity", "draining", "busy"}:
        return NoCapacity(f"{event.command} of {event.target}: {event.reason}")
    return CommandRefused(event.command, event.reason, event.target)


class Ids:
    """Numbers for nodes, groups and prompts: 64 bits, never reused, one sequence for all so that none is taken for another."""

    def __init__(self, start: int = 1) -> None:
        self._numbers = itertools.count(start)

    def next(self) -> int:
        """A number that was never given out."""
        return next(self._numbers)
