"""Agents, queues and offers as others see them. Pure functions of the core's state and the directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from softswitch.acd.core import AcdCore
from softswitch.acd.counters import Today
from softswitch.acd.model import AgentRecord, Offer, Visit
from softswitch.directory.model import Agent, Queue
from softswitch.legs.base import LegFacts
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, OfferView, QueueView, WaitingView


def agent_view(core: AcdCore, agent: Agent, today: Today) -> AgentView:
    record = core.state.agents.get(agent.login) or AgentRecord(agent.login)
    shows_reason = record.state in (AgentState.NOT_READY, AgentState.NOT_RESPONDING)
    return AgentView(
        login=agent.login, name=agent.name, state=record.state, reason=record.reason if shows_reason else "",
        since=record.since, queues=agent.queues, station=record.station or agent.station, call=_call_of(core, record),
        pending=record.pending, reachable=record.reachable, language=agent.language, calls_today=today.agents[agent.login],
        wrap_up_until=core.wrap_up_end(record) if record.lives is AgentState.WRAP_UP else None,
    )  # fmt: skip


def _call_of(core: AcdCore, record: AgentRecord) -> str:
    offer = core.state.offers.get(record.offer)
    return offer.call if offer is not None else record.call


def queue_view(
    core: AcdCore, queue: Queue, today: Today, *, members: tuple[Agent, ...], caller_of: Callable[[str], str], now: float
) -> QueueView:
    """`caller_of` gives the number behind a call id. `now` is the core's time."""
    line = core.state.waiting.get(queue.name, [])
    records = (core.state.agents.get(agent.login) for agent in members)
    states = Counter(str(record.state if record else AgentState.LOGGED_OUT) for record in records)
    count = today.queue(queue.name)
    return QueueView(
        name=queue.name, strategy=queue.strategy, agents=dict(states),
        calls=tuple(_waiting(visit, place, caller_of(visit.call)) for place, visit in enumerate(line, 1)),
        longest_wait_ms=round((now - min(visit.since for visit in line)) * 1000) if line else 0, offered=count.offered,
        answered=count.answered, abandoned=count.abandoned, service_level=count.service_level,
    )  # fmt: skip


def _waiting(visit: Visit, place: int, caller: str) -> WaitingView:
    state = "offering" if visit.offer else "waiting"
    return WaitingView(call=visit.call, caller=caller, since=visit.since, position=place, state=state)


def offer_view(core: AcdCore, offer: Offer, facts: LegFacts) -> OfferView:
    """What the agent sees before answering."""
    visit = core.state.visits[offer.visit]
    return OfferView(
        id=offer.id, call=offer.call, queue=offer.queue, caller=facts.caller, caller_name=facts.caller_name,
        called=facts.called, wait_ms=round((offer.made_at - visit.since) * 1000),
        ring_timeout_ms=round(offer.ring_limit * 1000), made_at=offer.made_at, context=facts.context,
    )  # fmt: skip
