"""Published event state (RFC 3903): entity tags and their time are kept here, what it means is decided above."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from signalling.commands import AnswerPublish
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Flow, PublicationEnded, Published
from signalling.message import Request, presentable
from signalling.policy import PeerPolicy
from signalling.timers import Deadline
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, later
from signalling.usage.notifier import asked_expires
from signalling.usage.watch import event_of

MOST = 10_000


class Publication(NamedTuple):
    event: str
    resource: str
    peer: str
    deadline: Deadline


class Open(NamedTuple):
    """A PUBLISH that waits for its answer."""

    transaction: ServerTransaction
    published: Published


class Publications:
    """All published state by entity tag."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._kept: dict[str, Publication] = {}
        self._open: dict[str, Open] = {}

    def on_publish(self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float) -> None:
        """Raises 489 (package), 412 (entity tag that is not, or no longer, known), 400 (nothing to publish), 423, 503."""
        core = self._core
        event, _ = event_of(request)
        if event not in core.config.publishes:
            raise RemoteProtocolError(489, "Bad Event")
        expires = asked_expires(request)
        resource = presentable(request.uri.username)
        before = request.get("sip-if-match").strip()
        if before:
            known = self._kept.get(before)
            if known is None or (known.event, known.resource, known.peer) != (event, resource, policy.name):
                raise RemoteProtocolError(412, "Conditional Request Failed")
        elif not request.body:
            raise RemoteProtocolError(400, "Nothing Published")
        elif len(self._kept) >= MOST:
            raise RemoteProtocolError(503, "Too Much Published")
        body = Body(request.body, request.content_type) if request.body else None
        name = core.token()
        published = Published(name, event, flow, policy.kind.value, policy.name, resource, expires, body, core.token(), before)
        self._open[name] = Open(transaction, published)
        transaction.start(now)
        core.emit(published)

    def answer(self, command: AnswerPublish, now: float) -> None:
        """Raises LocalProtocolError when nothing of that id waits."""
        found = self._open.pop(command.id, None)
        if found is None:
            raise LocalProtocolError(f"no publication {command.id}")
        transaction, published = found
        core, tag = self._core, self._core.token()
        if not 200 <= command.status < 300:
            transaction.respond(command.status, now, tag, core.server_line)
            return
        if published.replaced and (old := self._kept.pop(published.replaced, None)) is not None:
            old.deadline.cancel()
        expires = min(command.expires, published.expires)
        lines = f"Expires: {expires}\r\n"
        if expires:
            deadline = later(core, partial(self._expired, published.tag), "publication", now + expires)
            self._kept[published.tag] = Publication(published.event, published.resource, published.peer_name, deadline)
            lines += f"SIP-ETag: {published.tag}\r\n"
        transaction.respond(command.status, now, tag, lines + core.server_line)

    def __len__(self) -> int:
        return len(self._kept) + len(self._open)

    def _expired(self, tag: str, now: float) -> None:
        publication = self._kept.pop(tag)
        self._core.emit(PublicationEnded(publication.event, publication.resource, tag))
