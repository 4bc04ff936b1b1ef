"""One place to ring by SIP: made by routing, dialled by a leg."""

from __future__ import annotations

from dataclasses import dataclass

from signalling.commands import Login
from signalling.events import Flow
from signalling.policy import PeerPolicy
from softswitch.model.identity import USUAL, Manners


@dataclass(frozen=True, slots=True)
class Target:
    """Where an INVITE goes and what the peer behind it needs. Times are seconds, 0 = no limit.

    `name` is the trunk or the extension. `address` identifies the place for failover ("host:port", "" for a phone).
    """

    name: str
    uri: str  # Request-URI
    flow: Flow
    number: str  # user part of To
    routes: tuple[str, ...] = ()  # proxies on the way
    trunk: bool = False
    login: Login | None = None
    policy: PeerPolicy | None = None  # how the peer signals; None: signalling finds it by the address
    manners: Manners = USUAL
    codecs: tuple[str, ...] = ()
    ptime: int = 20
    jitter: tuple[int, int] = (0, 0)  # least and most delay of the jitter buffer, ms; 0: the node's
    comfort_noise: bool = False
    dtmf: str = "auto"  # auto, rfc4733, inband, info: how keys are told to the peer
    early_media: str = "pass"  # pass, block, after_180, always_tone: what the caller hears before the answer
    early_two_way: bool = False  # the far end hears the caller before it has answered
    srtp: str = "off"  # encryption of sound, a word of the profile's `media.srtp`
    hold: str = "music"  # "signal": whom we put on hold is told so by its network, too
    ring: float = 60.0
    first_response: float = 0.0
    max_duration: float = 0.0
    advance_after_ring: bool = False
    trust_reason: bool = True  # a Reason of Q.850 says more than the status
    advance: tuple[int, ...] = ()  # statuses and Q.850 causes after which the next route is tried, whatever the table says
    stop: tuple[int, ...] = ()  # and those that are final
    signs: bool = False  # calls bear a signed calling number (STIR)
    address: str = ""
    group: str = ""  # trunk group of a gateway
    lines: tuple[int, int] = (1, 0)  # its channels among those of the trunk; (1, 0): no limit
    headers: tuple[tuple[str, str], ...] = ()  # that every INVITE to the peer carries
    transcode: bool = True  # may be offered codecs that the other party lacks
    pdd_timeout: float = 0.0  # seconds without ringing until the next route is tried, if there is one
    emergency: bool = False  # no limit of calls stops it
    pstn_bridge: bool = True  # another trunk's call may go there
    answers: bool = False
    """The phone is asked to answer by itself, in the form of its maker."""
    user_agent: str = ""
    """What a phone called itself when it logged in."""
    spares: tuple[Target, ...] = ()
    """Other ways to the same device (RFC 5626), tried in turn when this one carries nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages one after another; the targets of one stage ring together."""

    stages: tuple[tuple[Target, ...], ...]
