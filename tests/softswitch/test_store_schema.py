"""Databases of other releases: an older one is brought up step by step, a newer one is left alone."""

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, inspect, text

from softswitch.model.errors import ForeignCursor
from softswitch.store.calls import CallFilter, page_of_calls
from softswitch.store.commit import Group
from softswitch.store.database import Store
from softswitch.store.rows import CdrRow, cdr_values
from softswitch.store.schema import Schema, TooNew


def tables(*columns: str) -> MetaData:
    metadata = MetaData()
    Table("notes", metadata, Column("id", Integer, primary_key=True), *(Column(name, String) for name in columns))
    return metadata


def add_author(connection: Connection) -> None:
    connection.execute(text("alter table notes add column author varchar default 'nobody'"))


async def columns_of(store: Store) -> list[str]:
    return await store.read(lambda c: [column["name"] for column in inspect(c).get_columns("notes")])


async def test_an_older_database_gets_the_steps_it_has_not_had(url: str) -> None:
    store = await Store.open(url, (Schema("notes", tables("text")),))
    await store.write(lambda c: c.execute(text("insert into notes (text) values ('kept')")))
    await store.close()
    newer = Schema("notes", tables("text", "author"), (add_author,))
    for _ in range(2):  # the second start has nothing to do
        store = await Store.open(url, (newer,))
        assert await columns_of(store) == ["id", "text", "author"]
        rows = await store.read(lambda c: [tuple(row) for row in c.execute(text("select text, author from notes"))])
        assert rows == [("kept", "nobody")]
        await store.close()
    with pytest.raises(TooNew, match="version 2 of notes, this release knows 1"):
        await Store.open(url, (Schema("notes", tables("text")),))


async def test_a_new_database_has_what_the_steps_would_have_made(url: str) -> None:
    store = await Store.open(url, (Schema("notes", tables("text", "author"), (add_author,)),))
    assert await columns_of(store) == ["id", "text", "author"]
    await store.close()


async def test_a_failed_write_leaves_nothing(url: str) -> None:
    store = await Store.open(url, (Schema("notes", tables("text")),))

    def half(connection: Connection) -> None:
        connection.execute(text("insert into notes (text) values ('half')"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.write(half)
    assert await store.read(lambda c: c.execute(text("select count(*) from notes")).scalar()) == 0
    await store.close()


def record(number: int, *, caller: str = "1", queue: str = "", at: float | None = None) -> CdrRow:
    created = 1000.0 + number if at is None else at
    return CdrRow(f"c{number:03}", "in", caller, "", "1000", "", "sip", queue, "", "answered", "normal", 16, 200, "caller",
                  created, None, None, created + 1, 0, 0, 0, 0, 1000, "", {"page": "https://例.example"})  # fmt: skip


async def test_pages_of_calls_are_complete_and_without_doubles(url: str) -> None:
    store = await Store.open(url)
    records = [record(n, at=1000.0 + n // 3, caller=str(n % 2), queue="sales" if n < 4 else "") for n in range(10)]
    group = Group(ended={row.id: cdr_values(row) for row in records})
    await store.write(group.write)
    found: list[CdrRow] = []
    cursor: str | None = None
    while True:
        at = cursor
        page = await store.read(lambda c, at=at: page_of_calls(c, CallFilter(), limit=4, cursor=at))  # type: ignore[misc]
        found.extend(page.items)
        if (cursor := page.next) is None:
            break
    assert found == sorted(records, key=lambda row: (row.created_at, row.id), reverse=True)
    for wanted, expected in (
        (CallFilter(number="1"), 5), (CallFilter(queue="sales"), 4), (CallFilter(since=1001.0, until=1002.0), 3),
        (CallFilter(number="1", queue="sales"), 2), (CallFilter(agent="li"), 0),
    ):  # fmt: skip
        page = await store.read(lambda c, wanted=wanted: page_of_calls(c, wanted))  # type: ignore[misc]
        assert len(page.items) == expected, wanted
    with pytest.raises(ForeignCursor):
        await store.read(lambda c: page_of_calls(c, CallFilter(), cursor="~~~"))
    await store.close()
