"""Which leg of ours a header of another request names: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538)."""

from __future__ import annotations

from signalling.errors import RemoteProtocolError
from signalling.events import NamedDialog
from signalling.message import Request
from signalling.message.headers import parse_params
from signalling.usage.core import Core
from signalling.usage.leg import Leg, Stage

ANSWERED = frozenset({Stage.ACCEPTED, Stage.ANSWERED, Stage.CONFIRMED})


def named_dialogs(core: Core, request: Request) -> tuple[NamedDialog | None, NamedDialog | None]:
    """Replaces and Join of an INVITE, judged (sip.md §4.6). Raises 400, 481, 486 or 603; who may do it is decided above."""
    headers = request.headers
    if "replaces" not in headers and "join" not in headers:
        return None, None
    values = request.tokens("replaces") + request.tokens("join")
    if len(values) != 1:
        raise RemoteProtocolError(400, "Not One Dialog")
    named = parse_named(values[0], "to-tag", "from-tag")
    leg = _living(core, named)
    if "join" in headers:
        if leg.stage not in ANSWERED:
            raise RemoteProtocolError(481, "Not Answered")
        return None, named._replace(leg=leg.id)
    if leg.stage in ANSWERED:
        if named.early_only:
            raise RemoteProtocolError(486, "Answered Already")
    elif leg.stage is not Stage.CALLING:  # RFC 3891 §3: an early dialog only when we have started it
        raise RemoteProtocolError(481, "Not Ours To Replace")
    return named._replace(leg=leg.id), None


def forbid_elsewhere(request: Request) -> None:
    """Raises 400 for Replaces or Join in anything but an INVITE that starts a dialog."""
    if "replaces" in request.headers or "join" in request.headers:
        raise RemoteProtocolError(400, "Replaces Outside INVITE")


def parse_named(value: str, ours: str, theirs: str) -> NamedDialog:
    """A Call-ID with two tags, as the peer writes it: `ours` is the parameter with our tag. Raises 400 without both."""
    call_id, semicolon, tail = value.partition(";")
    params = parse_params(semicolon + tail)
    call_id = call_id.strip()
    if not call_id or ours not in params or theirs not in params:
        raise RemoteProtocolError(400, "Incomplete Dialog")
    return NamedDialog("", call_id, params[ours], params[theirs], "early-only" in params)


def find_named(core: Core, named: NamedDialog, *, either_way: bool = False) -> Leg | None:
    """The leg that is meant, ended ones included while their BYE is open. `either_way`: tags may be swapped (Refer-To)."""
    for ours, theirs in ((named.to_tag, named.from_tag), (named.from_tag, named.to_tag))[: 2 if either_way else 1]:
        leg = core.dialogs.get(ours)
        if leg is not None and leg.dialog.call_id == named.call_id and _has_tag(leg, theirs):
            return leg
    return None


def _has_tag(leg: Leg, tag: str) -> bool:
    if leg.stage is Stage.CALLING:
        return tag in leg.early
    return leg.dialog.remote_tag in {tag, ""} if tag in {"", "0"} else leg.dialog.remote_tag == tag


def _living(core: Core, named: NamedDialog) -> Leg:
    leg = find_named(core, named)
    if leg is None:
        if core.ended.get(named.to_tag) == (named.call_id, named.from_tag):
            raise RemoteProtocolError(603, "Dialog Has Ended")
        raise RemoteProtocolError(481, "No Such Dialog")
    if leg.is_over:
        raise RemoteProtocolError(603, "Dialog Has Ended")
    return leg
