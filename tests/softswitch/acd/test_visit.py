"""Calls through a queue: what callers hear, who rings, who talks, and what everybody sees. Real calls in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from media.events import DtlsState
from softswitch.acd.check import check
from softswitch.directory.model import Agent, Queue
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict
from tests.support.office import Office

AGENTS = (
    Agent(login="li", name="李", queues=("sales",), station="extension:1001"),
    Agent(login="zhao", name="赵", queues=("sales",), station="extension:1002"),
    Agent(login="wen", name="文", queues=("sales",), station="browser"),
)
SALES = Queue(name="sales", wrap_up=10)
Make = Callable[..., Office]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Office] = []

    def build(*queues: Queue) -> Office:
        made.append(Office(tmp_path, agents=AGENTS, queues=queues or (SALES,)))
        return made[-1]

    yield build
    for office in made:
        await office.close()
        assert check(office.acd.core, office.acd.now) == []


async def test_caller_hears_music_then_the_agent_and_the_agent_wraps_up(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, call = office.call("queue:sales")
    await asyncio.sleep(3)
    assert office.state("li") == "ringing"
    assert "music/default" in office.played()
    office.phone("1001").accept()
    await asyncio.sleep(1)
    assert (office.state("li"), office.floor.agent("li").call) == ("talking", call.id)
    assert caller.hears == {"1001"}
    assert office.phone("1001").hears == {"caller 13800138000"}
    assert office.of(ev.RecordingStarted), "the queue records"
    office.phone("1001").leave()
    await asyncio.sleep(1)
    assert caller.is_ended
    assert office.state("li") == "wrap_up"
    await asyncio.sleep(10)
    assert office.state("li") == "ready"
    ended = office.of(ev.CallEnded)
    assert [(event.who, event.cause) for event in ended] == [("agent", "normal")]
    assert [event.result for event in office.of(ev.QueueLeft)] == ["answered"]
    assert 2900 <= office.of(ev.OfferAnswered)[0].ring_ms <= 3000


async def test_queue_that_does_not_record_makes_no_recording(make: Make) -> None:
    office = make(Queue(name="sales", record=False))
    await office.ready("li")
    office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    assert office.state("li") == "talking"
    assert office.of(ev.RecordingStarted) == []


async def test_no_answer_sends_the_call_on_and_the_agent_to_not_responding(make: Make) -> None:
    office = make()
    await office.ready("li", "zhao")
    office.call("queue:sales")
    await asyncio.sleep(1)
    assert office.state("li") == "ringing"
    await asyncio.sleep(20)
    assert office.phone("1001").is_ended, "the phone stops ringing"
    assert office.state("li") == "not_responding"
    assert office.state("zhao") == "ringing"
    office.phone("1002").accept()
    await asyncio.sleep(1)
    assert office.state("zhao") == "talking"
    assert 20_000 <= office.of(ev.QueueLeft)[0].wait_ms <= 21_500, "the wait counts from the first entry"


async def test_longest_idle_agent_is_offered_first_and_the_reasons_are_kept(make: Make) -> None:
    office = make()
    await office.ready("zhao", "li")
    office.call("queue:sales")
    await asyncio.sleep(1)
    decision = office.of(ev.AcdDecision)[0]
    assert (decision.chosen, decision.candidates) == ("zhao", ("zhao", "li"))
    assert decision.keys["zhao"] < decision.keys["li"] < 0
    assert decision.excluded == {"wen": "logged_out"}


async def test_caller_who_gives_up_frees_the_agent_without_penalty(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(5)
    caller.leave(Cause.NORMAL)
    await asyncio.sleep(0.1)
    assert office.phone("1001").is_ended
    assert office.state("li") == "ready"
    assert [event.result for event in office.of(ev.QueueLeft)] == ["abandoned"]
    queue = office.floor.queue("sales")
    assert (queue.offered, queue.answered, queue.abandoned, queue.calls) == (1, 0, 1, ())


async def test_supervisor_who_ends_a_waiting_call_does_not_count_as_abandoned(make: Make) -> None:
    office = make()
    caller, call = office.call("queue:sales")
    await asyncio.sleep(5)
    call.hang_up(Cause.SUPERVISOR, "supervisor", "wang")
    await asyncio.sleep(0.1)
    assert caller.is_ended
    assert [event.result for event in office.of(ev.QueueLeft)] == ["supervisor"]
    assert office.floor.queue("sales").abandoned == 0


async def test_caller_who_is_sent_elsewhere_leaves_the_line(make: Make) -> None:
    office = make()
    await office.ready("li")
    _, call = office.call("queue:sales")
    await asyncio.sleep(5)
    call.redirect(Destination.parse("extension:1003"))
    await asyncio.sleep(0.1)
    assert [event.result for event in office.of(ev.QueueLeft)] == ["closed"]
    assert office.state("li") == "ready"
    assert not office.phone("1003").is_ended


async def test_refused_call_goes_to_the_next_agent_and_the_first_one_stays_ready(make: Make) -> None:
    office = make()
    await office.ready("li", "zhao")
    office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").leave(Cause.REJECTED)
    await asyncio.sleep(1)
    assert (office.state("li"), office.state("zhao")) == ("ready", "ringing")
    assert office.of(ev.OfferFailed)[0].reason == "reject"


async def test_device_that_cannot_be_rung_takes_the_agent_out_and_music_goes_on(make: Make) -> None:
    office = make()
    await office.ready("li")
    office.refusals["1001"] = Cause.UNREACHABLE
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(0.5)
    assert office.state("li") == "not_responding"
    assert office.of(ev.OfferFailed)[0].reason == "device"
    assert len(caller.hears) == 1, "music"


async def test_place_in_line_is_announced_at_the_interval_and_not_while_a_device_alerts(make: Make) -> None:
    office = make(Queue(name="sales", announce_every=30, ring_timeout=100))
    office.call("queue:sales")
    _, second = office.call("queue:sales", "13900139000")
    await asyncio.sleep(45)
    said = [(event.call, event.position) for event in office.of(ev.QueueAnnounced)]
    assert said.count((second.id, 2)) == 2
    assert "zh-CN/2" in office.played()
    assert "zh-CN/position-suffix" in office.played()
    before = len(office.of(ev.QueueAnnounced))
    await office.ready("li", "zhao")
    await asyncio.sleep(60)
    assert len(office.of(ev.QueueAnnounced)) == before


async def test_announce_none_says_nothing(make: Make) -> None:
    office = make(Queue(name="sales", announce="none"))
    office.call("queue:sales")
    await asyncio.sleep(100)
    assert office.of(ev.QueueAnnounced) == []
    assert office.played() == ["music/default"]


async def test_english_caller_hears_the_place_in_english(make: Make) -> None:
    office = make()
    _, call = office.call("queue:sales")
    call.language = "en"
    await asyncio.sleep(10)
    assert "en/position" in office.played()
    assert "en/position-suffix" not in office.played()


async def test_longest_wait_ends_in_a_word_and_the_end_of_the_call(make: Make) -> None:
    office = make(Queue(name="sales", max_wait=60, announce="none"))
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(59)
    assert not caller.is_ended
    await asyncio.sleep(10)
    assert caller.is_ended
    assert office.played()[-1] == "zh-CN/no-agents"
    assert [event.result for event in office.of(ev.QueueLeft)] == ["timeout"]


async def test_overflow_takes_the_caller_to_the_next_queue(make: Make) -> None:
    office = make(Queue(name="vip", max_wait=10, overflow=Destination.parse("queue:sales")), Queue(name="sales"))
    await office.ready("li")
    office.call("queue:vip")
    await asyncio.sleep(12)
    assert [event.result for event in office.of(ev.QueueLeft)] == ["overflow"]
    assert office.state("li") == "ringing"


async def test_unknown_queue_ends_the_call_with_a_cause(make: Make) -> None:
    office = make()
    caller, _ = office.call("queue:nobody")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.UNALLOCATED


async def test_hold_and_resume_by_the_agent(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    await office.floor.hold("li")
    assert office.state("li") == "holding"
    assert "1001" not in caller.hears
    with pytest.raises(Conflict):
        await office.floor.hold("li")
    await office.floor.resume("li")
    assert office.state("li") == "talking"
    assert caller.hears == {"1001"}


async def test_agent_hangs_up_by_page_order(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    await office.floor.hang_up("li")
    await asyncio.sleep(0.1)
    assert caller.is_ended
    assert office.state("li") == "wrap_up"
    assert office.of(ev.CallEnded)[0].who == "agent"


async def test_page_agent_is_ready_only_with_media_and_takes_the_offer_at_the_page(make: Make) -> None:
    office = make()
    with pytest.raises(Conflict, match="cannot be reached"):
        await office.floor.set_state("wen", "ready", "", "wen")
    office.page("wen")
    await office.ready("wen")
    caller, call = office.call("queue:sales", context={"page": "https://shop.example/"})
    await asyncio.sleep(2)
    offer = office.floor.offer_of("wen")
    assert offer is not None
    assert (offer.call, offer.queue, offer.caller) == (call.id, "sales", "13800138000")
    assert offer.context == {"page": "https://shop.example/"}
    assert office.seen.offers == [("wen", offer, "")]
    with pytest.raises(Conflict):
        await office.floor.accept("li", offer.id)
    await office.floor.accept("wen", offer.id)
    await asyncio.sleep(0.1)
    assert office.state("wen") == "talking"
    assert caller.hears == {"wen"}
    with pytest.raises(Conflict):
        await office.floor.accept("wen", offer.id)
    assert office.seen.offers[-1] == ("wen", None, "answered")


async def test_page_that_is_lost_parks_the_caller_and_is_back_in_time(make: Make) -> None:
    office = make()
    page = office.page("wen")
    await office.ready("wen")
    caller, _ = office.call("queue:sales")
    await asyncio.sleep(1)
    offer = office.floor.offer_of("wen")
    assert offer is not None
    await office.floor.accept("wen", offer.id)
    await asyncio.sleep(1)
    office.engine.emit(DtlsState(page.port, "closed"))
    office.floor.desk_lost("wen")
    await asyncio.sleep(1)
    assert caller.hears == {"wen"}, "a blink is not heard"
    await asyncio.sleep(1)
    assert office.state("wen") == "offline"
    assert "wen" not in caller.hears
    office.floor.desk_connected("wen")
    await asyncio.sleep(0.1)
    assert office.state("wen") == "talking"
    assert caller.hears == {"wen"}


async def test_page_that_does_not_come_back_returns_the_caller_to_the_head_of_the_line(make: Make) -> None:
    office = make()
    office.page("wen")
    await office.ready("wen")
    caller, call = office.call("queue:sales")
    await asyncio.sleep(1)
    offer = office.floor.offer_of("wen")
    assert offer is not None
    await office.floor.accept("wen", offer.id)
    await asyncio.sleep(1)
    office.call("queue:sales", "13900139000")
    office.floor.desk_lost("wen")
    await asyncio.sleep(36)
    assert office.state("wen") == "logged_out"
    assert not caller.is_ended
    waiting = [entry.call for entry in office.floor.queue("sales").calls]
    assert waiting[0] == call.id, "before the one who came later"
    await office.ready("li")
    await asyncio.sleep(1)
    assert office.floor.agent("li").call == call.id


async def test_agent_dials_out_and_wraps_up(make: Make) -> None:
    office = make()
    office.page("wen")
    await office.ready("wen")
    await office.floor.dial("wen", "0123456")
    await asyncio.sleep(1)
    assert office.state("wen") == "dialling"
    office.phone("0123456").accept()
    await asyncio.sleep(1)
    assert office.state("wen") == "talking"
    await office.floor.hold("wen")
    assert "wen" not in office.phone("0123456").hears
    await office.floor.resume("wen")
    office.phone("0123456").leave()
    await asyncio.sleep(1)
    assert office.state("wen") == "wrap_up"


async def test_dialled_party_that_is_busy_makes_the_agent_ready_again(make: Make) -> None:
    office = make()
    office.page("wen")
    await office.ready("wen")
    await office.floor.dial("wen", "extension:1003")
    await asyncio.sleep(1)
    office.phone("1003").leave(Cause.BUSY)
    await asyncio.sleep(1)
    assert office.state("wen") == "ready"


async def test_phone_that_logs_out_makes_its_agent_unavailable_until_it_is_back(make: Make) -> None:
    office = make()
    await office.ready("li")
    office.registered.discard("1001")
    office.stations.extension_changed("1001")
    view = office.floor.agent("li")
    assert (view.state, view.reason, view.reachable) == ("not_ready", "unreachable", False)
    office.registered.add("1001")
    office.stations.extension_changed("1001")
    assert office.state("li") == "ready"


async def test_supervisor_forces_a_state_and_the_log_says_who(make: Make) -> None:
    office = make()
    await office.ready("li")
    await office.floor.set_state("li", "not_ready", "meeting", "wang")
    view = office.floor.agent("li")
    assert (view.state, view.reason) == ("not_ready", "meeting")
    forced = office.of(ev.SupervisionForced)[0]
    assert (forced.actor, forced.agent, forced.state, forced.reason) == ("wang", "li", "not_ready", "meeting")


async def test_events_of_the_visit_stand_in_the_timeline_in_order(make: Make) -> None:
    office = make()
    await office.ready("li")
    caller, call = office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    caller.leave()
    await asyncio.sleep(1)
    kinds = [event.type for event in call.timeline.events]
    wanted = [
        "call.created", "call.answered", "queue.entered", "acd.decision", "offer.made", "offer.ringing", "leg.started",
        "offer.answered", "queue.left", "call.connected", "rec.started", "leg.ended", "call.ended",
    ]  # fmt: skip
    assert [kind for kind in kinds if kind in wanted] == wanted
    assert [event.seq for event in call.timeline.events] == list(range(1, len(kinds) + 1))


async def test_watchers_see_the_newest_state_of_each_object_soon(make: Make) -> None:
    office = make()
    await office.ready("li")
    office.call("queue:sales")
    await asyncio.sleep(1)
    office.phone("1001").accept()
    await asyncio.sleep(1)
    states = [view.state for view in office.seen.agents if view.login == "li"]
    assert [state for state in states if state in ("ready", "ringing", "talking")] == ["ready", "ringing", "talking"]
    assert any(view.calls and view.calls[0].state == "offering" for view in office.seen.queues)
    assert office.seen.queues[-1].agents["talking"] == 1
    assert office.seen.queues[-1].service_level == 1.0
