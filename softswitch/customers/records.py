"""Customers in the database: functions of a connection, for `Store.read` and `Store.write`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, union_all, update

from softswitch.customers.model import CallDisposition, CallNote, Contact, Customer, FieldDefinition
from softswitch.customers.tables import (
    call_customers,
    call_dispositions,
    call_notes,
    customer_fields,
    customer_numbers,
    customers,
)
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.number import canonical
from softswitch.store.cursor import Page, newest_first, page_of
from softswitch.store.tables import cdr

AT_ONCE = 500
"""Values of one IN list."""


def by_ids(connection: Connection, ids: Sequence[str]) -> list[Customer]:
    """In the order of `ids`; those that are gone are missing."""
    found: dict[str, Customer] = {}
    for start in range(0, len(ids), AT_ONCE):
        part = list(ids[start : start + AT_ONCE])
        rows = connection.execute(select(customers).where(customers.c.id.in_(part))).all()
        numbers = select(customer_numbers).where(customer_numbers.c.customer.in_(part)).order_by(customer_numbers.c.place)
        written: dict[str, list[str]] = {}
        for row in connection.execute(numbers):
            written.setdefault(row.customer, []).append(row.written)
        found.update({row.id: _customer(row, written.get(row.id, ())) for row in rows})
    return [found[one] for one in ids if one in found]


def by_number(connection: Connection, number: str, limit: int = 5) -> list[Customer]:
    """Those who have this number, the one seen last first."""
    key = canonical(number)
    query = (
        select(customers.c.id)
        .join(customer_numbers, customer_numbers.c.customer == customers.c.id)
        .where(customer_numbers.c.number == key)
        .order_by(customers.c.updated.desc())
        .limit(limit)
    )
    return by_ids(connection, connection.execute(query).scalars().all())


def all_numbers(connection: Connection) -> Iterable[str]:
    """Canonical, a few hundred at a time."""
    return connection.execute(select(customer_numbers.c.number)).scalars().yield_per(AT_ONCE)


def search(connection: Connection, text: str, *, limit: int, cursor: str = "") -> Page[Customer]:
    """By a part of the name or the beginning of a number; newest change first. Raises ForeignCursor."""
    query = select(customers.c.id)
    if text:
        query = query.where(_matching(text))
    query = newest_first(query, customers.c.updated, customers.c.id, limit=limit, cursor=cursor)
    found = by_ids(connection, connection.execute(query).scalars().all())
    return page_of(found, limit, lambda customer: (customer.updated, customer.id))


def _matching(text: str) -> ColumnElement[bool]:
    part = text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    named = customers.c.name.like(f"%{part}%", escape="\\")
    digits = canonical(text)
    if not any(sign.isdigit() for sign in digits):
        return named
    numbered = select(customer_numbers.c.customer).where(
        customer_numbers.c.number >= digits, customer_numbers.c.number < digits + "\U0010ffff"
    )
    return or_(named, customers.c.id.in_(numbered))


def count(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(customers)).scalar_one()


def create(connection: Connection, made: Iterable[Customer]) -> None:
    rows, numbers = [], []
    for one in made:
        rows.append(_columns(one))
        numbers += _number_rows(one)
    if rows:
        connection.execute(insert(customers), rows)
    if numbers:
        connection.execute(insert(customer_numbers), numbers)


def replace(connection: Connection, customer: Customer, based_on: int) -> None:
    """Raises Conflict when somebody else changed the record since version `based_on`, NotFound when it is gone."""
    here = customers.c.id == customer.id
    changed = connection.execute(update(customers).where(here, customers.c.version == based_on).values(_columns(customer)))
    if not changed.rowcount:
        if connection.execute(select(customers.c.id).where(here)).first() is None:
            raise NotFound("there is no such customer")
        raise Conflict("somebody else changed this customer in the meantime")
    connection.execute(delete(customer_numbers).where(customer_numbers.c.customer == customer.id))
    if numbers := _number_rows(customer):
        connection.execute(insert(customer_numbers), numbers)


def remove(connection: Connection, identity: str) -> None:
    """The record, its numbers and its place in calls; the calls themselves stay. Raises NotFound."""
    if not connection.execute(delete(customers).where(customers.c.id == identity)).rowcount:
        raise NotFound("there is no such customer")
    connection.execute(delete(customer_numbers).where(customer_numbers.c.customer == identity))
    connection.execute(delete(call_customers).where(call_customers.c.customer == identity))


def move_calls(connection: Connection, other: str, identity: str) -> None:
    """Gives the calls of `other` to `identity`."""
    connection.execute(update(call_customers).where(call_customers.c.customer == other).values(customer=identity))


# what belongs to calls


def link(connection: Connection, call: str, customer: str, at: float) -> None:
    connection.execute(delete(call_customers).where(call_customers.c.call == call))
    connection.execute(insert(call_customers).values(call=call, customer=customer, at=at))


def customer_of(connection: Connection, call: str) -> str:
    return connection.execute(select(call_customers.c.customer).where(call_customers.c.call == call)).scalar() or ""


def add_note(connection: Connection, note: CallNote) -> None:
    connection.execute(insert(call_notes).values(call=note.call, author=note.author, text=note.text, at=note.at))


def notes_of(connection: Connection, call: str) -> list[CallNote]:
    rows = connection.execute(select(call_notes).where(call_notes.c.call == call).order_by(call_notes.c.id))
    return [CallNote(call=row.call, author=row.author, text=row.text, at=row.at) for row in rows]


def set_disposition(connection: Connection, given: CallDisposition) -> None:
    same = (call_dispositions.c.call == given.call) & (call_dispositions.c.agent == given.agent)
    connection.execute(delete(call_dispositions).where(same))
    values = {"call": given.call, "agent": given.agent, "codes": json.dumps(given.codes), "note": given.note, "at": given.at}
    connection.execute(insert(call_dispositions).values(values))


def dispositions_of(connection: Connection, calls: Sequence[str]) -> dict[str, list[CallDisposition]]:
    found: dict[str, list[CallDisposition]] = {}
    query = select(call_dispositions).where(call_dispositions.c.call.in_(list(calls))).order_by(call_dispositions.c.at)
    for row in connection.execute(query):
        given = CallDisposition(call=row.call, agent=row.agent, codes=tuple(json.loads(row.codes)), note=row.note, at=row.at)
        found.setdefault(row.call, []).append(given)
    return found


def history(connection: Connection, customer: str, numbers: Sequence[str], *, limit: int, before: float) -> list[Contact]:
    """Earlier calls, newest first: those linked to the customer, and those from or to the numbers that nobody linked."""
    linked = select(call_customers.c.call).where(call_customers.c.customer == customer) if customer else None
    forms = sorted({form for number in numbers for form in (number, canonical(number), "+86" + canonical(number)) if number})
    ways: list[ColumnElement[bool]] = [] if linked is None else [cdr.c.id.in_(linked)]
    ways += [column == form for column in (cdr.c.caller, cdr.c.called) for form in forms]
    if not ways:
        return []
    # Each way by itself is a few steps along an index; together they would sort all calls of a number that calls all day.
    newest = [
        select(cdr.c.id).where(way, cdr.c.created_at < before).order_by(cdr.c.created_at.desc()).limit(limit).subquery()
        for way in ways
    ]
    query = (
        select(cdr)
        .where(cdr.c.id.in_(union_all(*(select(part.c.id) for part in newest))))
        .order_by(cdr.c.created_at.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    codes = dispositions_of(connection, [row.id for row in rows])
    return [_contact(row, codes.get(row.id, ())) for row in rows]


def _contact(row: Row[Any], given: Sequence[CallDisposition]) -> Contact:
    last = given[-1] if given else None
    return Contact(
        call=row.id, at=row.created_at, direction=row.direction, queue=row.queue, agent=row.agent, result=row.result,
        codes=last.codes if last else (), note=last.note if last else "",
    )  # fmt: skip


# own fields


def definitions(connection: Connection) -> list[FieldDefinition]:
    rows = connection.execute(select(customer_fields).order_by(customer_fields.c.place, customer_fields.c.key))
    return [
        FieldDefinition(
            key=row.key, title=row.title, title_en=row.title_en, type=row.type, choices=tuple(json.loads(row.choices)),
            required=row.required, masked=row.masked, order=row.place,
        )
        for row in rows
    ]  # fmt: skip


def set_definitions(connection: Connection, given: Sequence[FieldDefinition]) -> None:
    connection.execute(delete(customer_fields))
    rows = [
        {
            "key": one.key, "title": one.title, "title_en": one.title_en, "type": one.type, "choices": json.dumps(one.choices),
            "required": one.required, "masked": one.masked, "place": one.order,
        }
        for one in given
    ]  # fmt: skip
    if rows:
        connection.execute(insert(customer_fields), rows)


def _columns(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id, "name": customer.name, "grade": customer.grade, "vip": customer.vip,
        "importance": customer.importance, "dedicated_agent": customer.dedicated_agent, "language": customer.language,
        "note": customer.note, "fields": json.dumps(dict(customer.fields), ensure_ascii=False), "created": customer.created,
        "updated": customer.updated, "version": customer.version,
    }  # fmt: skip


def _number_rows(customer: Customer) -> list[Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for place, written in enumerate(customer.numbers):
        key = canonical(written)
        found.setdefault(key, {"customer": customer.id, "number": key, "written": written, "place": place})
    return list(found.values())


def _customer(row: Row[Any], numbers: Iterable[str]) -> Customer:
    values = {name: value for name, value in row._mapping.items() if name != "fields"}
    return Customer(**values, numbers=tuple(numbers), fields=json.loads(row.fields))
