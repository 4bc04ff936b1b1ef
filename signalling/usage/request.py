"""Send a request inside a dialog and answer a challenge to it (RFC 3261 §12.2.1, §22.2)."""

from __future__ import annotations

from signalling.auth import DigestClient
from signalling.dialog import Dialog
from signalling.events import Body
from signalling.message import Response
from signalling.transaction import ClientTransaction
from signalling.transaction.machine import ClientUser
from signalling.usage.core import Core
from signalling.usage.leg import Leg


def authorization(digest: DigestClient | None, response: Response | None, method: str, uri: str) -> str:
    """The header line that answers a 401 or 407, "" when there is nothing to answer with."""
    if digest is None or response is None:
        return ""
    asks, gives = (
        ("www-authenticate", "Authorization") if response.status == 401 else ("proxy-authenticate", "Proxy-Authorization")
    )
    value = digest.answer(response.headers.get(asks, []), method, uri)
    return f"{gives}: {value}\r\n" if value else ""


def send_in_dialog(
    core: Core,
    leg: Leg,
    method: str,
    done: ClientUser,
    now: float,
    *,
    headers: str = "",
    body: Body | None = None,
    dialog: Dialog | None = None,
) -> ClientTransaction:
    """Send `method` in the leg's dialog, or in an early one; `done` hears every response but a challenge that was answered.

    Status 408 without a response is a timeout, 503 without one a broken flow.
    """
    dialog = dialog or leg.dialog
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    lines = core.agent_line + headers
    outgoing = dialog.request(method, core.via(dialog.flow), leg.auth_line + lines, content_type, content)

    def on_response(status: int, response: Response | None, at: float) -> None:
        if status in {401, 407}:
            line = authorization(leg.digest, response, method, outgoing.uri)
            if line:
                repeated = dialog.request(method, core.via(dialog.flow), line + lines, content_type, content)
                again = core.send(repeated, dialog.flow, done, at)
                if method in {"INVITE", "UPDATE"} and leg.modify.pending is not None:
                    leg.auth_line = line if method == "INVITE" else leg.auth_line
                    leg.modify.pending = again
                return
        done(status, response, at)

    return core.send(outgoing, dialog.flow, on_response, now)


def send_ack(core: Core, leg: Leg, dialog: Dialog, cseq: int, body: Body | None = None) -> None:
    """ACK for a 2xx: a request of its own, kept for repeats of that 2xx (§13.2.2.4), with the INVITE's credentials (§22.1)."""
    content_type, content = (body.content_type, body.content) if body is not None else ("", b"")
    ack = dialog.request("ACK", core.via(dialog.flow), leg.auth_line + core.agent_line, content_type, content, cseq)
    data = ack.render()
    leg.acks[dialog.remote_tag, cseq] = (data, dialog.flow)
    core.transmit(data, dialog.flow)
