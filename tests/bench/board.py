"""What the live board costs: 500 agents and their callers for ten minutes of virtual time, with and without watchers.

The real ACD, views, shapes, hub and frames; only legs and sockets are missing. Share: CPU seconds per second of the floor.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

from softswitch.acd import commands as c
from softswitch.acd.desks import AcdDesks
from softswitch.acd.floor import Floor
from softswitch.acd.service import AcdService
from softswitch.cluster.bus import Bus
from softswitch.directory.model import Agent, Queue, User
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.errors import Conflict
from softswitch.model.ids import Ids
from softswitch.model.states import Role
from tests.bench.figures import Figure, load_average
from tests.support.virtual_time import LoopClock, VirtualLoop
from web.ws.hub import Hub

AGENTS, QUEUES, BOARDS = 500, 10, 5
RING, TALK, WRAP_UP = 4.0, 150.0, 20
ARRIVALS = 3.1  # callers per second: a little more than the agents can serve, so that lines form
SECONDS = 600.0
GOAL = 5.0  # per cent of a core


class Caller:
    """A visit whose offers are answered after some seconds."""

    channel, rule = "voice", ""

    def __init__(self, floor: Load, visit: str) -> None:
        self.visit = visit
        self.facts = LegFacts(inbound=True, kind=PartyKind.TRUNK, party="carrier", caller=f"138{visit[1:]:0>8}")
        self._floor = floor

    def tell(self, event: ev.Event) -> None:
        if isinstance(event, ev.OfferMade):
            self._floor.ring(event)

    def offer_over(self, offer: str) -> None:
        """Nobody hears it."""


class Load:
    """Callers who arrive evenly and agents who answer evenly."""

    def __init__(self, acd: AcdService, names: list[str]) -> None:
        self._acd = acd
        self._names = names
        self._numbers = count(1)
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self.changes = 0

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        heapq.heappush(self._later, (self._acd.now + seconds, next(self._numbers), do))

    def ring(self, offer: ev.OfferMade) -> None:
        self.after(0.1, lambda: self._order(c.OfferAlerting(offer.offer)))
        self.after(RING, lambda: self._answer(offer))

    def _answer(self, offer: ev.OfferMade) -> None:
        if self._order(c.OfferAccepted(offer.offer)):
            self.after(TALK, lambda: self._order(c.Released(offer.agent, offer.call)))

    def _order(self, command: c.Command) -> bool:
        try:
            self._acd.submit(command)
        except Conflict:
            return False
        return True

    def arrive(self) -> None:
        number = next(self._numbers)
        caller = Caller(self, f"v{number}")
        self._acd.welcome(caller)
        self._acd.submit(c.Enqueue(caller.visit, f"c{number}", self._names[number % QUEUES], number=caller.facts.caller))
        self.after(1 / ARRIVALS, self.arrive)

    async def run(self, seconds: float) -> None:
        until = self._acd.now + seconds
        while self._later and self._later[0][0] < until:
            due, _, do = heapq.heappop(self._later)
            await asyncio.sleep(max(0.0, due - self._acd.now))
            do()


def centre(clock: LoopClock, journal: Callable[[ev.Event], None]) -> tuple[AcdService, Snapshot]:
    names = [f"queue{number}" for number in range(QUEUES)]
    agents = {
        f"agent{number}": Agent(
            login=f"agent{number}", station=f"extension:{2000 + number}",
            queues=(names[number % QUEUES], names[(number + 1) % QUEUES]),
        )
        for number in range(AGENTS)
    }  # fmt: skip
    queues = {name: Queue(name=name, wrap_up=WRAP_UP) for name in names}
    users = {f"boss{number}": User(login=f"boss{number}", role=Role.SUPERVISOR) for number in range(BOARDS)}
    snapshot = Snapshot(agents=agents, queues=queues, users=users, version=1)
    stations: Any = SimpleNamespace(on_change=lambda _listener: None, reachable=lambda _agent: True)
    tokens = count(1)
    acd = AcdService(
        directory=lambda: snapshot, journal=journal, clock=clock, ids=Ids(lambda: str(next(tokens))), stations=stations
    )
    return acd, snapshot


def hub_of(acd: AcdService, snapshot: Snapshot, clock: LoopClock, bus: Bus) -> Hub:
    calls: Any = SimpleNamespace(watch=lambda _handler: lambda: None, find=lambda _call: None, view=lambda _call: None)
    control: Any = SimpleNamespace(calls=calls)
    nothing: Any = None
    floor = Floor(acd, control, nothing, AcdDesks(acd, nothing, lambda: "o"))
    bus.subscribe(floor.workdays.note)
    services: Any = SimpleNamespace(
        clock=clock, bus=bus, floor=floor, calls=calls, parts={}, directory=SimpleNamespace(current=lambda: snapshot)
    )
    return Hub(services)


async def measured(boards: int) -> tuple[float, int]:
    """CPU seconds of the floor's ten minutes, and the frames that one board got."""
    clock, bus = LoopClock(asyncio.get_running_loop()), Bus()
    acd, snapshot = centre(clock, bus.publish)
    acd.start()
    hub = hub_of(acd, snapshot, clock, bus)
    if boards:
        hub.start()
    outboxes = [hub.attach(f"boss{number}", "", 0, lambda: None)[0] for number in range(boards)]
    for outbox in outboxes:
        outbox.topics.add("board")
        outbox.send = None  # frames are made and kept; no socket takes them
    for login, agent in snapshot.agents.items():
        acd.submit(c.Login(login, agent.station))
        acd.submit(c.DeviceChanged(login, reachable=True))
        acd.submit(c.Ready(login))
    load = Load(acd, list(snapshot.queues))
    load.arrive()
    await load.run(240.0)  # until lines and conversations are as they will be
    sent = outboxes[0].seq if outboxes else 0
    began = time.process_time()
    await load.run(SECONDS)
    spent = time.process_time() - began
    frames = outboxes[0].seq - sent if outboxes else 0
    if boards:
        await hub.stop()
    acd.close()
    return spent, frames


def bench() -> list[Figure]:
    def run(boards: int) -> tuple[float, int]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(measured(boards))

    alone, _ = run(0)
    watched, frames = run(BOARDS)
    shown: Mapping[str, float] = {
        f"board of {AGENTS} agents, {BOARDS} watchers": (watched - alone) / SECONDS * 100,
        f"call distribution of {AGENTS} agents alone": alone / SECONDS * 100,
    }
    note = f"{frames / SECONDS:.0f} frames/s a board, {load_average()}"
    goals = (GOAL, None)
    return [
        Figure("board", name, value, "% of a core", goal, note=note)
        for (name, value), goal in zip(shown.items(), goals, strict=True)
    ]


if __name__ == "__main__":
    for figure in bench():
        print(f"{figure.name}: {figure.value:.2f} {figure.unit} {figure.verdict} ({figure.note})")
