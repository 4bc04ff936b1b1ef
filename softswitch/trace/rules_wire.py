"""Rules about messages: what was asked and what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from softswitch.trace.ladder import Ladder, Party, Step
from softswitch.trace.phrases import Case, seconds

NO_CODEC = frozenset({415, 488, 606})
MANY_REPEATS = 3
_CHALLENGES = frozenset({401, 407})
_OWN = frozenset({300, 301, 302, 305, 380, 404, 410, 484, 604, 486, 600, 603, 607, 608, 503, 420, 421, 494, 487, *NO_CODEC})
"""Statuses that have a sentence of their own, or need none."""
RING_SECONDS = 4.0
"""Without any 180 or 183 this is long; what is given up earlier is the caller's impatience."""


def _calls(ladder: Ladder, party: Party, *, sent: bool) -> list[Step]:
    """The steps of the first INVITE transaction(s) before the dialog stands: the INVITE of the side and what is answered."""
    steps = [step for step in ladder.of(party) if step.words.method == "INVITE"]
    first = next((step for step in steps if not step.words.status), None)
    return steps if first is not None and first.sent is sent else []


def _final(ladder: Ladder, party: Party) -> Step | None:
    """The refusal that ended the attempt at a party, None when it answered or was given up."""
    steps = _calls(ladder, party, sent=True)
    if any(200 <= step.words.status < 300 for step in steps):
        return None
    finals = [step for step in steps if step.words.status >= 300 and not step.sent]
    return finals[-1] if finals and finals[-1].words.status not in _CHALLENGES | {487} else None


def _offered(steps: list[Step], *, sent: bool) -> str:
    for step in reversed(steps):
        if step.sent is sent and not step.words.status and step.words.media:
            return " ".join(codec for codec in step.words.media[0].codecs if codec != "telephone-event")
    return "–"


def codecs_refused(ladder: Ladder) -> Iterator[Case]:
    for party in ladder.callees:
        final = _final(ladder, party)
        if final is not None and final.words.status in NO_CODEC:
            yield Case(final.at, party, {"offered": _offered(_calls(ladder, party, sent=True), sent=True)})


def codecs_refused_by_us(ladder: Ladder) -> Iterator[Case]:
    steps = _calls(ladder, ladder.caller, sent=False)
    final = next((step for step in steps if step.sent and step.words.status in NO_CODEC), None)
    if final is not None and not any(_final(ladder, party) for party in ladder.callees):
        yield Case(final.at, ladder.caller, {"offered": _offered(steps, sent=False)})


def wrong_password_there(ladder: Ladder) -> Iterator[Case]:
    """Our credentials were answered by another challenge, or by 403."""
    for party in ladder.callees:
        answered = False
        for step in _calls(ladder, party, sent=True):
            if step.sent:
                answered = answered or (step.words.has_credentials and not step.words.status)
            elif answered and step.words.status in _CHALLENGES | {403}:
                yield Case(step.at, party, {"status": step.words.status})


def wrong_password_here(ladder: Ladder) -> Iterator[Case]:
    """We refused credentials, and they were not merely of a nonce that had grown old."""
    answered = False
    for step in _calls(ladder, ladder.caller, sent=False):
        if not step.sent:
            answered = answered or (step.words.has_credentials and not step.words.status)
        elif answered and step.words.status in _CHALLENGES | {403}:
            challenge = step.words.header("www-authenticate") + step.words.header("proxy-authenticate")
            if "stale=true" not in challenge.lower():
                yield Case(step.at, ladder.caller, {})


def next_route(ladder: Ladder) -> Iterator[Case]:
    for party in ladder.callees:
        final = _final(ladder, party)
        later = final is not None and any(
            other.kind == "trunk" and other.started >= final.at - 0.05 and other.id != party.id for other in ladder.callees
        )
        if final is not None and party.kind == "trunk" and later:
            yield Case(final.at, party, {"status": final.words.status})


def no_response(ladder: Ladder) -> Iterator[Case]:
    """Not even 100 came back."""
    for party in ladder.callees:
        steps = _calls(ladder, party, sent=True)
        if len(steps) > 1 and not any(not step.sent for step in ladder.of(party)) and not ladder.is_live:
            end = _end(ladder, party)
            yield Case(end, party, {"seconds": seconds(end - steps[0].at), "address": party.address})


def nobody_rang(ladder: Ladder) -> Iterator[Case]:
    """100 came and nothing after it, until it was given up."""
    for party in ladder.callees:
        steps = _calls(ladder, party, sent=True)
        heard = [step.words.status for step in steps if not step.sent]
        if 100 in heard and all(status in (100, 487) or status in _CHALLENGES for status in heard):
            end = _end(ladder, party)
            if end - steps[0].at >= RING_SECONDS:
                yield Case(end, party, {"seconds": seconds(end - steps[0].at)})


def _end(ladder: Ladder, party: Party) -> float:
    """When the attempt was given up: our CANCEL, the end of its leg, else its last message."""
    cancel = [step.at for step in ladder.of(party) if step.words.method == "CANCEL" and step.sent]
    ended = [event.at for event in ladder.events if event.type == "leg.ended" and event.leg == party.leg]
    return (cancel or ended or [step.at for step in ladder.of(party)][-1:])[0]


def answered(*statuses: int) -> Callable[[Ladder], Iterator[Case]]:
    """A party refused with one of these, and no other route helped."""

    def find(ladder: Ladder) -> Iterator[Case]:
        rerouted = {case.party.id for case in next_route(ladder)}
        for party in ladder.callees:
            final = _final(ladder, party)
            if final is not None and final.words.status in statuses and party.id not in rerouted:
                number = next((step.words.target for step in ladder.of(party) if step.words.target), "")
                yield Case(final.at, party, {"status": final.words.status, "number": number, "detail": _wanted(final)})

    return find


def other_refusal(ladder: Ladder) -> Iterator[Case]:
    for party in ladder.callees:
        final = _final(ladder, party)
        if final is not None and final.words.status not in _OWN:
            reason = final.words.reason + (f" (Q.850 {final.words.q850})" if final.words.q850 else "")
            yield Case(final.at, party, {"status": final.words.status, "detail": reason})


def _wanted(final: Step) -> str:
    return final.words.header("unsupported") or final.words.header("require") or final.words.reason


def no_ack(ladder: Ladder) -> Iterator[Case]:
    """Our 200 was repeated, and no ACK ever came."""
    for party in ladder.parties:
        steps = ladder.of(party)
        answers = [step for step in steps if step.sent and step.words.method == "INVITE" and 200 <= step.words.status < 300]
        if len(answers) >= MANY_REPEATS and not any(step.words.method == "ACK" and not step.sent for step in steps):
            yield Case(answers[-1].at, party, {})


def repeats(ladder: Ladder) -> Iterator[Case]:
    silent = {case.party.id for case in (*no_response(ladder), *no_ack(ladder))}
    for party in ladder.parties:
        repeated = [step for step in ladder.of(party) if step.repeat]
        if len(repeated) >= MANY_REPEATS and party.id not in silent:
            yield Case(repeated[0].at, party, {"count": len(repeated)})
