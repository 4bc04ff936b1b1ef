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
