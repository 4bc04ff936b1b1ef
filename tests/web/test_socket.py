"""The WebSocket: who may do what, what is told to whom, and that a reconnecting client misses nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient

from softswitch.directory.model import Kind
from softswitch.directory.store import Action, Change
from softswitch.model.events import AlarmRaised, CallbackDue, SupervisionMode
from softswitch.model.states import Role
from softswitch.model.views import OfferView
from tests.web.conftest import Web, agent_view, call_view
from web.app import GUARD
from web.ws import socket, widget

Socket = ClientWebSocketResponse


async def ask(ws: Socket, kind: str, **more: Any) -> dict[str, Any]:
    """One request and its reply; events that come before it are dropped."""
    await ws.send_json({"id": 1, "type": kind, **more})
    while True:
        frame: dict[str, Any] = await ws.receive_json(timeout=5)
        if frame.get("re") == 1:
            return frame


async def event(ws: Socket) -> dict[str, Any]:
    found: dict[str, Any] = (await ws.receive_json(timeout=5))["event"]
    return found


async def connect(app: Web, login: str, query: str = "") -> tuple[Socket, dict[str, Any], Any]:
    client, _ = await app.client(login)
    ws = await client.ws_connect(f"/api/v1/ws{query}")
    return ws, await event(ws), client


async def test_hello_and_subscription(app: Web) -> None:
    ws, hello, _ = await connect(app, "li")
    assert hello["type"] == "hello" and hello["session"]["login"] == "li" and hello["resume"]
    reply = await ask(ws, "subscribe", topics=["agent"])
    assert reply["ok"]["agent"]["login"] == "li"
    assert ("connected", "li") in app.floor.orders
    await ws.close()


async def test_agents_hear_of_themselves_only(app: Web) -> None:
    ws, _, _ = await connect(app, "li")
    await ask(ws, "subscribe", topics=["agent"])
    app.floor.watchers["agent"](agent_view("wu", "ready"))
    app.floor.watchers["agent"](agent_view("li", "ready"))
    assert (await event(ws))["agent"]["login"] == "li"
    offer = OfferView(id="o1", call="c1", queue="sales", caller="138", caller_name="", called="400", wait_ms=5,
                      ring_timeout_ms=20000, made_at=1.0)  # fmt: skip
    app.floor.watchers["offer"]("wu", offer, "")
    app.floor.watchers["offer"]("li", offer, "")
    assert (await event(ws))["offer"]["id"] == "o1"
    app.calls.watcher(call_view("c7", "wu"))
    app.calls.watcher(call_view("c8", "li"))
    assert (await event(ws))["call"]["id"] == "c8"


async def test_the_board_is_for_leaders(app: Web) -> None:
    ws, _, _ = await connect(app, "li")
    assert (await ask(ws, "subscribe", topics=["board"]))["error"]["status"] == 403
    assert (await ask(ws, "monitor.set", call="c1", mode="listen"))["error"]["status"] == 403
    leader, _, _ = await connect(app, "wang")
    reply = await ask(leader, "subscribe", topics=["board", "calls"])
    assert {agent["login"] for agent in reply["ok"]["agents"]} == {"li", "wu"}
    app.services.bus.publish(AlarmRaised(code="disk", level="critical", text="full"))
    assert (await event(leader))["type"] == "alarm.raised"
    app.services.bus.publish(SupervisionMode(call="c1", actor="wang", mode="barge"))
    assert await event(leader) == {"type": "monitor.state", "call": "c1", "mode": "barge"}
    assert (await ask(leader, "monitor.set", call="c1", mode="whisper"))["ok"]["mode"] == "whisper"
    assert (await ask(leader, "offer.accept", offer="o1"))["error"]["status"] == 403


async def test_those_who_serve_the_queue_hear_that_a_callback_is_due(app: Web) -> None:
    li, _, _ = await connect(app, "li")
    leader, _, _ = await connect(app, "wang")
    await ask(li, "subscribe", topics=["agent"])
    await ask(leader, "subscribe", topics=["agent", "calls"])
    app.services.bus.publish(CallbackDue(queue="repair", callback="b1", number="13800138000"))
    app.services.bus.publish(CallbackDue(queue="sales", callback="b2", number="13800138000"))
    app.services.bus.publish(AlarmRaised(code="disk", level="critical", text="full"))
    assert await event(li) == {"type": "callback.due", "callback": "b2", "queue": "sales", "why": "due"}
    assert (await event(leader))["type"] == "alarm.raised", "serves no queue"


async def test_requests_reach_the_floor(app: Web) -> None:
    ws, _, _ = await connect(app, "li")
    assert (await ask(ws, "agent.state", state="ready"))["ok"]["state"] == "ready"
    assert (await ask(ws, "offer.accept", offer="o1"))["ok"] == {}
    assert (await ask(ws, "dtmf", digits="12#"))["ok"] == {}
    assert (await ask(ws, "call.dial", to="1002"))["ok"] == {"call": "c1"}
    orders = [order for order in app.floor.orders if order[0] != "connected"]
    assert orders == [
        ("state", "li", "ready", "", "li"),
        ("accept", "li", "o1"),
        ("press", "li", "12#"),
        ("dial", "li", "1002"),
    ]
    assert (await ask(ws, "wrapup.done"))["error"]["status"] == 409


@pytest.mark.parametrize(
    "frame", ["no json", "[]", '{"id":1}', '{"id":1,"type":"nonsense"}', '{"id":1,"type":"dtmf","digits":"x"}']
)
async def test_bad_frames_get_a_problem_and_the_socket_lives(app: Web, frame: str) -> None:
    ws, _, _ = await connect(app, "li")
    await ws.send_str(frame)
    assert (await ws.receive_json(timeout=5))["error"]["status"] == 400
    assert "ok" in await ask(ws, "subscribe", topics=["agent"])


async def test_a_lost_connection_resumes_without_a_gap(app: Web) -> None:
    ws, hello, client = await connect(app, "li")
    await ask(ws, "subscribe", topics=["agent"])
    await ws.close()
    app.floor.watchers["agent"](agent_view("li", "ready"))
    app.floor.watchers["agent"](agent_view("li", "wrap_up"))
    back = await client.ws_connect(f"/api/v1/ws?resume={hello['resume']}&after=1")
    assert [(await event(back))["agent"]["state"] for _ in range(2)] == ["ready", "wrap_up"]
    assert ("lost", "li") in app.floor.orders and app.floor.orders.count(("connected", "li")) == 2


async def test_a_second_connection_takes_over_one_that_is_dead_and_does_not_know(app: Web) -> None:
    dead, hello, client = await connect(app, "li")
    await ask(dead, "subscribe", topics=["agent"])
    app.floor.watchers["agent"](agent_view("li", "ready"))  # never read from the dead one
    back = await client.ws_connect(f"/api/v1/ws?resume={hello['resume']}&after=1")
    assert (await event(back))["agent"]["state"] == "ready", "missed, and told again"
    app.floor.watchers["agent"](agent_view("li", "wrap_up"))
    assert (await event(back))["agent"]["state"] == "wrap_up", "still subscribed"
    assert await ends(dead) == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    app.floor.watchers["agent"](agent_view("li", "ready"))
    assert (await event(back))["agent"]["state"] == "ready", "the end of the former connection parks nothing"
    assert ("lost", "li") not in app.floor.orders and app.floor.orders.count(("connected", "li")) == 1


async def test_a_stranger_takes_over_nothing(app: Web) -> None:
    ws, hello, _ = await connect(app, "li")
    await ask(ws, "subscribe", topics=["agent"])
    client, _ = await app.client("wu")
    other = await client.ws_connect(f"/api/v1/ws?resume={hello['resume']}&after=0")
    assert [(await event(other))["type"] for _ in range(2)] == ["resync", "hello"]
    app.floor.watchers["agent"](agent_view("li", "ready"))
    assert (await event(ws))["agent"]["state"] == "ready", "the owner keeps its connection"


async def test_a_client_that_reads_nothing_does_not_hold_the_end_up(app: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "CLOSE_TIMEOUT", 0.2)
    ws, _, _ = await connect(app, "li")
    await ask(ws, "subscribe", topics=["agent"])
    long = replace(agent_view("li", "ready"), name="x" * 20_000)
    for _ in range(600):  # more than both ends' buffers hold
        app.floor.watchers["agent"](long)
    async with asyncio.timeout(5):
        await socket.close_all(app.server.app)


async def test_an_unknown_resume_token_says_resync(app: Web) -> None:
    client, _ = await app.client("li")
    ws = await client.ws_connect("/api/v1/ws?resume=unknown&after=7")
    assert (await event(ws))["type"] == "resync"
    assert (await event(ws))["type"] == "hello"


async def test_a_resume_token_belongs_to_its_person(app: Web) -> None:
    ws, hello, _ = await connect(app, "li")
    await ws.close()
    client, _ = await app.client("wu")
    other = await client.ws_connect(f"/api/v1/ws?resume={hello['resume']}&after=0")
    assert (await event(other))["type"] == "resync"


async def test_strangers_and_other_sites_get_no_socket(app: Web) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await app.anonymous().ws_connect("/api/v1/ws")
    assert refused.value.status == 401
    client, _ = await app.client("li")
    with pytest.raises(aiohttp.WSServerHandshakeError) as crossed:
        await client.ws_connect("/api/v1/ws", headers={"Origin": "https://evil.example"})
    assert crossed.value.status == 403


async def test_a_widget_needs_its_own_origin(app: Web) -> None:
    path = "/api/v1/ws?token=flow:main|https://shop.example"
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await app.anonymous().ws_connect(path, headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403
    ws = await app.anonymous().ws_connect(path, headers={"Origin": "https://shop.example"})
    assert (await ask(ws, "subscribe", topics=["calls"]))["error"]["status"] == 400
    assert (await ask(ws, "dtmf", digits="1"))["error"]["status"] == 409


SHOP = {"Origin": "https://shop.example"}
WIDGET = "/api/v1/ws?token=flow:main|https://shop.example"


class Sound:
    """A visitor's media in one call."""

    def __init__(self) -> None:
        self.leg: object | None = object()

    async def offer(self, sdp: str) -> str:
        return f"answer to {sdp}"

    def close(self) -> None:
        self.leg = None


@pytest.fixture
async def visit(app: Web, monkeypatch: pytest.MonkeyPatch) -> tuple[Sound, TestClient[Any, Any], Socket, str]:
    """A visitor in a call: sound, browser, socket, resume token."""
    sound, client = Sound(), app.anonymous()
    monkeypatch.setattr(app.services.browsers, "widget", lambda: sound)
    ws = await client.ws_connect(WIDGET, headers=SHOP)
    started = (await ask(ws, "call.start", sdp="v=0"))["ok"]
    return sound, client, ws, started["resume"]


Visit = tuple[Sound, TestClient[Any, Any], Socket, str]


async def lose(ws: Socket) -> None:
    """The network goes away: no close frame."""
    assert ws._response.connection is not None and ws._response.connection.transport is not None
    ws._response.connection.transport.abort()
    await asyncio.sleep(0.1)  # until the server has seen it


async def test_a_visitor_whose_connection_is_lost_comes_back_to_the_call(app: Web, visit: Visit) -> None:
    sound, client, ws, resume = visit
    await lose(ws)
    assert sound.leg is not None, "the call goes on"
    app.calls.watcher(replace(call_view("c9", ""), state="talking"))
    back = await client.ws_connect(f"{WIDGET}&resume={resume}&after=0", headers=SHOP)
    assert (await event(back))["state"] == "talking", "told although nobody was there"
    assert (await ask(back, "media.offer", sdp="restart"))["ok"] == {"sdp": "answer to restart"}
    assert [order[0] for order in app.calls.orders] == ["widget"]
    await back.close()
    await asyncio.sleep(0.1)
    assert sound.leg is None, "who closes the connection leaves"


async def test_a_visitor_takes_over_a_connection_that_is_dead_and_does_not_know(app: Web, visit: Visit) -> None:
    sound, client, ws, resume = visit
    back = await client.ws_connect(f"{WIDGET}&resume={resume}&after=0", headers=SHOP)
    assert await ends(ws) == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    assert sound.leg is not None
    assert "ok" in await ask(back, "media.offer", sdp="restart")


async def test_another_site_takes_over_no_call(app: Web, visit: Visit) -> None:
    sound, client, _, resume = visit
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(f"{WIDGET}&resume={resume}", headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403 and sound.leg is not None


async def test_a_visitor_who_stays_away_is_gone(app: Web, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widget, "ABSENCE", 0.05)
    sound, client, ws, resume = visit
    await lose(ws)
    await asyncio.sleep(0.1)
    assert sound.leg is None
    late = await client.ws_connect(f"{WIDGET}&resume={resume}&after=0", headers=SHOP)
    assert (await event(late))["type"] == "resync"


async def test_a_socket_that_outlives_its_token_starts_no_call(app: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = await app.anonymous().ws_connect(WIDGET, headers=SHOP)
    assert (await ask(ws, "call.start", sdp="v=0", to="queue:vip"))["error"]["status"] == 403
    monkeypatch.setattr(app.services.clicks, "expired", True)
    assert (await ask(ws, "call.start", sdp="v=0"))["error"]["status"] == 403
    assert app.calls.orders == []


async def test_what_a_client_makes_the_server_repeat_is_short(app: Web) -> None:
    ws, _, _ = await connect(app, "li")
    for bad in ('{"id": "' + "x" * 65 + '", "type": "dtmf"}', '{"id": [], "type": "dtmf"}', "[" * 100_000, '{"type": "dtmf"}'):
        await ws.send_str(bad)
        frame = await ws.receive_json(timeout=5)
        assert (frame["re"], frame["error"]["status"]) == (None, 400)
    assert (await ask(ws, "subscribe", topics=["agent"]))["ok"]


async def ends(ws: Socket) -> int | None:
    """The close code; frames that come before it are dropped."""
    async for _ in ws:
        pass
    return ws.close_code


@pytest.mark.parametrize("how", ["disabled", "password", "signed out", "role"])
async def test_a_socket_ends_with_the_right_to_have_it(app: Web, how: str) -> None:
    closed: list[str] = []
    app.services.browsers.close = closed.append  # type: ignore[method-assign, assignment]
    ws, _, client = await connect(app, "li")
    other, _, _ = await connect(app, "wu")
    guard, users = app.server.app[GUARD], app.services.users
    await guard.look()
    assert (await ask(ws, "subscribe", topics=["agent"]))["ok"]
    if how == "disabled":
        await users.disable("li", "root")
    elif how == "password":
        await users.set_password("li", "a new password")
    elif how == "role":
        user = replace(users.user("li"), role=Role.SUPERVISOR)
        await app.services.directory.change([Change(Action.UPDATE, Kind.USER, "li", user, ("role",))], "root")
    else:
        session = await (await client.get("/api/v1/auth/session")).json()
        await client.delete("/api/v1/auth/session", headers={"X-CSRF-Token": session["csrf"]})
    await guard.look()
    assert await ends(ws) == 4401
    assert closed == ["li"]  # no call goes on at a page that is signed out
    assert (await ask(other, "subscribe", topics=["agent"]))["ok"]


async def test_a_revoked_token_loses_its_socket(app: Web) -> None:
    headers = await app.program(Role.ADMINISTRATOR)
    ws = await app.anonymous().ws_connect("/api/v1/ws", headers=headers)
    (token,) = app.services.users.tokens()
    await app.server.app[GUARD].look()
    assert (await ask(ws, "subscribe", topics=["board"]))["ok"]
    await app.services.users.revoke_token(token.name, "root")
    await app.server.app[GUARD].look()
    assert await ends(ws) == 4401
