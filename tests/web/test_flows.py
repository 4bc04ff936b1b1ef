"""Flows over REST: save, publish, roll back, check, try, figures; emergency announcements; who may."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, insert

from softswitch.ivr.pins import PinBook
from softswitch.model.events import IvrNode
from softswitch.model.states import Role
from softswitch.store.rows import event_values
from softswitch.store.tables import journal
from tests.web.conftest import Web

API = "/api/v1"


def tree(cause: str = "normal", **more: Any) -> dict[str, Any]:
    return {
        "start": "menu",
        "nodes": {
            "menu": {"verb": "menu", "prompts": ["main-menu"], "keys": {"1": "bye"}, "retries": 0, "no_input": "bye"},
            "bye": {"verb": "hangup", "cause": cause},
        },
        **more,
    }


async def test_from_draft_to_published_and_back(app: Web) -> None:
    root, headers = await app.client("root")
    reply = await root.post(f"{API}/flows/night/versions?note=first", json=tree(), headers=headers)
    assert reply.status == 201
    assert (await reply.json()) == {"version": 1, "notes": []}
    listed = (await (await root.get(f"{API}/flows")).json())["items"]
    assert listed == [{"name": "night", "published": 0, "draft": 1}]
    assert (await root.post(f"{API}/flows/night/publish", json={"version": 1}, headers=headers)).status == 200
    await root.post(f"{API}/flows/night/versions", json=tree("busy"), headers=headers)
    await root.post(f"{API}/flows/night/publish", json={"version": 2}, headers=headers)
    assert app.services.directory.current().flows["night"].nodes["bye"]["cause"] == "busy"
    await root.post(f"{API}/flows/night/publish", json={"version": 1}, headers=headers)
    flow = await (await root.get(f"{API}/flows/night")).json()
    assert (flow["published"], flow["draft"], flow["tree"]["nodes"]["bye"]["cause"]) == (1, 2, "busy")
    assert [(version["version"], version["by"], version["note"]) for version in flow["versions"]] == [
        (2, "root", ""), (1, "root", "first"),
    ]  # fmt: skip
    second = await (await root.get(f"{API}/flows/night/versions/2")).json()
    assert second["tree"]["nodes"]["bye"]["cause"] == "busy"
    assert app.services.directory.current().flows["night"].nodes["bye"]["cause"] == "normal"


async def test_yaml(app: Web) -> None:
    headers = await app.program(Role.ADMINISTRATOR) | {"Content-Type": "application/yaml"}
    client = app.anonymous()
    reply = await client.post(f"{API}/flows/night/versions", data=yaml.safe_dump(tree()), headers=headers)
    assert reply.status == 201
    reply = await client.post(f"{API}/flows/night/versions", data="a: [", headers=headers)
    assert reply.status == 400


async def test_mistakes_name_their_fields(app: Web) -> None:
    headers = await app.program(Role.ADMINISTRATOR)
    client = app.anonymous()
    wrong = tree()
    wrong["nodes"]["menu"]["keys"] = {"1": "nowhere"}
    reply = await client.post(f"{API}/flows/night/versions", json=wrong, headers=headers)
    assert reply.status == 422
    problem = await reply.json()
    assert problem["errors"][0]["field"] == "nodes.menu.keys.1"
    assert 'there is no node "nowhere"' in problem["errors"][0]["reason"]
    reply = await client.post(f"{API}/flows/check", json={"name": "x", **wrong}, headers=headers)
    assert (await reply.json())["ok"] is False
    lonely = tree()
    lonely["nodes"]["bye"] = {"verb": "play", "prompts": ["goodbye"]}
    checked = await (await client.post(f"{API}/flows/check", json={"name": "x", **lonely}, headers=headers)).json()
    assert checked["ok"] is True
    assert [(note["code"], note["node"]) for note in checked["notes"]] == [("dead_end", "bye")]


@pytest.mark.parametrize("body", ["[]", "7", "nonsense", '"text"', "{}"])
async def test_what_is_no_tree_is_refused(app: Web, body: str) -> None:
    headers = await app.program(Role.ADMINISTRATOR) | {"Content-Type": "application/json"}
    assert (await app.anonymous().post(f"{API}/flows/night/versions", data=body, headers=headers)).status in (400, 422)


async def test_a_try_out(app: Web) -> None:
    headers = await app.program(Role.ADMINISTRATOR)
    client = app.anonymous()
    await client.post(f"{API}/flows/night/versions", json=tree(), headers=headers)
    order = {"keys": ["9"], "caller": "139", "at": "2024-01-01T04:00:00Z"}
    trial = await (await client.post(f"{API}/flows/night/try", json=order, headers=headers)).json()
    assert [(step["node"], step["result"], step["next"]) for step in trial["steps"]] == [
        ("menu", "no_match", "bye"), ("bye", "ended", None),
    ]  # fmt: skip
    assert trial["steps"][0]["heard"] == ["zh-CN/main-menu"]
    assert trial["steps"][0]["at"] == "2024-01-01T04:00:00.000Z"
    assert trial["outcome"] == "ended"
    unsaved = {"tree": {"start": "a", "nodes": {"a": {"verb": "transfer", "to": "outside:110"}}}}
    trial = await (await client.post(f"{API}/flows/night/try", json=unsaved, headers=headers)).json()
    assert (trial["outcome"], trial["to"]) == ("ended", "outside:110")
    broken = {"tree": {"start": "a", "nodes": {"a": {"verb": "sing"}}}}
    assert (await client.post(f"{API}/flows/night/try", json=broken, headers=headers)).status == 422
    assert (await client.post(f"{API}/flows/none/try", json={}, headers=headers)).status == 404


async def test_figures_of_nodes(app: Web) -> None:
    now = app.clock.utc()

    def write(connection: Connection, result: str) -> None:
        event = IvrNode(call="c1", seq=1, at=now, flow="night", node="menu", verb="menu", result=result, ms=500)
        call, seq, kind, at, data = event_values(event)
        connection.execute(insert(journal).values(call=call, seq=seq, type=kind, at=at, data=data))

    for result in ("key", "hangup"):
        await app.services.store.write(partial(write, result=result))
    client, _ = await app.client("wang")
    found = await (await client.get(f"{API}/flows/night/statistics")).json()
    assert found["nodes"] == [
        {"node": "menu", "visits": 2, "results": {"key": 1, "hangup": 1}, "drop_off": 0.5, "mean_ms": 500}
    ]


async def test_announcements(app: Web) -> None:
    client, headers = await app.client("wang")
    order = {"prompts": ["emergency"], "until": "2023-11-15T00:00:00Z"}
    reply = await client.put(f"{API}/announcements/top", json=order, headers=headers)
    assert reply.status == 200, await reply.text()
    assert (await reply.json())["on_air"] is True
    past = {"prompts": ["emergency"], "until": "2020-01-01T00:00:00Z"}
    assert (await client.put(f"{API}/announcements/top", json=past, headers=headers)).status == 422
    assert [item["slot"] for item in (await (await client.get(f"{API}/announcements")).json())["items"]] == ["top"]
    wav = {**headers, "Content-Type": "audio/wav"}
    assert (await client.put(f"{API}/announcements/top/audio/en", data=b"nonsense", headers=wav)).status == 422
    assert (await client.delete(f"{API}/announcements/top", headers=headers)).status == 204
    assert (await client.delete(f"{API}/announcements/top", headers=headers)).status == 404


async def test_who_may(app: Web) -> None:
    for login, reads, saves in (("li", 403, 403), ("wang", 200, 403), ("root", 200, 201)):
        client, headers = await app.client(login)
        assert (await client.get(f"{API}/flows")).status == reads, login
        assert (await client.post(f"{API}/flows/night/versions", json=tree(), headers=headers)).status == saves, login


async def test_the_verbs_describe_themselves(app: Web) -> None:
    client, _ = await app.client("root")
    found = await (await client.get(f"{API}/flows/verbs")).json()
    menu = found["verbs"]["menu"]["fields"]
    assert menu["keys"] == {"type": "table of target", "needed": True}
    assert menu["timeout"] == {"type": "number", "needed": False, "default": 5.0}
    assert "speech" in found["refused"]


async def test_a_pin_is_forgotten_by_who_may(app: Web) -> None:
    book = app.services.part(PinBook)
    assert await book.change("13800138000", "1234", caller="13800138000", certain=True) == "ok"
    agent, headers = await app.client("li")
    assert (await agent.delete(f"{API}/customers/13800138000/pin", headers=headers)).status == 403
    leader, headers = await app.client("wang")
    assert (await leader.delete(f"{API}/customers/13800138000/pin", headers=headers)).status == 204
    assert (await book.check("13800138000", "1234")).result == "unset"
