"""A day of a call centre made by the real core: callers with patience, agents with habits. Its events are the journal's."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import replace

from softswitch.acd import commands as c
from softswitch.acd.core import AcdCore
from softswitch.acd.model import AcdConfig
from softswitch.directory.centre import Agent, Need, Queue, Stage
from softswitch.model.destination import Destination
from softswitch.model.errors import SwitchError
from softswitch.model.events import AgentStateChanged, Event, OfferAnswered, OfferMade, QueueLeft
from softswitch.model.states import AgentState

MORNING = 1_700_000_000.0
SKILLS = ("broadband", "vip")


def centre(agents: int, strategy: str = "longest_idle") -> AcdConfig:
    """Three queues; every agent serves two of them."""
    dice = random.Random(agents)
    queues = {
        "sales": Queue(name="sales", strategy=strategy, max_wait=300, overflow=Destination.parse("queue:service"), wrap_up=15),
        "service": Queue(name="service", strategy="round_robin", reject_limit=3, wrap_up=30, max_wait_guard=120),
        "vip": Queue(
            name="vip", strategy="best_fit", importance=30, needs=(Need(skill="vip", level=60),), wrap_up_mode="until_done",
            stages=(Stage(after=20, levels={"vip": 20}), Stage(after=60, any_member=True)),
        ),
    }  # fmt: skip
    people = {}
    for number in range(agents):
        login = f"agent{number:03}"
        served = tuple(dice.sample(sorted(queues), 2))
        people[login] = Agent(login=login, queues=served, skills={skill: dice.randint(1, 100) for skill in SKILLS})
    return AcdConfig(people, queues)


class DayMaker:
    """Runs the core; whatever it says is answered by people who have habits."""

    def __init__(self, config: AcdConfig, calls: int, seconds: float, seed: int = 1) -> None:
        numbers = itertools.count(1)
        self.dice = random.Random(seed)
        self.core = AcdCore(config, lambda: f"o{next(numbers)}")
        self.events: list[Event] = []
        self._due: list[tuple[float, int, c.Command]] = []
        self._serial = itertools.count(1)
        self._end = MORNING + seconds
        self._plan_agents(config, seconds)
        self._plan_callers(config, calls, seconds)

    def make(self) -> list[Event]:
        while self._due:
            deadline = self.core.deadline()
            if deadline is not None and deadline < self._due[0][0]:
                self._see(self.core.handle_timeout(deadline))
                continue
            at, _, command = heapq.heappop(self._due)
            try:
                self._see(self.core.submit(command, at))
            except SwitchError:
                continue  # a caller who left an instant after the answer, an agent who was faster
        return self.events

    def at(self, when: float, command: c.Command) -> None:
        heapq.heappush(self._due, (when, next(self._serial), command))

    def _plan_agents(self, config: AcdConfig, seconds: float) -> None:
        dice = self.dice
        for login in config.agents:
            at = MORNING + dice.random() * 60
            for command in (c.Login(login, "browser"), c.DeviceChanged(login, reachable=True), c.Ready(login)):
                self.at(at, command)
                at += dice.random()
            while (at := at + dice.expovariate(1 / 3600)) < self._end:
                self.at(at, c.NotReady(login, "break"))
                at += 60 + dice.expovariate(1 / 300)
                self.at(at, c.Ready(login))
            if dice.random() < 0.3:
                at = MORNING + dice.random() * seconds
                self.at(at, c.Dial(login, f"own-{login}"))
                self.at(at + 5, c.DialAnswered(login))
                self.at(at + 65, c.Released(login, f"own-{login}"))

    def _plan_callers(self, config: AcdConfig, calls: int, seconds: float) -> None:
        dice = self.dice
        for number in range(calls):
            at = MORNING + dice.random() * seconds
            needs = (Need(skill="broadband", level=40),) if dice.random() < 0.2 else ()
            queue = dice.choices(("sales", "service", "vip"), weights=(5, 4, 1))[0]
            self.at(at, c.Enqueue(f"v{number}", f"c{number}", queue, 0.0, dice.choice((0, 0, 20, 60)), needs))
            self.at(at + dice.expovariate(1 / 240), c.Leave(f"v{number}", "abandoned"))

    def _see(self, events: list[Event]) -> None:
        dice = self.dice
        for event in events:
            agent_event = isinstance(event, AgentStateChanged)
            self.events.append(replace(event, call="") if agent_event else event)
            match event:
                case OfferMade():
                    self.at(event.at + 0.1, c.OfferAlerting(event.offer))
                    outcome = dice.random()
                    if outcome < 0.94:
                        self.at(event.at + 1 + dice.expovariate(1 / 3), c.OfferAccepted(event.offer))
                    elif outcome < 0.97:
                        self.at(event.at + 2, c.OfferFailed(event.offer, dice.choice(("reject", "busy"))))
                case OfferAnswered():
                    self.at(event.at + 20 + dice.expovariate(1 / 120), c.Released(event.agent, event.call))
                case AgentStateChanged(new=AgentState.WRAP_UP) if event.old != event.new and dice.random() < 0.7:
                    self.at(event.at + 5 + dice.random() * 8, c.WrapUpDone(event.agent, ("done",)))
                case AgentStateChanged(new=AgentState.WRAP_UP, queue="vip"):
                    self.at(event.at + 40, c.WrapUpDone(event.agent, ("done",)))
                case AgentStateChanged(new=AgentState.NOT_RESPONDING):
                    self.at(event.at + 30, c.Ready(event.agent))
                case QueueLeft(result="overflow"):
                    self.at(event.at, c.Enqueue(f"{event.visit}+", event.call, "service", event.wait_ms / 1000))
                case _:
                    pass
