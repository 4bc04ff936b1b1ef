"""Rules about the course of a call: how it ended, and whose decision that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.trace.ladder import Ladder
from softswitch.trace.phrases import WHO, Case, Text, cause_text, seconds

E = TypeVar("E", bound=ev.Event)


def _first(ladder: Ladder, kind: type[E]) -> E | None:
    return next((event for event in ladder.events if isinstance(event, kind)), None)


def _end(ladder: Ladder) -> ev.CallEnded | None:
    return _first(ladder, ev.CallEnded)


def _talked(ladder: Ladder) -> bool:
    return _first(ladder, ev.CallConnected) is not None


def no_route(ladder: Ladder) -> Iterator[Case]:
    end, created = _end(ladder), _first(ladder, ev.CallCreated)
    if end is None or created is None or ladder.callees:
        return
    if end.cause in (Cause.NO_ROUTE.word, Cause.UNALLOCATED.word, Cause.INVALID_NUMBER.word):
        yield Case(end.at, ladder.caller, {"number": created.called})


def unreachable(ladder: Ladder) -> Iterator[Case]:
    end = _end(ladder)
    if end is not None and end.cause == Cause.UNREACHABLE.word and not any(map(ladder.of, ladder.callees)):
        yield Case(end.at, ladder.caller, {})


def no_answer(ladder: Ladder) -> Iterator[Case]:
    for party in ladder.callees:
        ended = next((event for event in ladder.events if isinstance(event, ev.LegEnded) and event.leg == party.leg), None)
        if ended is not None and ended.cause in (Cause.NO_ANSWER.word, Cause.NO_USER_RESPONSE.word):
            yield Case(ended.at, party, {"seconds": seconds(ended.at - party.started)})


def gave_up_ringing(ladder: Ladder) -> Iterator[Case]:
    end = _end(ladder)
    if end is None or end.who != "caller" or _talked(ladder) or not ladder.callees:
        return
    began = ladder.callees[-1].started
    yield Case(end.at, ladder.caller, {"seconds": seconds(end.at - began)})


def gave_up_waiting(ladder: Ladder) -> Iterator[Case]:
    for event in ladder.events:
        if isinstance(event, ev.QueueLeft) and event.result == "abandoned":
            yield Case(event.at, ladder.caller, {"queue": event.queue, "seconds": seconds(event.wait_ms / 1000)})


def ended(*causes: Cause) -> Callable[[Ladder], Iterator[Case]]:
    words = {cause.word for cause in causes}

    def find(ladder: Ladder) -> Iterator[Case]:
        end = _end(ladder)
        if end is not None and end.cause in words:
            yield Case(end.at, ladder.caller, {"detail": cause_text(end.cause)})

    return find


_SPECIAL = frozenset(
    cause.word
    for cause in (Cause.LOOP, Cause.TOO_MANY_HOPS, Cause.TIMEOUT, Cause.MEDIA_FAILURE, Cause.NODE_LOST, Cause.SUPERVISOR,
                  Cause.SHUTDOWN, Cause.MAX_DURATION)
)  # fmt: skip


def talked(ladder: Ladder) -> Iterator[Case]:
    end, connected = _end(ladder), _first(ladder, ev.CallConnected)
    if end is not None and connected is not None and end.cause not in _SPECIAL:
        who = WHO.get(end.who, Text(end.who, end.who))
        yield Case(end.at, ladder.caller, {"seconds": seconds(end.at - connected.at), "who": who})


def otherwise(ladder: Ladder) -> Iterator[Case]:
    """A call that reached nobody, in the words of its cause."""
    end = _end(ladder)
    if end is not None and not _talked(ladder) and end.who != "caller" and end.cause not in _SPECIAL:
        yield Case(end.at, ladder.caller, {"detail": cause_text(end.cause)})
