"""What goes over the wire, pure: which events a hook wants, the body, the signature, and what an answer means.

The signature is the hex HMAC-SHA256 of `TIMESTAMP.METHOD.URL.BODY` under the hook's secret, as voice applications have it. The
other side compares it in constant time, refuses timestamps older than five minutes, and remembers delivery ids: an event comes
at least once, so it may come twice.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from softswitch.model.events import Event, rfc3339, to_dict
from softswitch.store.rows import CdrRow

DELIVERY = "X-Softswitch-Delivery"
EVENT = "X-Softswitch-Event"
ATTEMPT = "X-Softswitch-Attempt"
TIMESTAMP = "X-Softswitch-Timestamp"
SIGNATURE = "X-Softswitch-Signature"

BACKOFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0)
"""Seconds after the first, second … failure; the last one repeats."""
MOST_AGE = 86_400.0
"""Seconds after which a delivery is given up."""
REFUSALS = 3
"""An endpoint that says no to a delivery (4xx) is asked so many times."""
_TRY_AGAIN = frozenset({408, 409, 423, 425, 429})
_TIMES = ("created_at", "answered_at", "connected_at", "ended_at")


class Verdict(StrEnum):
    DONE = "done"
    AGAIN = "again"
    FAILED = "failed"


def wants(patterns: Iterable[str], kind: str) -> bool:
    """`patterns`: event types; `agent.*` takes a family, `*` everything."""
    return any(
        pattern in ("*", kind) or (pattern.endswith(".*") and kind.startswith(pattern.removesuffix("*")))
        for pattern in patterns
    )


def body(identity: str, hook: str, event: Event, record: CdrRow | None = None) -> str:
    """The JSON document of a delivery: the event, and with `call.ended` the call's record."""
    found = _head(identity, hook, event.type, event.at) | {"event": to_dict(event)}
    return _json(found if record is None else found | {"record": _record(record)})


def document(identity: str, hook: str, kind: str, at: float, event: Mapping[str, Any] | None) -> str:
    """A delivery that stands for no event of a timeline: a test, an alarm's escalation."""
    return _json(_head(identity, hook, kind, at) | {"event": event})


def _head(identity: str, hook: str, kind: str, at: float) -> dict[str, Any]:
    return {"id": identity, "hook": hook, "type": kind, "at": rfc3339(at)}


def _json(found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def _record(record: CdrRow) -> dict[str, Any]:
    found = asdict(record)
    for name in _TIMES:
        found[name] = rfc3339(found[name]) if found[name] is not None else None
    return found


def signature(secret: str, timestamp: str, url: str, text: str) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.POST.{url}.{text}".encode(), hashlib.sha256).hexdigest()


def headers(secret: str, url: str, text: str, *, identity: str, kind: str, attempt: int, at: float) -> Mapping[str, str]:
    """`at`: UTC epoch seconds of the sending. Without a secret there is no signature."""
    timestamp = str(int(at))
    found = {
        "Content-Type": "application/json; charset=utf-8", DELIVERY: identity, EVENT: kind, ATTEMPT: str(attempt),
        TIMESTAMP: timestamp,
    }  # fmt: skip
    return {**found, SIGNATURE: signature(secret, timestamp, url, text)} if secret else found


def verdict(status: int, attempts: int, age: float) -> Verdict:
    """`status`: of the answer, 0 for none; `attempts`: with this one; `age`: seconds since the event."""
    if 200 <= status < 300:
        return Verdict.DONE
    if age >= MOST_AGE or (400 <= status < 500 and status not in _TRY_AGAIN and attempts >= REFUSALS):
        return Verdict.FAILED
    return Verdict.AGAIN


def backoff(attempts: int) -> float:
    """Seconds until the next attempt after so many."""
    return BACKOFF[min(attempts, len(BACKOFF)) - 1]
