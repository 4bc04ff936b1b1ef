"""The life of an offer: made, alerting, accepted, failed, withdrawn (call-centre.md §3.1, §3.2)."""

from __future__ import annotations

from softswitch.acd import commands as c
from softswitch.acd.agents import Agents
from softswitch.acd.config import delay_after, priority
from softswitch.acd.fold import PICKED
from softswitch.acd.frame import Frame
from softswitch.acd.machine import Trigger
from softswitch.acd.matching import Match, Matching
from softswitch.acd.model import AgentRecord, Offer, Visit
from softswitch.acd.wrapup import WrapUps
from softswitch.model.errors import Conflict, Refusal
from softswitch.model.events import OfferAnswered, OfferFailed, OfferMade, OfferRinging, OfferWithdrawn, QueueLeft
from softswitch.model.states import AgentState

_S = AgentState
_PICKS = (_S.READY, _S.NOT_READY, _S.WRAP_UP)


class Offers:
    """Needs `agents` before anything else is called."""

    agents: Agents

    def __init__(self, frame: Frame, wrap_ups: WrapUps) -> None:
        self._frame = frame
        self._wrap_ups = wrap_ups
        self.matching = Matching(frame)

    # ------------------------------------------------------------------ matching

    def match(self) -> None:
        """Serves callers and agents for whom something has changed, until nothing more can be offered."""
        frame = self._frame
        while frame.hungry_visits or frame.hungry_agents:
            if frame.hungry_visits or len(frame.hungry_agents) > 1:
                for login in frame.hungry_agents:
                    frame.pools.enter(login)
            visits = [visit for name in frame.hungry_visits if (visit := frame.state.visits.get(name)) is not None]
            frame.hungry_visits.clear()
            for visit in sorted(visits, key=self._turn):
                self._make(self.matching.agents_for(visit))
            agents = [frame.state.agents[login] for login in frame.hungry_agents]
            frame.hungry_agents.clear()
            for agent in sorted(agents, key=lambda agent: (agent.idle_since, agent.login)):
                self._serve(agent)

    def _turn(self, visit: Visit) -> tuple[float, ...]:
        queue = self._frame.config.queues[visit.queue]
        first = 0.0 if visit.front else 1.0
        return (first, -priority(queue, visit.importance, visit.entered_at, self._frame.now), visit.entered_at)

    def _serve(self, agent: AgentRecord) -> None:
        """Until the agent has an offer: its next caller may go to a better candidate, then the next one is looked at."""
        pools, login = self._frame.pools, agent.login
        while login in pools.free:
            found = self.matching.next_visit(login)
            if found is None:
                pools.enter(login)
                return
            visit, able, rule = found
            if able is not None and pools.free[login] is None and not able.pool and not visit.offers:
                self._make(self.matching.only_agent_for(visit, able, login, rule))
                continue
            pools.enter(login)
            matches = self.matching.agents_for(visit, rule)
            if not matches:
                return
            self._make(matches)

    def _make(self, matches: list[Match]) -> None:
        for match in matches:
            self._offer(match)

    def _offer(self, match: Match) -> None:
        visit, agent, offer = match.visit, self._frame.state.agents[match.agent], self._frame.offer_id()
        queue, now = self._frame.config.queues[visit.queue], self._frame.now
        self._frame.emit(match.decision(queue, offer, self._frame.config.version, now))
        self._frame.emit(
            OfferMade(
                at=now, call=visit.call, queue=visit.queue, agent=agent.login, offer=offer, visit=visit.id,
                station=agent.station,
                wait_ms=round((now - visit.since) * 1000), rule=match.rule, ring_timeout_ms=round(queue.ring_timeout * 1000),
            )
        )  # fmt: skip
        self.agents.change(agent, Trigger.OFFER, _S.RESERVED)

    def pick(self, command: c.Pick) -> None:
        """The agent takes a caller by hand; whoever rings for it stops."""
        agent, visit = self._frame.agent(command.agent), self._frame.visit(command.visit)
        if agent.state not in _PICKS:
            raise Conflict(f"agent {agent.login} is {agent.state}", Refusal.OTHER_STATE)
        if not agent.reachable:
            raise Conflict(f"the device of agent {agent.login} cannot be reached ({agent.station})", Refusal.DEVICE_AWAY)
        if agent.login in visit.offers.values():
            raise Conflict(f"agent {agent.login} has this offer already")
        self.withdraw(visit, PICKED)
        self._offer(Match(visit, agent.login, PICKED, (agent.login,)))

    # ------------------------------------------------------------------ the agent's side

    def alerting(self, offer: Offer) -> None:
        if not offer.rings_since:
            self._frame.emit(OfferRinging(call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id))
            self.agents.change(self._frame.state.agents[offer.agent], Trigger.ALERTED, _S.RINGING)

    def accepted(self, offer: Offer, call: str) -> None:
        """The first answer wins."""
        self.alerting(offer)
        agent, visit = self._frame.state.agents[offer.agent], self._frame.state.visits[offer.visit]
        call = call or offer.call
        self._frame.emit(
            OfferAnswered(call=call, queue=offer.queue, agent=agent.login, offer=offer.id, ring_ms=self.ring_ms(offer))
        )
        self.withdraw(visit, "answered")
        self.left(visit, "answered", agent.login)
        if agent.suspended:
            self._wrap_ups.note(agent)
        self.agents.change(agent, Trigger.ANSWER, _S.TALKING, call=call, queue=offer.queue, direction="in")

    def fail(self, offer: Offer, reason: str) -> None:
        """Redirection on no answer (§3.2): the caller keeps the place, the agent is judged by the reason."""
        agent, queue = self._frame.state.agents[offer.agent], self._frame.config.queues[offer.queue]
        silent = offer.rule != PICKED and self._is_silent(agent, queue.no_answer_limit, queue.reject_limit, reason)
        pause = 0.0 if silent or offer.rule == PICKED else delay_after(queue, reason)
        self._frame.emit(
            OfferFailed(
                call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id, reason=reason,
                ring_ms=self.ring_ms(offer), pause_ms=round(pause * 1000),
            )
        )  # fmt: skip
        if silent and not agent.pending:
            self.agents.change(agent, Trigger.FAILED, _S.NOT_RESPONDING, reason)
        else:
            self.agents.go_back(agent, Trigger.FAILED)

    @staticmethod
    def _is_silent(agent: AgentRecord, no_answers: int, rejects: int, reason: str) -> bool:
        match reason:
            case "no_answer":
                return agent.no_answers + 1 >= no_answers
            case "reject":
                return agent.rejects + 1 >= rejects
            case _:
                return reason == "device"

    def withdraw(self, visit: Visit, reason: str) -> None:
        """Takes back every live offer of the caller; none of the agents is the worse for it."""
        for offer_id in list(visit.offers):
            offer = self._frame.state.offers[offer_id]
            self._frame.emit(
                OfferWithdrawn(
                    call=offer.call, queue=offer.queue, agent=offer.agent, offer=offer.id, reason=reason,
                    ring_ms=self.ring_ms(offer),
                )
            )  # fmt: skip
            self.agents.go_back(self._frame.state.agents[offer.agent], Trigger.WITHDRAWN)

    def ring_ms(self, offer: Offer) -> int:
        return round((self._frame.now - offer.rings_since) * 1000) if offer.rings_since else 0

    def left(self, visit: Visit, result: str, agent: str = "", *, to: str = "", rule: str = "", actor: str = "") -> None:
        wait_ms = round((self._frame.now - visit.since) * 1000)
        self._frame.emit(
            QueueLeft(
                call=visit.call, queue=visit.queue, agent=agent, visit=visit.id, result=result, wait_ms=wait_ms, to=to,
                rule=rule, actor=actor,
            )
        )  # fmt: skip

    def end_of(self, offer: Offer) -> float:
        """When the offer fails at the latest; past now."""
        reserved_until = offer.made_at + self._frame.config.rules.reserved_limit
        return max(offer.rings_since + offer.ring_limit if offer.rings_since else reserved_until, self._frame.now + 0.1)
