"""The invariants of call distribution (call-centre.md §2.2). Tests check them after every event, in full or around a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from softswitch.acd.core import AcdCore
from softswitch.acd.machine import ALERTING, IN_CONTACT
from softswitch.acd.matching import is_free
from softswitch.acd.model import AgentRecord, Visit
from softswitch.model.states import AgentState

_LATE = 1.0  # seconds that a timer may be late


def check(core: AcdCore, now: float) -> list[str]:
    """Every broken invariant as a sentence; empty when all hold."""
    return check_around(core, now, core.state.agents, core.state.visits)


def check_around(core: AcdCore, now: float, agents: Iterable[str], visits: Iterable[str]) -> list[str]:
    """The same for the given agents and visits only, and for the promise that no caller waits beside a free agent."""
    state = core.state
    broken = [text for login in agents if (agent := state.agents.get(login)) for text in _agent(core, agent, now)]
    broken += [text for name in visits if (visit := state.visits.get(name)) for text in _visit(core, visit)]
    broken += _idle_beside_waiting(core, now)
    if len(state.offers) != sum(1 for agent in state.agents.values() if agent.offer):
        broken.append(f"{len(state.offers)} offers, but other agents carry one")
    return broken


def _agent(core: AcdCore, agent: AgentRecord, now: float) -> Iterator[str]:
    offer = core.state.offers.get(agent.offer)
    lives = agent.lives
    if (agent.state in ALERTING) != (offer is not None):
        yield f"{agent.login} is {agent.state} with offer {agent.offer!r}"
    if offer is not None and (offer.agent != agent.login or (agent.state is AgentState.RINGING) != bool(offer.rings_since)):
        yield f"{agent.login} is {agent.state} beside {offer}"
    if (lives in IN_CONTACT) != bool(agent.call):
        yield f"{agent.login} is {agent.state} ({lives}) with call {agent.call!r}"
    if agent.state is AgentState.READY and not agent.reachable:
        yield f"{agent.login} is ready, but the device is unreachable"
    if agent.state is AgentState.OFFLINE and agent.saved in ALERTING | {AgentState.OFFLINE, AgentState.LOGGED_OUT}:
        yield f"{agent.login} is offline and would come back as {agent.saved}"
    if agent.pending and lives not in IN_CONTACT | ALERTING | {AgentState.WRAP_UP}:
        yield f"{agent.login} is {agent.state} with pending {agent.pending}"
    yield from _overdue(core, agent, now)


def _overdue(core: AcdCore, agent: AgentRecord, now: float) -> Iterator[str]:
    rules = core.config.rules
    offer = core.state.offers.get(agent.offer)
    if agent.state is AgentState.RESERVED and offer and now > offer.made_at + rules.reserved_limit + _LATE:
        yield f"{agent.login} reserved for {now - offer.made_at:.1f} s"
    if agent.state is AgentState.RINGING and offer and now > offer.rings_since + offer.ring_limit + _LATE:
        yield f"{agent.login} rings for {now - offer.rings_since:.1f} s"
    if agent.lives is AgentState.WRAP_UP and now > agent.wrap_up_since + core.config.wrap_up(agent.login, agent.queue) + _LATE:
        yield f"{agent.login} in wrap-up for {now - agent.wrap_up_since:.1f} s"
    if agent.state is AgentState.OFFLINE and agent.saved not in IN_CONTACT and now > agent.since + rules.grace + _LATE:
        yield f"{agent.login} offline for {now - agent.since:.1f} s"


def _visit(core: AcdCore, visit: Visit) -> Iterator[str]:
    state = core.state
    line = state.waiting.get(visit.queue, [])
    if sum(1 for other in line if other is visit) != 1 or line[core.position(visit) - 1] is not visit:
        yield f"{visit.id} is not once in its place of {visit.queue}"
    offer = state.offers.get(visit.offer)
    if visit.offer and (offer is None or offer.visit != visit.id):
        yield f"{visit.id} waits for the offer {visit.offer}, which is {offer}"
    if visit.queue not in core.config.queues:
        yield f"{visit.id} waits in {visit.queue}, which is gone"


def _idle_beside_waiting(core: AcdCore, now: float) -> Iterator[str]:
    """No caller waits without an offer while a member of the queue is free."""
    free = [agent.login for agent in core.state.agents.values() if is_free(agent, now)]
    for login in free:
        config = core.config.agents.get(login)
        for queue in config.queues if config else ():
            waits = [visit.id for visit in core.state.waiting.get(queue, ()) if not visit.offer]
            if waits:
                yield f"{login} is free while {waits} wait in {queue}"
