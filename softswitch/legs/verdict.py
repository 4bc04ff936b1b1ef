"""Why a leg ended, from what signalling tells of its end (sip.md §4.8). Pure."""

from __future__ import annotations

from typing import NamedTuple

from signalling.events import Ended, Reason
from softswitch.model.cause import Cause
from softswitch.model.release import Release
from softswitch.model.release import release as release_of


class Stood(NamedTuple):
    """Where the leg stood at its end."""

    answered: bool
    inbound: bool
    has_rung: bool


def cause_of(event: Ended, q850: int, stood: Stood) -> Cause:
    """Our word for it; `q850` only from a peer whose Reason is trusted."""
    if stood.answered:
        if event.status == 408:
            return Cause.TIMEOUT
        return Cause.from_sip(0, q850) if q850 not in (0, 16, 26, 31) else Cause.NORMAL
    if stood.inbound:
        return Cause.CANCELLED if event.cancelled or event.status == 487 else Cause.from_sip(event.status, q850)
    if event.status == 408 and stood.has_rung and q850 in (0, 18, 19):
        return Cause.NO_ANSWER  # it rang, nobody came (sip.md §4.2)
    return Cause.from_sip(event.status, q850)


def said(event: Ended, q850: int, stood: Stood) -> Release | None:
    """What the peer said, for the other side; None where our own words are as good (a timeout of ours)."""
    cause, location = cause_of(event, q850, stood), _location(event)
    if stood.answered or stood.inbound:
        return Release(cause, 480, q850, location) if q850 else None
    is_silence = event.status == 408 and q850 in (18, 19) and not event.reasons  # a timer of ours
    if event.status < 300 or is_silence:
        return None
    return release_of(event.status, q850)._replace(cause=cause, location=location)


def reasons(q850: int, release: Release | None) -> tuple[int, tuple[Reason, ...]]:
    """A cause for a command: alone, or as a further value with the place where it arose (RFC 8606)."""
    location = release.location if release is not None else ""
    return (0, (Reason("Q.850", q850, "", location),)) if q850 and location else (q850, ())


def _location(event: Ended) -> str:
    """Where in the network the cause arose, as the peer said; "" when it did not."""
    return next((each.location for each in event.reasons if each.protocol == "Q.850"), "")
