"""Alarms and the reserve over REST: who sees them, who takes care, who comes."""

from __future__ import annotations

from softswitch.directory.model import Kind, ReserveTier
from softswitch.directory.store import Action, Change
from softswitch.model.states import Role
from tests.web.conftest import Web

API = "/api/v1"


async def test_an_alarm_is_seen_explained_and_taken_care_of(app: Web) -> None:
    app.services.alarms.raise_("trunk_down", "major", "Trunk a is down", "trunk:a")
    app.services.alarms.raise_("loop_lag", "warning", "late")
    wang, headers = await app.client("wang")
    items = (await (await wang.get(f"{API}/alarms")).json())["items"]
    alarm = next(item for item in items if item["code"] == "trunk_down")
    assert (alarm["level"], alarm["object"], alarm["title"]["zh"]) == ("major", "trunk:a", "中继中断") and alarm["guide"]["en"]
    assert len((await (await wang.get(f"{API}/alarms?level=warning")).json())["items"]) == 1
    reply = await wang.post(f"{API}/alarms/{alarm['id']}/ack", json={"note": "I call them"}, headers=headers)
    assert (await reply.json())["acked_by"] == "wang"
    root, root_headers = await app.client("root")
    assert (await root.post(f"{API}/alarms/{alarm['id']}/ack", json={}, headers=root_headers)).status == 409
    assert (await root.post(f"{API}/alarms/none/ack", json={}, headers=root_headers)).status == 404
    li, _ = await app.client("li")
    assert (await li.get(f"{API}/alarms")).status == 403
    auditor = await app.program(Role.AUDITOR)
    assert (await app.anonymous().get(f"{API}/alarms?state=all", headers=auditor)).status == 200
    assert (await app.anonymous().post(f"{API}/alarms/{alarm['id']}/ack", json={}, headers=auditor)).status == 403


async def test_the_reserve_is_called_comes_and_goes(app: Web) -> None:
    tier = ReserveTier(name="t", step=1, queue="sales", members=("li", "wu"))
    await app.services.directory.change([Change(Action.CREATE, Kind.RESERVE_TIER, "t", tier)], "tests")
    wang, headers = await app.client("wang")
    li, li_headers = await app.client("li")
    assert (await (await li.get(f"{API}/reserve")).json())["items"] == []
    called = await (await wang.post(f"{API}/reserve/sales/call", json={}, headers=headers)).json()
    assert (called["step"], [person["login"] for person in called["people"]]) == (1, ["li"])
    assert [item["queue"] for item in (await (await li.get(f"{API}/reserve")).json())["items"]] == ["sales"]
    assert (await li.post(f"{API}/reserve/sales/call", json={}, headers=li_headers)).status == 403
    came = await (await li.post(f"{API}/reserve/sales/ack", headers=li_headers)).json()
    assert came["people"][0]["state"] == "came"
    assert (await wang.post(f"{API}/reserve/sales/ack", headers=headers)).status == 409, "not called"
    released = await (await wang.post(f"{API}/reserve/sales/release", headers=headers)).json()
    assert (released["step"], released["people"]) == (0, [])
    assert (await wang.post(f"{API}/reserve/sales/release", headers=headers)).status == 409
    assert (await wang.post(f"{API}/reserve/none/call", json={}, headers=headers)).status == 404
