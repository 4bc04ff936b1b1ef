"""Parked calls over REST: who waits where, since when, and who has parked it."""

from __future__ import annotations

from types import SimpleNamespace

from softswitch.calls.parking import Parked, ParkingLot
from tests.web.conftest import Web

API = "/api/v1"


async def test_who_waits_in_which_slot(app: Web) -> None:
    li, _ = await app.client("li")
    assert (await (await li.get(f"{API}/parked")).json())["items"] == []
    call = SimpleNamespace(id="c1", facts=SimpleNamespace(caller="13800138000", caller_name="Wang"))
    lot = app.services.part(ParkingLot)
    lot._parked["703"] = Parked("703", call, "extension:1001", 1_700_000_000.0)  # type: ignore[arg-type]
    (found,) = (await (await li.get(f"{API}/parked")).json())["items"]
    assert (found["slot"], found["call"], found["by"], found["caller_name"]) == ("703", "c1", "1001", "Wang")
    assert found["caller"] == "13800138000" and found["since"].startswith("2023-11-14T22:13:20")
    assert (await app.anonymous().get(f"{API}/parked")).status == 401
