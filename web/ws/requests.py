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
    topics: list[Literal["agent", "board", "calls"]] = Field(max_length=3)


class AgentStateRequest(Message):
    state: Literal["ready", "not_ready", "logged_out", "wrap_up_done"]
    reason: str = Field("", max_length=64)


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
    call: str = Field(max_length=64)
    mode: MonitorMode


class CallStart(Message):
    sdp: str = Field(max_length=64 * 1024)
    context: dict[str, str] = Field(default_factory=dict, max_length=32)
    name: str = Field("", max_length=128)


_AGENT = frozenset({Role.AGENT})
_LEADER = frozenset({Role.TEAM_LEADER, Role.SUPERVISOR, Role.ADMINISTRATOR})
_PEOPLE = _AGENT | _LEADER
_WATCHERS = _PEOPLE | {Role.QUALITY, Role.AUDITOR}

PEOPLE: Mapping[str, tuple[type[Message], frozenset[Role]]] = {
    "subscribe": (Subscribe, _WATCHERS),
    "agent.state": (AgentStateRequest, _AGENT),
    "wrapup.done": (Message, _AGENT),
    "media.offer": (MediaOffer, _PEOPLE),
    "media.close": (Message, _PEOPLE),
    "offer.accept": (OfferAnswer, _AGENT),
    "offer.reject": (OfferAnswer, _AGENT),
    "call.hold": (Message, _AGENT),
    "call.resume": (Message, _AGENT),
    "call.hangup": (Message, _AGENT),
    "call.dial": (CallDial, _AGENT),
    "dtmf": (Digits, _AGENT),
    "monitor.set": (MonitorSet, _LEADER),
}
"""type → (model, roles)."""

WIDGET: Mapping[str, type[Message]] = {
    "call.start": CallStart,
    "call.hangup": Message,
    "dtmf": Digits,
    "media.close": Message,
}
