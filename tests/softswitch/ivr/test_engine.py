"""Callers in flows: what they hear, what their keys do, how they leave. Real calls in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from softswitch.directory.model import Agent, Flow, Queue
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from tests.softswitch.ivr.test_flow import tree
from tests.support.office import PROMPT_MS, Office

Make = Callable[..., Office]
PROMPT = PROMPT_MS / 1000


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Office] = []

    def build(nodes: dict[str, Any] | None = None, *, start: str = "start", queue: Queue | None = None) -> Office:
        flow = Flow(name="main", start=start, nodes=nodes) if nodes else Flow(**tree())
        agent = Agent(login="li", queues=("sales",), station="extension:1001")
        made.append(Office(tmp_path, agents=(agent,), queues=(queue or Queue(name="sales", announce="none"),), flows=(flow,)))
        return made[-1]

    yield build
    for office in made:
        await office.close()


def walked(office: Office) -> list[tuple[str, str]]:
    return [(event.node, event.result) for event in office.of(ev.IvrNode)]


async def test_key_one_leads_to_an_agent(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, call = office.call("flow:main")
    await asyncio.sleep(0.5)
    caller.key("1")
    await asyncio.sleep(0.5)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    assert caller.hears == {"1001"}
    office.phone("1001").leave()
    await asyncio.sleep(0.1)
    assert walked(office) == [("hello", "done"), ("menu", "key"), ("sales", "ended")]
    left = office.of(ev.IvrLeft)
    assert [(event.flow, event.node, event.result) for event in left] == [("main", "sales", "ended")]
    assert office.of(ev.IvrEntered)[0].flow == "main"
    assert caller.is_ended
    assert call.ending is not None
    assert call.ending.who == "agent"


async def test_a_key_stops_the_prompts_at_once(make: Make) -> None:
    office = make()
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.4)
    caller.key("2")
    await asyncio.sleep(0.1)
    assert ("english", "done") in walked(office)
    assert office.played() == ["zh-CN/welcome", "zh-CN/main-menu", "en/welcome", "en/main-menu"]


async def test_keys_pressed_ahead_skip_menus(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    caller.key("21")  # English, then sales, without hearing the English menu
    await asyncio.sleep(0.2)
    assert office.state("li") == "ringing"
    assert "en/main-menu" not in office.played()


async def test_silence_repeats_the_menu_and_then_says_goodbye(make: Make) -> None:
    office = make()
    caller, _ = office.call("flow:main")
    await asyncio.sleep(4 * (2 * PROMPT + 5) - 0.5)
    assert not caller.is_ended
    await asyncio.sleep(1)
    assert caller.is_ended
    assert caller.cause is Cause.NORMAL
    assert walked(office)[1:] == [("menu", "no_input"), ("bye", "ended")]
    assert office.played().count("zh-CN/main-menu") == 4, "once, and three retries"


async def test_a_wrong_key_is_told_so_and_later_goes_to_no_match(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "menu", "prompts": ["main-menu"], "keys": {"1": "start"}, "retries": 1, "no_match": "bye"},
            "bye": {"verb": "hangup", "cause": "rejected"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.5)
    caller.key("9")
    await asyncio.sleep(0.5)
    assert office.played() == ["zh-CN/main-menu", "zh-CN/invalid"]
    await asyncio.sleep(2 * PROMPT)
    caller.key("8")
    await asyncio.sleep(0.5)
    assert caller.cause is Cause.REJECTED
    assert walked(office) == [("start", "no_match"), ("bye", "ended")]


async def test_a_missing_prompt_is_skipped_and_noted(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "play", "prompts": ["no-such", "goodbye"], "next": "bye"},
            "bye": {"verb": "hangup"},
        }
    )
    caller, call = office.call("flow:main")
    await asyncio.sleep(PROMPT + 0.5)
    missing = [(event.call, event.prompt, event.language) for event in office.of(ev.PromptMissing)]
    assert missing == [(call.id, "no-such", "zh-CN")]
    assert office.played() == ["zh-CN/goodbye"]
    assert caller.cause is Cause.NORMAL


async def test_bilingual_greeting(make: Make) -> None:
    office = make({"start": {"verb": "play", "prompts": ["welcome"], "languages": ["zh-CN", "en"]}})
    caller, _ = office.call("flow:main")
    await asyncio.sleep(2 * PROMPT + 0.5)
    assert office.played() == ["zh-CN/welcome", "en/welcome"]
    assert caller.cause is Cause.NORMAL, "a flow without a next node ends the call"


async def test_a_flow_that_goes_round_without_the_caller_is_stopped(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "set", "values": {"x": "1"}, "next": "again"},
            "again": {"verb": "set", "values": {"x": "2"}, "next": "start"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.FLOW_ERROR
    assert len(walked(office)) == 200
    assert office.of(ev.IvrLeft)[0].result == "loop"


async def test_keys_keep_a_long_flow_alive(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "menu", "prompts": [], "keys": {"1": "start"}, "no_input": "bye"},
            "bye": {"verb": "hangup"},
        }
    )
    caller, _ = office.call("flow:main")
    for _ in range(250):
        await asyncio.sleep(0.1)
        caller.key("1")
    await asyncio.sleep(0.1)
    assert len(walked(office)) == 250
    assert not caller.is_ended


async def test_hanging_up_leaves_the_flow_where_it_was(make: Make) -> None:
    office = make()
    caller, call = office.call("flow:main")
    await asyncio.sleep(0.5)
    caller.leave()
    await asyncio.sleep(0.1)
    assert walked(office)[-1] == ("menu", "hangup")
    assert [(event.node, event.result) for event in office.of(ev.IvrLeft)] == [("menu", "hangup")]
    assert call.timeline.events[-1].type == "call.ended"


async def test_collected_digits_choose_the_extension(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "collect", "prompts": ["welcome"], "max_digits": 4, "next": "dial", "no_input": "bye"},
            "dial": {"verb": "transfer", "to": "extension:{{digits}}", "on_failed": "bye"},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    caller.key("1003")
    await asyncio.sleep(0.1)
    office.phone("1003").accept()
    await asyncio.sleep(0.1)
    assert caller.hears == {"1003"}


async def test_a_transfer_that_fails_goes_on_in_the_flow(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "transfer", "to": "extension:1003", "on_failed": "bye"},
            "bye": {"verb": "hangup", "cause": "congestion"},
        }
    )
    office.refusals["1003"] = Cause.UNREACHABLE
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.CONGESTION
    assert walked(office)[0] == ("start", "unreachable")


async def test_queue_time_out_goes_on_in_the_flow(make: Make) -> None:
    office = make(queue=Queue(name="sales", max_wait=30, announce="none"))
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    caller.key("1")
    await asyncio.sleep(31)
    assert walked(office)[-2:] == [("sales", "timeout"), ("bye", "ended")]
    assert caller.cause is Cause.NORMAL


async def test_what_nobody_planned_goes_to_on_error_or_ends_with_flow_error(make: Make) -> None:
    nodes = {"start": {"verb": "transfer", "to": "flow:main", "on_error": "bye"}, "bye": {"verb": "hangup", "cause": "busy"}}
    office = make(nodes)  # calls itself until the call counts as going in circles
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY
    assert ("start", "error") in walked(office)


async def test_an_unknown_flow_ends_the_call_with_a_cause(make: Make) -> None:
    office = make()
    caller, _ = office.call("flow:none")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.UNALLOCATED
