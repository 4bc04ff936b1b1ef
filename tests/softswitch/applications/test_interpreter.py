"""Calls at an application that answers over real HTTP: what the caller hears, what the application is told, what breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from softswitch.applications.client import SIGNATURE, TIMESTAMP, Webhooks, signature
from softswitch.applications.interpreter import Interpreter
from softswitch.applications.model import Stream
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.model import Agent, Application, Extension, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.trial import Caller, TrialLine, empty_desk
from softswitch.model.cause import Cause
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination, DestinationKind

SNAPSHOT = Snapshot(
    queues={"sales": Queue(name="sales")}, extensions={"1001": Extension(number="1001")}, agents={"li": Agent(login="li")}
)
Reply = Callable[[Mapping[str, str]], Awaitable[web.StreamResponse] | web.StreamResponse]


def twiml(body: str) -> web.Response:
    return web.Response(text=f"<Response>{body}</Response>", content_type="application/xml")


@dataclass
class Site:
    """The other side: pages by path, and what was asked of them."""

    server: TestServer
    pages: dict[str, Reply] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    requests: list[tuple[web.BaseRequest, str]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))


@dataclass
class FakeStreams:
    """Notes what is asked of it; a stream that is connected is over at once."""

    asked: list[str] = field(default_factory=list)
    reason: str = "closed"

    def start(self, wanted: Stream) -> None:
        self.asked.append(f"start {wanted.url} {' '.join(wanted.tracks)} {dict(wanted.parameters)}")

    async def connect(self, wanted: Stream) -> str:
        self.asked.append(f"connect {wanted.url}")
        return self.reason

    def stop(self, name: str) -> None:
        self.asked.append(f"stop {name}")


@dataclass
class Stage:
    site: Site
    webhooks: Webhooks
    pressed: list[str] = field(default_factory=list)
    streams: FakeStreams = field(default_factory=FakeStreams)

    def line(self, *keys: str, outcome: Outcome | None = None) -> TrialLine:
        line = TrialLine(Caller(keys=keys), SNAPSHOT, empty_desk())
        if outcome is not None:
            line.outcome = outcome
        return line

    async def run(self, line: TrialLine, application: Application | None = None) -> Outcome:
        app = application or Application(name="shop", url=self.site.url("/start"), secret="key", timeout=0.5)
        return await Interpreter(
            application=app, line=line, asker=self.webhooks, facts={"CallSid": "c1", "From": line.caller, "To": line.called},
            answered=lambda: "answer" in line.heard, number=_dialled, press=self.pressed.append, limit=lambda seconds: None,
            streams=self.streams,
        ).run()  # fmt: skip


def _dialled(number: str) -> Destination | None:
    return Destination(DestinationKind.EXTENSION, number) if number in SNAPSHOT.extensions else None


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async def page(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode()
        fields = dict(await request.post()) or dict(request.query)
        site.asked.append((request.path, {key: str(value) for key, value in fields.items()}))
        site.requests.append((request, body))
        found = site.pages[request.path](site.asked[-1][1])
        return found if isinstance(found, web.StreamResponse) else await found

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", page)  # type: ignore[arg-type]
    site = Site(TestServer(application))
    await site.server.start_server()
    webhooks = Webhooks(ManualClock())
    yield Stage(site, webhooks)
    await webhooks.close()
    await site.server.close()


async def test_a_menu_leads_to_an_agent(stage: Stage) -> None:
    stage.site.pages = {
        "/start": lambda _: twiml('<Gather action="/key" numDigits="1"><Say>您好，欢迎致电。</Say></Gather><Hangup/>'),
        "/key": lambda told: twiml(f"<Enqueue>{'sales' if told['Digits'] == '1' else 'other'}</Enqueue>"),
    }
    line = stage.line("1", outcome=Outcome.ended(Ending("caller", Cause.NORMAL)))
    outcome = await stage.run(line)
    assert outcome.ending == Ending("caller", Cause.NORMAL)
    assert line.to == "queue:sales"
    assert line.heard[:2] == ["answer", "zh-CN/welcome"]
    first, second = stage.site.asked
    assert first == ("/start", {"CallSid": "c1", "From": "13800138000", "To": "4008001000", "CallStatus": "ringing"})
    assert second[1]["Digits"] == "1"
    assert second[1]["CallStatus"] == "in-progress"


async def test_nothing_pressed_goes_on_with_the_next_verb(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml('<Gather action="/key"/><Play>goodbye</Play>')}
    line = stage.line()
    outcome = await stage.run(line)
    assert outcome.ending == Ending("system", Cause.NORMAL)
    assert line.heard == ["answer", "answer", "zh-CN/goodbye"]
    assert [path for path, _ in stage.site.asked] == ["/start"]


async def test_the_request_is_signed(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml("<Hangup/>")}
    await stage.run(stage.line())
    ((request, body),) = stage.site.requests
    stamp = request.headers[TIMESTAMP]
    assert request.headers[SIGNATURE] == signature("key", stamp, "POST", stage.site.url("/start"), body)
    assert request.headers[SIGNATURE] != signature("other", stamp, "POST", stage.site.url("/start"), body)


async def test_a_rejected_call_is_never_answered(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml('<Reject reason="busy"/>')}
    line = stage.line()
    assert (await stage.run(line)).ending == Ending("system", Cause.BUSY)
    assert line.heard == []


async def test_the_caller_goes_on_when_the_other_side_hangs_up(stage: Stage) -> None:
    stage.site.pages = {
        "/start": lambda _: twiml('<Dial action="/after"><Number>1001</Number></Dial>'),
        "/after": lambda _: twiml("<Play>goodbye</Play>"),
    }
    line = stage.line()
    await stage.run(line)
    assert line.to == "extension:1001"
    assert stage.site.asked[1][1]["DialCallStatus"] == "completed"
    assert line.heard[-1] == "zh-CN/goodbye"


async def test_dial_tries_one_after_the_other_and_tells_the_result(stage: Stage) -> None:
    stage.site.pages = {
        "/start": lambda _: twiml('<Dial action="/after"><Client>nobody</Client><Sip>sip:1001@x</Sip></Dial>'),
        "/after": lambda _: twiml("<Hangup/>"),
    }
    await stage.run(stage.line(outcome=Outcome.failed(Cause.NO_ANSWER)))
    assert stage.site.asked[1][1]["DialCallStatus"] == "no-answer"


async def test_a_recording_is_told_by_its_id(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml('<Record action="/kept"/>'), "/kept": lambda _: twiml("<Hangup/>")}
    await stage.run(stage.line())
    assert stage.site.asked[1][1]["RecordingSid"] == "r1"
    assert stage.site.asked[1][1]["RecordingDuration"] == "5"


async def test_keys_for_the_caller_and_pauses(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml('<Pause length="2"/><Play digits="w12"/><Hangup/>')}
    await stage.run(stage.line())
    assert stage.pressed == ["12"]


async def test_redirects_inside_the_answer_and_get(stage: Stage) -> None:
    stage.site.pages = {
        "/start": lambda _: twiml('<Redirect method="GET">/next?x=1</Redirect>'),
        "/next": lambda _: twiml("<Hangup/>"),
    }
    await stage.run(stage.line())
    path, told = stage.site.asked[1]
    assert (path, told["x"], told["CallSid"]) == ("/next", "1", "c1")


@pytest.mark.parametrize("broken", ["slow", "status", "nonsense", "huge", "redirect", "binary"])
async def test_a_broken_application_goes_to_its_fallback_and_then_ends_with_a_sentence(stage: Stage, broken: str) -> None:
    async def slow(_: Mapping[str, str]) -> web.StreamResponse:
        await asyncio.sleep(5)
        return twiml("<Hangup/>")

    answers: dict[str, Reply] = {
        "slow": slow,
        "status": lambda _: web.Response(status=500, text="<Response/>"),
        "nonsense": lambda _: web.Response(text="<html>502 Bad Gateway"),
        "huge": lambda _: web.Response(body=b"<Response>" + b" " * 200_000 + b"</Response>"),
        "redirect": lambda _: web.Response(status=302, headers={"Location": "/start"}),
        "binary": lambda _: web.Response(body=bytes(range(256))),
    }
    stage.site.pages = {"/start": answers[broken], "/fallback": lambda _: twiml("<Play>closed</Play>")}
    application = Application(
        name="shop", url=stage.site.url("/start"), fallback=stage.site.url("/fallback"), secret="key", timeout=0.3
    )
    line = stage.line()
    outcome = await stage.run(line, application)
    assert outcome.ending == Ending("system", Cause.NORMAL)
    assert line.heard == ["answer", "zh-CN/closed"]
    assert stage.site.asked[-1][1]["ErrorUrl"].endswith("/start")
    alone = stage.line()
    outcome = await stage.run(alone, replace(application, fallback=""))
    assert outcome.ending == Ending("system", Cause.TEMPORARY_FAILURE)
    assert alone.heard == ["zh-CN/error"]
    assert len(stage.site.asked) == 3, "a redirect of HTTP is not followed"


async def test_an_application_that_is_down(stage: Stage) -> None:
    line = stage.line()
    application = Application(name="shop", url="http://127.0.0.1:1/", secret="key", timeout=0.5)
    assert (await stage.run(line, application)).ending == Ending("system", Cause.TEMPORARY_FAILURE)
    assert line.heard == ["zh-CN/error"]


async def test_a_circle_of_redirects_ends(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml("<Redirect>/start</Redirect>")}
    line = stage.line()
    assert (await stage.run(line)).ending == Ending("system", Cause.TEMPORARY_FAILURE)
    assert len(stage.site.asked) == 100


async def test_an_unknown_verb_is_not_half_carried_out(stage: Stage) -> None:
    stage.site.pages = {"/start": lambda _: twiml("<Say>您好</Say><Connect><Siprec/></Connect>")}
    line = stage.line()
    assert (await stage.run(line)).ending == Ending("system", Cause.TEMPORARY_FAILURE)
    assert line.heard == ["zh-CN/error"]


async def test_streams_begin_end_and_are_waited_for(stage: Stage) -> None:
    stage.site.pages = {
        "/start": lambda _: twiml(
            '<Start><Stream name="ear" url="wss://a.example/x" track="both_tracks"><Parameter name="k" value="v"/></Stream>'
            '</Start><Stop><Stream name="ear"/></Stop>'
            '<Connect action="/after"><Stream url="wss://b.example/bot"/></Connect><Say>never</Say>'
        ),
        "/after": lambda _: twiml("<Hangup/>"),
    }
    await stage.run(stage.line())
    assert stage.streams.asked == [
        "start wss://a.example/x inbound outbound {'k': 'v'}", "stop ear", "connect wss://b.example/bot",
    ]  # fmt: skip
    assert stage.site.asked[1][1]["StreamResult"] == "completed"


async def test_a_stream_that_cannot_be_reached_is_told(stage: Stage) -> None:
    stage.streams.reason = "unreachable"
    stage.site.pages = {
        "/start": lambda _: twiml('<Connect action="/after"><Stream url="ws://nobody.example"/></Connect>'),
        "/after": lambda _: twiml("<Hangup/>"),
    }
    await stage.run(stage.line())
    assert stage.site.asked[1][1]["StreamResult"] == "failed"
