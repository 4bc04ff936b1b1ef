"""The random world around one core, and its own books of what was promised to callers and agents."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from softswitch.acd import commands as c
from softswitch.acd.check import check, check_around
from softswitch.acd.core import RECOVERED, AcdCore
from softswitch.acd.fold import apply
from softswitch.acd.model import AcdConfig, AcdState, Rules
from softswitch.acd.strategies import STRATEGIES
from softswitch.directory.centre import Agent, Membership, Need, Overflow, Queue, Reason, Stage
from softswitch.model.destination import Destination
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

START = 1_700_000_000.0
MAXIMUM_LINE = 60
S = AgentState
SKILLS = ("broadband", "vip", "english")
IN_CALL = (S.TALKING, S.HOLDING, S.CONSULTING, S.CONFERENCE)
REASONS = {
    "break": Reason(code="break"),
    "meal": Reason(code="meal", max_seconds=60, then_ready=True),
    "training": Reason(code="training", approval=True),
    "meeting": Reason(code="meeting", max_seconds=40),
}
OVERFLOWS = (
    Overflow(when="wait", threshold=90, to=Destination.parse("queue:q1")),
    Overflow(when="no_agents", threshold=20, to=Destination.parse("voicemail:main")),
)


class Centre:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = START
        self.serial = 0
        self.queues = [f"q{n}" for n in range(5)]
        self.logins = [f"agent{n}" for n in range(14)]
        self.core = AcdCore(self.config(), self.offer_id)
        self.live_visits: dict[str, str] = {}  # visit -> call
        self.live_offers: dict[str, tuple[str, str]] = {}  # offer -> agent, visit
        self.talks: dict[str, str] = {}  # agent -> call, until released
        self.stored: list[Event] = []  # what the database has of agents
        self.results: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.states: Counter[str] = Counter()  # entered
        self.strategies: Counter[str] = Counter()  # of decisions
        self.rules: Counter[str] = Counter()
        self.refused = 0
        self.crashes = 0
        self.refolded = AcdState()

    # ------------------------------------------------------------------ configuration

    def config(self) -> AcdConfig:
        dice = self.dice
        present = [queue for queue in self.queues if dice.random() < 0.9] or self.queues[:1]
        agents = {login: self.agent(login, present) for login in self.logins if dice.random() < 0.95}
        return AcdConfig(
            agents, {name: self.queue(name) for name in present}, Rules(day_offset=28_800), REASONS, version=self.serial
        )

    def agent(self, login: str, present: list[str]) -> Agent:
        dice = self.dice
        queues = tuple(dice.sample(present, dice.randint(0, len(present))))
        membership = {
            queue: Membership(
                priority=dice.choice((1, 1, 2)),
                delay=dice.choice((0, 0, 0, 5)),
                weight=dice.randint(1, 100),
                tier=dice.randint(1, 3),
            )
            for queue in queues
        }
        return Agent(
            login=login, queues=queues, membership=membership,
            skills={skill: dice.randint(1, 100) for skill in SKILLS if dice.random() < 0.7},
            site=dice.choice(("", "north", "south")), auto_ready=dice.random() < 0.5, occupancy_cap=dice.choice((0, 0, 0, 70)),
            wrap_up_mode=dice.choice(("", "", "", "optional")),
        )  # fmt: skip

    def queue(self, name: str) -> Queue:
        dice = self.dice
        needs = tuple(
            Need(skill=skill, level=dice.randint(1, 60), mandatory=dice.random() < 0.7)
            for skill in SKILLS[: dice.choice((0, 0, 1, 2))]
        )
        stages = (
            Stage(after=10, levels={"broadband": 1}, threshold=50, tier=2),
            Stage(after=30, any_member=True, tier=3, remote=True),
        )  # fmt: skip
        return Queue(
            name=name, strategy=dice.choice(tuple(STRATEGIES)), second=dice.choice(tuple(STRATEGIES)),
            choice=dice.choice(("priority", "priority", "fcfs", "balance_wait", "deficit")),
            weight_importance=dice.choice((0.8, 0.5)), max_wait_guard=dice.choice((60, 600)), importance=dice.choice((0, 20)),
            needs=needs, stages=stages if dice.random() < 0.6 else (), site=dice.choice(("", "north")),
            remote_delay=dice.choice((0, 10)), sticky=("owner", "last"), sticky_wait=15, ring_timeout=dice.choice((5, 20)),
            ring_step=2, no_answer_limit=dice.choice((1, 3)), wrap_up=dice.choice((0, 5, 30)),
            wrap_up_mode=dice.choice(("none", "optional", "timed", "timed", "timed_no_exit", "until_done")),
            wrap_up_extensions=2, wrap_up_limit=dice.choice((20, 120)), wrap_up_then=dice.choice(("ready", "not_ready")),
            code_required=dice.random() < 0.3, max_wait=dice.choice((0, 0, 60)),
            overflow=dice.choice((None, Destination.parse("queue:q0"))),
            overflows=OVERFLOWS,
            leave_empty=dice.choice((0, 30)), return_within=30, tier_delay=dice.choice((0, 6)),
        )  # fmt: skip

    def offer_id(self) -> str:
        self.serial += 1
        return f"o{self.serial}"

    # ------------------------------------------------------------------ steps

    def run(self, steps: int, kinds: dict[Callable[[Centre], c.Command], float]) -> None:
        likely, weights = list(kinds), list(kinds.values())
        for step in range(steps):
            self.let_time_pass(self.dice.expovariate(2.0) if self.dice.random() < 0.9995 else 3600.0)
            (kind,) = self.dice.choices(likely, weights=weights)
            command = kind(self)
            for _ in range(2 if self.dice.random() < 0.02 else 1):  # a double click
                self.submit(command)
            if self.dice.random() < 0.0002:
                self.crash()
            if step % 2500 == 0:
                self.compare()

    def compare(self) -> None:
        """Everything at once; said in few words, for a difference of two states is long."""
        broken = check(self.core, self.now)
        if broken:
            raise AssertionError(broken)
        for what in ("visits", "waiting", "offers", "trails"):
            if getattr(self.refolded, what) != getattr(self.core.state, what):
                raise AssertionError(f"the fold of the events has other {what}")

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

    def crash(self) -> None:
        """The process dies; a new core gets what was stored, and callers who are still there come back with their places."""
        self.crashes += 1
        waiting = [(visit, self.now - visit.entered_at) for visit in self.core.state.visits.values()]
        self.live_visits.clear()
        self.live_offers.clear()
        self.talks.clear()
        self.now += self.dice.random() * 5
        self.core = AcdCore(self.core.config, self.offer_id)
        self.refolded = AcdState()
        for event in self.stored:
            apply(self.refolded, event, self.core.config.rules)
        for record in self.refolded.agents.values():
            record.offer = ""
        self.book(self.core.recover(self.stored, self.now))
        for visit, waited in waiting:
            self.submit(c.Enqueue(f"{visit.id}'", visit.call, visit.queue, waited + 1.0, visit.points, visit.needs))

    def book(self, events: list[Event]) -> None:
        agents: set[str] = set()
        visits: set[str] = set()
        for event in events:
            self.events[event.type] += 1
            apply(self.refolded, event, self.core.config.rules)
            if isinstance(event, RECOVERED):
                self.stored.append(event)
            self.book_one(event)
            agents.add(event.agent)
            visits.add(getattr(event, "visit", ""))
        broken = check_around(self.core, self.now, agents, visits)
        if broken:
            raise AssertionError(f"{broken} after {events[-12:]}")

    def book_one(self, event: Event) -> None:
        match event:
            case QueueEntered():
                assert event.visit not in self.live_visits
                self.live_visits[event.visit] = event.call
            case QueueLeft():
                assert self.live_visits.pop(event.visit) == event.call
                self.results[event.result] += 1
            case OfferMade():
                assert event.agent not in [agent for agent, _ in self.live_offers.values()], "double offer"
                assert event.agent not in self.talks, "offer to an agent who talks"
                assert event.visit in self.live_visits
                self.live_offers[event.offer] = event.agent, event.visit
                self.strategies[self.core.config.queues[event.queue].strategy] += 1
                self.rules[event.rule] += 1
            case OfferAnswered():
                agent, visit = self.live_offers.pop(event.offer)
                assert agent == event.agent
                self.talks[agent] = self.live_visits[visit]
            case OfferFailed() | OfferWithdrawn():
                assert self.live_offers.pop(event.offer)[0] == event.agent
            case AgentStateChanged(new=AgentState.LOGGED_OUT):
                self.talks.pop(event.agent, None)
                self.states[event.new] += 1
            case AgentStateChanged():
                self.states[event.new] += event.old != event.new
                if event.what == "joined" and event.agent in self.talks:
                    self.talks[event.agent] = event.call
                if AgentState(event.new) in (S.READY, S.NOT_READY, S.WRAP_UP, S.NOT_RESPONDING):
                    self.talks.pop(event.agent, None)
            case _:
                pass

    # ------------------------------------------------------------------ whom and what an order may be about

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

    def call_of(self, login: str) -> str:
        agent = self.core.state.agents.get(login)
        if agent is None:
            return "over"
        calls = [call for call in (agent.call, *agent.beside) if call]
        return self.dice.choice(calls) if calls else "over"

    def new(self, kind: str) -> str:
        self.serial += 1
        return f"{kind}{self.serial}"


def close_down(centre: Centre) -> None:
    """Everybody goes home; whoever cannot is stuck."""
    for visit in list(centre.live_visits):
        centre.submit(c.Leave(visit))
    for login, agent in list(centre.core.state.agents.items()):
        for call in [call for call in (*agent.beside, agent.call) if call]:
            centre.submit(c.Released(login, call))
        centre.submit(c.Logout(login))
    centre.let_time_pass(3600)
