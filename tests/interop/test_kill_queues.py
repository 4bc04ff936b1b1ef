"""kill -9 of the real process: callbacks, their places, emergency switches, lists, calendars and agents are back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.switch import Switch, wait_for

CENTRE = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[route]]
pattern = "01*"
trunks = ["carrier"]
[[queue]]
name = "sales"
calendar = "office"
[[queue]]
name = "care"
[[calendar]]
name = "office"
open = ["Mon-Sun 00:00-23:59"]
holidays = "cn"
[[extension]]
number = "2000"
password = "secret-2000"
[[agent]]
login = "li"
queues = ["sales", "care"]
station = "extension:2000"
"""


@pytest.mark.timeout(120)
def test_what_queues_keep_is_back_after_kill(tmp_path: Path) -> None:
    with Switch(tmp_path, CENTRE) as switch:
        switch.api("PUT", "/agents/li/state", {"state": "not_ready", "reason": "meeting"})
        made = switch.api("POST", "/callbacks", {"queue": "care", "number": "01088889999", "note": "合同"})
        later = {"queue": "care", "number": "01088880000", "at": "2040-01-01T10:00:00+08:00"}
        switch.api("POST", "/callbacks", later)
        entry = switch.api("POST", "/lists", {"kind": "black", "pattern": "0900*", "reason": "骚扰"})
        switch.api("PUT", "/calendars/office/days/2040-01-02", {"kind": "workday", "title": "调休"})
        switch.api("PUT", "/queues/sales/emergency", {"on": True, "announcement": "emergency"})
        wait_for(lambda: _journaled(switch, "queue.emergency"), 10, "the timeline, which is committed in groups")
        switch.kill()

        switch.start()
        callbacks = {item["number"]: item for item in switch.api("GET", "/callbacks?state=open")["items"]}
        assert set(callbacks) == {"01088889999", "01088880000"}
        back = callbacks["01088889999"]
        assert (back["id"], back["entered"], back["note"]) == (made["id"], made["entered"], "合同")
        assert callbacks["01088880000"]["state"] == "scheduled"
        assert [item["id"] for item in switch.api("GET", "/lists")["items"]] == [entry["id"]]
        days = {item["date"]: item for item in switch.api("GET", "/calendars/office/days?year=2040")["items"]}
        assert days["2040-01-02"]["title"] == "调休"
        queues = {item["name"]: item for item in switch.api("GET", "/queues")["items"]}
        assert (queues["sales"]["open"], queues["sales"]["closed_reason"]) == (False, "emergency")
        assert queues["care"]["callbacks"] == (1 if back["state"] == "waiting" else 0), "at night it waits for the morning"
        agent = switch.api("GET", "/agents/li")
        assert (agent["state"], agent["reason"]) == ("not_ready", "meeting")


def _journaled(switch: Switch, kind: str) -> bool:
    """Whether an event of this type is committed, and with it everything that happened before."""
    with closing(sqlite3.connect(switch.data / "softswitch.db")) as database:
        return bool(database.execute("select count(*) from journal where type = ?", (kind,)).fetchone()[0])
