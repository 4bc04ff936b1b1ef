"""State as a fold of events: the only code that writes `AcdState`. A restart feeds the stored events and gets equal agents."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.acd.figures import BUSY, SPEAKING
from softswitch.acd.machine import ALERTING, FREE, IN_CONTACT
from softswitch.acd.model import AcdState, AgentRecord, Line, Offer, Rules, Visit
from softswitch.directory.centre import Need
from softswitch.model.events import (
    AgentLogin,
    AgentLogout,
    AgentSkillsChanged,
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueEntered,
    QueueLeft,
    QueueRekeyed,
    QueueRelaxed,
)
from softswitch.model.states import AgentState

STICKY_OVER = "sticky over"
"""Why of a QueueRekeyed: the caller no longer waits for one agent."""
PICKED = "picked"
_QUEUE_MEMORY = 200.0
"""Contacts over which a queue's mean handling time forgets."""


def apply(state: AcdState, event: Event, rules: Rules) -> None:  # noqa: PLR0912 - a flat table of events
    """Carries one event into the state; events of other services change nothing."""
    match event:
        case AgentLogin():
            _login(state, event)
        case AgentLogout():
            _logout(state, event)
        case AgentStateChanged():
            _changed(state, event, rules)
        case AgentSkillsChanged():
            _skills(state, event)
        case QueueEntered():
            _entered(state, event)
        case QueueRekeyed():
            _rekeyed(state, event)
        case QueueRelaxed():
            state.visits[event.visit].stage = event.stage
        case QueueLeft():
            visit = state.visits.pop(event.visit)
            _take_out(state, visit)
        case OfferMade():
            _made(state, event)
        case OfferRinging():
            state.offers[event.offer].rings_since = event.at
        case OfferAnswered():
            _answered(state, event)
        case OfferFailed():
            _failed(state, event, rules)
        case OfferWithdrawn():
            offer, _, _ = _over(state, event.offer)
            _forget(state, offer)
        case _:
            return


# ---------------------------------------------------------------------- agents


def _agent(state: AcdState, login: str) -> AgentRecord:
    return state.agents.setdefault(login, AgentRecord(login))


def _login(state: AcdState, event: AgentLogin) -> None:
    agent = _agent(state, event.agent)
    _leave_station(state, agent)
    agent.station = event.station
    if shared(event.station):
        state.stations[event.station] = agent.login
    agent.rejects = agent.no_answers = 0
    agent.available_at = 0.0


def shared(station: str) -> bool:
    """Whether only one agent can work there: a phone, unlike a page."""
    return station != "browser"


def _leave_station(state: AcdState, agent: AgentRecord) -> None:
    if state.stations.get(agent.station) == agent.login:
        del state.stations[agent.station]


def _logout(state: AcdState, event: AgentLogout) -> None:
    agent = _agent(state, event.agent)
    _leave_station(state, agent)
    agent.pending = agent.pending_reason = agent.asked = agent.station = ""


def _skills(state: AcdState, event: AgentSkillsChanged) -> None:
    agent = _agent(state, event.agent)
    if event.reset:
        agent.day_skills = agent.day_queues = None
        agent.day_until = 0.0
        return
    if event.skills:
        agent.day_skills = dict(event.skills)
    if event.queues:
        agent.day_queues = tuple(event.queues)
    agent.day_until = event.until


def _changed(state: AcdState, event: AgentStateChanged, rules: Rules) -> None:
    agent = _agent(state, event.agent)
    old, new = AgentState(event.old), AgentState(event.new)
    if event.what:
        _noted(agent, event)
        return
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
    if agent.lives is not lived or agent.reason != reason:
        agent.overdue = False
    if agent.lives is not lived:
        agent.figures.lived(
            lived, agent.lived_since, event.at, by_memory=agent.sticky and bool(agent.queue), day_offset=rules.day_offset
        )
        agent.lived_since = event.at
        _lives_on(state, agent, lived, reason, event)


def _noted(agent: AgentRecord, event: AgentStateChanged) -> None:
    """The state is the same; `what` says what else changed."""
    match event.what:
        case "asked":
            agent.asked = event.reason
        case "declined" | "granted":
            agent.asked = ""
        case "extended":
            agent.extensions += 1
            agent.overdue = False
        case "overdue":
            agent.overdue = True
        case "joined":
            agent.call, agent.queue, agent.direction = event.call, event.queue, event.direction
        case "ready":
            agent.before, agent.before_reason = AgentState.READY, ""
            agent.pending = agent.pending_reason = agent.asked = ""
        case other:
            raise ValueError(f"unknown note {other!r} of agent {agent.login}")


def _lives_on(state: AcdState, agent: AgentRecord, lived: AgentState, reason: str, event: AgentStateChanged) -> None:
    """What the change means for contact, wrap-up and idle time; `lived` is the state before, seen through a lost connection."""
    lives = agent.lives
    begins = (*ALERTING, AgentState.DIALLING, AgentState.PREVIEW)
    if lives in begins and lived in FREE:
        agent.before, agent.before_reason, agent.suspended = lived, reason, False
    elif lives in begins and lived is AgentState.WRAP_UP:
        agent.suspended = True
    if lives is AgentState.DIALLING or (lives is AgentState.RINGING and not agent.offer):
        agent.call, agent.direction = event.call, event.direction
        agent.queue = agent.queue if agent.suspended else ""
        agent.sticky = agent.sticky and agent.suspended
    elif lives in SPEAKING and lived not in SPEAKING:
        _talks(state, agent, event)
    elif lives is AgentState.WRAP_UP:
        _wraps_up(agent, lived, event)
    elif lives in FREE or lives is AgentState.LOGGED_OUT:
        _is_free(state, agent, lived, event)


def _talks(state: AcdState, agent: AgentRecord, event: AgentStateChanged) -> None:
    if agent.suspended:
        _contact_over(state, agent)
    agent.suspended = False
    agent.call = event.call or agent.call
    agent.queue = event.queue
    agent.direction = event.direction
    agent.figures.answered += bool(event.queue)
    agent.rejects = agent.no_answers = 0


def _wraps_up(agent: AgentRecord, lived: AgentState, event: AgentStateChanged) -> None:
    agent.call = ""
    if not agent.suspended:
        agent.wrap_up_since, agent.extensions = event.at, 0
        if lived in IN_CONTACT:
            agent.released_at, agent.released_from = event.at, agent.queue
        agent.queue = event.queue
        agent.direction = event.direction
    agent.suspended = False


def _is_free(state: AcdState, agent: AgentRecord, lived: AgentState, event: AgentStateChanged) -> None:
    lives = agent.lives
    if lived in SPEAKING:
        agent.released_at, agent.released_from = event.at, agent.queue
    if lived in BUSY:
        _contact_over(state, agent)
    keeps_idle_time = lived in ALERTING or lived is AgentState.DIALLING
    if lives is AgentState.READY and not (keeps_idle_time and agent.before is AgentState.READY):
        agent.idle_since = event.at
    if lives is AgentState.NOT_RESPONDING:
        agent.rejects = agent.no_answers = 0
        agent.available_at = 0.0
    agent.call = agent.queue = agent.direction = agent.asked = ""
    agent.sticky = agent.suspended = False


def _contact_over(state: AcdState, agent: AgentRecord) -> None:
    seconds = agent.figures.contact_over(agent.queue)
    if seconds and agent.queue:
        mean, count = state.handling.get(agent.queue, (0.0, 0.0))
        weight = min(count, _QUEUE_MEMORY)
        state.handling[agent.queue] = [(mean * weight + seconds) / (weight + 1), weight + 1]


# ---------------------------------------------------------------------- callers


def needs_of(levels: Mapping[str, int], weights: Mapping[str, int]) -> tuple[Need, ...]:
    """As events tell them: a negative weight marks an optional need."""
    found = ((skill, level, weights.get(skill, 50)) for skill, level in levels.items())
    return tuple(Need(skill=s, level=level, weight=abs(weight), mandatory=weight >= 0) for s, level, weight in found)


def _entered(state: AcdState, event: QueueEntered) -> None:
    kind, _, _ = next((entry for entry in event.sticky if entry.endswith(f":{event.held_for}")), "").partition(":")
    visit = Visit(
        event.visit, event.call, event.queue, entered_at=event.at - event.waited_ms / 1000, since=event.at,
        channel=event.channel, importance=event.importance, points=event.points, needs=needs_of(event.needs, event.weights),
        key=event.key, front=event.front, held_for=event.held_for, sticky=kind, site=event.site,
        known_to=tuple(entry.partition(":")[2] for entry in event.sticky),
    )  # fmt: skip
    state.visits[visit.id] = visit
    state.waiting.setdefault(visit.queue, Line()).add(visit)


def _take_out(state: AcdState, visit: Visit) -> None:
    line = state.waiting[visit.queue]
    line.remove(visit.id)
    if not line:
        del state.waiting[visit.queue]


def _rekeyed(state: AcdState, event: QueueRekeyed) -> None:
    visit = state.visits[event.visit]
    if event.why == STICKY_OVER:
        visit.held_for = ""
        return
    line = state.waiting[visit.queue]
    line.remove(visit.id)
    visit.key, visit.front = event.new, event.front
    visit.importance, visit.points = event.importance, event.points
    visit.needs = needs_of(event.needs, event.weights)
    line.add(visit)


# ---------------------------------------------------------------------- offers


def _made(state: AcdState, event: OfferMade) -> None:
    offer = Offer(
        event.offer, event.visit, event.call, event.queue, event.agent, made_at=event.at,
        ring_limit=event.ring_timeout_ms / 1000, rule=event.rule,
    )  # fmt: skip
    state.offers[offer.id] = offer
    state.agents[offer.agent].offer = offer.id
    visit = state.visits[offer.visit]
    if not visit.offers:
        visit.wave_at = event.at
    visit.offers[offer.id] = offer.agent
    visit.rings_one = offer.rule == PICKED or offer.rule.startswith("sticky")
    if offer.agent in visit.excluded:  # everybody eligible has failed once: all are asked again (§3.2)
        visit.excluded.clear()
    state.trails.setdefault(offer.queue, []).append((offer.id, offer.agent, False))


def _over(state: AcdState, offer_id: str) -> tuple[Offer, AgentRecord, Visit]:
    offer = state.offers.pop(offer_id)
    agent, visit = state.agents[offer.agent], state.visits[offer.visit]
    agent.offer = ""
    del visit.offers[offer_id]
    if not visit.offers:
        visit.rings_one = False
    return offer, agent, visit


def _forget(state: AcdState, offer: Offer) -> None:
    """A withdrawn offer has never been, as far as taking turns goes."""
    state.trails[offer.queue] = [entry for entry in state.trails[offer.queue] if entry[0] != offer.id]


def _counts(state: AcdState, offer: Offer) -> None:
    """The offer has met its agent; earlier ones that did are no longer needed."""
    trail = [(offer_id, agent, done or offer_id == offer.id) for offer_id, agent, done in state.trails[offer.queue]]
    last = max(index for index, entry in enumerate(trail) if entry[2])
    state.trails[offer.queue] = [entry for index, entry in enumerate(trail) if index >= last or not entry[2]]


def _answered(state: AcdState, event: OfferAnswered) -> None:
    offer, agent, _ = _over(state, event.offer)
    _counts(state, offer)
    agent.call = event.call or offer.call
    agent.sticky = offer.rule.startswith("sticky")


def _failed(state: AcdState, event: OfferFailed, rules: Rules) -> None:
    offer, agent, visit = _over(state, event.offer)
    _counts(state, offer)
    visit.excluded[agent.login] = event.at + rules.exclusion
    visit.tries += 1
    if visit.held_for == agent.login:
        visit.held_for = ""
    agent.available_at = event.at + event.pause_ms / 1000
    agent.rejects = agent.rejects + 1 if event.reason == "reject" else 0
    agent.no_answers = agent.no_answers + 1 if event.reason == "no_answer" else 0
