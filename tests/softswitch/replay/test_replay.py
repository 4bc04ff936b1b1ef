"""A recorded day under its own and under other configurations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from softswitch.acd.model import AcdConfig
from softswitch.model.events import AcdDecision, Event, QueueEntered, QueueLeft
from softswitch.replay.compare import compare
from softswitch.replay.day import Day, take_apart
from softswitch.replay.report import changes_between, figures_of, reproduced
from softswitch.replay.run import Replay
from tests.support.acd_day import MORNING, DayMaker, centre

CALLS, SECONDS = 800, 1.5 * 3600.0


def recorded(config: AcdConfig, seed: int = 1) -> tuple[list[Event], Day]:
    events = DayMaker(config, CALLS, SECONDS, seed).make()
    return events, take_apart(events, MORNING, config.rules)


@pytest.mark.parametrize("strategy", ["longest_idle", "lowest_occupancy", "random", "ring_all", "progressive_ring"])
def test_the_same_configuration_makes_every_decision_again(strategy: str) -> None:
    config = centre(20, strategy)
    _, day = recorded(config)
    assert len(day.decisions) > 400
    outcome = Replay(day, config, config).run()
    assert changes_between(day.decisions, outcome.decisions) == []
    assert reproduced(day.decisions, outcome.decisions) == 1.0
    assert [(one.chosen, one.candidates, one.excluded, one.keys, one.rule, one.stage) for one in outcome.decisions] == [
        (one.chosen, one.candidates, one.excluded, one.keys, one.rule, one.stage) for one in day.decisions
    ]


def test_a_day_may_begin_with_agents_at_work() -> None:
    config = centre(20)
    events, _ = recorded(config)
    noon = MORNING + SECONDS / 2
    day = take_apart(events, noon, config.rules)
    assert day.before
    outcome = Replay(day, config, config).run()
    before, after = figures_of(day.events, config), figures_of(outcome.events, config)
    for queue in config.queues:  # conversations that ran at noon are not continued, so decisions differ and sums hardly
        assert after[queue].answered == pytest.approx(before[queue].answered, rel=0.15)


def test_more_agents_in_a_queue_shorten_its_wait() -> None:
    config = centre(8)
    _, day = recorded(config)
    agents = {login: replace(agent, queues=("sales", "service", "vip")) for login, agent in config.agents.items()}
    agents |= {f"new{n}": replace(agents["agent000"], login=f"new{n}") for n in range(4)}
    same = compare(day, config, config)
    assert same.changes == []
    assert same.before["sales"].to_dict() == same.after["sales"].to_dict()
    changed = compare(day, config, replace(config, agents=agents), check=True)
    assert changed.check == 1.0
    assert changed.changes
    assert changed.after["sales"].offered == changed.before["sales"].offered


def test_report_says_what_changed_as_text_and_as_json() -> None:
    config = centre(45)
    _, day = recorded(config)
    queues = {name: replace(queue, strategy="linear") for name, queue in config.queues.items()}
    found = compare(day, config, replace(config, queues=queues)).only("sales")
    told = json.loads(json.dumps(found.to_dict()))
    assert [row["queue"] for row in told["queues"]] == ["sales"]
    assert told["changed"] == len(told["changes"]) > 0
    text = found.text(5)
    assert text.startswith("queue sales\n")
    assert "service level" in text
    assert text.count(" -> ") >= 6 + 5
    first = min(agent for agent in found.after["sales"].agents)
    assert found.after["sales"].agents[first] > found.before["sales"].agents[first], "linear prefers the first members"


def test_decisions_are_compared_attempt_by_attempt() -> None:
    def decision(visit: str, chosen: str) -> AcdDecision:
        return AcdDecision(call="c", queue="sales", visit=visit, strategy="linear", candidates=(), chosen=chosen)

    before = [decision("v1", "li"), decision("v1", "wen"), decision("v2", "li")]
    after = [decision("v1", "li"), decision("v1", "zhao")]
    assert [(change.before, change.after) for change in changes_between(before, after)] == [("wen", "zhao"), ("li", "")]
    assert reproduced(before, after) == pytest.approx(1 / 3)


def test_callers_who_were_turned_away_at_the_door_take_nobodys_turn() -> None:
    config = centre(20)
    events, whole = recorded(config)
    at = whole.decisions[200].at
    refused = [
        QueueEntered(call="c-full", queue="sales", visit="v-full", position=0, at=at),
        QueueLeft(call="c-full", queue="sales", visit="v-full", result="closed", wait_ms=0, at=at),
    ]
    place = next(index for index, event in enumerate(events) if event.at > at)
    day = take_apart([*events[:place], *refused, *events[place:]], MORNING, config.rules)
    assert reproduced(day.decisions, Replay(day, config, config).run().decisions) == 1.0
    assert figures_of(day.events, config) == figures_of(whole.events, config)


def test_a_callback_is_offered_once_however_often_it_returns_to_the_line() -> None:
    config = centre(20)
    stay = {"call": "c1", "queue": "sales", "visit": "v1"}
    again = {"call": "c2", "queue": "sales", "visit": "v2"}
    events = [
        QueueEntered(**stay, position=1, at=1.0), QueueLeft(**stay, result="callback", wait_ms=0, at=1.0),
        QueueEntered(**again, position=1, channel="callback", at=2.0), QueueLeft(**again, result="answered", wait_ms=0, at=2.0),
    ]  # fmt: skip
    found = figures_of(events, config)["sales"]
    assert (found.offered, found.answered, found.exits) == (1, 0, {"callback": 1})
