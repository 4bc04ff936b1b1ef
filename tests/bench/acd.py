"""One routing decision of the ACD core, with up to 100,000 waiting calls and 10,000 agents, and how its cost grows.

    python -m tests.bench acd

A decision is the whole step: command, match, the decision with its reasons, reservation, events. Two kinds: an agent becomes
free beside full lines (the best caller is sought), and a caller comes while thousands are free (the best agent is sought).
"""

from __future__ import annotations

import gc
import itertools
import random
import statistics
import time

from softswitch.acd import commands as c
from softswitch.acd.core import AcdCore
from softswitch.acd.model import AcdConfig
from softswitch.directory.centre import Agent, Need, Queue, Stage
from softswitch.model.events import AcdDecision
from tests.bench.figures import Figure, load_average

SIZES = (1_000, 10_000, 100_000)
DECISIONS = 2_000
QUEUES = 20
SKILLS = ("broadband", "vip", "english", "billing")
GOAL_US = 200.0


class Centre:
    """`callers` waiting calls at most, a tenth as many agents, each in three of twenty queues with skills and stages."""

    def __init__(self, callers: int, strategy: str = "longest_idle") -> None:
        self.dice = random.Random(callers)
        self.now = 1_700_000_000.0
        self.callers = callers
        self.logins = [f"agent{n}" for n in range(callers // 10)]
        self.queues = [f"q{n}" for n in range(QUEUES)]
        stages = (Stage(after=60, levels={"broadband": 30}), Stage(after=600, any_member=True))
        queues = {
            name: Queue(
                name=name, strategy=strategy, needs=(Need(skill=SKILLS[n % 4], level=50),), stages=stages, wrap_up_mode="none",
                max_wait_guard=0,
            )
            for n, name in enumerate(self.queues)
        }  # fmt: skip
        agents = {
            login: Agent(
                login=login,
                queues=tuple(self.dice.sample(self.queues, 3)),
                skills={skill: self.dice.randint(30, 100) for skill in SKILLS},
            )
            for login in self.logins
        }
        offers = itertools.count(1)
        self.core = AcdCore(AcdConfig(agents, queues), lambda: f"o{next(offers)}")
        self.serial = itertools.count(1)
        for login in self.logins:
            self.do(c.Login(login, "browser"))
            self.do(c.DeviceChanged(login, reachable=True))
            self.do(c.Ready(login))
            self.do(c.NotReady(login, "pause"))

    def do(self, command: c.Command) -> float:
        """Microseconds of the step."""
        self.now += 0.001
        began = time.perf_counter_ns()
        self.events = self.core.submit(command, self.now)
        return (time.perf_counter_ns() - began) / 1000

    def caller(self) -> c.Enqueue:
        number, dice = next(self.serial), self.dice
        needs = (Need(skill="vip", level=60),) if dice.random() < 0.1 else ()
        return c.Enqueue(f"v{number}", f"c{number}", dice.choice(self.queues), dice.random() * 50, dice.randint(0, 100), needs)

    def fill(self) -> list[float]:
        return [self.do(self.caller()) for _ in range(self.callers)]

    def free_agents(self) -> list[float]:
        """Agents become free one after another beside full lines."""
        spent: list[float] = []
        for login in itertools.islice(itertools.cycle(self.logins), DECISIONS):
            agent = self.core.state.agents[login]
            cost = self.do(c.Ready(login))
            if agent.offer:
                spent.append(cost)
                visit = self.core.state.offers[agent.offer].visit
                self.do(c.OfferAlerting(agent.offer))
                self.do(c.NotReady(login, "pause"))  # takes effect when the caller has gone
                self.do(c.Leave(visit))
                self.do(self.caller())
            else:
                self.do(c.NotReady(login, "pause"))
        return spent

    def callers_come(self) -> list[float]:
        """Nobody waits, everybody is free."""
        for login in self.logins:
            self.do(c.Ready(login))
        spent: list[float] = []
        for _ in range(min(DECISIONS, len(self.logins) * 4)):
            entry = self.caller()
            cost = self.do(entry)
            if any(isinstance(event, AcdDecision) for event in self.events):
                spent.append(cost)
            self.do(c.Leave(entry.visit))
        return spent


def bench() -> list[Figure]:
    figures: list[Figure] = []
    for size in SIZES:
        centre = Centre(size)
        fill = centre.fill()
        figures += [
            figure(f"agent free, {size} callers, {size // 10} agents", centre.free_agents(), GOAL_US),
            figure(f"caller enters a line of {size}", fill[-DECISIONS:], None),
            figure(f"caller comes, {size // 10} agents free", Centre(size).callers_come(), GOAL_US),
        ]
    return figures + growth(figures)


def figure(name: str, spent: list[float], goal: float | None) -> Figure:
    spent.sort()
    note = f"p99 {spent[len(spent) * 99 // 100]:.0f} µs, {len(spent)} times, {load_average()}"
    return Figure("acd", name, round(statistics.median(spent), 1), "µs median", goal, note=note)


def growth(figures: list[Figure]) -> list[Figure]:
    """Cost at the largest size over the smallest; log n grows by 5/3 from 1,000 to 100,000."""
    found: list[Figure] = []
    for kind in ("agent free", "caller comes"):
        curve = [entry.value for entry in figures if entry.name.startswith(kind)]
        found.append(Figure("acd", f"{kind}: growth from 1k to 100k", round(curve[-1] / curve[0], 2), "times", 5 / 3))
    return found


def each_strategy() -> list[Figure]:
    """The strategies beside each other at 10,000 callers."""
    from softswitch.acd.strategies import STRATEGIES

    found: list[Figure] = []
    for name in STRATEGIES:
        gc.collect()
        found.append(figure(f"caller comes, 1000 agents free, {name}", Centre(10_000, name).callers_come(), GOAL_US))
    return found
