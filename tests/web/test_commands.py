"""Orders about calls and agents over HTTP and WebSocket: who may, what reaches the floor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from softswitch.model.states import Role
from softswitch.model.views import ParticipantView
from tests.web.conftest import Web, call_view
from tests.web.test_socket import ask, connect

API = "/api/v1"


@pytest.mark.parametrize(
    ("request_", "command", "values"),
    [
        ("call.mute", "mute", {}), ("call.unmute", "unmute", {}), ("call.consult", "consult", {"to": "1001"}),
        ("consult.complete", "consult_complete", {}), ("consult.merge", "consult_merge", {}),
        ("consult.cancel", "consult_cancel", {}), ("call.transfer", "transfer", {"to": "queue:sales", "data": None}),
        ("call.invite", "invite", {"to": "0123"}), ("call.remove", "remove", {"participant": "p1"}),
        ("call.park", "park", {"slot": ""}), ("call.pickup", "pickup", {"slot": "701", "call": "", "agent": ""}),
        ("call.record", "record", {"action": "pause"}), ("call.data", "data", {"values": {"order": "7"}}),
    ],
)  # fmt: skip
async def test_each_request_of_a_page_is_one_order_of_the_floor(
    app: Web, request_: str, command: str, values: dict[str, object]
) -> None:
    ws, _, _ = await connect(app, "li")
    reply = await ask(ws, request_, **{name: value for name, value in values.items() if value})
    assert reply["ok"]["call"] == "c1"
    assert app.floor.orders[-1] == ("act", "li", command, values, "")


async def test_station_wrap_up_and_picking(app: Web) -> None:
    ws, _, _ = await connect(app, "li")
    assert (await ask(ws, "agent.station", station="extension:1001"))["ok"]["login"] == "li"
    await ask(ws, "wrapup.start")
    await ask(ws, "wrapup.extend", reason="notes")
    await ask(ws, "queue.pick", call="c7")
    assert app.floor.orders[-4:] == [
        ("station", "li", "extension:1001"), ("wrap_up", "li", "start", (), ""), ("wrap_up", "li", "extend", (), "notes"),
        ("pick", "li", "c7"),
    ]  # fmt: skip


async def test_an_agent_acts_in_calls_that_it_is_in(app: Web) -> None:
    zhao = ParticipantView(id="l2", party="agent:wu", role="consulted", state="talking")
    app.calls.views = {"c1": replace(call_view("c1", "li"), participants=(zhao,)), "c2": call_view("c2", "zhou")}
    client, csrf = await app.client("wu")
    reply = await client.post(f"{API}/calls/c1/commands", json={"command": "mute"}, headers=csrf)
    assert reply.status == 200
    assert app.floor.orders[-1][:3] == ("act_in", "c1", "mute")
    assert app.floor.orders[-1][-1] == "wu"
    assert (await client.post(f"{API}/calls/c2/commands", json={"command": "mute"}, headers=csrf)).status == 403
    assert (await client.post(f"{API}/calls/c9/commands", json={"command": "mute"}, headers=csrf)).status == 404
    assert (await client.post(f"{API}/agents/li/commands", json={"command": "hold"}, headers=csrf)).status == 403
    assert (await client.post(f"{API}/agents/wu/commands", json={"command": "hold"}, headers=csrf)).status == 200


async def test_a_program_acts_for_the_agent_of_a_call(app: Web) -> None:
    app.calls.views = {"c1": call_view("c1", "li")}
    http, headers = app.anonymous(), await app.program(Role.API)
    body = {"command": "transfer", "to": "queue:sales", "data": {"reason": "billing"}}
    assert (await http.post(f"{API}/calls/c1/commands", json=body, headers=headers)).status == 200
    name, call, command, values, _, agent = app.floor.orders[-1]
    assert (name, call, command, values["to"], values["data"], agent) == (
        "act_in", "c1", "transfer", "queue:sales", {"reason": "billing"}, "",
    )  # fmt: skip
    assert (await http.post(f"{API}/calls/c1/commands", json={"command": "explode"}, headers=headers)).status == 400


async def test_skills_of_the_day_are_for_leaders(app: Web) -> None:
    agent, csrf = await app.client("li")
    assert (await agent.put(f"{API}/agents/li/skills", json={"skills": {"vip": 80}}, headers=csrf)).status == 403
    leader, csrf = await app.client("wang")
    assert (await leader.put(f"{API}/agents/li/skills", json={"skills": {"vip": 180}}, headers=csrf)).status == 422
    assert (await leader.put(f"{API}/agents/li/skills", json={"skills": {"vip": 80}}, headers=csrf)).status == 200
    assert app.floor.orders[-1] == ("skills", "li", {"vip": 80}, None, 0.0, "wang")


async def test_an_agents_day(app: Web) -> None:
    agent, _ = await app.client("li")
    figures = await (await agent.get(f"{API}/agents/li/statistics")).json()
    assert (figures["login"], figures["today"]["answered"]) == ("li", 0)
    assert (await agent.get(f"{API}/agents/wu/statistics")).status == 403
