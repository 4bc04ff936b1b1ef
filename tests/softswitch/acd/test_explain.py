"""Why a call waited and why this agent: from real timelines to sentences in two languages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from softswitch.acd.explain import VisitStory, explain
from softswitch.acd.handwork import Handwork
from softswitch.acd.sayings import SENTENCES, say
from softswitch.calls.call import Call
from softswitch.directory.model import Agent, Queue
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, Forbidden, NotFound
from tests.support.office import Office

AGENTS = (
    Agent(login="li", queues=("sales", "gold"), station="extension:1001"),
    Agent(login="zhao", queues=("sales",), station="extension:1002", rights=()),
)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    full = Queue(name="full", max_length=1, full=Destination.parse("queue:gold"))
    office = Office(tmp_path, agents=AGENTS, queues=(Queue(name="sales"), Queue(name="gold"), full))
    yield office
    await office.close()


def story(office: Office, call: Call) -> list[VisitStory]:
    return explain([event for event in office.events if event.call == call.id])


def english(visit: VisitStory) -> list[str]:
    return [sentence.en for sentence in visit.text]


async def test_a_refused_and_a_successful_offer_are_told_with_their_reasons(office: Office) -> None:
    _, call = office.call("queue:sales")
    await asyncio.sleep(12)
    await office.floor.set_state("zhao", "not_ready", "lunch", "zhao")
    await office.ready("li")
    office.phone("1001").leave(Cause.REJECTED)
    await asyncio.sleep(1)
    assert story(office, call)[0].left is None, "a live call is told as far as it is"
    await office.ready("zhao")
    await asyncio.sleep(2)
    office.phone("1002").accept()
    await asyncio.sleep(1)
    (visit,) = story(office, call)
    assert (visit.queue, visit.result) == ("sales", "answered")
    first, second = visit.decisions
    assert (first.chosen, first.result) == ("li", "reject")
    assert (second.chosen, second.result) == ("zhao", "answered")
    assert dict(second.excluded)["li"]
    said = english(visit)
    assert said[0] == "Joined queue sales at place 1 with importance 0."
    assert any(text.startswith("For the first 12 s no agent") for text in said)
    assert any(text.startswith("Agent li did not take it (rejected") for text in said)
    assert any(text.startswith("Agent zhao answered") for text in said)
    assert all(sentence.zh.endswith("。") and "{" not in sentence.zh + sentence.en for sentence in visit.text)


async def test_a_caller_who_was_not_admitted_is_told_why_and_where_it_went(office: Office) -> None:
    office.call("queue:full")
    await asyncio.sleep(1)
    _, call = office.call("queue:full", "13900139000")
    await asyncio.sleep(1)
    refused, gold = story(office, call)
    assert english(refused) == ["It was not admitted to the queue: full and went on to queue:gold."]
    assert [sentence.zh for sentence in refused.text] == ["未能进入队列：队列已满，转至 queue:gold。"]
    assert gold.queue == "gold"


async def test_moves_and_picks_by_hand_are_told(office: Office) -> None:
    handwork = Handwork(office.acd)
    _, call = office.call("queue:sales")
    await asyncio.sleep(5)
    office.call("queue:gold", "13900139000")
    await asyncio.sleep(10)
    handwork.move(call.id, "gold", "wang", queue="sales")
    await asyncio.sleep(1)
    assert office.floor.queue("gold").calls[0].call == call.id, "the time waited counts"
    handwork.rank(call.id, "wang", importance=50)
    await office.floor.set_state("li", "not_ready", "", "li")
    handwork.pick("li", call.id)
    await asyncio.sleep(1)
    assert office.state("li") == "ringing"
    moved, gold = story(office, call)
    assert (moved.result, moved.to) == ("supervisor", "queue:gold")
    assert gold.decisions[0].rule == "picked"
    assert any("its place changed" in text for text in english(gold))


async def test_what_people_may_not_do_with_waiting_calls(office: Office) -> None:
    handwork = Handwork(office.acd)
    _, call = office.call("queue:gold")
    await asyncio.sleep(1)
    await office.ready("zhao")
    with pytest.raises(Forbidden):
        handwork.pick("zhao", call.id)
    with pytest.raises(NotFound):
        handwork.pick("li", call.id, queue="sales")
    with pytest.raises(Conflict):
        handwork.move(call.id, "gold", "wang")
    with pytest.raises(NotFound):
        handwork.rank("c99", "wang", front=True)


def test_every_sentence_can_be_said_in_both_languages() -> None:
    for what in SENTENCES:
        sentence = say(
            what, after=3, queue="q", agent="li", seconds="1", why="full", reason="busy", to="queue:x", groups=[("busy", 2)]
        )
        assert "{" not in sentence.zh + sentence.en
    assert say("queue.of_tomorrow").en == "queue.of_tomorrow."
