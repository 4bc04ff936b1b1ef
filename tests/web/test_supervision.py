"""Supervision, help and messages over HTTP and WebSocket: who may, whose device, what others are told."""

from __future__ import annotations

from softswitch.model.states import Role
from tests.web.conftest import Web, call_view
from tests.web.test_socket import ask, connect, event

API = "/api/v1"


async def test_an_agent_supervises_nobody(app: Web) -> None:
    agent, csrf = await app.client("li")
    for method, path, body in (
        ("put", "/calls/c1/monitor", {"mode": "listen"}), ("put", "/agents/wu/monitor", {"mode": "listen"}),
        ("post", "/monitor", {"mode": "listen"}), ("post", "/calls/c1/intercept", {}),
        ("delete", "/calls/c1/participants/p1", {"reason": "x"}), ("post", "/messages", {"to": "all", "text": "x"}),
        ("put", "/help/wu", {}),
    ):  # fmt: skip
        reply = await getattr(agent, method)(API + path, json=body, headers=csrf)
        assert reply.status == 403, path
    assert app.calls.orders == []


async def test_orders_name_device_and_actor(app: Web) -> None:
    app.calls.views = {"c1": call_view("c1", "li")}
    leader, csrf = await app.client("wang")
    view = await (
        await leader.put(f"{API}/agents/li/monitor", json={"mode": "whisper", "device": "extension:1"}, headers=csrf)
    ).json()
    assert (view["supervisor"], view["mode"], view["device"], view["follow"]) == ("wang", "whisper", "extension:1", "agent")
    assert (await leader.post(f"{API}/calls/c1/intercept", json={}, headers=csrf)).status == 204
    assert (await leader.delete(f"{API}/calls/c1/participants/p1", json={}, headers=csrf)).status == 400
    assert (await leader.delete(f"{API}/calls/c1/participants/p1", json={"reason": "abuse"}, headers=csrf)).status == 204
    assert app.calls.orders[-2:] == [("intercept", "c1", "wang", "wang", "browser"), ("release", "c1", "p1", "abuse", "wang")]
    program = await app.program(Role.API)
    http = app.anonymous()
    assert (await http.post(f"{API}/calls/c1/intercept", json={}, headers=program)).status == 422
    body = {"supervisor": "wang", "device": "extension:1"}
    assert (await http.post(f"{API}/calls/c1/intercept", json=body, headers=program)).status == 204
    assert app.calls.orders[-1][2:] == ("wang", "token:api-0", "extension:1")
    assert (await leader.delete(f"{API}/monitor", headers=csrf)).status == 200


async def test_help_reaches_the_leaders_and_comes(app: Web) -> None:
    agent, _, _ = await connect(app, "li")
    await ask(agent, "subscribe", topics=["agent"])
    leader, _, _ = await connect(app, "wang")
    await ask(leader, "subscribe", topics=["board"])
    assert (await ask(agent, "help.ask"))["ok"] == {"state": "asked"}
    assert await event(leader) == {"type": "help", "agent": "li", "state": "asked", "supervisor": None}
    client, csrf = await app.client("wang")
    assert [one["state"] for one in (await (await client.get(f"{API}/help")).json())["items"]] == ["asked"]
    accepted = await client.put(f"{API}/help/li", json={"state": "accepted"}, headers=csrf)
    assert (await accepted.json())["mode"] == "whisper"
    assert app.calls.orders[-1][0] == "monitor"
    assert (await event(agent))["supervisor"] == "wang"
    assert (await client.put(f"{API}/help/li", json={}, headers=csrf)).status == 409


async def test_a_message_reaches_the_pages_of_whom_it_names(app: Web) -> None:
    li, _, _ = await connect(app, "li")
    wu, _, _ = await connect(app, "wu")
    for ws in (li, wu):
        await ask(ws, "subscribe", topics=["agent"])
    client, csrf = await app.client("wang")
    sent = await client.post(f"{API}/messages", json={"to": "agent:wu", "text": "for wu"}, headers=csrf)
    assert await sent.json() == {"people": 1}
    await client.post(f"{API}/messages", json={"to": "all", "text": "for all"}, headers=csrf)
    assert [(await event(wu))["text"] for _ in range(2)] == ["for wu", "for all"]
    first = await event(li)
    assert (first["type"], first["from"], first["text"]) == ("agent.message", "wang", "for all")
    assert (await client.post(f"{API}/messages", json={"to": "somebody", "text": "x"}, headers=csrf)).status == 422
    assert (await client.post(f"{API}/messages", json={"to": "agent:none", "text": "x"}, headers=csrf)).status == 404
