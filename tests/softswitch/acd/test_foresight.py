"""What is looked at beside the calls: queues compared, simulations of shared agents, predictions that are not said any more."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.forecast import demand
from softswitch.acd.foresight import Foresight
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.prediction.service import Predictor
from tests.support.office import Office

AGENTS = (
    Agent(login="li", queues=("sales", "gold"), station="extension:1001"),
    Agent(login="zhao", queues=("gold",), station="extension:1002"),
)


@dataclass
class Alarms:
    active: list[str] = field(default_factory=list)

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        self.active.append(object)

    def clear(self, code: str, object: str = "") -> None:
        self.active.remove(object)


@pytest.fixture
async def office(tmp_path: Path) -> Any:
    queues = (Queue(name="sales", choice="balance_wait", announce="both"), Queue(name="gold", service_seconds=10))
    office = Office(tmp_path, agents=AGENTS, queues=queues)
    yield office
    await office.close()


def foresight(office: Office, alarms: Alarms) -> tuple[Foresight, Predictor]:
    predictor = Predictor()
    office.bus.subscribe(predictor.handle)
    office.acd.forecast.oracle = predictor
    return Foresight(office.acd, predictor, alarms, lambda: random.Random(7)), predictor


async def test_queues_that_share_agents_are_simulated_together_and_the_wait_grows_with_the_place(office: Office) -> None:
    made, predictor = foresight(office, Alarms())
    await office.ready("li", "zhao")
    for number in range(3):
        office.call("queue:gold", f"1380013800{number}")
        office.call("queue:sales", f"1390013900{number}")
    await asyncio.sleep(1)
    for phone in ("1001", "1002"):
        office.phone(phone).accept()
    await asyncio.sleep(30)
    assert office.acd.core.queues_of("li") == ("sales", "gold")
    await made.look()
    queue = office.snapshot.queues["sales"]
    waits = [office.acd.forecast.wait(queue, ahead, office.acd.now)[0] for ahead in (0, 1, 2)]
    assert 0 < waits[0] < waits[1] < waits[2]
    assert predictor._simulated.keys() == {"sales", "gold"}


async def test_balance_is_the_predicted_wait_against_the_target(office: Office) -> None:
    made, _ = foresight(office, Alarms())
    await office.ready("li", "zhao")
    balance, deficit = made.figures(office.snapshot.queues.values())
    assert balance == {"sales": 0.0, "gold": 0.0}
    assert deficit == {"sales": 0.0, "gold": 0.0}
    await office.floor.set_state("li", "not_ready", "", "li")
    await asyncio.sleep(2)
    balance, _ = made.figures(office.snapshot.queues.values())
    assert balance["sales"] > 1000, "nobody serves it"


async def test_predictions_that_fail_are_not_said_and_raise_an_alarm(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms = Alarms()
    made, predictor = foresight(office, alarms)
    off = ["sales"]
    monkeypatch.setattr(predictor, "queues_in_bands", lambda _at: off)
    await made.look()
    assert alarms.active == ["queue:sales"]
    office.call("queue:sales")
    await asyncio.sleep(5)
    assert [event.what for event in office.of(ev.QueueAnnounced)] == ["position"]
    off.clear()
    await made.look()
    assert alarms.active == []
    await asyncio.sleep(45)
    assert office.of(ev.QueueAnnounced)[-1].what == "both"


def test_callers_who_were_not_admitted_are_no_demand() -> None:
    learned: list[ev.Event] = []
    hear = demand(learned.append)
    refused = ev.QueueEntered(queue="sales", visit="v1", position=0)
    waits = ev.QueueEntered(queue="sales", visit="v2", position=1)
    left = [ev.QueueLeft(queue="sales", visit=visit, result="closed", wait_ms=0) for visit in ("v1", "v2")]
    for event in (refused, waits, *left):
        hear(event)
    assert learned == [waits, left[1]]
