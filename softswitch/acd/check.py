"""The invariants of call distribution (call-centre.md §2.2). Tests check them after every event, in full or around a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from softswitch.acd.core import AcdCore
from softswitch.acd.figures import SPEAKING
from softswitch.acd.free import is_free
from softswitch.acd.machine import ALERTING, IN_CONTACT
from softswitch.acd.model import AgentRecord, Visit
from softswitch.model.states import AgentState

_LATE = 1.0  # seconds that a timer may be late
_S = AgentState


def check(core: AcdCore, now: float) -> list[str]:
    """Every broken invariant as a sentence; empty when all hold. Scans everything and counts what is derived."""
    broken = check_around(core, now, core.state.agents, core.state.visits)
    if len(core.state.offers) != sum(1 for agent in core.state.agents.values() if agent.offer):
        broken.append(f"{len(core.state.offers)} offers, but other agents carry one")
    return broken + list(_derived(core, now))


def check_around(core: AcdCore, now: float, agents: Iterable[str], visits: Iterable[str]) -> list[str]:
    """The same for the given agents and visits only, those that an event touched."""
    state = core.state
    broken = [text for login in agents if (agent := state.agents.get(login)) for text in _agent(core, agent, now)]
    broken += [text for name in visits if (visit := state.visits.get(name)) for text in _visit(core, visit)]
    return broken


def _agent(core: AcdCore, agent: AgentRecord, now: float) -> Iterator[str]:
    offer = core.state.offers.get(agent.offer)
    lives = agent.lives
    rings_directly = lives is _S.RINGING and bool(agent.call)
    if (agent.state in ALERTING and not rings_directly) != (offer is not None):
        yield f"{agent.login} is {agent.state} with offer {agent.offer!r}"
    if offer is not None and (offer.agent != agent.login or (agent.state is _S.RINGING) != bool(offer.rings_since)):
        yield f"{agent.login} is {agent.state} beside {offer}"
    if (lives in IN_CONTACT or rings_directly) != bool(agent.call):
        yield f"{agent.login} is {agent.state} ({lives}) with call {agent.call!r}"
    if agent.state is _S.READY and (not agent.reachable or agent.call or agent.beside):
        yield f"{agent.login} is ready, but the device is {agent.reachable} and calls are {agent.call!r} {agent.beside}"
    if agent.state is _S.OFFLINE and (agent.saved in (_S.OFFLINE, _S.LOGGED_OUT, _S.RESERVED) or offer is not None):
        yield f"{agent.login} is offline and would come back as {agent.saved}"
    engaged = lives in IN_CONTACT or lives in ALERTING or lives in (_S.WRAP_UP, _S.PREVIEW)
    if agent.pending and not engaged:
        yield f"{agent.login} is {agent.state} with pending {agent.pending}"
    if agent.state is _S.LOGGED_OUT and (agent.station or agent.asked):
        yield f"{agent.login} is signed out, but at {agent.station!r} and asked {agent.asked!r}"
    if agent.suspended and not (lives in ALERTING or lives is _S.DIALLING):
        yield f"{agent.login} is {lives} over a suspended wrap-up"
    yield from _times(core, agent, now)
    yield from _serves(core, agent, now)


def _times(core: AcdCore, agent: AgentRecord, now: float) -> Iterator[str]:
    """Nobody is stuck: each state that ends by itself has ended, and the times of the states add up."""
    rules = core.config.rules
    offer = core.state.offers.get(agent.offer)
    if agent.state is _S.RESERVED and offer and now > offer.made_at + rules.reserved_limit + _LATE:
        yield f"{agent.login} reserved for {now - offer.made_at:.1f} s"
    if agent.state is _S.RINGING and offer and now > offer.rings_since + offer.ring_limit + _LATE:
        yield f"{agent.login} rings for {now - offer.rings_since:.1f} s"
    if agent.lives is _S.WRAP_UP and (end := core.wrap_up_end(agent)) is not None and now > end + _LATE:
        yield f"{agent.login} in wrap-up for {now - agent.wrap_up_since:.1f} s"
    if agent.state is _S.OFFLINE and agent.saved not in IN_CONTACT | ALERTING and now > agent.since + rules.grace + _LATE:
        yield f"{agent.login} offline for {now - agent.since:.1f} s"
    if agent.lived_since > now or (agent.lives in SPEAKING and agent.wrap_up_since > now):
        yield f"{agent.login} lives in the future: {agent.lived_since}"


def _serves(core: AcdCore, agent: AgentRecord, now: float) -> Iterator[str]:
    """Whoever is free is in the pools, and nobody it may serve waits there without an offer."""
    pools = core.frame.pools
    free = is_free(agent, core.config, now)
    if free != (agent.login in pools.free) and not _may_lag(core, agent) and agent.available_at != now:
        yield f"{agent.login} is {'' if free else 'not '}free, but the pools say otherwise"
    if free and not _may_lag(core, agent) and pools.free.get(agent.login) is None:
        yield f"{agent.login} is free, but stands aside"
    for able in pools.free.get(agent.login) or ():
        if (first := able.pool.line.first()) is not None:
            yield f"{agent.login} is free while {first.id} waits in {first.queue}"
    if agent.login in pools.free and pools.held.get(agent.login):
        yield f"{agent.login} is free while somebody waits for it alone"


def _may_lag(core: AcdCore, agent: AgentRecord) -> bool:
    """Occupancy falls with every second of idleness; the core looks again when it may be below the cap."""
    profile = core.config.agents.get(agent.login)
    return profile is not None and profile.occupancy_cap > 0


def _visit(core: AcdCore, visit: Visit) -> Iterator[str]:
    state = core.state
    if visit.queue not in core.config.queues:
        yield f"{visit.id} waits in {visit.queue}, which is gone"
        return
    line = state.waiting.get(visit.queue)
    if line is None or visit.id not in line:
        yield f"{visit.id} is not in the line of {visit.queue}"
    for offer_id, login in visit.offers.items():
        offer = state.offers.get(offer_id)
        if offer is None or offer.visit != visit.id or offer.agent != login or state.agents[login].offer != offer_id:
            yield f"{visit.id} waits for the offer {offer_id} to {login}, which is {offer}"
    seat = core.frame.pools.seat_of(visit)
    if (seat is None) and not visit.offers:
        yield f"{visit.id} waits, but nobody looks for an agent"
    if seat is not None and seat[1] is not None and visit.id in seat[1].line and (visit.offers or len(seat[1])):
        yield f"{visit.id} waits without an offer beside {len(seat[1])} free agents"


def _derived(core: AcdCore, now: float) -> Iterator[str]:
    """Lines, pools and counts against a plain count."""
    frame = core.frame
    for name, line in core.state.waiting.items():
        visits = list(line)
        if visits != sorted(visits, key=lambda visit: visit.place) or any(visit.queue != name for visit in visits):
            yield f"the line of {name} is out of order"
        if [core.position(visit) for visit in visits] != list(range(1, len(visits) + 1)):
            yield f"positions in {name} are wrong"
    if sum(map(len, core.state.waiting.values())) != len(core.state.visits):
        yield f"{len(core.state.visits)} visits, but other numbers in the lines"
    for visit in core.state.visits.values():
        signature = frame.pools.step(visit, now).signature
        pool = frame.pools.pool_of(visit, now)
        able = {login for login in core.members(visit.queue) if not frame.pools.lacks(signature, login)}
        free = {login for login in able if (agent := core.state.agents.get(login)) and is_free(agent, core.config, now)}
        seen = {login for login in core.members(visit.queue) if login in pool}
        if any(not _may_lag(core, core.state.agents[login]) for login in free ^ seen):
            yield f"the pool of {visit.id} differs from its free agents {sorted(free)}"
    for queue, counts in frame.staff.states.items():
        for state in AgentState:
            records = (core.state.agents.get(login) for login in core.members(queue))
            if counts[state] != sum(1 for agent in records if (agent.state if agent else _S.LOGGED_OUT) is state):
                yield f"{counts[state]} members of {queue} are counted {state}"
