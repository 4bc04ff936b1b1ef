"""An application drives a real call: sound, keys, conversations, and what the timeline says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from softswitch.applications.client import Answer, NoAnswer
from softswitch.applications.parser import parse
from softswitch.applications.service import Applications
from softswitch.directory.model import Agent, Application, Queue
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import DestinationKind
from softswitch.streams.service import Streams
from tests.support.office import PROMPT_MS, Office

PROMPT = PROMPT_MS / 1000


class Script:
    """Stands for the other side: one answer after the other."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.told: list[Mapping[str, str]] = []

    async def ask(self, application: Application, url: str, method: str, values: Mapping[str, str]) -> Answer:
        self.told.append(values)
        if not self.answers:
            raise NoAnswer("nobody answers")
        return Answer(parse(f"<Response>{self.answers.pop(0)}</Response>".encode()), url)

    async def close(self) -> None:
        pass


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    agent = Agent(login="li", queues=("sales",), station="extension:1001")
    made = Office(tmp_path, agents=(agent,), queues=(Queue(name="sales", announce="none"),))
    made.engine._record_files = True
    shop = Application(name="shop", url="http://shop.example/")
    made.snapshot = replace(made.snapshot, applications={"shop": shop})
    yield made
    await made.close()


def answering(office: Office, *answers: str) -> Script:
    script = Script(*answers)
    streams = Streams(office.media, office.clock, lambda: "s1", office.calls.get)
    found = Applications(
        directory=lambda: office.snapshot, clock=office.clock, doors=office.ivr.doors, desk=office.ivr.desk, streams=streams
    )  # fmt: skip
    found.webhooks = script  # type: ignore[assignment]
    office.handlers[DestinationKind.APPLICATION] = found.to_application
    return script


async def test_a_key_stops_the_sound_and_leads_to_an_agent(office: Office) -> None:
    script = answering(
        office, '<Gather action="/k" numDigits="1"><Say>您好，欢迎致电。</Say></Gather>', "<Enqueue>sales</Enqueue>"
    )
    await office.ready("li")
    caller, call = office.call("application:shop")
    await asyncio.sleep(PROMPT / 2)
    caller.key("1")
    await asyncio.sleep(0.5)
    office.phone("1001").accept()
    await asyncio.sleep(0.2)
    assert caller.hears == {"1001"}
    assert script.told[0]["CallStatus"] == "ringing"
    assert script.told[0]["CallSid"] == call.id
    assert script.told[1]["Digits"] == "1"
    caller.leave()
    await asyncio.sleep(0.1)
    assert [(event.flow, event.result) for event in office.of(ev.IvrLeft)] == [("application:shop", "hangup")]


async def test_the_caller_stays_when_the_dialled_one_hangs_up(office: Office) -> None:
    script = answering(office, '<Dial action="/after">1002</Dial>', "<Play>goodbye</Play>")
    caller, _ = office.call("application:shop")
    await asyncio.sleep(0.1)
    office.phone("1002").accept()
    await asyncio.sleep(7)
    office.phone("1002").leave()
    await asyncio.sleep(0.1)
    assert not caller.is_ended
    assert (script.told[1]["DialCallStatus"], script.told[1]["DialCallDuration"]) == ("completed", "7")
    await asyncio.sleep(PROMPT + 0.1)
    assert caller.cause is Cause.NORMAL
    assert office.played()[-1] == "zh-CN/goodbye"


async def test_nobody_answers_the_dialled_phone(office: Office) -> None:
    script = answering(office, '<Dial action="/after" timeout="5">1002</Dial>', "<Reject/>")
    caller, _ = office.call("application:shop")
    await asyncio.sleep(6)
    assert script.told[1]["DialCallStatus"] == "no-answer"
    assert caller.is_ended


async def test_outside_numbers_need_a_route(office: Office) -> None:
    script = answering(office, '<Dial action="/after">0085212345678</Dial>', "<Hangup/>")
    office.call("application:shop")
    await asyncio.sleep(0.1)
    assert script.told[1]["DialCallStatus"] == "failed"
    assert "0085212345678" not in office.phones


async def test_a_recording_of_the_caller(office: Office) -> None:
    script = answering(office, '<Record action="/kept" finishOnKey="#" timeout="30"/>', "<Hangup/>")
    caller, call = office.call("application:shop")
    await asyncio.sleep(5)
    caller.key("#")
    await asyncio.sleep(1)
    (finished,) = office.of(ev.RecordingFinished)
    assert (script.told[1]["RecordingSid"], finished.call) == (finished.recording, call.id)


async def test_a_rejected_call_is_not_answered(office: Office) -> None:
    answering(office, '<Reject reason="busy"/>')
    caller, _ = office.call("application:shop")
    await asyncio.sleep(0.1)
    assert (caller.is_answered, caller.cause) == (False, Cause.BUSY)


async def test_no_answer_of_the_application(office: Office) -> None:
    answering(office)
    caller, _ = office.call("application:shop")
    await asyncio.sleep(PROMPT + 0.2)
    assert caller.cause is Cause.TEMPORARY_FAILURE
    assert office.played() == ["zh-CN/error"]
    other, _ = office.call("application:none")
    await asyncio.sleep(0.1)
    assert other.cause is Cause.UNALLOCATED
