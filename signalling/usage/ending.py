"""How a leg ends: the event for the layer above, and what is forgotten at once."""

from __future__ import annotations

from enum import StrEnum

from signalling.errors import RemoteProtocolError
from signalling.events import Ended
from signalling.message import Message, Response
from signalling.message.headers import parse_name_addr
from signalling.usage.core import Core, q850_of
from signalling.usage.identity import passed_headers
from signalling.usage.leg import Leg, Stage


class Fate(StrEnum):
    """What a failed request inside a dialog costs (RFC 5057 §5.1, sip.md §4.2)."""

    REQUEST = "only the request"
    LEG = "the leg, with a BYE"
    GONE = "the leg: the peer knows nothing of it"


REMEMBERED = 1024  # dialogs that have ended, so that a late Replaces hears 603 and not 481 (RFC 3891 §3)
SILENCE_ENDS = frozenset({"BYE", "INVITE", "UPDATE", "PRACK"})  # whose 408 or timeout ends the leg; others only themselves
SUBSCRIPTIONS = frozenset({"NOTIFY", "SUBSCRIBE"})  # another usage: its 481 says nothing about the call
FATES: dict[int, Fate] = {
    481: Fate.GONE,
    **dict.fromkeys((404, 410, 416, 482, 484, 485, 502, 604), Fate.LEG),
}


def fate(method: str, status: int) -> Fate:
    """What becomes of the leg when `method` inside its dialog ended with this status; 408 is silence too."""
    if status == 408:
        return Fate.LEG if method in SILENCE_ENDS else Fate.REQUEST
    if method in SUBSCRIPTIONS:
        return Fate.REQUEST
    return FATES.get(status, Fate.REQUEST)


def finish(
    core: Core,
    leg: Leg,
    status: int,
    *,
    by_us: bool = False,
    cancelled: bool = False,
    q850: int = 0,
    reason: str = "",
    message: Message | None = None,
    keep_dialog: bool = False,
) -> None:
    """Tell that the leg is over, exactly once. `message` is what ended it; its Reason and Retry-After are read.

    `keep_dialog` leaves the dialog addressable while a BYE or an ACK of it is still under way; the caller then calls `bury`.
    """
    if leg.is_over:
        return
    leg.stage = Stage.ENDED
    leg.drop_deadlines()
    core.legs.pop(leg.id, None)
    core.calls.discard(leg.id)
    reasons = message.reasons if message is not None else ()
    cause, text = q850_of(reasons)
    retry_after = (message.number("retry-after") or 0) if message is not None and "retry-after" in message.headers else 0
    refusal = message if isinstance(message, Response) and status >= 300 else None
    core.emit(
        Ended(
            leg.id,
            status,
            reason or text,
            cause or q850,
            by_us=by_us,
            cancelled=cancelled,
            retry_after=min(retry_after, 86400),
            reasons=reasons,
            contacts=redirections(refusal) if refusal is not None and status < 400 else (),
            headers=passed_headers(refusal) if refusal is not None else {},
        )
    )
    if not keep_dialog:
        bury(core, leg)


def redirections(response: Response) -> tuple[str, ...]:
    """The Contacts of a 3xx as URIs, the highest q first; unreadable ones are left out (RFC 3261 §8.1.3.4)."""
    found: list[tuple[float, str]] = []
    try:
        values = response.tokens("contact")
    except RemoteProtocolError:
        return ()
    for value in values[:20]:
        try:
            address = parse_name_addr(value)
            found.append((-float(address.params.get("q", "1")), address.uri_text))
        except (RemoteProtocolError, ValueError):
            continue
    return tuple(uri for _, uri in sorted(found, key=lambda item: item[0]))


def bury(core: Core, leg: Leg) -> None:
    """The peer can no longer address this dialog: 481 from now on."""
    dialog = leg.dialog
    if core.dialogs.pop(dialog.local_tag, None) is not None and dialog.remote_tag:
        core.ended[dialog.local_tag] = (dialog.call_id, dialog.remote_tag)
        if len(core.ended) > REMEMBERED:
            del core.ended[next(iter(core.ended))]
    if leg.success is not None:
        leg.success.stop()
        leg.success = None
    leg.let_go()
