"""Webhooks over HTTP: their state, deliveries, a test, another try."""

from __future__ import annotations

import asyncio

from softswitch.directory.centre import Webhook
from softswitch.directory.model import Kind
from softswitch.directory.store import Action, Change
from softswitch.webhooks.service import Webhooks
from tests.softswitch.webhooks.conftest import Endpoint
from tests.web.conftest import Web

URL = "/api/v1/webhooks"


async def _declared(app: Web, endpoint: Endpoint) -> Webhooks:
    await endpoint.start()
    hook = Webhook(name="crm", url=endpoint.url, secret="s3")
    await app.services.directory.change([Change(Action.CREATE, Kind.WEBHOOK, "crm", hook)], "tests")
    hooks = app.services.part(Webhooks)
    hooks.configure()
    return hooks


async def test_state_test_and_another_try(app: Web) -> None:
    endpoint = Endpoint()
    hooks = await _declared(app, endpoint)
    root, csrf = await app.client("root")
    (item,) = (await (await root.get(URL)).json())["items"]
    assert (item["name"], item["signed"], item["waiting"], item["failing_since"]) == ("crm", True, 0, None)
    assert "s3" not in str(item)
    tested = await (await root.post(f"{URL}/crm/test", headers=csrf)).json()
    assert (tested["ok"], tested["status"]) == (True, 204)
    assert endpoint.got[0][1]["type"] == "webhook.test"
    await hooks.tell("crm", "alarm.escalated", {"code": "disk"})
    async with asyncio.timeout(5):
        while len(endpoint.got) < 2:
            await asyncio.sleep(0.01)
        while not (items := (await (await root.get(f"{URL}/crm/deliveries", params={"state": "done"})).json())["items"]):
            await asyncio.sleep(0.01)
    assert (items[0]["type"], items[0]["attempts"], items[0]["state"]) == ("alarm.escalated", 1, "done")
    assert (await root.post(f"{URL}/crm/deliveries/{items[0]['id']}/retry", headers=csrf)).status == 409
    assert (await root.post(f"{URL}/crm/deliveries/w404/retry", headers=csrf)).status == 404
    assert (await root.get(f"{URL}/none/deliveries")).status == 404
    assert endpoint.server is not None
    await endpoint.server.close()


async def test_a_leader_looks_and_sends_nothing(app: Web) -> None:
    leader, csrf = await app.client("wang")
    assert (await leader.get(URL)).status == 200
    assert (await leader.post(f"{URL}/crm/test", headers=csrf)).status == 403
    agent, _ = await app.client("li")
    assert (await agent.get(URL)).status == 403
