"""Which conversations are recorded."""

from __future__ import annotations

from typing import Any

import pytest

from softswitch.directory.centre import Agent, Queue, RecordingRule
from softswitch.directory.model import Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.recordings.policy import RecordingPolicy
from softswitch.recordings.rules import Contact, RecordingMode, after_consent, decide, fits

QUEUE = Queue(name="sales")
SILENT = Queue(name="sales", record=False)
CALL = Contact(call="c1", queue="sales", agent="li", team="north", number="13800138000", direction="in")


def _rule(name: str = "r", **values: Any) -> RecordingRule:
    return RecordingRule(name=name, **values)


def test_without_rules_the_queue_decides() -> None:
    assert decide([], CALL, QUEUE).records
    assert not decide([], CALL, SILENT).may_begin
    assert not decide([], Contact(call="c1", direction="out")).may_begin


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"queue": "sales"}, True),
        ({"queue": "repair"}, False),
        ({"agent": "li", "team": "north"}, True),
        ({"agent": "li", "team": "south"}, False),
        ({"direction": "out"}, False),
        ({"number": "138*"}, True),
        ({"number": "1380013800X"}, True),
        ({"number": "139*"}, False),
        ({}, True),
    ],
)
def test_all_conditions_of_a_rule_hold(conditions: dict[str, str], expected: bool) -> None:
    assert fits(_rule(**conditions), CALL) is expected


def test_a_number_rule_does_not_fit_a_call_without_a_number() -> None:
    assert not fits(_rule(number="*"), Contact(call="c1", direction="internal"))


def test_the_first_rule_by_order_decides() -> None:
    rules = [
        _rule("all", order=50),
        _rule("vip", number="138*", mode="never", order=10),
        _rule("late", mode="on_demand", order=90),
    ]
    assert decide(rules, CALL, QUEUE).rule == "vip"
    assert decide(rules, CALL, QUEUE).mode is RecordingMode.NEVER
    assert decide(rules, Contact(call="c1", number="139"), None).rule == "all"


def test_a_share_is_kept_and_each_call_judged_alike() -> None:
    rule = _rule(percent=10)
    drawn = [decide([rule], Contact(call=f"c{number}"), QUEUE).records for number in range(5000)]
    assert 400 <= sum(drawn) <= 600
    assert drawn == [decide([rule], Contact(call=f"c{number}"), QUEUE).records for number in range(5000)]
    never = _rule(percent=10, mode="never")
    assert 4400 <= sum(decide([never], Contact(call=f"c{number}"), SILENT).records for number in range(5000)) <= 4600
    asked = [decide([_rule(percent=10, mode="on_demand")], Contact(call=f"c{number}")) for number in range(500)]
    assert 20 <= sum(decision.may_begin for decision in asked) <= 80
    assert not any(decision.records for decision in asked)


def test_who_does_not_consent_is_not_recorded_whatever_rules_say() -> None:
    refused = after_consent(CALL, "9")
    assert decide([_rule()], refused, QUEUE).rule == "refused"
    assert not decide([_rule()], refused, QUEUE).may_begin
    assert decide([_rule()], after_consent(CALL, ""), QUEUE).records
    assert after_consent(refused, "").refused, "a refusal is not taken back by silence"


def _policy(queue: Queue, *rules: RecordingRule) -> RecordingPolicy:
    agent = Agent(login="li", queues=("sales",), team="north", rights=("record",))
    objects: list[Any] = [(Kind.QUEUE, queue), (Kind.AGENT, agent), *((Kind.RECORDING_RULE, rule) for rule in rules)]
    snapshot = Snapshot.of(objects, version=1)
    return RecordingPolicy(lambda: snapshot)


def test_the_team_is_that_of_the_agent() -> None:
    policy = _policy(SILENT, _rule(team="north"))
    assert policy.decide(Contact(call="c1", agent="li", queue="sales")).records
    assert not policy.decide(Contact(call="c1", agent="wu", queue="sales")).records
    assert policy.may_steer("li") and not policy.may_steer("wu")


def test_only_who_may_be_recorded_is_asked() -> None:
    asks = Queue(name="sales", consent="consent-recording")
    contact = Contact(call="c1", queue="sales", direction="in")
    assert _policy(asks).consent_prompt(contact) == "consent-recording"
    assert _policy(asks, _rule(mode="never")).consent_prompt(contact) == ""
    assert _policy(asks, _rule(mode="on_demand")).consent_prompt(contact) == "consent-recording"
    assert _policy(QUEUE).consent_prompt(contact) == ""
