"""Customers: search, records, own fields, merging, import, export; and what is said of a call: who, what came of it, notes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from aiohttp import web
from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.customers import exchange
from softswitch.customers.book import CustomerBook
from softswitch.customers.masking import hidden, masked
from softswitch.customers.model import CallDisposition, CallNote, Contact, Customer, FieldDefinition
from softswitch.features.screen_pop import ScreenPops
from softswitch.model.errors import Forbidden, Invalid, NotFound, Refusal
from softswitch.model.events import rfc3339
from softswitch.model.states import Role
from softswitch.store import calls as store_calls
from web.errors import BadRequest
from web.routing import Model, Request, Route
from web.shapes import Shape

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_OCTETS = 32 << 20


class CustomerItem(Shape):
    id: str
    name: str
    numbers: list[str]
    grade: str = Field(serialization_alias="class")
    vip: bool
    importance: int
    dedicated_agent: str
    language: str
    note: str
    fields: dict[str, Any]
    created: str
    updated: str
    version: int
    masked: bool


class CustomerList(Shape):
    items: list[CustomerItem]
    next: str | None = None


class ContactItem(Shape):
    id: str
    at: str
    direction: str
    queue: str | None
    agent: str | None
    result: str
    codes: list[str]
    disposition: str | None
    """The deepest of the codes."""
    note: str


class ContactList(Shape):
    items: list[ContactItem]
    next: str | None = None


class FieldItem(Model):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    title: str = Field("", max_length=60)
    title_en: str = Field("", max_length=60)
    type: Literal["text", "number", "date", "choice", "flag"] = "text"
    choices: list[str] = Field(default_factory=list, max_length=200)
    required: bool = False
    masked: bool = False
    order: int = Field(100, ge=0, le=10_000)


class FieldList(Model):
    items: list[FieldItem] = Field(max_length=100)


class CustomerQuery(Model):
    q: str = Field("", max_length=100)
    number: str = Field("", max_length=64)
    limit: int = Field(50, ge=1, le=200)
    cursor: str = Field("", max_length=256)


class CustomerBody(Model):
    """What is not given stays as it is. `version`: of the record that was read; another one is a conflict."""

    name: str | None = None
    numbers: list[str] | None = None
    grade: str | None = Field(None, alias="class")
    vip: bool | None = None
    importance: int | None = None
    dedicated_agent: str | None = None
    language: str | None = None
    note: str | None = None
    fields: dict[str, Any] | None = None
    version: int | None = None

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude={"version"})


class MergeBody(Model):
    other: str = Field(min_length=1, max_length=64)


class ExportQuery(Model):
    format: Literal["csv", "xlsx"] = "csv"
    language: Literal["zh-CN", "en"] = "zh-CN"


class RowFaultItem(Shape):
    line: int
    reason: str


class ImportReply(Shape):
    created: int
    updated: int
    skipped: int
    errors: list[RowFaultItem]


class DispositionBody(Model):
    codes: list[str] = Field(max_length=3)
    note: str = Field("", max_length=4000)
    agent: str = Field("", max_length=128, description="whose contact; empty: the asker's, of a program the call's agent's")


class DispositionItem(Shape):
    call: str
    agent: str
    codes: list[str]
    note: str
    at: str


class NoteBody(Model):
    text: str = Field(max_length=4000)


class NoteItem(Shape):
    author: str
    text: str
    at: str


class WhoBody(Model):
    customer: str = Field(min_length=1, max_length=64)


def is_masked(request: Request) -> bool:
    """Whether the asker sees numbers of customers with stars."""
    return request.services.settings.customers.mask_numbers and not request.may(Permission.CUSTOMER_UNMASK)


def item(customer: Customer, definitions: Sequence[FieldDefinition], *, stars: bool) -> CustomerItem:
    concealed = {one.key for one in definitions if one.masked} if stars else set()
    own = {key: hidden(value) if key in concealed else value for key, value in customer.fields.items()}
    return CustomerItem(
        id=customer.id, name=customer.name, numbers=[masked(n) if stars else n for n in customer.numbers],
        grade=customer.grade, vip=customer.vip, importance=customer.importance, dedicated_agent=customer.dedicated_agent,
        language=customer.language, note=customer.note, fields=own, created=rfc3339(customer.created),
        updated=rfc3339(customer.updated), version=customer.version, masked=stars,
    )  # fmt: skip


def contact(one: Contact) -> ContactItem:
    return ContactItem(
        id=one.call, at=rfc3339(one.at), direction=one.direction, queue=one.queue or None, agent=one.agent or None,
        result=one.result, codes=list(one.codes), disposition=one.codes[-1] if one.codes else None, note=one.note,
    )  # fmt: skip


def disposition(given: CallDisposition) -> DispositionItem:
    return DispositionItem(call=given.call, agent=given.agent, codes=list(given.codes), note=given.note, at=rfc3339(given.at))


def note_item(note: CallNote) -> NoteItem:
    return NoteItem(author=note.author, text=note.text, at=rfc3339(note.at))


def _book(request: Request) -> CustomerBook:
    return request.services.part(CustomerBook)


def _shown(request: Request, customer: Customer) -> CustomerItem:
    return item(customer, _book(request).definitions, stars=is_masked(request))


async def list_customers(request: Request) -> CustomerList:
    query = request.query(CustomerQuery)
    if query.number:
        found = await _book(request).by_number(query.number)
        return CustomerList(items=[_shown(request, one) for one in found])
    page = await _book(request).search(query.q, limit=query.limit, cursor=query.cursor)
    return CustomerList(items=[_shown(request, one) for one in page.items], next=page.next)


async def create_customer(request: Request) -> CustomerItem:
    made = await _book(request).create(request.body(CustomerBody).values(), request.who.actor)
    return _shown(request, made)


async def get_customer(request: Request) -> CustomerItem:
    return _shown(request, await _book(request).get(request.path("id")))


async def change_customer(request: Request) -> CustomerItem:
    body = request.body(CustomerBody)
    values = body.values()
    if is_masked(request) and any("*" in number for number in values.get("numbers", ())):
        raise Forbidden("numbers that you see with stars cannot be written back")
    changed = await _book(request).change(request.path("id"), values, request.who.actor, body.version)
    return _shown(request, changed)


async def remove_customer(request: Request) -> None:
    await _book(request).remove(request.path("id"), request.who.actor)


async def merge_customers(request: Request) -> CustomerItem:
    merged = await _book(request).merge(request.path("id"), request.body(MergeBody).other, request.who.actor)
    return _shown(request, merged)


async def history(request: Request) -> ContactList:
    return ContactList(items=[contact(one) for one in await _book(request).history(request.path("id"))])


async def get_fields(request: Request) -> FieldList:
    return FieldList(items=[
        FieldItem(name=one.key, title=one.title, title_en=one.title_en, type="flag" if one.type == "boolean" else one.type,
                  choices=list(one.choices), required=one.required, masked=one.masked, order=one.order)
        for one in _book(request).definitions
    ])  # fmt: skip


async def set_fields(request: Request) -> FieldList:
    given = [
        FieldDefinition(
            key=one.name, title=one.title, title_en=one.title_en, type="boolean" if one.type == "flag" else one.type,
            choices=tuple(one.choices), required=one.required, masked=one.masked, order=one.order,
        )
        for one in request.body(FieldList).items
    ]  # fmt: skip
    await _book(request).define(given, request.who.actor)
    return await get_fields(request)


async def import_file(request: Request) -> ImportReply:
    """The body is the file; its content type says which kind."""
    form = {"text/csv": "csv", _SHEET: "xlsx"}.get(request.http.content_type)
    if form is None:
        raise BadRequest(f"expected a body of type text/csv or {_SHEET}", status=415)
    content = bytearray()
    async for chunk in request.http.content.iter_chunked(1 << 16):
        content += chunk
        if len(content) > MOST_OCTETS:
            raise BadRequest("the file is too large (32 MiB at most)", status=413)
    rows = await asyncio.to_thread(lambda: list(exchange.read_rows(bytes(content), form)))
    done = await exchange.import_customers(_book(request), rows, request.who.actor)
    faults = [RowFaultItem(line=one.row, reason=one.text) for one in done.faults]
    return ImportReply(created=done.created, updated=done.updated, skipped=done.refused, errors=faults)


async def export_file(request: Request) -> web.StreamResponse:
    query = request.query(ExportQuery)
    book = _book(request)
    if is_masked(request):
        raise Forbidden("a role that sees numbers with stars may not export them")
    rows = [exchange.titles_of(book.definitions, query.language)]
    cursor: str | None = ""
    while cursor is not None:
        page = await book.search("", limit=1000, cursor=cursor)
        rows += [exchange.row_of(one, book.definitions) for one in page.items]
        cursor = page.next
    write = exchange.to_csv if query.format == "csv" else exchange.to_xlsx
    content = await asyncio.to_thread(write, rows)
    book.exported(len(rows) - 1, request.who.actor)
    kind = "text/csv; charset=utf-8" if query.format == "csv" else _SHEET
    headers = {"Content-Type": kind, "Content-Disposition": f'attachment; filename="customers.{query.format}"'}
    return web.Response(body=content, headers=headers)


# what is said of a call


async def _parties(request: Request, call: str) -> tuple[str, frozenset[str]]:
    """The call's agent ("" for none) and everybody who took part. Raises NotFound."""
    live = request.services.calls.view(call)
    if live is not None:
        return live.agent, frozenset({live.agent, *(one.party.removeprefix("agent:") for one in live.participants)} - {""})
    store = request.services.store
    row = await store.read(lambda db: store_calls.call_record(db, call))
    if row is None:
        raise NotFound("there is no such call")
    timeline = await store.read(lambda db: store_calls.timeline_of(db, call))
    return row.agent, frozenset({row.agent, *(event.agent for event in timeline)} - {""})


async def _own_call(request: Request) -> str:
    """The call, when the asker took part in it or leads. Raises NotFound, Forbidden."""
    call = request.path("id")
    _, parties = await _parties(request, call)
    if request.who.role is Role.AGENT and request.who.login not in parties:
        raise Forbidden("an agent writes about the own calls only", Refusal.OWN_ONLY)
    return call


async def _whose(request: Request, call: str, named: str) -> str:
    """The agent whose contact the result is of. Raises Forbidden, Invalid for somebody who took no part."""
    own = request.who.login
    if named in ("", own) and request.who.role is not Role.API:
        return own
    if request.who.role is Role.AGENT:
        raise Forbidden("an agent writes about the own calls only", Refusal.OWN_ONLY)
    agent, parties = await _parties(request, call)
    if named and named not in parties:
        raise Invalid("agent", f"agent {named} took no part in this call")
    return named or agent or own


async def set_disposition(request: Request) -> DispositionItem:
    call, body = await _own_call(request), request.body(DispositionBody)
    agent = await _whose(request, call, body.agent)
    given = await _book(request).dispose(call, agent, body.codes, body.note, request.who.actor)
    request.services.floor.disposed(agent, call, given.codes)
    return disposition(given)


async def add_note(request: Request) -> NoteItem:
    call = await _own_call(request)
    return note_item(await _book(request).add_note(call, request.who.login, request.body(NoteBody).text))


async def set_customer(request: Request) -> CustomerItem:
    call, wanted = await _own_call(request), request.body(WhoBody).customer
    found = await request.services.part(ScreenPops).identify(call, wanted, "agent", request.who.actor)
    return _shown(request, found)


_P = Permission
ROUTES = (
    Route(method="GET", path="/customers", handler=list_customers, permission=_P.CUSTOMER, query=CustomerQuery,
          reply=CustomerList, summary="Customers by name, number or newest change"),
    Route(method="POST", path="/customers", handler=create_customer, permission=_P.CUSTOMER, body=CustomerBody,
          reply=CustomerItem, status=201, summary="Add a customer"),
    Route(method="GET", path="/customers/fields", handler=get_fields, permission=_P.CUSTOMER, reply=FieldList,
          summary="Own fields of customer records"),
    Route(method="PUT", path="/customers/fields", handler=set_fields, permission=_P.CONFIG, body=FieldList, reply=FieldList,
          summary="Define own fields"),
    Route(method="GET", path="/customers/export", handler=export_file, permission=_P.EXPORT, query=ExportQuery,
          reply_type="text/csv", files=(_SHEET,), summary="All customers as CSV or XLSX"),
    Route(method="POST", path="/customers/import", handler=import_file, permission=_P.CUSTOMER_DELETE, raw_body="text/csv",
          reply=ImportReply, summary="Import customers from CSV or XLSX"),
    Route(method="GET", path="/customers/{id}", handler=get_customer, permission=_P.CUSTOMER, reply=CustomerItem,
          summary="One customer"),
    Route(method="PUT", path="/customers/{id}", handler=change_customer, permission=_P.CUSTOMER, body=CustomerBody,
          reply=CustomerItem, summary="Change a customer"),
    Route(method="DELETE", path="/customers/{id}", handler=remove_customer, permission=_P.CUSTOMER_DELETE, status=204,
          summary="Remove a customer"),
    Route(method="POST", path="/customers/{id}/merge", handler=merge_customers, permission=_P.CUSTOMER_DELETE, body=MergeBody,
          reply=CustomerItem, summary="Merge another record into this one"),
    Route(method="GET", path="/customers/{id}/history", handler=history, permission=_P.CUSTOMER, reply=ContactList,
          summary="Calls of a customer"),
    Route(method="PUT", path="/calls/{id}/disposition", handler=set_disposition, permission=_P.CUSTOMER, body=DispositionBody,
          reply=DispositionItem, summary="What came of a call"),
    Route(method="POST", path="/calls/{id}/notes", handler=add_note, permission=_P.CUSTOMER, body=NoteBody, reply=NoteItem,
          status=201, summary="Write a note on a call"),
    Route(method="PUT", path="/calls/{id}/customer", handler=set_customer, permission=_P.CUSTOMER, body=WhoBody,
          reply=CustomerItem, summary="Say who the caller is"),
)  # fmt: skip
