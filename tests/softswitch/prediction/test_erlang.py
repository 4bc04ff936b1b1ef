"""The formulas of planners against the values of call-centre.md §6.3 and independent numerics."""

import math

import pytest
from scipy.integrate import quad

from softswitch.prediction.erlang import ErlangA, ErlangC, erlang_b


def test_blocking() -> None:
    assert erlang_b(60, 45) == pytest.approx(0.005434, abs=1e-5)


@pytest.mark.parametrize(
    ("load", "aht", "agents", "waiting", "asa", "level"),
    [(10, 180, 12, 0.449388, 40.445, 0.640158), (10, 180, 14, 0.174132, 7.836, 0.888350)],
)
def test_endless_patience(load: float, aht: float, agents: int, waiting: float, asa: float, level: float) -> None:
    found = ErlangC(load, aht, agents)
    assert found.waiting == pytest.approx(waiting, abs=1e-5)
    assert found.speed_of_answer == pytest.approx(asa, abs=1e-3)
    assert found.service_level(20) == pytest.approx(level, abs=1e-5)


@pytest.mark.parametrize(("agents", "level"), [(31, 0.792165), (32, 0.861396)])
def test_service_level_of_a_half_hour(agents: int, level: float) -> None:
    assert ErlangC(240 * 200 / 1800, 200, agents).service_level(20) == pytest.approx(level, abs=1e-5)


def test_more_load_than_agents_is_an_endless_queue() -> None:
    found = ErlangC(12, 180, 10)
    assert not found.is_stable
    assert (found.waiting, found.service_level(20), found.speed_of_answer) == (1.0, 0.0, math.inf)


def test_patience() -> None:
    found = ErlangA(10, 180, 10, 120)
    assert found.waiting == pytest.approx(0.496853, abs=1e-5)
    assert found.abandoning == pytest.approx(0.137464, abs=1e-5)
    assert found.wait == pytest.approx(16.496, abs=1e-3)
    assert ErlangA(10, 180, 12, 120).abandoning == pytest.approx(0.061597, abs=1e-5)


@pytest.mark.parametrize(("agents", "written"), [(10, 0.639931), (12, 0.825574)])
def test_service_level_with_patience(agents: int, written: float) -> None:
    """The written values differ from the formula beside them by one in the fifth place; the formula decides."""
    rate, theta, drain = 10 / 180, 1 / 120, agents / 180

    def hazard(u: float) -> float:
        return math.exp(rate * (1 - math.exp(-theta * u)) / theta - drain * u)

    total = quad(hazard, 0, math.inf, epsabs=1e-12)[0]
    scale = 1 / erlang_b(agents - 1, 10) + rate * total
    exact = 1 - rate * total / scale + rate * quad(lambda u: hazard(u) * math.exp(-theta * u), 0, 20, epsabs=1e-12)[0] / scale
    found = ErlangA(10, 180, agents, 120).service_level(20)
    assert found == pytest.approx(exact, abs=1e-7)
    assert found == pytest.approx(written, abs=2e-5)
