"""The objects of the directory as frozen values (interfaces.md §2). Everybody reads these; only `directory` writes them.

Absent optional texts are `""`. Durations are seconds, as in the apply file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from softswitch.directory.centre import (
    Agent,
    AlarmRule,
    Application,
    Calendar,
    Centre,
    Conference,
    Disposition,
    FeatureCode,
    GroupMember,
    Lookup,
    Mailbox,
    Membership,
    Need,
    Overflow,
    PageGroup,
    Queue,
    Reason,
    RecordingRule,
    ReserveTier,
    RingGroup,
    Schedule,
    Stage,
    Team,
    Webhook,
)
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.states import Role

__all__ = [
    "IDENTITY",
    "TYPES",
    "Agent",
    "AlarmRule",
    "Application",
    "Calendar",
    "Centre",
    "Conference",
    "Disposition",
    "Extension",
    "FeatureCode",
    "Flow",
    "FlowFault",
    "GroupMember",
    "Kind",
    "Lookup",
    "Mailbox",
    "Membership",
    "Need",
    "Number",
    "Object",
    "Overflow",
    "PageGroup",
    "Phone",
    "Queue",
    "Reason",
    "RecordingRule",
    "ReserveTier",
    "RingGroup",
    "Route",
    "Schedule",
    "Stage",
    "Team",
    "Token",
    "Trunk",
    "User",
    "Way",
    "Webhook",
]


class Kind(StrEnum):
    """The tables of an apply file, in the order in which they are created."""

    TRUNK = "trunk"
    EXTENSION = "extension"
    CALENDAR = "calendar"
    REASON = "reason"
    DISPOSITION = "disposition"
    QUEUE = "queue"
    USER = "user"
    TEAM = "team"
    AGENT = "agent"
    MAILBOX = "mailbox"
    CONFERENCE = "conference"
    LOOKUP = "lookup"
    APPLICATION = "application"
    FLOW = "flow"
    NUMBER = "number"
    ROUTE = "route"
    TOKEN = "token"  # noqa: S105
    RECORDING_RULE = "recording_rule"
    FEATURE_CODE = "feature_code"
    WEBHOOK = "webhook"
    SCHEDULE = "schedule"
    PHONE = "phone"
    ALARM_RULE = "alarm_rule"
    RESERVE_TIER = "reserve_tier"
    RING_GROUP = "ring_group"
    PAGE_GROUP = "page_group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    name: str
    profile: str = "generic"
    addresses: tuple[Address, ...] = ()
    """Empty: the profile's servers and sources."""
    username: str = ""
    password: str = field(default="", repr=False, metadata={"secret": True})
    register: bool = False
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Section → key → value over those of the profile (`[trunk.limits]` …)."""

    def has_host(self, host: str) -> bool:
        """Is it one of the addresses? The source port never counts (interfaces.md §2)."""
        return any(address.host == host for address in self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    number: str
    name: str = ""
    srtp: str = "sdes-on-tls"
    """Encryption of its sound: sdes-on-tls, off, optional, sdes, dtls (`softswitch.legs.encryption`)."""
    realm: str = ""
    ha1: Mapping[str, str] = field(default_factory=dict, repr=False, metadata={"secret": True})
    """Digest algorithm (`MD5`, `SHA-256`) → hex of H(number:realm:password), RFC 7616 §3.4.2."""
    outside_number: str = ""
    """Shown instead of the extension's own number to whom it calls outside."""
    hide_number: bool = False
    """Its number is withheld from everybody it calls."""
    codecs: tuple[str, ...] = ()
    """What is agreed on with its phones, best first; empty: the setting `media.codecs`."""
    t38: str = "off"
    """accept: its device is a fax that may turn a call to T.38 (`softswitch.legs.fax`)."""
    mobile: str = ""
    """A number that rings for the extension, too, "" for none."""
    mobile_rings: str = "with"
    """with, after (when the phone does not answer) or instead of the phone."""
    mobile_confirm: bool = True
    """Who answers the mobile presses 1 before the call is joined."""
    intercom: tuple[str, ...] = ("*",)
    """Who may speak to it without its answering: numbers or patterns of extensions."""
    outside_calls: int = -1
    """Outside calls at one time; -1: the setting `tolls.calls`, 0: no limit. So too with the other three."""
    international_calls: int = -1
    international_minutes: float = -1.0
    """In a day."""
    cost_per_day: float = -1.0
    premium: tuple[str, ...] = ()
    """Prefixes of premium numbers that it may call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    name: str
    languages: tuple[str, ...] = ("zh-CN", "en")
    start: str = ""
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    version: int = 1
    """Counts the changes of this flow, so that records tell which tree a call went through."""

    def tree(self) -> dict[str, Any]:
        """The flow as the apply file has it: what the validator and the engine of `ivr` read."""
        return {"name": self.name, "languages": list(self.languages), "start": self.start, "nodes": self.nodes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    number: str  # a pattern: X, N, * at the end
    to: Destination
    fax: bool = False
    """Calls that begin as a fax (T.38 in the first INVITE) are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One trunk of a route, with what decides among several."""

    trunk: str
    priority: int = 1
    """The smallest number is tried first."""
    cost: float = 0.0
    """Of a minute, in any currency: among ways of one priority the cheapest is first."""
    weight: int = 0
    """Among ways of one cost: how often it comes first."""
    calendar: str = ""
    """Only while this calendar is open."""
    callers: tuple[str, ...] = ()
    """Only for these: numbers of extensions, agents or trunks, or patterns. Empty: for all."""
    least_asr: int = 0
    """Only while so many per cent of its calls are answered; unknown until 20 calls have gone."""
    least_acd: int = 0
    """Only while an answered call lasts so many seconds on average."""
    most_pdd: int = 0
    """Only while it rings within so many seconds on average; 0: whenever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    pattern: str
    trunks: tuple[str, ...] = ()
    """In the order of trial, after the `ways`."""
    ways: tuple[Way, ...] = ()
    fax: bool = False
    """Calls that begin as a fax (T.38 in the first INVITE) go out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    login: str
    name: str = ""
    role: Role = Role.AGENT
    teams: tuple[str, ...] = ()
    """What a team leader, supervisor or quality inspector may see; with `queues` empty too: everything the role allows."""
    queues: tuple[str, ...] = ()
    mail: str = ""
    disabled: bool = False
    declared: bool = True
    """Came from an apply file; others (made by `softswitch user add`) are never pruned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A phone that fetches its settings from here. Its secrets are derived from the node's key; nothing of them is stored."""

    mac: str  # 12 hexadecimal digits, lower case
    extension: str
    profile: str = "yealink"
    label: str = ""
    generation: int = 1
    """A larger number makes a new address of the file and a new password: the former ones are void."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    name: str
    role: Role = Role.API
    digest: str = field(default="", repr=False)
    """SHA-256 of the token, which itself is shown once and never stored."""
    declared: bool = True


Object = Phone | Trunk | Extension | User | Flow | Number | Route | Token | Centre

TYPES: Mapping[Kind, type[Object]] = {
    Kind.TRUNK: Trunk, Kind.EXTENSION: Extension, Kind.CALENDAR: Calendar, Kind.REASON: Reason, Kind.DISPOSITION: Disposition,
    Kind.QUEUE: Queue, Kind.USER: User, Kind.TEAM: Team, Kind.AGENT: Agent, Kind.MAILBOX: Mailbox, Kind.LOOKUP: Lookup,
    Kind.APPLICATION: Application, Kind.FLOW: Flow, Kind.NUMBER: Number, Kind.ROUTE: Route, Kind.TOKEN: Token,
    Kind.RECORDING_RULE: RecordingRule, Kind.FEATURE_CODE: FeatureCode, Kind.WEBHOOK: Webhook, Kind.SCHEDULE: Schedule,
    Kind.PHONE: Phone, Kind.CONFERENCE: Conference,
    Kind.ALARM_RULE: AlarmRule, Kind.RESERVE_TIER: ReserveTier, Kind.RING_GROUP: RingGroup, Kind.PAGE_GROUP: PageGroup,
}  # fmt: skip
IDENTITY: Mapping[Kind, str] = {
    **dict.fromkeys(Kind, "name"), Kind.EXTENSION: "number", Kind.REASON: "code", Kind.DISPOSITION: "code",
    Kind.PHONE: "mac",
    Kind.USER: "login", Kind.AGENT: "login", Kind.NUMBER: "number", Kind.ROUTE: "pattern", Kind.FEATURE_CODE: "action",
}  # fmt: skip


class FlowFault(NamedTuple):
    """One mistake of a flow. `path` leads into the tree: `("nodes", "menu", "keys", "1")`; the text names flow and node."""

    path: tuple[str | int, ...]
    text: str
