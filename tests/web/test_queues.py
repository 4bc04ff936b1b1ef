"""Queues, callbacks, lists and calendars over REST: who may, what comes back, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from softswitch.acd import commands as c
from softswitch.acd.service import AcdService
from softswitch.directory.centre import Calendar
from softswitch.directory.model import Kind, Queue, Route
from softswitch.directory.store import Action, Change
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.states import Role
from softswitch.store.rows import event_values
from softswitch.store.tables import journal
from tests.web.conftest import Web

API = "/api/v1"


@pytest.fixture
async def centre(app: Web) -> Web:
    """Queue sales with its calendar; 138… and 139… can be dialled."""
    changes = [
        Change(Action.CREATE, Kind.QUEUE, "sales", Queue(name="sales", calendar="office")),
        Change(Action.CREATE, Kind.QUEUE, "gold", Queue(name="gold")),
        Change(Action.CREATE, Kind.CALENDAR, "office", Calendar(name="office", open=("Mon-Fri 09:00-17:59",), holidays="cn")),
        Change(Action.CREATE, Kind.ROUTE, "13*", Route(pattern="13*", trunks=())),
    ]
    await app.services.directory.change(changes, "tests")
    return app


async def send(app: Web, method: str, path: str, role: Role = Role.ADMINISTRATOR, **json: Any) -> tuple[int, Any]:
    """As a program or, for other roles, with a token of that role."""
    reply = await app.anonymous().request(method, API + path, headers=await app.program(role), json=json or None)
    return reply.status, await reply.json() if reply.content_type.endswith("json") else None


async def test_callback_from_the_page_to_the_list_and_out_of_it(centre: Web) -> None:
    status, made = await send(
        centre, "POST", "/callbacks", queue="sales", number="13800138000", note="回电", at="2030-01-01T10:00:00+08:00"
    )
    assert (status, made["state"], made["source"]) == (201, "scheduled", "page")
    status, _ = await send(centre, "POST", "/callbacks", queue="sales", number="+8613800138000")
    assert status == 409
    status, _ = await send(centre, "POST", "/callbacks", queue="sales", number="95588")
    assert status == 422
    assert (await send(centre, "PUT", f"/callbacks/{made['id']}", agent="nobody"))[0] == 422
    assert (await send(centre, "POST", "/callbacks", queue="sales", number="13900139000", agent="nobody"))[0] == 422
    assert (await send(centre, "PUT", f"/callbacks/{made['id']}", note="a\0b"))[0] == 400, "PostgreSQL stores no such text"
    assert (await send(centre, "GET", "/callbacks?number=%00"))[0] == 400
    status, changed = await send(centre, "PUT", f"/callbacks/{made['id']}", agent="li", at="2030-01-02T10:00:00+08:00")
    assert (changed["agent"], changed["scheduled"]) == ("li", "2030-01-02T02:00:00.000Z")
    status, listed = await send(centre, "GET", "/callbacks?state=open&queue=sales")
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    status, _ = await send(centre, "DELETE", f"/callbacks/{made['id']}")
    assert status == 204
    status, listed = await send(centre, "GET", "/callbacks?state=cancelled")
    assert [item["state"] for item in listed["items"]] == ["cancelled"]
    assert (await send(centre, "DELETE", f"/callbacks/{made['id']}"))[0] == 404


async def test_agent_sees_the_callbacks_of_its_queues(centre: Web) -> None:
    await send(centre, "POST", "/callbacks", queue="sales", number="13800138000", at="2030-01-01T10:00:00+08:00")
    _, other = await send(centre, "POST", "/callbacks", queue="gold", number="13800138000", at="2030-01-01T10:00:00+08:00")
    client, headers = await centre.client("li")
    listed = await (await client.get(f"{API}/callbacks")).json()
    assert [item["queue"] for item in listed["items"]] == ["sales"]
    assert (await client.delete(f"{API}/callbacks/{other['id']}", headers=headers)).status == 404


async def test_an_agent_proposes_and_a_supervisor_approves(centre: Web) -> None:
    client, headers = await centre.client("li")
    body = {
        "kind": "black",
        "pattern": "13800138000",
        "action": "busy",
        "reason": "骚扰",
        "expires": "2030-01-01T00:00:00+08:00",
    }
    proposed = await (await client.post(f"{API}/lists", json=body, headers=headers)).json()
    assert (proposed["approved"], proposed["proposer"], proposed["expires"]) == (False, "li", "2029-12-31T16:00:00.000Z")
    assert (await client.put(f"{API}/lists/{proposed['id']}", json={"approved": True}, headers=headers)).status == 403
    assert (await client.delete(f"{API}/lists/{proposed['id']}", headers=headers)).status == 403
    boss, theirs = await centre.client("wang")
    approved = await (await boss.put(f"{API}/lists/{proposed['id']}", json={"approved": True}, headers=theirs)).json()
    assert (approved["approved"], approved["approver"]) == (True, "wang")
    assert (await (await boss.get(f"{API}/lists?kind=vip")).json())["items"] == []
    assert (await boss.post(f"{API}/lists", json={**body, "action": "shoot"}, headers=theirs)).status == 400
    assert (await boss.delete(f"{API}/lists/{proposed['id']}", headers=theirs)).status == 204


async def test_days_of_a_calendar(centre: Web) -> None:
    day = "/calendars/office/days/2026-11-23"
    status, put = await send(centre, "PUT", day, kind="special", open=["10:00-11:59"], title="培训")
    assert (status, put["shipped"]) == (200, False)
    _, state = await send(centre, "GET", "/calendars/office/state?at=2026-11-23T09:30:00%2B08:00")
    assert (state["open"], state["why"], state["title"], state["until"]) == (
        False,
        "special",
        "培训",
        "2026-11-23T02:00:00.000Z",
    )
    _, listed = await send(centre, "GET", "/calendars/office/days?year=2026")
    assert {"2026-11-23", "2026-10-01"} < {item["date"] for item in listed["items"]}
    assert (await send(centre, "PUT", day, kind="special"))[0] == 422
    assert (await send(centre, "PUT", "/calendars/office/days/yesterday", kind="holiday"))[0] == 422
    assert (await send(centre, "PUT", "/calendars/none/days/2026-11-23", kind="holiday"))[0] == 404
    assert (await send(centre, "DELETE", day))[0] == 204
    assert (await send(centre, "DELETE", day))[0] == 404
    client, headers = await centre.client("li")
    assert (await client.put(API + day, json={"kind": "holiday"}, headers=headers)).status == 403


async def test_waiting_call_is_ranked_and_only_its_own_queue_knows_it(centre: Web) -> None:
    acd = centre.services.part(AcdService)
    for visit in ("v1", "v2"):
        acd.welcome(_Guest(visit))
        acd.submit(c.Enqueue(visit, f"c-{visit}", "sales"))
    status, _ = await send(centre, "PUT", "/queues/sales/calls/c-v2", front=True)
    assert status == 204
    assert [visit.id for visit in acd.core.state.waiting["sales"]] == ["v2", "v1"]
    assert (await send(centre, "PUT", "/queues/gold/calls/c-v2", front=True))[0] == 404
    assert (await send(centre, "PUT", "/queues/sales/calls/c-v2"))[0] in (400, 415, 422)
    assert (await send(centre, "PUT", "/queues/sales/calls/c-v2", queue="nowhere"))[0] == 404
    client, headers = await centre.client("li")
    assert (await client.put(f"{API}/queues/sales/calls/c-v2", json={"front": True}, headers=headers)).status == 403


async def test_agent_picks_for_itself_alone(centre: Web) -> None:
    acd = centre.services.part(AcdService)
    acd.welcome(_Guest("v1"))
    acd.submit(c.Enqueue("v1", "c1", "sales"))
    acd.submit(c.Login("li", "extension:1001"))
    acd.submit(c.DeviceChanged("li", reachable=True))
    client, headers = await centre.client("li")
    other = await client.post(f"{API}/queues/sales/calls/c1/pick", json={"agent": "wu"}, headers=headers)
    assert other.status == 403
    assert (await client.post(f"{API}/queues/sales/calls/none/pick", json={}, headers=headers)).status == 404
    assert (await client.post(f"{API}/queues/sales/calls/c1/pick", json={}, headers=headers)).status == 204
    assert [offer.agent for offer in acd.core.state.offers.values()] == ["li"]


async def test_why_a_call_waited_is_told_from_its_timeline(centre: Web) -> None:
    def at(seconds: float) -> dict[str, Any]:
        return {"call": "c9", "queue": "sales", "at": 1_700_000_000.0 + seconds}

    events: list[ev.Event] = [
        ev.CallCreated(call="c9", at=1_700_000_000.0, seq=1, direction="in", caller="138", called="400", source="sip"),
        ev.QueueEntered(**at(0), seq=2, visit="v1", position=1, importance=20),
        ev.AcdDecision(**at(12), seq=3, visit="v1", strategy="longest_idle", candidates=("li",), keys={"li": -35.0},
                       chosen="li", excluded={"wu": "talking"}, offer="o1", agent="li"),
        ev.OfferMade(**at(12), seq=4, offer="o1", visit="v1", agent="li"),
        ev.OfferAnswered(**at(15), seq=5, offer="o1", agent="li", ring_ms=3000),
        ev.QueueLeft(**at(15), seq=6, visit="v1", result="answered", wait_ms=15_000, agent="li"),
    ]  # fmt: skip
    await _store(centre, events)
    _, found = await send(centre, "GET", "/calls/c9/routing")
    visit = found["visits"][0]
    assert (visit["result"], visit["wait_ms"]) == ("answered", 15_000)
    decision = visit["decisions"][0]
    assert decision["candidates"] == [{"agent": "li", "key": -35.0}]
    assert decision["excluded"] == [{"agent": "wu", "why": "talking"}]
    assert (decision["result"], decision["ring_ms"]) == ("answered", 3000)
    assert "Agent li answered after ringing for 3 s." in [text["en"] for text in visit["text"]]
    assert "未被考虑的座席：通话中 1 人。" in [text["zh"] for text in visit["text"]]
    client, _ = await centre.client("li")
    assert (await client.get(f"{API}/calls/c9/routing")).status == 200
    stranger, _ = await centre.client("wu")
    assert (await stranger.get(f"{API}/calls/c9/routing")).status == 403
    assert (await send(centre, "GET", "/calls/none/routing"))[0] == 404


async def _store(app: Web, events: list[ev.Event]) -> None:
    names = ("call", "seq", "type", "at", "data")
    rows = [dict(zip(names, event_values(event), strict=True)) for event in events]
    await app.services.store.write(lambda connection: connection.execute(insert(journal), rows))


class _Guest:
    """Somebody in line whom nobody rings."""

    channel, rule = "voice", ""

    def __init__(self, visit: str) -> None:
        self.visit = visit
        self.facts = LegFacts(inbound=True, kind=PartyKind.TRUNK, party="carrier", caller="138")

    def tell(self, event: ev.Event) -> None:
        """Nothing is done about it."""

    def offer_over(self, offer: str) -> None:
        """Nothing rings."""
