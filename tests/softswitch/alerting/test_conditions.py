"""Which conditions alarm, at which level, and what the last 15 minutes of a queue are."""

import pytest

from softswitch.alerting import conditions
from softswitch.alerting.catalogue import CATALOGUE, entry_of
from softswitch.alerting.conditions import QueueFacts
from softswitch.alerting.window import Windows
from softswitch.directory.model import AlarmRule
from softswitch.model.events import AgentStateChanged, OfferAnswered, QueueEntered, QueueLeft


def rule(code: str, threshold: float = 0.0, level: str = "major", about: str = "") -> AlarmRule:
    return AlarmRule(name=f"{code}-{level}-{about}", code=code, object=about, level=level, threshold=threshold)  # type: ignore[arg-type]


def found(facts: QueueFacts, *rules: AlarmRule) -> dict[str, str]:
    return {one.code: one.level for one in conditions.queue_conditions(facts, rules)}


def test_queue_thresholds_are_those_of_the_rules() -> None:
    facts = QueueFacts(name="sales", waiting=7, longest_wait=95)
    assert found(facts) == {}, "how long a queue may be only its owner knows"
    rules = (rule("queue_length", 5, "minor"), rule("queue_length", 7, "critical"), rule("longest_wait", 120))
    assert found(facts, *rules) == {"queue_length": "critical"}
    assert found(facts, rule("queue_length", 5, "minor"), rule("queue_length", 50, "major", "queue:sales")) == {}
    assert found(QueueFacts(name="other", waiting=7), *rules) == {"queue_length": "critical"}


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (QueueFacts(name="q", service_level=79.0, calls=10), {"service_level": "minor"}),
        (QueueFacts(name="q", service_level=80.0, calls=10), {}),
        (QueueFacts(name="q", service_level=10.0, calls=9), {}),
        (QueueFacts(name="q", load=3.0, agents=3), {"offered_load": "warning"}),
        (QueueFacts(name="q", load=2.9, agents=3), {}),
        (QueueFacts(name="q", load=0.1, agents=0), {"offered_load": "warning"}),
        (QueueFacts(name="q", load=9.0, agents=0, open=False), {}),
    ],
)
def test_what_alarms_without_rules(facts: QueueFacts, expected: dict[str, str]) -> None:
    assert found(facts) == expected


def test_a_rule_may_ask_for_another_service_level() -> None:
    facts = QueueFacts(name="q", service_level=75.0, calls=20)
    assert found(facts, rule("service_level", 70.0)) == {}
    assert found(facts, rule("service_level", 0.0, "critical")) == {"service_level": "critical"}, "0: the queue's own goal"


def test_more_than_a_tenth_of_the_agents_do_not_respond() -> None:
    def states(away: int, there: int, out: int = 5) -> dict[str, str]:
        names = ["not_responding"] * away + ["ready"] * there + ["logged_out"] * out
        return {f"a{index}": state for index, state in enumerate(names)}

    assert not list(conditions.agent_conditions(states(1, 9), []))
    assert [one.level for one in conditions.agent_conditions(states(2, 9), [])] == ["major"]
    assert not list(conditions.agent_conditions(states(0, 0), []))
    assert [one.level for one in conditions.agent_conditions(states(1, 9), [rule("not_responding", 5, "minor")])] == ["minor"]


def test_trunks_phones_lag_and_certificate() -> None:
    trunks = {"a": ("up", ""), "b": ("down", "no answer"), "c": ("rejected", "403"), "d": ("registered", "")}
    assert [(one.code, one.object, one.level) for one in conditions.trunk_conditions(trunks, [])] == [
        ("trunk_down", "trunk:b", "major"), ("registration_lost", "trunk:c", "major"),
    ]  # fmt: skip
    (alone,) = conditions.trunk_conditions({"a": ("down", "")}, [])
    assert alone.level == "critical", "no way out is left"
    (phone,) = conditions.phone_conditions({"li": "1001", "wu": "1002"}, ["1001"], [])
    assert phone.object == "extension:1002"
    assert not list(conditions.lag_condition(4.9, [])) and list(conditions.lag_condition(5.0, []))
    days = {"a": 22.0, "listener x": 20.0, "trunk teams": 5.0, "stir": -1.0}
    found = [(one.object, one.level) for one in conditions.certificate_conditions(days, 21.0)]
    assert found == [("listener x", "minor"), ("trunk teams", "major"), ("stir", "critical")]


def test_a_window_knows_the_last_fifteen_minutes() -> None:
    windows = Windows(lambda _queue: (20.0, 5.0))
    for at, wait, result in (
        (0, 1000, "answered"), (100, 19_000, "answered"), (200, 21_000, "answered"), (250, 4_000, "abandoned"),
        (300, 6_000, "abandoned"), (310, 1000, "overflow"),
    ):  # fmt: skip
        windows.note(QueueEntered(at=at - wait / 1000, queue="q", visit="v", position=1))
        windows.note(QueueLeft(at=at, queue="q", visit="v", result=result, wait_ms=wait))
    assert windows.of("q", 400).service_level == 50.0, "short abandons and other exits do not count"
    assert windows.of("q", 901).service_level == pytest.approx(100 / 3), "the first call is past"
    assert windows.of("q", 2000).service_level is None and windows.of("none", 0).service_level is None


def test_offered_load_is_arrivals_by_handling_time() -> None:
    windows = Windows(lambda _queue: (20.0, 5.0))
    for number in range(9):
        at = number * 100.0
        windows.note(QueueEntered(at=at, queue="q", visit=f"v{number}", position=1))
        windows.note(OfferAnswered(at=at, agent=f"a{number}", queue="q", offer="o"))
        windows.note(AgentStateChanged(at=at + 80, agent=f"a{number}", old="talking", new="wrap_up"))
        windows.note(AgentStateChanged(at=at + 200, agent=f"a{number}", old="wrap_up", new="ready"))
    windows.note(QueueEntered(at=850, queue="q", visit="again", position=1, waited_ms=5000))
    window = windows.of("q", 850)
    assert window.handling == 200 and window.load() == pytest.approx(9 / 900 * 200)


def test_every_alarm_is_explained_in_both_languages() -> None:
    for code, entry in CATALOGUE.items():
        assert all(said.zh and said.en for said in entry), code
    assert entry_of("something_new").title.en == "something_new"
