"""Every strategy is in the table and keeps what routing relies on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd import strategies
from softswitch.acd.strategies import STRATEGIES, rank
from softswitch.acd.strategies.base import Candidate, Waiting

NOW = 10_000.0
WAITING = Waiting("v1", "sales", NOW - 30)
CANDIDATES = st.lists(
    st.builds(Candidate, login=st.sampled_from("abcdefgh"), idle_since=st.floats(0, NOW)),
    min_size=1,
    unique_by=lambda candidate: candidate.login,
)


def test_every_file_is_in_the_table_and_says_what_it_does() -> None:
    folder = Path(strategies.__file__).parent
    files = {path.stem for path in folder.glob("*.py")} - {"__init__", "base"}
    assert files == set(STRATEGIES)
    for name in files:
        assert importlib.import_module(f"softswitch.acd.strategies.{name}").__doc__


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(deadline=None)
@given(candidates=CANDIDATES)
def test_ranking_is_a_permutation_of_the_candidates_with_a_key_each(name: str, candidates: list[Candidate]) -> None:
    order, keys = rank(name, WAITING, candidates, NOW)
    assert sorted(order) == sorted(agent.login for agent in candidates)
    assert set(keys) == set(order)
    assert [keys[login] for login in order] == sorted(keys.values())


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(deadline=None)
@given(candidates=CANDIDATES, data=st.data())
def test_ranking_does_not_depend_on_the_order_given(name: str, candidates: list[Candidate], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(candidates))
    assert rank(name, WAITING, candidates, NOW) == rank(name, WAITING, shuffled, NOW)


@settings(deadline=None)
@given(candidates=CANDIDATES)
def test_longest_idle_is_first(candidates: list[Candidate]) -> None:
    order, _ = rank("longest_idle", WAITING, candidates, NOW)
    idle = {agent.login: round(agent.idle_since - NOW, 3) for agent in candidates}
    assert idle[order[0]] == min(idle.values())


def test_ties_go_to_the_smaller_login() -> None:
    agents = [Candidate(login, 5.0) for login in ("zhao", "li")]
    assert rank("longest_idle", WAITING, agents, NOW)[0] == ["li", "zhao"]


def test_unknown_strategy_is_an_error() -> None:
    with pytest.raises(KeyError):
        rank("astrology", WAITING, [Candidate("li", 0.0)], NOW)
