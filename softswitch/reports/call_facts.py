"""The facts of one call: a pure fold of its timeline, of an ended call or of one that is still going on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from softswitch.model import events as ev
from softswitch.reports.facts import MISSED, MISSED_MS, OPEN, SESSION, CallFacts, Contact, Seizure, Step, Visit, milliseconds

_HANDED_ON = frozenset({"", "ok", "done", "answered", "accepted", "connected", "transferred"})


@dataclass(slots=True)
class _Stay:
    entered: ev.QueueEntered
    offers: int = 0
    waited: bool = True
    predicted_ms: int = -1
    p80_ms: int = -1


@dataclass(slots=True)
class _Offer:
    agent: str
    queue: str
    made: float
    rings: float | None = None


@dataclass(slots=True)
class _Talk:
    """A contact that goes on."""

    agent: str
    queue: str
    direction: str
    began: float
    ring_ms: int = 0
    answered: float | None = None
    leg: str = ""
    holds: int = 0
    hold_ms: int = 0
    held: dict[str, float] = field(default_factory=dict)  # why → since; the hold runs while there is one
    held_since: float = 0.0
    transferred: bool = False


def facts_of(timeline: Sequence[ev.Event], now: float | None = None) -> CallFacts:
    """`now` is for a call that goes on: who waits is open, who talks has talked until then. An ended call needs none."""
    fold = _Fold(timeline[0].call)
    for event in timeline:
        step = _STEPS.get(type(event))
        if step is not None:
            step(fold, event)
    if not fold.over:
        fold.pause(timeline[-1].at if now is None else now)
    return CallFacts(fold.visits, fold.contacts, fold.seizures, fold.steps)


class _Fold:
    def __init__(self, call: str) -> None:
        self.call = call
        self.over = False
        self.visits: list[Visit] = []
        self.contacts: list[Contact] = []
        self.seizures: list[Seizure] = []
        self.steps: list[Step] = []
        self._direction = "in"
        self._stays: dict[str, _Stay] = {}
        self._offers: dict[str, _Offer] = {}
        self._talks: list[_Talk] = []
        self._lines: dict[str, tuple[str, int, str, float]] = {}  # leg → trunk, channel, direction, since
        self._tried = 0.0
        self._reached = 0.0  # when a queue or a person was last reached
        self._flow = ""  # the first one that took the call
        self._flow_since = 0.0
        self._goal = False

    # ------------------------------------------------------------------ calls, lines

    def created(self, event: ev.CallCreated) -> None:
        self._direction = event.direction
        self._tried = event.at
        if event.trunk:
            self._lines[""] = (event.trunk, event.channel, event.direction, event.at)
        if event.agent:
            self._talks.append(_Talk(event.agent, event.queue, event.direction, event.at))

    def leg_started(self, event: ev.LegStarted) -> None:
        self._tried = event.at
        if event.trunk:
            self._lines[event.leg] = (event.trunk, event.channel, "out", event.at)

    def leg_ended(self, event: ev.LegEnded) -> None:
        if not event.leg:
            return  # a device that could not even be tried
        self._release(event.leg, event.at)
        for talk in [talk for talk in self._talks if talk.leg and talk.leg == event.leg]:
            self._end_talk(talk, event.at)

    def _release(self, leg: str, at: float) -> None:
        if leg in self._lines:
            trunk, channel, direction, since = self._lines.pop(leg)
            self.seizures.append(Seizure(self.call, leg, trunk, channel, direction, since, at))

    def connected(self, event: ev.CallConnected) -> None:
        self._reached = event.at
        for talk in [talk for talk in self._talks if talk.transferred and talk.agent != event.agent]:
            self._end_talk(talk, event.at)
        for talk in self._talks:
            if talk.answered is None:  # the agent who placed the call
                talk.answered = event.at
                talk.ring_ms = milliseconds(talk.began, event.at)
        if not event.agent:
            return
        known = next((talk for talk in self._talks if talk.agent == event.agent), None)
        if known is None:
            ring_ms = milliseconds(self._tried, event.at)
            known = _Talk(event.agent, event.queue, self._direction, self._tried, ring_ms, answered=event.at)
            self._talks.append(known)
        known.leg = event.leg

    def joined_room(self, event: ev.ConferenceJoined) -> None:
        for talk in self._talks:
            if talk.answered is None:
                talk.answered = event.at
                talk.ring_ms = milliseconds(talk.began, event.at)
        if event.agent and all(talk.agent != event.agent for talk in self._talks):  # a colleague who was invited
            ring_ms = milliseconds(self._tried, event.at)
            guest = _Talk(event.agent, "", "internal", self._tried, ring_ms, answered=event.at, leg=event.leg)
            self._talks.append(guest)

    def ended(self, event: ev.CallEnded) -> None:
        self.over = True
        result = "abandoned" if event.who == "caller" else "supervisor" if event.who == "supervisor" else "closed"
        for visit in list(self._stays):
            self._leave(visit, event.at, result, "")
        for offer in list(self._offers):
            self._close_offer(offer, event.at, "withdrawn")
        self._close(event.at)
        if self.steps and event.who == "caller" and self.steps[-1].began >= self._reached:
            self.steps[-1] = self.steps[-1]._replace(dropped=True)
        if self._flow:
            self.steps.append(self._session(event.at))

    def pause(self, now: float) -> None:
        for visit in list(self._stays):
            self._leave(visit, now, OPEN, "")
        self._close(now)

    def _close(self, at: float) -> None:
        for talk in list(self._talks):
            self._end_talk(talk, at)
        for leg in list(self._lines):
            self._release(leg, at)

    # ------------------------------------------------------------------ hold, transfer

    def held(self, event: ev.CallHeld) -> None:
        if event.actor != "caller":
            self._hold("hold", event.at)

    def resumed(self, event: ev.CallResumed) -> None:
        if event.actor != "caller":
            self._unhold("hold", event.at)

    def consulted(self, event: ev.ConsultStarted) -> None:
        self._tried = event.at
        self._hold("consult", event.at)

    def consult_over(self, event: ev.ConsultEnded) -> None:
        self._unhold("consult", event.at)
        if event.result == "transferred":
            self._mark_transferred()

    def transferred(self, event: ev.CallTransferred) -> None:
        if event.result in _HANDED_ON:
            self._mark_transferred()

    def _mark_transferred(self) -> None:
        for talk in self._talks:
            talk.transferred = talk.transferred or talk.answered is not None

    def _hold(self, why: str, at: float) -> None:
        for talk in self._talks:
            if talk.answered is not None:
                if not talk.held:
                    talk.holds += 1
                    talk.held_since = at
                talk.held.setdefault(why, at)

    def _unhold(self, why: str, at: float) -> None:
        for talk in self._talks:
            if talk.held.pop(why, None) is not None and not talk.held:
                talk.hold_ms += milliseconds(talk.held_since, at)

    def _end_talk(self, talk: _Talk, at: float) -> None:
        self._talks.remove(talk)
        if talk.held:
            talk.hold_ms += milliseconds(talk.held_since, at)
        answered = talk.answered is not None
        talk_ms = milliseconds(talk.answered, at) if talk.answered is not None else 0
        ring_ms = talk.ring_ms if answered else milliseconds(talk.began, at)
        self.contacts.append(Contact(
            self.call, len(self.contacts) + 1, talk.agent, talk.queue, talk.direction, talk.began, at,
            "answered" if answered else "failed", True, ring_ms, talk_ms, talk.hold_ms, talk.holds, talk.transferred,
        ))  # fmt: skip

    # ------------------------------------------------------------------ queues and offers

    def entered(self, event: ev.QueueEntered) -> None:
        self._reached = event.at
        for talk in [talk for talk in self._talks if talk.answered is not None]:
            self._end_talk(talk, event.at)  # sent back to the line
        self._stays[event.visit] = _Stay(event, predicted_ms=event.predicted_ms, p80_ms=event.p80_ms)

    def left(self, event: ev.QueueLeft) -> None:
        if event.visit not in self._stays:
            entered = ev.QueueEntered(queue=event.queue, visit=event.visit, position=0, at=event.at - event.wait_ms / 1000)
            self._stays[event.visit] = _Stay(entered)
        self._leave(event.visit, event.at, event.result, event.agent, event.wait_ms)

    def _leave(self, visit: str, at: float, result: str, agent: str, wait_ms: int = -1) -> None:
        stay = self._stays.pop(visit)
        entered = stay.entered
        self.visits.append(Visit(
            self.call, visit, entered.queue, entered.channel, entered.at, at, result,
            wait_ms if wait_ms >= 0 else milliseconds(entered.at, at), stay.waited, agent, stay.offers, entered.importance,
            stay.predicted_ms, stay.p80_ms,
        ))  # fmt: skip

    def offered(self, event: ev.OfferMade) -> None:
        self._offers[event.offer] = _Offer(event.agent, event.queue, event.at)
        if (stay := self._stays.get(event.visit)) is not None:
            if not stay.offers and not event.wait_ms:
                stay.waited = False
            stay.offers += 1

    def rings(self, event: ev.OfferRinging) -> None:
        if (offer := self._offers.get(event.offer)) is not None and offer.rings is None:
            offer.rings = event.at

    def accepted(self, event: ev.OfferAnswered) -> None:
        offer = self._offers.pop(event.offer, None)
        if offer is not None:
            direction = "out" if self._direction == "out" else "in"
            began = offer.made
            self._talks.append(_Talk(offer.agent, offer.queue, direction, began, event.ring_ms, answered=event.at))

    def failed(self, event: ev.OfferFailed) -> None:
        self._close_offer(event.offer, event.at, event.reason, event.ring_ms)

    def withdrawn(self, event: ev.OfferWithdrawn) -> None:
        self._close_offer(event.offer, event.at, "abandoned" if event.reason == "abandoned" else "withdrawn")

    def _close_offer(self, identity: str, at: float, outcome: str, ring_ms: int = -1) -> None:
        offer = self._offers.pop(identity, None)
        if offer is None:
            return
        if ring_ms < 0:
            ring_ms = milliseconds(offer.rings, at) if offer.rings is not None else 0
        counted = outcome in MISSED or (outcome == "abandoned" and ring_ms >= MISSED_MS)
        self.contacts.append(Contact(
            self.call, len(self.contacts) + 1, offer.agent, offer.queue, "in", offer.made, at, outcome, counted, ring_ms, 0, 0,
            0, False,
        ))  # fmt: skip

    # ------------------------------------------------------------------ flows

    def flow_entered(self, event: ev.IvrEntered) -> None:
        if not self._flow:
            self._flow, self._flow_since = event.flow, event.at

    def _session(self, at: float) -> Step:
        """What became of a call that a flow took: it asked for people, or was served by the flow (a goal), or just left."""
        asked = self._reached > 0 and self._reached >= self._flow_since
        result = "people" if asked else "self_service" if self._goal else "left"
        return Step(self._flow, "", SESSION, result, self._flow_since, milliseconds(self._flow_since, at), False)

    def node(self, event: ev.IvrNode) -> None:
        self._goal = self._goal or event.result == "goal"
        began = event.at - event.ms / 1000
        self.steps.append(Step(event.flow, event.node, event.verb, event.result, began, event.ms, False))


_STEPS: Mapping[type[ev.Event], Callable[..., None]] = {
    ev.CallCreated: _Fold.created, ev.LegStarted: _Fold.leg_started, ev.LegEnded: _Fold.leg_ended,
    ev.CallConnected: _Fold.connected, ev.ConferenceJoined: _Fold.joined_room, ev.CallEnded: _Fold.ended,
    ev.CallHeld: _Fold.held, ev.CallResumed: _Fold.resumed, ev.ConsultStarted: _Fold.consulted,
    ev.ConsultEnded: _Fold.consult_over, ev.CallTransferred: _Fold.transferred, ev.QueueEntered: _Fold.entered,
    ev.QueueLeft: _Fold.left, ev.OfferMade: _Fold.offered,
    ev.OfferRinging: _Fold.rings, ev.OfferAnswered: _Fold.accepted, ev.OfferFailed: _Fold.failed,
    ev.OfferWithdrawn: _Fold.withdrawn, ev.IvrEntered: _Fold.flow_entered, ev.IvrNode: _Fold.node,
}  # fmt: skip
"""Each step takes the kind of event that it stands beside."""
FOLDED = tuple(kind.type for kind in _STEPS)
