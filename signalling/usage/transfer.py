"""REFER as sender (profile `refer = "send"`): the peer calls by itself, its sipfrag reports decide (RFC 3515, sip.md §4.5)."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import quote

from signalling.commands import Refer
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import TransferDone, TransferFailed, TransferProgress
from signalling.message import Request, Response, parse_uri
from signalling.message.writer import clean
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, later
from signalling.usage.ending import Fate, bury, fate, finish
from signalling.usage.leg import Leg, Referring, Stage
from signalling.usage.request import send_in_dialog

PATIENCE = 45.0  # seconds without a final report
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])\b")


def send_refer(core: Core, command: Refer, now: float) -> None:
    """Raises LocalProtocolError for a leg that is not answered, has a REFER open already, or a target that is no URI."""
    leg = core.legs.get(command.leg)
    if leg is None or leg.stage is not Stage.CONFIRMED or leg.referring is not None:
        raise LocalProtocolError(f"leg {command.leg} cannot be referred")
    try:
        parse_uri(command.target)
    except RemoteProtocolError as error:
        raise LocalProtocolError(f"not a target: {command.target!r}") from error
    replaces = f"?Replaces={quote(command.replaces, safe='')}" if command.replaces else ""
    by = f"Referred-By: <{clean(command.referred_by)}>\r\n" if command.referred_by else ""
    lines = f"{leg.dialog.contact}Refer-To: <{command.target}{replaces}>\r\n{by}"
    send_in_dialog(core, leg, "REFER", partial(_on_response, core, leg), now, headers=lines)
    leg.referring = Referring(later(core, partial(_silent, core, leg), "refer", now + PATIENCE), leg.dialog.local_seq)


def on_notify(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """A report. Raises 481 when no REFER of ours is open, 489 for another event."""
    if request.get("event").partition(";")[0].strip().lower() != "refer":
        raise RemoteProtocolError(489, "Bad Event")
    if leg.referring is None:
        raise RemoteProtocolError(481, "No Subscription")
    transaction.respond(200, now, leg.dialog.local_tag, core.server_line)
    line = _STATUS_LINE.match(request.body.lstrip())
    status = int(line.group(1)) if line is not None else 100
    is_over = request.get("subscription-state").strip().lower().startswith("terminated")
    if status >= 200:
        _settle(core, leg, status)
    elif is_over:
        _settle(core, leg, 408)
    elif status > 100:
        core.emit(TransferProgress(leg.id, status))


def on_bye(core: Core, leg: Leg) -> None:
    """The peer leaves before its last report: the profile tells what that means."""
    if leg.referring is not None:
        _settle(core, leg, 200 if leg.policy.refer_bye == "success" else 487)


def _on_response(core: Core, leg: Leg, status: int, response: Response | None, now: float) -> None:
    if status < 300 or leg.is_over:
        return  # 202 promises nothing: only a report counts
    _settle(core, leg, status)
    if fate("REFER", status) is not Fate.REQUEST:
        finish(core, leg, status, message=response)
        bury(core, leg)


def _silent(core: Core, leg: Leg, now: float) -> None:
    _settle(core, leg, 408)


def _settle(core: Core, leg: Leg, status: int) -> None:
    if leg.referring is None:
        return
    leg.referring.deadline.cancel()
    leg.referring = None
    core.emit(TransferDone(leg.id, status) if status < 300 else TransferFailed(leg.id, status))
