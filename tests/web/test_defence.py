"""Bans and tolls over REST: what the page of the defence does, and who may do it."""

from __future__ import annotations

import pytest

from softswitch.defence.rules import TollRules
from softswitch.defence.tolls import TollGuard
from softswitch.model.destination import Destination
from softswitch.model.states import Role
from tests.web.conftest import Web
from tests.web.test_queues import send


async def test_a_source_is_banned_and_let_in_again_with_a_reason(app: Web) -> None:
    status, made = await send(app, "POST", "/bans", source="203.0.113.7", seconds=600, reason="scans us")
    assert (status, made["source"], made["reason"]) == (201, "203.0.113.7", "scans us")
    status, listed = await send(app, "GET", "/bans")
    assert ([ban["source"] for ban in listed["items"]], listed["never"]) == (["203.0.113.7"], [])
    assert (await send(app, "DELETE", "/bans/203.0.113.7?reason=a+mistake"))[0] == 204
    assert (await send(app, "DELETE", "/bans/203.0.113.7"))[0] == 404
    assert (await send(app, "POST", "/bans", Role.AGENT, source="203.0.113.7"))[0] == 403


@pytest.mark.acceptance("SEC-5")
async def test_a_country_is_approved_and_refused(app: Web) -> None:
    guard = app.services.part(TollGuard)
    guard.rules = TollRules(hold=True)
    number = Destination.parse("outside:0023422123456")
    assert guard.may("extension:1001", number) == "new country"
    _, tolls = await send(app, "GET", "/tolls")
    (toll,) = tolls["items"]
    assert (toll["account"], toll["held"][0]["country"], toll["countries"]) == ("extension:1001", "234", [])
    path = "/tolls/extension:1001/countries"
    assert (await send(app, "POST", path, Role.AGENT, country="234"))[0] == 403
    assert (await send(app, "POST", path, country="x"))[0] == 400
    assert (await send(app, "POST", path, country="234"))[0] == 204
    assert guard.may("extension:1001", number) == ""
    assert (await send(app, "DELETE", f"{path}/234"))[0] == 204
    assert (await send(app, "DELETE", f"{path}/44"))[0] == 404
    assert guard.may("extension:1001", number) == "new country"
    assert (await send(app, "DELETE", "/tolls/extension:1001"))[0] == 204
