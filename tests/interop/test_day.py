"""The scripted day in less than a minute: no call is lost, nobody is stuck, every figure is what the events say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.day.plan import Plan
from tests.day.proof import prove
from tests.day.script import Day


@pytest.mark.timeout(200)
async def test_the_figures_of_a_day_are_what_its_events_say(tmp_path: Path) -> None:
    day = Day(Plan(seconds=25, agents=10), tmp_path, pictures=None)
    async with day.lived() as outcome:
        proof = await prove(day.rest, outcome)
    assert proof.faults == []
    assert outcome.sent >= 30 and outcome.called_back + int(proof.reports["callbacks"]["totals"]["created"]) > 0
    assert proof.figures > 150
