"""Customers from and to spreadsheets: CSV (UTF-8 or GB 18030) and XLSX, columns recognised by titles in both languages.

A row whose number belongs to one customer already changes that one; everything that is wrong is reported by row, and the rest
is taken. Cells that a spreadsheet would run as a formula are written as text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import CalamineError, CalamineWorkbook
from sqlalchemy import Connection

from softswitch.customers import records
from softswitch.customers.book import CustomerBook
from softswitch.customers.model import Customer, FieldDefinition
from softswitch.model.errors import Invalid

MOST_ROWS = 200_000
MOST_FAULTS = 200
BATCH = 1000
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "name": ("姓名", "Name"), "numbers": ("电话", "Numbers"), "grade": ("级别", "Class"), "vip": ("VIP", "VIP"),
    "importance": ("重要程度", "Importance"), "dedicated_agent": ("专属座席", "Dedicated agent"),
    "language": ("语言", "Language"), "note": ("备注", "Note"),
}  # fmt: skip
_BETWEEN = re.compile(r"[;,、；，\n]+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class RowFault:
    """`row` counts from 1, the title row included, as a spreadsheet shows it."""

    row: int
    text: str


@dataclass(frozen=True, slots=True)
class Imported:
    created: int
    updated: int
    faults: tuple[RowFault, ...]
    refused: int


def read_rows(content: bytes, form: str) -> Iterator[list[str]]:
    """Rows of texts. Raises Invalid when the file is of another kind."""
    if form == "xlsx":
        yield from _xlsx_rows(content)
        return
    text = _decoded(content)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise Invalid("file", f"expected CSV: {error}") from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("file", "expected text in UTF-8 or GB 18030")


def _xlsx_rows(content: bytes) -> Iterator[list[str]]:
    try:
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    except (CalamineError, OSError, ValueError) as error:
        raise Invalid("file", "expected an XLSX workbook") from error
    for row in sheet.iter_rows():
        yield [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # spreadsheets keep telephone numbers as floating point
    return "" if value is None else str(value).strip()


def columns_of(titles: Sequence[str], definitions: Sequence[FieldDefinition]) -> list[str]:
    """Per column the key, "" for one that is left out; own fields are `fields.KEY`. Raises Invalid when none is known."""
    known = {word.lower(): key for key, words in _COLUMNS.items() for word in (key, *words)}
    known["number"] = "numbers"
    known |= {word.lower(): f"fields.{one.key}" for one in definitions for word in (one.key, one.title, one.title_en) if word}
    found = [known.get(title.strip().lower(), "") for title in titles]
    if not {"name", "numbers"} & set(found):
        raise Invalid("file", f"expected a title row with {' '.join(zh + '/' + en for zh, en in _COLUMNS.values())}")
    return found


def values_of(row: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """The values of a row as the record's; empty cells say nothing. Raises Invalid."""
    values: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, cell in zip(columns, row, strict=False):
        if not key or not cell:
            continue
        if key.startswith("fields."):
            own[key.removeprefix("fields.")] = cell
        elif key == "numbers":
            values[key] = [part.strip() for part in _BETWEEN.split(cell) if part.strip()]
        elif key == "importance":
            if not cell.isdecimal():
                raise Invalid(key, f"expected 0 to 100, got {cell:.20}")
            values[key] = int(cell)
        else:
            values[key] = cell
    return {**values, "fields": own} if own else values


async def import_customers(book: CustomerBook, rows: Iterable[list[str]], actor: str) -> Imported:
    """Takes rows in, a thousand a transaction. Raises Invalid when the title row is missing or there are too many rows."""
    lines = iter(rows)
    titles = next(lines, None)
    if titles is None:
        raise Invalid("file", "expected a title row, got an empty file")
    columns = columns_of(titles, book.definitions)
    created = updated = refused = 0
    faults: list[RowFault] = []
    batch: list[tuple[int, dict[str, Any]]] = []
    for number, row in enumerate(lines, start=2):
        if number > MOST_ROWS:
            raise Invalid("file", f"expected at most {MOST_ROWS} rows")
        if not any(row):
            continue
        try:
            values = values_of(row, columns)
            book.made(values)
            batch.append((number, values))
        except Invalid as fault:
            refused += 1
            faults.append(RowFault(number, str(fault)))
        if len(batch) >= BATCH:
            more = await _take(book, batch)
            created, updated, batch = created + more[0], updated + more[1], []
    more = await _take(book, batch)
    book.imported(created + more[0], updated + more[1], actor)
    return Imported(created + more[0], updated + more[1], tuple(faults[:MOST_FAULTS]), refused)


async def _take(book: CustomerBook, batch: Sequence[tuple[int, dict[str, Any]]]) -> tuple[int, int]:
    def write(connection: Connection) -> tuple[int, int]:
        fresh: list[Customer] = []
        seen: dict[str, int] = {}
        updated = 0
        for _, values in batch:
            made = book.made(values)
            book.numbers.add(made.numbers)
            same = _same(connection, made)
            if same is not None:
                records.replace(connection, _over(same, made, values), same.version)
                updated += 1
            elif (place := next((seen[n] for n in made.numbers if n in seen), None)) is not None:
                fresh[place] = _over(fresh[place], made, values)  # twice in one file
            else:
                seen.update(dict.fromkeys(made.numbers, len(fresh)))
                fresh.append(made)
        records.create(connection, fresh)
        return len(fresh), updated

    return await book.store.write(write)


def _same(connection: Connection, made: Customer) -> Customer | None:
    """The one customer who has one of the numbers; with several it is not sure who is meant, so a new record is made."""
    found = {one.id: one for number in made.numbers for one in records.by_number(connection, number)}
    return next(iter(found.values())) if len(found) == 1 else None


def _over(former: Customer, made: Customer, values: Mapping[str, Any]) -> Customer:
    """What the row says over the former record; numbers are added."""
    given = {key: getattr(made, key) for key in values if key not in ("numbers", "fields")}
    own = {**former.fields, **{key: made.fields[key] for key in values.get("fields", {})}}
    numbers = tuple(dict.fromkeys((*former.numbers, *made.numbers)))
    return replace(former, **given, fields=own, numbers=numbers, updated=made.updated, version=former.version + 1)


# out


def titles_of(definitions: Sequence[FieldDefinition], language: str) -> list[str]:
    index = 1 if language == "en" else 0
    own = [(one.title_en if language == "en" else one.title) or one.key for one in definitions]
    return [words[index] for words in _COLUMNS.values()] + own


def row_of(customer: Customer, definitions: Sequence[FieldDefinition]) -> list[str]:
    common = [
        customer.name, ";".join(customer.numbers), customer.grade, "1" if customer.vip else "0", str(customer.importance),
        customer.dedicated_agent, customer.language, customer.note,
    ]  # fmt: skip
    return common + [str(customer.fields.get(one.key, "")) for one in definitions]


def to_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """With a byte-order mark, so that spreadsheets read UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for row in rows:
        writer.writerow([defused(cell) for cell in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_xlsx(rows: Iterable[Sequence[str]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as workbook:
        sheet = workbook.add_worksheet()
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    return out.getvalue()


def defused(cell: str) -> str:
    """A text that a spreadsheet would run gets an apostrophe; telephone numbers in E.164 stay as they are."""
    if cell.startswith(_FORMULA) and not re.fullmatch(r"\+\d[\d ;+]*", cell):
        return "'" + cell
    return cell
