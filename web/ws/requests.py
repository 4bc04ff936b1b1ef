"""The requests that a client may send, as models, and who may send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from softswitch.model.states import MonitorMode, Role


class Message(BaseModel):
    """Base: every request has an id that its reply repeats."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: int | str
    type: str


class Subscribe(Message):
    topics: list[Literal["agent", "board", "calls", "rooms"]] = Field(max_length=4)


class AgentStateRequest(Message):
    state: Literal["ready", "not_ready", "logged_out", "wrap_up", "wrap_up_done"]
    reason: str = Field("", max_length=64)
    station: str = Field("", max_length=64)


class Station(Message):
    station: str = Field(min_length=1, max_length=64)


class WrapUpDone(Message):
    codes: list[str] = Field(default_factory=list, max_length=8)
    note: str = Field("", max_length=4096)


class WrapUpExtend(Message):
    reason: str = Field("", max_length=128)


class QueuePick(Message):
    call: str = Field(max_length=64)


class Target(Message):
    """`to`: a destination as written, or a number, extension or login as dialled."""

    to: str = Field(min_length=1, max_length=128)


class CallTransfer(Target):
    data: dict[str, str] | None = Field(None, max_length=64)


class CallParticipant(Message):
    participant: str = Field(max_length=128)


class MuteMember(CallParticipant):
    on: bool = True


class CallPark(Message):
    slot: str = Field("", max_length=8)


class CallPickup(Message):
    """A parked call, what rings at a colleague, or a call by its id; all empty: what rings in the group."""

    slot: str = Field("", max_length=8)
    call: str = Field("", max_length=64)
    agent: str = Field("", max_length=128)


class CallRecord(Message):
    action: Literal["start", "stop", "pause", "resume"]


class CallValues(Message):
    values: dict[str, str] = Field(max_length=64)


class MediaOffer(Message):
    sdp: str = Field(max_length=64 * 1024)
    leg: str = "main"


class OfferAnswer(Message):
    offer: str = Field(max_length=64)


class CallDial(Message):
    to: str = Field(min_length=1, max_length=64)


class Digits(Message):
    digits: str = Field(pattern=r"^[0-9A-D*#]{1,32}$")


class MonitorSet(Message):
    """Of a call, an agent, a queue's next conversation; all empty: one at random, or with `off` whatever goes on."""

    call: str = Field("", max_length=64)
    agent: str = Field("", max_length=128)
    queue: str = Field("", max_length=128)
    mode: MonitorMode
    device: str = Field("", max_length=64)
    follow: Literal["customer", "agent"] = "customer"


class Intercept(Message):
    call: str = Field(max_length=64)
    device: str = Field("browser", max_length=64)


class HelpAccept(Message):
    agent: str = Field(max_length=128)
    device: str = Field("browser", max_length=64)


class MessageSend(Message):
    to: str = Field(max_length=128)
    text: str = Field(min_length=1, max_length=1000)


class CallStart(Message):
    sdp: str = Field(max_length=64 * 1024)
    context: dict[str, str] = Field(default_factory=dict, max_length=32)
    name: str = Field("", max_length=128)
    to: str = Field("", max_length=128, description="must be the token's destination; empty: that one")
    captcha: str = Field("", max_length=4096)


_AGENT = frozenset({Role.AGENT})
_LEADER = frozenset({Role.TEAM_LEADER, Role.SUPERVISOR, Role.ADMINISTRATOR})
_PEOPLE = _AGENT | _LEADER
_WATCHERS = _PEOPLE | {Role.QUALITY, Role.AUDITOR}

PEOPLE: Mapping[str, tuple[type[Message], frozenset[Role]]] = {
    "subscribe": (Subscribe, _WATCHERS),
    "agent.state": (AgentStateRequest, _AGENT),
    "agent.station": (Station, _AGENT),
    "wrapup.done": (WrapUpDone, _AGENT),
    "wrapup.start": (Message, _AGENT),
    "wrapup.extend": (WrapUpExtend, _AGENT),
    "queue.pick": (QueuePick, _AGENT),
    "media.offer": (MediaOffer, _PEOPLE),
    "media.close": (Message, _PEOPLE),
    "media.ice": (Message, _PEOPLE),
    "offer.accept": (OfferAnswer, _AGENT),
    "offer.reject": (OfferAnswer, _AGENT),
    "call.hold": (Message, _AGENT),
    "call.resume": (Message, _AGENT),
    "call.hangup": (Message, _AGENT),
    "call.dial": (CallDial, _AGENT),
    "call.mute": (Message, _AGENT),
    "call.unmute": (Message, _AGENT),
    "call.consult": (Target, _AGENT),
    "consult.complete": (Message, _AGENT),
    "consult.merge": (Message, _AGENT),
    "consult.cancel": (Message, _AGENT),
    "call.transfer": (CallTransfer, _AGENT),
    "call.invite": (Target, _AGENT),
    "call.remove": (CallParticipant, _AGENT),
    "call.mute_member": (MuteMember, _AGENT),
    "call.park": (CallPark, _AGENT),
    "call.pickup": (CallPickup, _AGENT),
    "call.record": (CallRecord, _AGENT),
    "call.data": (CallValues, _AGENT),
    "dtmf": (Digits, _AGENT),
    "monitor.set": (MonitorSet, _LEADER),
    "call.intercept": (Intercept, _LEADER),
    "help.ask": (Message, _AGENT),
    "help.cancel": (Message, _AGENT),
    "help.accept": (HelpAccept, _LEADER),
    "message.send": (MessageSend, _LEADER),
}
"""type → (model, roles)."""

WIDGET: Mapping[str, type[Message]] = {
    "call.start": CallStart,
    "call.hangup": Message,
    "dtmf": Digits,
    "media.offer": MediaOffer,
    "media.close": Message,
    "media.ice": Message,
}
