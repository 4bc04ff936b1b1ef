"""The floor as pages and programs see it: views, and the orders of agents and of those who act for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from softswitch.acd import commands as c
from softswitch.acd.core import BROWSER
from softswitch.acd.desks import AcdDesks
from softswitch.acd.model import AgentRecord
from softswitch.acd.orders import Orders
from softswitch.acd.service import PARK_AFTER, AcdService
from softswitch.acd.workday import Workdays
from softswitch.calls.call import Call
from softswitch.calls.control import CallControl
from softswitch.calls.stations import Stations
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, OfferView, QueueView, WrapUpView


class Floor:
    """`services.Floor`. Each order raises NotFound or Conflict with a sentence for the person who gave it."""

    def __init__(self, acd: AcdService, control: CallControl, stations: Stations, desks: AcdDesks) -> None:
        self._acd = acd
        self._control = control
        self._stations = stations
        self._desks = desks
        self._orders = Orders(acd, control)
        self._parked: dict[str, Call] = {}  # lost login → the call whose other side hears music meanwhile
        self.workdays = Workdays()
        self.help_of: Callable[[str], str] = lambda _login: ""
        """"asked" while the agent waits for a supervisor; set by supervision."""
        acd.enrich = self._enrich

    # views

    def agents(self) -> list[AgentView]:
        return self._acd.agents()

    def agent(self, login: str) -> AgentView:
        """Raises NotFound."""
        return self._acd.agent(login)

    def queues(self) -> list[QueueView]:
        return self._acd.queues()

    def queue(self, name: str) -> QueueView:
        """Raises NotFound."""
        return self._acd.queue(name)

    def offer_of(self, login: str) -> OfferView | None:
        """The offer that alerts the agent now, of a queue or of a call beside them."""
        return self._acd.offer_of(login) or self._desks.offer_of(login)

    def watch(
        self,
        *,
        agent: Callable[[AgentView], None],
        queue: Callable[[QueueView], None],
        offer: Callable[[str, OfferView | None, str], None],
    ) -> Callable[[], None]:
        """Tells each change; `offer(login, view, reason)`: made, or (None) over. Returns the function that stops it."""
        return self._acd.watch(agent=agent, queue=queue, offer=offer)

    def _enrich(self, view: AgentView) -> AgentView:
        """What is known of an agent beside the core's state: its place, its day, the call it is in."""
        agent, record = self._acd.known(view.login), self._acd.core.state.agents.get(view.login)
        now = self._acd.now
        view = replace(
            view, team=agent.team, site=agent.site, skills=self._acd.core.skills_of(view.login),
            queues=self._acd.core.queues_of(view.login), today=self.workdays.today(view.login, now),
            help=self.help_of(view.login),
        )  # fmt: skip
        if record is None:
            return view
        offer = self._desks.offer_of(view.login)
        call = self._control.calls.find(view.call)
        wraps = view.wrap_up_until is not None or record.lives is AgentState.WRAP_UP
        return replace(
            view, offer=record.offer or (offer.id if offer is not None else ""), direction=record.direction,
            customer_name=_other_end(call, record.direction) if call is not None else "",
            wrap_up=self._wrap_up(record) if wraps else None,
            occupancy=round(record.figures.occupancy(record.lives, record.lived_since or record.since, now), 4),
        )  # fmt: skip

    def _wrap_up(self, record: AgentRecord) -> WrapUpView:
        rule = self._acd.core.config.wrap_up_rule(record.login, record.queue)
        return WrapUpView(
            mode=rule.mode, codes_required=rule.code_required and not record.codes,
            extensions_left=max(0, rule.extensions - record.extensions),
        )  # fmt: skip

    def last_call(self, login: str) -> str:
        """The call that the agent is or was in last."""
        return self.workdays.last_call(login)

    def disposed(self, login: str, call: str, codes: tuple[str, ...]) -> None:
        """Result codes of the agent's call were stored: they count for its wrap-up, and end one that only waits for them."""
        record = self._acd.core.state.agents.get(login)
        if record is None or not codes or self.last_call(login) != call:
            return
        if record.lives is AgentState.WRAP_UP or record.call == call:
            self._acd.submit(c.Disposed(login, codes))

    # desks and states

    def desk_connected(self, login: str) -> None:
        """The agent's page is connected (again)."""
        self._acd.desk_connected(login)
        call = self._parked.pop(login, None)
        if call is not None and call.mix.agent(login) is not None:
            self._control.release(call)

    def desk_lost(self, login: str) -> None:
        """The agent's page is gone; the grace time runs. Whoever it talks to beside the queues hears music after a moment."""
        self._acd.desk_lost(login)
        asyncio.get_running_loop().call_later(PARK_AFTER, self._park, login)

    def _park(self, login: str) -> None:
        record = self._acd.core.state.agents.get(login)
        if record is None or record.state is not AgentState.OFFLINE or record.station != BROWSER:
            return
        if self._stations.covered(login):
            return
        call = self._control.hold_for_lost(login)
        if call is not None:
            self._parked[login] = call

    def login_at(self, extension: str) -> str:
        """Who works at this phone, or would by the directory; "" for nobody."""
        if login := self._desks.agent_at(f"extension:{extension}"):
            return login
        return next((a.login for a in self._acd.snapshot.agents.values() if a.extension == extension), "")

    async def set_state(self, login: str, state: str, reason: str, actor: str, station: str = "") -> AgentView:
        """`state`: ready, not_ready, logged_out, wrap_up, wrap_up_done. The first two sign in, at `station` if it is given.

        By anybody but the agent it is a forced state, which the audit log keeps. Raises Invalid for other words.
        """
        agent = self._acd.known(login)
        if state not in _ORDERS and state not in ("wrap_up", "wrap_up_done"):
            raise Invalid("state", f"expected one of {' '.join(_ORDERS)} wrap_up wrap_up_done, got {state!r}")
        record = self._acd.core.state.agents.get(login)
        signed_in = record is not None and record.state is not AgentState.LOGGED_OUT
        if not signed_in and state == "logged_out":
            return self._acd.agent(login)
        if not signed_in and state not in _ORDERS:
            raise Conflict(f"agent {login} is logged_out", Refusal.OTHER_STATE)
        if state != "logged_out" and (not signed_in or (station and record is not None and station != record.station)):
            self._sign_in(login, station or agent.station, ready=state == "ready")
        self._submit_state(login, state, reason, actor, forced=signed_in and actor != login)
        return self._acd.agent(login)

    def _submit_state(self, login: str, state: str, reason: str, actor: str, *, forced: bool) -> None:
        match state:
            case "wrap_up":
                self._acd.submit(c.WrapUpStart(login))
            case "wrap_up_done":
                self._acd.submit(c.WrapUpDone(login))
            case _ if forced:
                self._acd.submit(c.ForceState(login, _ORDERS[state], reason, actor))
            case "ready":
                self._acd.submit(c.Ready(login))
            case "not_ready":
                self._acd.submit(c.NotReady(login, reason))
            case _:
                self._acd.submit(c.Logout(login, reason))

    async def wrap_up(self, login: str, action: str, *, codes: tuple[str, ...] = (), reason: str = "") -> AgentView:
        """`action`: start (pull it after the release), extend, done. Raises Conflict where the mode does not allow it."""
        self._acd.known(login)
        match action:
            case "start":
                self._acd.submit(c.WrapUpStart(login))
            case "extend":
                self._acd.submit(c.WrapUpExtend(login, reason))
            case "done":
                self._acd.submit(c.WrapUpDone(login, codes))
            case _:
                raise Invalid("action", f"expected start, extend or done, got {action!r}")
        return self._acd.agent(login)

    async def pick(self, login: str, call: str) -> None:
        """The agent takes a waiting caller by hand. Raises Forbidden without the right, NotFound when it does not wait."""
        if "pick" not in self._acd.known(login).rights:
            raise Forbidden("this agent may not pick calls", Refusal.NO_PICK)
        visit = next((visit.id for visit in self._acd.core.state.visits.values() if visit.call == call), None)
        if visit is None:
            raise NotFound("this call does not wait")
        self._acd.submit(c.Pick(login, visit))

    async def set_skills(
        self, login: str, skills: Mapping[str, int] | None, queues: tuple[str, ...] | None, until: float, actor: str
    ) -> AgentView:
        """Skills and queues of the day; both None takes them back."""
        self._acd.known(login)
        reset = skills is None and queues is None
        self._acd.submit(c.SetSkills(login, skills, queues, until, actor, reset))
        return self._acd.agent(login)

    async def choose_station(self, login: str, station: str) -> AgentView:
        """Another station for an agent who is signed in; its state stays, but it is not ready at a dead device."""
        self._acd.known(login)
        self._sign_in(login, station, ready=False)
        return self._acd.agent(login)

    def _sign_in(self, login: str, station: str, *, ready: bool) -> None:
        self._check_station(login, station)
        reachable = self._stations.reachable(self._acd.known(login), station)
        if ready and not reachable:
            raise Conflict(f"the device of agent {login} cannot be reached ({station})", Refusal.DEVICE_AWAY)
        self._acd.submit(c.Login(login, station))
        self._acd.submit(c.DeviceChanged(login, reachable))

    def _check_station(self, login: str, station: str) -> None:
        """Raises Invalid for what is no station, Forbidden for an outside number without the right."""
        kind, _, number = station.partition(":")
        if station == BROWSER:
            return
        if kind == "extension":
            if number not in self._acd.snapshot.extensions:
                raise Invalid("station", f"there is no extension {number}")
        elif kind == "outside" and number:
            self._control.destination(station, login=login)
        else:
            raise Invalid("station", f"expected browser, extension:N or outside:N, got {station!r}")

    # offers and calls

    async def accept(self, login: str, offer: str) -> None:
        """Takes the offered call at the agent's page."""
        self._check_offer(login, offer)
        self._stations.accept(login)

    async def reject(self, login: str, offer: str) -> None:
        self._check_offer(login, offer)
        self._stations.reject(login)

    def _check_offer(self, login: str, offer: str) -> None:
        found, direct = self._acd.core.state.offers.get(offer), self._desks.offer_of(login)
        if (found is None or found.agent != login) and (direct is None or direct.id != offer):
            raise Conflict("the offer is over", Refusal.OFFER_OVER)

    async def hold(self, login: str) -> None:
        self._control.hold(self._control.hand(login))

    async def resume(self, login: str) -> None:
        self._control.resume(self._control.hand(login))

    async def hang_up(self, login: str) -> None:
        """The agent leaves its call; an offer that rings is refused."""
        offer = self.offer_of(login)
        if offer is not None and self._stations.answered_leg(login) is None:
            await self.reject(login, offer.id)
            return
        self._control.hang_up(self._control.hand(login))

    async def press(self, login: str, digits: str) -> None:
        """Keys of the agent's page, for the other end."""
        self._stations.press(login, digits)

    async def dial(self, login: str, to: str) -> str:
        """A call of the agent's own to a destination, or to a number. Returns its id."""
        return self._orders.dial(login, to)

    async def act(self, login: str, command: str, values: Mapping[str, Any], actor: str = "") -> Mapping[str, Any]:
        """Any order about the agent's call by its name (`orders.py`). Raises Invalid for an unknown one."""
        return await self._orders.by_agent(login, command, values, actor or login)

    async def act_in(
        self, call: str, command: str, values: Mapping[str, Any], actor: str, agent: str = ""
    ) -> Mapping[str, Any]:
        """The same for a program or a leader, who names the call; `agent`: in whose place."""
        return await self._orders.in_call(call, command, values, actor, agent)


def _other_end(call: Call, direction: str) -> str:
    """Whom the agent talks to: the customer's name, else the number."""
    created = call.tally().created
    if direction == "out":
        return created.called
    return call.variables.get("customer_name") or call.facts.caller_name or call.facts.caller


_ORDERS = {"ready": AgentState.READY, "not_ready": AgentState.NOT_READY, "logged_out": AgentState.LOGGED_OUT}
