"""What callers do in flows: nodes, input, surveys, voicemail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from softswitch.model.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrEntered(Event):
    type: ClassVar[str] = "ivr.entered"
    flow: str
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrNode(Event):
    type: ClassVar[str] = "ivr.node"
    flow: str
    node: str
    verb: str
    result: str
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrLeft(Event):
    type: ClassVar[str] = "ivr.left"
    flow: str
    node: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptMissing(Event):
    type: ClassVar[str] = "ivr.prompt_missing"
    prompt: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrInput(Event):
    """What the caller chose or typed; digits of a masked collect are not here."""

    type: ClassVar[str] = "ivr.input"
    flow: str
    node: str
    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrAuth(Event):
    type: ClassVar[str] = "ivr.auth"
    ok: bool
    customer: str = ""
    tries: int = 1
    locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrLookup(Event):
    type: ClassVar[str] = "ivr.lookup"
    name: str
    ms: int
    found: bool
    result: str  # found, none, error, cached


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyInvited(Event):
    type: ClassVar[str] = "survey.invited"
    survey: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswered(Event):
    type: ClassVar[str] = "survey.answered"
    survey: str
    marks: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveySkipped(Event):
    type: ClassVar[str] = "survey.skipped"
    survey: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailLeft(Event):
    """A message was left; its audio is a recording of this call."""

    type: ClassVar[str] = "voicemail.left"
    committed_only: ClassVar[bool] = True
    mailbox: str
    message: str
    duration_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailChanged(Event):
    type: ClassVar[str] = "voicemail.changed"
    mailbox: str
    message: str
    state: str  # new, heard, in_work, done, deleted
