"""Session timers (RFC 4028): asked for by the peer, never by us. The leg ends when the refreshing side falls silent."""

from __future__ import annotations

from functools import partial

from signalling.errors import RemoteProtocolError
from signalling.message import Message, Request, Response
from signalling.message.headers import parse_number, parse_params
from signalling.usage.bye import say_bye
from signalling.usage.core import Core, later, reason_line
from signalling.usage.ending import FATAL, finish
from signalling.usage.leg import Leg, SessionTimer, Stage
from signalling.usage.request import send_in_dialog

MIN_SE = 90


def asked_interval(message: Message) -> tuple[int, str] | None:
    """Seconds and refresher ("uac", "uas" or "") of Session-Expires; None when absent or unreadable."""
    value = message.get("session-expires")
    if not value:
        return None
    seconds = parse_number(value.partition(";")[0])
    if not seconds:
        return None
    _, semicolon, tail = value.partition(";")
    return seconds, parse_params(semicolon + tail).get("refresher", "").lower()


def accept_timer(leg: Leg, request: Request) -> None:
    """Take the peer's wish of an INVITE or UPDATE: its interval, its refresher, else the caller. Raises 422 below Min-SE."""
    asked = asked_interval(request)
    if asked is None or "timer" not in request.get("supported").lower() + request.get("require").lower():
        return
    seconds, refresher = asked
    if seconds < MIN_SE:
        raise RemoteProtocolError(422, "Session Interval Too Small")
    if refresher == "uas" and not leg.peer_allows_update:
        return  # Deviation: we refresh by UPDATE only; without it the session goes on untimed, as §7.1 lets a callee decide
    deadline = leg.session.deadline if leg.session is not None else None
    leg.session = SessionTimer(min(seconds, 86400), we_refresh=refresher == "uas")
    leg.session.deadline = deadline


def session_lines(leg: Leg) -> str:
    """Header lines of a 2xx: the interval and who refreshes (§9)."""
    session = leg.session
    if session is None:
        return ""
    if session.we_refresh:
        return f"Session-Expires: {session.interval};refresher=uas\r\n"
    return f"Require: timer\r\nSession-Expires: {session.interval};refresher=uac\r\n"


def start_as_caller(core: Core, leg: Leg, response: Response, now: float) -> None:
    """The callee wants a timer although we asked for none (§7.2): it can only refresh itself."""
    asked = asked_interval(response)
    if asked is not None and asked[0] >= MIN_SE and asked[1] == "uas":
        leg.session = SessionTimer(min(asked[0], 86400), we_refresh=False)
        restart(core, leg, now)


def restart(core: Core, leg: Leg, now: float) -> None:
    """Count anew: after each 2xx to an INVITE or UPDATE of the session."""
    session = leg.session
    if session is None or leg.is_over:
        return
    if session.deadline is not None:
        session.deadline.cancel()
    if session.we_refresh:
        session.deadline = later(core, partial(_refresh, core, leg), "refresh", now + session.interval / 2)
    else:
        margin = min(32.0, session.interval / 3)  # §10
        session.deadline = later(core, partial(_expired, core, leg), "session", now + session.interval - margin)


def _refresh(core: Core, leg: Leg, now: float) -> None:
    session = leg.session
    if session is None or leg.is_over:
        return
    lines = f"{leg.dialog.contact}Supported: timer\r\nSession-Expires: {session.interval};refresher=uac\r\n"
    if leg.stage is Stage.CONFIRMED:
        send_in_dialog(core, leg, "UPDATE", partial(_refreshed, core, leg), now, headers=lines)
    session.deadline = later(core, partial(_refresh, core, leg), "refresh", now + session.interval / 2)


def _refreshed(core: Core, leg: Leg, status: int, response: Response | None, now: float) -> None:
    if status in FATAL and not leg.is_over:
        say_bye(core, leg, reason_line(102), now)
        finish(core, leg, 408, q850=102, keep_dialog=True)


def _expired(core: Core, leg: Leg, now: float) -> None:
    if not leg.is_over:
        say_bye(core, leg, reason_line(102), now)
        finish(core, leg, 408, q850=102, reason="session expired", keep_dialog=True)
