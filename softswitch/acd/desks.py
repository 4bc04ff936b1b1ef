"""What calls tell the call distribution about agents: the `calls.desks.Desks` of a switch that has one."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from softswitch.acd import commands as c
from softswitch.acd.core import CONNECTION_LOST
from softswitch.acd.model import AgentRecord
from softswitch.acd.service import AcdService
from softswitch.calls.call import Call
from softswitch.calls.guests import RING
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, NotFound, Unreachable
from softswitch.model.states import AgentState
from softswitch.model.views import OfferView

log = structlog.get_logger("acd")


class AcdDesks:
    """Orders for the core, and the offers of calls beside the queues. Telling never fails; `alert` may."""

    def __init__(self, acd: AcdService, call_of: Callable[[str], Call], offer_id: Callable[[], str]) -> None:
        self._acd = acd
        self._call_of = call_of
        self._offer_id = offer_id
        self._offers: dict[str, OfferView] = {}  # by login

    # where agents are

    def station(self, login: str) -> str:
        record = self._record(login)
        return record.station if record is not None and record.state is not AgentState.LOGGED_OUT else ""

    def agent_at(self, station: str) -> str:
        for record in self._acd.core.state.agents.values():
            if record.station == station and record.state is not AgentState.LOGGED_OUT:
                return record.login
        return ""

    def is_ready(self, login: str) -> bool:
        record = self._record(login)
        return record is not None and record.state is AgentState.READY and record.reachable

    def is_lost(self, login: str) -> bool:
        record = self._record(login)
        gone = record is not None and record.state in (AgentState.LOGGED_OUT, AgentState.OFFLINE)
        return gone and record is not None and (record.state is AgentState.OFFLINE or record.reason == CONNECTION_LOST)

    def _record(self, login: str) -> AgentRecord | None:
        return self._acd.core.state.agents.get(login)

    # calls beside the queues

    def alert(self, login: str, call: str, *, internal: bool) -> None:
        record = self._record(login)
        if record is None or record.state in (AgentState.LOGGED_OUT, AgentState.OFFLINE):
            raise Unreachable(Cause.UNREACHABLE)
        self._acd.submit(c.Alerted(login, call, internal))
        view = self._offers[login] = self._offer(login, call)
        self._acd.board.offer(login, view, "")

    def _offer(self, login: str, call_id: str) -> OfferView:
        call, agent = self._call_of(call_id), self._acd.known(login)
        facts = call.facts
        return OfferView(
            id=self._offer_id(), call=call_id, queue=call.tally().queue, caller=facts.caller, caller_name=facts.caller_name,
            called=facts.called, wait_ms=0, ring_timeout_ms=round(RING * 1000), made_at=self._acd.now, context=facts.context,
            auto_answer=agent.auto_answer,
        )  # fmt: skip

    def answered(self, login: str, call: str, *, internal: bool) -> None:
        self._tell(c.Answered(login, call, internal))
        self._over(login, call, "answered")

    def released(self, login: str, call: str) -> None:
        self._tell(c.Released(login, call))
        self._over(login, call, "released")

    def _over(self, login: str, call: str, reason: str) -> None:
        view = self._offers.get(login)
        if view is not None and view.call == call:
            del self._offers[login]
            self._acd.board.offer(login, None, reason)

    def offer_of(self, login: str) -> OfferView | None:
        """The call beside the queues that rings at the agent now."""
        return self._offers.get(login)

    # what becomes of a contact

    def joined(self, login: str, call: str, queue: str) -> None:
        self._tell(c.Joined(login, call, queue))

    def held(self, login: str, *, held: bool) -> None:
        self._tell(c.Hold(login) if held else c.Resume(login))

    def consulting(self, login: str) -> None:
        self._tell(c.Consult(login))

    def consulted(self, login: str, result: str) -> None:
        self._tell(c.ConsultOver(login, result))

    def conference(self, login: str, *, more: bool) -> None:
        record = self._record(login)
        if record is None or (record.lives is AgentState.CONFERENCE) is more:
            return
        self._tell(c.Conference(login) if more else c.ConferenceOver(login))

    def _tell(self, command: c.Command) -> None:
        try:
            self._acd.submit(command)
        except (Conflict, NotFound) as fault:
            log.info("= call beside the agent's state", command=type(command).__name__, why=str(fault))
