"""INFO in both directions (RFC 6086, and the older digits by INFO)."""

from __future__ import annotations

from signalling.commands import SendInfo
from signalling.errors import LocalProtocolError
from signalling.events import Body, InfoReceived
from signalling.message import Request, Response
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core
from signalling.usage.ending import bury, finish
from signalling.usage.leg import Leg, Stage
from signalling.usage.request import send_in_dialog


def send_info(core: Core, command: SendInfo, now: float) -> None:
    leg = core.legs.get(command.leg)
    if leg is None or leg.stage is not Stage.CONFIRMED:
        raise LocalProtocolError(f"leg {command.leg} cannot send INFO")

    def done(status: int, response: Response | None, at: float) -> None:
        # Deviation (RFC 3261 §12.2.1.2): a timeout of INFO does not end the call; only 481 says that there is none.
        if status == 481 and not leg.is_over:
            finish(core, leg, status, message=response)
            bury(core, leg)

    send_in_dialog(core, leg, "INFO", done, now, headers=leg.dialog.contact, body=command.body)


def on_info(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """Answered at once; an empty INFO is only a sign of life."""
    transaction.respond(200, now, leg.dialog.local_tag, core.server_line)
    if request.body and not leg.is_over:
        core.emit(InfoReceived(leg.id, Body(request.body, request.content_type)))
