"""Messages, and the tries at the PINs of mailboxes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from softswitch.store.cursor import Page, newest_first, page_of
from softswitch.store.schema import Schema
from softswitch.voicemail.model import SHOWN, Message, MessageState

metadata = MetaData()
messages = Table(
    "voicemail_messages", metadata,
    Column("id", String, primary_key=True),
    Column("mailbox", String, nullable=False),
    Column("call", String, nullable=False),
    Column("recording", String, nullable=False),
    Column("caller", String, nullable=False),
    Column("caller_name", String, nullable=False),
    Column("queue", String, nullable=False),
    Column("waited_ms", Integer, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Column("created_at", Float, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("assignee", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("heard_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("callback", String, nullable=False),
    Column("mail", String, nullable=False),
    Index("voicemail_of_mailbox", "mailbox", "created_at"),
    Index("voicemail_newest", "created_at"),
)  # fmt: skip
access = Table(
    "voicemail_access", metadata,
    Column("mailbox", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Float, nullable=False),
)  # fmt: skip
SCHEMA = Schema("voicemail", metadata)


def _values(message: Message) -> dict[str, Any]:
    values = {column.name: getattr(message, column.name) for column in messages.columns}
    return values | {"data": json.dumps(dict(message.data), ensure_ascii=False), "state": message.state.value}


def _message(row: Row[Any]) -> Message:
    values = dict(row._mapping)
    return Message(**values | {"data": json.loads(values["data"]), "state": MessageState(values["state"])})


def put(connection: Connection, message: Message) -> None:
    """Writes a message, new or changed."""
    connection.execute(delete(messages).where(messages.c.id == message.id))
    connection.execute(insert(messages).values(_values(message)))


def remove(connection: Connection, identity: str) -> None:
    connection.execute(delete(messages).where(messages.c.id == identity))


def all_messages(connection: Connection) -> list[Message]:
    """Every message, oldest first."""
    return [_message(row) for row in connection.execute(select(messages).order_by(messages.c.created_at, messages.c.id))]


def page(
    connection: Connection, *, mailboxes: Sequence[str], states: Sequence[str], limit: int, cursor: str = ""
) -> Page[Message]:
    """Messages that were left in these mailboxes, newest first. Raises ForeignCursor."""
    wanted = select(messages).where(messages.c.mailbox.in_(mailboxes))
    wanted = wanted.where(messages.c.state.in_(states or [state.value for state in SHOWN]))
    wanted = newest_first(wanted, messages.c.created_at, messages.c.id, limit=limit, cursor=cursor)
    found = [_message(row) for row in connection.execute(wanted)]
    return page_of(found, limit, lambda message: (message.created_at, message.id))


def tries(connection: Connection, mailbox: str) -> tuple[int, float]:
    """Wrong PINs in a row, and until when the mailbox is locked."""
    row = connection.execute(select(access).where(access.c.mailbox == mailbox)).first()
    return (row.failures, row.locked_until) if row else (0, 0.0)


def note_try(connection: Connection, mailbox: str, failures: int, locked_until: float) -> None:
    values = {"failures": failures, "locked_until": locked_until}
    done = connection.execute(update(access).where(access.c.mailbox == mailbox).values(values))
    if not done.rowcount:
        connection.execute(insert(access).values(mailbox=mailbox, **values))
