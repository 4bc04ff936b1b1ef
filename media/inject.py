"""An inject's handle: sound put into a call from outside, with marks that tell when it was heard."""

from __future__ import annotations

from collections.abc import Callable

from media.commands import ClearInject, CloseInject, Encoding, Inject, OpenInject
from media.engine import EnginePump
from media.events import CommandFailed, Event, InjectPosition

MOST_OCTETS = 1 << 20
"""Of one command; longer sound is put in pieces."""


class Injection:
    """One `OpenInject`. Made by `MediaService.inject`; owned by whoever made it, who must `close` it.

    `on_mark` is called when the sound before a mark was heard or cleared, `on_refused` with a reason word when sound did
    not fit (`limit`) or the inject could not be opened.
    """

    def __init__(
        self,
        pump: EnginePump,
        inject: int,
        group: int,
        *,
        on_mark: Callable[[InjectPosition], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self.id = inject
        self.group = group
        self._pump = pump
        self._on_mark = on_mark
        self._on_refused = on_refused
        self._cancel: Callable[[], None] | None = None

    def command(self, *, rate: int = 8000, encoding: Encoding = "pcm", queue: int = 60_000) -> list[OpenInject]:
        """The batch part that starts it; the caller submits it and routes `id` to whoever shall hear it."""
        self._cancel = self._pump.subscribe(self.id, self._receive)
        return [OpenInject(self.id, self.group, rate, encoding, queue)]

    def put(self, data: bytes, mark: str = "") -> None:
        """Queues sound and a mark behind it; without effect after `close`."""
        if self._cancel is None or self._pump.is_closed:
            return
        pieces = [data[at : at + MOST_OCTETS] for at in range(0, len(data), MOST_OCTETS)] or [b""]
        last = len(pieces) - 1
        self._pump.submit([Inject(self.id, piece, mark if at == last else "") for at, piece in enumerate(pieces)])

    def clear(self) -> None:
        """Silences it at once; its marks are told."""
        if self._cancel is not None and not self._pump.is_closed:
            self._pump.submit([ClearInject(self.id)])

    def close(self) -> None:
        """Ends it; its marks are told no more. Idempotent."""
        if self._cancel is None:
            return
        self._cancel()
        self._cancel = None
        if not self._pump.is_closed:
            self._pump.submit([CloseInject(self.id)])

    def _receive(self, event: Event) -> None:
        match event:
            case InjectPosition():
                self._on_mark(event)
            case CommandFailed(reason=reason):
                self._on_refused(reason)
