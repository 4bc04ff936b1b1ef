"""REFER as receiver (RFC 3515): 202, a first report at once, the last one when the layer above knows the result."""

from __future__ import annotations

from signalling.commands import TransferResult
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, TransferRequested
from signalling.message import Request, Response, presentable, reason_phrase
from signalling.message.uri import unescape
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core
from signalling.usage.leg import Leg, Stage
from signalling.usage.request import send_in_dialog

EXPIRES = 60


def on_refer(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """Judge and accept a transfer. Raises 400 (not one Refer-To), 416 (no telephone), 603 (other method), 491 (one runs)."""
    targets = request.addresses("refer-to")
    if len(targets) != 1:
        raise RemoteProtocolError(400, "Not One Refer-To")
    uri = targets[0].uri
    if uri.scheme not in {"sip", "sips", "tel"}:
        raise RemoteProtocolError(416, "Bad Refer-To")
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise RemoteProtocolError(603, "Only Calls")
    if leg.referral or leg.stage is not Stage.CONFIRMED:
        raise RemoteProtocolError(491, "Request Pending")
    headers = leg.dialog.contact + core.server_line
    silent = request.get("refer-sub").strip().lower() == "false"
    if silent:  # RFC 4488
        headers = "Refer-Sub: false\r\n" + headers
    transaction.respond(202, now, leg.dialog.local_tag, headers)
    if not silent:
        leg.referral = request.cseq.number
        _report(core, leg, 100, f"active;expires={EXPIRES}", now)
    core.emit(TransferRequested(leg.id, presentable(uri.username), _replaces(uri.headers)))


def transfer_result(core: Core, command: TransferResult, now: float) -> None:
    """Tell the transferor what became of it; nothing is sent when it did not want to know."""
    leg = core.legs.get(command.leg)
    if leg is None:
        raise LocalProtocolError(f"no leg {command.leg}")
    if leg.referral:
        state = "terminated;reason=noresource" if command.status >= 200 else f"active;expires={EXPIRES}"
        _report(core, leg, command.status, state, now)
        if command.status >= 200:
            leg.referral = 0


def _report(core: Core, leg: Leg, status: int, state: str, now: float) -> None:
    lines = f"{leg.dialog.contact}Event: refer;id={leg.referral}\r\nSubscription-State: {state}\r\n"
    body = Body(f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode(), "message/sipfrag;version=2.0")
    send_in_dialog(core, leg, "NOTIFY", _ignore, now, headers=lines, body=body)


def _replaces(headers: str) -> str:
    for item in headers.split("&"):
        name, _, value = item.partition("=")
        if name.lower() == "replaces":
            return unescape(value)
    return ""


def _ignore(status: int, response: Response | None, now: float) -> None:
    """A transferor that does not answer NOTIFY gets its transfer all the same (sip.md §4.5)."""
