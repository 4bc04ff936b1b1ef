"""Agents: wrap-up modes, breaks with limits and approval, shared phones, calls beside the queues, consultation, refusals."""

from __future__ import annotations

import pytest

from softswitch.acd import commands as c
from softswitch.directory.centre import Agent, Queue, Reason
from softswitch.model import events as ev
from softswitch.model.errors import Conflict
from tests.support.acd_house import House, of, offered

REASONS = {
    "meal": Reason(code="meal", max_seconds=600, then_ready=True),
    "meeting": Reason(code="meeting", max_seconds=600),
    "training": Reason(code="training", approval=True),
}


def house(*logins: str, profile: dict[str, object] | None = None, **queue: object) -> House:
    people = [Agent(login=login, queues=("sales",), **(profile or {})) for login in logins or ("li",)]  # type: ignore[arg-type]
    return House([Queue(name="sales", **queue)], people, REASONS)  # type: ignore[arg-type]


def after_a_call(**queue: object) -> House:
    """The agent has just released a caller."""
    made = house(**queue)
    made.sign_in("li")
    made.talk("li")
    made.wait(60)
    made.do(c.Released("li", "c-v1"))
    return made


# wrap-up


def test_optional_wrap_up_is_pulled_within_five_seconds() -> None:
    desk = after_a_call(wrap_up_mode="optional", wrap_up=30)
    assert desk.state("li") == "ready"
    desk.wait(4.9)
    desk.do(c.WrapUpStart("li"))
    assert desk.state("li") == "wrap_up"
    desk.wait(30)
    assert desk.state("li") == "ready"
    with pytest.raises(Conflict):
        desk.do(c.WrapUpStart("li"))


def test_timed_wrap_up_without_exit_lasts_exactly() -> None:
    desk = after_a_call(wrap_up_mode="timed_no_exit", wrap_up=30)
    for command in (c.WrapUpDone("li"), c.Ready("li")):
        with pytest.raises(Conflict):
            desk.do(command)
    desk.do(c.NotReady("li", "meal"))
    desk.wait(29.9)
    assert desk.state("li") == "wrap_up"
    desk.wait(0.2)
    assert (desk.state("li"), desk.record("li").reason) == ("not_ready", "meal")


def test_until_done_waits_for_the_code_and_warns() -> None:
    desk = after_a_call(wrap_up_mode="until_done", wrap_up=30, code_required=True)
    assert desk.core.wrap_up_end(desk.record("li")) is None
    (warning,) = of(desk.wait(300), ev.AgentStateChanged)
    assert (warning.what, warning.at) == ("overdue", desk.core.wrap_up_warning(desk.record("li")))
    with pytest.raises(Conflict, match="result code"):
        desk.do(c.WrapUpDone("li"))
    (done,) = of(desk.do(c.Disposed("li", ("sold",))), ev.AgentWrapupDone)
    assert (done.codes, done.ms, desk.state("li")) == (("sold",), 300_000, "ready")


@pytest.mark.parametrize(("then", "reason"), [("ready", ""), ("not_ready", "wrap_up")])
def test_until_done_ends_at_its_limit_as_set(then: str, reason: str) -> None:
    desk = after_a_call(wrap_up_mode="until_done", wrap_up=30, wrap_up_limit=120, wrap_up_then=then)
    desk.wait(119)
    assert desk.state("li") == "wrap_up"
    desk.wait(1)
    assert (desk.state("li"), desk.record("li").reason) == (then, reason)


def test_code_stored_during_the_call_is_enough() -> None:
    desk = house(wrap_up_mode="until_done", code_required=True)
    desk.sign_in("li")
    desk.talk("li")
    desk.do(c.Disposed("li", ("sold",)), c.Released("li", "c-v1"))
    assert desk.state("li") == "ready"


def test_wrap_up_is_extended_so_often_and_no_more() -> None:
    desk = after_a_call(wrap_up=30, wrap_up_extensions=2, wrap_up_extension=20)
    desk.do(c.WrapUpExtend("li", "form"), c.WrapUpExtend("li", "form"))
    with pytest.raises(Conflict):
        desk.do(c.WrapUpExtend("li", "form"))
    desk.wait(69)
    assert desk.state("li") == "wrap_up"
    (done,) = of(desk.wait(1), ev.AgentWrapupDone)
    assert (done.extensions, done.ms) == (2, 70_000)


# breaks


def test_break_with_automatic_return_ends_by_itself() -> None:
    desk = house()
    desk.sign_in("li")
    desk.do(c.NotReady("li", "meal"))
    desk.wait(600)
    assert desk.state("li") == "ready"


def test_break_over_its_time_is_noted_once() -> None:
    desk = house()
    desk.sign_in("li")
    desk.do(c.NotReady("li", "meeting"))
    assert [event.what for event in of(desk.wait(3600), ev.AgentStateChanged)] == ["overdue"]
    assert (desk.state("li"), desk.record("li").reason) == ("not_ready", "meeting")


@pytest.mark.parametrize(("granted", "state"), [(True, "not_ready"), (False, "ready")])
def test_reason_with_approval_waits_for_the_supervisor(granted: bool, state: str) -> None:
    desk = house()
    desk.sign_in("li")
    desk.do(c.NotReady("li", "training"))
    assert (desk.state("li"), desk.record("li").asked) == ("ready", "training")
    desk.do(c.DecideReason("li", granted, "wang"))
    assert (desk.state("li"), desk.record("li").asked) == (state, "")
    with pytest.raises(Conflict):
        desk.do(c.DecideReason("li", granted, "wang"))


# stations


def test_second_sign_in_at_a_phone_replaces_the_first() -> None:
    desk = house("li", "wen")
    desk.do(c.Login("li", "extension:1001"), c.Login("wen", "extension:1001"))
    assert (desk.state("li"), desk.record("li").reason, desk.state("wen")) == ("logged_out", "station taken", "not_ready")


def test_phone_in_a_call_is_not_taken_away() -> None:
    desk = house("li", "wen")
    desk.do(c.Login("li", "extension:1001"), c.DeviceChanged("li", reachable=True), c.Ready("li"))
    desk.talk("li")
    with pytest.raises(Conflict):
        desk.do(c.Login("wen", "extension:1001"))


def test_agent_who_is_ready_by_profile_waits_for_the_device_only() -> None:
    desk = house(profile={"auto_ready": True})
    desk.do(c.Login("li", "browser"))
    assert (desk.state("li"), desk.record("li").reason) == ("not_ready", "unreachable")
    desk.do(c.DeviceChanged("li", reachable=True))
    assert desk.state("li") == "ready"


# calls beside the queues


def test_call_beside_the_queues_takes_the_agent_out_and_back() -> None:
    desk = house(wrap_up=10)
    desk.sign_in("li")
    desk.do(c.Alerted("li", "c9"))
    assert desk.state("li") == "ringing"
    assert desk.call("v1") == []
    desk.do(c.Answered("li", "c9"))
    assert (desk.state("li"), desk.record("li").direction) == ("talking", "in")
    desk.do(c.Released("li", "c9"))
    assert desk.state("li") == "wrap_up"
    assert offered(desk.wait(10)) == ["li"]


def test_colleagues_call_during_a_break_leads_back_to_the_break() -> None:
    desk = house()
    desk.sign_in("li")
    desk.do(c.NotReady("li", "meal"), c.Alerted("li", "c9", internal=True), c.Answered("li", "c9", internal=True))
    desk.do(c.Released("li", "c9"))
    assert (desk.state("li"), desk.record("li").reason) == ("not_ready", "meal")


def test_wrap_up_goes_on_after_a_call_that_was_not_answered() -> None:
    desk = after_a_call(wrap_up=30)
    desk.wait(10)
    desk.do(c.Alerted("li", "c9"))
    desk.wait(5)
    desk.do(c.Released("li", "c9"))
    assert desk.state("li") == "wrap_up"
    (done,) = of(desk.wait(15), ev.AgentWrapupDone)
    assert done.ms == 30_000


def test_call_of_the_phones_own_keys_stops_an_offer_and_may_run_beside_a_contact() -> None:
    desk = house(wrap_up_mode="none")
    desk.sign_in("li")
    desk.call("v1")
    said = desk.do(c.Dial("li", "c9", placed=True))
    assert [event.reason for event in of(said, ev.OfferFailed)] == ["busy"]
    assert desk.state("li") == "dialling"
    desk.do(c.DialAnswered("li"), c.Dial("li", "c10", placed=True), c.Released("li", "c9"))
    assert (desk.state("li"), desk.record("li").call) == ("talking", "c10"), "the second call goes on"
    desk.do(c.Released("li", "c10"))
    assert desk.state("li") == "ready"


def test_own_calls_are_placed_from_the_states_of_the_profile_only() -> None:
    desk = house(profile={"dial_from": ("not_ready",)})
    desk.sign_in("li")
    with pytest.raises(Conflict):
        desk.do(c.Dial("li", "c9"))
    desk.do(c.NotReady("li", "meal"), c.Dial("li", "c9"))
    assert desk.state("li") == "dialling"


# consultation and conference


def test_consultation_conference_and_back() -> None:
    desk = house()
    desk.sign_in("li")
    desk.talk("li")
    desk.do(c.Consult("li"))
    assert desk.state("li") == "consulting"
    desk.do(c.ConsultOver("li", "failed"))
    assert desk.state("li") == "talking"
    desk.do(c.Hold("li"), c.Consult("li"), c.ConsultOver("li", "conference"))
    assert desk.state("li") == "conference"
    desk.do(c.ConferenceOver("li"), c.Conference("li"), c.Released("li", "c-v1"))
    assert desk.state("li") == "wrap_up"


def test_consulted_colleague_takes_the_caller_over_with_the_queues_wrap_up() -> None:
    desk = house("li", wrap_up=10)
    desk.sign_in("li")
    desk.do(c.Alerted("li", "c-consult", internal=True), c.Answered("li", "c-consult", internal=True))
    desk.do(c.Joined("li", "c-customer", "sales"))
    assert (desk.record("li").call, desk.record("li").queue, desk.state("li")) == ("c-customer", "sales", "talking")
    desk.do(c.Released("li", "c-consult"))
    assert desk.state("li") == "talking"
    desk.do(c.Released("li", "c-customer"))
    assert desk.state("li") == "wrap_up"


def test_preview_ends_by_its_time_and_dialling_takes_it() -> None:
    desk = house()
    desk.sign_in("li")
    desk.do(c.Preview("li", 20))
    assert desk.call("v1") == []
    assert offered(desk.wait(20)) == ["li"]
    desk.do(c.Leave("v1"), c.Preview("li", 20), c.Dial("li", "c9"))
    assert desk.state("li") == "dialling"


# unanswered and refused offers


def test_no_answers_in_a_row_up_to_the_queues_limit() -> None:
    desk = house(no_answer_limit=2, no_answer_delay=10)
    desk.sign_in("li")
    desk.call("v1")
    desk.do(c.OfferAlerting(desk.record("li").offer))
    desk.wait(20)
    assert desk.state("li") == "ready"
    assert offered(desk.wait(10)) == ["li"]
    desk.do(c.OfferAlerting(desk.record("li").offer))
    desk.wait(20)
    assert desk.state("li") == "not_responding"


def test_withdrawn_offer_says_how_long_it_rang() -> None:
    desk = house()
    desk.sign_in("li")
    desk.call("v1")
    desk.do(c.OfferAlerting(desk.record("li").offer))
    desk.wait(4)
    (gone,) = of(desk.do(c.Leave("v1")), ev.OfferWithdrawn)
    assert (gone.reason, gone.ring_ms) == ("abandoned", 4000)


def test_day_of_an_agent_adds_up() -> None:
    desk = after_a_call(wrap_up=30)
    desk.wait(30)
    figures = desk.record("li").figures
    assert (figures.answered, figures.talk) == (1, 60.0)
    assert figures.signed_in == pytest.approx(desk.now - 1000.0)
    assert desk.core.state.handling["sales"][0] == pytest.approx(90.0)
