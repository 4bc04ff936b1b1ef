"""A call centre gone wild: random agents, callers and faults drive the real core in virtual time, invariants after every step.

10^5 commands in the ordinary run, 10^6 with SOAK=1 (script/soak): refused offers, double clicks, lost connections, crashes and
recovery from stored events, changed configurations. In the end nobody is stuck, no call lost, no offer double.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from softswitch.acd.check import check
from softswitch.acd.model import AgentRecord
from softswitch.acd.strategies import STRATEGIES
from softswitch.model.states import AgentState
from tests.simulation.centre import Centre, close_down
from tests.simulation.orders import LIKELY

STEPS = 1_000_000 if os.environ.get("SOAK") == "1" else 100_000
SEEDS = (1, 2, 3, 4)
RESULTS = ("answered", "abandoned", "supervisor", "timeout", "overflow", "closed", "key")
KINDS = (
    "acd.decision", "offer.made", "offer.failed", "offer.withdrawn", "agent.wrapup_done", "agent.logout", "sup.forced",
    "queue.relaxed", "queue.rekeyed", "agent.skills",
)  # fmt: skip


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_centre_keeps_every_promise(seed: int) -> None:
    centre = Centre(seed)
    centre.run(STEPS // len(SEEDS), LIKELY)
    close_down(centre)
    assert check(centre.core, centre.now) == []
    stuck = {login: agent.state for login, agent in centre.core.state.agents.items() if agent.state != AgentState.LOGGED_OUT}
    assert stuck == {}
    assert centre.live_visits == {}, "lost calls"
    assert centre.live_offers == {}
    assert centre.crashes > 0
    assert min(centre.results[result] for result in RESULTS) > 5, f"the run hardly saw some results: {centre.results}"
    assert min(centre.events[kind] for kind in KINDS) > 20, f"the run hardly saw some events: {centre.events}"
    assert min(centre.states[state] for state in AgentState) > 20, f"the run hardly saw some states: {centre.states}"
    assert min(centre.strategies[name] for name in STRATEGIES) > 5, f"the run hardly saw some strategies: {centre.strategies}"


def test_equal_commands_give_equal_events() -> None:
    first, second = Centre(9), Centre(9)
    first.run(2000, LIKELY)
    second.run(2000, LIKELY)
    assert first.core.state.agents.keys() == second.core.state.agents.keys()
    same = first.core.state == second.core.state
    assert same


def test_state_is_the_fold_of_the_events() -> None:
    centre = Centre(5)
    centre.run(5000, LIKELY)
    for login, agent in centre.core.state.agents.items():
        folded = centre.refolded.agents.get(login)
        if folded is not None:
            assert with_inputs_of(folded, agent) == agent
    centre.compare()


def with_inputs_of(folded: AgentRecord, agent: AgentRecord) -> AgentRecord:
    return replace(folded, reachable=agent.reachable, codes=agent.codes, beside=agent.beside, load=agent.load)
