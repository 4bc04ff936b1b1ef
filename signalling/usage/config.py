"""How one endpoint behaves. A value handed in; nothing here is read from files or the environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from signalling.events import Flow
from signalling.usage.offences import BanRules

EMERGENCY = frozenset({"110", "112", "119", "120", "122", "911", "999", "000"})
Advertise = Callable[[Flow], tuple[str, int]]

SCANNERS = (
    "friendly-scanner",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sundayddr",
    "vaxsipuseragent",
    "pplsip",
    "iwar",
    "sivus",
    "smap",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of sources (sip.md §9), requests per second and burst; `table` bounds what is remembered about strangers."""

    stranger_rate: float = 20.0
    stranger_burst: float = 60.0
    costly_rate: float = 5.0  # of these: REGISTER, INVITE, SUBSCRIBE and OPTIONS
    costly_burst: float = 20.0
    strangers_rate: float = 2000.0  # all strangers together
    strangers_burst: float = 2000.0
    told_of_forged: float = 20.0  # security lines a second about sources that may be forged
    known_rate: float = 50.0  # sources with a login in the last 30 days
    known_burst: float = 400.0
    told_per_minute: float = 5.0  # error answers that a stranger may hear
    penalty: float = 60.0  # seconds of silence after an overrun
    table: int = 100_000
    streams_per_source: int = 20


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """`advertise`: our address as a peer must see it, as a function of the flow, a fixed pair, or None for the flow's own."""

    realm: str = "softswitch"
    domains: tuple[str, ...] = ()  # host names we register for; empty: any
    advertise: Advertise | tuple[str, int] | None = None
    user_agent: str = "softswitch"
    digest: tuple[str, ...] = ("SHA-256", "MD5")  # algorithms offered in a challenge, in this order
    max_calls: int = 0  # 0: unlimited
    retry_after: int = 0  # seconds, told with 503; 0: 5 to 15, so that not all return at once
    stream_for: Callable[[Flow], Flow | None] | None = (
        None  # the TCP flow beside a UDP one, for what is too long for a datagram
    )
    overload_lag: float = 0.150  # lateness of the loop from which new calls get 503, seconds; 0: never
    stun: bool = True  # answer STUN keep-alives on the UDP ports
    emergency: frozenset[str] = EMERGENCY  # numbers whose calls no overload refuses
    options_public: bool = False  # answer OPTIONS of strangers
    events: tuple[str, ...] = ()  # packages that peers may subscribe to (RFC 6665); the layer above notifies them
    publishes: tuple[str, ...] = ()  # packages whose state peers may publish (RFC 3903)
    messages: bool = False  # whether MESSAGE is handed up (RFC 3428)
    info_packages: tuple[str, ...] = ("dtmf",)  # RFC 6086, lower case
    scanners: tuple[str, ...] = SCANNERS
    limits: Limits = field(default_factory=Limits)
    bans: BanRules = field(default_factory=BanRules)
    edges: frozenset[str] = frozenset()  # proxies before us, for many phones: their Path is believed (RFC 3327)
