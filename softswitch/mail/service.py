"""Mail to people: queued in the database in one transaction, sent by a task, tried again until it is delivered or too old.

A mail that is queued survives `kill -9`. After a crash between delivery and the removal of the row a mail may come twice, with
the same Message-ID.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

import aiosmtplib
import structlog
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from softswitch.config.settings import MailSettings
from softswitch.mail.tables import mails
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Invalid
from softswitch.store.database import Store

log = structlog.get_logger("mail")
LOOK_SECONDS = 30.0  # for rows that another process queued
AT_ONCE = 20
TIMEOUT = 30.0
RETRY_SECONDS = (60.0, 300.0, 900.0, 1800.0, 3600.0)
MOST_OCTETS = 20 << 20
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Attachment(NamedTuple):
    """`type` such as `audio/wav`."""

    name: str
    type: str
    data: bytes


Attachments = Sequence[Attachment | tuple[str, str, bytes]]


class AlarmSink(Protocol):
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None: ...

    def clear(self, code: str, object: str = "") -> None: ...


Transmit = Callable[[str, bytes], Any]
"""`await transmit(recipient, message)`: raises aiosmtplib.SMTPException or OSError."""


class Mailer:
    """Owned by the loop. `send` from any task; `run()` is the task that delivers."""

    def __init__(
        self, store: Store, clock: Clock, settings: MailSettings, alarms: AlarmSink, transmit: Transmit | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._alarms = alarms
        self._transmit = transmit or _Server(settings)
        self._wake = asyncio.Event()

    @property
    def configured(self) -> bool:
        """Whether there is a server to send by."""
        return bool(self._settings.server)

    @property
    def sender(self) -> str:
        return self._settings.sender or f"softswitch@{socket.getfqdn()}"

    async def send(self, to: Sequence[str], subject: str, text: str, attachments: Attachments = (), *, html: str = "") -> None:
        """Queues one mail to each address; returns when that is committed.

        Raises Conflict when no server is set up, Invalid for an address or a mail that cannot be sent.
        """
        if not self.configured:
            raise Conflict("No mail server is set up (mail.server)")
        await self._store.write(self.queued(to, subject, text, attachments, html=html))
        self._wake.set()

    def queued(
        self, to: Sequence[str], subject: str, text: str, attachments: Attachments = (), *, html: str = ""
    ) -> Callable[[Connection], None]:
        """The same as a part of somebody's own transaction; the mail leaves within half a minute. Raises Invalid."""
        now = self._clock.utc()
        rows = [
            {"recipient": recipient, "message": self._written(recipient, subject, text, html, attachments), "created_at": now,
             "due_at": now, "attempts": 0, "error": ""}
            for recipient in dict.fromkeys(to)
        ]  # fmt: skip

        def write(connection: Connection) -> None:
            if rows:
                connection.execute(insert(mails), rows)

        return write

    def _written(self, to: str, subject: str, text: str, html: str, attachments: Attachments) -> bytes:
        message = EmailMessage()
        try:
            message["From"], message["To"] = self.sender, to
            message["Subject"] = " ".join(subject.split())  # a line end would begin another header
        except (ValueError, MessageError) as error:
            raise Invalid("to", f"expected a mail address, got {to}") from error
        message["Date"] = format_datetime(datetime.fromtimestamp(self._clock.utc(), UTC))
        message["Message-ID"] = f"<{uuid4()}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        for name, kind, data in attachments:
            main, _, sub = kind.partition("/")
            message.add_attachment(data, maintype=main, subtype=sub or "octet-stream", filename=name)
        octets = message.as_bytes()
        if len(octets) > MOST_OCTETS:
            raise Invalid("attachments", f"expected at most {MOST_OCTETS >> 20} MiB")
        return octets

    async def pending(self) -> int:
        return len(await self._store.read(lambda c: c.execute(select(mails.c.id)).all()))

    async def run(self) -> None:
        """Task: until cancelled."""
        while True:
            self._wake.clear()
            try:
                while self.configured and await self.deliver():
                    pass
            except (SQLAlchemyError, OSError) as error:
                log.warning("! mails not readable", error=str(error))
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def deliver(self) -> int:
        """Tries what is due now; returns how many rows that were."""
        now = self._clock.utc()
        due = select(mails).where(mails.c.due_at <= now).order_by(mails.c.due_at, mails.c.id).limit(AT_ONCE)
        rows = await self._store.read(lambda c: c.execute(due).all())
        for row in rows:
            await self._try(row)
        return len(rows)

    async def _try(self, row: Row[Any]) -> None:
        try:
            await self._transmit(row.recipient, row.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            await self._failed(row, error)
            return
        log.info("= mail sent", to=row.recipient)
        self._alarms.clear("mail_failed")
        await self._remove(row)

    async def _failed(self, row: Row[Any], error: Exception) -> None:
        now, text = self._clock.utc(), f"{type(error).__name__}: {error}"[:300]
        if _is_final(error) or now - row.created_at >= self._settings.keep_hours * 3600:
            log.error("! mail given up", to=row.recipient, error=text)
            self._alarms.raise_("mail_lost", "minor", f"A mail to {row.recipient} was given up: {text}", row.recipient)
            await self._remove(row)
            return
        delay = RETRY_SECONDS[min(row.attempts, len(RETRY_SECONDS) - 1)]
        log.warning("! mail not sent", to=row.recipient, error=text, again_in=delay)
        self._alarms.raise_("mail_failed", "minor", f"Mail cannot be sent: {text}")
        values = {"attempts": row.attempts + 1, "due_at": now + delay, "error": text}
        await self._store.write(lambda c: c.execute(update(mails).where(mails.c.id == row.id).values(values)))

    async def _remove(self, row: Row[Any]) -> None:
        await self._store.write(lambda c: c.execute(delete(mails).where(mails.c.id == row.id)))


def _is_final(error: Exception) -> bool:
    """Whether the server will say the same next time (RFC 5321 §4.2.1). A refused account is for the administrator to mend."""
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        return False
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    return isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 500


class _Server:
    """Delivers one mail by the server of the settings."""

    def __init__(self, settings: MailSettings) -> None:
        host, _, port = settings.server.partition(":")
        self._host = host
        self._port = int(port) if port else _PORTS[settings.tls]
        self._settings = settings

    async def __call__(self, recipient: str, message: bytes) -> None:
        settings = self._settings
        context = None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca or None)
        sender = settings.sender or f"softswitch@{socket.getfqdn()}"
        await aiosmtplib.send(
            message, sender=sender, recipients=[recipient], hostname=self._host, port=self._port,
            username=settings.user or None, password=settings.password or None, use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls", tls_context=context, timeout=TIMEOUT,
        )  # fmt: skip
