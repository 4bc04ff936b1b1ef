"""When a caller is looked up: at once where a pop or a flow may want it, on demand where nobody sees who calls."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from softswitch.customers.book import CustomerBook, Known
from softswitch.customers.model import Contact
from softswitch.customers.numbers import NumberIndex
from softswitch.directory.snapshot import Snapshot
from softswitch.features.screen_pop import ScreenPops
from softswitch.model.clock import Clock
from softswitch.model.destination import DestinationKind
from softswitch.model.events import CallCreated, CallTransferred, QueueEntered
from softswitch.store.spool import Spool

BEFORE = Contact(call="c0", at=1.0, direction="in", queue="", agent="li", result="answered")


class Book:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.numbers = NumberIndex()
        self.numbers.load(["13900000000"])

    async def known(self, number: str) -> Known:
        self.asked.append(number)
        return Known(contacts=(BEFORE,))


class Line:
    """What is asked of a call."""

    def __init__(self, first: DestinationKind) -> None:
        self.first = first


class Calls:
    def __init__(self) -> None:
        self.first = DestinationKind.OUTSIDE

    def get(self, _call: str) -> Line:
        return Line(self.first)


class Still:
    def now(self) -> float:
        return 0.0

    def utc(self) -> float:
        return 0.0


@pytest.fixture
def book() -> Book:
    return Book()


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def pops(book: Book, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> ScreenPops:
    monkeypatch.setattr("softswitch.features.screen_pop.place_of", lambda _number, _language: "")
    return ScreenPops(
        cast(CustomerBook, book), cast(Any, calls), lambda: Snapshot.of([]), cast(Clock, Still()), cast(Spool, None)
    )


def created(caller: str = "13800138000", *, agent: str = "") -> CallCreated:
    return CallCreated(call="c1", direction="in", caller=caller, called="4000", agent=agent)


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_call_through_to_the_outside_asks_the_database_nothing(pops: ScreenPops, book: Book) -> None:
    pops.note(created())
    await settle()
    assert book.asked == []


@pytest.mark.parametrize("kind", [DestinationKind.QUEUE, DestinationKind.FLOW, DestinationKind.AGENT])
async def test_who_comes_for_the_call_centre_is_looked_up_at_once(
    pops: ScreenPops, book: Book, calls: Calls, kind: DestinationKind
) -> None:
    calls.first = kind
    pops.note(created())
    await settle()
    assert book.asked == ["13800138000"]


async def test_a_customer_is_looked_up_wherever_the_call_goes(pops: ScreenPops, book: Book) -> None:
    pops.note(created("+8613900000000"))
    await settle()
    assert book.asked == ["+8613900000000"]


async def test_a_call_of_an_agent_is_looked_up(pops: ScreenPops, book: Book) -> None:
    pops.note(created(agent="li"))
    await settle()
    assert book.asked == ["13800138000"]


@pytest.mark.parametrize(
    "later",
    [QueueEntered(call="c1", queue="q", visit="v1", position=1), CallTransferred(call="c1", kind="blind", target="queue:q")],
)
async def test_a_call_that_is_sent_on_is_looked_up_then(pops: ScreenPops, book: Book, later: Any) -> None:
    pops.note(created())
    pops.note(later)
    pops.note(later)
    await settle()
    assert book.asked == ["13800138000"]


async def test_who_asks_gets_what_is_known(pops: ScreenPops, book: Book) -> None:
    pops.note(created())
    assert (await pops.ready("c1")).contacts == (BEFORE,)
    assert (await pops.ready("c1")).contacts == (BEFORE,)
    assert book.asked == ["13800138000"]
