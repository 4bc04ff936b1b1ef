"""Callbacks: who is to be called back, when, by whom, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator

from softswitch.acd.callback import Callback, CallbackState
from softswitch.acd.callbacks import Callbacks
from softswitch.acd.tables import callbacks_by
from softswitch.model.errors import Forbidden, Invalid, NotFound, Refusal
from softswitch.model.events import rfc3339
from softswitch.model.number import canonical
from softswitch.model.states import Role
from web import shapes
from web.routing import STAFF, Model, Request, Route

_PEOPLE = STAFF | {Role.API}


def _zoned(value: datetime | None) -> datetime | None:
    if value is not None and value.tzinfo is None:
        raise ValueError("expected a time with its zone")
    return value


GRACE_SECONDS = 60.0
"""A time so little past is this minute, as a page gives it."""


class CallbackQuery(Model):
    state: CallbackState | Literal["", "open"] = ""
    queue: str = Field("", max_length=128)
    number: str = Field("", max_length=64)
    limit: int = Field(100, ge=1, le=500)
    cursor: str = Field("", max_length=256)


class CallbackDraft(Model):
    queue: str = Field(min_length=1, max_length=128)
    number: str = Field(min_length=1, max_length=64)
    at: datetime | None = None
    customer: str = Field("", max_length=64)
    note: str = Field("", max_length=2000)
    agent: str = Field("", max_length=128)

    _at = field_validator("at")(_zoned)


class CallbackChange(Model):
    """What is not given stays. `state`: done (called without the switch) or cancelled."""

    at: datetime | None = None
    agent: str | None = Field(None, max_length=128)
    note: str | None = Field(None, max_length=2000)
    state: Literal["done", "cancelled"] | None = None

    _at = field_validator("at")(_zoned)


class AttemptShape(shapes.Shape):
    at: str
    result: str
    agent: str | None


class CallbackShape(shapes.Shape):
    id: str
    queue: str
    number: str
    customer: str | None
    state: str
    created: str
    scheduled: str | None
    entered: str | None
    attempts: list[AttemptShape]
    source: str
    agent: str | None
    note: str
    call: str | None


class CallbackList(shapes.Shape):
    items: list[CallbackShape]
    next: str | None = None


def shape(callback: Callback) -> CallbackShape:
    return CallbackShape(
        id=callback.id, queue=callback.queue, number=callback.number, customer=callback.customer or None,
        state=callback.state, created=rfc3339(callback.created), scheduled=shapes.time(callback.scheduled or None),
        entered=shapes.time(callback.entered or None), source=callback.source, agent=callback.agent or None,
        note=callback.note, call=callback.call or None,
        attempts=[AttemptShape(at=rfc3339(one.at), result=one.result, agent=one.agent or None) for one in callback.attempts],
    )  # fmt: skip


async def list_callbacks(request: Request) -> CallbackList:
    query, service = request.query(CallbackQuery), request.services.part(Callbacks)
    opened = sorted(service.open(), key=lambda callback: callback.entered)
    wanted = [callback for callback in opened if not query.cursor and _fits(callback, query) and _sees(request, callback)]
    if query.state == "open" or (query.state and CallbackState(query.state).is_open):
        return CallbackList(items=[shape(callback) for callback in wanted[: query.limit]])
    page = await request.services.store.read(
        lambda connection: callbacks_by(
            connection, state=query.state, queue=query.queue, number=query.number, limit=query.limit, cursor=query.cursor
        )
    )
    ended = [row for row in page.items if not row.state.is_open and _sees(request, row)]
    return CallbackList(items=[shape(callback) for callback in (*wanted, *ended)], next=page.next)


def _fits(callback: Callback, query: CallbackQuery) -> bool:
    return (
        query.state in ("", "open", callback.state)
        and query.queue in ("", callback.queue)
        and (not query.number or canonical(query.number) == canonical(callback.number))
    )


def _sees(request: Request, callback: Callback) -> bool:
    """An agent: those of its queues and its own; others by their scope."""
    who = request.who
    if who.role is Role.AGENT:
        agent = request.services.directory.current().agents.get(who.login)
        return callback.agent == who.login or (agent is not None and callback.queue in agent.queues)
    return request.scope.may_see_queue(callback.queue)


def _check_agent(request: Request, login: str) -> None:
    """A callback of somebody who does not exist would wait for ever. Raises Invalid."""
    if login and login not in request.services.directory.current().agents:
        raise Invalid("agent", f"there is no agent {login}")


def _time(request: Request, at: datetime | None) -> float | None:
    """UTC epoch seconds. Raises Invalid for a time that is over."""
    if at is None:
        return None
    if at.timestamp() < request.services.clock.utc() - GRACE_SECONDS:
        raise Invalid("at", f"expected a time to come, got {at.isoformat()}")
    return at.timestamp()


async def create(request: Request) -> CallbackShape:
    draft = request.body(CallbackDraft)
    at = _time(request, draft.at) or 0.0
    if request.who.role is not Role.AGENT and not request.scope.may_see_queue(draft.queue):
        raise Forbidden(f"the queue {draft.queue} is not in your scope", Refusal.OUT_OF_SCOPE)
    _check_agent(request, draft.agent)
    made = await request.services.part(Callbacks).create(
        draft.queue, draft.number, source="agent" if request.who.role is Role.AGENT else "page", at=at,
        customer=draft.customer, note=draft.note, agent=draft.agent,
    )  # fmt: skip
    return shape(made)


async def change(request: Request) -> CallbackShape:
    wanted, service = request.body(CallbackChange), request.services.part(Callbacks)
    found = _seen(request, request.path("id"))
    if wanted.state == "done":
        return shape(service.finish(found.id, request.who.actor))
    if wanted.state == "cancelled":
        return shape(service.cancel(found.id, "by hand", request.who.actor))
    _check_agent(request, wanted.agent or "")
    return shape(service.change(found.id, at=_time(request, wanted.at), agent=wanted.agent, note=wanted.note))


async def remove(request: Request) -> None:
    found = _seen(request, request.path("id"))
    request.services.part(Callbacks).cancel(found.id, "by hand", request.who.actor)


def _seen(request: Request, identity: str) -> Callback:
    found = request.services.part(Callbacks).get(identity)
    if not _sees(request, found):
        raise NotFound("no open callback has this id")
    return found


ROUTES = (
    Route(method="GET", path="/callbacks", handler=list_callbacks, roles=_PEOPLE, query=CallbackQuery, reply=CallbackList,
          summary="Callbacks, open ones first"),
    Route(method="POST", path="/callbacks", handler=create, roles=_PEOPLE, body=CallbackDraft, reply=CallbackShape, status=201,
          summary="Have somebody called back"),
    Route(method="PUT", path="/callbacks/{id}", handler=change, roles=_PEOPLE, body=CallbackChange, reply=CallbackShape,
          summary="Another time or agent, done by hand, or cancelled"),
    Route(method="DELETE", path="/callbacks/{id}", handler=remove, roles=_PEOPLE, status=204, summary="Cancel a callback"),
)  # fmt: skip
