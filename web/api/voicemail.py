"""Messages and greetings. An agent sees its own mailbox and those of its queues and team; others those of their scope."""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.directory.model import Mailbox
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import rfc3339
from softswitch.model.states import Role
from softswitch.voicemail.greetings import MOST_OCTETS
from softswitch.voicemail.model import GreetingKind, Message, may_open
from softswitch.voicemail.service import Voicemail
from web import shapes
from web.bodies import octets_of
from web.errors import BadRequest
from web.routing import Model, Request, Route


class MessageQuery(Model):
    mailbox: str = Field("", max_length=128)
    state: Literal["", "new", "heard", "in_work", "done"] = ""
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=256)


class MessageWork(Model):
    """What is not given stays."""

    state: Literal["new", "heard", "in_work", "done"] | None = None
    assignee: str | None = Field(None, max_length=128)
    note: str | None = Field(None, max_length=2000)


class MessageItem(shapes.Shape):
    id: str
    mailbox: str
    call: str
    caller: str
    caller_name: str
    queue: str | None
    wait_ms: int
    data: dict[str, str]
    created: str
    duration_ms: int
    state: str
    assignee: str
    note: str
    heard: str | None
    due: str | None
    overdue: bool
    callback: str | None


class MessageItems(shapes.Shape):
    items: list[MessageItem]
    next: str | None


class MailboxItem(shapes.Shape):
    name: str
    title: str
    owner: str
    new: int
    old: int
    greetings: list[str]


class MailboxItems(shapes.Shape):
    items: list[MailboxItem]
    next: str | None


def _may_open(request: Request, mailbox: Mailbox) -> bool:
    """Agents by ownership; others by their scope."""
    scope = request.scope
    if scope.everything:
        return True
    own = request.services.directory.current().agents.get(request.who.login)
    if may_open(mailbox, own):
        return True
    if request.who.role is Role.AGENT:
        return False
    kind, _, name = mailbox.owner.partition(":")
    return (kind == "agent" and scope.may_see_agent(name)) or (kind == "queue" and scope.may_see_queue(name))


def _mailboxes(request: Request) -> list[Mailbox]:
    boxes = request.services.directory.current().mailboxes.values()
    return [box for box in boxes if _may_open(request, box)]


def _mailbox(request: Request) -> Mailbox:
    """Raises NotFound also for one that the asker may not open."""
    found = next((box for box in _mailboxes(request) if box.name == request.path("name")), None)
    if found is None:
        raise NotFound("there is no such mailbox")
    return found


def _message(request: Request) -> Message:
    found = request.services.part(Voicemail).message(request.path("id"))
    if all(box.name != found.mailbox for box in _mailboxes(request)) and not request.scope.everything:
        raise NotFound("there is no such message")
    return found


def _item(request: Request, found: Message) -> MessageItem:
    overdue = bool(found.due_at) and found.state != "done" and request.services.clock.utc() > found.due_at
    return MessageItem(
        id=found.id, mailbox=found.mailbox, call=found.call, caller=found.caller, caller_name=found.caller_name,
        queue=found.queue or None, wait_ms=found.waited_ms, data=dict(found.data), created=rfc3339(found.created_at),
        duration_ms=found.duration_ms, state=found.state, assignee=found.assignee, note=found.note,
        heard=rfc3339(found.heard_at) if found.heard_at else None, due=rfc3339(found.due_at) if found.due_at else None,
        overdue=overdue, callback=found.callback if found.callback not in ("", "wanted") else None,
    )  # fmt: skip


async def list_messages(request: Request) -> MessageItems:
    query = request.query(MessageQuery)
    boxes = [box.name for box in _mailboxes(request) if query.mailbox in ("", box.name)]
    if query.mailbox and not boxes:
        raise NotFound("there is no such mailbox")
    states = [query.state] if query.state else []
    page = await request.services.part(Voicemail).page(boxes, states, query.limit, query.cursor)
    return MessageItems(items=[_item(request, entry) for entry in page.items], next=page.next)


async def get_message(request: Request) -> MessageItem:
    return _item(request, _message(request))


async def get_message_audio(request: Request) -> web.StreamResponse:
    found, voicemail = _message(request), request.services.part(Voicemail)
    path = voicemail.audio(found.id)
    if not path.is_file():
        raise NotFound("the message's sound is gone")
    request.services.recordings.accessed(found.recording, found.call, "play", request.who.actor)
    if found.state == "new" and request.who.role is not Role.API:
        voicemail.change(found.id, request.who.actor, state="heard")
    headers = {"Content-Type": "audio/wav", "Content-Disposition": f'inline; filename="{found.id}.wav"'}
    return web.FileResponse(path, headers=headers)


async def change_message(request: Request) -> MessageItem:
    body, found = request.body(MessageWork), _message(request)
    now = request.services.directory.current()
    if body.assignee and body.assignee not in now.agents and body.assignee not in now.users:
        raise Invalid("assignee", f"there is nobody called {body.assignee}")
    changed = request.services.part(Voicemail).change(
        found.id, request.who.actor, state=body.state or "", assignee=body.assignee, note=body.note
    )
    return _item(request, changed)


async def delete_message(request: Request) -> None:
    request.services.part(Voicemail).delete(_message(request).id, request.who.actor)


async def list_mailboxes(request: Request) -> MailboxItems:
    voicemail = request.services.part(Voicemail)
    items = []
    for box in _mailboxes(request):
        state = voicemail.state(box.name)
        kinds = voicemail.greetings.kinds(box.name)
        items.append(
            MailboxItem(name=box.name, title=box.title, owner=box.owner, new=state.new, old=state.old, greetings=kinds)
        )
    return MailboxItems(items=items, next=None)


def _kind(request: Request) -> str:
    kind = request.path("kind")
    if kind not in {known.value for known in GreetingKind}:
        raise NotFound(f"greetings are {' '.join(GreetingKind)}")
    return kind


async def get_greeting(request: Request) -> web.StreamResponse:
    box, kind = _mailbox(request), _kind(request)
    path = request.services.part(Voicemail).greetings.path(box.name, kind)
    if not path.is_file():
        raise NotFound("this mailbox has no greeting of this kind")
    return web.FileResponse(path, headers={"Content-Type": "audio/wav"})


async def put_greeting(request: Request) -> dict[str, Any]:
    box, kind = _mailbox(request), _kind(request)
    if request.http.content_type.partition("/")[0] != "audio":
        raise BadRequest("expected a body of a type audio/…", status=415)
    greetings = request.services.part(Voicemail).greetings
    await greetings.keep(box.name, kind, await octets_of(request.http, MOST_OCTETS))
    return {"mailbox": box.name, "greetings": greetings.kinds(box.name)}


async def delete_greeting(request: Request) -> None:
    box, kind = _mailbox(request), _kind(request)
    await request.services.part(Voicemail).greetings.remove(box.name, kind)


ROUTES = (
    Route(method="GET", path="/voicemail", handler=list_messages, permission=Permission.VOICEMAIL, query=MessageQuery,
          reply=MessageItems, summary="Messages, newest first"),
    Route(method="GET", path="/voicemail/{id}", handler=get_message, permission=Permission.VOICEMAIL, reply=MessageItem,
          summary="One message"),
    Route(method="GET", path="/voicemail/{id}/audio", handler=get_message_audio, permission=Permission.VOICEMAIL,
          reply_type="audio/wav", summary="Its sound; a new message counts as heard then"),
    Route(method="PUT", path="/voicemail/{id}", handler=change_message, permission=Permission.VOICEMAIL, body=MessageWork,
          reply=MessageItem, summary="Work on a message: state, who does it, a note"),
    Route(method="DELETE", path="/voicemail/{id}", handler=delete_message, permission=Permission.VOICEMAIL, status=204,
          summary="Delete a message"),
    Route(method="GET", path="/mailboxes", handler=list_mailboxes, permission=Permission.VOICEMAIL, reply=MailboxItems,
          summary="Mailboxes with their lamps and greetings"),
    Route(method="GET", path="/mailboxes/{name}/greetings/{kind}", handler=get_greeting, permission=Permission.VOICEMAIL,
          reply_type="audio/wav", summary="A greeting: normal, busy, absent, closed"),
    Route(method="PUT", path="/mailboxes/{name}/greetings/{kind}", handler=put_greeting, permission=Permission.VOICEMAIL,
          raw_body="audio/*", summary="Upload a greeting, of any sound format"),
    Route(method="DELETE", path="/mailboxes/{name}/greetings/{kind}", handler=delete_greeting, permission=Permission.VOICEMAIL,
          status=204, summary="Back to the shipped words"),
)  # fmt: skip
