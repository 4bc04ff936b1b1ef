"""Look-ups against a real other side: right, slow, down, nonsense, too much; by SQL and in the customer store."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.directory.model import Lookup
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.lookups import LONGEST, MOST_FIELDS, Lookups, flat
from softswitch.model.clock import ManualClock


@dataclass
class Side:
    """The other side, and what it was asked."""

    server: TestServer
    lookups: Lookups
    clock: ManualClock
    declared: dict[str, Lookup] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    answer: Any = None

    def declare(self, path: str = "/customer", **more: Any) -> None:
        self.declared["crm"] = Lookup(name="crm", url=str(self.server.make_url(path)), **{"timeout": 0.5, **more})


@pytest.fixture
async def side(clock: ManualClock) -> AsyncIterator[Side]:
    async def reply(request: web.Request) -> web.StreamResponse:
        found.asked.append((request.method, request.path, dict(request.query), (await request.read()).decode()))
        answer = found.answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.Response(text="{}")
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", reply)
    server = TestServer(application)
    await server.start_server()
    declared: dict[str, Lookup] = {}
    lookups = Lookups(lambda: Snapshot(lookups=declared), clock)
    found = Side(server, lookups, clock, declared)
    yield found
    await lookups.close()
    await server.close()


async def test_what_is_found_becomes_plain_texts(side: Side) -> None:
    side.declare()
    side.answer = {"name": "王", "account": {"due": 12.5, "open": True}, "tags": ["a", 2], "nothing": None}
    found = await side.lookups.find("crm", {"number": "13800138000"})
    assert (found.result, found.values) == (
        "found", {"name": "王", "account_due": "12.5", "account_open": "true", "tags": "a,2"},
    )  # fmt: skip
    assert side.asked == [("GET", "/customer", {"number": "13800138000"}, "")]


async def test_parameters_in_the_address_are_quoted(side: Side) -> None:
    side.declared["crm"] = Lookup(name="crm", url=f"{side.server.make_url('/c')}/{{{{id}}}}", timeout=1.0)
    side.answer = {"x": 1}
    await side.lookups.find("crm", {"id": "../a?b=c", "other": "1"})
    assert side.asked[0][2] == {"other": "1"}
    assert side.asked[0][1] in ("/c/../a?b=c", "/c/..%2Fa%3Fb=c")


async def test_a_post_sends_json(side: Side) -> None:
    side.declare(method="POST")
    side.answer = [{"x": 1}]
    assert (await side.lookups.find("crm", {"id": "7"})).values == {"x": "1"}
    assert side.asked[0][3] == '{"id": "7"}'


@pytest.mark.parametrize("answer", [{}, [], None, web.Response(status=404), web.Response(status=204), web.Response(text=" ")])
async def test_nothing_found(side: Side, answer: Any) -> None:
    side.declare()
    side.answer = answer
    assert (await side.lookups.find("crm", {})).result == "none"


@pytest.mark.parametrize(
    "answer",
    [
        5.0,
        web.Response(status=500),
        web.Response(status=302, headers={"Location": "/"}),
        web.Response(text="<html>"),
        web.Response(text="[" * 20_000),
        web.Response(text='"text"'),
        web.Response(body=b'{"x": "' + b"a" * 100_000 + b'"}'),
        web.Response(body=bytes(range(256))),
    ],
)
async def test_what_goes_wrong_is_an_error_and_nothing_else(side: Side, answer: Any) -> None:
    side.declare()
    side.answer = answer
    async with asyncio.timeout(3):
        assert (await side.lookups.find("crm", {})).result == "error"
    assert len(side.asked) == 1


async def test_a_side_that_is_down_and_a_name_that_is_unknown(side: Side) -> None:
    side.declared["crm"] = Lookup(name="crm", url="http://127.0.0.1:1/", timeout=0.5)
    assert (await side.lookups.find("crm", {})).result == "error"
    assert (await side.lookups.find("none", {})).result == "error"


async def test_the_cache(side: Side) -> None:
    side.declare(cache=60)
    side.answer = {"x": 1}
    assert (await side.lookups.find("crm", {"id": "7"})).result == "found"
    assert (await side.lookups.find("crm", {"id": "7"})).result == "cached"
    assert (await side.lookups.find("crm", {"id": "8"})).result == "found"
    side.clock.advance(61)
    side.answer = web.Response(status=500)
    assert (await side.lookups.find("crm", {"id": "7"})).result == "error", "what is too old is not told"
    assert len(side.asked) == 3


@pytest.fixture
def bank(tmp_path: Path) -> str:
    path = tmp_path / "bank.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE account (id TEXT, due REAL)")
        connection.execute("INSERT INTO account VALUES ('7', 12.5)")
    return f"sqlite:///{path}"


def sql(bank: str, statement: str) -> Lookups:
    lookup = Lookup(name="bank", sql=statement, database=bank, timeout=0.5)
    return Lookups(lambda: Snapshot(lookups={"bank": lookup}), ManualClock())


async def test_sql_with_named_parameters(bank: str) -> None:
    lookups = sql(bank, "SELECT due, 'x' AS kind FROM account WHERE id = :id")
    assert (await lookups.find("bank", {"id": "7"})).values == {"due": "12.5", "kind": "x"}
    assert (await lookups.find("bank", {"id": "8"})).result == "none"
    assert (await lookups.find("bank", {"id": "7' OR '1'='1"})).result == "none"
    assert (await lookups.find("bank", {})).result == "error", "a parameter is missing"


@pytest.mark.parametrize("statement", ["DELETE FROM account", "DROP TABLE account", "SELECT 1; SELECT 2", "nonsense", ""])
async def test_sql_reads_only(bank: str, statement: str) -> None:
    assert (await sql(bank, statement).find("bank", {})).result in ("error", "none")
    assert (await sql(bank, "SELECT COUNT(*) AS n FROM account").find("bank", {})).values == {"n": "1"}


async def test_a_slow_statement_is_ended_and_holds_up_nobody(bank: str) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    lookups = sql(bank, endless)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.02)
            beats += 1

    task = asyncio.get_running_loop().create_task(beat())
    async with asyncio.timeout(3):
        assert (await lookups.find("bank", {})).result == "error"
    task.cancel()
    assert beats > 5, "other calls went on"


@pytest.mark.parametrize("database", ["", "nonsense", "mysql://x/y", "sqlite:////nowhere/x.db"])
async def test_databases_that_cannot_be_used(database: str) -> None:
    assert (await sql(database, "SELECT 1").find("bank", {})).result == "error"


class _Book:
    async def by_number(self, number: str) -> Mapping[str, str] | None:
        return {"id": "u7", "name": "王"} if number == "138" else None

    async def by_id(self, identity: str) -> Mapping[str, str] | None:
        return {"id": identity} if identity == "u7" else None


async def test_customers_by_number_and_by_id(side: Side) -> None:
    assert (await side.lookups.find("customers", {"number": "138"})).result == "error", "no store yet"
    side.lookups.customers = _Book()
    assert (await side.lookups.find("customers", {"number": "138"})).values == {"id": "u7", "name": "王"}
    assert (await side.lookups.find("customers", {"id": "u7"})).values == {"id": "u7"}
    assert (await side.lookups.find("customers", {"id": "u8"})).result == "none"
    assert (await side.lookups.find("customers", {})).result == "none"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=600),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=30,
)


@settings(deadline=None, max_examples=200)
@given(values=st.dictionaries(st.text(max_size=80), _JSON, max_size=80))
def test_whatever_is_answered_the_variables_stay_small(values: dict[str, Any]) -> None:
    found = flat(values)
    assert len(found) <= MOST_FIELDS
    assert all(len(name) <= 64 and len(text) <= LONGEST for name, text in found.items())
