"""State as a fold of events: the only code that writes `AcdState`. A restart feeds the stored events and gets equal agents."""

from __future__ import annotations

from bisect import bisect_left, insort

from softswitch.acd.machine import ALERTING, IN_CONTACT
from softswitch.acd.model import AcdState, AgentRecord, Offer, Rules, Visit
from softswitch.model.events import (
    AgentLogin,
    AgentLogout,
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueEntered,
    QueueLeft,
)
from softswitch.model.states import AgentState


def apply(state: AcdState, event: Event, rules: Rules) -> None:
    """Carries one event into the state; events of other services change nothing."""
    match event:
        case AgentLogin():
            _login(state, event)
        case AgentLogout():
            _logout(state, event)
        case AgentStateChanged():
            _changed(state, event)
        case QueueEntered():
            _entered(state, event)
        case QueueLeft():
            _left(state, event)
        case OfferMade():
            _made(state, event)
        case OfferRinging():
            state.offers[event.offer].rings_since = event.at
        case OfferAnswered():
            _answered(state, event)
        case OfferFailed():
            _failed(state, event, rules)
        case OfferWithdrawn():
            _over(state, event.offer)
        case _:
            return


def place_of(line: list[Visit], visit: Visit) -> int:
    """Index of a visit in its waiting line."""
    return bisect_left(line, visit.place, key=lambda other: other.place)


def _agent(state: AcdState, login: str) -> AgentRecord:
    return state.agents.setdefault(login, AgentRecord(login))


def _login(state: AcdState, event: AgentLogin) -> None:
    agent = _agent(state, event.agent)
    agent.station = event.station
    agent.rejects = 0
    agent.available_at = 0.0


def _logout(state: AcdState, event: AgentLogout) -> None:
    agent = _agent(state, event.agent)
    agent.pending = agent.pending_reason = agent.station = ""


def _changed(state: AcdState, event: AgentStateChanged) -> None:
    agent = _agent(state, event.agent)
    old, new = AgentState(event.old), AgentState(event.new)
    lived, reason = agent.lives, agent.reason
    if old is new is not AgentState.NOT_READY and event.saved in ("", agent.saved):  # only the flag
        agent.pending, agent.pending_reason = event.pending, event.reason
        return
    if new is AgentState.OFFLINE:
        agent.saved, agent.saved_reason = AgentState(event.saved), event.reason
    else:
        agent.reason = event.reason
    agent.pending = event.pending
    agent.state = new
    if old is not new:
        agent.since = event.at
    if agent.lives is not lived:
        _lives_on(agent, lived, reason, event)


def _lives_on(agent: AgentRecord, lived: AgentState, reason: str, event: AgentStateChanged) -> None:
    """What the change means for contact, wrap-up and idle time; `lived` is the state before, seen through a lost connection."""
    lives = agent.lives
    if lives is AgentState.DIALLING:
        agent.before_dial, agent.before_dial_reason = lived, reason
        agent.call, agent.queue = event.call, ""
    elif lives is AgentState.WRAP_UP:
        agent.wrap_up_since, agent.call = event.at, ""
    elif lives not in IN_CONTACT:
        agent.call = agent.queue = ""
    if lives is AgentState.READY and lived not in ALERTING and lived is not AgentState.DIALLING:
        agent.idle_since = event.at
    if lives is AgentState.NOT_RESPONDING:
        agent.rejects = 0
        agent.available_at = 0.0


def _entered(state: AcdState, event: QueueEntered) -> None:
    visit = Visit(event.visit, event.call, event.queue, entered_at=event.at - event.waited_ms / 1000, since=event.at)
    state.visits[visit.id] = visit
    insort(state.waiting.setdefault(visit.queue, []), visit, key=lambda other: other.place)


def _left(state: AcdState, event: QueueLeft) -> None:
    visit = state.visits.pop(event.visit)
    line = state.waiting[visit.queue]
    del line[place_of(line, visit)]
    if not line:
        del state.waiting[visit.queue]


def _made(state: AcdState, event: OfferMade) -> None:
    ring_limit = event.ring_timeout_ms / 1000
    offer = Offer(event.offer, event.visit, event.call, event.queue, event.agent, made_at=event.at, ring_limit=ring_limit)
    state.offers[offer.id] = offer
    state.agents[offer.agent].offer = offer.id
    visit = state.visits[offer.visit]
    visit.offer = offer.id
    if offer.agent in visit.excluded:  # everybody eligible has failed once: all are asked again (§3.2)
        visit.excluded.clear()


def _over(state: AcdState, offer_id: str) -> tuple[Offer, AgentRecord, Visit]:
    offer = state.offers.pop(offer_id)
    agent, visit = state.agents[offer.agent], state.visits[offer.visit]
    agent.offer = visit.offer = ""
    return offer, agent, visit


def _answered(state: AcdState, event: OfferAnswered) -> None:
    offer, agent, _ = _over(state, event.offer)
    agent.call, agent.queue = offer.call, offer.queue
    agent.rejects = 0


def _failed(state: AcdState, event: OfferFailed, rules: Rules) -> None:
    _, agent, visit = _over(state, event.offer)
    visit.excluded[agent.login] = event.at + rules.exclusion
    agent.available_at = event.at + rules.delay.get(event.reason, 0.0)
    agent.rejects = agent.rejects + 1 if event.reason == "reject" else 0
