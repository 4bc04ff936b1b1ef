"""Supervision beside calls: with an agent, a queue, at random, from a phone; taking over, intercepting, releasing (§9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from media.commands import UpdatePort
from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.calls.control import Hand
from softswitch.calls.outcome import Outcome
from softswitch.calls.supervision import Follow, Wish
from softswitch.calls.supervision_phone import supervise
from softswitch.directory.model import Agent, Kind
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.events import CallTransferred, SupervisionEnded, SupervisionReleased, SupervisionStarted
from softswitch.model.states import MonitorMode as M
from tests.flows.world import World, run

WU = (Kind.AGENT, Agent(login="wu", name="吴", queues=("sales",)))


def _wish(mode: M, **what: str) -> Wish:
    wish = Wish(supervisor="wang", actor="wang", mode=mode, call=what.get("call", ""), agent=what.get("agent", ""),
                queue=what.get("queue", ""), device=what.get("device", "browser"))  # fmt: skip
    return replace(wish, follow=Follow.AGENT) if wish.agent or what.get("follow") == "agent" else wish


async def _talks(world: World, agent: str = "li") -> Call:
    """A customer talks to an agent at its page, recorded as a queue's calls are."""

    async def to_agent(call: Call, to: Destination) -> Outcome:
        async with call.dialling(to) as leg:
            return Outcome.ended(await call.bridge(leg, agent=to.name, queue="sales"))

    world.switch.handlers[DestinationKind.AGENT] = world.interception.wrap(to_agent)
    session = world.switch.browsers.of(agent)
    if session is None:
        await world.browser(agent)
    before = set(world.switch.calls._live)
    world.carrier.call("4008")
    await world.passes(0.5)
    call = next(call for identity, call in world.switch.calls._live.items() if identity not in before)
    world.switch.stations.accept(agent)
    await world.passes(0.5)
    world.engine.label(call.caller.port, "customer")
    return call


def _ears(world: World, *people: str) -> dict[str, set[str]]:
    found = {}
    for login in people:
        session = world.switch.browsers.of(login)
        assert session is not None
        found[login] = world.engine.hears(session.port)
    return found


def _customer(world: World, call: Call) -> set[str]:
    return world.engine.hears(call.caller.port)


def test_a_private_word(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        world.supervision.start(_wish(M.PRIVATE, call=call.id))
        assert _customer(world, call) == {"default"}
        assert _ears(world, "li", "wang") == {"li": {"wang"}, "wang": {"li"}}
        assert world.engine.records(call.mix.recorder) == ({"customer"}, set()), "the word is not recorded"
        assert world.engine.recorder_marks(call.mix.recorder) == ("private word begins",)
        world.supervision.start(_wish(M.LISTEN, call=call.id))
        assert _customer(world, call) == {"li"}
        assert _ears(world, "li", "wang") == {"li": {"customer"}, "wang": {"customer", "li"}}
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize(("mode", "heard"), [(M.LISTEN_CUSTOMER, {"customer"}), (M.LISTEN_AGENT, {"li"})])
def test_listening_to_one_side(tmp_path: Path, mode: M, heard: set[str]) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        world.supervision.start(_wish(mode, call=call.id))
        assert _ears(world, "wang", "li") == {"wang": heard, "li": {"customer"}}
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


def test_beside_an_agent_in_every_call_it_has(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        view = world.supervision.start(_wish(M.LISTEN, agent="li"))
        assert (view.state, view.call) == ("waiting", "")
        for number in range(2):
            call = await _talks(world)
            assert _ears(world, "wang")["wang"] == {"customer", "li"}, f"call {number}"
            world.switch.stations.hang_up("li")
            await world.passes(1.0)
            assert call.is_over
            assert [view.state for view in world.supervision.views()] == ["waiting"]
        assert world.supervision.stop("wang", "wang").mode == "off"
        call = await _talks(world)
        assert _ears(world, "wang")["wang"] == set()
        await world.switch.calls.drain(0.0)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.agent for event in world.seen(SupervisionStarted)] == ["li", "li"]
    assert len({event.call for event in world.seen(SupervisionEnded)}) == 2


@pytest.mark.parametrize("follow", ["customer", "agent"])
def test_after_a_transfer_it_stays_with_whom_it_was_told(tmp_path: Path, follow: str) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        await world.browser("wu")
        call = await _talks(world)
        world.supervision.start(_wish(M.WHISPER, call=call.id, follow=follow))
        call.redirect(Destination(DestinationKind.AGENT, "wu"), actor="li")
        await world.passes(0.5)
        world.switch.stations.accept("wu")
        await world.passes(0.5)
        view = world.supervision.views()[0]
        if follow == "customer":
            assert (view.state, view.call) == ("supervising", call.id)
            assert _ears(world, "wang", "wu") == {"wang": {"customer", "wu"}, "wu": {"customer", "wang"}}
        else:
            assert (view.state, view.agent) == ("waiting", "li")
            assert _ears(world, "wang", "wu") == {"wang": set(), "wu": {"customer"}}
            other = await _talks(world)
            assert world.supervision.views()[0].call == other.id
        assert _customer(world, call) == {"wu"}
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario, WU)


def test_the_next_conversation_of_a_queue(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        world.supervision.start(_wish(M.LISTEN, queue="repair"))
        await _talks(world)
        assert world.supervision.views()[0].state == "waiting"
        world.switch.stations.hang_up("li")
        await world.passes(1.0)
        world.supervision.start(_wish(M.LISTEN, queue="sales"))
        call = await _talks(world)
        view = world.supervision.views()[0]
        assert (view.call, view.agent) == (call.id, "li")
        world.switch.stations.hang_up("li")
        await world.passes(1.0)
        assert world.supervision.views() == [], "one conversation was wanted"
        await world.settles()

    run(tmp_path, scenario)


def test_one_at_random_within_the_scope(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        with pytest.raises(Conflict, match="no agent"):
            world.supervision.start(_wish(M.LISTEN))
        call = await _talks(world)
        assert world.supervision.start(_wish(M.LISTEN)).call == call.id
        world.supervision.stop("wang", "wang")
        world.supervision._sees = lambda _login, agent, _queue: agent != "li"
        with pytest.raises(Conflict, match="scope"):
            world.supervision.start(_wish(M.LISTEN))
        with pytest.raises(Forbidden):
            world.supervision.start(_wish(M.LISTEN, call=call.id))
        with pytest.raises(Forbidden):
            world.supervision.start(_wish(M.LISTEN, agent="li"))
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


# taking over


def _taken_over(world: World, call: Call) -> None:
    assert _customer(world, call) == {"wang"}
    assert _ears(world, "wang", "li") == {"wang": {"customer"}, "li": set()}
    session = world.switch.browsers.of("li")
    assert session is not None
    assert session.leg is None


def test_taking_over_takes_the_agent_out(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        world.supervision.start(_wish(M.WHISPER, call=call.id))
        assert world.supervision.start(_wish(M.TAKE_OVER, call=call.id)).state == "talking"
        _taken_over(world, call)
        assert world.engine.records(call.mix.recorder) == ({"customer"}, {"wang"})
        with pytest.raises(Conflict):
            world.supervision.start(_wish(M.TAKE_OVER, call=call.id))
        await world.passes(5.0)
        assert not call.is_over
        world.supervision.stop("wang", "wang")
        await world.passes(0.5)
        assert call.is_over
        await world.settles()

    world = run(tmp_path, scenario)
    assert world.record().agent == "li"
    assert (world.record().who, world.record().result) == ("supervisor", "answered")


def test_taking_over_at_once_and_from_hold(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        call.hold(actor="li")
        world.supervision.start(_wish(M.TAKE_OVER, call=call.id))
        _taken_over(world, call)
        world.carrier.hang_up("call1")
        await world.passes(0.5)
        assert world.supervision.views() == []
        assert _ears(world, "wang")["wang"] == set()
        await world.settles()

    world = run(tmp_path, scenario)
    assert len(world.seen(SupervisionEnded)) == 1
    assert world.kinds()[-1] == "rec.finished"
    assert world.kinds().index("sup.ended") < world.kinds().index("call.ended")


def test_taking_over_a_consultation_joins_all_but_the_agent(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        phone = await world.phone("1002")
        phone.answers()
        agent = call.mix.agent("li")
        assert agent is not None
        call.guests.consult(agent, Destination.parse("extension:1002"))
        await world.passes(1.0)
        world.engine.label(phone.port, "x")
        world.supervision.start(_wish(M.LISTEN, call=call.id))
        assert _ears(world, "wang")["wang"] == {"li", "x"}
        world.supervision.start(_wish(M.TAKE_OVER, call=call.id))
        assert _customer(world, call) == {"wang", "x"}
        assert world.engine.hears(phone.port) == {"customer", "wang"}
        assert _ears(world, "wang", "li") == {"wang": {"customer", "x"}, "li": set()}
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


async def _taken(world: World) -> tuple[Call, Hand]:
    """The supervisor has taken the call over, and the hand with which it acts from now on."""
    await world.browser("wang")
    call = await _talks(world)
    world.supervision.start(_wish(M.TAKE_OVER, call=call.id))
    return call, world.switch.control.hand_in(call.id, "wang")


def test_who_took_over_holds_consults_and_hands_over(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call, hand = await _taken(world)
        control = world.switch.control
        control.hold(hand)
        assert (_customer(world, call), _ears(world, "wang")["wang"]) == ({"default"}, set())
        control.resume(hand)
        assert _customer(world, call) == {"wang"}
        phone = await world.phone("1002")
        phone.answers()
        control.consult(hand, "1002")
        await world.passes(1.0)
        world.engine.label(phone.port, "x")
        assert (_customer(world, call), _ears(world, "wang")["wang"]) == ({"default"}, {"x"})
        control.consult_cancel(hand)
        assert _customer(world, call) == {"wang"}
        await world.passes(1.0)
        control.consult(hand, "1002")
        await world.passes(1.0)
        world.engine.label(phone.port, "x")
        control.consult_complete(hand)
        assert _customer(world, call) == {"x"}
        await world.passes(0.5)
        assert world.supervision.views() == []
        assert _ears(world, "wang")["wang"] == set()
        assert not call.is_over
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)] == [("attended", "extension:1002")]
    assert len(world.seen(SupervisionEnded)) == 1


def test_who_took_over_sends_the_customer_on(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call, hand = await _taken(world)
        phone = await world.phone("1002")
        phone.answers()
        world.switch.control.transfer(hand, "1002", {"note": "VIP"})
        await world.passes(1.0)
        world.engine.label(phone.port, "x")
        assert _customer(world, call) == {"x"}
        assert world.supervision.views() == []
        world.carrier.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)] == [("blind", "extension:1002")]


def test_in_a_conference_who_took_over_acts_for_itself(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        phone = await world.phone("1002")
        phone.answers()
        world.switch.control.invite(world.switch.control.hand("li"), "1002")
        await world.passes(1.0)
        world.supervision.start(_wish(M.TAKE_OVER, call=call.id))
        assert world.switch.control.hand_in(call.id, "wang").party.name == "supervisor:wang"
        world.switch.control.hang_up(world.switch.control.hand_in(call.id, "wang"))
        await world.passes(0.5)
        assert not call.is_over
        assert world.supervision.views() == []
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


def test_an_agent_who_called_the_customer_is_taken_out_too(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("li")
        await world.browser("wang")
        world.carrier.answers()
        identity = await world.switch.calls.dial("li", "013800138000")
        await world.passes(1.0)
        call = world.switch.calls.get(identity)
        world.engine.label(world.carrier.port, "customer")
        world.supervision.start(_wish(M.LISTEN, call=identity))
        world.supervision.start(_wish(M.TAKE_OVER, call=identity))
        _taken_over(world, call)
        await world.passes(2.0)
        assert not call.is_over
        world.supervision.stop("wang", "wang")
        await world.settles()

    run(tmp_path, scenario)


# intercepting


def _waits(world: World) -> None:
    async def to_queue(call: Call, _to: Destination) -> Outcome:
        await call.answer()
        await call.music()
        await world.passes(600.0)
        return Outcome("timeout")

    world.switch.handlers[DestinationKind.AGENT] = world.interception.wrap(to_queue)


def test_a_waiting_caller_is_intercepted(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        _waits(world)
        world.carrier.call("4008")
        await world.carrier.sees(sig.Answered)
        (call,) = world.switch.calls._live.values()
        world.engine.label(call.caller.port, "customer")
        world.interception.take(call.id, "wang", actor="wang")
        await world.passes(0.1)
        assert _customer(world, call) == {"wang"}
        assert _ears(world, "wang")["wang"] == {"customer"}
        with pytest.raises(Conflict, match="take it over"):
            world.interception.take(call.id, "wang", actor="wang")
        assert world.supervision.stop("wang", "wang").mode == "off"
        await world.carrier.sees(sig.Ended)
        assert world.supervision.stop("wang", "wang").mode == "off", "there is nothing left to stop"
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.actor) for event in world.seen(CallTransferred)] == [("intercept", "wang")]
    assert [(event.mode, event.supervisor) for event in world.seen(SupervisionStarted)] == [("take_over", "wang")]
    assert [event.supervisor for event in world.seen(SupervisionEnded)] == ["wang"]


def test_a_ringing_call_is_intercepted_and_the_device_stops(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("li")
        await world.browser("wang")
        world.carrier.call("4008")
        await world.passes(0.5)
        (call,) = world.switch.calls._live.values()
        world.interception.take(call.id, "wang", actor="wang")
        await world.carrier.sees(sig.Answered)
        assert _customer(world, call) == {"wang"}
        with pytest.raises(Conflict):
            world.switch.stations.accept("li")
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario)


def test_nobody_but_an_interceptor_gets_a_call_at_a_page_that_answers_by_itself(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        await world.browser("li")
        call_id = await world.switch.calls.originate("agent:li", Destination.parse("agent:wang"), "li")
        await world.passes(1.0)
        assert _ears(world, "li")["li"].isdisjoint({"wang"})
        assert call_id not in world.switch.calls._live
        await world.settles()

    run(tmp_path, scenario)


# from a phone


def test_the_supervisors_phone_is_called_and_its_keys_steer(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _talks(world)
        phone = await world.phone("1001")
        phone.answers()
        before = len(call.timeline.events)
        view = world.supervision.start(_wish(M.LISTEN, call=call.id, device="extension:1001"))
        assert view.state == "ringing"
        await world.passes(1.0)
        port = phone.port
        world.engine.label(port, "phone")
        hears: Callable[[], tuple[set[str], set[str]]] = lambda: (world.engine.hears(port), _customer(world, call))  # noqa: E731
        assert hears() == ({"customer", "li"}, {"li"})
        assert any(
            isinstance(c, UpdatePort) and c.port == port and c.dtmf_pass is False for b in world.engine.batches for c in b
        )
        assert [event.type for event in call.timeline.events[before:]] == ["sup.started"], "no trace of a ringing phone"
        both, alone = {"customer", "phone"}, {"li", "phone"}
        for key, agent, customer in (("5", both, {"li"}), ("6", both, alone), ("1", both, alone), ("4", {"customer"}, {"li"})):
            world.engine.send_digits(port, key)
            await world.passes(0.3)
            assert (_ears(world, "li")["li"], _customer(world, call)) == (agent, customer), key
        world.engine.send_digits(port, "#")
        await world.passes(0.5)
        assert world.supervision.views() == []
        await phone.sees(sig.Ended)
        assert _customer(world, call) == {"li"}
        await world.switch.calls.drain(0.0)
        await world.settles()

    world = run(tmp_path, scenario)
    assert world.seen(SupervisionStarted)[0].device == "extension:1001"


def test_a_phone_that_takes_over_talks_until_it_hangs_up(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _talks(world)
        phone = await world.phone("1001")
        phone.answers()
        world.supervision.start(_wish(M.LISTEN, call=call.id, device="extension:1001"))
        await world.passes(1.0)
        world.engine.label(phone.port, "phone")
        world.engine.send_digits(phone.port, "7")
        await world.passes(0.5)
        assert _customer(world, call) == {"phone"}
        assert _ears(world, "li")["li"] == set()
        phone.hang_up()
        await world.passes(1.0)
        assert call.is_over
        assert world.supervision.views() == []
        await world.settles()

    run(tmp_path, scenario)


def test_a_phone_that_does_not_answer_supervises_nobody(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _talks(world)
        await world.phone("1001")
        world.supervision.start(_wish(M.LISTEN, call=call.id, device="extension:1001"))
        await world.passes(40.0)
        assert world.supervision.views() == []
        assert not call.is_over
        await world.switch.calls.drain(0.0)
        await world.settles()

    assert not run(tmp_path, scenario).seen(SupervisionStarted)


def test_a_code_puts_the_dialling_phone_beside_an_agent(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        async def code(call: Call, _argument: str) -> Outcome:
            return await supervise(world.supervision, call, supervisor="wang", agent="li", mode=M.LISTEN)

        world.switch.codes.handlers["listen"] = code
        phone = await world.phone("1001")
        phone.call("*81*1")
        await phone.sees(sig.Answered)
        assert world.supervision.views()[0].state == "waiting"
        call = await _talks(world)
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(phone.port) == {"customer", "li"}
        world.engine.send_digits(phone.port, "6")
        await world.passes(0.3)
        assert _customer(world, call) == {"li", "phone"}
        phone.hang_up("call1")
        await world.passes(0.5)
        assert world.supervision.views() == []
        assert _customer(world, call) == {"li"}
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario)


# the rest


def test_a_page_that_closes_supervises_nobody(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.browser("wang")
        call = await _talks(world)
        world.supervision.start(_wish(M.BARGE, call=call.id))
        world.switch.browsers.close("wang")
        assert world.supervision.views() == []
        assert _customer(world, call) == {"li"}
        await world.switch.calls.drain(0.0)
        await world.settles()

    assert len(run(tmp_path, scenario).seen(SupervisionEnded)) == 1


def test_one_leg_is_released_with_a_reason(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        call = await _talks(world)
        phone = await world.phone("1002")
        phone.answers()
        agent = call.mix.agent("li")
        assert agent is not None
        call.guests.invite(agent, Destination.parse("extension:1002"))
        await world.passes(1.0)
        member = next(party for party in call.mix.parties if party.name == "extension:1002")
        with pytest.raises(Invalid, match="reason"):
            world.supervision.release_party(call.id, member.id, reason="", actor="wang")
        with pytest.raises(NotFound):
            world.supervision.release_party(call.id, "nobody", reason="abuse", actor="wang")
        world.supervision.release_party(call.id, member.id, reason="abuse", actor="wang")
        await phone.sees(sig.Ended)
        assert (_customer(world, call), call.is_over) == ({"li"}, False)
        world.supervision.release_party(call.id, agent.id, reason="over", actor="wang")
        await world.passes(0.5)
        assert call.is_over
        await world.settles()

    world = run(tmp_path, scenario)
    released = world.seen(SupervisionReleased)
    assert [(event.actor, event.reason, event.agent) for event in released] == [("wang", "abuse", ""), ("wang", "over", "li")]
