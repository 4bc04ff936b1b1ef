"""What agents and those who act for them may order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.acd.floor import Floor
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.errors import Conflict, Invalid, NotFound
from tests.support.office import Office


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    agents = (
        Agent(login="li", name="李", queues=("sales",), station="extension:1001"),
        Agent(login="wen", name="文", queues=("sales",), station="browser"),
    )
    office = Office(tmp_path, agents=agents, queues=(Queue(name="sales"),))
    yield office
    await office.close()


@pytest.fixture
def floor(office: Office) -> Floor:
    return office.floor


async def test_ready_signs_in_with_the_declared_station(office: Office, floor: Floor) -> None:
    view = await floor.set_state("li", "ready", "", "li")
    assert (view.state, view.station, view.reachable, view.queues) == ("ready", "extension:1001", True, ("sales",))
    assert [event.station for event in office.of(ev.AgentLogin)] == ["extension:1001"]


async def test_a_program_may_make_a_signed_out_phone_agent_ready(office: Office, floor: Floor) -> None:
    assert (await floor.set_state("li", "ready", "", "crm")).state == "ready"
    assert (await floor.set_state("li", "logged_out", "end of shift", "crm")).state == "logged_out"
    assert [event.actor for event in office.of(ev.SupervisionForced)] == ["crm"]


async def test_sign_in_without_a_device_is_refused_and_leaves_no_trace(office: Office, floor: Floor) -> None:
    with pytest.raises(Conflict, match="cannot be reached"):
        await floor.set_state("wen", "ready", "", "wen")
    assert floor.agent("wen").state == "logged_out"
    assert office.events == []


async def test_not_ready_needs_no_device(floor: Floor) -> None:
    view = await floor.set_state("wen", "not_ready", "meal", "wen")
    assert (view.state, view.reason) == ("not_ready", "meal")


async def test_wrap_up_done_outside_wrap_up_is_refused(floor: Floor) -> None:
    for state in ("logged_out", "ready"):
        with pytest.raises(Conflict):
            await floor.set_state("li", "wrap_up_done", "", "li")
        await floor.set_state("li", state, "", "li")


async def test_a_result_stored_from_elsewhere_ends_the_wrap_up_that_waits_for_it(tmp_path: Path) -> None:
    people = (Agent(login="li", queues=("sales",), station="extension:1001"),)
    office = Office(tmp_path, agents=people, queues=(Queue(name="sales", wrap_up_mode="until_done", code_required=True),))
    floor = office.floor
    await office.ready("li")
    caller, call = office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    caller.leave()
    await asyncio.sleep(0.2)
    assert floor.agent("li").state == "wrap_up"
    for event in office.events:
        floor.workdays.note(event)
    floor.disposed("li", "another call", ("sold",))
    floor.disposed("li", call.id, ())
    assert floor.agent("li").state == "wrap_up"
    floor.disposed("li", call.id, ("sold",))
    assert floor.agent("li").state == "ready"
    assert [event.codes for event in office.of(ev.AgentWrapupDone)] == [("sold",)]
    floor.disposed("li", call.id, ("late",))
    assert office.floor._acd.core.state.agents["li"].codes == (), "it does not count for the next contact"
    await office.close()


async def test_wrong_words_and_strangers(floor: Floor) -> None:
    with pytest.raises(Invalid, match="expected one of ready"):
        await floor.set_state("li", "talking", "", "li")
    with pytest.raises(NotFound):
        await floor.set_state("stranger", "ready", "", "stranger")
    with pytest.raises(NotFound):
        floor.agent("stranger")
    with pytest.raises(NotFound):
        floor.queue("none")


async def test_orders_about_calls_that_are_not_there(floor: Floor) -> None:
    await floor.set_state("li", "ready", "", "li")
    with pytest.raises(Conflict):
        await floor.accept("li", "o-gone")
    for order in (floor.hold, floor.resume, floor.hang_up):
        with pytest.raises(Conflict, match="no call"):
            await order("li")


@pytest.mark.parametrize("to", ["nonsense", "flow:", "hangup:bored"])
async def test_dialling_nonsense_is_refused_and_the_agent_stays_ready(office: Office, floor: Floor, to: str) -> None:
    office.page("wen")
    await office.ready("wen")
    with pytest.raises(Invalid):
        await floor.dial("wen", to)
    assert floor.agent("wen").state == "ready"


async def test_hang_up_while_it_rings_refuses_the_offer(office: Office, floor: Floor) -> None:
    office.page("wen")
    await office.ready("wen")
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(1)
    await floor.hang_up("wen")
    await asyncio.sleep(0.1)
    assert floor.agent("wen").state == "ready"
    assert not caller.is_ended
    assert office.of(ev.OfferFailed)[0].reason == "reject"


async def test_directory_change_adds_an_agent_to_the_line(office: Office, floor: Floor) -> None:
    from dataclasses import replace

    office.call("queue:sales")
    hong = Agent(login="hong", queues=("sales",), station="extension:1002")
    office.registered.add("1002")
    office.snapshot = replace(office.snapshot, agents={**office.snapshot.agents, "hong": hong})
    office.acd.directory_changed(office.snapshot)
    await floor.set_state("hong", "ready", "", "hong")
    await asyncio.sleep(0.1)
    assert floor.agent("hong").state == "ringing"


async def test_watching_ends_when_asked(office: Office, floor: Floor) -> None:
    told: list[str] = []
    stop = floor.watch(agent=lambda view: told.append(view.state), queue=lambda _: None, offer=lambda *_: None)
    await floor.set_state("li", "not_ready", "", "li")
    await asyncio.sleep(1)
    stop()
    await floor.set_state("li", "ready", "", "li")
    await asyncio.sleep(1)
    assert "not_ready" in told
    assert "ready" not in told
