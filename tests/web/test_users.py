"""Users, sessions, the second factor and scopes over REST and the WebSocket."""

from __future__ import annotations

import pyotp

from softswitch.directory.model import Agent, Kind, Team, User
from softswitch.directory.store import Action, Change
from softswitch.model.states import Role
from tests.web.conftest import Web, call_view

API = "/api/v1"


async def test_a_user_is_made_with_a_link_and_no_password(app: Web) -> None:
    client, headers = await app.client("root")
    body = {"login": "mei", "name": "梅", "role": "quality", "mail": "mei@shop.example"}
    reply = await client.post(f"{API}/users", json=body, headers=headers)
    made = await reply.json()
    assert reply.status == 201 and made["password"] is False
    code = made["invitation"]["link"].partition("#code=")[2]
    mei = app.anonymous()
    assert (await (await mei.post(f"{API}/auth/link", json={"code": code})).json())["role"] == "quality"
    assert (await client.post(f"{API}/users", json=body, headers=headers)).status == 409
    for wrong in ({"login": "x", "teams": ["none"]}, {"login": "x", "role": "api"}):
        assert (await client.post(f"{API}/users", json=wrong, headers=headers)).status == 422
    assert (await client.post(f"{API}/users", json={"login": "a b"}, headers=headers)).status == 400


async def test_another_role_signs_out_everywhere(app: Web) -> None:
    wang, _ = await app.client("wang")
    root, headers = await app.client("root")
    reply = await root.put(f"{API}/users/wang", json={"role": "quality"}, headers=headers)
    assert reply.status == 200 and (await reply.json())["role"] == "quality"
    assert (await wang.get(f"{API}/auth/session")).status == 401
    assert (await root.put(f"{API}/users/root", json={"disabled": True}, headers=headers)).status == 409
    assert (await root.delete(f"{API}/users/li", headers=headers)).status == 409, "an agent is that"
    assert (await root.delete(f"{API}/users/wang", headers=headers)).status == 204
    assert (await root.get(f"{API}/users/wang")).status == 404


async def test_sessions_are_seen_and_ended(app: Web) -> None:
    li, li_headers = await app.client("li")
    phone, _ = await app.client("li")
    items = (await (await li.get(f"{API}/auth/sessions")).json())["items"]
    assert [item["current"] for item in items].count(True) == 1 and len(items) == 2
    other = next(item["id"] for item in items if not item["current"])
    assert (await li.delete(f"{API}/auth/sessions/{other}", headers=li_headers)).status == 204
    assert (await phone.get(f"{API}/auth/session")).status == 401
    root, headers = await app.client("root")
    assert (await root.delete(f"{API}/users/li/sessions", headers=headers)).status == 204
    assert (await li.get(f"{API}/auth/session")).status == 401


async def test_a_device_is_set_up_and_asked_for(app: Web) -> None:
    await app.services.users.set_password("li", "blue kettle 9")
    li, headers = await app.client("li")
    device = await (await li.post(f"{API}/auth/second-factor", headers=headers)).json()
    totp = pyotp.TOTP(device["secret"])
    now = int(app.services.clock.utc())
    reply = await li.post(f"{API}/auth/second-factor/confirm", json={"code": totp.at(now)}, headers=headers)
    assert reply.status == 200 and len((await reply.json())["recovery"]) == 10
    body = {"login": "li", "password": "blue kettle 9"}
    asked = await app.anonymous().post(f"{API}/auth/session", json=body)
    assert asked.status == 403 and (await asked.json())["second_factor"] is True
    entered = await app.anonymous().post(f"{API}/auth/session", json={**body, "code": totp.at(now + 30)})
    assert entered.status == 200
    wrong = await app.anonymous().post(f"{API}/auth/session", json={**body, "code": "000000"})
    assert wrong.status == 403 and "second_factor" not in await wrong.json()
    root, root_headers = await app.client("root")
    assert (await root.delete(f"{API}/users/li/second-factor", headers=root_headers)).status == 204
    assert (await app.anonymous().post(f"{API}/auth/session", json=body)).status == 200


async def test_the_own_password_is_changed_and_the_page_goes_on(app: Web) -> None:
    await app.services.users.set_password("li", "blue kettle 9")
    li, headers = await app.client("li")
    other, _ = await app.client("li")
    body = {"old": "wrong horse", "new": "green kettle 8"}
    assert (await li.put(f"{API}/auth/password", json=body, headers=headers)).status == 403
    reply = await li.put(f"{API}/auth/password", json={**body, "old": "blue kettle 9", "new": "short"}, headers=headers)
    assert reply.status == 422
    reply = await li.put(f"{API}/auth/password", json={**body, "old": "blue kettle 9"}, headers=headers)
    assert reply.status == 200
    assert (await li.get(f"{API}/auth/session")).status == 200 and (await other.get(f"{API}/auth/session")).status == 401


async def test_an_overdue_duty_comes_first(app: Web) -> None:
    from dataclasses import replace

    app.services.users.rules = replace(app.services.users.rules, second_factor="everybody")
    li, headers = await app.client("li")
    assert (await (await li.get(f"{API}/auth/session")).json())["duty"] == "second_factor"
    reply = await li.get(f"{API}/agents/li")
    assert reply.status == 403 and "second factor" in (await reply.json())["detail"]
    assert (await li.post(f"{API}/auth/second-factor", headers=headers)).status == 200


async def test_a_locked_login_is_told_when_to_try_again(app: Web) -> None:
    await app.services.users.set_password("li", "blue kettle 9")
    for _ in range(5):
        assert (await app.anonymous().post(f"{API}/auth/session", json={"login": "li", "password": "x"})).status == 403
    reply = await app.anonymous().post(f"{API}/auth/session", json={"login": "li", "password": "blue kettle 9"})
    assert reply.status == 429 and reply.headers["Retry-After"] == "30"
    root, headers = await app.client("root")
    assert (await (await root.get(f"{API}/users/li")).json())["locked_until"]
    assert (await root.post(f"{API}/users/li/unlock", headers=headers)).status == 204
    reply = await app.anonymous().post(f"{API}/auth/session", json={"login": "li", "password": "blue kettle 9"})
    assert reply.status == 200


async def lead(app: Web) -> None:
    """A team leader of the team with li in it."""
    changes = [
        Change(Action.CREATE, Kind.TEAM, "one", Team(name="one", leaders=("chen",))),
        Change(Action.CREATE, Kind.USER, "chen", User(login="chen", name="chen", role=Role.TEAM_LEADER)),
        Change(Action.UPDATE, Kind.AGENT, "li", Agent(login="li", queues=("sales",), team="one"), ("team",)),
        Change(Action.UPDATE, Kind.AGENT, "wu", Agent(login="wu", queues=("support",), team="two"), ("team",)),
    ]
    await app.services.directory.change(changes, "tests")


async def test_a_leader_sees_the_own_team_only(app: Web) -> None:
    await lead(app)
    app.calls.views = {"c1": call_view("c1", "li"), "c2": call_view("c2", "wu")}
    chen, headers = await app.client("chen")
    assert [item["login"] for item in (await (await chen.get(f"{API}/agents")).json())["items"]] == ["li"]
    assert [item["id"] for item in (await (await chen.get(f"{API}/calls?state=live")).json())["items"]] == ["c1"]
    assert (await chen.get(f"{API}/agents/li")).status == 200 and (await chen.get(f"{API}/agents/wu")).status == 403
    assert (await chen.put(f"{API}/agents/wu/state", json={"state": "ready"}, headers=headers)).status == 403
    assert (await chen.get(f"{API}/calls/c2")).status == 404
    assert (await chen.delete(f"{API}/calls/c2", headers=headers)).status == 404
    assert (await chen.delete(f"{API}/calls/c1", headers=headers)).status == 422, "people say why"
    assert (await chen.delete(f"{API}/calls/c1", json={"reason": "abuse"}, headers=headers)).status == 204
    assert (await chen.get(f"{API}/users")).status == 403
    rights = await (await chen.get(f"{API}/rights")).json()
    assert "monitor" in rights["mine"] and "config" not in rights["mine"]


async def test_the_board_of_a_leader_shows_the_own_team_only(app: Web) -> None:
    await lead(app)
    app.calls.views = {"c1": call_view("c1", "li"), "c2": call_view("c2", "wu")}
    chen, _ = await app.client("chen")
    ws = await chen.ws_connect(f"{API}/ws")
    await ws.receive_json(timeout=5)
    await ws.send_json({"id": 1, "type": "subscribe", "topics": ["board", "calls"]})
    found = (await ws.receive_json(timeout=5))["ok"]
    assert [agent["login"] for agent in found["agents"]] == ["li"] and [call["id"] for call in found["calls"]] == ["c1"]
    app.calls.watcher(call_view("c2", "wu"))
    app.calls.watcher(call_view("c1", "li"))
    app.services.alarms.raise_("trunk_down", "major", "down", "trunk:a")
    first, second = [(await ws.receive_json(timeout=5))["event"] for _ in range(2)]
    assert first["call"]["id"] == "c1", "nothing of the other team"
    assert (second["type"], second["code"]) == ("alarm.raised", "trunk_down") and second["id"]
    await ws.close()


async def test_an_overdue_duty_has_no_socket(app: Web) -> None:
    from dataclasses import replace

    app.services.users.rules = replace(app.services.users.rules, second_factor="everybody")
    li, _ = await app.client("li")
    assert (await li.get(f"{API}/ws", headers={"Upgrade": "websocket", "Connection": "Upgrade"})).status == 403


async def test_openid_people_go_there_and_come_back(app: Web) -> None:
    from typing import Any
    from unittest.mock import AsyncMock

    from softswitch.access.entrance import Entrance
    from softswitch.access.outside import Away, Person
    from softswitch.config.settings import OidcSettings

    class Provider:
        settings = OidcSettings(issuer="https://idp.example", title="Firm")

        async def begin(self, redirect: str) -> tuple[str, str]:
            return f"https://idp.example/authorize?redirect_uri={redirect}", "sealed"

        async def finish(self, sealed: str, *, code: str, state: str) -> Person:
            assert (sealed, code, state) == ("sealed", "c", "s")
            return Person("anna", "Anna", Role.SUPERVISOR)

    provider: Any = Provider()
    parts: Any = app.services.parts
    parts[Entrance] = Entrance(app.services.users, oidc=provider)
    client = app.anonymous()
    methods = await (await client.get(f"{API}/auth/methods")).json()
    assert methods == {"password": True, "link": True, "ldap": False, "oidc": {"title": "Firm"}}
    there = await client.get(f"{API}/auth/oidc", allow_redirects=False)
    assert there.status == 302 and there.headers["Location"].endswith("/api/v1/auth/oidc/callback")
    cookie = there.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/api/v1/auth/oidc/callback" in cookie
    back = await client.get(f"{API}/auth/oidc/callback?code=c&state=s")
    assert back.status == 200 and 'url=/"' in await back.text()
    session = await (await client.get(f"{API}/auth/session")).json()
    assert (session["login"], session["role"]) == ("anna", "supervisor")
    refused = await client.get(f"{API}/auth/oidc/callback?error=access_denied")
    assert refused.status == 403 and 'url=/login?refused=person"' in await refused.text()
    provider.begin = AsyncMock(side_effect=Away("The OpenID provider cannot be asked now"))
    away = await client.get(f"{API}/auth/oidc", allow_redirects=False)
    assert away.status == 503 and 'url=/login?refused=provider"' in await away.text()
    parts[Entrance] = Entrance(app.services.users)
    assert (await client.get(f"{API}/auth/oidc")).status == 404
