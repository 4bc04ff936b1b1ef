"""The call centre's objects of the directory: agents, teams, queues, calendars, codes, rules. Frozen values, see `model.py`.

Absent optional texts are `""`, durations are seconds, percentages 0–100; a limit of 0 means none unless a line says otherwise.
Defaults are those of call-centre.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from softswitch.model.destination import Destination

WrapUpMode = Literal["none", "optional", "timed", "timed_no_exit", "until_done"]
Choice = Literal["priority", "fcfs", "balance_wait", "deficit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """How one agent serves one queue (call-centre.md §3.1, §4)."""

    priority: int = 1
    """Order among the agent's queues, 1 first, to 10."""
    delay: int = 0
    """Calls of the queue become visible to the agent after waiting this long."""
    weight: int = 50
    """For weighted_random, 1–100."""
    tier: int = 1
    """For tiered; 1 first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    login: str
    name: str = ""
    queues: tuple[str, ...] = ()
    membership: Mapping[str, Membership] = field(default_factory=dict)
    """Queue → what differs from the defaults; every queue here is also in `queues`."""
    station: str = "browser"  # or "extension:1001", "outside:13800138000"; signing in may choose another one
    language: str = "zh-CN"
    team: str = ""
    site: str = ""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Skill → level 1–100."""
    auto_answer: bool = False
    auto_ready: bool = False
    occupancy_cap: int = 0
    """Per cent of the last 60 minutes above which no offer is made."""
    wrap_up_mode: WrapUpMode | Literal[""] = ""  # "" = the queue's
    dial_from: tuple[str, ...] = ("ready", "not_ready", "wrap_up")
    rights: tuple[str, ...] = ("outside", "pick")
    """outside (dial outside numbers), pick (take a waiting call by hand), record (start and stop), delete_voicemail."""
    capacity: Mapping[str, int] = field(default_factory=lambda: {"voice": 1})

    @property
    def extension(self) -> str:
        """The number of the phone the agent works with; empty: the browser or an outside number."""
        return self.station.removeprefix("extension:") if self.station.startswith("extension:") else ""

    def member(self, queue: str) -> Membership:
        return self.membership.get(queue, _MEMBER)


_MEMBER = Membership()


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A skill that a call asks for (§5.1). Optional needs count by weight against the stage's threshold."""

    skill: str
    level: int = 1
    weight: int = 50
    mandatory: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What is relaxed after `after` seconds of waiting; a stage only widens who may answer."""

    after: int
    levels: Mapping[str, int] = field(default_factory=dict)  # skill → lower level
    optional: tuple[str, ...] = ()  # skills that stop being mandatory
    threshold: int = 100  # per cent of the weighted optional needs that must be met
    tier: int = 0  # tiers up to this one open; 0 = unchanged
    remote: bool = False  # agents of other sites allowed
    any_member: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Overflow:
    """One overflow rule (§7), in the order of the list."""

    when: Literal["wait", "ewt", "length", "ratio", "no_agents", "closing", "between"]
    threshold: float = 0.0
    """wait, ewt, no_agents: seconds; length: callers; ratio: callers per signed-in agent; closing: minutes before closing."""
    between: str = ""  # "HH:MM-HH:MM", for `between`
    to: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    name: str
    title: str = ""
    """How people call it, also whispered to the agent."""
    strategy: str = "longest_idle"
    second: str = "longest_idle"
    """The strategy inside a tier, and after the site for local_first."""
    choice: Choice = "priority"
    """Which caller a freed agent gets (§4)."""
    weight_importance: float = 0.8
    weight_waited: float = 0.2
    wait_unit: float = 1.0
    max_wait_guard: int = 600
    importance: int = 0
    needs: tuple[Need, ...] = ()
    stages: tuple[Stage, ...] = ()
    site: str = ""
    remote_delay: int = 0
    sticky: tuple[str, ...] = ()
    """Of owner, dedicated, last: in this order."""
    sticky_wait: int = 30
    sticky_days: int = 7

    ring_timeout: int = 20
    ring_count: int = 3  # hunt_n: alerted together
    ring_step: int = 5  # progressive_ring: one more each
    tier_delay: int = 15
    no_answer_limit: int = 1
    reject_limit: int = 2
    no_answer_delay: int = 10
    reject_delay: int = 15
    busy_delay: int = 30
    whisper: bool = False
    """The agent hears the queue's title before the caller."""
    auto_answer: bool = False

    wrap_up: int = 30
    wrap_up_mode: WrapUpMode = "timed"
    wrap_up_extensions: int = 0
    wrap_up_extension: int = 30
    wrap_up_limit: int = 0
    """until_done: the agent is sent on after this long; 0 = never."""
    wrap_up_then: Literal["ready", "not_ready"] = "ready"
    code_required: bool = False
    dispositions: tuple[str, ...] = ()
    """Top codes that apply; empty: all."""

    music: str = "default"
    welcome: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    """Comfort prompts, one after another between the music."""
    announce: Literal["position", "wait", "both", "none"] = "position"
    announce_every: int = 30
    exit_keys: Mapping[str, Destination] = field(default_factory=dict)
    """Digit → destination; `callback:QUEUE` and `voicemail:MAILBOX` among them."""

    max_length: int = 0
    full: Destination | None = None
    join_empty: Literal["allow", "signed_in", "ready"] = "allow"
    empty: Destination | None = None
    leave_empty: int = 0
    """Waiting callers leave to `empty` when nobody has been signed in for this long."""
    max_wait: int = 0  # 0 = no limit
    overflow: Destination | None = None
    overflows: tuple[Overflow, ...] = ()
    calendar: str = ""
    closed: Destination | None = None
    closing: Literal["finish", "voicemail", "callback"] = "finish"
    emergency: Destination | None = None
    """Where callers go while the queue's emergency switch is on; none: the announcement of the switch, then release."""
    mailbox: str = ""
    return_within: int = 0
    """A caller who gave up and rings again within so many seconds gets the old place."""

    callback_after: int = 0
    """A callback is offered when the predicted wait exceeds this; 0 = not offered by itself."""
    callback_mode: Literal["agent_first", "customer_first"] = "agent_first"
    callback_retries: tuple[int, ...] = (300, 900, 1800)
    callback_ring: int = 25

    record: bool = True
    record_days: int = 0
    """How long its recordings are kept; 0: as the setting recordings.keep_days says."""
    consent: str = ""  # prompt that tells of the recording
    survey: str = ""  # flow for callers whose agent hung up first
    survey_percent: int = 100
    pop_url: str = ""
    """Opened at the offer, with {{caller}} {{called}} {{queue}} {{call}} {{customer}} and the call's variables."""

    service_level: int = 80
    service_seconds: int = 20
    short_abandon: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    name: str
    title: str = ""
    leaders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Opening hours (§8). Days that differ are rows of the editable day table; `holidays` names the shipped one."""

    name: str
    zone: str = "Asia/Shanghai"
    open: tuple[str, ...] = ()  # "Mon-Fri 09:00-18:00"
    holidays: Literal["", "cn"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an agent is not ready."""

    code: str
    title: str = ""
    title_en: str = ""
    productive: bool = False
    max_seconds: int = 0
    then_ready: bool = False
    """Automatic return after `max_seconds`."""
    approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What came of a contact; a tree of up to three levels by `parent`."""

    code: str
    title: str = ""
    title_en: str = ""
    parent: str = ""
    note_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    name: str
    owner: str = ""  # "agent:LOGIN", "queue:NAME", "team:NAME" or "" for the whole centre
    title: str = ""
    pin: str = field(default="", repr=False, metadata={"secret": True})
    """argon2; "" = no access by phone."""
    mail: tuple[str, ...] = ()
    """Addresses that get a copy with the audio."""
    max_seconds: int = 180
    due_seconds: int = 0
    """A message becomes a callback task due so long after it; 0 = no task unless the mailbox belongs to a queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    """A room with rules; `conference:NAME` of an undeclared name is a room without any."""

    name: str
    title: str = ""
    number: str = ""
    """Dialled from inside or outside; empty: only by a `[[number]]` that leads there."""
    pin: str = field(default="", repr=False, metadata={"secret": True})
    """argon2; "" = everybody may enter who reaches it."""
    moderator_pin: str = field(default="", repr=False, metadata={"secret": True})
    max_members: int = 30
    announce: Literal["tone", "none"] = "tone"
    """Entries and exits."""
    record: bool = False
    wait_for_moderator: bool = False
    music: str = "default"
    """For who waits."""
    locked: bool = False
    mute_on_entry: bool = False
    end_with_owner: bool = False
    """The room ends when its last moderator leaves."""
    callers: tuple[str, ...] = ()
    """Extensions, logins or patterns of numbers that may enter; empty: all."""
    allow_outside: bool = True
    """Callers by trunks and web pages may enter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRule:
    """Which conversations are recorded; the first rule that fits decides, else the queue's `record`."""

    name: str
    queue: str = ""
    agent: str = ""
    team: str = ""
    number: str = ""  # pattern of the customer's number
    direction: Literal["", "in", "out", "internal"] = ""
    percent: int = 100
    mode: Literal["always", "never", "on_demand"] = "always"
    record_days: int = 0
    """How long what it records is kept; 0: as the queue says, else the setting recordings.keep_days."""
    trunk: str = ""
    siprec: tuple[str, ...] = ()
    """Trunks that lead to recording servers, in the order of trial; `mode` is of the file that is kept here."""
    order: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A named query of flows (§10.1): `url` by HTTP, or `sql` on `database` (read only, named parameters `:name`)."""

    name: str
    url: str = ""
    method: Literal["GET", "POST"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, metadata={"secret": True})
    sql: str = ""
    database: str = field(default="", repr=False, metadata={"secret": True})
    timeout: float = 2.0
    cache: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A voice application that answers by webhook."""

    name: str
    url: str
    fallback: str = ""
    secret: str = field(default="", repr=False, metadata={"secret": True})
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    name: str
    url: str
    events: tuple[str, ...] = ("call.ended",)  # types; "agent.*" takes a family
    secret: str = field(default="", repr=False, metadata={"secret": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCode:
    """What a phone dials for a function; these replace the shipped codes of the same `action`."""

    code: str  # "*8X": X, N and * stand for what follows
    action: str


GroupStrategy = Literal["all", "cascade", "serial", "round_robin", "longest_idle", "random", "weighted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMember:
    """One place that a ring group rings."""

    to: Destination
    """An extension, or an outside number."""
    confirm: bool = True
    """Who answers an outside number presses 1 before the call is joined: no carrier's mailbox takes it."""
    weight: int = 50
    """For weighted, 1–100: how often it comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingGroup:
    """Phones that are rung for one number (sip.md §4.2, §8.1). Members that are busy, want no disturbance or are not logged in
    are left out; what members have set for their own forwarding does not count unless `follow_forwards`."""

    name: str
    title: str = ""
    number: str = ""
    """What people inside dial for it; from outside a `[[number]]` leads to `group:NAME`."""
    strategy: GroupStrategy = "all"
    """all: together; cascade: one more each `stagger`; the others one after another: in the order of the list, beginning after
    the member that came first last time, by the longest time without a call, at random, by weight."""
    members: tuple[GroupMember, ...] = ()
    stagger: int = 5
    ring_time: int = 20
    """How long one member rings where they ring one after another, and a seat before its mobile."""
    timeout: int = 60
    """How long the group is rung in all."""
    then: Destination | None = None
    """Where the caller goes when nobody has taken the call; none: the caller is told why."""
    follow_forwards: bool = False
    prefix: str = ""
    """Stands before the caller's name on the members' phones."""
    pickup: bool = True
    """Members may take with the code for the group (*8) what rings at other members."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageGroup:
    """Phones whose loudspeakers one person speaks to."""

    name: str
    title: str = ""
    number: str = ""
    """What is dialled behind the code for paging."""
    members: tuple[str, ...] = ()  # extensions
    callers: tuple[str, ...] = ()
    """Who may: numbers or patterns; empty: everybody inside. Callers from outside only when they are named."""
    most: int = 50
    """So many phones at most are reached at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A report that is mailed."""

    name: str
    report: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    every: Literal["day", "week", "month"] = "day"
    at: str = "07:00"
    zone: str = "Asia/Shanghai"
    format: Literal["csv", "xlsx", "pdf"] = "xlsx"
    mail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """A threshold, and who is told of an alarm when nobody acknowledges it."""

    name: str
    code: str  # of the alarm: "queue_length", "longest_wait", "trunk_down" …
    object: str = ""  # "queue:sales"; "" = any
    level: Literal["critical", "major", "minor", "warning"] = "major"
    threshold: float = 0.0
    mail: tuple[str, ...] = ()
    webhook: str = ""
    escalate_seconds: int = 180
    escalate_mail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveTier:
    """One step of the four-step reserve (§14)."""

    name: str
    step: int  # 1–4
    queue: str
    members: tuple[str, ...] = ()
    automatic: bool = False


Centre = (
    Agent | Queue | Team | Calendar | Reason | Disposition | Mailbox | Conference | RecordingRule | Lookup | Application
    | Webhook | FeatureCode | Schedule | AlarmRule | ReserveTier | RingGroup | PageGroup
)  # fmt: skip
