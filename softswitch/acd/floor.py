"""The floor as pages and programs see it: views, and the orders of agents and of those who act for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from softswitch.acd import commands as c
from softswitch.acd.service import AcdService
from softswitch.calls.call import Call
from softswitch.calls.stations import Stations
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, Invalid
from softswitch.model.states import AgentState
from softswitch.model.views import AgentView, OfferView, QueueView


class Calls(Protocol):
    """What the floor needs of the call service."""

    def get(self, call_id: str) -> Call: ...

    async def dial(self, login: str, text: str) -> str: ...


class Floor:
    """`services.Floor`. Each order raises NotFound or Conflict with a sentence for the person who gave it."""

    def __init__(self, acd: AcdService, calls: Calls, stations: Stations) -> None:
        self._acd = acd
        self._calls = calls
        self._stations = stations

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
        """The offer that alerts the agent now."""
        return self._acd.offer_of(login)

    def watch(
        self,
        *,
        agent: Callable[[AgentView], None],
        queue: Callable[[QueueView], None],
        offer: Callable[[str, OfferView | None, str], None],
    ) -> Callable[[], None]:
        """Tells each change; `offer(login, view, reason)`: made, or (None) over. Returns the function that stops it."""
        return self._acd.watch(agent=agent, queue=queue, offer=offer)

    def desk_connected(self, login: str) -> None:
        """The agent's page is connected (again)."""
        self._acd.desk_connected(login)

    def desk_lost(self, login: str) -> None:
        """The agent's page is gone; the grace time runs."""
        self._acd.desk_lost(login)

    async def set_state(self, login: str, state: str, reason: str, actor: str) -> AgentView:
        """`state`: ready, not_ready, logged_out, wrap_up_done. Ready and not_ready sign in. Raises Invalid for other words.

        By anybody but the agent it is a forced state, which the audit log keeps.
        """
        agent = self._acd.known(login)
        record = self._acd.core.state.agents.get(login)
        if state not in _ORDERS and state != "wrap_up_done":
            raise Invalid("state", f"expected one of ready not_ready logged_out wrap_up_done, got {state!r}")
        signed_in = record is not None and record.state is not AgentState.LOGGED_OUT
        if not signed_in:
            if state == "wrap_up_done":
                raise Conflict(f"agent {login} is logged_out")
            if state == "logged_out":
                return self._acd.agent(login)
            self._sign_in(login, agent.station, reachable=self._stations.reachable(agent), ready=state == "ready")
        if state == "wrap_up_done":
            self._acd.submit(c.WrapUpDone(login))
        elif signed_in and actor != login:
            self._acd.submit(c.ForceState(login, _ORDERS[state], reason, actor))
        elif state == "ready":
            self._acd.submit(c.Ready(login))
        elif state == "not_ready":
            self._acd.submit(c.NotReady(login, reason))
        else:
            self._acd.submit(c.Logout(login, reason))
        return self._acd.agent(login)

    def _sign_in(self, login: str, station: str, *, reachable: bool, ready: bool) -> None:
        if ready and not reachable:
            raise Conflict(f"the device of agent {login} cannot be reached ({station})")
        self._acd.submit(c.Login(login, station))
        self._acd.submit(c.DeviceChanged(login, reachable))

    async def accept(self, login: str, offer: str) -> None:
        """Takes the offered call at the agent's page."""
        self._check_offer(login, offer)
        self._stations.accept(login)

    async def reject(self, login: str, offer: str) -> None:
        self._check_offer(login, offer)
        self._stations.reject(login)

    def _check_offer(self, login: str, offer: str) -> None:
        found = self._acd.core.state.offers.get(offer)
        if found is None or found.agent != login:
            raise Conflict("the offer is over")

    async def hold(self, login: str) -> None:
        call = self._call(login)
        self._acd.submit(c.Hold(login))
        self._set_held(call, login, held=True)

    async def resume(self, login: str) -> None:
        call = self._call(login)
        self._acd.submit(c.Resume(login))
        self._set_held(call, login, held=False)

    def _set_held(self, call: Call, login: str, *, held: bool) -> None:
        """The customer hears music, whoever placed the call."""
        if held:
            call.hold(actor=login)
        else:
            call.resume(actor=login)

    async def hang_up(self, login: str) -> None:
        """The agent leaves its call; an offer that rings is refused."""
        record = self._acd.core.state.agents.get(login)
        if record is not None and record.offer:
            await self.reject(login, record.offer)
            return
        self._call(login).hang_up(Cause.NORMAL, "agent", login)

    async def press(self, login: str, digits: str) -> None:
        """Keys of the agent's page, for the other end."""
        self._stations.press(login, digits)

    async def dial(self, login: str, to: str) -> str:
        """A call of the agent's own to a destination, or to a number. Returns its id."""
        self._acd.core.check_may_dial(login)
        return await self._calls.dial(login, to)

    def _call(self, login: str) -> Call:
        view = self._acd.agent(login)
        if not view.call:
            raise Conflict(f"agent {login} is {view.state}: there is no call")
        return self._calls.get(view.call)


_ORDERS = {"ready": AgentState.READY, "not_ready": AgentState.NOT_READY, "logged_out": AgentState.LOGGED_OUT}
