"""Agents, queues and offers as others see them. Pure functions of the core's state and the directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from softswitch.acd.core import AcdCore
from softswitch.acd.counters import QueueCount, Today
from softswitch.acd.entry import Emergency
from softswitch.acd.model import AgentRecord, Offer, Visit
from softswitch.calendar.model import CalendarState
from softswitch.directory.model import Agent, Queue
from softswitch.legs.base import LegFacts
from softswitch.model.states import AgentState
from softswitch.model.views import (
    AgentView,
    EmergencyView,
    OfferView,
    PredictionFigures,
    QueueFigures,
    QueueView,
    WaitingView,
)
from softswitch.prediction.errors import Report


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


class Guest(Protocol):
    """Whoever has a place in line."""

    @property
    def facts(self) -> LegFacts: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """What a queue's view shows beside the core's state."""

    calendar: CalendarState
    emergency: Emergency | None
    wait: tuple[int, int]
    prediction: Report | None
    guest_of: Callable[[str], Guest | None]
    """Whoever waits behind a visit."""
    vip: Callable[[str], bool]
    priority_of: Callable[[Visit], float]
    """By §5.3, now."""
    wait_of: Callable[[int], int]
    """What is left of the wait at a place in line, ms."""


def queue_view(
    core: AcdCore, queue: Queue, count: QueueCount, *, members: Sequence[str], now: float, about: QueueFacts
) -> QueueView:
    """`now` is the core's time."""
    line = list(core.state.waiting.get(queue.name) or ())
    records = (core.state.agents.get(login) for login in members)
    states = Counter(str(record.state if record else AgentState.LOGGED_OUT) for record in records)
    switch, calendar = about.emergency, about.calendar
    calls = tuple(_waiting(visit, place, about) for place, visit in enumerate(line, 1))
    return QueueView(
        name=queue.name, strategy=queue.strategy, agents=dict(states), title=queue.title,
        calls=calls,
        longest_wait_ms=round((now - min(visit.since for visit in line)) * 1000) if line else 0, offered=count.offered,
        answered=count.answered, abandoned=count.abandoned, service_level=count.service_level,
        open=calendar.open and switch is None,
        closed_reason="emergency" if switch is not None else "" if calendar.open else calendar.why, until=calendar.until,
        emergency=EmergencyView(announcement=switch.announcement, until=switch.until or None) if switch else None,
        ewt_ms=about.wait[0], p80_ms=about.wait[1], signed_in=states.total() - states[AgentState.LOGGED_OUT],
        ready=states[AgentState.READY], callbacks=sum(call.channel == "callback" for call in calls),
        goal=queue.service_level / 100, figures=_figures(count, about.prediction),
    )  # fmt: skip


def priority(queue: Queue, importance: int, waited: float) -> float:
    """`L1·importance + L2·waited` (call-centre.md §5.3)."""
    return round(queue.weight_importance * importance + queue.weight_waited * waited / queue.wait_unit, 3)


def _figures(count: QueueCount, report: Report | None) -> QueueFigures:
    prediction = PredictionFigures()
    if report is not None:
        prediction = PredictionFigures(
            count=report.count, bias_ms=report.bias_ms, mae_ms=report.error_ms, coverage=report.coverage
        )
    return QueueFigures(
        offered=count.offered, answered=count.answered, abandoned=count.abandoned, short_abandoned=count.short_abandoned,
        exits=dict(count.exits), service_level=count.service_level, asa_ms=count.asa_ms, longest_ms=count.longest_ms,
        prediction=prediction,
    )  # fmt: skip


def _waiting(visit: Visit, place: int, about: QueueFacts) -> WaitingView:
    guest = about.guest_of(visit.id)
    number, name = (guest.facts.caller, guest.facts.caller_name) if guest is not None else ("", "")
    return WaitingView(
        call=visit.call, visit=visit.id, caller=number, customer_name=name, since=visit.since, position=place,
        state="offering" if visit.offer else "waiting", vip=about.vip(number), predicted_ms=about.wait_of(place),
        channel=visit.channel, importance=visit.importance, priority=about.priority_of(visit), stage=visit.stage,
        needs={need.skill: need.level for need in visit.needs},
    )  # fmt: skip


def offer_view(core: AcdCore, offer: Offer, facts: LegFacts) -> OfferView:
    """What the agent sees before answering."""
    visit = core.state.visits[offer.visit]
    return OfferView(
        id=offer.id, call=offer.call, queue=offer.queue, caller=facts.caller, caller_name=facts.caller_name,
        called=facts.called, wait_ms=round((offer.made_at - visit.since) * 1000),
        ring_timeout_ms=round(offer.ring_limit * 1000), made_at=offer.made_at, context=facts.context,
    )  # fmt: skip
