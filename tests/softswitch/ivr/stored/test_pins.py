"""PINs: tries, locks, and who may set the first one."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import OperationalError

from softswitch.ivr.desk import Checked
from softswitch.ivr.pins import LOCK_SECONDS, PinBook, subscriber
from softswitch.ivr.tables import pins as table
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict
from softswitch.model.events import Event
from softswitch.store.database import Store

LINE = "075512345678"


def _nobody(_event: Event) -> None:
    """The audit is looked at elsewhere."""


@pytest.fixture
async def book(store: Store, clock: ManualClock) -> PinBook:
    made = PinBook(store, clock, _nobody)
    assert await made.change("75512345678", "1234", caller=LINE, certain=True) == "ok"
    return made


async def test_the_first_pin_only_from_the_own_line(store: Store, clock: ManualClock) -> None:
    book = PinBook(store, clock, _nobody)
    assert await book.change("75512345678", "1234", caller=LINE, certain=False) == "forbidden", "anybody can show a number"
    assert await book.change("75512345678", "1234", caller="075587654321", certain=True) == "forbidden"
    assert await book.change("75512345678", "1234", caller="", certain=True) == "forbidden"
    assert await book.change("75512345678", "1234", old="0000") == "unset"
    assert await book.check("75512345678", "1234") == Checked("unset")
    assert await book.change("75512345678", "1234", caller="+8675512345678", certain=True) == "ok"
    assert (await book.check("75512345678", "1234")).result == "ok"


async def test_the_numbers_of_the_customer_count_too(store: Store, clock: ManualClock) -> None:
    async def numbers(customer: str) -> tuple[str, ...]:
        return ("13800138000",) if customer == "u7" else ()

    book = PinBook(store, clock, _nobody, numbers)
    assert await book.change("u8", "1234", caller="13800138000", certain=True) == "forbidden"
    assert await book.change("u7", "1234", caller="13800138000", certain=True) == "ok"


async def test_later_changes_need_the_old_pin_even_from_the_own_line(book: PinBook) -> None:
    assert await book.change("75512345678", "5678", caller=LINE, certain=True) == "wrong"
    assert await book.change("75512345678", "5678", old="9999") == "wrong"
    assert await book.change("75512345678", "5678", old="1234") == "ok"
    assert (await book.check("75512345678", "5678")).result == "ok"


async def test_three_wrong_tries_lock_for_a_day(book: PinBook, clock: ManualClock) -> None:
    assert [(await book.check("75512345678", pin)).result for pin in "123"] == ["wrong", "wrong", "locked"]
    assert (await book.check("75512345678", "1234")).result == "locked"
    assert await book.change("75512345678", "5678", old="1234") == "locked"
    clock.advance(LOCK_SECONDS - 1)
    assert (await book.check("75512345678", "1234")).result == "locked"
    clock.advance(2)
    assert (await book.check("75512345678", "1234")).result == "ok"


async def test_a_right_try_starts_the_count_again(book: PinBook) -> None:
    for pin in ("1", "2", "1234", "1", "2"):
        await book.check("75512345678", pin)
    assert (await book.check("75512345678", "1234")).result == "ok"


async def test_parallel_tries_are_counted_one_by_one(book: PinBook) -> None:
    found = await asyncio.gather(*(book.check("75512345678", str(pin)) for pin in range(10)))
    assert [entry.result for entry in found].count("wrong") == 2


async def test_the_pin_itself_is_not_stored(book: PinBook, store: Store) -> None:
    rows = await store.read(lambda connection: connection.execute(table.select()).all())
    assert rows[0].hash.startswith("$argon2id$")
    assert "1234" not in rows[0].hash
    await book.reset("75512345678", "root")
    assert (await book.check("75512345678", "1234")).result == "unset"


@pytest.mark.parametrize(
    ("number", "plain"),
    [("075512345678", "75512345678"), ("+86 755 1234 5678", "75512345678"), ("0086-755-12345678", "75512345678"),
     ("13800138000", "13800138000"), ("+8613800138000", "13800138000"), ("86001", "86001")],
)  # fmt: skip
def test_one_line_has_many_spellings(number: str, plain: str) -> None:
    assert subscriber(number) == plain


async def test_a_database_that_is_away_is_a_conflict_that_flows_can_catch(
    book: PinBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_store: Store, _work: object) -> None:
        raise OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr(Store, "read", away)
    with pytest.raises(Conflict):
        await book.check("75512345678", "1234")
    with pytest.raises(Conflict):
        await book.change("75512345678", "5678", old="1234")
