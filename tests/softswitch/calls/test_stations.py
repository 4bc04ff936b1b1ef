"""Where agents work: the station is chosen at sign-in, and every call follows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from softswitch.directory.model import Agent, Queue
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, Forbidden, Invalid
from tests.softswitch.calls.desk import talking
from tests.support.office import Office


async def test_calls_of_the_queue_ring_at_the_outside_number_that_was_chosen(office: Office) -> None:
    await office.floor.set_state("li", "ready", "", "li", "outside:0139")
    assert (office.floor.agent("li").station, office.state("li")) == ("outside:0139", "ready")
    customer, _ = office.call("queue:sales")
    await asyncio.sleep(0.2)
    office.phone("0139").accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"0139"}
    assert office.state("li") == "talking"
    await office.floor.act("li", "consult", {"to": "1002"})
    await asyncio.sleep(0.2)
    office.phone("1002").accept()
    await asyncio.sleep(0.2)
    await office.floor.act("li", "consult_complete", {})
    await asyncio.sleep(0.2)
    assert office.phone("0139").is_ended
    assert customer.hears == {"1002"}


@pytest.mark.parametrize(
    ("login", "station", "error"),
    [
        ("li", "extension:1999", Invalid), ("li", "sofa", Invalid), ("li", "outside:", Invalid), ("li", "outside:5", Conflict),
        ("sun", "outside:0139", Forbidden), ("li", "extension:1002", Conflict),
    ],
)  # fmt: skip
async def test_stations_that_are_refused(office: Office, login: str, station: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await office.floor.set_state(login, "ready", "", login, station)
    assert office.state(login) == "logged_out"


async def test_the_station_stays_during_a_call(office: Office) -> None:
    await talking(office)
    office.registered.add("1002")
    with pytest.raises(Conflict):
        await office.floor.choose_station("li", "extension:1002")
    assert office.floor.agent("li").station == "browser"


async def test_two_agents_do_not_share_a_phone(office: Office) -> None:
    """Who signs in last works there; the former one is signed out."""
    office.registered.add("1003")
    for login in ("li", "zhao"):
        await office.floor.set_state(login, "ready", "", login, "extension:1003")
    assert (office.state("li"), office.state("zhao")) == ("logged_out", "ready")
    assert office.floor.login_at("1003") == "zhao"


async def test_a_colleague_is_reached_at_the_phone_where_it_works(office: Office) -> None:
    """By login, by extension: the agent's state is the same, and both are one place to pick up from."""
    await office.ready("wen")
    for to in ("agent:wen", "extension:1001"):
        customer, call = office.call(to)
        await asyncio.sleep(0.2)
        assert office.state("wen") == "ringing"
        office.phone("1001").accept()
        await asyncio.sleep(0.2)
        assert office.state("wen") == "talking"
        assert office.calls.view(call.id).agent == "wen"  # type: ignore[union-attr]
        customer.leave()
        await asyncio.sleep(31)
        assert office.state("wen") == "ready"


async def test_keys_of_the_agents_phone_place_its_calls(office: Office) -> None:
    await office.ready("wen")
    phone, call = office.phone_calls("1001", "0123456")
    await asyncio.sleep(0.2)
    assert office.state("wen") == "dialling"
    office.phone("0123456").accept()
    await asyncio.sleep(0.2)
    assert office.state("wen") == "talking"
    assert phone.hears == {"0123456"}
    await office.floor.act("wen", "park", {})
    await asyncio.sleep(0.2)
    assert phone.is_ended and not call.is_over
    assert office.phone("0123456").hears == {"default"}, "the customer is who was called"


async def test_an_agent_dials_only_in_the_states_of_its_profile(office: Office) -> None:
    office.page("sun")
    await office.floor.set_state("sun", "not_ready", "", "sun")
    with pytest.raises(Conflict, match="it may call when ready"):
        await office.floor.dial("sun", "1002")


async def test_who_is_not_signed_in_is_not_there(office: Office) -> None:
    office.page("zhao")
    customer, call = office.call("agent:zhao")
    await asyncio.sleep(0.2)
    assert call.is_over
    assert customer.cause is Cause.UNREACHABLE


@pytest.mark.parametrize(("agent", "queue", "expected"), [(True, False, True), (False, True, True), (False, False, False)])
async def test_the_page_is_told_to_answer_by_itself(tmp_path: Path, agent: bool, queue: bool, expected: bool) -> None:
    office = Office(
        tmp_path, agents=(Agent(login="li", queues=("sales",), auto_answer=agent),),
        queues=(Queue(name="sales", auto_answer=queue),),
    )  # fmt: skip
    office.page("li")
    await office.ready("li")
    office.call("queue:sales")
    await asyncio.sleep(0.2)
    offer = office.floor.offer_of("li")
    assert offer is not None and offer.auto_answer is expected
    await office.close()
