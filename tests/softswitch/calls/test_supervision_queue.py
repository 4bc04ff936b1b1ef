"""What supervision does to agents and queues: wrap-up after a take-over, callers taken out of the line, forced release."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.acd import commands as c
from softswitch.acd.check import check
from softswitch.calls.supervision import Supervision, Wish
from softswitch.calls.supervision_intercept import Interception
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.destination import DestinationKind
from softswitch.model.states import MonitorMode
from tests.support.office import Office


class Scene(Office):
    """An office with a supervisor's page; li works at phone 1001."""

    def __init__(self, tmp_path: Path) -> None:
        agents = (Agent(login="li", name="李", queues=("sales",), station="extension:1001"),)
        super().__init__(tmp_path, agents=agents, queues=(Queue(name="sales", announce="none", wrap_up=30, record=False),))
        board = self.calls._board
        self.supervision = Supervision(self.calls, board, lambda calls: calls[0])
        self.interception = Interception(self.calls, board, leave_line=self._leave_line)
        self.handlers[DestinationKind.AGENT] = self.interception.wrap(self.handlers[DestinationKind.AGENT])  # type: ignore[assignment]
        self.wang = self.page("wang")

    def _leave_line(self, call: str, actor: str) -> None:
        for visit, waiting in tuple(self.acd.core.state.visits.items()):
            if waiting.call == call:
                self.acd.submit(c.Intercept(visit, actor))

    def supervise(self, mode: MonitorMode, call: str) -> None:
        self.supervision.start(Wish(supervisor="wang", actor="wang", mode=mode, call=call))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path)
    yield made
    await made.close()
    assert check(made.acd.core, made.acd.now) == []


async def test_after_a_take_over_the_agent_wraps_up_and_the_call_goes_on(scene: Scene) -> None:
    await scene.ready("li")
    caller, call = scene.call("queue:sales")
    await asyncio.sleep(1)
    scene.phone("1001").accept()
    await asyncio.sleep(1)
    scene.supervise(MonitorMode.WHISPER, call.id)
    assert (caller.hears, scene.phone("1001").hears) == ({"1001"}, {"caller 13800138000", "wang"})
    scene.supervise(MonitorMode.TAKE_OVER, call.id)
    await asyncio.sleep(0.1)
    assert scene.state("li") == "wrap_up"
    assert scene.phone("1001").is_ended
    assert caller.hears == {"wang"}
    await asyncio.sleep(60)
    assert (scene.state("li"), call.is_over) == ("ready", False)
    caller.leave()
    await asyncio.sleep(1)
    assert call.is_over
    assert scene.wang.leg is None
    assert [event.result for event in scene.of(ev.QueueLeft)] == ["answered"]


async def test_a_waiting_caller_is_intercepted_out_of_the_queue(scene: Scene) -> None:
    caller, call = scene.call("queue:sales")
    await asyncio.sleep(5)
    scene.interception.take(call.id, "wang", actor="wang")
    await asyncio.sleep(0.1)
    assert caller.hears == {"wang"}
    (left,) = scene.of(ev.QueueLeft)
    assert (left.result, left.actor) == ("supervisor", "wang")
    await scene.ready("li")
    assert scene.state("li") == "ready", "nobody is offered what is taken"
    caller.leave()
    await asyncio.sleep(1)
    assert call.is_over


async def test_a_ringing_call_is_intercepted_and_the_agent_is_ready_again(scene: Scene) -> None:
    await scene.ready("li")
    caller, call = scene.call("queue:sales")
    await asyncio.sleep(2)
    assert scene.state("li") == "ringing"
    scene.interception.take(call.id, "wang", actor="wang")
    await asyncio.sleep(0.1)
    assert scene.phone("1001").is_ended
    assert caller.hears == {"wang"}
    assert scene.state("li") == "ready"
    assert len(scene.of(ev.OfferWithdrawn)) == 1
    assert scene.of(ev.OfferFailed) == []


async def test_a_forced_release_of_the_agents_leg_ends_in_wrap_up(scene: Scene) -> None:
    await scene.ready("li")
    caller, call = scene.call("queue:sales")
    await asyncio.sleep(1)
    scene.phone("1001").accept()
    await asyncio.sleep(1)
    scene.supervise(MonitorMode.LISTEN, call.id)
    scene.supervision.release_party(call.id, "agent:li", reason="abuse of the customer", actor="wang")
    await asyncio.sleep(0.1)
    assert (scene.state("li"), call.is_over) == ("wrap_up", True)
    assert caller.is_ended
    (released,) = scene.of(ev.SupervisionReleased)
    assert (released.agent, released.reason, released.actor) == ("li", "abuse of the customer", "wang")
    assert scene.supervision.views() == []
