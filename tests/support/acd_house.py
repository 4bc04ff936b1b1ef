"""A core with one or more queues and agents, its time, and everything it said; invariants after each step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TypeVar

from softswitch.acd import commands as c
from softswitch.acd.check import check
from softswitch.acd.core import AcdCore
from softswitch.acd.model import AcdConfig, AgentRecord
from softswitch.directory.centre import Agent, Queue, Reason
from softswitch.model import events as ev

E = TypeVar("E", bound=ev.Event)


class House:
    def __init__(self, queues: Sequence[Queue], agents: Sequence[Agent], reasons: Mapping[str, Reason] | None = None) -> None:
        numbers = itertools.count(1)
        self.now = 1000.0
        self.events: list[ev.Event] = []
        config = AcdConfig({a.login: a for a in agents}, {q.name: q for q in queues}, reasons=reasons or {}, version=7)
        self.core = AcdCore(config, lambda: f"o{next(numbers)}")

    def do(self, *commands: c.Command) -> list[ev.Event]:
        said: list[ev.Event] = []
        for command in commands:
            said += self.core.submit(command, self.now)
            assert check(self.core, self.now) == []
        self.events += said
        return said

    def wait(self, seconds: float) -> list[ev.Event]:
        until = self.now + seconds
        said: list[ev.Event] = []
        while (due := self.core.deadline()) is not None and due <= until:
            self.now = max(due, self.now)
            said += self.core.handle_timeout(self.now)
            assert check(self.core, self.now) == []
        self.now = until
        self.events += said
        return said

    def sign_in(self, *logins: str) -> None:
        for login in logins:
            self.do(c.Login(login, "browser"), c.DeviceChanged(login, reachable=True), c.Ready(login))
            self.wait(1)

    def call(self, visit: str, queue: str = "sales", **more: object) -> list[str]:
        """A caller comes; who is offered the call now."""
        return offered(self.do(c.Enqueue(visit, f"c-{visit}", queue, **more)))  # type: ignore[arg-type]

    def answer(self, login: str) -> None:
        self.do(c.OfferAccepted(self.record(login).offer))

    def talk(self, login: str, visit: str = "v1", queue: str = "sales") -> None:
        """This agent is the only one ready."""
        assert self.call(visit, queue) == [login]
        self.answer(login)

    def record(self, login: str) -> AgentRecord:
        return self.core.state.agents[login]

    def state(self, login: str) -> str:
        return str(self.record(login).state)


def of(events: Sequence[ev.Event], kind: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def offered(events: Sequence[ev.Event]) -> list[str]:
    return [event.agent for event in of(events, ev.OfferMade)]
