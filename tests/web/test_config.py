"""Single objects over REST: the keys and checks of the apply file, versions, and no secret ever comes out."""

from __future__ import annotations

from base64 import b64encode

from softswitch.model.events import AdminChanged
from softswitch.model.states import Role
from softswitch.registrar.devices import Device
from softswitch.registrar.tables import read_devices, write_device
from softswitch.store.calls import audit_trail
from tests.web.conftest import Web

CONFIG = "/api/v1/config"


def basic(pin: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'001565aabbcc:{pin}'.encode()).decode()}"}


async def test_an_object_is_made_read_changed_and_deleted(app: Web) -> None:
    client, headers = await app.client("root")
    made = await client.put(f"{CONFIG}/queue/sales", json={"title": "销售", "overflow": "hangup:normal"}, headers=headers)
    document = await made.json()
    assert made.status == 201 and document["values"]["wrap_up"] == 30 and made.headers["ETag"] == f'"{document["etag"]}"'
    changed = await client.put(
        f"{CONFIG}/queue/sales", json={"title": "Sales"}, headers={**headers, "If-Match": made.headers["ETag"]}
    )
    assert changed.status == 200 and (await changed.json())["values"]["overflow"] == "", (
        "a key that is left out has its default"
    )
    late = await client.put(f"{CONFIG}/queue/sales", json={}, headers={**headers, "If-Match": made.headers["ETag"]})
    assert late.status == 412, "it was changed in between"
    assert [item["identity"] for item in (await (await client.get(f"{CONFIG}/queue")).json())["items"]] == ["sales"]
    stale = await client.delete(f"{CONFIG}/queue/sales", headers={**headers, "If-Match": made.headers["ETag"]})
    assert stale.status == 412
    trail = await app.services.store.read(lambda c: audit_trail(c, ["admin.changed"]))
    newest = next(event for event in trail if isinstance(event, AdminChanged))
    assert (newest.object, newest.actor, newest.detail["before.title"], newest.detail["after.title"]) == (
        "queue:sales", "root", "销售", "Sales",
    )  # fmt: skip


async def test_mistakes_name_the_keys_and_save_nothing(app: Web) -> None:
    headers = await app.program(Role.ADMINISTRATOR)
    reply = await app.anonymous().put(f"{CONFIG}/queue/sales", json={"wrapup": 3, "ring_timeout": 0}, headers=headers)
    assert reply.status == 422
    assert {error["field"] for error in (await reply.json())["errors"]} == {"wrapup", "ring_timeout"}
    assert (await app.anonymous().get(f"{CONFIG}/queue/sales", headers=headers)).status == 404
    for path, body, status in (("queue/sales", [1], 400), ("queue/sales", {"name": "other"}, 422), ("boat/x", {}, 404)):
        assert (await app.anonymous().put(f"{CONFIG}/{path}", json=body, headers=headers)).status == status


async def test_json_of_endless_depth_is_a_mistake_of_the_sender(app: Web) -> None:
    headers = {**await app.program(Role.ADMINISTRATOR), "Content-Type": "application/json"}
    for body in (b"[" * 100_000, b'{"a":' * 100_000):
        reply = await app.anonymous().put(f"{CONFIG}/queue/sales", data=body, headers=headers)
        assert reply.status == 400


async def test_what_is_used_stays(app: Web) -> None:
    client, headers = await app.client("root")
    await client.put(f"{CONFIG}/queue/sales", json={}, headers=headers)  # li and wu serve it
    reply = await client.delete(f"{CONFIG}/queue/sales", headers=headers)
    assert reply.status == 409 and "agent li" in (await reply.json())["detail"]
    assert (await client.put(f"{CONFIG}/calendar/c", json={}, headers=headers)).status == 201
    assert (await client.delete(f"{CONFIG}/calendar/c", headers=headers)).status == 204
    assert (await client.delete(f"{CONFIG}/calendar/c", headers=headers)).status == 404


async def test_secrets_go_in_and_never_come_out(app: Web) -> None:
    client, headers = await app.client("root")
    reply = await client.put(f"{CONFIG}/webhook/crm", json={"url": "https://x.example/", "secret": "geheim"}, headers=headers)
    assert "geheim" not in await reply.text() and (await reply.json())["secrets"] == {"secret": True}
    reply = await client.put(f"{CONFIG}/webhook/crm", json={"url": "https://y.example/"}, headers=headers)
    assert app.services.directory.current().webhooks["crm"].secret == "geheim", "left out: it stays"
    reply = await client.put(f"{CONFIG}/token/shop", json={}, headers=headers)
    made = (await reply.json())["made"]["token shop"]
    assert (await app.anonymous().get("/api/v1/agents", headers={"Authorization": f"Bearer {made}"})).status == 200
    assert made not in await (await client.get(f"{CONFIG}/token")).text()
    reply = await client.put(f"{CONFIG}/webhook/x", json={"url": "https://x.example/", "secret": "env:PATH"}, headers=headers)
    assert reply.status == 422, "this machine's environment is not for the page"


async def test_auditors_read_and_do_not_change(app: Web) -> None:
    auditor = await app.program(Role.AUDITOR)
    assert (await app.anonymous().get(f"{CONFIG}/agent/li", headers=auditor)).status == 200
    assert (await app.anonymous().put(f"{CONFIG}/agent/li", json={}, headers=auditor)).status == 403
    described = await (await app.anonymous().get(f"{CONFIG}/schema", headers=auditor)).json()
    assert described["queue"]["identity"] == "name"


async def test_the_audit_is_for_auditors(app: Web) -> None:
    root, headers = await app.client("root")
    await root.put(f"{CONFIG}/calendar/c", json={}, headers=headers)
    auditor = await app.program(Role.AUDITOR)
    reply = await app.anonymous().get("/api/v1/audit?actor=root&limit=1", headers=auditor)
    (item,) = (await reply.json())["items"]
    assert (item["object"], item["detail"]["action"]) == ("calendar:c", "create")
    verdict = await (await app.anonymous().get("/api/v1/audit/verify", headers=auditor)).json()
    assert verdict["ok"] is True and verdict["checked"] > 5
    assert (await app.anonymous().get("/api/v1/audit", headers=await app.program(Role.SUPERVISOR))).status == 403


async def test_a_phone_fetches_its_settings_with_a_pin_and_another_one_never(app: Web) -> None:
    client, headers = await app.client("root")
    extension = {"password": "a-secret-of-1001"}
    assert (await client.put(f"{CONFIG}/extension/1001", json=extension, headers=headers)).status in (200, 201)
    assert (await client.put(f"{CONFIG}/phone/001565aabbcc", json={"extension": "1001"}, headers=headers)).status == 201
    issued = await client.post("/api/v1/phones/001565aabbcc/pin", headers=headers)
    pin = (await issued.json())["pin"]
    (phone,) = (await (await client.get("/api/v1/phones")).json())["items"]
    assert phone["pin"] == "waiting" and phone["pin_until"]
    file, agent = phone["path"] + phone["file"], {"User-Agent": "Yealink SIP-T54W 96.86.0.100 00:15:65:aa:bb:cc"}
    device = app.anonymous()
    refused = await device.get(file, headers=agent)
    assert refused.status == 401 and refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert (await device.get(file, headers={**agent, **basic("wrong")})).status == 401
    given = await device.get(file, headers={**agent, **basic(pin)})
    assert given.status == 200 and "account.1.user_name = 1001" in await given.text()
    assert (await device.get(file, headers=agent)).status == 200
    assert (await device.get(file, headers={"User-Agent": "Yealink SIP-T54W 96.86.0.100 00:15:65:00:00:01"})).status == 404
    (phone,) = (await (await client.get("/api/v1/phones")).json())["items"]
    assert (phone["pin"], phone["device"]) == ("", agent["User-Agent"])
    assert (await client.delete("/api/v1/phones/001565aabbcc/pin", headers=headers)).status == 204
    assert (await client.post("/api/v1/phones/ffffffffffff/pin", headers=headers)).status == 404


async def test_the_devices_of_phones_are_kept(app: Web) -> None:
    device = Device(2, "Vendor/1", "192.0.2.9", 5.0, "ab", 6.0, 1)
    await app.services.store.write(lambda connection: write_device(connection, "001565aabbcc", Device()))
    await app.services.store.write(lambda connection: write_device(connection, "001565aabbcc", device))
    assert await app.services.store.read(read_devices) == {"001565aabbcc": device}
