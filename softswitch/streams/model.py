"""What a stream of a call's sound is asked to be. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from softswitch.model.errors import Invalid

MOST_PARAMETERS = 50
LONGEST_VALUE = 500
RATES = (8000, 16_000, 24_000, 48_000)


class Track(StrEnum):
    """Whose sound, seen from the party: what it says, what it hears."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Format(StrEnum):
    MEDIA = "media"  # the messages of Twilio Media Streams: µ-law, 8 kHz, base64 in JSON
    RAW = "raw"  # 16-bit samples in binary messages, JSON for the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamWish:
    """One stream as it was asked for. Raises Invalid when it cannot be.

    `party` is a party's name as views show it; "" is whom the call serves. `speaks`: what comes back is played to the party.
    """

    url: str
    name: str = ""
    party: str = ""
    tracks: tuple[Track, ...] = (Track.INBOUND,)
    format: Format = Format.MEDIA
    rate: int = 8000
    speaks: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    secret: str = field(default="", repr=False)
    account: str = "softswitch"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise Invalid("url", "expected ws:// or wss:// and a host")
        if not self.tracks:
            raise Invalid("tracks", "expected inbound, outbound or both")
        if self.rate not in RATES or (self.format is Format.MEDIA and self.rate != 8000):
            raise Invalid("rate", f"expected {' '.join(map(str, RATES))}; media has 8000 alone")
        if len(self.parameters) > MOST_PARAMETERS or any(
            len(key) > LONGEST_VALUE or len(value) > LONGEST_VALUE for key, value in self.parameters.items()
        ):
            raise Invalid("parameters", f"expected at most {MOST_PARAMETERS}, of at most {LONGEST_VALUE} signs")

    @property
    def shown(self) -> str:
        """The address without what may be secret."""
        return urlsplit(self.url)._replace(query="", fragment="").geturl()


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """A live stream. Times are UTC epoch seconds, durations ms."""

    id: str
    call: str
    name: str
    url: str
    party: str
    tracks: tuple[str, ...]
    format: str
    rate: int
    speaks: bool
    state: str  # "connecting" | "open"
    since: float
    dropped_ms: int
