"""Flows in real calls, beyond the first verbs: sub-flows, branches after a hang-up, masked keys, speed lines, versions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from softswitch.directory.model import Agent, Flow, Queue
from softswitch.ivr.desk import Announcement, Found
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from tests.support.office import PROMPT_MS, Office

Make = Callable[..., Office]
PROMPT = PROMPT_MS / 1000


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Office] = []

    def build(nodes: dict[str, Any], **others: dict[str, Any]) -> Office:
        flows = {"main": nodes, **others}
        agent = Agent(login="li", queues=("sales",), station="extension:1001")
        made.append(
            Office(
                tmp_path, agents=(agent,), queues=(Queue(name="sales", announce="none"),),
                flows=tuple(Flow(name=name, start="start", nodes=tree) for name, tree in flows.items()),
            )
        )  # fmt: skip
        made[-1].engine._record_files = True
        return made[-1]

    yield build
    for office in made:
        await office.close()


def walked(office: Office) -> list[tuple[str, str, str]]:
    return [(event.flow, event.node, event.result) for event in office.of(ev.IvrNode)]


async def test_a_subflow_returns_with_a_word(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "subflow", "flow": "pay", "results": {"paid": "thanks"}, "next": "sorry", "values": {"due": "5"}},
            "thanks": {"verb": "hangup", "cause": "busy"},
            "sorry": {"verb": "hangup"},
        },
        pay={
            "start": {"verb": "if", "test": "due == 5", "then": "ok", "else": "no"},
            "ok": {"verb": "return", "result": "paid"},
            "no": {"verb": "return"},
        },
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY
    assert walked(office) == [
        ("main", "start", "subflow"), ("pay", "start", "true"), ("pay", "ok", "return"), ("main", "thanks", "ended"),
    ]  # fmt: skip
    assert [(event.flow, event.result) for event in office.of(ev.IvrLeft)] == [("pay", "paid"), ("main", "ended")]


async def test_a_subflow_that_simply_ends_goes_on_behind(make: Make) -> None:
    office = make(
        {"start": {"verb": "subflow", "flow": "hello", "next": "bye"}, "bye": {"verb": "hangup", "cause": "busy"}},
        hello={"start": {"verb": "play", "prompts": ["welcome"]}},
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(PROMPT + 0.2)
    assert caller.cause is Cause.BUSY


async def test_subflows_that_start_each_other_end(make: Make) -> None:
    office = make(
        {"start": {"verb": "subflow", "flow": "other", "next": "start"}},
        other={"start": {"verb": "subflow", "flow": "main", "next": "start"}},
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.2)
    assert caller.cause is Cause.FLOW_ERROR


async def test_what_follows_a_hang_up(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "moh", "seconds": 60, "on_hangup": "note", "next": "bye"},
            "note": {"verb": "context", "values": {"left": "{{caller}}"}, "next": "more"},
            "more": {"verb": "tag", "tag": "gave-up", "next": "sound"},
            "sound": {"verb": "play", "prompts": ["goodbye"]},
            "bye": {"verb": "hangup"},
        }
    )
    caller, call = office.call("flow:main")
    await asyncio.sleep(1)
    caller.leave()
    await asyncio.sleep(0.1)
    assert walked(office) == [("main", "start", "hangup"), ("main", "note", "done"), ("main", "more", "done")]
    assert call.variables["left"] == "13800138000"
    assert call.timeline.events[-1].type == "call.ended"
    assert office.of(ev.IvrLeft)[0].node == "start"
    assert "zh-CN/goodbye" not in office.played()


async def test_what_follows_a_hang_up_cannot_hold_the_call(make: Make) -> None:
    class Slow:
        async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
            await asyncio.sleep(100)
            return Found("none")

    office = make(
        {
            "start": {"verb": "moh", "seconds": 60, "on_hangup": "ask"},
            "ask": {"verb": "lookup", "name": "customers", "found": "ask"},
        }
    )
    office.ivr.desk.lookups = Slow()
    caller, call = office.call("flow:main")
    await asyncio.sleep(1)
    caller.leave()
    await asyncio.sleep(4)
    assert not call.is_over
    await asyncio.sleep(2)
    assert call.is_over


async def test_a_supervisor_who_sends_the_caller_elsewhere_is_no_hang_up(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "moh", "seconds": 60, "on_hangup": "note"},
            "note": {"verb": "tag", "tag": "gave-up"},
        },
        other={"start": {"verb": "hangup", "cause": "busy"}},
    )
    from softswitch.model.destination import Destination

    caller, call = office.call("flow:main")
    await asyncio.sleep(1)
    call.redirect(Destination.parse("flow:other"))
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY
    assert "tags" not in call.variables


async def test_masked_digits_are_nowhere(make: Make) -> None:
    seen: list[Mapping[str, str]] = []

    class Bank:
        async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
            seen.append(parameters)
            return Found("found", {"owner": "wang"})

    office = make(
        {
            "start": {"verb": "answer", "next": "card"},
            "card": {"verb": "secure_collect", "next": "ask", "on_failed": "bye"},
            "ask": {"verb": "lookup", "name": "customers", "parameters": {"id": "{{card}}"}, "found": "bye", "none": "bye"},
            "bye": {"verb": "log", "text": "card {{card}}"},
        }
    )
    office.ivr.desk.lookups = Bank()
    caller, call = office.call("flow:main")
    await asyncio.sleep(0.5)
    caller.key("4111111111111111#")
    await asyncio.sleep(0.5)
    assert seen == [{"id": "4111111111111111"}]
    everything = repr(office.events) + repr(call.variables)
    assert "4111" not in everything
    assert {event.digit for event in office.of(ev.LegDtmf)} == {"x"}
    assert office.of(ev.IvrInput) == []


async def test_keys_are_told_as_input(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "menu", "prompts": [], "keys": {"1": "ask"}, "no_input": "bye"},
            "ask": {"verb": "collect", "max_digits": 4, "variable": "account", "next": "bye", "no_input": "bye"},
            "bye": {"verb": "hangup"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    caller.key("11234")
    await asyncio.sleep(0.1)
    assert [(event.node, event.name, event.value) for event in office.of(ev.IvrInput)] == [
        ("start", "", "1"), ("ask", "account", "1234"),
    ]  # fmt: skip


async def test_a_speed_line_enters_at_a_node(make: Make) -> None:
    office = make({"start": {"verb": "hangup"}, "leaf": {"verb": "hangup", "cause": "busy"}})
    caller, _ = office.call("flow:main/leaf")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY
    caller, _ = office.call("flow:main/none")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.UNALLOCATED


async def test_an_extension_is_dialled_from_the_menu(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "menu", "prompts": ["main-menu"], "keys": {"1": "bye"}, "direct_dial": True, "on_failed": "bye"},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.5)
    caller.key("1002")
    await asyncio.sleep(0.1)
    office.phone("1002").accept()
    await asyncio.sleep(0.1)
    assert caller.hears == {"1002"}
    office.refusals["1003"] = Cause.UNREACHABLE
    other, _ = office.call("flow:main", "139")
    await asyncio.sleep(0.5)
    other.key("1003")
    await asyncio.sleep(0.1)
    assert other.cause is Cause.BUSY, "nobody there: on_failed"


async def test_key_one_of_a_menu_with_extensions_waits_for_a_second_digit(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "menu", "prompts": [], "keys": {"1": "bye"}, "direct_dial": True, "inter_digit": 2},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    caller.key("1")
    await asyncio.sleep(1)
    assert not caller.is_ended
    await asyncio.sleep(1.2)
    assert caller.cause is Cause.BUSY


async def test_a_running_call_keeps_its_version(make: Make) -> None:
    nodes = {"start": {"verb": "moh", "seconds": 5, "next": "bye"}, "bye": {"verb": "hangup", "cause": "busy"}}
    office = make(nodes)
    caller, _ = office.call("flow:main")
    await asyncio.sleep(1)
    changed = {"start": {"verb": "hangup"}}
    office.snapshot = replace(office.snapshot, flows={"main": Flow(name="main", start="start", nodes=changed, version=2)})
    other, _ = office.call("flow:main", "139")
    await asyncio.sleep(0.1)
    assert other.cause is Cause.NORMAL
    await asyncio.sleep(5)
    assert caller.cause is Cause.BUSY
    assert [event.version for event in office.of(ev.IvrEntered)] == [1, 2]


async def test_recording_with_review(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "answer", "next": "take"},
            "take": {"verb": "record", "review": True, "silence": 0, "next": "bye"},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, call = office.call("flow:main")
    await asyncio.sleep(1)
    caller.key("#")
    await asyncio.sleep(1)
    assert caller.is_ended, "half a second is no recording, and nothing else follows an empty one"
    caller, call = office.call("flow:main")
    await asyncio.sleep(3)
    caller.key("#")
    await asyncio.sleep(1.5)
    caller.key("1")
    await asyncio.sleep(0.5)
    assert caller.cause is Cause.BUSY
    finished = [event for event in office.of(ev.RecordingFinished) if event.call == call.id]
    assert finished[0].recording == call.variables["recording"]


async def test_the_voice_of_the_caller_ends_the_prompts_of_a_menu_that_lets_it(make: Make) -> None:
    menu = {
        "verb": "menu",
        "prompts": ["main-menu", "main-menu"],
        "keys": {"5": "bye"},
        "timeout": 1,
        "retries": 0,
        "no_input": "silence",
    }
    bye = {"verb": "hangup", "cause": "busy"}
    for barge_in, cause in (("voice", Cause.NORMAL), ("", None)):
        office = make({"start": menu | {"barge_in": barge_in}, "bye": bye, "silence": {"verb": "hangup"}})
        caller, _ = office.call("flow:main")
        await asyncio.sleep(0.1)
        office.engine.talk(caller.port)
        await asyncio.sleep(1.2)  # the second for a key begins where the prompts end
        assert caller.cause is cause


async def test_music_and_waiting_keep_keys(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "wait", "seconds": 2, "next": "music"},
            "music": {"verb": "moh", "seconds": 100, "stop_on_key": True, "next": "menu"},
            "menu": {"verb": "menu", "prompts": [], "keys": {"5": "bye"}, "no_input": "start"},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(10)
    assert "music/default" in office.played()
    caller.key("5")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY


async def test_an_announcement_counts_who_heard_it_and_who_left(make: Make) -> None:
    heard: list[bool] = []

    class Slots:
        def on_air(self, slot: str) -> Announcement | None:
            return Announcement(slot, ("emergency",), until=9e9)

        def heard(self, slot: str, *, left: bool) -> None:
            heard.append(left)

    office = make({"start": {"verb": "announce_slot", "slot": "top", "next": "bye"}, "bye": {"verb": "hangup"}})
    office.ivr.desk.slots = Slots()
    office.call("flow:main")
    await asyncio.sleep(PROMPT + 0.2)
    caller, _ = office.call("flow:main")
    await asyncio.sleep(PROMPT / 2)
    caller.leave()
    await asyncio.sleep(0.1)
    assert heard == [False, True]


async def test_a_part_that_this_switch_does_not_have_is_an_error_of_the_node(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "list_check", "else": "bye", "on_error": "sorry"},
            "bye": {"verb": "hangup"},
            "sorry": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.BUSY


async def test_a_broken_expression_is_an_error_of_the_node(make: Make) -> None:
    office = make({"start": {"verb": "if", "test": "caller / 0", "then": "start", "else": "start"}})
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.FLOW_ERROR


async def test_a_ring_time_of_the_flows_own(make: Make) -> None:
    office = make(
        {
            "start": {"verb": "transfer", "to": "extension:1002", "seconds": 3, "on_failed": "bye"},
            "bye": {"verb": "hangup", "cause": "busy"},
        }
    )
    caller, _ = office.call("flow:main")
    await asyncio.sleep(2.5)
    assert not caller.is_ended
    await asyncio.sleep(1)
    assert caller.cause is Cause.BUSY


async def test_a_survey_bears_agent_and_queue(make: Make) -> None:
    office = make(
        {"start": {"verb": "queue", "queue": "sales"}},
        survey={
            "start": {"verb": "survey", "name": "survey", "low": 2, "reason_prompts": [], "next": "bye"},
            "bye": {"verb": "hangup"},
        },
    )
    queue = Queue(name="sales", announce="none", survey="survey")
    office.snapshot = replace(office.snapshot, queues={"sales": queue})
    office.acd.directory_changed(office.snapshot)
    await office.ready("li")
    caller, _ = office.call("flow:main")
    await asyncio.sleep(0.5)
    office.phone("1001").accept()
    await asyncio.sleep(2)
    office.phone("1001").leave()
    await asyncio.sleep(PROMPT / 2)
    caller.key("5")
    await asyncio.sleep(1)
    (answered,) = office.of(ev.SurveyAnswered)
    assert (answered.survey, answered.marks, answered.agent, answered.queue) == ("survey", {"service": 5}, "li", "sales")
    assert caller.is_ended
