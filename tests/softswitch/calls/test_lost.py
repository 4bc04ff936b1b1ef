"""An agent's page dies in each state of a call, comes back in time or not; double tabs; everything crosses with hanging up."""

from __future__ import annotations

import asyncio

import pytest

from media.events import IceState, MediaLost, MediaResumed, MediaStarted
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


def _dies(desk: Desk, login: str) -> int:
    """The page's connection and its sound are gone. Returns its port."""
    port = desk.office.stations.browsers.of(login).port  # type: ignore[union-attr]
    desk.office.engine.emit(MediaLost(port, 2000))
    desk.office.floor.desk_lost(login)
    return port


STATES = ["talking", "holding", "consulting", "conference"]


@pytest.mark.parametrize("state", STATES)
async def test_a_page_that_comes_back_finds_the_call_as_it_was(desk: Desk, state: str) -> None:
    await _enter(desk, state)
    before = desk.hears()
    port = _dies(desk, "li")
    await asyncio.sleep(2)
    if state != "conference":
        assert "default" in desk.hears()["customer"], "music instead of silence"
    desk.office.floor.desk_connected("li")
    desk.office.engine.emit(MediaResumed(port))
    await asyncio.sleep(0.1)
    assert desk.hears() == before
    assert desk.office.state("li") == state


@pytest.mark.parametrize("state", STATES)
async def test_a_page_that_stays_away(desk: Desk, state: str) -> None:
    """The customer is back at the head of the queue; only in a conference the others keep it."""
    office = desk.office
    await _enter(desk, state)
    office.floor.desk_lost("li")
    await asyncio.sleep(34)
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
    _dies(desk, "zhao")
    await asyncio.sleep(2)
    assert "default" in desk.hears()["customer"]
    await asyncio.sleep(35)
    assert not desk.customer.is_ended
    assert [event.queue for event in desk.office.of(ev.QueueEntered)] == ["sales", "sales"]


async def test_a_consulted_page_that_dies_brings_the_customer_back(desk: Desk) -> None:
    await _enter(desk, "consulting")
    desk.office.floor.desk_lost("zhao")
    await asyncio.sleep(34)
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


# the page's sound, whatever its WebSocket says


async def test_the_customer_hears_music_while_the_page_is_silent_and_the_agent_when_it_is_back(desk: Desk) -> None:
    port = desk.office.stations.browsers.of("li").port  # type: ignore[union-attr]
    before = desk.hears()
    desk.office.engine.emit(MediaLost(port, 2000))
    await asyncio.sleep(0.1)
    assert desk.hears() == {"customer": {"li", "default"}, "li": {"customer"}}
    assert desk.states() == {"customer": "talking", "agent:li": "talking"}, "nobody is on hold"
    await asyncio.sleep(4)
    desk.office.engine.emit(MediaResumed(port))
    await asyncio.sleep(0.1)
    assert desk.hears() == before
    (parked,), (resumed,) = desk.office.of(ev.LegParked), desk.office.of(ev.LegResumed)
    assert (parked.agent, parked.reason, resumed.agent) == ("li", "silent", "li")
    assert 4000 <= resumed.gap_ms <= 4300


async def test_a_lost_websocket_alone_is_not_heard(desk: Desk) -> None:
    port = desk.office.stations.browsers.of("li").port  # type: ignore[union-attr]
    desk.office.engine.emit(MediaStarted(port, "192.0.2.1:9", "PCMU", 1, True, 0.0))
    before = desk.hears()
    desk.office.floor.desk_lost("li")
    await asyncio.sleep(20)
    assert desk.hears() == before
    desk.office.engine.emit(IceState(port, "disconnected"))
    await asyncio.sleep(0.1)
    assert desk.hears()["customer"] == {"li", "default"}
    desk.office.floor.desk_connected("li")
    desk.office.engine.emit(IceState(port, "connected"))
    await asyncio.sleep(0.1)
    assert desk.hears() == before
    assert desk.office.state("li") == "talking"


@pytest.mark.parametrize("state", ["holding", "conference"])
async def test_who_talks_to_others_or_waits_hears_no_second_music(desk: Desk, state: str) -> None:
    await _enter(desk, state)
    before = desk.hears()
    desk.office.engine.emit(MediaLost(desk.office.stations.browsers.of("li").port, 2000))  # type: ignore[union-attr]
    await asyncio.sleep(0.1)
    assert desk.hears() == before


async def test_a_caller_that_leaves_during_the_absence_leaves_nothing_behind(desk: Desk) -> None:
    desk.office.engine.emit(MediaLost(desk.office.stations.browsers.of("li").port, 2000))  # type: ignore[union-attr]
    await asyncio.sleep(1)
    desk.customer.leave()
    await asyncio.sleep(0.5)
    assert desk.call.is_over
    assert desk.office.engine.live["players"] == 0


async def test_an_agent_that_stays_away_is_replaced_and_its_music_ends(desk: Desk) -> None:
    _dies(desk, "li")
    await asyncio.sleep(34)
    assert desk.office.state("li") == "logged_out"
    assert desk.office.engine.hears(desk.customer.port) == {"default"}, "the queue's music alone"
    assert [event.queue for event in desk.office.of(ev.QueueEntered)] == ["sales", "sales"]
