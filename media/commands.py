"""Commands to the media engine: frozen values, the same words as the Rust variants.

Ids are 64-bit integers chosen by the caller and never reused. Times are milliseconds, gains dB. A batch is applied whole,
between two frames; a command that cannot be carried out becomes a `CommandFailed` event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal


class Direction(StrEnum):
    """What *we* do on this stream (RFC 3264 §5.1), seen from the engine."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


class PortKind(StrEnum):
    """Decides the sockets of a reservation."""

    RTP = "rtp"  # a pair: RTP and RTCP
    WEBRTC = "webrtc"  # one socket: rtcp-mux


@dataclass(frozen=True, slots=True)
class PayloadMap:
    """One agreed codec. `payload_type` is what we receive and send (asymmetric maps: `send_payload_type` ≥ 0)."""

    name: str  # PCMU PCMA G722 OPUS L16 CN telephone-event
    payload_type: int
    clock: int  # RTP clock in Hz
    channels: int = 1
    send_payload_type: int = -1
    fmtp: str = ""


@dataclass(frozen=True, slots=True)
class Sdes:
    """SDES keys (RFC 4568): `profile` is the crypto-suite name, keys are master key + salt."""

    profile: str
    send_key: bytes = field(repr=False)
    receive_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dtls:
    """DTLS-SRTP (RFC 5763): remote fingerprint as 'sha-256 AA:BB:…', our role 'passive' or 'active', our key pair."""

    fingerprint: str
    role: str  # "passive" | "active"
    certificate: bytes = field(repr=False)  # DER
    private_key: bytes = field(repr=False)  # PKCS#8 DER


@dataclass(frozen=True, slots=True)
class Ice:
    """ICE credentials of both sides. `lite`: we only answer checks."""

    local_ufrag: str
    local_pwd: str = field(repr=False)
    remote_ufrag: str = ""
    remote_pwd: str = field(default="", repr=False)
    lite: bool = True
    candidates: tuple[str, ...] = ()  # remote "candidate:…" lines, informative for a lite agent


@dataclass(frozen=True, slots=True)
class Jitter:
    """Bounds of the adaptive jitter buffer, ms."""

    min: int = 20
    max: int = 200


@dataclass(frozen=True, slots=True)
class OpenPort:
    """Opens an RTP port from a reservation. `remote` is the SDP address ("ip", port) or None until known."""

    port: int
    token: int
    codecs: tuple[PayloadMap, ...]  # the first audio codec is the one we send
    direction: Direction = Direction.SENDRECV
    remote: tuple[str, int] | None = None
    remote_rtcp: tuple[str, int] | None = None
    ptime: int = 20
    sdes: Sdes | None = None
    dtls: Dtls | None = None
    ice: Ice | None = None
    latch: str = "nat"  # "strict" | "nat"
    jitter: Jitter = Jitter()
    rtcp_mux: bool = False
    rtcp_xr: bool = False  # the peer wants VoIP metrics (RFC 3611) in our reports
    cname: str = ""
    dtmf_pass: bool = True


@dataclass(frozen=True, slots=True)
class UpdatePort:
    """Changes a port; None leaves a field as it is."""

    port: int
    codecs: tuple[PayloadMap, ...] | None = None
    direction: Direction | None = None
    remote: tuple[str, int] | None = None
    remote_rtcp: tuple[str, int] | None = None
    ptime: int | None = None
    sdes: Sdes | None = None
    dtls: Dtls | None = None
    ice: Ice | None = None
    dtmf_pass: bool | None = None
    rtcp_xr: bool | None = None
    udptl: bool | None = None  # fax datagrams (T.38) instead of RTP, passed on to listeners that are ports of the same kind


@dataclass(frozen=True, slots=True)
class ClosePort:
    """Sends RTCP BYE and closes; idempotent. `PortClosed` follows."""

    port: int


@dataclass(frozen=True, slots=True)
class MovePort:
    """Takes a live port (its sockets included) into another group, wherever that group lives."""

    port: int
    group: int


@dataclass(frozen=True, slots=True)
class Listen:
    """The complete set of sources that `listener` (port or bus) hears, with gain in dB each. Replaces the former set."""

    listener: int
    sources: Mapping[int, float]
    ramp: int = 5


@dataclass(frozen=True, slots=True)
class OpenBus:
    """A conference bus: whoever listens to it hears the sum of its sources minus itself.

    `agc` brings everybody's speech to −26 dBov within −12 and +18 dB; `gate` leaves out members that do not talk, so that the
    noise of a large room does not add up.
    """

    bus: int
    group: int
    max_speakers: int = 5
    agc: bool = False
    gate: bool = False


@dataclass(frozen=True, slots=True)
class CloseBus:
    bus: int


@dataclass(frozen=True, slots=True)
class LoadPrompt:
    """Decodes a WAV file (PCM16, G.711; any rate, mono or stereo) into the cache under `prompt`. Loading twice replaces it."""

    prompt: int
    path: str


@dataclass(frozen=True, slots=True)
class DropPrompt:
    prompt: int


@dataclass(frozen=True, slots=True)
class Beat:
    """A further part of a cadence: `hertz` together for `on` ms, then `off` ms of silence."""

    hertz: tuple[float, ...]
    on: int
    off: int


@dataclass(frozen=True, slots=True)
class Tone:
    """A generated tone: `hertz` sounded together at `level` dBov, `on`/`off` cadence in ms (off 0 = continuous).

    `then` follows before the cadence begins again: double rings, rising tones.
    """

    hertz: tuple[float, ...]
    level: float = -20.0
    on: int = 1000
    off: int = 0
    then: tuple[Beat, ...] = ()


@dataclass(frozen=True, slots=True)
class Play:
    """Starts a player, which is a source node of `group`. `prompts` in order, or a `tone`. `PlayEnded` always follows.

    `stream` is the path of a WAV or Ogg/Opus file that is read from disk while it is played, after the prompts.
    """

    player: int
    group: int
    prompts: tuple[int, ...] = ()
    tone: Tone | None = None
    loop: bool = False
    gain: float = 0.0
    until_digit_of: tuple[int, ...] = ()  # ports whose DTMF stops this player at once, inside the engine
    offset: int = 0
    fade: int = 0
    until_talk_of: tuple[int, ...] = ()  # ports whose voice stops it: 120 ms of talk above −40 dBov
    stream: str = ""


@dataclass(frozen=True, slots=True)
class ControlPlay:
    """Changes a player; None leaves what it is. Harmless when it has ended. A tone has no places to go to.

    `seek` is a place in ms, counted over all its prompts; `skip` a step from where it is, ms; beyond the end it is over, a loop
    goes round. While it pauses it is silent and ends by a key as ever.
    """

    player: int
    pause: bool | None = None
    seek: int | None = None
    gain: float | None = None
    skip: int | None = None


@dataclass(frozen=True, slots=True)
class StopPlay:
    player: int


@dataclass(frozen=True, slots=True)
class SendDtmf:
    """Queues digits (0-9 * # A-D) toward a port: RFC 4733 when agreed, else in-band tone pairs."""

    port: int
    digits: str
    duration: int = 100
    gap: int = 100


@dataclass(frozen=True, slots=True)
class Detect:
    """The complete set of detectors on what a port receives.

    `tones`: frequencies in Hz reported by `ToneHeard`. `speech`: `Talking` and `Silent`. `progress`: `ToneHeard` with the name
    of a call-progress tone, a fax's or an answering machine's beep.
    """

    port: int
    dtmf_rfc4733: bool = True
    dtmf_inband: bool = False
    tones: tuple[float, ...] = ()
    speech: bool = False
    progress: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Starts a recorder in `group`. One source set per channel. Written as `path` + '.part', renamed at the end.

    `key`: 32 octets encrypt the file (format in `media/native/engine/src/media/seal.rs`); `envelope` is written in front, in
    the clear, for whoever is to find the key again. `beep_ms`: while it is paused, a short tone so often; 0: silence.
    """

    recorder: int
    group: int
    path: str
    channels: tuple[Mapping[int, float], ...]
    rate: int = 8000
    fallback: str = ""
    format: Literal["wav", "opus"] = "wav"
    key: bytes = field(default=b"", repr=False)
    envelope: bytes = b""
    beep_ms: int = 0


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """Changes a live recorder: new complete source sets (on the frame of the batch), pause (writes silence), a mark."""

    recorder: int
    channels: tuple[Mapping[int, float], ...] | None = None
    pause: bool | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class StopRecord:
    recorder: int


Encoding = Literal["pcm", "pcmu"]
"""Samples outside the engine: 16 bits little endian, or µ-law."""


@dataclass(frozen=True, slots=True)
class OpenTap:
    """Starts a tap: a listener whose sound comes as `TapAudio`, mono, in chunks of `chunk` ms (a multiple of 20, up to 200).

    Between engine and reader wait at most `queue` ms; then the oldest is dropped and `TapOverrun` says so. `rate` is 8000,
    16000, 24000 or 48000 Hz. With `ear` it hears whatever that port hears, without its own voice in a conference, instead of
    `sources`. `Listen` changes it.
    """

    tap: int
    group: int
    sources: Mapping[int, float]
    rate: int = 8000
    encoding: Encoding = "pcm"
    chunk: int = 20
    queue: int = 2000
    ear: int = 0


@dataclass(frozen=True, slots=True)
class CloseTap:
    tap: int


@dataclass(frozen=True, slots=True)
class OpenInject:
    """Starts an inject: a source that plays what `Inject` puts into it, silence otherwise; up to `queue` ms wait in it."""

    inject: int
    group: int
    rate: int = 8000
    encoding: Encoding = "pcm"
    queue: int = 60_000


@dataclass(frozen=True, slots=True)
class Inject:
    """Puts sound behind what waits, up to 4 MiB, and a mark (up to 256 octets) behind that; what does not fit is refused whole.

    When everything before the mark was played, `InjectPosition` tells.
    """

    inject: int
    pcm: bytes = field(repr=False)
    mark: str = ""


@dataclass(frozen=True, slots=True)
class ClearInject:
    """Forgets what waits; its marks are told at once."""

    inject: int


@dataclass(frozen=True, slots=True)
class CloseInject:
    inject: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Asks for `Stats` of a port now."""

    port: int


@dataclass(frozen=True, slots=True)
class Dump:
    """Asks for `Dumped`: a JSON picture of the engine (target 0), a group or a port, without keys."""

    target: int = 0


@dataclass(frozen=True, slots=True)
class Drain:
    """No new reservations from now on."""


Command = (
    OpenPort | UpdatePort | ClosePort | MovePort | Listen | OpenBus | CloseBus | LoadPrompt | DropPrompt | Play | ControlPlay
    | StopPlay
    | SendDtmf | Detect | Record | ControlRecord | StopRecord | OpenTap | CloseTap | OpenInject | Inject | ClearInject
    | CloseInject | Sample | Dump | Drain
)  # fmt: skip

COMMANDS: tuple[type, ...] = (
    OpenPort, UpdatePort, ClosePort, MovePort, Listen, OpenBus, CloseBus, LoadPrompt, DropPrompt, Play, ControlPlay,
    StopPlay,
    SendDtmf, Detect, Record, ControlRecord, StopRecord, OpenTap, CloseTap, OpenInject, Inject, ClearInject,
    CloseInject, Sample, Dump, Drain,
)  # fmt: skip
"""Every command, in the order of the README table; a test compares it with the Rust enum."""
