"""Spreadsheets in and out: titles in both languages, faults by row, duplicates, formulas."""

from __future__ import annotations

import csv
import io

import pytest

from softswitch.customers import exchange
from softswitch.customers.book import CustomerBook
from softswitch.customers.model import FieldDefinition
from softswitch.model.errors import Invalid
from tests.softswitch.customers.test_book import book, clock, journal  # noqa: F401


def rows_of(text: str) -> list[list[str]]:
    return list(exchange.read_rows(text.encode(), "csv"))


async def test_rows_become_customers_and_wrong_rows_are_named(book: CustomerBook) -> None:  # noqa: F811
    text = (
        "姓名,电话,VIP,重要程度,unknown\n王,13800138000;01088886666,是,80,x\n,,,,\n李,not a number!,,,\n张,13900000000,,abc,\n"
    )
    done = await exchange.import_customers(book, rows_of(text), "boss")
    assert (done.created, done.updated, done.refused) == (1, 0, 2)
    assert [fault.row for fault in done.faults] == [4, 5]
    found = (await book.by_number("01088886666"))[0]
    assert (found.name, found.vip, found.importance) == ("王", True, 80)


async def test_a_known_number_changes_its_customer(book: CustomerBook) -> None:  # noqa: F811
    await book.create({"name": "王", "numbers": ["13800138000"], "note": "kept"}, "li")
    text = "name,numbers,grade\n王小明,13800138000 ; 01088886666,gold\n"
    done = await exchange.import_customers(book, rows_of(text), "boss")
    assert (done.created, done.updated) == (0, 1)
    found = (await book.by_number("13800138000"))[0]
    assert (found.name, found.grade, found.note, found.version) == ("王小明", "gold", "kept", 2)
    assert found.numbers == ("13800138000", "01088886666")


async def test_the_same_number_twice_in_a_file_is_one_customer(book: CustomerBook) -> None:  # noqa: F811
    done = await exchange.import_customers(book, rows_of("name,numbers\na,111111\nb,111111\n"), "boss")
    assert done.created == 1
    assert [one.name for one in (await book.search("")).items] == ["b"]


async def test_what_is_exported_can_be_imported_again(book: CustomerBook) -> None:  # noqa: F811
    await book.define([FieldDefinition(key="plan", title="套餐", title_en="Plan")], "boss")
    values = {
        "name": "=1+1",
        "numbers": ["+8613800138000", "01088886666"],
        "fields": {"plan": "A"},
        "importance": 7,
        "vip": True,
    }
    made = await book.create(values, "li")
    rows = [exchange.titles_of(book.definitions, "en"), exchange.row_of(made, book.definitions)]
    text = exchange.to_csv(rows).decode("utf-8-sig")
    assert next(row for row in csv.DictReader(io.StringIO(text)))["Name"] == "'=1+1"
    for form, content in (("csv", exchange.to_csv(rows)), ("xlsx", exchange.to_xlsx(rows))):
        await book.remove((await book.search("")).items[0].id, "boss")
        done = await exchange.import_customers(book, exchange.read_rows(content, form), "boss")
        assert (done.created, done.refused) == (1, 0), form
        found = (await book.by_number("13800138000"))[0]
        assert (found.numbers, found.importance, found.vip) == (made.numbers, 7, True)
        assert found.fields["plan"] == "A"


@pytest.mark.parametrize(("content", "form"), [(b"PK\x03\x04broken", "xlsx"), (b"a,b\n1,2\n", "csv"), (b"", "csv")])
async def test_other_files_are_refused(book: CustomerBook, content: bytes, form: str) -> None:  # noqa: F811
    with pytest.raises(Invalid):
        await exchange.import_customers(book, exchange.read_rows(content, form), "boss")


async def test_chinese_windows_files_are_read(book: CustomerBook) -> None:  # noqa: F811
    content = "姓名,电话\n王小明,13800138000\n".encode("gb18030")
    await exchange.import_customers(book, exchange.read_rows(content, "csv"), "boss")
    assert (await book.by_number("13800138000"))[0].name == "王小明"
