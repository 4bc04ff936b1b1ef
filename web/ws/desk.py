"""What an agent's page asks for: calls and everything done to them, the station, wrap-up, data of the call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from softswitch.customers.book import CustomerBook
from softswitch.model.errors import NotFound
from softswitch.services import Services
from web import shapes
from web.reasons import check_reason
from web.ws import requests

Handler = Callable[[Services, str, Any], Awaitable[Mapping[str, Any]]]
"""Called with the login and the message."""


def _order(command: str) -> Handler:
    """An order about the agent's own call, with the values of the message; how the call is afterwards comes as an event."""

    async def handle(services: Services, login: str, message: requests.Message) -> Mapping[str, Any]:
        return await services.floor.act(login, command, message.model_dump(exclude={"id", "type"}))

    return handle


async def _hold(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    await services.floor.hold(login)
    return _own_call(services, login)


async def _resume(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    await services.floor.resume(login)
    return _own_call(services, login)


def _own_call(services: Services, login: str) -> Mapping[str, Any]:
    view = services.calls.view(services.floor.agent(login).call)
    if view is None:
        raise NotFound("there is no call")
    names = {known: agent.name for known, agent in services.directory.current().agents.items()}
    return shapes.live_call(view, names, services.clock.utc()).model_dump()


async def _hang_up(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    await services.floor.hang_up(login)
    return {}


async def _dial(services: Services, login: str, message: requests.CallDial) -> Mapping[str, Any]:
    return {"call": await services.floor.dial(login, message.to)}


async def _dtmf(services: Services, login: str, message: requests.Digits) -> Mapping[str, Any]:
    await services.floor.press(login, message.digits)
    return {}


async def _accept(services: Services, login: str, message: requests.OfferAnswer) -> Mapping[str, Any]:
    await services.floor.accept(login, message.offer)
    return {}


async def _reject(services: Services, login: str, message: requests.OfferAnswer) -> Mapping[str, Any]:
    await services.floor.reject(login, message.offer)
    return {}


async def _state(services: Services, login: str, message: requests.AgentStateRequest) -> Mapping[str, Any]:
    check_reason(services.directory.current(), message.state, message.reason, for_other=False)
    view = await services.floor.set_state(login, message.state, message.reason, login, message.station)
    if message.state == "logged_out" and view.state == "logged_out":
        services.browsers.close(login)
    return shapes.agent(view).model_dump()


async def _station(services: Services, login: str, message: requests.Station) -> Mapping[str, Any]:
    return shapes.agent(await services.floor.choose_station(login, message.station)).model_dump()


async def _wrapup_done(services: Services, login: str, message: requests.WrapUpDone) -> Mapping[str, Any]:
    """Ends the wrap-up and stores what came of the contact, if anything is said; one that is over already stores nothing."""
    call, codes = services.floor.last_call(login), tuple(message.codes)
    book = services.parts.get(CustomerBook) if call and (codes or message.note) else None
    if book is not None:
        book.check_codes(codes, message.note)
    view = await services.floor.wrap_up(login, "done", codes=codes)
    if book is not None:
        await book.dispose(call, login, codes, message.note)
    return shapes.agent(view).model_dump()


async def _wrapup_start(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    return shapes.agent(await services.floor.wrap_up(login, "start")).model_dump()


async def _wrapup_extend(services: Services, login: str, message: requests.WrapUpExtend) -> Mapping[str, Any]:
    return shapes.agent(await services.floor.wrap_up(login, "extend", reason=message.reason)).model_dump()


async def _pick(services: Services, login: str, message: requests.QueuePick) -> Mapping[str, Any]:
    await services.floor.pick(login, message.call)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "agent.state": _state,
    "agent.station": _station,
    "wrapup.done": _wrapup_done,
    "wrapup.start": _wrapup_start,
    "wrapup.extend": _wrapup_extend,
    "offer.accept": _accept,
    "offer.reject": _reject,
    "queue.pick": _pick,
    "call.dial": _dial,
    "call.hangup": _hang_up,
    "call.hold": _hold,
    "call.resume": _resume,
    "dtmf": _dtmf,
    "call.mute": _order("mute"),
    "call.unmute": _order("unmute"),
    "call.consult": _order("consult"),
    "consult.complete": _order("consult_complete"),
    "consult.merge": _order("consult_merge"),
    "consult.cancel": _order("consult_cancel"),
    "call.transfer": _order("transfer"),
    "call.invite": _order("invite"),
    "call.remove": _order("remove"),
    "call.mute_member": _order("mute_member"),
    "call.park": _order("park"),
    "call.pickup": _order("pickup"),
    "call.record": _order("record"),
    "call.data": _order("data"),
}
