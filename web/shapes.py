"""The JSON shapes of README.md as models, and the functions that make them from the product's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel

from softswitch.model.cause import Cause
from softswitch.model.events import rfc3339
from softswitch.services import AgentView, CallView, OfferView, QueueView, WaitingView
from softswitch.store.rows import CdrRow, RecordingRow


class Shape(BaseModel):
    """Base of every reply."""


class Recording(Shape):
    id: str
    status: str
    duration_ms: int
    bytes: int
    sha256: str
    restricted: bool


class Monitor(Shape):
    supervisor: str
    mode: str


class Participant(Shape):
    """Somebody in a live call. `party`: customer, agent:LOGIN, extension:N, outside:N."""

    id: str
    party: str
    role: str
    state: str
    since: str


class Call(Shape):
    id: str
    direction: str
    source: str
    state: str
    caller: str
    caller_name: str
    called: str
    trunk: str | None
    queue: str | None
    agent: str | None
    agent_name: str | None
    created: str
    answered: str | None
    connected: str | None
    ended: str | None
    wait_ms: int
    ring_ms: int
    talk_ms: int
    hold_ms: int
    duration_ms: int
    result: str | None
    cause: str | None
    cause_text: str | None
    q850: int | None
    sip_status: int | None
    who: str | None
    recording: Recording | None
    recording_live: bool
    monitors: list[Monitor]
    context: dict[str, str]
    participants: list[Participant] = []
    variables: dict[str, str] = {}
    park_slot: str | None = None
    recording_paused: bool = False


class CallDetail(Call):
    timeline: list[dict[str, Any]]
    recordings: list[Recording]
    customer: dict[str, Any] | None = None
    dispositions: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []


class CallList(Shape):
    items: list[Call]
    next: str | None


class WrapUp(Shape):
    mode: str
    codes_required: bool
    extensions_left: int


class Today(Shape):
    """An agent since midnight."""

    answered: int
    missed: int
    talk_ms: int
    ready_ms: int
    not_ready_ms: int
    wrap_up_ms: int
    occupancy: float | None


class Agent(Shape):
    login: str
    name: str
    state: str
    reason: str
    since: str
    queues: list[str]
    station: str
    call: str | None
    pending: str
    reachable: bool
    language: str
    calls_today: int
    wrap_up_until: str | None
    team: str = ""
    site: str = ""
    skills: dict[str, int] = {}
    offer: str | None = None
    customer_name: str = ""
    direction: str = ""
    wrap_up: WrapUp | None = None
    help: str = ""
    occupancy: float | None = None
    today: Today | None = None


class AgentList(Shape):
    items: list[Agent]
    next: str | None = None


class Waiting(Shape):
    call: str
    caller: str
    since: str
    position: int
    state: str
    channel: str
    importance: int
    priority: float
    stage: int
    needs: dict[str, int]
    customer_name: str
    vip: bool
    predicted_ms: int | None


class EmergencyShape(Shape):
    on: bool
    announcement: str
    until: str | None


class PredictionShape(Shape):
    count: int
    bias_ms: int | None
    mae_ms: int | None
    coverage: float | None


class FiguresShape(Shape):
    offered: int
    answered: int
    abandoned: int
    short_abandoned: int
    exits: dict[str, int]
    service_level: float | None
    asa_ms: int | None
    longest_ms: int
    prediction: PredictionShape


class Queue(Shape):
    name: str
    strategy: str
    waiting: int
    longest_wait_ms: int
    calls: list[Waiting]
    agents: dict[str, int]
    offered: int
    answered: int
    abandoned: int
    service_level: float | None
    title: str
    open: bool
    closed_reason: str
    until: str | None
    emergency: EmergencyShape | None
    ewt_ms: int | None
    p80_ms: int | None
    signed_in: int
    ready: int
    callbacks: int
    goal: float
    figures: FiguresShape


class QueueList(Shape):
    items: list[Queue]
    next: str | None = None


class Offer(Shape):
    id: str
    call: str
    queue: str
    caller: str
    caller_name: str
    called: str
    wait_ms: int
    ring_timeout_ms: int
    made: str
    context: dict[str, str]
    auto_answer: bool = False


class Items(Shape):
    """A list of mappings whose keys README.md names."""

    items: list[dict[str, Any]]
    next: str | None = None


class Created(Shape):
    id: str


class SessionShape(Shape):
    login: str
    name: str
    role: str
    language: str
    csrf: str
    agent: bool
    session: str
    duty: str
    """`password` or `second_factor`: what has to be done before anything else is allowed; else empty."""


def time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def recording(row: RecordingRow) -> Recording:
    return Recording(
        id=row.id, status=row.status, duration_ms=row.duration_ms, bytes=row.bytes, sha256=row.sha256, restricted=row.restricted
    )


def live_call(view: CallView, names: Mapping[str, str], now: float) -> Call:
    """`names`: login → name; `now`: UTC epoch seconds for the durations that still run."""
    return Call(
        id=view.id, direction=view.direction, source=view.source, state=view.state, caller=view.caller,
        caller_name=view.caller_name, called=view.called, trunk=view.trunk or None, queue=view.queue or None,
        agent=view.agent or None, agent_name=names.get(view.agent), created=rfc3339(view.created_at),
        answered=time(view.answered_at), connected=time(view.connected_at), ended=None, wait_ms=view.wait_ms, ring_ms=0,
        talk_ms=int((now - view.connected_at) * 1000) if view.connected_at else 0, hold_ms=0,
        duration_ms=max(0, int((now - view.created_at) * 1000)), result=None, cause=None, cause_text=None, q850=None,
        sip_status=None, who=None, recording=None, recording_live=view.recording,
        monitors=[Monitor(supervisor=m.supervisor, mode=m.mode) for m in view.monitors], context=dict(view.context),
        participants=[
            Participant(id=p.id, party=p.party, role=p.role, state=p.state, since=rfc3339(p.since or view.created_at))
            for p in view.participants
        ],
        variables=dict(view.variables), park_slot=view.slot or None, recording_paused=view.recording_paused,
    )  # fmt: skip


def ended_call(row: CdrRow, names: Mapping[str, str], recordings: Sequence[RecordingRow]) -> Call:
    return Call(**_ended(row, names, recordings))


def call_detail(
    row: CdrRow, names: Mapping[str, str], recordings: Sequence[RecordingRow], timeline: Iterable[dict[str, Any]]
) -> CallDetail:
    return CallDetail(**_ended(row, names, recordings), timeline=list(timeline), recordings=[recording(r) for r in recordings])


def _ended(row: CdrRow, names: Mapping[str, str], recordings: Sequence[RecordingRow]) -> dict[str, Any]:
    main = next((r for r in recordings if not r.restricted), None)
    return {
        "id": row.id, "direction": row.direction, "source": row.source, "state": "ended", "caller": row.caller,
        "caller_name": row.caller_name, "called": row.called, "trunk": row.trunk or None, "queue": row.queue or None,
        "agent": row.agent or None, "agent_name": names.get(row.agent), "created": rfc3339(row.created_at),
        "answered": time(row.answered_at), "connected": time(row.connected_at), "ended": rfc3339(row.ended_at),
        "wait_ms": row.wait_ms, "ring_ms": row.ring_ms, "talk_ms": row.talk_ms, "hold_ms": row.hold_ms,
        "duration_ms": row.duration_ms, "result": row.result, "cause": row.cause, "cause_text": _sentence(row.cause),
        "q850": row.q850, "sip_status": row.sip_status, "who": row.who, "recording": recording(main) if main else None,
        "recording_live": False, "monitors": [], "context": dict(row.context),
    }  # fmt: skip


def _sentence(word: str) -> str:
    try:
        return Cause.from_word(word).sentence
    except KeyError:
        return word


def agent(view: AgentView) -> Agent:
    return Agent(
        login=view.login, name=view.name, state=view.state, reason=view.reason, since=rfc3339(view.since),
        queues=list(view.queues), station=view.station, call=view.call or None, pending=view.pending, reachable=view.reachable,
        language=view.language, calls_today=view.calls_today, wrap_up_until=time(view.wrap_up_until), team=view.team,
        site=view.site, skills=dict(view.skills), offer=view.offer or None, customer_name=view.customer_name,
        direction=view.direction, help=view.help, occupancy=view.occupancy,
        wrap_up=WrapUp(**asdict(view.wrap_up)) if view.wrap_up is not None else None,
        today=Today(**asdict(view.today)) if view.today is not None else None,
    )  # fmt: skip


def waiting(view: WaitingView) -> Waiting:
    return Waiting(
        call=view.call, caller=view.caller, since=rfc3339(view.since), position=view.position, state=view.state,
        channel=view.channel, importance=view.importance, priority=view.priority, stage=view.stage, needs=dict(view.needs),
        customer_name=view.customer_name, vip=view.vip, predicted_ms=_known(view.predicted_ms),
    )  # fmt: skip


def _known(ms: int) -> int | None:
    return ms if ms >= 0 else None


def queue(view: QueueView) -> Queue:
    switch, figures, prediction = view.emergency, view.figures, view.figures.prediction
    return Queue(
        name=view.name, strategy=view.strategy, waiting=len(view.calls), longest_wait_ms=view.longest_wait_ms,
        calls=[waiting(call) for call in view.calls], agents=dict(view.agents), offered=view.offered, answered=view.answered,
        abandoned=view.abandoned, service_level=view.service_level, title=view.title, open=view.open,
        closed_reason=view.closed_reason, until=time(view.until), ewt_ms=_known(view.ewt_ms), p80_ms=_known(view.p80_ms),
        emergency=EmergencyShape(on=True, announcement=switch.announcement, until=time(switch.until)) if switch else None,
        signed_in=view.signed_in, ready=view.ready, callbacks=view.callbacks, goal=view.goal,
        figures=FiguresShape(
            offered=figures.offered, answered=figures.answered, abandoned=figures.abandoned,
            short_abandoned=figures.short_abandoned, exits=dict(figures.exits), service_level=figures.service_level,
            asa_ms=figures.asa_ms, longest_ms=figures.longest_ms,
            prediction=PredictionShape(
                count=prediction.count, bias_ms=prediction.bias_ms, mae_ms=prediction.mae_ms, coverage=prediction.coverage
            ),
        ),
    )  # fmt: skip


def offer(view: OfferView) -> Offer:
    return Offer(
        id=view.id, call=view.call, queue=view.queue, caller=view.caller, caller_name=view.caller_name, called=view.called,
        wait_ms=view.wait_ms, ring_timeout_ms=view.ring_timeout_ms, made=rfc3339(view.made_at), context=dict(view.context),
        auto_answer=view.auto_answer,
    )  # fmt: skip
