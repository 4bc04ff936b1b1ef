"""The core's promises one by one; the simulator (tests/simulation) covers what nobody thought of."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import pytest

from softswitch.acd import commands as c
from softswitch.acd.check import check
from softswitch.acd.core import CONNECTION_LOST, AcdCore
from softswitch.acd.model import AcdConfig, AgentRecord
from softswitch.directory.centre import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.states import AgentState

E = TypeVar("E", bound=ev.Event)
S = AgentState
LOGINS = ("li", "zhao", "wen")


class Desk:
    """A core, its time, and everything it said. Checks the invariants after each step."""

    def __init__(self, *, logins: Sequence[str] = LOGINS, wrap_up: int = 10, max_wait: int = 0, overflow: str = "") -> None:
        self.now = 1000.0
        agents = {login: Agent(login=login, queues=("sales", "vip")) for login in logins}
        queue = Queue(
            name="sales", ring_timeout=20, wrap_up=wrap_up, max_wait=max_wait,
            overflow=Destination.parse(overflow) if overflow else None,
        )  # fmt: skip
        queues = {"sales": queue, "vip": replace(queue, name="vip")}
        offers = itertools.count(1)
        self.core = AcdCore(AcdConfig(agents, queues), lambda: f"o{next(offers)}")
        self.events: list[ev.Event] = []

    def do(self, *commands: c.Command) -> list[ev.Event]:
        said = [event for command in commands for event in self.core.submit(command, self.now)]
        return self.keep(said)

    def wait(self, seconds: float) -> list[ev.Event]:
        until = self.now + seconds
        said: list[ev.Event] = []
        while (due := self.core.deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            said += self.core.handle_timeout(self.now)
        self.now = until
        return self.keep(said)

    def keep(self, said: list[ev.Event]) -> list[ev.Event]:
        self.events += said
        assert check(self.core, self.now) == []
        return said

    def sign_in(self, *logins: str, station: str = "browser") -> None:
        for login in logins:
            self.do(c.Login(login, station), c.DeviceChanged(login, reachable=True), c.Ready(login))
            self.wait(1)

    def ring(self, visit: str = "v1", queue: str = "sales") -> str:
        """A caller comes; the offer's id once the device alerts."""
        made = of(self.do(c.Enqueue(visit, f"call-{visit}", queue)), ev.OfferMade)
        self.do(c.OfferAlerting(made[0].offer))
        return made[0].offer

    def talk(self, visit: str = "v1") -> str:
        """A caller comes and is answered; the agent."""
        offer = self.ring(visit)
        agent = self.core.state.offers[offer].agent
        self.do(c.OfferAccepted(offer))
        return agent

    def state(self, login: str) -> AgentState:
        return self.core.state.agents[login].state

    def record(self, login: str) -> AgentRecord:
        return self.core.state.agents[login]


def of(events: list[ev.Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def offered(events: list[ev.Event]) -> list[str]:
    return [event.agent for event in of(events, ev.OfferMade)]


# signing in and out, ready and not ready


def test_sign_in_is_not_ready_and_ready_needs_a_device() -> None:
    desk = Desk()
    desk.do(c.Login("li", "browser"))
    assert (desk.state("li"), desk.record("li").reason) == (S.NOT_READY, "login")
    with pytest.raises(Conflict, match="cannot be reached"):
        desk.do(c.Ready("li"))
    desk.do(c.DeviceChanged("li", reachable=True), c.Ready("li"))
    assert desk.state("li") is S.READY


def test_a_stranger_cannot_sign_in() -> None:
    with pytest.raises(NotFound):
        Desk().do(c.Login("stranger", "browser"))


def test_device_that_goes_makes_a_ready_agent_wait_for_it() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.DeviceChanged("li", reachable=False))
    assert (desk.state("li"), desk.record("li").reason) == (S.NOT_READY, "unreachable")
    desk.do(c.DeviceChanged("li", reachable=True))
    assert desk.state("li") is S.READY


def test_device_that_comes_back_does_not_end_a_break() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.NotReady("li", "meal"), c.DeviceChanged("li", reachable=False), c.DeviceChanged("li", reachable=True))
    assert (desk.state("li"), desk.record("li").reason) == (S.NOT_READY, "meal")


@pytest.mark.parametrize(
    ("command", "state", "reason"),
    [(c.NotReady("li", "meal"), S.NOT_READY, "meal"), (c.Logout("li", "home"), S.LOGGED_OUT, "home")],
)
def test_leaving_during_a_contact_waits_for_its_end(command: c.Command, state: AgentState, reason: str) -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.talk()
    desk.do(command)
    assert desk.state("li") is S.TALKING
    assert desk.record("li").pending == state
    desk.do(c.Released("li", "call-v1"))
    assert desk.state("li") is S.WRAP_UP
    desk.wait(10)
    assert (desk.state("li"), desk.record("li").reason, desk.record("li").pending) == (state, reason, "")


def test_ready_takes_a_pending_break_back() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.talk()
    desk.do(c.NotReady("li", "meal"), c.Ready("li"), c.Released("li", "call-v1"))
    assert desk.state("li") is S.READY


# offers


def test_offer_goes_reserved_ringing_talking() -> None:
    desk = Desk()
    desk.sign_in("li")
    (offer,) = of(desk.do(c.Enqueue("v1", "call-1", "sales")), ev.OfferMade)
    assert desk.state("li") is S.RESERVED
    desk.do(c.OfferAlerting(offer.offer))
    assert desk.state("li") is S.RINGING
    desk.wait(4)
    said = desk.do(c.OfferAccepted(offer.offer))
    assert desk.state("li") is S.TALKING
    assert [type(event) for event in said] == [ev.OfferAnswered, ev.QueueLeft, ev.AgentStateChanged]
    assert of(said, ev.OfferAnswered)[0].ring_ms == 4000
    assert (of(said, ev.QueueLeft)[0].result, of(said, ev.QueueLeft)[0].wait_ms) == ("answered", 4000)


def test_second_accept_of_an_offer_is_refused() -> None:
    desk = Desk()
    desk.sign_in("li")
    offer = desk.ring()
    desk.do(c.OfferAccepted(offer))
    with pytest.raises(Conflict, match="is over"):
        desk.do(c.OfferAccepted(offer))


def test_device_that_never_alerts_fails_after_two_seconds() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.Enqueue("v1", "call-1", "sales"))
    said = desk.wait(2)
    assert of(said, ev.OfferFailed)[0].reason == "device"
    assert desk.state("li") is S.NOT_RESPONDING


def test_no_answer_keeps_the_callers_place_and_moves_to_the_next_agent() -> None:
    desk = Desk()
    desk.sign_in("li", "zhao")
    desk.ring("v1")
    desk.do(c.Enqueue("v2", "call-2", "sales"))  # zhao takes v2
    said = desk.wait(20)
    assert desk.state("li") is S.NOT_RESPONDING
    assert of(said, ev.OfferFailed)[0].reason in ("device", "no_answer")
    line = desk.core.state.waiting["sales"]
    assert [visit.id for visit in line] == ["v1", "v2"]
    desk.sign_in("wen")
    assert desk.core.state.visits["v1"].offer, "the first caller is served first"


def test_not_responding_ends_only_by_agent_or_supervisor() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.ring()
    desk.wait(3600)
    assert desk.state("li") is S.NOT_RESPONDING
    desk.do(c.Ready("li"))
    assert desk.state("li") is S.RESERVED, "everybody eligible has failed once, so the agent is asked again"


def test_refusal_keeps_the_agent_ready_and_away_for_fifteen_seconds() -> None:
    desk = Desk()
    desk.sign_in("li")
    offer = desk.ring()
    desk.do(c.OfferFailed(offer, "reject"))
    assert desk.state("li") is S.READY
    assert offered(desk.wait(14.9)) == []
    assert offered(desk.wait(0.2)) == ["li"]


def test_second_refusal_in_a_row_makes_not_responding() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.OfferFailed(desk.ring(), "reject"))
    (made,) = of(desk.wait(15), ev.OfferMade)
    desk.do(c.OfferFailed(made.offer, "reject"))
    assert (desk.state("li"), desk.record("li").reason) == (S.NOT_RESPONDING, "reject")


def test_answer_between_refusals_starts_the_count_again() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.do(c.OfferFailed(desk.ring("v1"), "reject"))
    (made,) = of(desk.wait(15), ev.OfferMade)
    desk.do(c.OfferAccepted(made.offer), c.Released("li", "call-v1"))
    desk.do(c.OfferFailed(desk.ring("v2"), "reject"))
    assert desk.state("li") is S.READY


def test_failed_agent_is_passed_over_while_another_is_free() -> None:
    desk = Desk()
    desk.sign_in("li", "zhao")
    desk.do(c.OfferFailed(desk.ring(), "busy"))
    (decision,) = of(desk.events, ev.AcdDecision)[1:]
    assert decision.chosen == "zhao"
    assert decision.excluded["li"] == "delay"


def test_caller_who_leaves_frees_the_agent_and_its_idle_time_goes_on() -> None:
    desk = Desk()
    desk.sign_in("li")
    idle_since = desk.record("li").idle_since
    desk.ring()
    desk.wait(5)
    said = desk.do(c.Leave("v1"))
    assert [type(event) for event in said] == [ev.OfferWithdrawn, ev.AgentStateChanged, ev.QueueLeft]
    assert desk.state("li") is S.READY
    assert desk.record("li").idle_since == idle_since


def test_idle_time_counts_from_the_end_of_wrap_up() -> None:
    desk = Desk()
    desk.sign_in("li", "zhao")
    assert desk.talk() == "li"
    desk.do(c.Released("li", "call-v1"))
    desk.wait(10)
    assert desk.record("li").idle_since == desk.now
    assert of(desk.do(c.Enqueue("v2", "c2", "sales")), ev.AcdDecision)[0].chosen == "zhao"


def test_freed_agent_gets_who_waited_longest_in_any_of_its_queues() -> None:
    desk = Desk()
    desk.do(c.Enqueue("v1", "c1", "vip"))
    desk.wait(5)
    desk.do(c.Enqueue("v2", "c2", "sales"))
    desk.do(c.Login("li", "browser"), c.DeviceChanged("li", reachable=True))
    assert of(desk.do(c.Ready("li")), ev.OfferMade)[0].visit == "v1"


def test_who_comes_back_keeps_the_first_place() -> None:
    desk = Desk()
    desk.do(c.Enqueue("v1", "c1", "sales"))
    desk.wait(5)
    (entered,) = of(desk.do(c.Enqueue("v2", "c2", "sales", waited=60)), ev.QueueEntered)
    assert (entered.position, entered.waited_ms) == (1, 60_000)
    assert desk.core.position(desk.core.state.visits["v1"]) == 2


@pytest.mark.parametrize(("overflow", "result"), [("", "timeout"), ("queue:vip", "overflow")])
def test_longest_wait(overflow: str, result: str) -> None:
    desk = Desk(max_wait=60, overflow=overflow)
    desk.do(c.Enqueue("v1", "c1", "sales"))
    assert of(desk.wait(59), ev.QueueLeft) == []
    (left,) = of(desk.wait(1), ev.QueueLeft)
    assert (left.result, left.wait_ms) == (result, 60_000)


def test_longest_wait_lets_a_ringing_device_finish() -> None:
    desk = Desk(max_wait=60)
    desk.do(c.Enqueue("v1", "c1", "sales"))
    desk.wait(50)
    desk.sign_in("li")
    offer = of(desk.events, ev.OfferMade)[0].offer
    desk.do(c.OfferAlerting(offer))
    desk.wait(15)
    assert desk.state("li") is S.RINGING
    desk.wait(6)
    assert [event.result for event in of(desk.events, ev.QueueLeft)] == ["timeout"]


def test_unknown_queue_and_unknown_visit_are_refused() -> None:
    desk = Desk()
    with pytest.raises(NotFound):
        desk.do(c.Enqueue("v1", "c1", "none"))
    with pytest.raises(Conflict):
        desk.do(c.Leave("v1"))


# contacts and wrap-up


def test_wrap_up_ends_early_by_the_agent() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.talk()
    desk.do(c.Released("li", "call-v1"))
    desk.wait(4)
    said = desk.do(c.WrapUpDone("li"))
    assert desk.state("li") is S.READY
    assert of(said, ev.AgentWrapupDone)[0].ms == 4000


def test_queue_without_wrap_up_makes_the_agent_ready_at_once() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.talk()
    desk.do(c.Released("li", "call-v1"))
    assert desk.state("li") is S.READY


def test_hold_and_resume() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.talk()
    desk.do(c.Hold("li"))
    assert desk.state("li") is S.HOLDING
    with pytest.raises(Conflict):
        desk.do(c.Hold("li"))
    desk.do(c.Resume("li"))
    assert desk.state("li") is S.TALKING


def test_late_word_about_a_former_call_changes_nothing() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.talk("v1")
    desk.do(c.Released("li", "call-v1"))
    desk.talk("v2")
    assert desk.do(c.Released("li", "call-v1")) == []
    assert desk.state("li") is S.TALKING


@pytest.mark.parametrize("reason", ["", "meal"])
def test_failed_dial_returns_to_the_state_before(reason: str) -> None:
    desk = Desk()
    desk.sign_in("li")
    if reason:
        desk.do(c.NotReady("li", reason))
    before = desk.state("li")
    desk.do(c.Dial("li", "c9"), c.DialFailed("li"))
    assert (desk.state("li"), desk.record("li").reason) == (before, reason)


def test_dialled_contact_has_wrap_up_too() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.Dial("li", "c9"), c.DialAnswered("li"), c.Released("li", "c9"))
    assert desk.state("li") is S.WRAP_UP


# lost connections


def test_lost_connection_keeps_the_state_for_the_grace_time() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.ConnectionLost("li"))
    assert (desk.state("li"), desk.record("li").saved) == (S.OFFLINE, S.READY)
    desk.wait(30)  # the absence that is promised; the page is there again and connects
    desk.wait(2.9)
    desk.do(c.ConnectionBack("li"))
    assert desk.state("li") is S.READY


def test_grace_over_signs_out() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.do(c.ConnectionLost("li"))
    said = desk.wait(33)
    assert desk.state("li") is S.LOGGED_OUT
    assert of(said, ev.AgentLogout)[0].reason == CONNECTION_LOST


def test_connection_lost_while_ringing_gives_the_caller_to_the_next_agent() -> None:
    desk = Desk()
    desk.sign_in("li", "zhao")
    desk.ring()
    said = desk.do(c.ConnectionLost("li"))
    assert of(said, ev.OfferFailed)[0].reason == "lost"
    assert offered(said) == ["zhao"]
    assert desk.state("li") is S.OFFLINE


def test_wrap_up_goes_on_under_a_lost_connection() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.talk()
    desk.do(c.ConnectionLost("li"), c.Released("li", "call-v1"))
    assert desk.record("li").saved is S.WRAP_UP
    desk.wait(4)
    desk.do(c.ConnectionBack("li"))
    assert desk.state("li") is S.WRAP_UP
    desk.wait(6)
    assert desk.state("li") is S.READY


def test_browser_agent_who_stays_away_is_signed_out_of_the_call() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.talk()
    desk.do(c.ConnectionLost("li"))
    desk.wait(35)
    assert desk.state("li") is S.LOGGED_OUT
    assert desk.do(c.Released("li", "call-v1")) == []


def test_phone_agent_who_stays_away_is_signed_out_after_the_call() -> None:
    desk = Desk()
    desk.sign_in("li", station="extension:1001")
    desk.talk()
    desk.do(c.ConnectionLost("li"))
    desk.wait(300)
    assert desk.state("li") is S.OFFLINE
    desk.do(c.Released("li", "call-v1"))
    assert desk.state("li") is S.LOGGED_OUT


def test_page_that_is_back_late_but_in_the_call_stays_signed_in() -> None:
    desk = Desk()
    desk.sign_in("li", station="extension:1001")
    desk.talk()
    desk.do(c.ConnectionLost("li"))
    desk.wait(300)
    desk.do(c.ConnectionBack("li"), c.Released("li", "call-v1"))
    assert desk.state("li") is S.WRAP_UP


# supervisors, configuration, restart


def test_forced_state_is_logged_and_waits_for_the_contact() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.talk()
    said = desk.do(c.ForceState("li", S.LOGGED_OUT, "shift over", "wang"))
    assert of(said, ev.SupervisionForced)[0].actor == "wang"
    assert desk.state("li") is S.TALKING
    desk.do(c.Released("li", "call-v1"))
    assert desk.state("li") is S.LOGGED_OUT


def test_talking_cannot_be_forced() -> None:
    desk = Desk()
    desk.sign_in("li")
    with pytest.raises(Conflict):
        desk.do(c.ForceState("li", S.TALKING, "", "wang"))


def test_queue_that_is_removed_sends_its_callers_away() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.ring("v1")
    desk.do(c.Enqueue("v2", "c2", "sales"))
    config = AcdConfig(desk.core.config.agents, {"vip": desk.core.config.queues["vip"]})
    said = desk.do(c.ChangeConfig(config))
    assert {event.visit: event.result for event in of(said, ev.QueueLeft)} == {"v1": "closed", "v2": "closed"}
    assert desk.state("li") is S.READY


def test_agent_who_is_removed_finishes_the_call() -> None:
    desk = Desk(wrap_up=0)
    desk.sign_in("li")
    desk.talk()
    desk.do(c.ChangeConfig(AcdConfig({}, desk.core.config.queues)))
    assert desk.state("li") is S.TALKING
    desk.do(c.Released("li", "call-v1"))
    assert desk.state("li") is S.LOGGED_OUT


def test_new_membership_is_matched_at_once() -> None:
    desk = Desk(logins=("li",))
    desk.sign_in("li")
    agents = {"li": Agent(login="li")}
    desk.do(c.ChangeConfig(AcdConfig(agents, desk.core.config.queues)), c.Enqueue("v1", "c1", "sales"))
    assert desk.state("li") is S.READY
    said = desk.do(c.ChangeConfig(AcdConfig({"li": Agent(login="li", queues=("sales",))}, desk.core.config.queues)))
    assert offered(said) == ["li"]


def test_restart_finds_agents_as_the_events_left_them() -> None:
    desk = Desk()
    desk.sign_in("li")
    desk.sign_in("zhao", station="extension:1001")
    desk.sign_in("wen", station="extension:1002")
    desk.do(c.NotReady("zhao", "meal"))
    desk.talk()  # li, who has been idle longest
    desk.ring("v2")  # wen
    stored = [event for event in desk.events if isinstance(event, ev.AgentLogin | ev.AgentLogout | ev.AgentStateChanged)]
    again = Desk()
    again.now = desk.now + 60
    again.keep(again.core.recover(stored, again.now))
    assert (again.state("li"), again.record("li").saved) == (S.OFFLINE, S.NOT_READY)
    assert (again.state("zhao"), again.record("zhao").reason) == (S.NOT_READY, "meal")
    assert (again.state("wen"), again.record("wen").reason) == (S.NOT_READY, "unreachable")
    again.do(c.DeviceChanged("wen", reachable=True), c.DeviceChanged("li", reachable=True), c.ConnectionBack("li"))
    assert (again.state("wen"), again.state("li")) == (S.READY, S.READY)


def test_restart_ends_a_wrap_up_that_is_over() -> None:
    desk = Desk()
    desk.sign_in("zhao", station="extension:1001")
    desk.talk()
    desk.do(c.Released("zhao", "call-v1"))
    stored = list(desk.events)
    again = Desk()
    again.now = desk.now + 5
    again.keep(again.core.recover(stored, again.now))
    assert again.state("zhao") is S.WRAP_UP
    again.do(c.DeviceChanged("zhao", reachable=True))
    again.wait(5)
    assert again.state("zhao") is S.READY
