"""Which waiting caller is offered to which free agent (call-centre.md §3.1 match, §3.2 exclusion, §4). Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softswitch.acd.model import AcdConfig, AcdState, AgentRecord, Visit
from softswitch.acd.strategies import rank
from softswitch.acd.strategies.base import Candidate, Waiting
from softswitch.model.events import AcdDecision
from softswitch.model.states import AgentState


@dataclass(frozen=True, slots=True)
class Match:
    visit: Visit
    agent: str
    decision: AcdDecision


def matches(state: AcdState, config: AcdConfig, members: Mapping[str, tuple[str, ...]], now: float) -> Iterator[Match]:
    """All pairs that can be made now, by the callers' places. Each is carried out before the next one is asked for."""
    free = {agent.login for agent in state.agents.values() if is_free(agent, now)}
    if not free:
        return
    lines = [line for queue, line in state.waiting.items() if not free.isdisjoint(members.get(queue, ()))]
    for visit in heapq.merge(*lines, key=lambda waiting: waiting.place):
        if visit.offer or free.isdisjoint(serving := members[visit.queue]):
            continue
        match = _choose(state, config, visit, serving, now)
        free.discard(match.agent)
        yield match
        if not free:
            return


def is_free(agent: AgentRecord, now: float) -> bool:
    """Whether the agent may be offered a call now."""
    return agent.state is AgentState.READY and agent.available_at <= now


def _choose(state: AcdState, config: AcdConfig, visit: Visit, serving: tuple[str, ...], now: float) -> Match:
    """The best agent for a caller; at least one of `serving` is free."""
    eligible = [login for login in serving if login in state.agents and is_free(state.agents[login], now)]
    fresh = [login for login in eligible if visit.excluded.get(login, 0.0) <= now]
    chosen_from = fresh or eligible  # all eligible have failed once: the exclusion list is cleared
    candidates = [Candidate(login, state.agents[login].idle_since) for login in chosen_from]
    strategy = config.queues[visit.queue].strategy
    order, keys = rank(strategy, Waiting(visit.id, visit.queue, visit.entered_at), candidates, now)
    excluded = {login: _why_not(state.agents.get(login), now) for login in serving if login not in chosen_from}
    decision = AcdDecision(
        call=visit.call, queue=visit.queue, visit=visit.id, strategy=strategy, candidates=tuple(order), excluded=excluded,
        keys=keys, chosen=order[0], agent=order[0],
    )  # fmt: skip
    return Match(visit, order[0], decision)


def _why_not(agent: AgentRecord | None, now: float) -> str:
    if agent is None:
        return AgentState.LOGGED_OUT
    if agent.state is not AgentState.READY:
        return agent.state
    return "delay" if agent.available_at > now else "failed this call"
