"""Conference rooms over REST and the WebSocket: who may, what is said, and what is refused."""

from __future__ import annotations

import pytest

from softswitch.directory.centre import Conference
from softswitch.directory.model import Kind
from softswitch.features.conference import Conferences
from softswitch.model.states import Role
from tests.web.conftest import Web
from tests.web.test_socket import ask, connect, event


def declare(app: Web) -> Conferences:
    directory = app.services.directory
    directory._snapshot = directory.current().changed([(Kind.CONFERENCE, Conference(name="team", title="Team", number="7000"))])
    return app.services.part(Conferences)


async def test_rooms_are_listed_and_their_actions_reach_them(app: Web) -> None:
    declare(app)
    client, headers = app.anonymous(), await app.program(Role.API)
    items = (await (await client.get("/api/v1/conferences", headers=headers)).json())["items"]
    assert [(room["name"], room["number"], room["members"]) for room in items] == [("team", "7000", [])]
    for method, path, body in (
        ("PATCH", "team", {"locked": True}),
        ("DELETE", "team", None),
        ("PATCH", "team/members/x", {"muted": True}),
        ("DELETE", "team/members/x", None),
    ):
        reply = await client.request(method, f"/api/v1/conferences/{path}", json=body, headers=headers)
        assert reply.status == 409, "nobody is in it"
    assert (await client.get("/api/v1/conferences/none", headers=headers)).status == 404
    invitation = await client.post("/api/v1/conferences/none/members", json={"to": "1001"}, headers=headers)
    assert invitation.status == 404


@pytest.mark.parametrize(("login", "reads", "acts"), [("wang", 200, 409), ("li", 403, 403)])
async def test_who_may(app: Web, login: str, reads: int, acts: int) -> None:
    declare(app)
    client, headers = await app.client(login)
    assert (await client.get("/api/v1/conferences")).status == reads
    assert (await client.delete("/api/v1/conferences/team", headers=headers)).status == acts


async def test_a_page_follows_the_rooms(app: Web) -> None:
    rooms = declare(app)
    ws, _, _ = await connect(app, "wang")
    snapshot = (await ask(ws, "subscribe", topics=["rooms"]))["ok"]
    assert [room["name"] for room in snapshot["rooms"]] == ["team"]
    rooms._touched("team")
    told = await event(ws)
    assert (told["type"], told["room"]["title"]) == ("room", "Team")
    agent, _, _ = await connect(app, "li")
    assert (await ask(agent, "subscribe", topics=["rooms"]))["error"]["status"] == 403
