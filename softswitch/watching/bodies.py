"""The documents that watchers get: message-summary (RFC 3842), dialog-info (RFC 4235), PIDF (RFC 3863). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from signalling.events import Body

DIALOG, SUMMARY, PRESENCE = "dialog", "message-summary", "presence"


class DialogState(NamedTuple):
    """One dialog of what is watched. The tags are those of our leg to the phone: with them a watcher may pick it up."""

    id: str
    state: str  # trying, early, confirmed, terminated
    direction: str = ""  # initiator, recipient
    call_id: str = ""
    local_tag: str = ""  # the phone's
    remote_tag: str = ""  # ours
    remote: str = ""
    """Number of the other party, "" for watchers that may not know it."""


def summary(account: str, host: str, new: int, old: int) -> Body:
    """The lamp of a mailbox."""
    waiting = "yes" if new else "no"
    text = f"Messages-Waiting: {waiting}\r\nMessage-Account: sip:{account}@{host}\r\nVoice-Message: {new}/{old} (0/0)\r\n"
    return Body(text.encode(), "application/simple-message-summary")


def dialog_info(resource: str, host: str, version: int, dialogs: Sequence[DialogState], *, full: bool) -> Body:
    """The dialogs of a resource: all of them, or those that have changed."""
    entity = f"sip:{resource}@{host}"
    rows = "".join(_dialog(each, entity, host) for each in dialogs)
    state = "full" if full else "partial"
    text = (
        '<?xml version="1.0"?>\r\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" '
        f'version="{version}" state="{state}" entity={quoteattr(entity)}>{rows}</dialog-info>\r\n'
    )
    return Body(text.encode(), "application/dialog-info+xml")


def _dialog(each: DialogState, entity: str, host: str) -> str:
    attributes = f"id={quoteattr(each.id)}"
    named = (("call-id", each.call_id), ("local-tag", each.local_tag), ("remote-tag", each.remote_tag))
    attributes += "".join(f" {name}={quoteattr(value)}" for name, value in (*named, ("direction", each.direction)) if value)
    remote = ""
    if each.remote:
        uri = f"sip:{each.remote}@{host}"
        remote = f"<remote><identity>{escape(uri)}</identity><target uri={quoteattr(uri)}/></remote>"
    local = f"<local><identity>{escape(entity)}</identity></local>"
    return f"<dialog {attributes}><state>{each.state}</state>{local}{remote}</dialog>"


def presence(resource: str, host: str, *, is_open: bool, note: str = "", activity: str = "") -> Body:
    """Whether a person can be reached, and what it does (RFC 4480 words)."""
    entity = f"sip:{resource}@{host}"
    basic = "open" if is_open else "closed"
    person = f'<dm:person id="p1"><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>' if activity else ""
    note = f"<note>{escape(note)}</note>" if note else ""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n<presence xmlns="urn:ietf:params:xml:ns:pidf" '
        'xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" '
        f'entity={quoteattr(entity)}><tuple id="t1"><status><basic>{basic}</basic></status>'
        f"<contact>{escape(entity)}</contact>{note}</tuple>{person}</presence>\r\n"
    )
    return Body(text.encode(), "application/pidf+xml")
