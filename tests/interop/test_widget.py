"""aiortc as a second WebRTC client calls what the click-to-call widget calls."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.support.audio import rms_db
from tests.support.flows import MENU_TO_SALES
from tests.support.switch import ApiError, Switch, wait_for
from tests.support.web_client import WebClient

APPLY = (
    """
[[queue]]
name = "sales"
announce = "none"
wrap_up = 0
[[agent]]
login = "li"
queues = ["sales"]
"""
    + MENU_TO_SALES
)
ORIGIN = "https://shop.example"
TONES = {"customer": 440.0, "agent": 900.0}


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_widget_to_menu_to_queue_to_agent(tmp_path: Path, codec: str) -> None:
    with Switch(tmp_path, APPLY) as switch:
        token = switch.api("POST", "/click-to-call/tokens", {"to": "flow:main", "origin": ORIGIN})["token"]
        async with (
            WebClient(switch, "li", TONES["agent"]) as agent,
            WebClient(switch, hertz=TONES["customer"], token=token, origin=ORIGIN, codec=codec) as customer,
        ):
            await agent.start_work()
            context = {"page": "https://shop.example/tv?id=7", "title": "Television", "product": "TV-7"}
            await customer.connect_media("call.start", context=context, name="Ms Wu")
            await asyncio.sleep(1.5)
            assert rms_db(customer.audio(1.0)) > -40, "the greeting is heard"
            await customer.ask("dtmf", digits="1")
            offer = (await agent.event("offer.made"))["offer"]
            assert offer["context"]["page"] == context["page"] and offer["context"]["product"] == "TV-7"
            await agent.ask("offer.accept", offer=offer["id"])
            await customer.event("call.state", state="talking")
            await asyncio.sleep(1.5)
            assert customer.hears(TONES) == {"agent"} and agent.hears(TONES) == {"customer"}

            await agent.ask("call.hold")
            await asyncio.sleep(1.0)
            assert "agent" not in customer.hears(TONES) and rms_db(customer.audio(0.6)) > -50, "music while held"
            assert "customer" not in agent.hears(TONES)
            await agent.ask("call.resume")
            await asyncio.sleep(1.0)
            assert customer.hears(TONES) == {"agent"} and agent.hears(TONES) == {"customer"}

            await customer.ask("call.hangup")
            await agent.event("agent.state")
        call = await asyncio.to_thread(lambda: switch.ended_calls()[0])
        assert (call["source"], call["result"], call["who"], call["agent"]) == ("widget", "answered", "caller", "li")
        assert call["hold_ms"] >= 800 and call["context"]["product"] == "TV-7"


async def test_a_token_is_bound_to_its_origin(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch:
        token = switch.api("POST", "/click-to-call/tokens", {"to": "flow:main", "origin": ORIGIN})["token"]
        for given, origin in ((token, "https://evil.example"), (token[:-2] + "xx", ORIGIN), ("", ORIGIN)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with WebClient(switch, token=given, origin=origin):
                    pass
            assert refused.value.status == 403
        with pytest.raises(ApiError) as nowhere:
            switch.api("POST", "/click-to-call/tokens", {"to": "outside:0013105551234", "origin": ORIGIN})
        assert nowhere.value.status == 422


async def test_a_vanished_customer_ends_the_call(tmp_path: Path) -> None:
    with Switch(tmp_path, APPLY) as switch:
        token = switch.api("POST", "/click-to-call/tokens", {"to": "queue:sales", "origin": ORIGIN})["token"]
        async with WebClient(switch, token=token, origin=ORIGIN) as customer:
            await customer.connect_media("call.start", context={})
            await asyncio.to_thread(wait_for, lambda: switch.api("GET", "/queues/sales")["waiting"] == 1, 10)
        call = await asyncio.to_thread(lambda: switch.ended_calls()[0])
        assert call["result"] == "abandoned"
