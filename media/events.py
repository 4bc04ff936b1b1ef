"""Events of the media engine: frozen values, the same words as the Rust variants.

`at` is engine monotonic seconds, all other times are ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ONE_WAY = ("keys", "codec", "source", "no_path", "handshake", "stopped", "no_packets")
"""Why a party is not heard: SRTP keys do not fit; a codec that was not agreed; an address that was not agreed; ICE found no
way; DTLS did not end; its packets ceased; none came."""


@dataclass(frozen=True, slots=True)
class PortStats:
    """Counters since open. Loss and jitter are of what we receive; `remote_*` is the far end's view from RTCP."""

    packets_received: int = 0
    octets_received: int = 0
    packets_sent: int = 0
    octets_sent: int = 0
    lost: int = 0
    late: int = 0
    duplicates: int = 0
    discarded: int = 0  # malformed, wrong source, unknown payload type
    flooded: int = 0
    concealed_ms: int = 0
    jitter_ms: float = 0.0
    delay_ms: float = 0.0  # mean delay of the jitter buffer
    round_trip_ms: float = -1.0
    srtp_failures: int = 0
    remote_lost_ratio: float = -1.0
    remote_jitter_ms: float = -1.0
    codec: str = ""
    mos: float = -1.0  # E-model (G.107) of what we receive, 1 to 4.4; -1 while nothing came
    mos_listening: float = -1.0  # the same without delay
    r_factor: float = -1.0
    burst_ratio: float = 1.0  # runs of loss against random loss
    one_way: str = ""  # why nothing is heard although we send; see `ONE_WAY`
    one_way_detail: str = ""  # the codec or the address that came instead
    zero_packets: bool = False  # not one came although they are expected
    drift_ppm: float = 0.0  # by how much the sender's clock is faster than ours
    delay_target_ms: float = 0.0  # what the jitter buffer aims at
    remote_mos: float = -1.0  # the far end's view by RTCP XR, -1 when it sends none
    remote_r_factor: float = -1.0


@dataclass(frozen=True, slots=True)
class PortOpened:
    port: int


@dataclass(frozen=True, slots=True)
class PortClosed:
    port: int
    reason: str  # "closed" | "drained"
    stats: PortStats


@dataclass(frozen=True, slots=True)
class PortFailed:
    port: int
    reason: str  # "panic" | "socket" | "limit" | "move_timeout"


@dataclass(frozen=True, slots=True)
class MediaStarted:
    """The first accepted packet of a stream."""

    port: int
    remote: str  # "ip:port"
    codec: str
    ssrc: int
    as_signalled: bool
    at: float


@dataclass(frozen=True, slots=True)
class MediaLost:
    port: int
    silent_ms: int


@dataclass(frozen=True, slots=True)
class MediaResumed:
    port: int


@dataclass(frozen=True, slots=True)
class RemoteChanged:
    port: int
    old: str
    new: str
    reason: str


@dataclass(frozen=True, slots=True)
class IceState:
    port: int
    state: str  # "checking" | "connected" | "disconnected"
    pair: str = ""


@dataclass(frozen=True, slots=True)
class DtlsState:
    port: int
    state: str  # "connecting" | "connected" | "failed" | "closed"
    profile: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """One finished digit. `way` is rfc4733 or inband."""

    port: int
    digit: str
    duration: int
    way: str
    at: float


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """A frequency of `Detect.tones` when it ends (`tone` is ""), or a tone that `progress` knows, as soon as it is certain.

    `tone`: dial ringback busy congestion sit cng ced beep. `hertz` of two tones lies between them.
    """

    port: int
    hertz: float
    at: float
    duration: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Talking:
    """Somebody began to talk at `at`; `level` is dBov. With `Silent` these are the edges that tell people from machines."""

    port: int
    at: float
    level: float


@dataclass(frozen=True, slots=True)
class Silent:
    """The talk ended at `at`, 200 ms ago, and lasted `talk_ms`."""

    port: int
    at: float
    talk_ms: int


@dataclass(frozen=True, slots=True)
class ActiveSpeakers:
    bus: int
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PromptLoaded:
    prompt: int
    duration: int


@dataclass(frozen=True, slots=True)
class PromptFailed:
    prompt: int
    reason: str


@dataclass(frozen=True, slots=True)
class PlayEnded:
    player: int
    reason: str  # "done" | "stopped" | "digit" | "talk" | "error"
    played_ms: int


@dataclass(frozen=True, slots=True)
class RecordStarted:
    recorder: int
    path: str
    at: float


@dataclass(frozen=True, slots=True)
class RecordDegraded:
    recorder: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordEnded:
    """`verdict`: complete, degraded (see `gaps`), failed. `gaps` are (start_ms, end_ms)."""

    recorder: int
    path: str
    duration: int
    bytes: int
    sha256: str
    verdict: str
    gaps: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class TapAudio:
    """One chunk of a tap; `at` is when its first sample was due."""

    tap: int
    at: float
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TapOverrun:
    """Nobody read in time: so much is missing before the next chunk."""

    tap: int
    dropped_ms: int


@dataclass(frozen=True, slots=True)
class InjectPosition:
    """All sound before `mark` was played (`played_ms` in all), or cleared; `queued_ms` wait behind it."""

    inject: int
    mark: str
    played_ms: int
    queued_ms: int


@dataclass(frozen=True, slots=True)
class Stats:
    port: int
    stats: PortStats


@dataclass(frozen=True, slots=True)
class Dumped:
    target: int
    json: str


@dataclass(frozen=True, slots=True)
class Overload:
    """How late a worker's clock is: at each step of the ladder (media-engine.md §12), and each 5 s while that changes."""

    worker: int
    level: int
    lag_ms: float
    shed: str  # what is left out from now on
    missed: int = 0  # frames that were not run at all, since the start


@dataclass(frozen=True, slots=True)
class EventsDropped:
    count: int


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """`reason`: unknown_id duplicate_id bad_token cross_group no_capacity codec_unsupported key_invalid file_error limit
    move_timeout draining busy internal."""

    seq: int
    index: int
    command: str
    target: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """Bound sockets waiting for `OpenPort`, for 30 s. `address` is the bound one; `rtcp_port` is 0 when there is one socket."""

    token: int
    address: str
    port: int
    rtcp_port: int
    ssrc: int = field(default=0)


Event = (
    PortOpened | PortClosed | PortFailed | MediaStarted | MediaLost | MediaResumed | RemoteChanged | IceState | DtlsState
    | Dtmf | ToneHeard | Talking | Silent | ActiveSpeakers | PromptLoaded | PromptFailed | PlayEnded | RecordStarted
    | RecordDegraded | RecordEnded | TapAudio | TapOverrun | InjectPosition | Stats | Dumped | Overload | EventsDropped
    | CommandFailed
)  # fmt: skip

EVENTS: tuple[type, ...] = (
    PortOpened, PortClosed, PortFailed, MediaStarted, MediaLost, MediaResumed, RemoteChanged, IceState, DtlsState,
    Dtmf, ToneHeard, Talking, Silent, ActiveSpeakers, PromptLoaded, PromptFailed, PlayEnded, RecordStarted, RecordDegraded,
    RecordEnded, TapAudio, TapOverrun, InjectPosition, Stats, Dumped, Overload, EventsDropped, CommandFailed,
)  # fmt: skip
"""Every event, in the order of the README table; a test compares it with the Rust enum."""
