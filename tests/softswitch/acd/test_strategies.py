"""Every strategy is in the table and keeps what routing relies on; each does what its name says."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd import strategies
from softswitch.acd.strategies import STRATEGIES, rank
from softswitch.acd.strategies.base import Candidate, Ringing, Waiting

NOW = 10_000.0
WAITING = Waiting("v1", "sales", NOW - 30, (("vip", 50, 10), ("english", 30, 50)), 2, 9, 4711)
FIGURE = st.floats(0, 1000)
CANDIDATES = st.lists(
    st.builds(
        Candidate, login=st.sampled_from("abcdefgh"), idle_since=st.floats(0, NOW), order=st.integers(0, 8),
        weight=st.integers(1, 100), tier=st.integers(1, 3), distance=st.integers(0, 1),
        skills=st.dictionaries(st.sampled_from(("vip", "english")), st.integers(1, 100)), answered=FIGURE, talk=FIGURE,
        occupancy=st.floats(0, 1), handling=FIGURE,
    ),
    min_size=1,
    unique_by=lambda candidate: candidate.login,
)  # fmt: skip
SMALLEST = {
    "longest_idle": lambda agent: round(agent.idle_since, 3), "fewest_calls": lambda agent: round(agent.answered, 4),
    "least_talk": lambda agent: round(agent.talk, 2), "lowest_occupancy": lambda agent: round(agent.occupancy, 4),
    "linear": lambda agent: agent.order, "tiered": lambda agent: agent.tier, "local_first": lambda agent: agent.distance,
    "fastest": lambda agent: round(agent.handling, 3),
    "most_skilled": lambda agent: -10 * agent.skills.get("vip", 0) - 50 * agent.skills.get("english", 0),
    "least_skilled": lambda agent: 10 * agent.skills.get("vip", 0) + 50 * agent.skills.get("english", 0),
    "best_fit": lambda agent: 10 * abs(agent.skills.get("vip", 0) - 50) + 50 * abs(agent.skills.get("english", 0) - 30),
    "round_robin": lambda agent: (agent.order - 3) % 9,
}  # fmt: skip
"""What the first one has least of."""


def test_every_file_is_in_the_table_and_says_what_it_does() -> None:
    folder = Path(strategies.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert files == set(STRATEGIES)
    for name in files:
        assert importlib.import_module(f"softswitch.acd.strategies.{name}").__doc__


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(deadline=None, max_examples=50)
@given(candidates=CANDIDATES, data=st.data())
def test_ranking_is_a_permutation_by_key_whatever_the_order_given(
    name: str, candidates: list[Candidate], data: st.DataObject
) -> None:
    order, keys = rank(name, WAITING, candidates, NOW)
    assert sorted(order) == sorted(agent.login for agent in candidates)
    assert [keys[login] for login in order] == sorted(keys.values())
    shuffled = data.draw(st.permutations(candidates))
    assert rank(name, WAITING, shuffled, NOW) == (order, keys)


@pytest.mark.parametrize("name", sorted(SMALLEST))
@settings(deadline=None, max_examples=50)
@given(candidates=CANDIDATES)
def test_the_first_has_least_of_what_the_strategy_is_named_for(name: str, candidates: list[Candidate]) -> None:
    order, _ = rank(name, WAITING, candidates, NOW)
    least = {agent.login: SMALLEST[name](agent) for agent in candidates}
    assert least[order[0]] == min(least.values())


@pytest.mark.parametrize("name", ["tiered", "local_first"])
@settings(deadline=None, max_examples=50)
@given(candidates=CANDIDATES)
def test_the_second_strategy_decides_among_equals(name: str, candidates: list[Candidate]) -> None:
    order, keys = rank(name, WAITING, candidates, NOW, "linear")
    first = [agent for agent in candidates if keys[agent.login] == keys[order[0]]]
    assert next(agent.order for agent in first if agent.login == order[0]) == min(agent.order for agent in first)


@pytest.mark.parametrize("strategy", sorted(set(STRATEGIES) - {"random", "weighted_random"}))
def test_ties_go_to_the_longest_idle_then_to_the_smaller_login(strategy: str) -> None:
    agents = [Candidate(login, idle) for login, idle in (("zhao", 5.0), ("wen", 9.0), ("li", 5.0))]
    assert rank(strategy, WAITING, agents, NOW)[0] == ["li", "zhao", "wen"]


def test_random_is_uniform_and_weighted_random_goes_by_the_weights() -> None:
    agents = [Candidate(login, 0.0, weight=weight) for login, weight in (("li", 10), ("wen", 20), ("zhao", 70))]
    draws = 20_000
    first: dict[str, Counter[str]] = {"random": Counter(), "weighted_random": Counter()}
    for seed in range(draws):
        for name, count in first.items():
            count[rank(name, WAITING._replace(seed=seed * 7919 + 17), agents, NOW)[0][0]] += 1
    for agent in agents:
        assert first["random"][agent.login] / draws == pytest.approx(1 / 3, abs=0.02)
        assert first["weighted_random"][agent.login] / draws == pytest.approx(agent.weight / 100, abs=0.02)


def test_who_knows_the_caller_has_a_bonus_in_best_fit() -> None:
    exact = Candidate("li", 0.0, skills={"vip": 50, "english": 30})
    known = Candidate("wen", 0.0, skills={"vip": 55, "english": 35})
    assert rank("best_fit", WAITING, [exact, known], NOW)[0][0] == "li"
    assert rank("best_fit", WAITING._replace(known_to=("wen",)), [exact, known], NOW)[0][0] == "wen"


@pytest.mark.parametrize(
    ("name", "ringing", "expected"),
    [
        ("longest_idle", Ringing(0, 0.0, 3, 5.0, 20), 1),
        ("ring_all", Ringing(0, 0.0, 3, 5.0, 20), 20),
        ("hunt_n", Ringing(0, 0.0, 3, 5.0, 20), 3),
        ("hunt_n", Ringing(1, 4.0, 3, 5.0, 20), 0),
        ("progressive_ring", Ringing(0, 0.0, 3, 5.0, 20), 1),
        ("progressive_ring", Ringing(1, 4.9, 3, 5.0, 20), 1),
        ("progressive_ring", Ringing(1, 5.0, 3, 5.0, 20), 2),
        ("progressive_ring", Ringing(3, 500.0, 3, 5.0, 20), 20),
    ],
)
def test_how_many_ring_at_once(name: str, ringing: Ringing, expected: int) -> None:
    assert STRATEGIES[name].at_once(ringing) == expected


def test_unknown_strategy_is_an_error() -> None:
    with pytest.raises(KeyError):
        rank("astrology", WAITING, [Candidate("li", 0.0)], NOW)
