"""Callbacks: the place is kept, the agent or the customer is rung first, attempts, duplicates, nights, and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from softswitch.acd.callback import CallbackState, window
from softswitch.acd.tables import callbacks_by
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, Invalid, NotFound
from tests.support.centre import CUSTOMER, Centre, database

AGENTS = (
    Agent(login="li", name="李", queues=("sales",), station="extension:1001"),
    Agent(login="zhao", name="赵", queues=("sales",), station="extension:1002"),
)
SALES = Queue(name="sales", exit_keys={"1": Destination.parse("callback:sales")}, announce="none", record=False, wrap_up=0)
PLAIN = Queue(name="sales", record=False, wrap_up=0, callback_retries=(300, 900))
Make = Callable[..., Awaitable[Centre]]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def build(queue: Queue = PLAIN, **more: Any) -> Centre:
            return await stack.enter_async_context(Centre(tmp_path, agents=AGENTS, queues=(queue,), **more))

        yield build


def ended(centre: Centre, state: str = "") -> list[tuple[str, list[str]]]:
    """Callbacks of the database: state and results of the attempts, oldest first."""
    found = callbacks_by_all(centre, state)
    return [(callback.state, [attempt.result for attempt in callback.attempts]) for callback in reversed(found)]


def callbacks_by_all(centre: Centre, state: str = "") -> Any:
    with centre.store.engine.begin() as connection:
        return callbacks_by(connection, state=state).items


async def talk(centre: Centre, agent: str = "1001") -> None:
    """The agent takes the callback, the customer answers."""
    await asyncio.sleep(2)
    centre.phone(agent).accept()
    await asyncio.sleep(2)
    centre.phone(CUSTOMER).accept()
    await asyncio.sleep(1)


async def test_caller_keeps_the_place_by_a_key_and_is_called_back_by_the_agent(make: Make) -> None:
    centre = await make(SALES)
    first, _ = centre.call("queue:sales", CUSTOMER)
    await asyncio.sleep(3)
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(5)
    first.key("1")
    await asyncio.sleep(1)
    first.key("1")
    await asyncio.sleep(5)
    assert first.is_ended
    assert centre.exits() == ["callback"]
    view = centre.floor.queue("sales")
    assert [(call.caller, call.channel) for call in view.calls] == [("13800138000", "callback"), ("13900139000", "voice")]
    assert view.callbacks == 1
    await centre.ready("li")
    await asyncio.sleep(1)
    offer = centre.floor.offer_of("li")
    assert offer is not None and offer.caller == "13800138000"
    assert centre.state("li") == "ringing"
    await talk(centre)
    assert centre.state("li") == "talking"
    assert centre.phone(CUSTOMER).hears == {"1001"}
    centre.phone(CUSTOMER).leave()
    await asyncio.sleep(1)
    assert ended(centre) == [("done", ["answered"])]
    done = centre.of(ev.CallbackDone)[0]
    assert (done.result, done.actor) == ("answered", "li")
    assert centre.state("li") == "ringing", "the next caller"


async def test_typed_number_is_called_and_one_without_a_route_is_refused(make: Make) -> None:
    centre = await make(SALES)
    caller, _ = centre.call("queue:sales", "anonymous")
    await asyncio.sleep(2)
    caller.key("1")
    await asyncio.sleep(2)
    caller.key("999#")
    await asyncio.sleep(3)
    assert "zh-CN/callback-refused" in centre.played()
    caller.key("01088889999#")
    await asyncio.sleep(2)
    caller.key("1")
    await asyncio.sleep(5)
    assert [callback.number for callback in centre.callbacks.open()] == ["01088889999"]


async def test_caller_who_changes_its_mind_goes_on_waiting(make: Make) -> None:
    centre = await make(SALES)
    caller, _ = centre.call("queue:sales", CUSTOMER)
    await asyncio.sleep(2)
    caller.key("1")
    await asyncio.sleep(1)
    caller.key("*")
    await asyncio.sleep(20)
    assert not caller.is_ended
    assert centre.callbacks.open() == []
    assert len(centre.floor.queue("sales").calls) == 1


async def test_agent_who_becomes_free_during_the_questions_gets_the_caller(make: Make) -> None:
    centre = await make(SALES)
    caller, _ = centre.call("queue:sales", CUSTOMER)
    await asyncio.sleep(2)
    caller.key("1")
    await centre.ready("li")
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    assert caller.hears == {"1001"}
    assert centre.callbacks.open() == []


async def test_customer_who_does_not_answer_is_tried_again_and_then_given_up(make: Make) -> None:
    centre = await make()
    await centre.ready("li")
    await centre.callbacks.create("sales", CUSTOMER)
    for wait in (300, 900, 0):
        await asyncio.sleep(2)
        assert centre.state("li") == "ringing"
        centre.phone("1001").accept()
        await asyncio.sleep(27)
        assert centre.phone(CUSTOMER).is_ended
        await asyncio.sleep(1)
        assert centre.state("li") == "ready"
        await asyncio.sleep(max(0, wait - 3))
    assert ended(centre) == [("failed", ["no_answer"] * 3)]
    assert [event.result for event in centre.of(ev.CallbackAttempt) if event.result] == ["no_answer"] * 3
    assert centre.of(ev.CallbackDone)[0].result == "failed: no_answer"


async def test_agent_who_does_not_take_it_costs_no_attempt(make: Make) -> None:
    centre = await make()
    await centre.ready("li", "zhao")
    await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(1)
    assert centre.state("li") == "ringing"
    centre.phone("1001").leave(Cause.REJECTED)
    await asyncio.sleep(1)
    assert centre.state("zhao") == "ringing"
    await talk(centre, "1002")
    assert centre.state("zhao") == "talking"
    assert [event.reason for event in centre.of(ev.OfferFailed)] == ["reject"]


async def test_agent_who_leaves_before_the_customer_answers_leaves_the_place_as_it_was(make: Make) -> None:
    centre = await make()
    await centre.ready("li", "zhao")
    await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(1)
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    centre.phone("1001").leave()
    await asyncio.sleep(2)
    assert centre.phone(CUSTOMER).is_ended
    assert centre.callbacks.open()[0].attempts == ()
    assert "ringing" in (centre.state("li"), centre.state("zhao"))


async def test_silent_agent_is_passed_over(make: Make) -> None:
    centre = await make()
    await centre.ready("li", "zhao")
    await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(22)
    assert centre.phone("1001").is_ended
    assert (centre.state("li"), centre.state("zhao")) == ("not_responding", "ringing")


async def test_customer_first_is_dialled_when_an_agent_is_nearly_free_and_keeps_the_place(make: Make) -> None:
    centre = await make(Queue(name="sales", callback_mode="customer_first", record=False, announce="none"))
    centre.expects(600)
    centre.call("queue:sales", "13900139000")
    await asyncio.sleep(30)
    await centre.callbacks.create("sales", CUSTOMER, entered=centre.acd.now - 300)
    await asyncio.sleep(10)
    assert CUSTOMER not in centre.phones
    centre.expects(30, mean=20)
    await asyncio.sleep(3)
    centre.phone(CUSTOMER).accept()
    await asyncio.sleep(3)
    assert "zh-CN/callback-hello" in centre.played()
    assert [call.caller for call in centre.floor.queue("sales").calls] == [CUSTOMER, "13900139000"]
    await centre.ready("li")
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    assert centre.phone(CUSTOMER).hears == {"1001"}
    assert ended(centre) == [("done", ["answered"])]


async def test_free_agent_is_not_rung_before_the_customer_in_customer_first(make: Make) -> None:
    centre = await make(Queue(name="sales", callback_mode="customer_first", record=False, callback_retries=(60,)))
    await centre.ready("li")
    await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(1)
    assert centre.state("li") == "ready"
    assert "1001" not in centre.phones
    centre.phone(CUSTOMER).leave(Cause.BUSY)
    await asyncio.sleep(1)
    assert centre.callbacks.open()[0].state is CallbackState.SCHEDULED
    await asyncio.sleep(62)
    centre.phone(CUSTOMER).accept()
    await asyncio.sleep(3)
    assert centre.state("li") == "ringing"


@pytest.mark.parametrize(("key", "open_", "left"), [("1", 1, True), ("2", 0, False), ("3", 0, False), ("", 0, False)])
async def test_caller_who_rings_again_keeps_cancels_or_swaps(make: Make, key: str, open_: int, left: bool) -> None:
    centre = await make(SALES)
    await centre.callbacks.create("sales", CUSTOMER, entered=centre.acd.now - 100)
    caller, call = centre.call("queue:sales", "13800138000")
    await asyncio.sleep(1)
    assert "zh-CN/callback-exists" in centre.played() and "zh-CN/position" in centre.played()
    caller.key(key)
    await asyncio.sleep(12)
    assert len(centre.callbacks.open()) == open_
    assert caller.is_ended == left
    waited = [event.waited_ms for event in centre.of(ev.QueueEntered) if event.call == call.id]
    assert [ms >= 100_000 for ms in waited] == {"1": [], "2": [False], "3": [True], "": [True]}[key]


async def test_second_callback_of_one_number_is_refused(make: Make) -> None:
    centre = await make()
    await centre.callbacks.create("sales", CUSTOMER)
    with pytest.raises(Conflict):
        await centre.callbacks.create("sales", "13800138000")
    with pytest.raises(Invalid):
        await centre.callbacks.create("sales", "999")
    with pytest.raises(NotFound):
        await centre.callbacks.create("nobody", CUSTOMER)
    await centre.lists.add("black", {"pattern": "01088889999", "direction": "out"}, "wang", approves=True)
    with pytest.raises(Invalid, match="blacklist"):
        await centre.callbacks.create("sales", "01088889999")


async def test_agreed_time_is_kept_and_may_be_changed(make: Make) -> None:
    centre = await make()
    await centre.ready("li")
    made = await centre.callbacks.create("sales", CUSTOMER, at=centre.acd.now + 600)
    await asyncio.sleep(590)
    assert centre.state("li") == "ready"
    centre.callbacks.change(made.id, at=centre.acd.now + 600)
    await asyncio.sleep(590)
    assert centre.state("li") == "ready"
    assert centre.of(ev.CallbackDue) == []
    await asyncio.sleep(15)
    assert centre.state("li") == "ringing"
    assert [(due.callback, due.number, due.queue) for due in centre.of(ev.CallbackDue)] == [(made.id, CUSTOMER, "sales")]


async def test_chosen_agent_is_asked_first(make: Make) -> None:
    queue = Queue(name="sales", record=False, sticky=("owner",))
    centre = await make(queue)
    await centre.ready("li", "zhao")
    await centre.callbacks.create("sales", CUSTOMER, agent="zhao")
    await asyncio.sleep(1)
    assert centre.state("zhao") == "ringing"


async def test_nobody_is_called_at_night(make: Make) -> None:
    centre = await make()
    await asyncio.sleep(9.5 * 3600)  # half past nine in the evening
    await centre.ready("li")
    made = await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(60)
    assert centre.state("li") == "ready"
    assert centre.callbacks.get(made.id).entered == made.created, "the place is kept"
    await asyncio.sleep(10.5 * 3600 - 50)
    assert centre.state("li") == "ringing"


def test_window_opens_at_eight() -> None:
    noon = 1_704_081_600.0
    assert window(noon, "Asia/Shanghai") == noon
    assert window(noon + 9 * 3600, "Asia/Shanghai") == noon + 20 * 3600
    assert window(noon - 5 * 3600, "Asia/Shanghai") == noon - 4 * 3600


async def test_callbacks_are_back_after_kill_minus_nine_with_their_place(make: Make) -> None:
    engine = database()
    centre = await make(SALES, engine=engine)
    caller, _ = centre.call("queue:sales", CUSTOMER)
    await asyncio.sleep(30)
    caller.key("1")
    await asyncio.sleep(1)
    caller.key("1")
    await asyncio.sleep(3)
    await centre.callbacks.create("sales", "01088889999", at=centre.acd.now + 86_400)
    entered = centre.callbacks.open()[0].entered
    await centre.ready("li")
    centre.phone("1001").accept()
    await asyncio.sleep(1)
    assert centre.callbacks.open()[0].state is CallbackState.DIALLING
    centre.die()
    again = await make(SALES, engine=engine)
    opened = {callback.number: callback for callback in again.callbacks.open()}
    assert opened["13800138000"].entered == entered
    assert opened["13800138000"].state is CallbackState.WAITING
    assert opened["01088889999"].state is CallbackState.SCHEDULED
    assert [call.caller for call in again.floor.queue("sales").calls] == ["13800138000"]
    await again.ready("li")
    await talk(again)
    assert again.state("li") == "talking"


async def test_removed_queue_cancels_its_callbacks(make: Make) -> None:
    centre = await make()
    await centre.callbacks.create("sales", CUSTOMER)
    centre.reconfigure(queues={})
    await asyncio.sleep(2)
    assert ended(centre) == [("cancelled", [])]
    assert centre.of(ev.CallbackCancelled)[0].why == "the queue is gone"


async def test_orders_of_people(make: Make) -> None:
    centre = await make()
    first = await centre.callbacks.create("sales", CUSTOMER)
    second = await centre.callbacks.create("sales", "01088889999")
    assert centre.callbacks.finish(first.id, "li").state is CallbackState.DONE
    assert centre.callbacks.cancel(second.id, "by hand", "wang").state is CallbackState.CANCELLED
    assert centre.floor.queue("sales").calls == ()
    with pytest.raises(NotFound):
        centre.callbacks.cancel(second.id, "by hand", "wang")
    await asyncio.sleep(1)
    assert sorted(ended(centre)) == [("cancelled", []), ("done", [])]


async def test_full_switch_blames_no_agent_and_tries_again(make: Make) -> None:
    centre = await make()
    await centre.ready("li")
    centre.calls._max_calls = 1
    caller, _ = centre.call("extension:1003", "13700137000")
    await centre.callbacks.create("sales", CUSTOMER)
    await asyncio.sleep(2)
    assert centre.state("li") == "ready"
    caller.leave()
    await asyncio.sleep(62)
    assert centre.state("li") == "ringing"


async def test_customer_is_told_of_the_recording_before_it_is_joined(make: Make) -> None:
    centre = await make(Queue(name="sales", consent="consent-recording"))
    await centre.ready("li")
    await centre.callbacks.create("sales", CUSTOMER)
    await talk(centre)
    assert centre.played()[-1] == "zh-CN/consent-recording"
    assert centre.of(ev.RecordingStarted) == []
    await asyncio.sleep(1)
    assert len(centre.of(ev.RecordingStarted)) == 1
