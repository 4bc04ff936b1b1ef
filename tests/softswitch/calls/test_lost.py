"""An agent's page dies in each state of a call, comes back in time or not; double tabs; everything crosses with hanging up."""

from __future__ import annotations

import asyncio

import pytest

from softswitch.model import events as ev
from softswitch.model.errors import Conflict
from tests.softswitch.calls.desk import Desk


async def _enter(desk: Desk, state: str) -> None:
    if state == "holding":
        await desk.act("li", "hold")
    if state in ("consulting", "conference"):
        await desk.act("li", "consult", to="zhao")
        await asyncio.sleep(0.2)
        desk.office.stations.accept("zhao")
        await asyncio.sleep(0.2)
    if state == "conference":
        await desk.act("li", "consult_merge")
    assert desk.office.state("li") == state


STATES = ["talking", "holding", "consulting", "conference"]


@pytest.mark.parametrize("state", STATES)
async def test_a_page_that_comes_back_finds_the_call_as_it_was(desk: Desk, state: str) -> None:
    await _enter(desk, state)
    before = desk.hears()
    desk.office.floor.desk_lost("li")
    await asyncio.sleep(2)
    if state != "conference":
        assert desk.hears()["customer"] == {"default"}, "music instead of silence"
    desk.office.floor.desk_connected("li")
    await asyncio.sleep(0.1)
    assert desk.hears() == before
    assert desk.office.state("li") == state


@pytest.mark.parametrize("state", STATES)
async def test_a_page_that_stays_away(desk: Desk, state: str) -> None:
    """The customer is back at the head of the queue; only in a conference the others keep it."""
    office = desk.office
    await _enter(desk, state)
    office.floor.desk_lost("li")
    await asyncio.sleep(31)
    assert office.state("li") == "logged_out"
    assert not desk.customer.is_ended
    if state == "conference":
        assert desk.hears() == {"customer": {"zhao"}, "zhao": {"customer"}}
        await office.floor.hang_up("zhao")
        await asyncio.sleep(0.2)
        assert desk.customer.is_ended
        return
    assert [event.queue for event in office.of(ev.QueueEntered)] == ["sales", "sales"]
    assert office.engine.hears(desk.customer.port) == {"default"}
    assert office.stations.browsers.of("zhao").leg is None  # type: ignore[union-attr]
    await asyncio.sleep(1)
    assert office.state("zhao") == "ready"


async def test_the_customer_of_a_lost_colleague_goes_back_to_its_queue(desk: Desk) -> None:
    """zhao got the call by transfer, beside the queues."""
    await _enter(desk, "consulting")
    await desk.act("li", "consult_complete")
    desk.office.floor.desk_lost("zhao")
    await asyncio.sleep(2)
    assert desk.hears()["customer"] == {"default"}
    await asyncio.sleep(30)
    assert not desk.customer.is_ended
    assert [event.queue for event in desk.office.of(ev.QueueEntered)] == ["sales", "sales"]


async def test_a_consulted_page_that_dies_brings_the_customer_back(desk: Desk) -> None:
    await _enter(desk, "consulting")
    desk.office.floor.desk_lost("zhao")
    await asyncio.sleep(31)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert desk.office.state("li") == "talking"


async def test_an_offer_that_rings_at_a_page_that_dies_fails(desk: Desk) -> None:
    await desk.act("li", "consult", to="zhao")
    await asyncio.sleep(0.2)
    desk.office.stations.browsers.close("zhao")
    await asyncio.sleep(0.2)
    assert desk.hears() == {"customer": {"li"}, "li": {"customer"}}
    assert desk.office.floor.offer_of("zhao") is None


async def test_the_agent_hangs_up_while_the_target_answers(desk: Desk) -> None:
    await desk.act("li", "consult", to="1002")
    await asyncio.sleep(0.2)
    phone = desk.office.phone("1002")
    phone.accept()
    await desk.office.floor.hang_up("li")  # before the answer has been carried out
    await asyncio.sleep(0.5)
    last = desk.office.phone("1002")
    if last is not phone:  # the answer came too late: the customer rings there now
        last.accept()
        await asyncio.sleep(0.2)
    assert desk.customer.hears == {"1002"}
    assert not desk.call.is_over


async def test_the_customer_hangs_up_while_the_transfer_is_ordered(desk: Desk) -> None:
    desk.customer.leave()
    with pytest.raises(Conflict):
        await desk.act("li", "transfer", to="1002")
        await asyncio.sleep(0)
        await desk.act("li", "transfer", to="1002")
    await asyncio.sleep(0.5)
    assert desk.call.is_over
    assert all(phone.is_ended for phone in desk.office.phones.get("1002", ()))


async def test_two_tabs_give_the_same_order(desk: Desk) -> None:
    """Whichever comes first counts; the other page hears why not."""
    results = await asyncio.gather(
        *(desk.act("li", "consult", to=to) for to in ("zhao", "1002", "1003")), return_exceptions=True
    )
    assert [isinstance(result, Conflict) for result in results] == [False, True, True]
    await asyncio.sleep(0.2)
    assert "1002" not in desk.office.phones
    results = await asyncio.gather(*(desk.office.floor.hang_up("li") for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in results) == 2
    await asyncio.sleep(0.2)
    assert desk.office.engine.live["players"] <= 1


async def test_nothing_is_left_over(desk: Desk) -> None:
    await _enter(desk, "conference")
    await desk.act("zhao", "invite", to="1002")
    await asyncio.sleep(0.2)
    await desk.office.calls.hang_up(desk.call.id, "wang", "test")
    await asyncio.sleep(1)
    assert desk.call.is_over
    assert desk.office.phone("1002").is_ended
    live = desk.office.engine.live
    assert (live["players"], live["recorders"], live["ports"]) == (0, 0, 2), "the two pages keep their ports"
    assert [event.type for event in desk.call.timeline.events if not event.type.startswith("rec.")][-1] == "call.ended"
    await asyncio.sleep(35)
    assert {login: desk.office.state(login) for login in ("li", "zhao")} == {"li": "ready", "zhao": "ready"}
