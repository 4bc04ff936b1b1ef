"""A call centre gone wild: random agents, callers and faults drive the real core in virtual time, invariants after every step.

10^5 commands in the ordinary run, 10^6 with SOAK=1 (script/soak). In the end nobody is stuck, no call lost, no offer double.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from softswitch.acd import commands as c
from softswitch.acd.check import check, check_around
from softswitch.acd.core import AcdCore
from softswitch.acd.fold import apply
from softswitch.acd.model import AcdConfig, AcdState, AgentConfig, QueueConfig
from softswitch.model.errors import SwitchError
from softswitch.model.events import (
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferWithdrawn,
    QueueEntered,
    QueueLeft,
)
from softswitch.model.states import AgentState

STEPS = 1_000_000 if os.environ.get("SOAK") == "1" else 100_000
SEEDS = (1, 2, 3, 4)
START = 1_700_000_000.0
RESULTS = ("answered", "abandoned", "supervisor", "timeout", "overflow", "closed")
KINDS = ("acd.decision", "offer.made", "offer.failed", "offer.withdrawn", "agent.wrapup_done", "agent.logout", "sup.forced")
S = AgentState


class Centre:
    """The random world around one core, and its own books of what was promised to callers and agents."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = START
        self.serial = 0
        self.queues = [f"q{n}" for n in range(4)]
        self.logins = [f"agent{n}" for n in range(12)]
        self.core = AcdCore(self.config(), self.offer_id)
        self.live_visits: dict[str, str] = {}  # visit -> call
        self.live_offers: dict[str, str] = {}  # offer -> agent
        self.talks: dict[str, str] = {}  # agent -> call, until released
        self.results: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.states: Counter[str] = Counter()  # entered
        self.refused = 0
        self.refolded = AcdState()

    def config(self) -> AcdConfig:
        dice = self.dice
        present = [queue for queue in self.queues if dice.random() < 0.9] or self.queues[:1]
        agents = {
            login: AgentConfig(login, tuple(dice.sample(present, dice.randint(0, len(present)))))
            for login in self.logins
            if dice.random() < 0.95
        }
        queues = {
            name: QueueConfig(
                name, ring_timeout=dice.choice((5, 20)), wrap_up=dice.choice((0, 5, 30)), max_wait=dice.choice((0, 0, 60)),
                overflow=dice.choice(("", "queue:q0")),
            )
            for name in present
        }  # fmt: skip
        return AcdConfig(agents, queues)

    def offer_id(self) -> str:
        self.serial += 1
        return f"o{self.serial}"

    def run(self, steps: int) -> None:
        for step in range(steps):
            self.let_time_pass(self.dice.expovariate(2.0))
            self.submit(self.any_command())
            if step % 5000 == 0:
                assert check(self.core, self.now) == []
                assert self.refolded.visits == self.core.state.visits

    def let_time_pass(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.core.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.book(self.core.handle_timeout(self.now))
        self.now = until

    def submit(self, command: c.Command) -> None:
        before = len(self.core.state.visits), len(self.core.state.offers)
        try:
            events = self.core.submit(command, self.now)
        except SwitchError:
            self.refused += 1
            assert before == (len(self.core.state.visits), len(self.core.state.offers)), "a refusal changed something"
            return
        if isinstance(command, c.Released) and self.talks.get(command.agent) == command.call:
            del self.talks[command.agent]
        self.book(events)

    def book(self, events: list[Event]) -> None:
        agents: set[str] = set()
        visits: set[str] = set()
        for event in events:
            self.events[event.type] += 1
            apply(self.refolded, event, self.core.config.rules)
            self.book_one(event)
            agents.add(event.agent)
            visits.add(getattr(event, "visit", ""))
        broken = check_around(self.core, self.now, agents, visits)
        assert broken == [], events

    def book_one(self, event: Event) -> None:
        match event:
            case QueueEntered():
                assert event.visit not in self.live_visits
                self.live_visits[event.visit] = event.call
            case QueueLeft():
                assert self.live_visits.pop(event.visit) == event.call
                self.results[event.result] += 1
            case OfferMade():
                assert event.agent not in self.live_offers.values(), "double offer"
                assert event.agent not in self.talks, "offer to an agent who talks"
                assert event.visit in self.live_visits
                self.live_offers[event.offer] = event.agent
            case OfferAnswered():
                assert self.live_offers.pop(event.offer) == event.agent
                self.talks[event.agent] = event.call
            case OfferFailed() | OfferWithdrawn():
                assert self.live_offers.pop(event.offer) == event.agent
            case AgentStateChanged(new=AgentState.LOGGED_OUT):
                self.talks.pop(event.agent, None)
                self.states[event.new] += 1
            case AgentStateChanged():
                self.states[event.new] += event.old != event.new
            case _:
                pass

    # ------------------------------------------------------------------ what may happen

    def any_command(self) -> c.Command:
        (kind,) = self.dice.choices(list(_LIKELY), weights=list(_LIKELY.values()))
        return kind(self)

    def login(self, *states: AgentState) -> str:
        """Mostly an agent in one of the states, so that the order makes sense; now and then anybody, or a stranger."""
        if states and self.dice.random() < 0.9:
            fitting = [login for login, agent in self.core.state.agents.items() if agent.state in states]
            if fitting:
                return self.dice.choice(fitting)
        return self.dice.choice(self.logins) if self.dice.random() < 0.999 else "stranger"

    def visit(self) -> str:
        """Half of those who leave do so while a device alerts for them."""
        offered = [offer.visit for offer in self.core.state.offers.values()]
        pool = offered if offered and self.dice.random() < 0.5 else list(self.live_visits)
        return self.dice.choice(pool) if pool else "gone"

    def offer(self) -> str:
        if not self.live_offers or self.dice.random() < 0.05:
            return f"o{max(self.serial - self.dice.randint(0, 3), 0)}"  # perhaps over already: accepted twice, withdrawn
        return self.dice.choice(list(self.live_offers))

    def enqueue(self) -> c.Command:
        self.serial += 1
        waited = self.dice.choice((0.0, 0.0, 0.0, self.dice.random() * 100))
        return c.Enqueue(f"v{self.serial}", f"c{self.serial}", self.dice.choice(self.queues), waited)

    def dial(self) -> c.Command:
        self.serial += 1
        return c.Dial(self.login(S.READY, S.NOT_READY, S.WRAP_UP), f"c{self.serial}")

    def released(self) -> c.Command:
        login = self.dice.choice(list(self.talks)) if self.talks else self.login(S.TALKING, S.DIALLING)
        agent = self.core.state.agents.get(login)
        return c.Released(login, agent.call if agent and agent.call else "over")

    def device(self) -> c.Command:
        if self.dice.random() < 0.8:
            return c.DeviceChanged(self.login(S.NOT_READY), reachable=True)
        return c.DeviceChanged(self.login(), reachable=False)

    def force(self) -> c.Command:
        return c.ForceState(self.login(), self.dice.choice(list(AgentState)), "order", "wang")


_LIKELY: dict[Callable[[Centre], c.Command], float] = {
    Centre.enqueue: 16,
    lambda w: c.Leave(w.visit(), w.dice.choice(("abandoned", "supervisor"))): 3,
    lambda w: c.Login(w.login(S.LOGGED_OUT), w.dice.choice(("browser", "browser", "browser", "extension:1001"))): 5,
    lambda w: c.Logout(w.login()): 0.5,
    lambda w: c.Ready(w.login(S.NOT_READY, S.NOT_RESPONDING, S.WRAP_UP)): 14,
    lambda w: c.NotReady(w.login(), w.dice.choice(("break", "meal"))): 2,
    Centre.device: 8,
    lambda w: c.OfferAlerting(w.offer()): 20,
    lambda w: c.OfferAccepted(w.offer()): 12,
    lambda w: c.OfferFailed(w.offer(), w.dice.choice(("reject", "reject", "busy", "device", "lost"))): 3,
    Centre.dial: 1,
    lambda w: c.DialAnswered(w.login(S.DIALLING)): 2,
    lambda w: c.DialFailed(w.login(S.DIALLING)): 1,
    lambda w: c.Hold(w.login(S.TALKING)): 2,
    lambda w: c.Resume(w.login(S.HOLDING)): 2,
    Centre.released: 12,
    lambda w: c.WrapUpDone(w.login(S.WRAP_UP)): 2,
    lambda w: c.ConnectionLost(w.login()): 1.5,
    lambda w: c.ConnectionBack(w.login(S.OFFLINE)): 3,
    Centre.force: 1,
    lambda w: c.ChangeConfig(w.config()): 0.2,
}


def close_down(centre: Centre) -> None:
    """Everybody goes home; whoever cannot is stuck."""
    for visit in list(centre.live_visits):
        centre.submit(c.Leave(visit))
    for login, agent in list(centre.core.state.agents.items()):
        if agent.call:
            centre.submit(c.Released(login, agent.call))
        centre.submit(c.Logout(login))
    centre.let_time_pass(3600)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
def test_random_centre_keeps_every_promise(seed: int) -> None:
    centre = Centre(seed)
    centre.run(STEPS // len(SEEDS))
    close_down(centre)
    assert check(centre.core, centre.now) == []
    stuck = {login: agent.state for login, agent in centre.core.state.agents.items() if agent.state != AgentState.LOGGED_OUT}
    assert stuck == {}
    assert centre.live_visits == {}, "lost calls"
    assert centre.live_offers == {}
    assert min(centre.results[result] for result in RESULTS) > 100, f"the run hardly saw some results: {centre.results}"
    assert min(centre.events[kind] for kind in KINDS) > 20, f"the run hardly saw some events: {centre.events}"
    assert min(centre.states[state] for state in AgentState) > 20, f"the run hardly saw some states: {centre.states}"


def test_equal_commands_give_equal_events() -> None:
    first, second = Centre(9), Centre(9)
    first.run(2000)
    second.run(2000)
    assert first.core.state == second.core.state


def test_state_is_the_fold_of_the_events() -> None:
    centre = Centre(5)
    centre.run(5000)
    for login, agent in centre.core.state.agents.items():
        folded = centre.refolded.agents.get(login)
        if folded is not None:
            assert replace(folded, reachable=agent.reachable) == agent
    assert centre.refolded.visits == centre.core.state.visits
    assert centre.refolded.offers == centre.core.state.offers
    assert centre.refolded.waiting == centre.core.state.waiting
