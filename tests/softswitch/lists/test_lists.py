"""Lists: whom an entry means, what decides first, approval, expiry, hits, and what is left after a restart."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from softswitch.lists.index import ListIndex, canonical
from softswitch.lists.model import Entry
from softswitch.lists.order import Facts, Rule, first_rule
from softswitch.lists.service import Lists, refuses
from softswitch.lists.tables import SCHEMA
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Forbidden, Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.store.database import Store
from softswitch.store.spool import Spool

BLACK = Entry(id="n1", kind="black", pattern="13800138000")
WHITE = Entry(id="n2", kind="white", pattern="0755*")
NOW = 1_700_000_000.0
ALL = Facts(number="13800138000", at=NOW, white=WHITE, black=BLACK, forced=True, closed_until=NOW + 1, open=False, holiday=True)


@pytest.mark.parametrize(
    ("facts", "rule", "admitted"),
    [
        (replace(ALL, number="110"), Rule.EMERGENCY, True),
        (ALL, Rule.WHITELIST, True),
        (replace(ALL, white=None), Rule.BLACKLIST, False),
        (replace(ALL, white=None, black=None), Rule.FORCED, False),
        (replace(ALL, white=None, black=None, forced=False), Rule.CLOSURE, False),
        (replace(ALL, white=None, black=None, forced=False, closed_until=NOW), Rule.HOLIDAY, False),
        (replace(ALL, white=None, black=None, forced=False, closed_until=0, holiday=False), Rule.HOURS, False),
        (Facts(number="1", at=NOW), Rule.DEFAULT, True),
    ],
)
def test_the_first_rule_that_has_a_say_decides(facts: Facts, rule: Rule, admitted: bool) -> None:
    verdict = first_rule(facts)
    assert (verdict.rule, verdict.admitted) == (rule, admitted)


@pytest.mark.parametrize("number", ["+8613800138000", "008613800138000", "013800138000", "138-0013-8000", "138 0013 8000"])
def test_one_number_in_its_spellings(number: str) -> None:
    assert ListIndex([BLACK]).find("black", number, "in", NOW) is BLACK
    assert canonical("010-8888 8888") == "01088888888"


@pytest.mark.parametrize(
    ("pattern", "number", "found"),
    [
        ("0755*", "075512345678", True), ("0755*", "+86075512345678", True), ("0755*", "0756123", False),
        ("400NXXXXXX", "4008001000", True), ("400NXXXXXX", "4001001000", False), ("anonymous", "", True),
        ("anonymous", "Anonymous", True), ("anonymous", "13800138000", False),
    ],
)  # fmt: skip
def test_prefixes_patterns_and_hidden_numbers(pattern: str, number: str, found: bool) -> None:
    entry = Entry(id="n1", kind="black", pattern=pattern)
    assert (ListIndex([entry]).find("black", number, "in", NOW) is entry) == found


def test_the_nearest_entry_that_is_in_force_counts() -> None:
    expired = Entry(id="n1", kind="black", pattern="13800138000", expires=NOW)
    proposed = Entry(id="n2", kind="black", pattern="1380013*", approved=False)
    outbound = Entry(id="n3", kind="black", pattern="138*", direction="out")
    rest = Entry(id="n4", kind="black", pattern="13*", direction="both")
    index = ListIndex([expired, proposed, outbound, rest])
    assert index.find("black", "13800138000", "in", NOW) is rest
    assert index.find("black", "13800138000", "out", NOW) is outbound
    assert index.find("black", "13800138000", "in", NOW - 1) is expired, "a clock that is set back makes it valid again"


Opened = Callable[[], Awaitable[Lists]]


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
async def reopened(tmp_path: Path, events: list[Event]) -> AsyncIterator[Opened]:
    numbers = count(1)
    clock = ManualClock()
    closing: list[tuple[asyncio.Task[None], Store, Spool]] = []

    async def open_() -> Lists:
        store = await Store.open(f"sqlite:///{tmp_path}/s.db", (SCHEMA,))
        spool = Spool(store)
        closing.append((asyncio.create_task(spool.run()), store, spool))
        lists = Lists(store=store, spool=spool, journal=events.append, clock=clock, token=lambda: str(next(numbers)))
        await lists.load()
        return lists

    yield open_
    for task, store, spool in closing:
        await spool.flush()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


async def test_an_entry_decides_at_once_is_counted_and_survives_a_restart(reopened: Opened, events: list[Event]) -> None:
    lists = await reopened()
    entry = await lists.add("black", {"pattern": "13800138000", "action": "busy", "reason": "威胁"}, "wang", approves=True)
    verdict = lists.screened("+8613800138000", "in")
    assert (verdict.rule, verdict.entry) == (Rule.BLACKLIST, entry)
    assert refuses(verdict) == entry
    assert lists.judge("13800138000", "out").rule is Rule.DEFAULT
    assert lists.entry(entry.id).hits == 1
    assert [event.action for event in events if isinstance(event, AdminChanged)] == ["create"]
    again = await reopened()
    assert again.judge("13800138000", "in").entry == entry


async def test_a_proposal_waits_for_a_supervisor(reopened: Opened) -> None:
    lists = await reopened()
    entry = await lists.add("black", {"pattern": "13800138000"}, "li", approves=False)
    assert lists.judge("13800138000", "in").rule is Rule.DEFAULT
    with pytest.raises(Forbidden):
        await lists.change(entry.id, {"approved": True}, "li", approves=False)
    approved = await lists.change(entry.id, {"approved": True}, "wang", approves=True)
    assert (approved.proposer, approved.approver) == ("li", "wang")
    assert lists.judge("13800138000", "in").rule is Rule.BLACKLIST
    changed = await lists.change(entry.id, {"pattern": "1380013*"}, "li", approves=False)
    assert not changed.approved, "who widens an entry does not keep the approval"


async def test_what_cannot_be_is_refused(reopened: Opened) -> None:
    lists = await reopened()
    for pattern in (" ", "no number", "138;drop", "号码"):
        with pytest.raises(Invalid):
            await lists.add("black", {"pattern": pattern}, "wang", approves=True)
    for pattern in ("+86 138-0013-8000", "400NXXXXXX", "0755*", "anonymous", "alice"):
        assert (await lists.add("black", {"pattern": pattern}, "wang", approves=True)).pattern == pattern
    with pytest.raises(Invalid):
        await lists.add("vip", {"pattern": "138*", "importance": 101}, "wang", approves=True)
    with pytest.raises(NotFound):
        await lists.remove("n99", "wang")


async def test_vip_gives_importance_and_queue(reopened: Opened) -> None:
    lists = await reopened()
    entry = await lists.add("vip", {"pattern": "13900139000", "importance": 80, "queue": "gold"}, "wang", approves=True)
    assert lists.vip("013900139000") == entry
    await lists.remove(entry.id, "wang")
    assert lists.vip("13900139000") is None
