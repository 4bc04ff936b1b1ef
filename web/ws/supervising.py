"""What supervisors and agents ask each other over the WebSocket: supervision, help, messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from softswitch.calls.supervision import Follow, Supervision, Wish
from softswitch.calls.supervision_help import HelpDesk
from softswitch.calls.supervision_intercept import Interception
from softswitch.services import Services
from web.api.supervision import idle, watch
from web.ws import requests

Handler = Callable[[Services, str, Any], Awaitable[Mapping[str, Any]]]
"""Called with the login and the message; the scope of that login is checked by the services."""


async def _monitor(services: Services, login: str, message: requests.MonitorSet) -> Mapping[str, Any]:
    wish = Wish(
        supervisor=login, actor=login, mode=message.mode, device=message.device, call=message.call, agent=message.agent,
        queue=message.queue, follow=Follow.AGENT if message.agent else Follow(message.follow),
    )  # fmt: skip
    return watch(services.part(Supervision).start(wish)).model_dump()


async def _intercept(services: Services, login: str, message: requests.Intercept) -> Mapping[str, Any]:
    services.part(Interception).take(message.call, login, actor=login, device=message.device)
    return {}


async def _ask(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    return {"state": services.part(HelpDesk).ask(login).state}


async def _cancel(services: Services, login: str, _: requests.Message) -> Mapping[str, Any]:
    services.part(HelpDesk).cancel(login, login)
    return {}


async def _accept(services: Services, login: str, message: requests.HelpAccept) -> Mapping[str, Any]:
    view = services.part(HelpDesk).accept(message.agent, login, device=message.device)
    return (watch(view) if view is not None else idle(login)).model_dump()


async def _send(services: Services, login: str, message: requests.MessageSend) -> Mapping[str, Any]:
    return {"people": len(services.part(HelpDesk).send(message.to, message.text, actor=login, sender=login))}


HANDLERS: Mapping[str, Handler] = {
    "monitor.set": _monitor,
    "call.intercept": _intercept,
    "help.ask": _ask,
    "help.cancel": _cancel,
    "help.accept": _accept,
    "message.send": _send,
}
