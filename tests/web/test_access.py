"""Every route checks the role on the server; people need the CSRF token; errors are problem documents."""

from __future__ import annotations

import json
import re

import pytest

from softswitch.model.states import Role
from tests.web.conftest import LOGINS, Web, call_view
from web.api import ROUTES
from web.routing import API, Route

BY_ROLE = {role: login for login, role in LOGINS.items()}


def url(route: Route) -> str:
    return API + re.sub(r"{\w+}", "li", route.path)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_each_route_refuses_other_roles(app: Web, route: Route) -> None:
    if route.roles is None:
        return
    anonymous = await app.anonymous().request(route.method, url(route))
    assert anonymous.status == 401
    assert anonymous.content_type == "application/problem+json"
    for role in Role:
        headers = await app.program(role)
        reply = await app.anonymous().request(route.method, url(route), headers=headers)
        assert (reply.status == 403) == (role not in route.roles) or reply.status in (403, 404), f"{role}: {reply.status}"
        if role not in route.roles:
            assert reply.status == 403


async def test_people_need_the_csrf_token(app: Web) -> None:
    client, headers = await app.client("li")
    body = {"state": "ready"}
    assert (await client.put("/api/v1/agents/li/state", json=body)).status == 403
    assert (await client.put("/api/v1/agents/li/state", json=body, headers={"X-CSRF-Token": "0" * 64})).status == 403
    assert (await client.put("/api/v1/agents/li/state", json=body, headers=headers)).status == 200


async def test_agents_act_for_themselves_only(app: Web) -> None:
    client, headers = await app.client("li")
    assert (await client.put("/api/v1/agents/wu/state", json={"state": "ready"}, headers=headers)).status == 403
    assert (await client.get("/api/v1/agents/wu")).status == 403
    assert (await client.get("/api/v1/calls?agent=wu")).status == 403


async def test_agents_see_their_own_calls_only(app: Web) -> None:
    app.calls.views = {"c1": call_view("c1", "li"), "c2": call_view("c2", "wu")}
    client, _ = await app.client("li")
    items = (await (await client.get("/api/v1/calls?state=live")).json())["items"]
    assert [item["id"] for item in items] == ["c1"]
    assert (await client.get("/api/v1/calls/c2")).status == 404
    leader, _ = await app.client("wang")
    assert len((await (await leader.get("/api/v1/calls?state=live")).json())["items"]) == 2


async def test_a_link_works_once_and_the_cookie_is_guarded(app: Web) -> None:
    code = await app.services.users.make_link("li")
    first = await app.anonymous().post("/api/v1/auth/link", json={"code": code})
    assert first.status == 200
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    second = await app.anonymous().post("/api/v1/auth/link", json={"code": code})
    assert second.status == 403


async def test_signing_out_ends_the_session(app: Web) -> None:
    client, headers = await app.client("li")
    assert (await client.get("/api/v1/auth/session")).status == 200
    assert (await client.delete("/api/v1/auth/session", headers=headers)).status == 204
    assert (await client.get("/api/v1/auth/session")).status == 401


async def test_an_unknown_token_is_refused(app: Web) -> None:
    reply = await app.anonymous().get("/api/v1/calls", headers={"Authorization": "Bearer nonsense"})
    assert reply.status == 401
    assert "Bearer" in reply.headers["WWW-Authenticate"]


async def test_bad_bodies_are_named(app: Web) -> None:
    headers = await app.program(Role.API)
    client = app.anonymous()
    reply = await client.post("/api/v1/calls", json={"from": "agent:li", "too": "x"}, headers=headers)
    document = await reply.json()
    assert reply.status == 400
    assert {fault["field"] for fault in document["errors"]} == {"to", "too"}
    reply = await client.post("/api/v1/calls", json={"from": "agent:li", "to": "nowhere"}, headers=headers)
    assert reply.status == 422 and (await reply.json())["errors"][0]["field"] == "to"
    reply = await client.post("/api/v1/calls", data="x=1", headers=headers)
    assert reply.status in (400, 415)
    reply = await client.get("/api/v1/calls?limit=0", headers=headers)
    assert reply.status == 400


@pytest.mark.parametrize("path", ["calls", "recordings", "voicemail", "callbacks", "customers", "alarms?state=all"])
async def test_every_list_refuses_a_cursor_of_somebody_else(app: Web, path: str) -> None:
    client, headers = await app.client("root")
    sign = "&" if "?" in path else "?"
    for cursor in ("nonsense", "%F0%9F%98%80", "5"):
        reply = await client.get(f"/api/v1/{path}{sign}cursor={cursor}", headers=headers)
        assert reply.status == 400, (path, cursor, await reply.text())
        assert [fault["field"] for fault in (await reply.json())["errors"]] == ["cursor"]


async def test_orders_reach_the_services_with_their_actor(app: Web) -> None:
    headers = await app.program(Role.API)
    client = app.anonymous()
    app.calls.views = {"c1": call_view("c1")}
    reply = await client.post("/api/v1/calls", json={"from": "agent:li", "to": "echo"}, headers=headers)
    assert reply.status == 202 and await reply.json() == {"id": "c1"}
    assert (await client.delete("/api/v1/calls/c1", headers=headers)).status == 204
    assert (await client.delete("/api/v1/calls/c8", headers=headers)).status == 404
    assert (await client.put("/api/v1/calls/c1/monitor", json={"mode": "listen"}, headers=headers)).status == 422
    body = {"mode": "listen", "supervisor": "wang"}
    assert (await client.put("/api/v1/calls/c1/monitor", json=body, headers=headers)).status == 200
    leader, csrf = await app.client("wang")
    assert (await leader.put("/api/v1/calls/c1/monitor", json={"mode": "barge"}, headers=csrf)).status == 200
    assert (
        await leader.put("/api/v1/calls/c1/monitor", json={"mode": "barge", "supervisor": "root"}, headers=csrf)
    ).status == 403
    kinds = [order[0] for order in app.calls.orders]
    assert kinds == ["originate", "hang_up", "monitor", "monitor"]
    assert app.calls.orders[-1] == ("monitor", "c1", "wang", "barge", "wang")


async def test_apply_answers_plan_or_mistakes(app: Web) -> None:
    headers = {**await app.program(Role.ADMINISTRATOR), "Content-Type": "application/toml"}
    client = app.anonymous()
    reply = await client.post("/api/v1/apply?dry_run=1", data=b"[[queue]]", headers=headers)
    assert reply.status == 200 and (await reply.json())["plan"]
    reply = await client.post("/api/v1/apply", data=b"wrong", headers=headers)
    assert reply.status == 422 and (await reply.json())["errors"]
    headers["Content-Type"] = "image/png"
    assert (await client.post("/api/v1/apply", data=b"x", headers=headers)).status == 415


async def test_what_needs_no_login(app: Web) -> None:
    client = app.anonymous()
    assert (await client.get("/healthz")).status == 200
    assert (await client.get("/readyz")).status == 503
    app.services.readiness.set("listeners", True)
    assert (await client.get("/readyz")).status == 200
    assert b"softswitch_calls_active" in await (await client.get("/metrics")).read()
    assert (await client.get("/api/v1/demo")).status == 200


async def test_the_description_names_every_route(app: Web) -> None:
    document = json.loads(await (await app.anonymous().get("/api/v1/openapi.json")).text())
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(route.method, API + route.path) for route in ROUTES}
    assert document["openapi"].startswith("3.1")


async def test_guessing_links_is_limited(app: Web) -> None:
    client = app.anonymous()
    statuses = [(await client.post("/api/v1/auth/link", json={"code": "x"})).status for _ in range(25)]
    assert statuses[0] == 403 and statuses[-1] == 429


async def test_unknown_paths_are_problems(app: Web) -> None:
    reply = await app.anonymous().get("/api/v1/nothing")
    assert reply.status == 404 and reply.content_type == "application/problem+json"
    reply = await app.anonymous().put("/api/v1/calls")
    assert reply.status == 405 and "GET" in reply.headers["Allow"]


async def test_several_people_at_one_browser(app: Web) -> None:
    client = app.anonymous()
    people: dict[str, dict[str, str]] = {}
    for login in ("li", "wang"):
        reply = await client.post("/api/v1/auth/link", json={"code": await app.services.users.make_link(login)})
        people[login] = await reply.json()
        assert re.fullmatch("[a-z0-9]{8}", people[login]["session"])
        for cookie in reply.headers.getall("Set-Cookie"):
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie

    async def who(headers: dict[str, str] | None = None, query: str = "") -> str | None:
        reply = await client.get(f"/api/v1/auth/session{query}", headers=headers or {})
        return (await reply.json()).get("login") if reply.status == 200 else None

    li, wang = people["li"], people["wang"]
    assert await who() == "wang", "without an id: who signed in last"
    assert await who({"X-Session": li["session"]}) == "li"
    assert await who(query=f"?session={li['session']}") == "li"
    assert await who({"X-Session": "00000000"}) is None, "an id without a cookie is nobody"
    assert await who({"X-Session": "../../etc"}) is None
    assert (await client.get(f"/api/v1/calls?session={li['session']}")).status == 200
    ws = await client.ws_connect(f"/api/v1/ws?session={li['session']}")
    assert (await ws.receive_json(timeout=5))["event"]["session"]["login"] == "li"
    await ws.close()

    crossed = {"X-Session": li["session"], "X-CSRF-Token": wang["csrf"]}
    assert (await client.put("/api/v1/agents/li/state", json={"state": "ready"}, headers=crossed)).status == 403
    own = {"X-Session": li["session"], "X-CSRF-Token": li["csrf"]}
    assert (await client.delete("/api/v1/auth/session", headers=own)).status == 204
    assert await who({"X-Session": li["session"]}) is None
    assert await who() == "wang", "the other one stays signed in"


async def test_a_body_that_is_no_text_is_the_senders_fault(app: Web) -> None:
    headers = {"Content-Type": "application/json"}
    for body, kind in ((b"\x81\xd59", "application/json"), (b"{}", "application/json; charset=klingon")):
        reply = await app.anonymous().post("/api/v1/auth/link", data=body, headers={**headers, "Content-Type": kind})
        assert reply.status == 400
