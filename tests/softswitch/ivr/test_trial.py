"""Try-outs: what a simulated caller hears and where it ends; nothing is really done, and it always ends."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.directory.model import Mailbox, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.flow import compile_flow
from softswitch.ivr.trial import Caller, Trial, empty_desk, try_flow

SNAPSHOT = Snapshot(queues={"sales": Queue(name="sales")}, mailboxes={"sales": Mailbox(name="sales")})
NODES: dict[str, Any] = {
    "hello": {"verb": "answer", "next": "hours"},
    "hours": {
        "verb": "time_check",
        "zone": "Asia/Shanghai",
        "open": ["Mon-Fri 09:00-18:00"],
        "then": "menu",
        "else": "message",
    },
    "menu": {"verb": "menu", "prompts": ["main-menu"], "keys": {"1": "sales", "2": "bill"}, "retries": 1, "no_input": "bye"},
    "sales": {"verb": "queue", "queue": "sales", "on_timeout": "message"},
    "bill": {"verb": "auth_pin", "ok": "read", "failed": "bye"},
    "read": {"verb": "say", "value": "{{due}}", "kind": "money", "next": "bye"},
    "message": {"verb": "voicemail", "mailbox": "sales", "greeting": "closed", "next": "bye"},
    "bye": {"verb": "hangup"},
}
NOON = 1_704_081_600.0  # a Monday in Shanghai


async def walk(**caller: Any) -> Trial:
    flow = compile_flow({"name": "main", "start": "hello", "nodes": NODES}, SNAPSHOT)
    return await try_flow(flow, Caller(**{"at": NOON, **caller}), SNAPSHOT, empty_desk(), lambda name: None)


async def test_to_an_agent() -> None:
    trial = await walk(keys=("1",))
    assert [(step.node, step.result, step.pressed) for step in trial.steps] == [
        ("hello", "done", ""), ("hours", "open", ""), ("menu", "key", "1"), ("sales", "ended", ""),
    ]  # fmt: skip
    assert trial.steps[2].heard == ("zh-CN/main-menu",)
    assert (trial.outcome, trial.to) == ("ended", "queue:sales")


async def test_what_outside_parts_do_can_be_chosen() -> None:
    trial = await walk(keys=("1",), given={"sales": "timeout"})
    assert [step.node for step in trial.steps][-3:] == ["sales", "message", "bye"]
    assert trial.to == ""


async def test_time_goes_by() -> None:
    trial = await walk()
    assert [(step.node, step.result) for step in trial.steps[2:]] == [("menu", "no_input"), ("bye", "ended")]
    assert trial.steps[2].heard == ("zh-CN/main-menu",) * 2
    assert trial.seconds == 2 * (3 + 5)


async def test_another_day() -> None:
    trial = await walk(at=NOON - 86_400)
    assert "greeting/sales/closed" in trial.steps[2].heard


async def test_a_pin_is_not_shown() -> None:
    trial = await walk(keys=("2", "7#", "1234#"), variables={"due": "12.50"})
    assert [step.node for step in trial.steps][-3:] == ["bill", "read", "bye"]
    assert trial.steps[3].pressed == "7#xxxxx"
    assert "zh-CN/money-yuan" in trial.steps[4].heard


async def test_nothing_outside_is_asked() -> None:
    """Every part is absent, so whoever asked one would end with an error."""
    flow = compile_flow({"name": "main", "start": "bill", "nodes": NODES}, SNAPSHOT)
    trial = await try_flow(flow, Caller(keys=("7#", "1#")), SNAPSHOT, Desk(), lambda name: None)
    assert [step.result for step in trial.steps] == ["ok", "done", "ended"]


async def test_a_circle_ends() -> None:
    nodes = {"a": {"verb": "goto", "next": "a"}}
    flow = compile_flow({"name": "main", "start": "a", "nodes": nodes}, SNAPSHOT)
    trial = await try_flow(flow, Caller(), SNAPSHOT, Desk(), lambda name: None)
    assert (len(trial.steps), trial.outcome) == (200, "loop")


@settings(deadline=None, max_examples=100)
@given(
    keys=st.lists(st.text("0123456789*#", max_size=6), max_size=12),
    given=st.dictionaries(st.sampled_from(sorted(NODES)), st.text(min_size=1, max_size=6), max_size=2),
)
async def test_any_caller_comes_to_an_end(keys: list[str], given: dict[str, str]) -> None:
    trial = await walk(keys=tuple(keys), given=given)
    assert 1 <= len(trial.steps) <= 2000
    assert trial.outcome


async def test_an_outcome_that_the_node_cannot_have_is_told() -> None:
    trial = await walk(given={"menu": "key:7"})
    assert (trial.steps[-1].node, trial.steps[-1].result, trial.outcome) == ("menu", "error", "ended")
    trial = await walk(given={"menu": "key:1"})
    assert trial.to == "queue:sales"


async def test_a_caller_who_talks_hears_no_more_than_one_prompt_where_the_voice_may_end_them() -> None:
    menu = {"verb": "menu", "prompts": ["welcome", "main-menu"], "keys": {"1": "bye"}}
    for barge_in, heard in (("voice", ("zh-CN/welcome",)), ("", ("zh-CN/welcome", "zh-CN/main-menu"))):
        tree = {"start": menu | {"barge_in": barge_in}, "bye": {"verb": "hangup"}}
        flow = compile_flow({"name": "main", "start": "start", "nodes": tree}, SNAPSHOT)
        trial = await try_flow(flow, Caller(keys=("1",), talks=True), SNAPSHOT, empty_desk(), lambda name: None)
        assert trial.steps[0].heard == heard
