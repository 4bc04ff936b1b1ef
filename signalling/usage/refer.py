"""REFER as receiver (RFC 3515, 4488, 4538): 202, a first report at once, one for each change, the last one with the result."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

from signalling.commands import RejectTransfer, TransferResult
from signalling.dialog import Dialog
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, Flow, NamedDialog, TransferRequested
from signalling.message import Request, Response, presentable, reason_phrase
from signalling.message.uri import Uri, escape_user, unescape
from signalling.policy import PeerPolicy
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, contact_line, later
from signalling.usage.leg import Leg, Referral, ReferState, Stage
from signalling.usage.replaces import find_named, parse_named
from signalling.usage.request import send_in_dialog

EXPIRES = 60
_USER = re.compile(r"sip:[^@>]*@")
APART = 0.2  # seconds between two reports that are not the last
MOVES: dict[tuple[ReferState, str], ReferState] = {
    (ReferState.PENDING, "100"): ReferState.TRYING,
    (ReferState.TRYING, "18x"): ReferState.RINGING,
    (ReferState.RINGING, "18x"): ReferState.RINGING,
    (ReferState.PENDING, "final"): ReferState.TERMINATED,
    (ReferState.TRYING, "final"): ReferState.TERMINATED,
    (ReferState.RINGING, "final"): ReferState.TERMINATED,
}


class Wanted(NamedTuple):
    """What a REFER asks for, judged."""

    uri: Uri
    headers: dict[str, str]
    replaced: NamedDialog | None


def on_refer(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """Judge and accept a transfer. Raises 400 (not one Refer-To), 416 (no telephone), 603 (other method), 491 (one runs)."""
    wanted = _judge(core, leg, request)
    _accept(core, leg, leg.dialog, request, transaction, wanted, now)


def on_refer_outside(
    core: Core, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, now: float
) -> None:
    """A REFER beside its call: only its Target-Dialog, of the same peer, makes it welcome (RFC 4538). Raises 403 without."""
    value = request.get("target-dialog")
    leg = find_named(core, parse_named(value, "remote-tag", "local-tag")) if value else None
    if leg is None or leg.is_over or not policy.name or policy.name not in leg.accounts:
        raise RemoteProtocolError(403, "No Such Dialog Of Yours")
    wanted = _judge(core, leg, request)
    tag, contact = core.token(), contact_line(core, flow, core.token())
    dialog = Dialog.accepting(request, local="", local_tag=tag, flow=flow, contact=contact, policy=policy)
    dialog.local = transaction.template.to_value(tag)
    _accept(core, leg, dialog, request, transaction, wanted, now)


def on_subscribe(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """The transferor prolongs or ends its implicit subscription. Raises 481 when there is none."""
    referral = leg.referral
    if referral is None or not request.get("event").strip().lower().startswith("refer"):
        raise RemoteProtocolError(481, "No Subscription")
    expires = min(request.number("expires") or 0, EXPIRES) if "expires" in request.headers else EXPIRES
    lines = f"Expires: {expires}\r\n{leg.dialog.contact}{core.server_line}"
    transaction.respond(200, now, leg.dialog.local_tag, lines)
    if not expires:
        _timeout(core, leg, now)


def transfer_result(core: Core, command: TransferResult, now: float) -> None:
    """Tell the transferor what became of it; nothing is sent when it did not want to know."""
    leg = core.legs.get(command.leg)
    if leg is None:
        raise LocalProtocolError(f"no leg {command.leg}")
    if leg.referral is not None:
        _progress(core, leg, leg.referral, command.status, now, command.contact)


def reject_transfer(core: Core, command: RejectTransfer, now: float) -> None:
    transfer_result(core, TransferResult(command.leg, max(command.status, 300)), now)


def _judge(core: Core, leg: Leg, request: Request) -> Wanted:
    targets = request.addresses("refer-to")
    if len(targets) != 1:
        raise RemoteProtocolError(400, "Not One Refer-To")
    uri = targets[0].uri
    if uri.scheme not in {"sip", "sips", "tel"}:
        raise RemoteProtocolError(416, "Bad Refer-To")
    if (uri.param("method") or "INVITE").upper() != "INVITE" or leg.policy.refer == "refuse":
        raise RemoteProtocolError(603, "Only Calls")
    if leg.referral is not None or leg.stage is not Stage.CONFIRMED:
        raise RemoteProtocolError(491, "Request Pending")
    headers = _uri_headers(uri.headers)
    replaced = None
    if "replaces" in headers:
        replaced = _replaced(core, headers["replaces"])
    return Wanted(uri, headers, replaced)


def _replaced(core: Core, value: str) -> NamedDialog | None:
    """The dialog that the new call is to take the place of; None for one that names nothing: the layer above reports 481."""
    try:
        named = parse_named(value, "to-tag", "from-tag")
    except RemoteProtocolError:
        return None
    found = find_named(core, named, either_way=True)
    return named._replace(leg=found.id) if found is not None and not found.is_over else named


def _accept(
    core: Core, leg: Leg, dialog: Dialog, request: Request, transaction: ServerTransaction, wanted: Wanted, now: float
) -> None:
    headers = dialog.contact + core.server_line
    silent = request.get("refer-sub").strip().lower() == "false"
    if silent:  # RFC 4488
        headers = "Refer-Sub: false\r\n" + headers
    transaction.respond(202, now, dialog.local_tag, headers)
    if not silent:
        leg.referral = Referral(dialog, request.cseq.number)
        leg.referral.expires = later(core, partial(_timeout, core, leg), "refer", now + EXPIRES)
        _progress(core, leg, leg.referral, 100, now)
    uri, text = wanted.uri, wanted.headers
    core.emit(
        TransferRequested(
            leg.id,
            presentable(uri.username),
            text.get("replaces", ""),
            presentable(uri.text.partition("?")[0]),
            wanted.replaced,
            presentable(request.get("referred-by")),
            text,
        )
    )


def _progress(core: Core, leg: Leg, referral: Referral, status: int, now: float, contact: str = "") -> None:
    """Report a status: the last one at once, others not closer than 200 ms, the newest of them."""
    kind = "final" if status >= 200 else "100" if status == 100 else "18x"
    after = MOVES.get((referral.state, kind))
    if after is None:
        return
    if kind == "final":
        referral.stop()
        referral.state, leg.referral = after, None
        _report(core, leg, referral, status, "terminated;reason=noresource", now, contact)
        return
    if referral.last_at and now < referral.last_at + APART:
        referral.waiting = status
        referral.later = referral.later or later(core, partial(_catch_up, core, leg), "refer", referral.last_at + APART)
        return
    referral.state, referral.last_at = after, now
    _report(core, leg, referral, status, f"active;expires={EXPIRES}", now)


def _catch_up(core: Core, leg: Leg, now: float) -> None:
    referral = leg.referral
    if referral is not None and referral.waiting:
        status, referral.waiting, referral.later = referral.waiting, 0, None
        _progress(core, leg, referral, status, now)


def _timeout(core: Core, leg: Leg, now: float) -> None:
    """The subscription is over, the transfer itself goes on."""
    referral, leg.referral = leg.referral, None
    if referral is not None:
        referral.stop()
        _report(core, leg, referral, 100, "terminated;reason=timeout", now)


def _report(core: Core, leg: Leg, referral: Referral, status: int, state: str, now: float, contact: str = "") -> None:
    """One NOTIFY. `contact`: the user part of its Contact, where that is not our usual one; the host stays ours."""
    dialog = referral.dialog
    here = _USER.sub(f"sip:{escape_user(contact)}@", dialog.contact, count=1) if contact else dialog.contact
    lines = f"{here}Event: refer;id={referral.number}\r\nSubscription-State: {state}\r\n"
    body = Body(f"SIP/2.0 {status} {reason_phrase(status)}\r\n".encode(), "message/sipfrag;version=2.0")
    send_in_dialog(core, leg, "NOTIFY", _ignore, now, headers=lines, body=body, dialog=dialog)


def _uri_headers(text: str) -> dict[str, str]:
    """The headers of a SIP URI (RFC 3261 §19.1.1), unescaped, lower-case names, at most 20."""
    headers: dict[str, str] = {}
    for item in text.split("&")[:20]:
        name, equals, value = item.partition("=")
        if name and equals:
            headers.setdefault(name.lower(), presentable(unescape(value)))
    return headers


def _ignore(status: int, response: Response | None, now: float) -> None:
    """A transferor that does not answer NOTIFY gets its transfer all the same (sip.md §4.5)."""
