"""What an application may answer: the verbs of TwiML as typed values. Times are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """`text` is spoken as far as recorded words reach; `language` "" is the call's."""

    text: str
    language: str = ""
    loop: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """`name` is a prompt of the switch; `digits` are sent to the caller instead."""

    name: str = ""
    digits: str = ""
    loop: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    length: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gather:
    action: str = ""
    method: str = "POST"
    timeout: float = 5.0
    finish_on_key: str = "#"
    num_digits: int = 0
    """0: until the key or the time-out."""
    action_on_empty: bool = False
    prompts: tuple[Say | Play | Pause, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    action: str = ""
    method: str = "POST"
    timeout: float = 5.0
    """Silence that ends it."""
    finish_on_key: str = "1234567890*#"
    max_length: float = 3600.0
    play_beep: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One noun of Dial. `kind`: number, client, sip, queue, conference."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    targets: tuple[Target, ...]
    action: str = ""
    method: str = "POST"
    timeout: float = 30.0
    time_limit: float = 14_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    queue: str
    action: str = ""
    method: str = "POST"
    importance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    reason: str = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refer:
    """The caller is sent elsewhere, bridged inside the switch."""

    to: str
    action: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The sound of the call to a program. `speaks`: what it answers is heard, and the call waits until it has ended."""

    url: str
    name: str = ""
    tracks: tuple[str, ...] = ("inbound",)
    parameters: Mapping[str, str] = field(default_factory=dict)
    speaks: bool = False
    action: str = ""
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopStream:
    """ "": the one without a name, else the latest."""

    name: str = ""


Verb = Say | Play | Pause | Gather | Record | Dial | Enqueue | Leave | Redirect | Reject | Hangup | Refer | Stream | StopStream
