"""Why a call waited and why it reached this agent, of live and of ended calls."""

from __future__ import annotations

from softswitch.acd.explain import Decision, VisitStory, explain
from softswitch.model.errors import Forbidden, NotFound, Refusal
from softswitch.model.events import rfc3339
from softswitch.model.states import Role
from softswitch.store import calls as store_calls
from web import shapes
from web.routing import EVERYBODY, Request, Route


class Candidate(shapes.Shape):
    agent: str
    key: float | None


class Excluded(shapes.Shape):
    agent: str
    why: str


class Stage(shapes.Shape):
    at: str
    stage: int


class DecisionShape(shapes.Shape):
    at: str
    chosen: str
    rule: str
    strategy: str
    stage: int
    priority: float
    candidates: list[Candidate]
    excluded: list[Excluded]
    offer: str | None
    result: str | None
    ring_ms: int | None


class Text(shapes.Shape):
    zh: str
    en: str


class Visit(shapes.Shape):
    visit: str
    queue: str
    entered: str
    left: str | None
    result: str | None
    to: str | None
    wait_ms: int
    channel: str
    stages: list[Stage]
    decisions: list[DecisionShape]
    text: list[Text]


class Routing(shapes.Shape):
    call: str
    visits: list[Visit]


async def get_routing(request: Request) -> Routing:
    call = request.path("id")
    events = await request.services.store.read(lambda connection: store_calls.timeline_of(connection, call))
    if not events:
        raise NotFound("there is no such call")
    if request.who.role is Role.AGENT and request.who.login not in {event.agent for event in events}:
        raise Forbidden("an agent sees only the own calls", Refusal.OWN_ONLY)
    return Routing(call=call, visits=[_visit(story) for story in explain(events)])


def _visit(story: VisitStory) -> Visit:
    return Visit(
        visit=story.visit, queue=story.queue, entered=rfc3339(story.entered), left=shapes.time(story.left),
        result=story.result or None, to=story.to or None, wait_ms=story.wait_ms, channel=story.channel,
        stages=[Stage(at=rfc3339(at), stage=stage) for at, stage in story.stages],
        decisions=[_decision(decision) for decision in story.decisions],
        text=[Text(zh=sentence.zh, en=sentence.en) for sentence in story.text],
    )  # fmt: skip


def _decision(decision: Decision) -> DecisionShape:
    return DecisionShape(
        at=rfc3339(decision.at), chosen=decision.chosen, rule=decision.rule, strategy=decision.strategy,
        stage=decision.stage, priority=decision.priority,
        candidates=[Candidate(agent=login, key=key) for login, key in decision.candidates],
        excluded=[Excluded(agent=login, why=why) for login, why in decision.excluded],
        offer=decision.offer or None, result=decision.result or None, ring_ms=decision.ring_ms,
    )  # fmt: skip


ROUTES = (
    Route(method="GET", path="/calls/{id}/routing", handler=get_routing, roles=EVERYBODY, reply=Routing,
          summary="Why the call waited, why this agent"),
)  # fmt: skip
