"""Lists page by page: complete and without doubles while rows come and go; cursors made elsewhere are refused."""

import base64

import pytest
from sqlalchemy import Column, Connection, Float, MetaData, String, Table, create_engine, delete, insert, select

from softswitch.model.errors import ForeignCursor
from softswitch.store.cursor import Page, cursor_of, newest_first, page_of, place_of

things = Table("things", MetaData(), Column("id", String, primary_key=True), Column("at", Float))


def page(connection: Connection, cursor: str | None = None) -> Page[str]:
    rows = connection.execute(newest_first(select(things), things.c.at, things.c.id, limit=3, cursor=cursor)).all()
    found = page_of(rows, 3, lambda row: (row.at, row.id))
    return Page(tuple(row.id for row in found.items), found.next)


def put(connection: Connection, *rows: tuple[str, float]) -> None:
    connection.execute(insert(things), [{"id": identity, "at": at} for identity, at in rows])


@pytest.fixture
def connection() -> Connection:
    engine = create_engine("sqlite://")
    things.metadata.create_all(engine)
    return engine.connect()


def test_rows_of_one_moment_are_told_apart_by_their_id(connection: Connection) -> None:
    put(connection, ("a", 0.1 + 0.2), ("b", 0.1 + 0.2), ("c", 0.1 + 0.2), ("d", 0.1 + 0.2))
    first = page(connection)
    assert first.items == ("d", "c", "b") and page(connection, first.next) == Page(("a",), None)


def test_what_comes_and_goes_between_two_pages_shifts_nothing(connection: Connection) -> None:
    put(connection, *((f"{number}", float(number)) for number in range(6)))
    first = page(connection)
    put(connection, ("new", 9.0))
    connection.execute(delete(things).where(things.c.id.in_(("3", "1"))))  # the last one shown, and one not shown yet
    assert first.items == ("5", "4", "3") and page(connection, first.next) == Page(("2", "0"), None)


def test_a_full_last_page_has_no_next(connection: Connection) -> None:
    put(connection, ("a", 1.0), ("b", 2.0), ("c", 3.0))
    assert page(connection).next is None


def test_a_cursor_holds_its_place_exactly() -> None:
    for place in ((1764000000.123457, "m 1"), (0.0, "电话"), (-1.5, "x")):
        assert place_of(cursor_of(place)) == place


def packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor", ["~~~", "nonsense", "電", "A", packed("x y"), packed("nan a"), packed("inf a"), packed("1.0"), packed("1.0 ")]
)
def test_a_cursor_made_elsewhere_is_refused(connection: Connection, cursor: str) -> None:
    with pytest.raises(ForeignCursor, match="cursor: expected the `next`"):
        page(connection, cursor)
