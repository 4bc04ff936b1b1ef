"""The door of a queue and the ways out of it: who may join, what the others meet, overflow, keys, closing time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.entry import Emergency
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.centre import Calendar, Overflow
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from tests.support.centre import CUSTOMER, Centre, database

AGENTS = (
    Agent(login="li", name="李", queues=("sales", "gold"), station="extension:1001"),
    Agent(login="zhao", name="赵", queues=("sales",), station="extension:1002"),
)
OFFICE = Calendar(name="office", open=("Mon-Fri 09:00-12:29", "Mon-Fri 14:00-17:59"))
to = Destination.parse
Make = Callable[..., Awaitable[Centre]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def build(*queues: Queue, **more: Any) -> Centre:
            return await stack.enter_async_context(
                Centre(tmp_path, agents=AGENTS, queues=queues, calendars=more.pop("calendars", (OFFICE,)), **more)
            )

        yield build


# at the door


async def test_closed_queue_sends_the_caller_to_its_own_exit_and_counts_the_visit(make: Make) -> None:
    centre = await make(Queue(name="sales", calendar="office", closed=to("extension:1003")))
    centre.clock._ahead += 3600  # 13:00, the break
    centre.call("queue:sales")
    await asyncio.sleep(1)
    assert centre.rings("1003")
    left = centre.of(ev.QueueLeft)[0]
    assert (left.result, left.wait_ms, left.to, left.rule) == ("closed", 0, "extension:1003", "closed")
    figures = centre.floor.queue("sales").figures
    assert (figures.offered, figures.exits) == (1, {"closed": 1})


async def test_closed_queue_without_an_exit_says_so_and_ends(make: Make) -> None:
    centre = await make(Queue(name="sales", calendar="office"))
    centre.clock._ahead += 3600
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(5)
    assert caller.is_ended
    assert centre.played() == ["zh-CN/closed"]
    view = centre.floor.queue("sales")
    assert (view.open, view.closed_reason) == (False, "hours")


async def test_full_queue_has_its_own_exit(make: Make) -> None:
    centre = await make(Queue(name="sales", max_length=1, full=to("extension:1003")))
    centre.call("queue:sales")
    await asyncio.sleep(1)
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(1)
    assert centre.rings("1003")
    assert [event.rule for event in centre.of(ev.QueueLeft)] == ["full"]


@pytest.mark.parametrize(("policy", "state", "admitted"), [
    ("allow", "logged_out", True), ("signed_in", "logged_out", False), ("signed_in", "not_ready", True),
    ("ready", "not_ready", False), ("ready", "ready", True),
])  # fmt: skip
async def test_queue_without_agents_admits_by_its_policy(make: Make, policy: Any, state: str, admitted: bool) -> None:
    centre = await make(Queue(name="sales", join_empty=policy, empty=to("extension:1003")))
    if state != "logged_out":
        await centre.floor.set_state("li", state, "", "li")
    centre.call("queue:sales")
    await asyncio.sleep(1)
    assert centre.rings("1003") != admitted


async def test_emergency_switch_announces_releases_and_survives_a_restart(make: Make) -> None:
    engine = database()
    centre = await make(Queue(name="sales"), engine=engine)
    await centre.ready("li")
    await centre.emergencies.set("sales", Emergency("queue-full"), "wang")
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(5)
    assert caller.is_ended
    assert centre.played() == ["zh-CN/queue-full"]
    assert centre.floor.queue("sales").closed_reason == "emergency"
    again = await make(Queue(name="sales", emergency=to("extension:1003")), engine=engine)
    again.call("queue:sales")
    await asyncio.sleep(1)
    assert again.rings("1003")
    await again.emergencies.set("sales", None, "wang")
    again.call("queue:sales", "13900139000")
    await asyncio.sleep(1)
    assert again.floor.queue("sales").calls
    assert [event.on for event in again.of(ev.QueueEmergency)] == [False]


async def test_temporary_closure_ends_by_itself(make: Make) -> None:
    centre = await make(Queue(name="sales", emergency=to("extension:1003")))
    await centre.emergencies.set("sales", Emergency("", centre.clock.utc() + 60), "wang")
    assert not centre.floor.queue("sales").open
    await asyncio.sleep(61)
    assert centre.floor.queue("sales").open
    centre.call("queue:sales")
    await asyncio.sleep(1)
    assert not centre.rings("1003")


async def test_whitelist_passes_a_closed_queue_and_the_blacklist_an_open_one_does_not(make: Make) -> None:
    centre = await make(Queue(name="sales", calendar="office"))
    await centre.lists.add("white", {"pattern": "13900139000"}, "wang", approves=True)
    await centre.lists.add("black", {"pattern": "13700137000", "action": "ivr"}, "wang", approves=True)
    refused, _ = centre.call("queue:sales", "13700137000")
    centre.clock._ahead += 3600
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(5)
    assert [call.caller for call in centre.floor.queue("sales").calls] == ["13900139000"]
    assert refused.is_ended and refused.cause is Cause.REJECTED


async def test_vip_goes_to_the_class_queue_and_before_others(make: Make) -> None:
    centre = await make(Queue(name="sales"), Queue(name="gold"))
    await centre.lists.add("vip", {"pattern": "13900139000", "importance": 80, "queue": "gold"}, "wang", approves=True)
    await centre.lists.add("vip", {"pattern": "13600136000", "importance": 60}, "wang", approves=True)
    await centre.lists.add("black", {"pattern": "13700137000", "action": "lowest"}, "wang", approves=True)
    for number in ("13700137000", "13800138000", "13600136000", "13900139000"):
        centre.call("queue:sales", number)
        await asyncio.sleep(1)
    assert [call.caller for call in centre.floor.queue("sales").calls] == ["13600136000", "13700137000", "13800138000"]
    gold = centre.floor.queue("gold").calls[0]
    assert (gold.caller, gold.importance, gold.vip) == ("13900139000", 80, True)
    assert centre.floor.queue("sales").calls[0].importance == 60


async def test_importance_of_the_flow_and_of_the_queue_add_up_but_not_for_the_lowest(make: Make) -> None:
    centre = await make(Queue(name="sales", importance=20))
    await centre.lists.add("black", {"pattern": "13700137000", "action": "lowest"}, "wang", approves=True)
    _, call = centre.call("queue:sales", "13700137000")
    _, other = centre.call("queue:sales")
    other.variables["importance"] = "30"
    await asyncio.sleep(1)
    found = {event.call: event.importance for event in centre.of(ev.QueueEntered)}
    assert found == {call.id: 0, other.id: 50}


# overflow


async def test_overflow_by_length_keeps_the_time_waited(make: Make) -> None:
    rule = Overflow(when="length", threshold=1, to=to("queue:gold"))
    centre = await make(Queue(name="sales", overflows=(rule,)), Queue(name="gold"))
    centre.call("queue:sales")
    await asyncio.sleep(30)
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(3)
    entered = [event for event in centre.of(ev.QueueEntered) if event.queue == "gold"]
    assert len(entered) == 1
    assert entered[0].waited_ms >= 900
    left = next(event for event in centre.of(ev.QueueLeft) if event.result == "overflow")
    assert (left.to, left.rule) == ("queue:gold", "length")
    assert len(centre.floor.queue("sales").calls) == 1


@pytest.mark.parametrize("rule", [
    Overflow(when="wait", threshold=20, to=to("extension:1003")), Overflow(when="ewt", threshold=60, to=to("extension:1003")),
    Overflow(when="no_agents", threshold=10, to=to("extension:1003")),
    Overflow(when="ratio", threshold=0.5, to=to("extension:1003")),
    Overflow(when="closing", threshold=40, to=to("extension:1003")),
    Overflow(when="between", between="11:30-12:15", to=to("extension:1003")),
])  # fmt: skip
async def test_each_overflow_rule_takes_the_caller_away(make: Make, rule: Overflow) -> None:
    centre = await make(Queue(name="sales", overflows=(rule,), calendar="office"))
    centre.expects(90)
    centre.call("queue:sales")
    await asyncio.sleep(25)
    assert "1003" in centre.phones
    assert centre.of(ev.QueueLeft)[0].rule == rule.when


@pytest.mark.parametrize("rule", [
    Overflow(when="wait", threshold=200, to=to("extension:1003")), Overflow(when="ewt", threshold=600, to=to("extension:1003")),
    Overflow(when="no_agents", threshold=10, to=to("extension:1003")),
    Overflow(when="ratio", threshold=1, to=to("extension:1003")),
    Overflow(when="closing", threshold=10, to=to("extension:1003")),
    Overflow(when="between", between="13:00-15:00", to=to("extension:1003")),
])  # fmt: skip
async def test_rules_whose_condition_does_not_hold_leave_the_caller_alone(make: Make, rule: Overflow) -> None:
    centre = await make(Queue(name="sales", overflows=(rule,), calendar="office"))
    await centre.floor.set_state("zhao", "not_ready", "", "zhao")
    centre.expects(90)
    centre.call("queue:sales")
    await asyncio.sleep(25)
    assert "1003" not in centre.phones


async def test_no_way_back_to_a_queue_and_three_hops_at_most(make: Make) -> None:
    def after(seconds: int, name: str) -> tuple[Overflow, ...]:
        return (Overflow(when="wait", threshold=seconds, to=to(f"queue:{name}")),)

    names = ("a", "b", "c", "d", "e")
    queues = [Queue(name=name, overflows=after(10, onward)) for name, onward in zip(names, (*names[1:], "a"), strict=True)]
    centre = await make(*queues)
    caller, _ = centre.call("queue:a")
    await asyncio.sleep(200)
    assert not caller.is_ended
    assert list(dict.fromkeys(event.queue for event in centre.of(ev.QueueEntered))) == ["a", "b", "c", "d"]
    circle = await make(Queue(name="a", overflows=after(10, "b")), Queue(name="b", overflows=after(10, "a")))
    circle.call("queue:a")
    await asyncio.sleep(65)
    assert len(circle.floor.queue("b").calls) == 1


async def test_caller_whom_the_outside_number_does_not_take_is_back_in_the_old_place(make: Make) -> None:
    rule = Overflow(when="ratio", threshold=0, to=to(f"outside:{CUSTOMER}"))
    centre = await make(Queue(name="sales", overflows=(rule,)))
    centre.refusals[CUSTOMER] = Cause.BUSY
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(10)
    assert not caller.is_ended
    entered = centre.of(ev.QueueEntered)
    assert len(entered) == 2, "tried once, not again and again"
    assert entered[1].waited_ms >= 1000
    await centre.ready("li")
    assert centre.state("li") == "ringing"


async def test_longest_wait_with_a_mailbox_counts_as_left_to_the_mailbox(make: Make) -> None:
    centre = await make(Queue(name="sales", max_wait=10, overflow=to("voicemail:sales"), announce="none"))
    heard: list[str] = []

    async def mailbox(_call: Call, destination: Destination) -> Outcome:
        heard.append(destination.name)
        return Outcome("done")

    centre.handlers[DestinationKind.VOICEMAIL] = mailbox
    centre.call("queue:sales")
    await asyncio.sleep(12)
    assert heard == ["sales"]
    assert centre.exits() == ["mailbox"]


async def test_callers_leave_a_deserted_queue(make: Make) -> None:
    centre = await make(Queue(name="sales", leave_empty=30, empty=to("extension:1003")))
    await centre.floor.set_state("li", "not_ready", "", "li")
    centre.call("queue:sales")
    await asyncio.sleep(60)
    assert not centre.rings("1003")
    await centre.floor.set_state("li", "logged_out", "", "li")
    await asyncio.sleep(29)
    assert not centre.rings("1003")
    await asyncio.sleep(3)
    assert centre.rings("1003")


@pytest.mark.parametrize(("closing", "exit_"), [("finish", ""), ("voicemail", "mailbox"), ("callback", "callback")])
async def test_waiting_callers_at_closing_time(make: Make, closing: Any, exit_: str) -> None:
    centre = await make(Queue(name="sales", calendar="office", closing=closing, mailbox="sales", announce="none"))

    async def mailbox(_call: Call, _to: Destination) -> Outcome:
        return Outcome("done")

    centre.handlers[DestinationKind.VOICEMAIL] = mailbox
    await asyncio.sleep(29 * 60)  # 12:29
    centre.call("queue:sales", CUSTOMER)
    await asyncio.sleep(30)
    assert centre.exits() == []
    await asyncio.sleep(60)
    assert centre.exits() == ([exit_] if exit_ else [])


# keys


async def test_exit_key_during_music_leads_out_at_once(make: Make) -> None:
    centre = await make(Queue(name="sales", exit_keys={"0": to("extension:1003")}, announce="none"))
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(8)
    caller.key("5")
    await asyncio.sleep(2)
    assert centre.exits() == []
    caller.key("0")
    await asyncio.sleep(0.5)
    assert centre.rings("1003")
    left = centre.of(ev.QueueLeft)[0]
    assert (left.result, left.to, left.rule) == ("key", "extension:1003", "key 0")


async def test_exit_key_works_during_an_announcement_and_while_a_phone_rings(make: Make) -> None:
    centre = await make(Queue(name="sales", exit_keys={"0": to("extension:1003")}))
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(1.5)
    assert "zh-CN/queue-wait" in centre.played()
    await centre.floor.set_state("li", "ready", "", "li")
    await asyncio.sleep(0.5)
    assert centre.state("li") == "ringing"
    caller.key("0")
    await asyncio.sleep(0.5)
    assert centre.rings("1003")
    assert centre.state("li") == "ready", "the agent is not blamed"


async def test_busy_exit_leads_back_to_the_place(make: Make) -> None:
    centre = await make(Queue(name="sales", exit_keys={"0": to("extension:1003")}))
    centre.refusals["1003"] = Cause.BUSY
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(20)
    caller.key("0")
    await asyncio.sleep(1)
    assert not caller.is_ended
    assert centre.of(ev.QueueEntered)[-1].waited_ms >= 19_000


# the queue goes away


async def test_queue_that_is_removed_lets_its_callers_go_with_a_word(make: Make) -> None:
    centre = await make(Queue(name="sales"), Queue(name="gold"))
    await centre.ready("li")
    talking, _ = centre.call("queue:sales")
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    waiting, _ = centre.call("queue:sales", "13900139000")
    await asyncio.sleep(2)
    centre.reconfigure(queues={"gold": Queue(name="gold")})
    await asyncio.sleep(5)
    assert waiting.is_ended
    assert centre.exits() == ["answered", "closed"]
    assert not talking.is_ended, "who talks already is left alone"
