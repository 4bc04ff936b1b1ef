"""Session timers (RFC 4028) of one leg, both roles: what is asked, what is agreed. The leg ends when nobody refreshes it."""

from __future__ import annotations

from functools import partial

from signalling.errors import RemoteProtocolError
from signalling.message import Message, Request, Response
from signalling.message.headers import parse_number, parse_params
from signalling.usage.bye import say_bye
from signalling.usage.core import Core, later, options, reason_line
from signalling.usage.ending import finish
from signalling.usage.leg import Leg, SessionTimer, Stage, Wish

MIN_SE = 90
LONGEST = 86400
_REFRESH = Wish(refresh=True, prefers_update=True)


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
    """Take the peer's wish of an INVITE or UPDATE, or state our own (§9). Raises 422 below Min-SE.

    Refresher: the peer's choice, else the peer itself, else, when it knows no timers, we.
    """
    asked = asked_interval(request)
    leg.can_timer = "timer" in options(request)
    if asked is None:
        _own_wish(leg, request)
        return
    seconds, refresher = asked
    if seconds < MIN_SE:
        if leg.can_timer:
            raise RemoteProtocolError(422, "Session Interval Too Small")
        seconds = MIN_SE  # a proxy has asked: the caller itself would not understand a 422 (§9)
    we_refresh = refresher == "uas" or not leg.can_timer
    _agree(leg, seconds, we_refresh=we_refresh)


def _own_wish(leg: Leg, request: Request) -> None:
    if leg.session is None and leg.policy.timer:
        least = request.number("min-se") if "min-se" in request.headers else 0
        _agree(leg, max(leg.policy.timer, MIN_SE, least or 0), we_refresh=not leg.can_timer)


def _agree(leg: Leg, seconds: int, *, we_refresh: bool) -> None:
    deadline = leg.session.deadline if leg.session is not None else None
    leg.session = SessionTimer(min(seconds, LONGEST), we_refresh=we_refresh)
    leg.session.deadline = deadline


def session_lines(leg: Leg) -> str:
    """Header lines of a 2xx: the interval and who refreshes (§9)."""
    session = leg.session
    if session is None:
        return ""
    if session.we_refresh:
        return f"Session-Expires: {session.interval};refresher=uas\r\n"
    return f"Require: timer\r\nSession-Expires: {session.interval};refresher=uac\r\n"


def asking_lines(leg: Leg) -> str:
    """Header lines of an INVITE, re-INVITE or UPDATE of ours: the agreement once more, or our first wish (§7.1, §7.4)."""
    session = leg.session
    if session is None:
        if not leg.policy.timer:
            return ""
        interval, refresher = max(leg.policy.timer, leg.min_se), ""
    else:
        interval, refresher = max(session.interval, leg.min_se), f";refresher={'uac' if session.we_refresh else 'uas'}"
    least = f"Min-SE: {leg.min_se}\r\n" if leg.min_se > MIN_SE else ""
    return f"Session-Expires: {interval}{refresher}\r\n{least}"


def too_small(leg: Leg, response: Response) -> bool:
    """A 422 to us: True when its Min-SE is new to us and the request is worth one more try (§7.3)."""
    least = response.number("min-se")
    if response.status != 422 or least is None or not leg.min_se < least <= LONGEST:
        return False
    leg.min_se = least
    return True


def agreed(core: Core, leg: Leg, response: Response, now: float) -> None:
    """A 2xx to an INVITE or UPDATE of ours: who refreshes, from now on (§7.2). A peer without timers leaves it to us."""
    asked = asked_interval(response) if "session-expires" in response.headers else None
    if asked is not None and asked[0] >= MIN_SE:
        _agree(leg, asked[0], we_refresh=asked[1] != "uas")
    elif leg.session is not None:
        _agree(leg, leg.session.interval, we_refresh=True)
    elif leg.policy.timer:
        _agree(leg, max(leg.policy.timer, leg.min_se), we_refresh=True)
    restart(core, leg, now)


def restart(core: Core, leg: Leg, now: float) -> None:
    """Count anew: after each 2xx to an INVITE or UPDATE of the session."""
    session = leg.session
    if session is None or leg.is_over or leg.is_early:
        return
    if session.deadline is not None:
        session.deadline.cancel()
    if session.we_refresh:
        session.deadline = later(core, partial(_refresh, core, leg, now), "refresh", now + session.interval / 2)
    else:
        session.deadline = later(core, partial(_expired, core, leg), "session", now + lifetime(session))


def lifetime(session: SessionTimer) -> float:
    """Seconds after the last refresh at which a session is given up (§10)."""
    return session.interval - min(32.0, session.interval / 3)


def _refresh(core: Core, leg: Leg, started: float, now: float) -> None:
    """Half of the interval has passed; a 2xx restarts the count, without one the session expires."""
    session = leg.session
    if session is None or leg.is_over:
        return
    session.deadline = later(core, partial(_expired, core, leg), "session", started + lifetime(session))
    if leg.stage is Stage.CONFIRMED:
        core.wish(leg, _REFRESH, now)


def _expired(core: Core, leg: Leg, now: float) -> None:
    if not leg.is_over:
        say_bye(core, leg, reason_line(102), now)
        finish(core, leg, 408, q850=102, reason="session expired", keep_dialog=True)
