"""Blind transfer with its way back, conferences of any size, parking and picking up, the recording through all of them."""

from __future__ import annotations

import asyncio

import pytest

from softswitch.legs import base
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, NotFound
from tests.softswitch.calls.desk import Desk, talking
from tests.support.office import Office

# ---------------------------------------------------------------------- blind transfer


async def test_to_a_colleague_with_the_data_of_the_call(desk: Desk) -> None:
    await desk.act("li", "transfer", to="zhao", data={"reason": "invoice"})
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"ringback"}}
    assert desk.office.state("li") == "wrap_up"
    desk.office.stations.accept("zhao")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    assert desk.call.variables["reason"] == "invoice"
    assert desk.office.state("zhao") == "talking"
    desk.customer.leave()
    await asyncio.sleep(0.2)
    assert [(event.kind, event.target, event.actor) for event in desk.office.of(ev.CallTransferred)] == [
        ("blind", "agent:zhao", "li")
    ]


async def test_to_an_extension_a_number_outside_and_a_queue(office: Office) -> None:
    for to in ("1002", "0123456", "queue:repair"):
        desk = await talking(office)
        await desk.act("li", "transfer", to=to)
        await asyncio.sleep(0.5)
        if to == "queue:repair":
            assert [event.queue for event in office.of(ev.QueueEntered)][-1] == "repair"
        else:
            office.phone(to).accept()
            await asyncio.sleep(0.2)
            assert office.phone(to).hears == {"caller 13800138000"}
        desk.customer.leave()
        await asyncio.sleep(0.2)
        await office.floor.wrap_up("li", "done")


@pytest.mark.parametrize(("ready", "back_to"), [(False, "queue"), (True, "agent")])
async def test_what_nobody_answers_in_20_seconds_comes_back(desk: Desk, ready: bool, back_to: str) -> None:
    office = desk.office
    if ready:
        await office.floor.set_state("wen", "not_ready", "", "wen")
        await office.floor.set_state("zhao", "not_ready", "", "zhao")
    await desk.act("li", "transfer", to="1002")
    await asyncio.sleep(1)
    if ready:
        await office.floor.wrap_up("li", "done")
    await asyncio.sleep(18)
    assert not office.phone("1002").is_ended
    await asyncio.sleep(1.5)
    assert office.phone("1002").is_ended
    back = office.of(ev.CallTransferred)[-1]
    assert (back.kind, back.target) == ("return", "agent:li" if ready else "queue:sales")
    if back_to == "agent":
        assert office.state("li") == "ringing"
        office.stations.accept("li")
        await asyncio.sleep(0.2)
        assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    else:
        entered = office.of(ev.QueueEntered)[-1]
        assert (entered.queue, entered.position) == ("sales", 1)
        assert office.engine.hears(desk.customer.port) == {"default"}


async def test_a_busy_target_comes_back_at_once(desk: Desk) -> None:
    desk.office.refusals["1002"] = Cause.BUSY
    await desk.act("li", "transfer", to="1002")
    await asyncio.sleep(0.2)
    assert [(event.kind, event.result) for event in desk.office.of(ev.CallTransferred)][-1] == ("return", "busy")
    assert not desk.customer.is_ended


async def test_a_second_click_on_transfer_is_refused(desk: Desk) -> None:
    await desk.act("li", "transfer", to="1002")
    with pytest.raises(Conflict):
        await desk.act("li", "transfer", to="1003")
    await asyncio.sleep(0.5)
    assert "1003" not in desk.office.phones


async def test_the_customer_of_an_outbound_call_can_be_transferred(office: Office) -> None:
    office.page("li")
    await office.ready("li", "wen")
    call = office.calls.get((await office.floor.act("li", "dial", {"to": "0123456"}))["call"])
    await asyncio.sleep(0.2)
    customer = office.phone("0123456")
    customer.accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"li"}
    assert office.state("li") == "talking"
    await office.floor.hold("li")
    assert (customer.hears, office.state("li")) == ({"default"}, "holding")
    await office.floor.resume("li")
    await office.floor.act("li", "transfer", {"to": "agent:wen"})
    await asyncio.sleep(0.2)
    assert not customer.is_ended
    assert office.state("li") != "talking"
    office.phone("1001").accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"1001"}
    assert office.state("wen") == "talking"
    customer.leave()
    await asyncio.sleep(0.2)
    assert call.is_over
    assert office.phone("1001").is_ended


async def test_a_phone_transfers_by_refer(office: Office) -> None:
    """An agent at a phone presses transfer: it stays until somebody has answered."""
    await office.ready("wen")
    customer, call = office.call("agent:wen")
    await asyncio.sleep(0.2)
    phone = office.phone("1001")
    phone.accept()
    await asyncio.sleep(0.2)
    phone.listener(base.TransferWanted("1002"))
    await asyncio.sleep(0.2)
    assert (phone.reported, phone.hears, customer.hears) == ([], set(), {"default"})
    office.phone("1002").accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"1002"}
    assert phone.reported == [200] and not phone.is_ended
    await asyncio.sleep(2.0)
    assert phone.is_ended
    assert not call.is_over


async def test_the_agent_whose_transfer_nobody_takes_talks_on(office: Office) -> None:
    await office.ready("wen")
    customer, _ = office.call("agent:wen")
    await asyncio.sleep(0.2)
    phone = office.phone("1001")
    phone.accept()
    await asyncio.sleep(0.2)
    phone.listener(base.TransferWanted("1002"))
    await asyncio.sleep(30.5)
    assert phone.reported == [408]
    assert (customer.hears, phone.hears) == ({"1001"}, {"caller 13800138000"})
    assert office.state("wen") == "talking"
    phone.leave()
    await asyncio.sleep(0.2)
    assert customer.is_ended


async def test_the_callers_own_phone_transfers_whom_it_called(office: Office) -> None:
    caller, call = office.phone_calls("1003", "1002")
    await asyncio.sleep(0.2)
    office.phone("1002").accept()
    await asyncio.sleep(0.2)
    caller.listener(base.TransferWanted("1001"))
    await asyncio.sleep(0.2)
    office.phone("1001").accept()
    await asyncio.sleep(0.2)
    assert caller.reported == [200]
    await asyncio.sleep(2.0)
    assert caller.is_ended
    assert office.phone("1002").hears == {"1001"}
    assert not call.is_over


async def test_a_customer_does_not_send_agents_about(desk: Desk) -> None:
    desk.customer.listener(base.TransferWanted("1002"))
    await asyncio.sleep(0.2)
    assert desk.customer.reported == [603]
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}


async def test_a_phone_joins_its_two_calls_by_refer_with_replaces(office: Office) -> None:
    """The phone holds the customer, calls a colleague, and asks that the two be joined (RFC 5589 §7)."""
    await office.ready("wen")
    customer, call = office.call("agent:wen")
    await asyncio.sleep(0.2)
    first = office.phone("1001")
    first.accept()
    await asyncio.sleep(0.2)
    first.listener(base.HeldByPeer())
    second, asking = office.phone_calls("1001", "1002")
    await asyncio.sleep(0.2)
    office.phone("1002").accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"default"}
    assert office.phone("1002").hears == {"1001"}
    first.listener(base.TransferWanted("1002", replaces=f"{second.facts.sip_call_id};to-tag=a;from-tag=b"))
    await asyncio.sleep(0.2)
    assert first.reported == [200]
    assert customer.hears == {"1002"}
    assert office.phone("1002").hears == {"caller 13800138000"}
    assert asking.is_over
    assert (first.is_ended, second.is_ended, office.phone("1002").is_ended) == (True, True, False)
    office.phone("1002").leave()
    await asyncio.sleep(0.2)
    assert call.is_over


# ---------------------------------------------------------------------- conference


async def test_a_conference_of_five(desk: Desk) -> None:
    office = desk.office
    for number in ("zhao", "1002", "1003"):
        await desk.act("li", "invite", to=number)
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}, "nobody is disturbed while they ring"
    assert sorted(desk.states().values()).count("ringing") == 3
    office.stations.accept("zhao")
    for number in ("1002", "1003"):
        office.phone(number).accept()
    await asyncio.sleep(0.2)
    people = {"customer", "li", "zhao", "1002", "1003"}
    heard = {name.removeprefix("extension:"): set(sources) for name, sources in desk.hears().items()}
    assert heard == {name: people - {name} for name in people}
    assert desk.recorded() == ({"customer"}, people - {"customer"})
    assert office.state("li") == "conference"
    await desk.act("li", "mute_member", participant="extension:1002", on=True)
    assert "1002" not in office.engine.hears(desk.customer.port)
    assert desk.states()["extension:1002"] == "muted"
    await desk.act("li", "remove", participant="extension:1003")
    assert office.phone("1003").is_ended
    await office.floor.hang_up("li")
    await asyncio.sleep(0.2)
    assert set(desk.hears()) == {"customer", "zhao", "extension:1002"}
    assert office.state("li") == "wrap_up"
    assert not desk.call.is_over


async def test_a_guest_who_does_not_answer_leaves_the_conversation_alone(desk: Desk) -> None:
    desk.office.refusals["1003"] = Cause.BUSY
    await desk.act("li", "invite", to="1003")
    await desk.act("li", "invite", to="1002")
    await asyncio.sleep(22)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert desk.office.phone("1002").is_ended
    assert desk.office.state("li") == "talking"


async def test_who_is_in_the_call_is_not_invited_twice(desk: Desk) -> None:
    await desk.act("li", "invite", to="1002")
    for to in ("1002", "agent:li"):
        with pytest.raises(Conflict):
            await desk.act("li", "invite", to=to)
    with pytest.raises(NotFound):
        await desk.act("li", "remove", participant="nobody")


async def test_a_customer_leaves_a_conference_and_the_others_go_on(desk: Desk) -> None:
    await desk.act("li", "invite", to="1002")
    await asyncio.sleep(0.2)
    desk.office.phone("1002").accept()
    await asyncio.sleep(0.2)
    desk.customer.leave()
    await asyncio.sleep(0.2)
    assert desk.hears() == {"li": {"1002"}, "extension:1002": {"li"}}
    assert desk.office.state("li") == "talking"
    await desk.office.floor.hang_up("li")
    await asyncio.sleep(0.2)
    assert desk.call.is_over
    assert desk.office.phone("1002").is_ended


async def test_mute_is_heard_by_nobody_and_recorded_by_nobody(desk: Desk) -> None:
    await desk.act("li", "mute")
    assert desk.hears() == {"customer": set(), "li": {"customer"}}
    assert desk.recorded() == ({"customer"}, set())
    with pytest.raises(Conflict):
        await desk.act("li", "mute")
    await desk.act("li", "unmute")
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}


# ---------------------------------------------------------------------- park and pick up


async def test_a_parked_call_is_picked_up_by_a_colleague(desk: Desk) -> None:
    slot = (await desk.act("li", "park"))["slot"]
    assert slot == "701"
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"default"}}
    assert desk.office.calls.view(desk.call.id).slot == "701"  # type: ignore[union-attr]
    await desk.act("zhao", "pickup", slot="701")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    assert desk.office.state("zhao") == "talking"
    assert [(event.slot, event.result) for event in desk.office.of(ev.CallUnparked)] == [("701", "picked_up")]
    with pytest.raises(NotFound):
        await desk.act("wen", "pickup", slot="701")


async def test_a_parked_call_that_nobody_wants_goes_back(desk: Desk) -> None:
    await desk.act("li", "park", slot="705")
    await asyncio.sleep(31)
    assert desk.office.state("li") == "ready", "wrap-up is over"
    await asyncio.sleep(88)
    assert desk.office.state("li") == "ready"
    await asyncio.sleep(2)
    assert desk.office.state("li") == "ringing"
    desk.office.stations.accept("li")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}


async def test_slots_are_taken_once(office: Office) -> None:
    desk = await talking(office)
    await desk.act("li", "park", slot="703")
    await asyncio.sleep(0.2)
    assert office.lot.at("703") is desk.call
    customer, other = office.call("agent:zhao", number="139")
    await asyncio.sleep(0.2)
    office.stations.accept("zhao")
    await asyncio.sleep(0.2)
    with pytest.raises(Conflict, match="703 is taken"):
        await office.floor.act("zhao", "park", {"slot": "703"})
    with pytest.raises(NotFound):
        await office.floor.act("zhao", "park", {"slot": "799"})
    assert not other.is_over and not customer.is_ended
    desk.customer.leave()
    await asyncio.sleep(0.2)
    assert [event.result for event in office.of(ev.CallUnparked)] == ["abandoned"]
    assert (await office.floor.act("zhao", "park", {"slot": "703"}))["slot"] == "703"


@pytest.mark.parametrize("what", [{"agent": "1001"}, {"agent": "wen"}, {}])
async def test_what_rings_at_a_colleague_is_picked_up(office: Office, what: dict[str, str]) -> None:
    office.page("zhao")
    await office.ready("wen", "zhao")
    customer, call = office.call("agent:wen")
    await asyncio.sleep(0.2)
    assert not office.phone("1001").is_ended
    await office.floor.act("zhao", "pickup", what)
    await asyncio.sleep(0.2)
    assert customer.hears == {"zhao"}
    assert office.phone("1001").is_ended
    assert (office.state("zhao"), office.state("wen")) == ("talking", "ready")
    with pytest.raises((NotFound, Conflict)):
        await office.floor.act("zhao", "pickup", what)
    assert not call.is_over


# ---------------------------------------------------------------------- the recording


async def test_one_recording_from_the_first_agent_to_the_last(desk: Desk) -> None:
    await asyncio.sleep(5)
    await desk.act("li", "transfer", to="zhao")
    await asyncio.sleep(3)
    desk.office.stations.accept("zhao")
    await asyncio.sleep(4)
    await desk.act("zhao", "consult", to="1002")
    await asyncio.sleep(1)
    desk.office.phone("1002").accept()
    await asyncio.sleep(2)
    await desk.act("zhao", "consult_complete")
    await asyncio.sleep(2)
    desk.customer.leave()
    await asyncio.sleep(1)
    (finished,) = desk.office.of(ev.RecordingFinished)
    assert 17_000 < finished.duration_ms < 18_200
    assert [type(event).__name__ for event in desk.office.of(ev.RecordingPaused) + desk.office.of(ev.RecordingResumed)] == [
        "RecordingPaused", "RecordingResumed",
    ]  # fmt: skip
