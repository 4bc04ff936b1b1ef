"""How a leg ends: the event for the layer above, and what is forgotten at once."""

from __future__ import annotations

from signalling.events import Ended
from signalling.message import Message
from signalling.usage.core import Core, q850_of
from signalling.usage.leg import Leg, Stage

FATAL = frozenset({404, 408, 410, 416, 481, 482, 484, 485, 502, 604})  # of a request inside a dialog (RFC 5057 §5.1)


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
    cause, text = q850_of(message)
    retry_after = (message.number("retry-after") or 0) if message is not None and "retry-after" in message.headers else 0
    core.emit(
        Ended(
            leg.id,
            status,
            reason or text,
            cause or q850,
            by_us=by_us,
            cancelled=cancelled,
            retry_after=min(retry_after, 86400),
            reasons=message.reasons if message is not None and "reason" in message.headers else (),
        )
    )
    if not keep_dialog:
        bury(core, leg)


def bury(core: Core, leg: Leg) -> None:
    """The peer can no longer address this dialog: 481 from now on."""
    core.dialogs.pop(leg.dialog.local_tag, None)
    if leg.success is not None:
        leg.success.stop()
        leg.success = None
