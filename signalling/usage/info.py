"""INFO in both directions: Info-Packages (RFC 6086), and the older digits by INFO without one."""

from __future__ import annotations

from signalling.commands import SendInfo
from signalling.errors import LocalProtocolError, RemoteProtocolError
from signalling.events import Body, InfoReceived
from signalling.message import Request, Response
from signalling.message.headers import TOKEN
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core
from signalling.usage.ending import bury, finish
from signalling.usage.leg import Leg, Stage
from signalling.usage.request import send_in_dialog


def send_info(core: Core, command: SendInfo, now: float) -> None:
    leg = core.legs.get(command.leg)
    if leg is None or leg.stage is not Stage.CONFIRMED:
        raise LocalProtocolError(f"leg {command.leg} cannot send INFO")
    if command.package and not TOKEN.match(command.package):
        raise LocalProtocolError(f"no package: {command.package!r}")

    def done(status: int, response: Response | None, at: float) -> None:
        # Deviation (RFC 3261 §12.2.1.2): a timeout of INFO does not end the call; only 481 says that there is none.
        if status == 481 and not leg.is_over:
            finish(core, leg, status, message=response)
            bury(core, leg)

    package = f"Info-Package: {command.package}\r\nContent-Disposition: Info-Package\r\n" if command.package else ""
    send_in_dialog(core, leg, "INFO", done, now, headers=leg.dialog.contact + package, body=command.body)


def on_info(core: Core, leg: Leg, request: Request, transaction: ServerTransaction, now: float) -> None:
    """Answered at once; an empty INFO is only a sign of life. Raises 469 for an unknown package (RFC 6086 §4.2)."""
    package = request.get("info-package").partition(";")[0].strip()
    if package and package.lower() not in core.config.info_packages:
        raise RemoteProtocolError(469, "Bad Info Package")
    transaction.respond(200, now, leg.dialog.local_tag, core.server_line)
    if request.body and not leg.is_over:
        core.emit(InfoReceived(leg.id, Body(request.body, request.content_type), package.lower()))
