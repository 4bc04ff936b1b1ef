"""Who is offered which call: skills and stages, tiers, sites, delays, memory, several at once, by hand; and why."""

from __future__ import annotations

import pytest

from softswitch.acd import commands as c
from softswitch.directory.centre import Agent, Membership, Need, Overflow, Queue, Stage
from softswitch.model import events as ev
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict
from tests.support.acd_house import House, of, offered


def agent(login: str, *queues: str, **more: object) -> Agent:
    return Agent(login=login, queues=queues or ("sales",), **more)  # type: ignore[arg-type]


def queue(name: str = "sales", **more: object) -> Queue:
    return Queue(name=name, **{"wrap_up_mode": "none", **more})  # type: ignore[arg-type]


BROADBAND = (Need(skill="broadband", level=80), Need(skill="vip", level=50))
RELAXED = (
    Stage(after=20, levels={"broadband": 60}), Stage(after=45, optional=("vip",), tier=2), Stage(after=90, any_member=True),
)  # fmt: skip


@pytest.mark.parametrize(
    ("skills", "after", "stage"),
    [
        ({"broadband": 80, "vip": 50}, 0, 0),
        ({"broadband": 60, "vip": 50}, 20, 1),
        ({"broadband": 60}, 45, 2),
        ({}, 90, 3),
    ],
)
def test_needs_relax_at_the_instants_of_their_stages(skills: dict[str, int], after: int, stage: int) -> None:
    house = House([queue(needs=BROADBAND, stages=RELAXED)], [agent("li", skills=skills)])
    house.sign_in("li")
    made = house.call("v1")
    if after:
        assert made == []
        assert offered(house.wait(after - 0.1)) == []
        made = offered(house.wait(0.1))
    assert made == ["li"]
    assert of(house.events, ev.AcdDecision)[-1].stage == stage
    assert [event.stage for event in of(house.events, ev.QueueRelaxed)] == list(range(1, stage + 1))


def test_optional_needs_count_by_weight_against_the_threshold() -> None:
    needs = (Need(skill="a", weight=30, mandatory=False), Need(skill="b", weight=70, mandatory=False))
    house = House([queue(needs=needs, stages=(Stage(after=10, threshold=70), Stage(after=20, threshold=0)))],
                  [agent("half", skills={"a": 1}), agent("more", skills={"b": 1})])  # fmt: skip
    house.sign_in("half", "more")
    assert house.call("v1") == []
    assert offered(house.wait(10)) == ["more"]
    house.answer("more")
    house.call("v2")
    assert offered(house.wait(19.9)) == []
    assert offered(house.wait(0.2)) == ["half"]


def test_the_calls_own_needs_replace_those_of_the_queue() -> None:
    house = House([queue(needs=(Need(skill="vip", level=10),))], [agent("li", skills={"vip": 20})])
    house.sign_in("li")
    assert house.call("v1", needs=(Need(skill="vip", level=30),)) == []
    assert house.call("v2") == ["li"], "whoever waits in vain does not stand before others"


def test_tiers_open_by_time_or_when_the_lower_ones_are_empty() -> None:
    people = [
        agent("first", membership={"sales": Membership(tier=1)}),
        agent("second", membership={"sales": Membership(tier=2)}),
    ]
    house = House([queue(strategy="tiered", tier_delay=15)], people)
    house.sign_in("first", "second")
    assert house.call("v1") == ["first"]
    house.answer("first")
    assert house.call("v2") == []
    assert offered(house.wait(15)) == ["second"]
    house.do(c.Leave("v2"))
    house.call("v3")
    house.do(c.Logout("first"))
    assert offered(house.do(c.Released("first", "c-v1"))) == ["second"], "nobody is left in the first tier"


def test_delay_of_a_membership_hides_young_calls() -> None:
    house = House([queue()], [agent("li", membership={"sales": Membership(delay=10)})])
    house.sign_in("li")
    assert house.call("v1") == []
    assert offered(house.wait(9.9)) == []
    assert offered(house.wait(0.2)) == ["li"]


def test_priority_of_memberships_comes_before_the_wait() -> None:
    memberships = {"sales": Membership(priority=2), "vip": Membership(priority=1)}
    house = House([queue(), queue("vip")], [agent("li", "sales", "vip", membership=memberships)])
    house.call("old")
    house.wait(100)
    house.call("new", "vip")
    house.sign_in("li")
    assert of(house.events, ev.OfferMade)[0].visit == "new"


def test_own_site_first_then_others_after_the_delay() -> None:
    people = [agent("far", site="south"), agent("near", site="north")]
    house = House([queue(strategy="local_first", site="north", remote_delay=10)], people)
    house.sign_in("far", "near")
    assert house.call("v1") == ["near"]
    assert house.call("v2") == []
    assert offered(house.wait(10)) == ["far"]


@pytest.mark.parametrize(
    ("choice", "balance", "deficit", "expected"),
    [
        ("balance_wait", {"sales": 0.5, "vip": 2.0}, {}, "b"),
        ("balance_wait", {"sales": 2.0, "vip": 0.5}, {}, "a"),
        ("deficit", {}, {"sales": 3.0, "vip": 9.0}, "b"),
        ("deficit", {}, {}, "a"),
    ],
)
def test_choice_among_queues_by_injected_figures(
    choice: str, balance: dict[str, float], deficit: dict[str, float], expected: str
) -> None:
    house = House([queue(choice=choice), queue("vip", choice=choice)], [agent("li", "sales", "vip")])
    house.do(c.QueueFigures(balance, deficit))
    house.call("a")
    house.wait(5)
    house.call("b", "vip")
    house.sign_in("li")
    assert of(house.events, ev.OfferMade)[0].visit == expected
    assert of(house.events, ev.AcdDecision)[0].rule == choice


def test_occupancy_cap_gives_a_pause() -> None:
    house = House([queue()], [agent("li", occupancy_cap=50)])
    house.sign_in("li")
    house.talk("li")
    house.wait(1000)
    house.do(c.Released("li", "c-v1"))
    assert house.call("v2") == []
    assert offered(house.wait(3600)) == ["li"]


def test_skills_and_queues_of_the_day_until_their_end() -> None:
    house = House([queue(), queue("vip", needs=(Need(skill="vip", level=50),))], [agent("li", "sales")])
    house.sign_in("li")
    assert house.call("v1", "vip") == []
    said = house.do(c.SetSkills("li", {"vip": 60}, ("vip",), until=house.now + 600, actor="wang"))
    assert offered(said) == ["li"]
    assert house.core.queues_of("li") == ("vip",)
    house.wait(600)
    assert (house.core.queues_of("li"), house.core.skills_of("li")) == (("sales",), {})


# memory


def test_known_agent_who_is_free_gets_the_call_at_once() -> None:
    house = House([queue(sticky=("owner", "last"))], [agent("li"), agent("wen")])
    house.sign_in("li", "wen")
    assert house.call("v1", sticky=(("last", "wen"),)) == ["wen"]
    assert of(house.events, ev.AcdDecision)[0].rule == "sticky:last"


def test_caller_waits_for_a_busy_known_agent_and_no_longer() -> None:
    house = House([queue(sticky=("last",), sticky_wait=30)], [agent("li"), agent("wen")])
    house.sign_in("wen")
    house.talk("wen", "v0")
    house.wait(170)  # of 180 s that a contact takes as long as nothing is known
    house.sign_in("li")
    assert house.call("v1", sticky=(("last", "wen"),)) == []
    assert house.core.state.visits["v1"].held_for == "wen"
    assert house.call("v2") == ["li"]
    house.do(c.Leave("v2"))
    assert offered(house.wait(30)) == ["li"], "after the sticky wait anybody"


def test_held_caller_gets_the_agent_who_becomes_free_and_everybody_when_it_goes_away() -> None:
    house = House([queue(sticky=("last",))], [agent("li"), agent("wen")])
    house.sign_in("wen")
    house.talk("wen", "v0")
    house.wait(170)
    house.sign_in("li")
    house.call("v1", sticky=(("last", "wen"),))
    assert offered(house.do(c.Released("wen", "c-v0"))) == ["wen"]
    house.do(c.OfferFailed(house.record("wen").offer, "reject"))
    assert house.state("li") == "reserved"


def test_memory_takes_no_more_than_its_share_of_the_agents_time() -> None:
    house = House([queue(sticky=("last",))], [agent("li"), agent("wen")])
    house.sign_in("li", "wen")
    assert house.call("v1", sticky=(("last", "wen"),)) == ["wen"]
    house.answer("wen")
    house.wait(600)
    house.do(c.Released("wen", "c-v1"))
    assert house.call("v2", sticky=(("last", "wen"),)) == ["li"], "600 s of 900 s came by memory"


# several at once


def test_ring_all_alerts_everybody_and_the_first_answer_wins() -> None:
    house = House([queue(strategy="ring_all")], [agent(login) for login in ("li", "wen", "zhao")])
    house.sign_in("li", "wen")
    assert house.call("v1") == ["li", "wen"]
    house.do(c.Login("zhao", "browser"), c.DeviceChanged("zhao", reachable=True))
    assert offered(house.do(c.Ready("zhao"))) == ["zhao"], "who becomes free joins"
    said = house.do(c.OfferAccepted(house.record("wen").offer))
    assert [(event.agent, event.reason) for event in of(said, ev.OfferWithdrawn)] == [("li", "answered"), ("zhao", "answered")]
    assert [house.state(login) for login in ("li", "wen", "zhao")] == ["ready", "talking", "ready"]


def test_progressive_ring_adds_one_agent_each_step() -> None:
    house = House([queue(strategy="progressive_ring", ring_step=5)], [agent(login) for login in ("li", "wen", "zhao")])
    house.sign_in("li", "wen", "zhao")
    assert house.call("v1") == ["li"]
    house.do(c.OfferAlerting(house.record("li").offer))
    assert offered(house.wait(5)) == ["wen"]
    assert house.state("li") == "ringing"
    house.do(c.OfferAlerting(house.record("wen").offer))
    assert offered(house.wait(5)) == ["zhao"]


def test_hunt_rings_the_next_ones_when_nobody_answered() -> None:
    house = House([queue(strategy="hunt_n", ring_count=2)], [agent(login) for login in ("a", "b", "c", "d")])
    house.sign_in("d", "c", "b", "a")
    assert house.call("v1") == ["a", "b"]
    for login in ("a", "b"):
        house.do(c.OfferFailed(house.record(login).offer, "busy"))
    assert offered(house.events)[2:] == ["c", "d"]


@pytest.mark.parametrize("strategy", ["round_robin", "random", "weighted_random", "fewest_calls"])
def test_withdrawn_offers_leave_no_trace_in_the_choice(strategy: str) -> None:
    chosen: list[list[str]] = []
    for withdrawn in (0, 1, 2):
        house = House([queue(strategy=strategy)], [agent(login) for login in "abcde"])
        house.sign_in(*"abcde")
        house.call("v1")
        house.answer(offered(house.events)[-1])
        for number in range(withdrawn):
            house.call(f"gone{number}")
            house.do(c.Leave(f"gone{number}"))
        chosen.append([*house.call("v2"), *house.call("v3")])
    assert chosen[0] == chosen[1] == chosen[2]


def test_round_robin_goes_round() -> None:
    house = House([queue(strategy="round_robin")], [agent(login) for login in "abc"])
    house.sign_in(*"cab")
    got: list[str] = []
    for number in range(6):
        (login,) = house.call(f"v{number}")
        house.answer(login)
        house.do(c.Released(login, f"c-v{number}"))
        got.append(login)
    assert got == ["a", "b", "c", "a", "b", "c"]


# by hand, and the ways out


def test_agent_picks_a_caller_and_returns_to_the_break() -> None:
    house = House([queue()], [agent("li"), agent("wen")])
    house.sign_in("li", "wen")
    assert house.call("v1") == ["li"]
    house.do(c.NotReady("wen", "meal"))
    said = house.do(c.Pick("wen", "v1"))
    assert [(event.agent, event.reason) for event in of(said, ev.OfferWithdrawn)] == [("li", "picked")]
    assert of(said, ev.AcdDecision)[0].rule == "picked"
    house.answer("wen")
    house.do(c.Released("wen", "c-v1"))
    assert (house.state("wen"), house.record("wen").reason) == ("not_ready", "meal")


def test_supervisor_intercepts_a_ringing_caller() -> None:
    house = House([queue()], [agent("li")])
    house.sign_in("li")
    house.call("v1")
    said = house.do(c.Intercept("v1", "wang"))
    assert (of(said, ev.QueueLeft)[0].result, of(said, ev.QueueLeft)[0].actor) == ("supervisor", "wang")
    assert house.state("li") == "ready"


def test_overflow_by_wait_and_by_nobody_signed_in_say_where_to_go() -> None:
    rules = (
        Overflow(when="wait", threshold=60, to=Destination.parse("queue:vip")),
        Overflow(when="no_agents", threshold=20, to=Destination.parse("voicemail:main")),
    )
    house = House([queue(overflows=rules)], [agent("li")])
    house.call("v1")
    (left,) = of(house.wait(20), ev.QueueLeft)
    assert (left.result, left.to, left.rule) == ("overflow", "voicemail:main", "no_agents")
    house.sign_in("li")
    house.do(c.NotReady("li", "meal"))
    house.call("v2")
    (left,) = of(house.wait(60), ev.QueueLeft)
    assert (left.result, left.to, left.rule) == ("overflow", "queue:vip", "wait")


def test_callback_keeps_its_place_whatever_the_clock_says() -> None:
    house = House([queue(max_wait=30, leave_empty=10)], [agent("li")])
    house.call("back", channel="callback")
    assert of(house.wait(300), ev.QueueLeft) == []
    house.sign_in("li")
    house.do(c.OfferAccepted(house.record("li").offer, "c-new"))
    assert house.record("li").call == "c-new"


# why


def test_a_decision_tells_everything_about_itself() -> None:
    people = [
        agent("li", skills={"vip": 60}),
        agent("wen"),
        agent("zhao", skills={"vip": 90}),
        agent("gone", skills={"vip": 9}),
    ]
    house = House([queue(needs=(Need(skill="vip", level=50),), importance=10)], people)
    house.sign_in("li", "wen", "zhao")
    house.do(c.NotReady("zhao", "meal"))
    house.call("v1", importance=20, waited=15.0)
    (decision,) = of(house.events, ev.AcdDecision)
    assert (decision.chosen, decision.candidates, decision.rule, decision.choice) == ("li", ("li",), "longest_idle", "priority")
    assert decision.excluded == {"wen": "skill vip 0 < 50", "zhao": "not_ready", "gone": "logged_out"}
    assert (decision.priority, decision.config_version, decision.ready) == (27.0, 7, 1)
    assert decision.offer == of(house.events, ev.OfferMade)[0].offer
    assert decision.keys == {"li": -3.0}


def test_a_decision_about_a_great_queue_stays_short() -> None:
    house = House([queue()], [agent(f"a{n:03}") for n in range(200)])
    house.sign_in(*(f"a{n:03}" for n in range(60)))
    house.call("v1")
    (decision,) = of(house.events, ev.AcdDecision)
    assert (decision.chosen, len(decision.candidates), decision.ready) == ("a000", 10, 60)
    assert decision.excluded == {"(logged_out)": "140"}


def test_no_pick_of_what_one_is_offered_already() -> None:
    house = House([queue()], [agent("li")])
    house.sign_in("li")
    house.call("v1")
    with pytest.raises(Conflict):
        house.do(c.Pick("li", "v1"))
