"""Supervision: listen, whisper, barge, take over, intercept, forced release of a leg; messages and calls for help.

People supervise with their own device (page, or a phone that is rung); programs say whose.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.calls.supervision import Follow, Supervision, WatchView, Wish
from softswitch.calls.supervision_help import HelpDesk, HelpRequest
from softswitch.calls.supervision_intercept import Interception
from softswitch.model.errors import Forbidden, Invalid
from softswitch.model.events import rfc3339
from softswitch.model.states import MonitorMode
from web import shapes
from web.routing import Model, Request, Route

_DEVICE = Field("browser", max_length=64, description='"browser", or "extension:N": the switch calls that phone')
_SAME = Field("", max_length=64, description="as device; empty: where the supervisor listens now, else the browser")
_SUPERVISOR = Field("", max_length=128, description="whose device listens; programs must say it, people are it themselves")


class Monitor(Model):
    """`follow`: after a transfer the supervisor stays with the customer's call, or with the agent and its next calls."""

    mode: MonitorMode
    supervisor: str = _SUPERVISOR
    device: str = _SAME
    follow: Literal["customer", "agent"] = "customer"


class Begin(Model):
    """Of an agent (with every call it has), of a queue (its next conversation), or one of the scope at random."""

    mode: MonitorMode
    supervisor: str = _SUPERVISOR
    device: str = _SAME


class Intercept(Model):
    supervisor: str = _SUPERVISOR
    device: str = _DEVICE


class Supervisor(Model):
    supervisor: str = _SUPERVISOR


class Reason(Model):
    reason: str = Field(min_length=1, max_length=500)


class Message(Model):
    to: str = Field(max_length=128, description='"agent:LOGIN", "team:NAME" or "all"')
    text: str = Field(min_length=1, max_length=1000)


class Empty(Model):
    """Nothing to say."""


class Accept(Model):
    state: Literal["accepted"] = "accepted"
    device: str = _DEVICE


class Watch(shapes.Shape):
    """`state`: ringing (the supervisor's phone), waiting (for a call), supervising, talking (has taken over), off."""

    supervisor: str
    mode: str
    state: str
    call: str | None
    agent: str | None
    queue: str | None
    device: str
    follow: str
    since: str | None


class Watches(shapes.Shape):
    items: list[Watch]
    next: str | None = None


class Help(shapes.Shape):
    agent: str
    call: str | None
    since: str
    state: str
    supervisor: str | None


class Helps(shapes.Shape):
    items: list[Help]
    next: str | None = None


class Sent(shapes.Shape):
    people: int


def watch(view: WatchView) -> Watch:
    return Watch(
        supervisor=view.supervisor, mode=view.mode, state=view.state, call=view.call or None, agent=view.agent or None,
        queue=view.queue or None, device=view.device, follow=view.follow, since=rfc3339(view.since) if view.since else None,
    )  # fmt: skip


def idle(supervisor: str) -> Watch:
    """Of who supervises nobody."""
    return Watch(supervisor=supervisor, mode="off", state="off", call=None, agent=None, queue=None, device="browser",
                 follow="customer", since=None)  # fmt: skip


def _help(request: HelpRequest) -> Help:
    return Help(
        agent=request.agent, call=request.call or None, since=rfc3339(request.since), state=request.state,
        supervisor=request.supervisor or None,
    )  # fmt: skip


def _supervisor(request: Request, named: str) -> str:
    """Whose device it is. Raises Forbidden, Invalid."""
    who = request.who
    if not who.principal.program:
        if named not in ("", who.login):
            raise Forbidden("people supervise with their own device only")
        return who.login
    if not named:
        raise Invalid("supervisor", "expected the login whose device listens")
    return named


def _start(request: Request, wish: Wish) -> Watch:
    return watch(request.services.part(Supervision).start(wish))


async def set_monitor(request: Request) -> Watch:
    body = request.body(Monitor)
    wish = Wish(
        supervisor=_supervisor(request, body.supervisor), actor=request.who.actor, mode=body.mode, device=body.device,
        call=request.path("id"), follow=Follow(body.follow),
    )  # fmt: skip
    return _start(request, wish)


async def stop_monitor(request: Request) -> Watch:
    supervisor = _supervisor(request, request.query(Supervisor).supervisor)
    return _start(request, Wish(supervisor=supervisor, actor=request.who.actor, mode=MonitorMode.OFF))


async def monitor_agent(request: Request) -> Watch:
    return _begin(request, agent=request.path("login"))


async def monitor_queue(request: Request) -> Watch:
    return _begin(request, queue=request.path("name"))


async def monitor_any(request: Request) -> Watch:
    return _begin(request)


def _begin(request: Request, *, agent: str = "", queue: str = "") -> Watch:
    body = request.body(Begin)
    wish = Wish(
        supervisor=_supervisor(request, body.supervisor), actor=request.who.actor, mode=body.mode, device=body.device,
        agent=agent, queue=queue, follow=Follow.AGENT if agent else Follow.CUSTOMER,
    )  # fmt: skip
    return _start(request, wish)


async def list_monitors(request: Request) -> Watches:
    scope = request.scope
    views = request.services.part(Supervision).views()
    return Watches(
        items=[watch(view) for view in views if scope.may_see_call(view.agent, view.queue) or view.supervisor == scope.login]
    )


async def intercept(request: Request) -> None:
    body = request.body(Intercept)
    supervisor = _supervisor(request, body.supervisor)
    request.services.part(Interception).take(request.path("id"), supervisor, actor=request.who.actor, device=body.device)


async def release_leg(request: Request) -> None:
    reason = request.body(Reason).reason
    supervision = request.services.part(Supervision)
    supervision.release_party(request.path("id"), request.path("participant"), reason=reason, actor=request.who.actor)


async def send_message(request: Request) -> Sent:
    body, who = request.body(Message), request.who
    sender = "" if who.principal.program else who.login
    return Sent(people=len(request.services.part(HelpDesk).send(body.to, body.text, actor=who.actor, sender=sender)))


async def list_help(request: Request) -> Helps:
    scope = request.scope
    found = request.services.part(HelpDesk).open()
    return Helps(items=[_help(one) for one in found if one.state == "escalated" or scope.may_see_agent(one.agent)])


async def ask_help(request: Request) -> Help:
    login = request.who.login
    if login not in request.services.directory.current().agents:
        raise Forbidden("only agents ask for help")
    return _help(request.services.part(HelpDesk).ask(login))


async def cancel_help(request: Request) -> None:
    request.services.part(HelpDesk).cancel(request.who.login, request.who.actor)


async def accept_help(request: Request) -> Watch:
    body, who = request.body(Accept), request.who
    view = request.services.part(HelpDesk).accept(request.path("agent"), who.login, device=body.device)
    return watch(view) if view is not None else idle(who.login)


_MONITOR = Permission.MONITOR
ROUTES = (
    Route(method="PUT", path="/calls/{id}/monitor", handler=set_monitor, permission=_MONITOR, body=Monitor, reply=Watch,
          summary="Listen, whisper, barge, talk privately or take over; `off` ends it"),
    Route(method="DELETE", path="/calls/{id}/monitor", handler=stop_monitor, permission=_MONITOR, query=Supervisor, reply=Watch,
          summary="Stop supervising"),
    Route(method="PUT", path="/agents/{login}/monitor", handler=monitor_agent, permission=_MONITOR, body=Begin, reply=Watch,
          summary="Supervise an agent: its call now and every next one"),
    Route(method="PUT", path="/queues/{name}/monitor", handler=monitor_queue, permission=_MONITOR, body=Begin, reply=Watch,
          summary="Supervise the queue's next conversation"),
    Route(method="GET", path="/monitor", handler=list_monitors, permission=_MONITOR, reply=Watches,
          summary="Who supervises whom"),
    Route(method="POST", path="/monitor", handler=monitor_any, permission=_MONITOR, body=Begin, reply=Watch,
          summary="Supervise a conversation of the scope at random"),
    Route(method="DELETE", path="/monitor", handler=stop_monitor, permission=_MONITOR, query=Supervisor, reply=Watch,
          summary="Stop supervising, whatever it is"),
    Route(method="POST", path="/calls/{id}/intercept", handler=intercept, permission=_MONITOR, body=Intercept, status=204,
          summary="Take a waiting or ringing call"),
    Route(method="DELETE", path="/calls/{id}/participants/{participant}", handler=release_leg, permission=Permission.CALLS_END,
          body=Reason, status=204, summary="Forced release of one leg, with a reason"),
    Route(method="POST", path="/messages", handler=send_message, permission=Permission.MESSAGE, body=Message, reply=Sent,
          summary="A message to an agent, a team or all"),
    Route(method="GET", path="/help", handler=list_help, permission=_MONITOR, reply=Helps,
          summary="Agents who ask for help"),
    Route(method="POST", path="/help", handler=ask_help, permission=Permission.DESK, body=Empty, reply=Help,
          summary="The agent's help key"),
    Route(method="DELETE", path="/help", handler=cancel_help, permission=Permission.DESK, status=204,
          summary="The agent needs nobody any more"),
    Route(method="PUT", path="/help/{agent}", handler=accept_help, permission=_MONITOR, body=Accept, reply=Watch,
          summary="Help an agent: whisper at once"),
)  # fmt: skip
