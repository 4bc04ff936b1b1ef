"""Help is asked, told, given and escalated; messages reach whom they name within the sender's scope."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from softswitch.calls.supervision import WatchView, Wish
from softswitch.calls.supervision_help import HelpDesk
from softswitch.directory.centre import Agent, Team
from softswitch.directory.model import Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.events import AgentHelp, AgentMessage, Event
from softswitch.model.states import MonitorMode
from tests.flows.virtual_loop import LoopClock, VirtualLoop


@dataclass
class Desk:
    """`calls`: agent → its call."""

    loop: VirtualLoop
    events: list[Event] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    calls: dict[str, str] = field(default_factory=lambda: {"li": "c1"})
    refuses: bool = False

    def __post_init__(self) -> None:
        objects: list[Any] = [
            (Kind.AGENT, Agent(login="li", team="north")), (Kind.AGENT, Agent(login="wu", team="north")),
            (Kind.AGENT, Agent(login="zhao", team="south")), (Kind.TEAM, Team(name="north")), (Kind.TEAM, Team(name="empty")),
        ]  # fmt: skip
        snapshot = Snapshot.of(objects, version=1)
        supervision: Any = self
        self.help = HelpDesk(
            supervision, self.events.append, LoopClock(self.loop), lambda: snapshot, lambda login: self.calls.get(login, ""),
            lambda supervisor, agent, _queue: supervisor != "north-leader" or agent in ("li", "wu"),
        )  # fmt: skip

    def start(self, wish: Wish) -> WatchView:
        if self.refuses:
            raise Conflict("the supervisor's page has no sound yet")
        self.wishes.append(wish)
        return WatchView(wish.supervisor, wish.mode, "supervising", "c1", wish.agent, "", wish.device, wish.follow, 1.0)

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, AgentHelp)]


def _run(scenario: Callable[[Desk], Awaitable[None]]) -> None:
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(scenario(Desk(loop)))  # type: ignore[arg-type]


def test_who_accepts_whispers_at_once_and_stays_with_the_agent() -> None:
    async def scenario(desk: Desk) -> None:
        desk.help.ask("li")
        desk.help.ask("li")
        await asyncio.sleep(5)
        view = desk.help.accept("li", "north-leader")
        assert view is not None
        assert (desk.wishes[0].mode, desk.wishes[0].agent) == (MonitorMode.WHISPER, "li")
        with pytest.raises(Conflict, match="north-leader is helping"):
            desk.help.accept("li", "other")
        await asyncio.sleep(60)
        assert desk.states == ["asked", "accepted"], "what is accepted does not escalate, a second press is no second request"
        desk.help.call_over("c1")
        assert (desk.states[-1], desk.help.state("li"), desk.help.open()) == ("ended", "", [])

    _run(scenario)


def test_after_15_seconds_everybody_is_asked() -> None:
    async def scenario(desk: Desk) -> None:
        desk.help.ask("zhao")
        with pytest.raises(Forbidden):
            desk.help.accept("zhao", "north-leader")
        await asyncio.sleep(14.9)
        assert desk.states == ["asked"]
        await asyncio.sleep(0.2)
        assert desk.states == ["asked", "escalated"]
        assert desk.help.accept("zhao", "north-leader") is None, "this agent is in no call"
        assert desk.help.state("zhao") == "accepted"

    _run(scenario)


def test_a_helper_without_sound_leaves_the_request_open() -> None:
    async def scenario(desk: Desk) -> None:
        desk.help.ask("li")
        desk.refuses = True
        with pytest.raises(Conflict, match="no sound"):
            desk.help.accept("li", "wang")
        await asyncio.sleep(16)
        assert desk.states == ["asked", "escalated"]

    _run(scenario)


def test_an_agent_takes_the_request_back() -> None:
    async def scenario(desk: Desk) -> None:
        desk.help.ask("li")
        desk.help.cancel("li", "li")
        desk.help.cancel("li", "li")
        await asyncio.sleep(30)
        assert desk.states == ["asked", "ended"]
        with pytest.raises(NotFound):
            desk.help.accept("li", "wang")

    _run(scenario)


def test_messages_and_scope() -> None:
    async def scenario(desk: Desk) -> None:
        send = desk.help.send
        assert send("agent:li", "hello", actor="wang") == ("li",)
        assert send("team:north", "hello", actor="wang") == ("li", "wu")
        assert send("all", "hello", actor="token:x") == ("li", "wu", "zhao")
        assert send("all", " hello ", actor="north-leader", sender="north-leader") == ("li", "wu")
        last = desk.events[-1]
        assert isinstance(last, AgentMessage)
        assert (last.text, last.people, last.actor) == ("hello", ("li", "wu"), "north-leader")
        count = len(desk.events)
        with pytest.raises(Forbidden):
            send("agent:zhao", "hello", actor="north-leader", sender="north-leader")
        for to, text, fault in (
            ("agent:nobody", "x", NotFound), ("team:west", "x", NotFound), ("everybody", "x", Invalid), ("all", "  ", Invalid),
            ("all", "x" * 1001, Invalid),
        ):  # fmt: skip
            with pytest.raises(fault):
                send(to, text, actor="wang")
        assert len(desk.events) == count

    _run(scenario)
