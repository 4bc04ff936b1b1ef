"""What is said of calls and people at the edge: results, reasons, numbers and times that cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from softswitch.customers.book import CustomerBook
from softswitch.directory.model import Kind, Route
from softswitch.directory.store import Action, Change
from softswitch.model.errors import Conflict
from softswitch.model.states import Role
from softswitch.model.views import ParticipantView
from tests.web.conftest import Web, agent_view, call_view

API = "/api/v1"


@pytest.fixture
async def centre(app: Web) -> Web:
    """li talks to a customer in c1; wu took no part."""
    root, headers = await app.client("root")
    for kind, name in (("queue", "sales"), ("disposition", "sold")):
        assert (await root.put(f"{API}/config/{kind}/{name}", json={}, headers=headers)).status == 201
    route = Change(Action.CREATE, Kind.ROUTE, "13*", Route(pattern="13*", trunks=()))
    await app.services.directory.change([route], "tests")
    app.calls.views["c1"] = replace(
        call_view("c1", "li"),
        participants=(ParticipantView(id="p1", party="agent:li", role="agent", state="talking", since=1.0),),
    )
    return app


async def put(app: Web, path: str, headers: dict[str, str], **body: Any) -> tuple[int, dict[str, Any]]:
    reply = await app.anonymous().put(f"{API}{path}", json=body, headers=headers)
    return reply.status, await reply.json()


async def results(app: Web, call: str = "c1") -> list[tuple[str, tuple[str, ...]]]:
    _, given, _ = await app.services.part(CustomerBook).about(call)
    return [(one.agent, one.codes) for one in given]


async def test_a_program_stores_the_result_of_the_agents_call(centre: Web) -> None:
    headers = await centre.program(Role.API)
    status, stored = await put(centre, "/calls/c1/disposition", headers, codes=["sold"])
    assert (status, stored["agent"]) == (200, "li")
    assert await results(centre) == [("li", ("sold",))]
    assert ("disposed", "li", "c1", ("sold",)) in centre.floor.orders, "it counts for the agent's wrap-up"
    status, refused = await put(centre, "/calls/c1/disposition", headers, codes=["sold"], agent="wu")
    assert (status, refused["errors"][0]["field"]) == (422, "agent")
    assert (await put(centre, "/calls/c9/disposition", headers, codes=["sold"]))[0] == 404


async def test_agents_write_for_themselves_leaders_for_whom_they_name(centre: Web) -> None:
    li, headers = await centre.client("li")
    named = await li.put(f"{API}/calls/c1/disposition", json={"codes": ["sold"], "agent": "wu"}, headers=headers)
    assert named.status == 403
    wu, others = await centre.client("wu")
    assert (await wu.put(f"{API}/calls/c1/disposition", json={"codes": ["sold"]}, headers=others)).status == 403
    wang, leads = await centre.client("wang")
    body = {"codes": ["sold"], "agent": "li"}
    assert (await wang.put(f"{API}/calls/c1/disposition", json=body, headers=leads)).status == 200
    assert await results(centre) == [("li", ("sold",))]


async def finish(app: Web, **said: Any) -> dict[str, Any]:
    client, _ = await app.client("li")
    ws = await client.ws_connect(f"{API}/ws")
    await ws.receive_json(timeout=5)
    await ws.send_json({"id": 1, "type": "wrapup.done", **said})
    while "re" not in (frame := await ws.receive_json(timeout=5)):
        pass
    return dict(frame)


async def test_a_result_that_comes_after_the_wrap_up_is_refused_and_not_stored(
    centre: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centre.floor, "last_call", lambda _login: "c1")
    assert (await finish(centre, codes=["sold"]))["error"]["status"] == 409
    assert await results(centre) == []

    async def ends(login: str, action: str, *, codes: tuple[str, ...] = (), reason: str = "") -> Any:
        over.append((login, action, codes))
        if len(over) > 1:
            raise Conflict("over")
        return agent_view(login, "ready")

    over: list[Any] = []
    monkeypatch.setattr(centre.floor, "wrap_up", ends)
    assert (await finish(centre, codes=["unknown"]))["error"]["status"] == 422 and not over, "a wrong code ends no wrap-up"
    assert (await finish(centre, codes=["sold"]))["ok"]["state"] == "ready"
    assert (over, await results(centre)) == ([("li", "done", ("sold",))], [("li", ("sold",))])


async def test_reasons_are_those_of_the_centre(centre: Web) -> None:
    headers = await centre.program(Role.API)
    status, refused = await put(centre, "/agents/li/state", headers, state="not_ready", reason="golf")
    assert (status, refused["errors"][0]["field"]) == (422, "reason")
    assert refused["errors"][0]["reason"] == "expected one of break lunch meeting training, got golf"
    root, root_headers = await centre.client("root")
    assert (await root.put(f"{API}/config/reason/golf", json={}, headers=root_headers)).status == 201
    assert (await put(centre, "/agents/li/state", headers, state="not_ready", reason="golf"))[0] == 200
    status, refused = await put(centre, "/agents/li/state", headers, state="not_ready", reason="lunch")
    assert (status, refused["errors"][0]["reason"]) == (422, "expected one of golf, got lunch")
    for reason in ("", "supervisor"):
        assert (await put(centre, "/agents/li/state", headers, state="not_ready", reason=reason))[0] == 200
    client, _ = await centre.client("li")
    ws = await client.ws_connect(f"{API}/ws")
    await ws.receive_json(timeout=5)
    for reason, status in (("lunch", 422), ("supervisor", 422), ("golf", 0), ("", 0)):
        await ws.send_json({"id": 7, "type": "agent.state", "state": "not_ready", "reason": reason})
        reply = await ws.receive_json(timeout=5)
        assert reply.get("error", {}).get("status", 0) == status, reply


@pytest.mark.parametrize("number", ["abc", "call me", "+", "sip:", "x5", "1" * 65])
async def test_a_customer_has_telephone_numbers(centre: Web, number: str) -> None:
    client, headers = await centre.client("li")
    reply = await client.post(f"{API}/customers", json={"name": "a", "numbers": [number]}, headers=headers)
    assert reply.status == 422 and (await reply.json())["errors"][0]["field"] == "numbers"


@pytest.mark.parametrize(
    "number", ["1001", "+86 (10) 8888-6666", "(010)88886666", "alice@example.com", "sip:bob@10.0.0.1:5060"]
)
async def test_however_they_are_written(centre: Web, number: str) -> None:
    client, headers = await centre.client("li")
    reply = await client.post(f"{API}/customers", json={"name": "a", "numbers": [number]}, headers=headers)
    assert reply.status == 201, await reply.text()


async def test_nobody_is_called_back_in_the_past(centre: Web) -> None:
    headers, client = await centre.program(Role.API), centre.anonymous()
    now = datetime.fromtimestamp(centre.clock.utc(), UTC)
    draft = {"queue": "sales", "number": "13800138000"}
    for passed, status in ((3600.0, 422), (90.0, 422), (30.0, 201)):
        body = {**draft, "at": (now - timedelta(seconds=passed)).isoformat()}
        reply = await client.post(f"{API}/callbacks", json=body, headers=headers)
        made = await reply.json()
        assert reply.status == status, made
        assert [fault["field"] for fault in made.get("errors", ())] == ([] if status == 201 else ["at"])
    yesterday = (now - timedelta(days=1)).isoformat()
    status, refused = await put(centre, f"/callbacks/{made['id']}", headers, at=yesterday)
    assert (status, refused["errors"][0]["field"]) == (422, "at")
