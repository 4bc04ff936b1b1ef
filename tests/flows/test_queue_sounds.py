"""What callers and agents hear around a queue: welcome, music, words in rotation, waits, whisper, consent, survey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from softswitch.directory.model import Agent, Flow, Queue
from softswitch.model import events as ev
from softswitch.model.destination import Destination
from softswitch.model.events.queue import ENDLESS_MS
from softswitch.prediction.service import Predictor
from tests.support.centre import Centre, database

AGENTS = (
    Agent(login="li", name="李", queues=("sales",), station="extension:1001"),
    Agent(login="zhao", name="赵", queues=("sales",), station="extension:1002"),
)
RATE = Flow(name="rate", start="ask", nodes={"ask": {"verb": "play", "prompts": ["survey-mark"]}})
Make = Callable[..., Awaitable[Centre]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def build(queue: Queue, **more: Any) -> Centre:
            return await stack.enter_async_context(Centre(tmp_path, agents=AGENTS, queues=(queue,), **more))

        yield build


def said(centre: Centre) -> list[str]:
    """The words without music, in order."""
    return [name.partition("/")[2] for name in centre.played() if not name.startswith("music")]


async def test_welcome_comes_before_the_music_and_only_once(make: Make) -> None:
    centre = await make(Queue(name="sales", welcome=("welcome",), messages=("comfort", "goodbye"), announce_every=20))
    centre.call("queue:sales")
    await asyncio.sleep(80)
    assert centre.played()[:2] == ["zh-CN/welcome", "music/default"]
    assert [name for name in said(centre) if name in ("welcome", "comfort", "goodbye")] == [
        "welcome",
        "comfort",
        "goodbye",
        "comfort",
    ]


async def test_the_wait_is_said_as_the_predictor_tells_it(make: Make) -> None:
    centre = await make(Queue(name="sales", announce="wait", announce_every=30))
    centre.expects(85)
    centre.call("queue:sales")
    await asyncio.sleep(10)
    assert said(centre)[1:] == ["wait-about", "1", "minute", "30", "seconds"]
    centre.expects(100)
    await asyncio.sleep(30)
    assert said(centre)[-4:] == ["1", "minute", "30", "seconds"], "a little more is not said"
    assert [event.what for event in centre.of(ev.QueueAnnounced)] == ["wait", "wait"]


async def test_a_very_long_wait_offers_a_callback_by_itself(make: Make) -> None:
    centre = await make(Queue(name="sales", announce="wait", callback_after=120))
    centre.expects(1500)
    caller, _ = centre.call("queue:sales", "013800138000")
    await asyncio.sleep(10)
    assert said(centre) == ["queue-wait", "wait-long", "press-callback", "1"]
    caller.key("1")
    await asyncio.sleep(2)
    caller.key("1")
    await asyncio.sleep(5)
    assert centre.exits() == ["callback"]
    assert caller.is_ended


async def test_entry_carries_the_prediction_and_the_view_shows_it(make: Make) -> None:
    centre = await make(Queue(name="sales"))
    centre.expects(85, mean=60)
    centre.call("queue:sales")
    await asyncio.sleep(1)
    entered = centre.of(ev.QueueEntered)[0]
    assert (entered.predicted_ms, entered.p80_ms) == (60_000, 85_000)
    view = centre.floor.queue("sales")
    assert (view.ewt_ms, view.p80_ms, view.calls[0].predicted_ms) == (60_000, 85_000, 60_000)


async def test_agent_hears_the_queue_before_the_caller(make: Make) -> None:
    centre = await make(Queue(name="sales", whisper=True, record=False))
    await centre.ready("li")
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(0.5)
    assert said(centre)[-1] == "incoming-call"
    assert "caller 13800138000" not in centre.phone("1001").hears
    assert "1001" not in caller.hears
    await asyncio.sleep(1)
    assert centre.phone("1001").hears == {"caller 13800138000"}
    assert caller.hears == {"1001"}


async def test_caller_is_told_of_the_recording_before_it_begins(make: Make) -> None:
    centre = await make(Queue(name="sales", consent="consent-recording", announce="none"))
    await centre.ready("li")
    centre.call("queue:sales")
    await asyncio.sleep(0.2)
    centre.phone("1001").accept()
    await asyncio.sleep(0.5)
    assert centre.of(ev.RecordingStarted) == [], "served at once: the prompt comes first all the same"
    await asyncio.sleep(5)
    assert said(centre)[-1] == "consent-recording"
    assert len(centre.of(ev.RecordingStarted)) == 1


async def test_caller_who_refuses_is_not_recorded(make: Make) -> None:
    centre = await make(Queue(name="sales", consent="consent-recording", announce="none"))
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(0.5)
    caller.key("9")
    await centre.ready("li")
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(3)
    assert centre.state("li") == "talking"
    assert centre.of(ev.RecordingStarted) == []


async def test_exit_key_counts_while_the_caller_is_told_of_the_recording(make: Make) -> None:
    leads = {"0": Destination.parse("extension:1003")}
    centre = await make(Queue(name="sales", consent="consent-recording", exit_keys=leads, announce="none"))
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(0.5)
    caller.key("0")
    await asyncio.sleep(1)
    assert centre.rings("1003")
    assert centre.exits() == ["key"]


async def test_nobody_on_duty_is_forgotten_as_soon_as_somebody_is(make: Make) -> None:
    centre = await make(Queue(name="sales", announce="none", record=False))
    centre.acd.forecast.oracle = Predictor()
    assert centre.floor.queue("sales").ewt_ms == ENDLESS_MS
    await centre.ready("li")
    centre.call("queue:sales")
    await asyncio.sleep(1)
    assert [event.predicted_ms for event in centre.of(ev.QueueEntered)] == [0]


async def test_phones_of_ring_all_ring_together_and_the_first_answer_wins(make: Make) -> None:
    centre = await make(Queue(name="sales", strategy="ring_all", record=False))
    await centre.ready("li", "zhao")
    caller, _ = centre.call("queue:sales")
    await asyncio.sleep(2)
    assert [centre.state(login) for login in ("li", "zhao")] == ["ringing", "ringing"]
    centre.phone("1002").accept()
    await asyncio.sleep(1)
    assert caller.hears == {"1002"}
    assert centre.phone("1001").is_ended
    assert centre.state("li") == "ready"
    assert centre.exits() == ["answered"]


async def ring_through(centre: Centre, number: str = "13800138000") -> Any:
    """A call that an agent answers and ends."""
    await centre.ready("li")
    caller, _ = centre.call("queue:sales", number)
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(3)
    return caller


async def test_caller_is_asked_when_the_agent_hung_up_first_and_not_twice_in_a_week(make: Make) -> None:
    engine = database()
    centre = await make(Queue(name="sales", survey="rate", wrap_up=0), flows=(RATE,), engine=engine)
    caller = await ring_through(centre)
    centre.phone("1001").leave()
    await asyncio.sleep(0.5)
    assert not caller.is_ended
    assert said(centre)[-1] == "survey-mark"
    await asyncio.sleep(5)
    assert caller.is_ended
    invited = centre.of(ev.SurveyInvited)[0]
    assert (invited.survey, invited.agent, invited.queue) == ("rate", "li", "sales")
    assert centre.of(ev.CallEnded)[0].who == "agent"
    again = await make(Queue(name="sales", survey="rate", wrap_up=0), flows=(RATE,), engine=engine)
    await ring_through(again)
    again.phone("1001").leave()
    await asyncio.sleep(5)
    assert again.of(ev.SurveyInvited) == []
    assert [event.why for event in again.of(ev.SurveySkipped)] == ["asked lately"]


async def test_nobody_is_asked_who_hung_up_first_or_is_not_drawn(make: Make) -> None:
    centre = await make(Queue(name="sales", survey="rate", survey_percent=30, wrap_up=0), flows=(RATE,))
    centre.acd.around.dice = lambda: 0.3
    caller = await ring_through(centre)
    caller.leave()
    await asyncio.sleep(2)
    assert not centre.of(ev.SurveyInvited) and not centre.of(ev.SurveySkipped)
    await ring_through(centre, "13900139000")
    centre.phone("1001").leave()
    await asyncio.sleep(2)
    assert [event.why for event in centre.of(ev.SurveySkipped)] == ["not drawn"]


async def test_caller_who_waits_for_the_usual_agent_is_told_so(make: Make) -> None:
    centre = await make(Queue(name="sales", sticky=("dedicated",), sticky_wait=600, announce="none"))
    await centre.ready("li", "zhao")
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    _, call = centre.call("queue:sales")
    call.variables["dedicated_agent"] = "li"
    await asyncio.sleep(5)
    assert said(centre) == ["usual-agent"]
    assert centre.state("zhao") == "ready", "the caller is held for li"
    centre.phone("1001").leave()
    await asyncio.sleep(31)
    assert centre.state("li") == "ringing"
