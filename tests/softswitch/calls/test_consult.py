"""Consult, attended transfer, three-way conference: who hears whom in each step, and what becomes of everybody afterwards."""

from __future__ import annotations

import asyncio

import pytest

from media.commands import Listen
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, Forbidden, Invalid
from tests.softswitch.calls.desk import Desk
from tests.support.office import Office


async def _consulting(desk: Desk, to: str = "zhao") -> None:
    await desk.act("li", "consult", to=to)
    await asyncio.sleep(0.5)
    if to == "zhao":
        desk.office.stations.accept("zhao")
    else:
        desk.office.phone("1002").accept()
    await asyncio.sleep(0.5)


async def test_the_customer_hears_music_while_the_agent_hears_ringback(desk: Desk) -> None:
    await desk.act("li", "consult", to="zhao")
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"default"}, "li": {"ringback"}}
    assert desk.states() == {"customer": "held", "agent:li": "talking", "agent:zhao": "ringing"}
    assert desk.office.floor.offer_of("zhao") is not None, "the colleague's page rings"


async def test_agent_and_colleague_talk_and_the_customer_hears_nothing_of_it(desk: Desk) -> None:
    await _consulting(desk)
    assert desk.hears() == {"customer": {"default"}, "li": {"zhao"}, "zhao": {"li"}}
    assert desk.recorded() == ({"customer"}, {"li", "zhao"})


async def test_completing_is_an_attended_transfer(desk: Desk) -> None:
    await _consulting(desk)
    batches, recorder = len(desk.office.engine.batches), desk.call.mix.recorder
    await desk.act("li", "consult_complete")
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    assert desk.call.mix.recorder == recorder, "one recording from the first word to the last"
    assert desk.recorded() == ({"customer"}, {"zhao"})
    routed = [batch for batch in desk.office.engine.batches[batches:] if any(isinstance(c, Listen) for c in batch)]
    assert len(routed[0]) > 2, "customer and colleague are joined in the batch in which the agent leaves"
    await asyncio.sleep(0.5)
    assert desk.office.stations.browsers.of("li").leg is None  # type: ignore[union-attr]
    assert not desk.call.is_over
    assert desk.office.calls.view(desk.call.id).agent == "zhao"  # type: ignore[union-attr]
    desk.customer.leave()
    await asyncio.sleep(0.5)
    assert desk.call.is_over
    (transfer,) = desk.office.of(ev.CallTransferred)
    assert (transfer.kind, transfer.target, transfer.result) == ("attended", "agent:zhao", "answered")


async def test_the_colleague_ends_a_transferred_call(desk: Desk) -> None:
    await _consulting(desk)
    await desk.act("li", "consult_complete")
    await asyncio.sleep(1)
    await desk.office.floor.hang_up("zhao")
    await asyncio.sleep(0.5)
    assert desk.customer.is_ended
    assert desk.office.of(ev.CallEnded)[-1].who == "agent"


async def test_merging_makes_a_conference_that_the_agent_may_leave(desk: Desk) -> None:
    await _consulting(desk)
    await desk.act("li", "consult_merge")
    assert desk.hears() == {"customer": {"li", "zhao"}, "li": {"customer", "zhao"}, "zhao": {"customer", "li"}}
    assert desk.recorded() == ({"customer"}, {"li", "zhao"})
    await desk.office.floor.hang_up("li")
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    await desk.office.floor.hang_up("zhao")
    await asyncio.sleep(0.5)
    assert desk.customer.is_ended


async def test_cancelling_brings_the_customer_back(desk: Desk) -> None:
    await _consulting(desk)
    await desk.act("li", "consult_cancel")
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert desk.office.stations.browsers.of("zhao").leg is None  # type: ignore[union-attr]
    assert [event.result for event in desk.office.of(ev.ConsultEnded)] == ["cancelled"]
    await asyncio.sleep(1)
    assert desk.office.state("zhao") == "ready"


async def test_cancelling_while_it_rings_stops_the_ringing(desk: Desk) -> None:
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.5)
    await desk.act("li", "consult_cancel")
    await asyncio.sleep(0.1)
    assert desk.office.phone("1002").is_ended
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert desk.office.engine.live["players"] == 0


@pytest.mark.parametrize("how", ["refuses", "nobody", "dies"])
async def test_a_target_that_fails_brings_the_customer_back_by_itself(desk: Desk, how: str) -> None:
    if how == "refuses":
        desk.office.refusals["1002"] = Cause.BUSY
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.5)
    if how == "dies":
        desk.office.phone("1002").accept()
        await asyncio.sleep(2)
        desk.office.phone("1002").leave()
    if how == "nobody":
        await asyncio.sleep(21)
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert [event.result for event in desk.office.of(ev.ConsultEnded)] == ["failed"]
    assert desk.office.state("li") == "talking"


async def test_the_agent_who_hangs_up_has_transferred(desk: Desk) -> None:
    await _consulting(desk)
    await desk.office.floor.hang_up("li")
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    assert [event.result for event in desk.office.of(ev.ConsultEnded)] == ["transferred"]


async def test_the_agent_who_hangs_up_while_it_rings_has_transferred_blindly(desk: Desk) -> None:
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.5)
    await desk.office.floor.hang_up("li")
    await asyncio.sleep(0.5)
    desk.office.phone("1002").accept()
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"1002"}, "extension:1002": {"customer"}}


async def test_when_the_customer_goes_the_two_go_on(desk: Desk) -> None:
    await _consulting(desk)
    desk.customer.leave()
    await asyncio.sleep(0.5)
    assert desk.hears() == {"li": {"zhao"}, "zhao": {"li"}}
    await desk.office.floor.hang_up("zhao")
    await asyncio.sleep(0.5)
    assert desk.call.is_over


async def test_the_customer_goes_while_it_rings(desk: Desk) -> None:
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.5)
    desk.customer.leave()
    await asyncio.sleep(0.5)
    assert desk.call.is_over
    assert desk.office.phone("1002").is_ended
    assert desk.call.timeline.events[-1].type in ("call.ended", "rec.finished")
    assert desk.office.engine.live["players"] == 0


@pytest.mark.parametrize("command", ["consult", "consult_complete", "consult_merge", "consult_cancel", "hold", "resume"])
async def test_a_second_click_changes_nothing(desk: Desk, command: str) -> None:
    values = {"to": "zhao"} if command == "consult" else {}
    if command.startswith("consult"):
        await _consulting(desk)
    if command == "resume":
        await desk.act("li", "hold")
    if command != "consult":
        await desk.act("li", command, **values)
    before = (desk.hears(), [type(event) for event in desk.call.timeline.events])
    with pytest.raises(Conflict):
        await desk.act("li", command, **values)
    assert (desk.hears(), [type(event) for event in desk.call.timeline.events]) == before


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("voicemail:x", Invalid), ("conference:room", Conflict), ("nobody", Invalid), ("queue:none", Invalid),
        ("555", Conflict),
    ],
)  # fmt: skip
async def test_who_cannot_be_consulted(desk: Desk, to: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await desk.act("li", "consult", to=to)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}


async def test_an_agent_without_the_right_consults_nobody_outside(office: Office) -> None:
    office.page("sun")
    await office.ready("sun")
    with pytest.raises(Forbidden):
        await office.floor.act("sun", "dial", {"to": "0123"})
    assert office.state("sun") == "ready"


async def test_somebody_of_a_queue_is_asked_and_takes_over(desk: Desk) -> None:
    """The agent waits in the other queue's line; the customer's place in this call is not touched."""
    office = desk.office
    office.page("sun")
    await office.ready("sun")
    await desk.act("li", "consult", to="queue:repair")
    await asyncio.sleep(0.5)
    assert desk.hears() == {"customer": {"default"}, "li": {"ringback"}}
    assert office.state("sun") == "ringing"
    office.stations.accept("sun")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"default"}, "li": {"sun"}, "sun": {"li"}}
    assert len(office.calls) == 1, "the errand is over"
    await desk.act("li", "consult_complete")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"sun"}, "sun": {"customer"}}
    assert office.state("sun") == "talking"
    assert [(event.kind, event.target) for event in office.of(ev.CallTransferred)] == [("attended", "agent:sun")]
    await office.floor.hang_up("sun")
    await asyncio.sleep(0.2)
    assert desk.call.is_over and desk.customer.is_ended
    assert office.state("sun") in ("wrap_up", "ready")


@pytest.mark.parametrize("how", ["cancelled", "customer gone"])
async def test_nobody_of_the_queue_comes_in_time(desk: Desk, how: str) -> None:
    await desk.act("li", "consult", to="queue:repair")
    await asyncio.sleep(1)
    assert [event.queue for event in desk.office.of(ev.QueueEntered)] == ["sales", "repair"]
    if how == "cancelled":
        await desk.act("li", "consult_cancel")
        await asyncio.sleep(0.2)
        assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
        assert len(desk.office.calls) == 1
    else:
        desk.customer.leave()
        await asyncio.sleep(0.2)
        assert len(desk.office.calls) == 0
    assert [event.result for event in desk.office.of(ev.QueueLeft) if event.queue == "repair"] == ["abandoned"]
    result = "cancelled" if how == "cancelled" else "failed"
    assert [event.result for event in desk.office.of(ev.ConsultEnded)] == [result]


async def test_the_agent_of_a_conference_hangs_up_while_it_asks_somebody_else(desk: Desk) -> None:
    """The others go on; nobody is sent to whoever was being rung."""
    await _consulting(desk)
    await desk.act("li", "consult_merge")
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"zhao"}, "li": set(), "zhao": {"customer"}}, "the agent is aside"
    await desk.office.floor.hang_up("li")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
    assert desk.office.phone("1002").is_ended
    assert desk.office.of(ev.CallTransferred) == []
