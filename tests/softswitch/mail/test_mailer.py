"""Mails reach a real SMTP server, wait while it is away, and are given up when it says no for good."""

import socket
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from softswitch.config.settings import MailSettings
from softswitch.mail.service import Attachment, Mailer
from softswitch.mail.tables import SCHEMA
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict, Invalid
from softswitch.store.database import Store


class Inbox:
    """What the server has taken; `says` is its answer to the data, by recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.says: dict[str, str] = {}

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if said := self.says.get(address):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


class Alarms:
    def __init__(self) -> None:
        self.active: dict[str, str] = {}

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        self.active[code] = text

    def clear(self, code: str, object: str = "") -> None:
        self.active.pop(code, None)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Any:
    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and (data.login, data.password) == (b"switch", b"geheim"))

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, authenticator=check, auth_require_tls=False)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, (SCHEMA,))
    yield store
    await store.close()


def settings(server: Any, **more: Any) -> MailSettings:
    return MailSettings(server=f"127.0.0.1:{server.port}", tls="none", sender="switch@shop.example", **more)


async def test_a_mail_arrives_as_it_was_written(store: Store, server: Any, inbox: Inbox) -> None:
    mailer = Mailer(store, ManualClock(), settings(server, user="switch", password="geheim"), Alarms())
    wav = Attachment("message.wav", "audio/wav", b"RIFF" + bytes(range(256)))
    await mailer.send(
        ["li@shop.example", "wu@shop.example"], "留言 \r\nBcc: x@y.example", "一个新留言", html="<p>新</p>", attachments=[wav]
    )
    assert await mailer.deliver() == 2 and await mailer.pending() == 0
    first, second = inbox.mails
    assert (first["To"], second["To"], first["From"]) == ("li@shop.example", "wu@shop.example", "switch@shop.example")
    assert first["Subject"] == "留言 Bcc: x@y.example" and first["Bcc"] is None, "a subject makes no headers"
    assert first.get_body(("plain",)).get_content().strip() == "一个新留言"  # type: ignore[union-attr]
    (attachment,) = first.iter_attachments()
    assert attachment.get_filename() == "message.wav" and attachment.get_content() == wav.data


async def test_a_queued_mail_survives_a_restart(store: Store, server: Any, inbox: Inbox) -> None:
    clock = ManualClock()
    await Mailer(store, clock, settings(server), Alarms()).send(["li@shop.example"], "s", "t")
    assert await Mailer(store, clock, settings(server), Alarms()).deliver() == 1
    assert len(inbox.mails) == 1


async def test_a_server_that_is_away_delays_and_does_not_lose(store: Store, server: Any, inbox: Inbox) -> None:
    clock, alarms = ManualClock(), Alarms()
    there = settings(server)
    await Mailer(store, clock, MailSettings(server="127.0.0.1:1", tls="none"), alarms).send(["li@shop.example"], "s", "t")
    away = Mailer(store, clock, MailSettings(server="127.0.0.1:1", tls="none"), alarms)
    assert await away.deliver() == 1 and await away.deliver() == 0, "not again at once"
    assert "mail_failed" in alarms.active
    clock.advance(60)
    assert await Mailer(store, clock, there, alarms).deliver() == 1
    assert len(inbox.mails) == 1 and alarms.active == {}


async def test_a_mail_that_is_refused_for_good_is_given_up(store: Store, server: Any, inbox: Inbox) -> None:
    clock, alarms = ManualClock(), Alarms()
    inbox.says = {"gone@shop.example": "550 no such mailbox", "full@shop.example": "452 mailbox full"}
    mailer = Mailer(store, clock, settings(server, keep_hours=1.0), alarms)
    await mailer.send(["gone@shop.example", "full@shop.example", "li@shop.example"], "s", "t")
    await mailer.deliver()
    assert [mail["To"] for mail in inbox.mails] == ["li@shop.example"] and await mailer.pending() == 1
    assert "gone@shop.example" in alarms.active["mail_lost"]
    for _ in range(4):
        clock.advance(1800)
        await mailer.deliver()
    assert await mailer.pending() == 0 and "full@shop.example" in alarms.active["mail_lost"]


async def test_a_wrong_account_is_tried_again(store: Store, server: Any) -> None:
    alarms = Alarms()
    mailer = Mailer(store, ManualClock(), settings(server, user="switch", password="wrong"), alarms)
    await mailer.send(["li@shop.example"], "s", "t")
    await mailer.deliver()
    assert await mailer.pending() == 1 and "mail_failed" in alarms.active


async def test_what_cannot_be_sent_is_said_at_once(store: Store) -> None:
    with pytest.raises(Conflict, match="No mail server"):
        await Mailer(store, ManualClock(), MailSettings(), Alarms()).send(["li@shop.example"], "s", "t")
    mailer = Mailer(store, ManualClock(), MailSettings(server="h"), Alarms())
    with pytest.raises(Invalid):
        await mailer.send(["li@shop.example\r\nBcc: x@y.example"], "s", "t")
    with pytest.raises(Invalid, match="20 MiB"):
        await mailer.send(["li@shop.example"], "s", "t", attachments=[Attachment("x", "audio/wav", bytes(21 << 20))])
