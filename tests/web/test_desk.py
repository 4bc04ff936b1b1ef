"""What an agent's desk asks for: codes, whom a call can be sent to, who may be taken by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from softswitch.model.views import QueueView, WaitingView
from tests.web.conftest import Web

CONFIG = "/api/v1/config"


def queue(name: str, *calls: WaitingView) -> QueueView:
    figures = {"longest_wait_ms": 0, "offered": 0, "answered": 0, "abandoned": 0}
    return QueueView(name=name, strategy="longest_idle", calls=calls, agents={}, service_level=None, **figures)


async def test_agents_read_the_codes_that_administrators_wrote(app: Web) -> None:
    root, headers = await app.client("root")
    lunch = {"title": "用餐", "title_en": "Lunch", "max_seconds": 1800}
    assert (await root.put(f"{CONFIG}/reason/lunch", json=lunch, headers=headers)).status == 201
    assert (
        await root.put(f"{CONFIG}/disposition/bill", json={"title": "话费", "note_required": True}, headers=headers)
    ).status == 201
    li, _ = await app.client("li")
    codes = await (await li.get("/api/v1/desk")).json()
    assert [(one["code"], one["title_en"], one["max_seconds"]) for one in codes["reasons"]] == [("lunch", "Lunch", 1800)]
    assert [(one["code"], one["parent"], one["note_required"]) for one in codes["dispositions"]] == [("bill", "", True)]


async def test_calls_can_go_to_colleagues_queues_and_mailboxes_but_not_to_oneself(app: Web) -> None:
    client, _ = await app.client("li")
    items = (await (await client.get("/api/v1/desk/targets")).json())["items"]
    found = {one["to"]: one for one in items}
    assert "agent:wu" in found and "agent:li" not in found
    assert found["agent:wu"]["state"] == "not_ready" and found["agent:wu"]["since"]
    assert {"queue:sales", "voicemail:office"} <= set(found)
    assert found["queue:sales"]["waiting"] == 0


async def test_who_waits_is_seen_with_the_right_to_pick_only(app: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = WaitingView(call="c1", caller="13800138000", since=1.0, position=1, state="waiting")
    other = replace(caller, call="c2")
    monkeypatch.setattr(app.floor, "queues", lambda: [queue("sales", caller), queue("service", other)])
    client, _ = await app.client("li")
    items = (await (await client.get("/api/v1/desk/waiting")).json())["items"]
    assert [(one["call"], one["queue"]) for one in items] == [("c1", "sales")]
    root, headers = await app.client("root")
    changed = await root.put(f"{CONFIG}/agent/li", json={"rights": []}, headers=headers)
    assert changed.status == 200, await changed.text()
    assert (await (await client.get("/api/v1/desk/waiting")).json())["items"] == []
