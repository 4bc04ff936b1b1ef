"""What happened to sound and people between the messages: lines of the ladder beside its arrows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softswitch.model import events as ev
from softswitch.trace.ladder import Ladder


@dataclass(frozen=True, slots=True)
class Happening:
    """`kind` is a word that pages translate, `values` what it is about; `party` is a column's id."""

    at: float
    party: str
    kind: str
    values: Mapping[str, str | int | float]


def happenings(ladder: Ladder, *, digits: bool = False) -> list[Happening]:
    """In order of time; `digits`: keys may be read."""
    return list(_all(ladder, digits=digits))


def _all(ladder: Ladder, *, digits: bool) -> Iterator[Happening]:
    for event in ladder.events:
        found = _media(event, digits=digits) or _course(event)
        if found is not None:
            party = "switch" if isinstance(event, _CALL) else ladder.party_of(event.leg).id
            yield Happening(event.at, party, *found)


_Found = tuple[str, Mapping[str, str | int | float]]
_CALL = (ev.CallEnded, ev.QueueEntered, ev.QueueLeft, ev.IvrEntered, ev.CallConnected, ev.CallHeld, ev.CallResumed,
         ev.RecordingStarted, ev.RecordingFinished, ev.CallTransferred)  # fmt: skip


def _media(event: ev.Event, *, digits: bool) -> _Found | None:
    match event:
        case ev.LegMedia():
            kind = "first_packet" if event.as_signalled else "other_source"
            return kind, {"codec": event.codec}
        case ev.LegDtmf():
            return "key", {"digit": event.digit if digits else "•", "way": event.way}
        case ev.LegQuality(one_way=one_way) if one_way:
            return "one_way", {"why": one_way, "detail": event.one_way_detail, "codec": event.codec}
        case ev.LegQuality():
            if not event.final:
                return "heard_again", {"codec": event.codec}
            return "quality", {
                "codec": event.codec, "mos": event.mos, "lost": event.lost, "received": event.packets_received,
                "sent": event.packets_sent, "jitter_ms": event.jitter_ms,
            }  # fmt: skip
        case ev.LegParked(reason=reason):
            return "silent", {"why": reason}
        case ev.LegResumed(gap_ms=gap):
            return "heard_again", {"gap_ms": gap}
    return None


def _course(event: ev.Event) -> _Found | None:
    match event:
        case ev.CallHeld():
            return "held", {}
        case ev.CallResumed():
            return "resumed", {}
        case ev.CallConnected(other=other):
            return "connected", {"other": other}
        case ev.QueueEntered(queue=queue):
            return "queue_entered", {"queue": queue}
        case ev.QueueLeft(queue=queue, result=result):
            return "queue_left", {"queue": queue, "result": result}
        case ev.IvrEntered(flow=flow):
            return "flow_entered", {"flow": flow}
        case ev.LegStarted(target=target, trunk=trunk):
            return "leg_started", {"target": target, "trunk": trunk}
        case ev.LegEnded(cause=cause, sip_status=status, by=by):
            return "leg_ended", {"cause": cause, "status": status, "by": by}
        case ev.RecordingStarted():
            return "recording", {}
        case ev.CallTransferred(kind=kind, target=target):
            return "transferred", {"kind": kind, "target": target}
        case ev.CallEnded(who=who, cause=cause):
            return "ended", {"who": who, "cause": cause}
    return None
