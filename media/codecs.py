"""The codec table: one row per codec, the single place that knows names, payload types and clocks.

Numbers are those of RFC 3551 §6 (static types), RFC 7587 (Opus), RFC 3389 (comfort noise) and RFC 4733 (telephone events).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a payload type carries."""

    AUDIO = "audio"
    NOISE = "noise"  # comfort noise, never alone
    EVENTS = "events"  # telephone-event, never alone


@dataclass(frozen=True, slots=True)
class Codec:
    """One codec. `name` is what `PayloadMap` and the engine use, `sdp_name` what stands in `a=rtpmap`.

    `payload_type` is the static type, or the dynamic one we propose in our own offers (`static` tells which). `clock` is the
    RTP clock in Hz, `rate` the audio sample rate in Hz, `ptime` ms. `fmtp` is what we write for our own receiver. With
    `library` a library of the system does the coding (setting `media.plugins`).
    """

    name: str
    sdp_name: str
    payload_type: int
    static: bool
    clock: int
    rate: int
    channels: int = 1
    ptime: int = 20
    transcode: bool = True
    role: Role = Role.AUDIO
    fmtp: str = ""
    library: bool = False


CODECS: tuple[Codec, ...] = (
    Codec("PCMU", "PCMU", 0, static=True, clock=8000, rate=8000),
    Codec("PCMA", "PCMA", 8, static=True, clock=8000, rate=8000),
    # RFC 3551 §4.5.2: the clock is 8000 by an old mistake, the audio is 16 kHz.
    Codec("G722", "G722", 9, static=True, clock=8000, rate=16000),
    Codec("OPUS", "opus", 111, static=False, clock=48000, rate=48000, channels=2, fmtp="minptime=10;useinbandfec=1"),
    Codec("L16", "L16", 96, static=False, clock=16000, rate=16000),
    Codec("L16/8000", "L16", 98, static=False, clock=8000, rate=8000),
    Codec("L16/44100", "L16", 11, static=True, clock=44100, rate=44100),
    # annexb=no: silence is neither sent nor wanted, unless comfort noise is switched on (RFC 4856 §2.1.9).
    Codec("G729", "G729", 18, static=True, clock=8000, rate=8000, fmtp="annexb=no", library=True),
    Codec("AMR-WB", "AMR-WB", 104, static=False, clock=16000, rate=16000, library=True),
    Codec("AMR", "AMR", 102, static=False, clock=8000, rate=8000, library=True),
    Codec("ILBC", "iLBC", 103, static=False, clock=8000, rate=8000, fmtp="mode=20", library=True),
    Codec("CN", "CN", 13, static=True, clock=8000, rate=8000, transcode=False, role=Role.NOISE),
    Codec("telephone-event", "telephone-event", 101, False, 8000, 8000, transcode=False, role=Role.EVENTS, fmtp="0-15"),
    Codec("telephone-event", "telephone-event", 110, False, 48000, 48000, transcode=False, role=Role.EVENTS, fmtp="0-15"),
    Codec("telephone-event", "telephone-event", 99, False, 44100, 44100, transcode=False, role=Role.EVENTS, fmtp="0-15"),
    Codec("telephone-event", "telephone-event", 97, False, 16000, 16000, transcode=False, role=Role.EVENTS, fmtp="0-15"),
)

AUDIO: dict[str, Codec] = {row.name: row for row in CODECS if row.role is Role.AUDIO}
"""Audio codecs by name."""

STATIC: dict[int, Codec] = {row.payload_type: row for row in CODECS if row.static}
"""Rows whose payload type needs no `a=rtpmap` (RFC 3551 §6)."""

EVENTS: dict[int, Codec] = {row.clock: row for row in CODECS if row.role is Role.EVENTS}
"""telephone-event rows by clock: the event clock follows the audio's (RFC 4733 §2.1)."""

NOISE: Codec = STATIC[13]

LIBRARY: frozenset[str] = frozenset(row.name for row in CODECS if row.library)
"""Codecs that are there only when the machine has a library for them."""

_BY_ENCODING: dict[tuple[str, int, int], Codec] = {(row.sdp_name.lower(), row.clock, row.channels): row for row in CODECS}
_BY_ENCODING["opus", 48000, 1] = AUDIO["OPUS"]  # RFC 7587 §7 demands "/2"; some peers leave it out and mean the same


def by_encoding(sdp_name: str, clock: int, channels: int = 1) -> Codec | None:
    """Finds the row of an `a=rtpmap` encoding; names compare without case (RFC 8866 §6.6)."""
    return _BY_ENCODING.get((sdp_name.lower(), clock, channels))


def audio(name: str) -> Codec:
    """The audio row called `name`; raises KeyError for a name that the table does not have."""
    return AUDIO[name]
