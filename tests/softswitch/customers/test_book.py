"""Customers: found by any spelling of a number, changed by one at a time, merged without loss; what came of calls."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.customers import records
from softswitch.customers.book import CustomerBook
from softswitch.customers.model import FieldDefinition
from softswitch.customers.tables import SCHEMA
from softswitch.directory.model import Agent, Disposition, Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.model.errors import Conflict, ForeignCursor, Invalid, NotFound
from softswitch.model.events import CallDisposed, CustomerSaved, Event
from softswitch.store.database import Store
from softswitch.store.tables import cdr


class Clock:
    def __init__(self) -> None:
        self.at = 1_750_000_000.0

    def now(self) -> float:
        return self.at

    def utc(self) -> float:
        return self.at


DIRECTORY = Snapshot.of([
    (Kind.AGENT, Agent(login="li")),
    (Kind.DISPOSITION, Disposition(code="fault")),
    (Kind.DISPOSITION, Disposition(code="line", parent="fault", note_required=True)),
    (Kind.DISPOSITION, Disposition(code="praise")),
])  # fmt: skip


@pytest.fixture
async def journal() -> list[Event]:
    return []


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def book(tmp_path: Path, journal: list[Event], clock: Clock) -> AsyncIterator[CustomerBook]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", (SCHEMA,))
    numbers = itertools.count(1)
    made = CustomerBook(store, clock, lambda: DIRECTORY, journal.append, lambda: str(next(numbers)))
    await made.load()
    yield made
    await store.close()


async def test_a_number_is_found_however_it_is_written(book: CustomerBook) -> None:
    made = await book.create({"name": "王小明", "numbers": ["+86 138-0013-8000"]}, "li")
    for written in ("13800138000", "+8613800138000", "013800138000", "138 0013 8000", "008613800138000"):
        assert [one.id for one in await book.by_number(written)] == [made.id], written
    assert await book.by_number("13800138001") == []
    assert (await book.get(made.id)).numbers == ("+86 138-0013-8000",)


async def test_search_finds_parts_of_names_and_beginnings_of_numbers(book: CustomerBook) -> None:
    await book.create({"name": "王小明", "numbers": ["13800138000"]}, "li")
    await book.create({"name": "100% pure", "numbers": ["13911112222"]}, "li")
    assert [one.name for one in (await book.search("小明")).items] == ["王小明"]
    assert [one.name for one in (await book.search("1391")).items] == ["100% pure"]
    assert [one.name for one in (await book.search("100%")).items] == ["100% pure"]
    assert (await book.search("0%p")).items == ()


async def test_pages_follow_each_other_without_gaps(book: CustomerBook, clock: Clock) -> None:
    for number in range(25):
        clock.at += number % 3 == 0  # some share their time
        await book.create({"name": f"c{number}"}, "li")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await book.search("", limit=10, cursor=cursor)
        seen += [one.name for one in page.items]
        cursor = page.next
    assert len(seen) == len(set(seen)) == 25
    with pytest.raises(ForeignCursor):
        await book.search("", cursor="nonsense")


async def test_two_people_cannot_change_the_same_version(book: CustomerBook) -> None:
    made = await book.create({"name": "a"}, "li")
    await book.change(made.id, {"note": "first"}, "li", made.version)
    with pytest.raises(Conflict):
        await book.change(made.id, {"note": "second"}, "li", made.version)
    assert (await book.get(made.id)).note == "first"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a", "importance": 101}, "importance"),
        ({"name": "a", "importance": True}, "importance"),
        ({"name": "a", "numbers": ["'; drop"]}, "numbers"),
        ({"name": "a", "dedicated_agent": "nobody"}, "dedicated_agent"),
        ({"name": "a", "fields": {"unknown": 1}}, "fields.unknown"),
        ({"name": "a", "id": "k1"}, "id"),
    ],
)
async def test_wrong_values_name_the_field(book: CustomerBook, values: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await book.create(values, "li")
    assert caught.value.field == field
    assert (await book.search("")).items == ()


async def test_own_fields_are_checked_by_their_type(book: CustomerBook) -> None:
    await book.define([
        FieldDefinition(key="plan", type="choice", choices=("A", "B"), required=True),
        FieldDefinition(key="since", type="date"),
        FieldDefinition(key="lines", type="number"),
        FieldDefinition(key="active", type="boolean"),
    ], "li")  # fmt: skip
    with pytest.raises(Invalid) as missing:
        await book.create({"name": "a"}, "li")
    assert missing.value.field == "plan"
    own = {"plan": "A", "since": "2026-05-01", "lines": "3", "active": "是"}
    made = await book.create({"name": "a", "fields": own}, "li")
    assert dict((await book.get(made.id)).fields) == {"plan": "A", "since": "2026-05-01", "lines": 3, "active": True}
    for key, wrong in (("plan", "C"), ("since", "yesterday"), ("lines", "inf"), ("active", "maybe")):
        with pytest.raises(Invalid) as caught:
            await book.change(made.id, {"fields": {key: wrong}}, "li")
        assert caught.value.field == key
    changed = await book.change(made.id, {"fields": {"lines": 4}}, "li")
    assert changed.fields["plan"] == "A"


async def test_merging_keeps_what_both_know(book: CustomerBook) -> None:
    kept = await book.create({"name": "王", "numbers": ["13800138000"], "importance": 10, "note": "old"}, "li")
    gone = await book.create({"name": "王小明", "numbers": ["01088886666"], "importance": 60, "vip": True, "note": "new"}, "li")
    await book.link("c1", gone.id)
    merged = await book.merge(kept.id, gone.id, "li")
    assert (merged.name, merged.numbers, merged.importance, merged.vip) == ("王", ("13800138000", "01088886666"), 60, True)
    assert merged.note == "old\nnew"
    assert [one.id for one in await book.by_number("01088886666")] == [kept.id]
    assert await book.store.read(lambda c: records.customer_of(c, "c1")) == kept.id
    with pytest.raises(NotFound):
        await book.get(gone.id)
    with pytest.raises(Invalid):
        await book.merge(kept.id, kept.id, "li")


async def test_removing_a_customer_leaves_the_calls(book: CustomerBook) -> None:
    made = await book.create({"name": "a", "numbers": ["13800138000"]}, "li")
    await book.link("c1", made.id)
    await book.remove(made.id, "boss")
    assert await book.by_number("13800138000") == []
    assert (await book.about("c1"))[0] is None


async def test_what_came_of_a_call_is_a_path_of_the_tree(book: CustomerBook, journal: list[Event]) -> None:
    for codes, note, field in ((["line"], "x", "codes.0"), (["fault", "line"], " ", "note"), ([], "", "codes")):
        with pytest.raises(Invalid) as caught:
            await book.dispose("c1", "li", codes, note)
        assert caught.value.field == field
    await book.dispose("c1", "li", ["praise"], "")
    await book.dispose("c1", "li", ["fault", "line"], "cable cut")
    _, given, _ = await book.about("c1")
    assert [(one.agent, one.codes, one.note) for one in given] == [("li", ("fault", "line"), "cable cut")]
    assert [event.codes for event in journal if isinstance(event, CallDisposed)] == [("praise",), ("fault", "line")]


async def test_every_change_is_in_the_log(book: CustomerBook, journal: list[Event]) -> None:
    made = await book.create({"name": "a"}, "li")
    await book.change(made.id, {"note": "b"}, "boss")
    await book.remove(made.id, "boss")
    saved = [(event.actor, event.customer, event.fields) for event in journal if isinstance(event, CustomerSaved)]
    assert saved == [("li", made.id, ("name",)), ("boss", made.id, ("note",)), ("boss", made.id, ("removed",))]


async def test_history_has_calls_of_the_number_and_those_linked(book: CustomerBook, clock: Clock) -> None:
    made = await book.create({"name": "a", "numbers": ["13800138000"]}, "li")
    at = clock.at

    def call(identity: str, caller: str, minutes: float) -> dict[str, object]:
        return {
            "id": identity, "direction": "in", "caller": caller, "caller_name": "", "called": "1000", "trunk": "",
            "source": "sip", "queue": "sales", "agent": "li", "result": "answered", "cause": "normal", "q850": 16,
            "sip_status": 200, "who": "caller", "created_at": at - 60 * minutes, "answered_at": None, "connected_at": None,
            "ended_at": at, "wait_ms": 0, "ring_ms": 0, "talk_ms": 0, "hold_ms": 0, "duration_ms": 0, "sip_call_id": "",
            "context": "{}",
        }  # fmt: skip

    rows = [call("c1", "13800138000", 30), call("c2", "+8613800138000", 20), call("c3", "5550000", 10), call("c4", "777", 5)]
    await book.store.write(lambda c: c.execute(cdr.insert(), rows))
    await book.link("c3", made.id)
    await book.dispose("c2", "li", ["praise"], "")
    found = await book.history(made.id)
    assert [one.call for one in found] == ["c3", "c2", "c1"]
    assert found[1].codes == ("praise",)
    known = await book.known("13800138000", contacts=2)
    assert known.customer == made
    assert [one.call for one in known.contacts] == ["c3", "c2"]
    assert known.last_agent(at - 3600) == "li"
    assert known.last_agent(at - 60) == ""


async def test_the_numbers_of_customers_are_known_without_the_database(book: CustomerBook) -> None:
    before = await book.create({"name": "王", "numbers": ["13800138000"]}, "li")
    await book.index_numbers()
    assert book.numbers.may_have("+8613800138000")
    assert not book.numbers.may_have("13911112222")
    await book.change(before.id, {"numbers": ["13911112222"]}, "li")
    assert book.numbers.may_have("13911112222")
