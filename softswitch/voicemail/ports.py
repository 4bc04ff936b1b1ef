"""What mailboxes need of the rest of the product, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Mailer(Protocol):
    """softswitch.mail"""

    async def send(
        self, to: Sequence[str], subject: str, text: str, attachments: Sequence[tuple[str, str, bytes]] = ()
    ) -> object:
        """Attachments are (name, type, octets). Raises SwitchError or OSError when it cannot be taken now."""


class Callbacks(Protocol):
    """The callback tasks of queues."""

    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        """The task's id. Raises Invalid for a number that may not be called, Conflict when there is one already."""
