"""What earlier weeks say before today has said enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from softswitch.acd.earlier import HALF_HOUR, WEEK, next_half_hour, priors
from softswitch.prediction.service import Predictor, Question
from softswitch.prediction.statistics import Prior
from softswitch.store.database import Store
from softswitch.store.fact_tables import CONTACT_SUMS, QUEUE_SUMS, interval_handled, interval_queues

NOW = 1_767_001_200.0  # ten minutes into a half hour


def weeks(connection: Connection) -> None:
    """Last week and the week before: 40 calls in this half hour, 300 s each with ring and wrap-up, 10 gave up. Other half hours
    and older weeks were different."""
    begin = int(NOW // HALF_HOUR) * HALF_HOUR
    rows = [(begin - WEEK, 20), (begin - WEEK + 900, 20), (begin - 2 * WEEK, 40)]
    other = [(begin - WEEK - 900, 7), (begin - WEEK + HALF_HOUR, 7), (begin - 5 * WEEK, 7), (begin, 7)]
    for bucket, calls in (*rows, *other):
        strange = 1 if (bucket, calls) in rows else 100
        waits = dict.fromkeys(QUEUE_SUMS, 0) | {"off": calls, "abd": calls // 4, "wait_ms": calls * 30_000 * strange}
        key = {"bucket": bucket, "queue": "sales"}
        connection.execute(insert(interval_queues).values(**key, target_ms=20_000, short_ms=5_000, max_wait_ms=0, **waits))
        times = {"answered": calls, "ring_ms": calls * 5_000, "talk_ms": calls * 250_000 * strange, "wrap_ms": calls * 45_000}
        sums = dict.fromkeys(CONTACT_SUMS, 0) | times
        for direction in ("in", "out"):
            connection.execute(insert(interval_handled).values(**key, direction=direction, **sums))


@pytest.fixture
async def store(url: str) -> Store:
    return await Store.open(url)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/e.db"


async def test_the_same_half_hour_of_the_last_weeks_is_believed(store: Store) -> None:
    await store.write(weeks)
    found = await store.read(lambda connection: priors(connection, NOW))
    assert found.keys() == {"sales"}
    assert found["sales"].occupied == pytest.approx((80 * 300 + 10 * 180) / 90)
    assert found["sales"].patience == pytest.approx((80 * 30 + 240) / 21)
    assert found["sales"].arrivals == pytest.approx(80 / (4 * HALF_HOUR))
    await store.close()


async def test_without_history_nothing_is_said(store: Store) -> None:
    assert await store.read(lambda connection: priors(connection, NOW)) == {}
    await store.close()


def test_a_queue_of_long_calls_is_predicted_so_before_the_first_of_today() -> None:
    asked = Question(queue="sales", ahead=2, serving=tuple(f"a{number}" for number in range(10)))
    predictor = Predictor()
    before = predictor.predict(asked, NOW).mean
    predictor.believe({"sales": Prior(occupied=600, patience=1e9)})
    after = predictor.predict(asked, NOW).mean
    assert after == pytest.approx(600 / 10 * 3, rel=0.01)
    assert after > 3 * before
    predictor.believe({})
    assert predictor.predict(asked, NOW).mean == before


def test_half_hours() -> None:
    assert next_half_hour(3600.0) == 5400.0
    assert next_half_hour(NOW) - NOW == 1200.0
