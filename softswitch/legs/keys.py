"""Keys in signalling: the body of an INFO, read and written (RFC 2976, `application/dtmf-relay` and `application/dtmf`)."""

from __future__ import annotations

from signalling.events import Body

_NAMED = {"10": "*", "11": "#"}
_KEYS = "0123456789*#ABCD"


def read_digit(body: Body) -> tuple[str, int]:
    """The digit and duration (ms) of an INFO body: application/dtmf-relay (Signal=, Duration=) or application/dtmf."""
    kind = body.content_type.partition(";")[0].strip().lower()
    text = body.content[:256].decode("ascii", "replace")
    if kind == "application/dtmf":
        return _digit(text.strip()), 0
    if kind != "application/dtmf-relay":
        return "", 0
    values = {key.strip().lower(): value.strip() for key, _, value in (line.partition("=") for line in text.splitlines())}
    duration = values.get("duration", "")
    return _digit(values.get("signal", "")), int(duration) if duration.isdigit() and len(duration) < 6 else 0


def written_digit(digit: str, duration: int = 100) -> Body:
    """The INFO body of one key; the form that gateways know best."""
    return Body(f"Signal={digit}\r\nDuration={duration}\r\n".encode(), "application/dtmf-relay")


def _digit(text: str) -> str:
    return _NAMED.get(text, text.upper() if len(text) == 1 and text.upper() in _KEYS else "")
