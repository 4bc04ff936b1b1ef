"""The queue_log, read by a small parser written from the field list of Asterisk alone."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from softswitch.model import events as ev
from softswitch.reports.queue_log import Lines, QueueLog
from tests.softswitch.reports.calls import DAY, a_day, one_call

FIELDS = {
    "ENTERQUEUE": 3, "CONNECT": 3, "COMPLETEAGENT": 3, "COMPLETECALLER": 3, "ABANDON": 3, "EXITWITHKEY": 4,
    "EXITWITHTIMEOUT": 3, "EXITEMPTY": 3, "RINGNOANSWER": 1, "TRANSFER": 5, "PAUSE": 1, "UNPAUSE": 1, "ADDMEMBER": 1,
    "REMOVEMEMBER": 1, "AGENTLOGIN": 1, "AGENTLOGOFF": 2,
}  # fmt: skip
"""Verb → data fields."""
OF_A_CALL = frozenset(FIELDS) - {"PAUSE", "UNPAUSE", "ADDMEMBER", "REMOVEMEMBER", "AGENTLOGIN", "AGENTLOGOFF"}


@dataclass(frozen=True)
class Entry:
    at: int
    call: str
    queue: str
    agent: str
    verb: str
    data: tuple[str, ...]


def parse(text: str) -> Entry:
    at, call, queue, agent, verb, *data = text.split("|")
    assert len(data) == FIELDS[verb], text
    assert call and queue and agent
    assert (call == "NONE") == (verb not in OF_A_CALL), text
    for value in data[:3] if verb in ("CONNECT", "ABANDON") else ():
        assert value.isdigit() or (verb == "CONNECT" and value == data[1])
    return Entry(int(at), call, queue, agent, verb, tuple(data))


def logged(events: Iterable[ev.Event]) -> list[Entry]:
    lines = Lines(lambda _login: ("sales", "repair"))
    return [parse(line) for event in events for line in lines.of(event)]


@pytest.mark.parametrize("seed", range(5))
def test_the_log_tells_of_each_visit_its_way_in_and_out(seed: int) -> None:
    dice = random.Random(seed)
    events = [event for number in range(150) for event in one_call(dice, number, DAY)]
    found = logged(events)
    verbs = Counter(entry.verb for entry in found)
    left = Counter(event.result for event in events if isinstance(event, ev.QueueLeft))
    assert verbs["ENTERQUEUE"] == sum(isinstance(event, ev.QueueEntered) for event in events)
    assert verbs["CONNECT"] == left["answered"]
    assert verbs["ABANDON"] == left["abandoned"]
    assert verbs["EXITWITHKEY"] == left["key"] + left["mailbox"] + left["callback"]
    assert verbs["EXITWITHTIMEOUT"] == left["timeout"] + left["overflow"]
    assert verbs["EXITEMPTY"] == left["closed"] + left["supervisor"]
    assert verbs["RINGNOANSWER"] == sum(isinstance(event, ev.OfferFailed) for event in events)
    assert verbs["CONNECT"] == verbs["COMPLETEAGENT"] + verbs["COMPLETECALLER"] + verbs["TRANSFER"]
    assert verbs["TRANSFER"]
    waits = [event.wait_ms for event in events if isinstance(event, ev.QueueLeft) and event.result == "answered"]
    assert [int(entry.data[0]) for entry in found if entry.verb == "CONNECT"] == [int(ms / 1000 + 0.5) for ms in waits]


def test_agents_come_pause_and_go() -> None:
    def state(old: str, new: str, at: float, reason: str = "") -> ev.Event:
        return ev.AgentStateChanged(agent="li", old=old, new=new, at=at, reason=reason)

    found = logged([
        ev.AgentLogin(agent="li", station="extension:1001", at=100.0), state("logged_out", "not_ready", 100.0, "login"),
        state("not_ready", "ready", 160.0), state("ready", "not_ready", 400.0, "lunch"), state("not_ready", "ready", 900.0),
        ev.AgentLogin(agent="li", station="browser", at=950.0), state("ready", "logged_out", 1000.4),
        ev.AgentLogout(agent="li", at=1000.4),
    ])  # fmt: skip
    shown = [(entry.verb, entry.queue, entry.data) for entry in found if entry.queue in ("NONE", "sales")]
    assert shown == [
        ("AGENTLOGIN", "NONE", ("extension:1001",)), ("ADDMEMBER", "sales", ("",)), ("PAUSE", "sales", ("login",)),
        ("UNPAUSE", "sales", ("",)), ("PAUSE", "sales", ("lunch",)), ("UNPAUSE", "sales", ("",)),
        ("REMOVEMEMBER", "sales", ("",)), ("AGENTLOGOFF", "NONE", ("extension:1001", "900")),
    ]  # fmt: skip


def test_a_caller_cannot_write_fields_of_its_own() -> None:
    created = ev.CallCreated(call="c1", direction="in", caller="1|2\n3|ABANDON|1", at=5.0)
    (entry,) = logged([created, ev.QueueEntered(call="c1", queue="sales", visit="v", position=2, at=6.0)])
    assert (entry.verb, entry.data) == ("ENTERQUEUE", ("", "1_2 3_ABANDON_1", "2"))


async def test_the_file_is_turned_over_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "queue_log"
    log = QueueLog(path, Lines(lambda _: ("sales",)), most_bytes=2_000, keep=50)
    events = a_day(1, 60)
    for number, event in enumerate(events):
        log.note(event)
        if number % 100 == 0:
            await asyncio.sleep(0.21)
    await log.close()
    files = sorted(path.parent.iterdir(), key=lambda file: -int(file.suffix[1:] or 0) if file.suffix else 0)
    assert len(files) > 3
    written = [parse(line) for file in files for line in file.read_text("utf-8").splitlines()]
    lines = Lines(lambda _: ("sales",))
    assert written == [parse(line) for event in events for line in lines.of(event)]
