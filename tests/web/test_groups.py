"""Ring groups over REST: made as configuration, seen live, by whom."""

from __future__ import annotations

from softswitch.model.states import Role
from tests.web.conftest import Web
from tests.web.test_queues import send


async def test_a_group_is_made_shown_and_refused(app: Web) -> None:
    member = {"to": "outside:13800138000", "confirm": False}
    status, saved = await send(
        app, "PUT", "/config/ring_group/desk", name="desk", number="6000", members=[member], strategy="serial"
    )
    assert status == 201, saved
    status, listed = await send(app, "GET", "/ring_groups", Role.SUPERVISOR)
    assert (status, [group["name"] for group in listed["items"]]) == (200, ["desk"])
    status, group = await send(app, "GET", "/ring_groups/desk", Role.SUPERVISOR)
    assert group == {
        "name": "desk", "title": "", "number": "6000", "strategy": "serial", "ringing": 0, "calls": 0, "answered": 0,
        "members": [{"to": "outside:13800138000", "name": "", "state": "outside"}],
    }  # fmt: skip
    assert (await send(app, "GET", "/ring_groups/none"))[0] == 404
    assert (await send(app, "GET", "/ring_groups", Role.AGENT))[0] == 403
    status, refused = await send(app, "PUT", "/config/ring_group/bad", name="bad", members=[{"to": "echo"}])
    assert status == 422 and "members" in refused["errors"][0]["field"]
    assert (await send(app, "PUT", "/config/ring_group/bad", Role.SUPERVISOR, name="bad"))[0] == 403


async def test_services_of_an_extension_over_rest(app: Web) -> None:
    """Rules of forwarding, wake-up calls and call-backs: set, shown, taken back, refused."""
    for number in ("1001", "1002"):
        assert (await send(app, "PUT", f"/config/extension/{number}", number=number))[0] == 201
    rules = [{"to": "extension:1002", "callers": ["138*"], "calendar": "", "closed": False}]
    status, services = await send(app, "PATCH", "/extensions/1001/services", forward_rules=rules, rules_on=True)
    assert (status, services["forward_rules"]) == (200, rules)
    assert (await send(app, "PATCH", "/extensions/1001/services", forward_rules=[{"to": "1001"}]))[0] == 422
    status, wake_up = await send(app, "PUT", "/extensions/1001/wake-up", wanted="0630", days="01234")
    assert (status, wake_up["wanted"], wake_up["days"], wake_up["tries"]) == (200, "0630", "01234", 0)
    assert wake_up["at"].endswith("T22:30:00.000Z"), "half past six in Shanghai"
    assert [item["extension"] for item in (await send(app, "GET", "/wake-ups"))[1]["items"]] == ["1001"]
    assert (await send(app, "PUT", "/extensions/1001/wake-up", wanted="2460"))[0] == 422
    assert (await send(app, "DELETE", "/extensions/1001/wake-up"))[0] == 204
    assert (await send(app, "GET", "/extensions/1001/wake-up"))[1]["at"] is None
    status, wish = await send(app, "PUT", "/extensions/1001/call-backs/1002")
    assert (status, wish["target"]) == (200, "1002")
    assert (await send(app, "PUT", "/extensions/1001/call-backs/1001"))[0] == 409
    assert [item["target"] for item in (await send(app, "GET", "/extensions/1001/call-backs"))[1]["items"]] == ["1002"]
    assert (await send(app, "DELETE", "/extensions/1001/call-backs/1002"))[0] == 204
    assert (await send(app, "GET", "/extensions/1001/call-backs"))[1]["items"] == []


async def test_who_may_see_and_change_what(app: Web) -> None:
    """Reports of malicious calls are for the permission `trace`; services of others for who may change settings or states."""
    assert (await send(app, "PUT", "/config/extension/1001", number="1001"))[0] == 201
    for role, expected in ((Role.AGENT, 403), (Role.TEAM_LEADER, 403), (Role.SUPERVISOR, 200), (Role.ADMINISTRATOR, 200)):
        assert (await send(app, "GET", "/malicious-calls", role))[0] == expected, role
    assert (await send(app, "GET", "/extensions/1001/wake-up", Role.AGENT))[0] == 403
    assert (await send(app, "GET", "/wake-ups", Role.AGENT))[0] == 403
