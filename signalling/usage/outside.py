"""Requests of ours outside any call: the dialog-less envelope, and the answer to a challenge (RFC 3261 §8.1, §22)."""

from __future__ import annotations

from signalling.auth import DigestClient
from signalling.commands import Login
from signalling.dialog import Dialog
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Flow, Identity
from signalling.message import Response, parse_uri
from signalling.message.uri import escape_user, format_host
from signalling.transaction.machine import ClientUser
from signalling.usage.core import Core, contact_line
from signalling.usage.identity import from_value
from signalling.usage.request import authorization

MAX_ANSWERS = 2  # challenges answered per request


def envelope(core: Core, target: str, flow: Flow, caller: Identity, to_user: str, routes: tuple[str, ...] = ()) -> Dialog:
    """A dialog to be, for one request or more. Raises LocalProtocolError for a target that is no URI."""
    try:
        uri = parse_uri(target)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"not a target: {target!r}") from error
    host, _, _ = core.advertised(flow).rpartition(":")
    user = escape_user(to_user) or uri.user
    tag = core.token()
    dialog = Dialog(
        call_id=core.token(),
        local=f"{from_value(caller, host)};tag={tag}",
        local_tag=tag,
        remote=f"<sip:{user}{'@' if user else ''}{format_host(uri.host or host)}>",
        remote_tag="",
        target=target,
        flow=flow,
        contact=contact_line(core, flow, core.token()),
        policy=core.peers.trunk(flow),
        local_seq=0,
    )
    dialog.routes = routes
    return dialog


class Sender:
    """Sends requests of one envelope and answers challenges with the peer's credentials."""

    __slots__ = ("_core", "_digest", "dialog")

    def __init__(self, core: Core, dialog: Dialog, login: Login | None) -> None:
        self._core = core
        self._digest = DigestClient(login, core.token) if login is not None else None
        self.dialog = dialog

    def send(
        self, method: str, headers: str, body: Body | None, done: ClientUser, now: float, *, answered: int = 0, line: str = ""
    ) -> None:
        """`done` hears every response but a challenge that was answered."""
        core, dialog = self._core, self.dialog
        content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
        lines = f"{line}{headers}{core.agent_line}"
        outgoing = dialog.request(method, core.via(dialog.flow), lines, content_type, content)

        def on_response(status: int, response: Response | None, at: float) -> None:
            if status in {401, 407} and answered < MAX_ANSWERS:
                credentials = authorization(self._digest, response, method, outgoing.uri)
                if credentials:
                    self.send(method, headers, body, done, at, answered=answered + 1, line=credentials)
                    return
            done(status, response, at)

        core.send(outgoing, dialog.flow, on_response, now)
