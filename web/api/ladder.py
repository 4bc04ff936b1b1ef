"""The ladder of a call: its SIP messages, what its sound did, and what that means in plain words; also as a capture file."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from softswitch.access.rights import Permission
from softswitch.model.errors import NotFound
from softswitch.model.events import rfc3339
from softswitch.store import calls as store_calls
from softswitch.trace.happenings import happenings
from softswitch.trace.ladder import Ladder, Step, ladder
from softswitch.trace.pcap import pcap
from softswitch.trace.service import Traces
from softswitch.trace.verdicts import Verdict, verdicts
from softswitch.trace.words import Words
from web import shapes
from web.routing import Model, Request, Route


class PartyShape(shapes.Shape):
    id: str
    role: Literal["caller", "switch", "callee"]
    kind: str = Field(description="trunk, extension, agent, browser, peer, switch")
    name: str
    address: str
    transport: str
    leg: str | None = Field(description="its id in the timeline")


class MediaShape(shapes.Shape):
    kind: str
    address: str
    port: int
    protocol: str
    codecs: list[str]
    direction: str


class MessageShape(shapes.Shape):
    number: int
    at: str
    ms: int = Field(description="since the first line of the ladder")
    source: str = Field(description="a party's id")
    target: str
    transport: str
    first_line: str
    method: str
    status: int = Field(description="0: a request")
    summary: str
    repeat: bool = Field(description="the same octets once more")
    sdp: list[MediaShape]
    text: str


class HappeningShape(shapes.Shape):
    at: str
    ms: int
    party: str
    kind: str
    values: dict[str, str | int | float]


class TextShape(shapes.Shape):
    zh: str
    en: str


class VerdictShape(shapes.Shape):
    rule: str
    level: Literal["fault", "warning", "info"]
    at: str
    party: str
    text: TextShape
    advice: TextShape


class LadderShape(shapes.Shape):
    call: str
    kept: Literal["kept", "live", "none", "off"] = Field(description="none: not kept, or kept no longer; off: nothing is kept")
    dropped: int = Field(description="messages in the middle that had no room")
    began: str | None
    parties: list[PartyShape]
    messages: list[MessageShape]
    events: list[HappeningShape]
    verdicts: list[VerdictShape]


class StrayShape(shapes.Shape):
    at: str
    sent: bool
    peer: str
    transport: str
    call_id: str
    first_line: str
    text: str


class StrayList(shapes.Shape):
    items: list[StrayShape]
    next: None = None


class StrayQuery(Model):
    """`text`: only messages that have it somewhere, in any case."""

    text: str = Field("", max_length=128)
    limit: int = Field(100, ge=1, le=500)


async def _ladder(request: Request) -> tuple[Ladder, bool]:
    """The ladder of a call that lies within the scope; whether messages of it are kept. Raises NotFound."""
    identity, services = request.path("id"), request.services
    record = await services.store.read(lambda db: store_calls.call_record(db, identity))
    known = record or services.calls.view(identity)
    if known is None or not request.scope.may_see_call(known.agent, known.queue):
        raise NotFound(f"there is no call {identity}")
    events = await services.store.read(lambda db: store_calls.timeline_of(db, identity))
    kept = await services.part(Traces).of(identity, services.store)
    return ladder(identity, events, kept), kept is not None


async def get_ladder(request: Request) -> LadderShape:
    found, is_kept = await _ladder(request)
    form = request.services.part(Traces).form
    began = min([*(step.at for step in found.steps[:1]), *(event.at for event in found.events[:1])], default=None)
    kept: Literal["kept", "live", "none", "off"] = "live" if found.is_live else "kept"
    if not is_kept:
        kept = "off" if form.scope == "off" else "none"
    return LadderShape(
        call=found.call, kept=kept, dropped=found.dropped, began=shapes.time(began),
        parties=[
            PartyShape(
                id=party.id, role=party.role, kind=party.kind, name=party.name, address=party.address,
                transport=party.transport, leg=party.leg or None,
            )
            for party in found.parties
        ],
        messages=[_message(step, began or 0.0) for step in found.steps],
        events=[
            HappeningShape(
                at=rfc3339(each.at), ms=_since(each.at, began or 0.0), party=each.party, kind=each.kind,
                values=dict(each.values),
            )
            for each in happenings(found, digits=form.digits)
        ],
        verdicts=[_verdict(each) for each in verdicts(found)],
    )  # fmt: skip


def _message(step: Step, began: float) -> MessageShape:
    words, party = step.words, step.party.id
    return MessageShape(
        number=step.number, at=rfc3339(step.at), ms=_since(step.at, began),
        source="switch" if step.sent else party, target=party if step.sent else "switch",
        transport=step.message.flow.transport, first_line=words.first, method=words.method, status=words.status,
        summary=words.summary, repeat=step.repeat, text=words.text,
        sdp=[
            MediaShape(
                kind=media.kind, address=media.address, port=media.port, protocol=media.protocol, codecs=list(media.codecs),
                direction=media.direction,
            )
            for media in words.media
        ],
    )  # fmt: skip


def _since(at: float, began: float) -> int:
    return max(0, round((at - began) * 1000))


def _verdict(verdict: Verdict) -> VerdictShape:
    return VerdictShape(
        rule=verdict.rule, level=verdict.level, at=rfc3339(verdict.at), party=verdict.party,
        text=TextShape(zh=verdict.text.zh, en=verdict.text.en), advice=TextShape(zh=verdict.advice.zh, en=verdict.advice.en),
    )  # fmt: skip


async def get_capture(request: Request) -> web.Response:
    found, is_kept = await _ladder(request)
    if not is_kept:
        raise NotFound("no messages of this call are kept")
    return web.Response(
        body=pcap(step.message for step in found.steps),
        content_type="application/vnd.tcpdump.pcap",
        headers={"Content-Disposition": f'attachment; filename="{found.call}.pcap"'},
    )


async def list_strays(request: Request) -> StrayList:
    """Newest first; empty unless `sip.trace` is `all`."""
    query, wanted = request.query(StrayQuery), request.query(StrayQuery).text.lower()
    items: list[StrayShape] = []
    for message, name in request.services.part(Traces).strays():
        words = Words(message.data)
        if wanted in words.text.lower():
            host, port = message.flow.remote
            items.append(
                StrayShape(
                    at=rfc3339(message.at), sent=message.sent, peer=f"{host}:{port}", transport=message.flow.transport,
                    call_id=name, first_line=words.first, text=words.text,
                )
            )  # fmt: skip
        if len(items) >= query.limit:
            break
    return StrayList(items=items)


ROUTES = (
    Route(method="GET", path="/calls/{id}/ladder", handler=get_ladder, permission=Permission.TRACE, reply=LadderShape,
          summary="SIP messages and sound of a call, and what they mean"),
    Route(method="GET", path="/calls/{id}/ladder.pcap", handler=get_capture, permission=Permission.TRACE,
          reply_type="application/vnd.tcpdump.pcap", summary="The SIP messages of a call as a capture file"),
    Route(method="GET", path="/sip/messages", handler=list_strays, permission=Permission.TRACE, query=StrayQuery,
          reply=StrayList, summary="The newest SIP messages that belong to no call (sip.trace = all)"),
)  # fmt: skip
