"""Feature codes from a phone: agents sign in and out, park, fetch and pick up calls, and hear what happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.legs import base
from tests.softswitch.calls.desk import office_of, talking
from tests.support.office import Office, Party


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_of(tmp_path) as office:
        yield office


async def _dial(office: Office, number: str, code: str) -> Party:
    """The phone dials a code and hears it out."""
    phone, _ = office.phone_calls(number, code)
    await asyncio.sleep(5)
    return phone


async def test_an_agent_works_by_codes_alone(office: Office) -> None:
    for code, state, prompt in (
        ("*50", "ready", "signed-in"), ("*51", "not_ready", "agent-not-ready"), ("*52", "ready", "agent-ready"),
        ("*53", "logged_out", "signed-out"),
    ):  # fmt: skip
        phone = await _dial(office, "1001", code)
        assert office.state("wen") == state
        assert office.played()[-1] == f"zh-CN/{prompt}"
        assert phone.is_ended
    assert office.floor.agent("wen").reason == ""


async def test_an_agent_at_a_foreign_phone(office: Office) -> None:
    """Hot-desking: zhao works at the phone 1003 from now on; its calls ring there."""
    office.registered.add("1003")
    await office.floor.set_state("zhao", "ready", "", "zhao", "extension:1003")
    assert office.floor.agent("zhao").station == "extension:1003"
    customer, _ = office.call("agent:zhao")
    await asyncio.sleep(0.2)
    office.phone("1003").accept()
    await asyncio.sleep(0.2)
    assert customer.hears == {"1003"}
    assert office.state("zhao") == "talking"
    await asyncio.sleep(1)
    customer.leave()
    await asyncio.sleep(0.2)
    await _dial(office, "1003", "*51")
    assert office.state("zhao") == "not_ready"


async def test_a_refused_code_says_so(office: Office) -> None:
    for number, code in (("1002", "*52"), ("1001", "*53"), ("1001", "*2"), ("1001", "719"), ("1001", "**1003")):
        phone = await _dial(office, number, code)
        assert phone.is_ended
    assert office.state("wen") == "logged_out"
    assert office.played().count("zh-CN/invalid") >= 4


async def test_a_phone_parks_its_call_and_another_fetches_it(office: Office) -> None:
    await office.ready("wen")
    customer, call = office.call("agent:wen")
    await asyncio.sleep(0.2)
    first = office.phone("1001")
    first.accept()
    await asyncio.sleep(0.2)
    first.listener(base.HeldByPeer())
    await _dial(office, "1001", "*2")
    assert first.is_ended
    assert [name.rpartition("/")[2] for name in office.played()[-5:]] == ["default", "parked-at", "7", "0", "1"]
    assert customer.hears == {"default"}
    fetching, own = office.phone_calls("1002", "701")
    await asyncio.sleep(0.2)
    assert customer.hears == {"1002"}
    assert fetching.hears == {"caller 13800138000"}
    assert own.is_over and not fetching.is_ended
    fetching.leave()
    await asyncio.sleep(0.2)
    assert call.is_over and customer.is_ended


@pytest.mark.parametrize("code", ["**1001", "*8"])
async def test_a_phone_picks_up_what_rings_beside_it(office: Office, code: str) -> None:
    await office.ready("wen")
    customer, _ = office.call("agent:wen")
    await asyncio.sleep(0.2)
    picking, own = office.phone_calls("1003", code)
    await asyncio.sleep(0.2)
    assert customer.hears == {"1003"}
    assert picking.hears == {"caller 13800138000"}
    assert office.phone("1001").is_ended and own.is_over
    customer.leave()
    await asyncio.sleep(0.2)
    assert picking.is_ended


async def test_handlers_of_other_packages(office: Office) -> None:
    """Voicemail and supervision put their coroutines into the table."""
    heard: list[str] = []

    async def listen(call: object, argument: str) -> object:
        heard.append(argument)
        raise NotImplementedError

    assert (await _dial(office, "1001", "*98")).is_ended, "nobody answers for an action without a handler"
    desk = await talking(office)
    office.codes.handlers["listen"] = listen  # type: ignore[assignment]
    await _dial(office, "1001", "*811002")
    assert heard == ["1002"]
    assert not desk.call.is_over
