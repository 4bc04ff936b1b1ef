"""Messages and mailboxes as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from softswitch.directory.model import Agent, Mailbox


class MessageState(StrEnum):
    """recording: the caller still speaks, nobody sees it. The others are the work on it (call-centre.md §10.2)."""

    RECORDING = "recording"
    NEW = "new"
    HEARD = "heard"
    IN_WORK = "in_work"
    DONE = "done"


SHOWN = (MessageState.NEW, MessageState.HEARD, MessageState.IN_WORK, MessageState.DONE)


class GreetingKind(StrEnum):
    NORMAL = "normal"
    BUSY = "busy"
    ABSENT = "absent"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. Times are epoch seconds, 0 = never; `due_at` is when somebody should have called back."""

    id: str
    mailbox: str
    call: str
    recording: str
    caller: str = ""
    caller_name: str = ""
    queue: str = ""
    waited_ms: int = 0
    data: Mapping[str, str] = field(default_factory=dict)
    """The call's variables when it was left."""
    created_at: float = 0.0
    duration_ms: int = 0
    state: MessageState = MessageState.RECORDING
    assignee: str = ""
    note: str = ""
    heard_at: float = 0.0
    due_at: float = 0.0
    callback: str = ""
    """The callback task; "wanted" until there is one."""
    mail: str = ""
    """wanted, sent, or "" when nobody gets mail."""


@dataclass(frozen=True, slots=True)
class MailboxState:
    """What a lamp shows (RFC 3842): new messages, and those that were heard and are kept."""

    mailbox: str
    new: int = 0
    old: int = 0


def may_open(mailbox: Mailbox, agent: Agent | None) -> bool:
    """Whether an agent may hear a mailbox: its own, that of a queue it serves, that of its team, or the whole centre's."""
    kind, _, name = mailbox.owner.partition(":")
    match kind:
        case "":
            return True
        case "agent":
            return agent is not None and agent.login == name
        case "queue":
            return agent is not None and name in agent.queues
        case "team":
            return agent is not None and bool(name) and agent.team == name
        case _:
            return False
