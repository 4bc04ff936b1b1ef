"""The line that a log watcher such as fail2ban acts on (sip.md §9): one fact, one line, whatever the peer sent.

What the peer wrote stands at the end, in quotes, with its control characters and quotes escaped; so the pattern of
`docs/fail2ban`, which is anchored at the start of the line, never reads an address that a peer made up. It acts on bans only,
and only of a source that is proven (TCP, or UDP that returned our nonce).
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from signalling.events import SecurityEvent

_LONGEST = 200


def security_line(at: float, event: SecurityEvent) -> str:
    """`at` is UTC epoch seconds; `score` is that of this event, `total` what its source has collected."""
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    host, port = event.flow.remote
    action = "ban" if event.banned_until else "none"
    return (
        f"{stamp} sip-security event={event.what} src={host} sport={port} proto={event.flow.transport} "
        f"verified={int(event.verified)} method={event.method} status={event.status} "
        f"score={event.score} total={event.total} action={action} user={quoted(event.user)} ua={quoted(event.user_agent)}"
    )


def quoted(text: str) -> str:
    """One word of printable ASCII and letters in quotes: nothing in it ends the quotes or the line."""
    kept = "".join(char if char.isprintable() and char not in '"\\' else f"\\x{ord(char):02x}" for char in text[:_LONGEST])
    return f'"{kept}"'


def write(line: str) -> None:
    """To where log lines go, as it is: no mark, no level, no JSON around it."""
    structlog.get_config()["logger_factory"]("security").warning(line)
