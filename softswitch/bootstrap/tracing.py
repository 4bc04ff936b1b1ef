"""What looks at the wire: one observer of the SIP driver, for the messages of calls and for a capture server."""

from __future__ import annotations

import asyncio

from softswitch.config.settings import SipSettings
from softswitch.model.clock import Clock
from softswitch.trace.hep import HepSender
from softswitch.trace.messages import Dialog, Message, Messages
from softswitch.trace.service import EVERY_SECONDS, TraceForm, Traces

MB = 1 << 20


class Observer:
    """Made before the driver. `note` is None when nobody wants to see anything: then the driver does nothing for us.

    Raises OSError for a capture address that is none.
    """

    def __init__(self, settings: SipSettings, clock: Clock) -> None:
        self.form = TraceForm(
            scope=settings.trace, hours=settings.trace_hours, database=settings.trace_mb * MB, digits=settings.trace_digits
        )
        self.sender: HepSender | None = None
        self.traces: Traces | None = None
        self.capture = ("", 0)
        if settings.hep:
            self.capture = _address(settings.hep)
            self.sender = HepSender(agent=settings.hep_id, key=settings.hep_key, digits=settings.trace_digits)
        wants = self.sender is not None or settings.trace == "all"
        memory = settings.trace_memory_mb * MB if settings.trace != "off" else MB
        self.messages = Messages(clock.utc, memory=memory, mirror=self._mirror if wants else None)
        self.note = self.messages.note if settings.trace != "off" or self.sender is not None else None

    def _mirror(self, message: Message, name: str, dialog: Dialog | None) -> None:
        is_all = self.form.scope == "all"
        if is_all and self.traces is not None:
            self.traces.mirror(message, name, dialog)
        if self.sender is not None and (is_all or dialog is not None):
            self.sender.mirror(message, name, dialog)

    async def keep_sorting(self) -> None:
        """For a capture server alone: messages are passed on and forgotten."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.messages.sort()


def _address(text: str) -> tuple[str, int]:
    """`udp:host:port`. Raises OSError, as an address that cannot be bound does."""
    transport, _, rest = text.partition(":")
    host, _, port = rest.rpartition(":")
    if transport != "udp" or not host or not port.isdigit():
        raise OSError(f'sip.hep: expected "udp:HOST:PORT", got {text!r}')
    return host.strip("[]"), int(port)
