"""The two languages spoken on the WebSocket, pure: what goes out as text or octets, what comes in as orders.

`media` is that of Twilio Media Streams, message for message; `raw` has the samples themselves in binary messages, 16 bits
little endian, behind an octet 0 (inbound) or 1 (outbound) when both tracks are asked for, and one JSON object per text message.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Protocol

from media.commands import Encoding
from softswitch.streams.model import Format, StreamWish, Track

LONGEST_MARK = 256


class BadMessage(ValueError):
    """A message that means nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Sound:
    """To be played behind what waits."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """To be told when what was sent before it has been heard."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """What waits is not to be played."""


Order = Sound | Mark | Clear
Message = str | bytes


class Language(Protocol):
    """One stream's side of the conversation; counts what it says."""

    @property
    def encoding(self) -> Encoding: ...

    def greeting(self) -> list[Message]: ...
    def sound(self, track: Track, data: bytes, at_ms: int) -> Message: ...
    def dropped(self, track: Track, ms: int) -> list[Message]: ...
    def mark(self, name: str, played_ms: int) -> Message: ...
    def digit(self, digit: str) -> Message: ...
    def farewell(self, reason: str) -> Message: ...

    def read(self, message: Message) -> Order | None:
        """What the other side wants; None for what needs nothing. Raises BadMessage."""


def language_of(wish: StreamWish, *, stream: str, call: str) -> Language:
    return MediaStreams(wish, stream, call) if wish.format is Format.MEDIA else RawAudio(wish, stream, call)


class MediaStreams:
    """`connected start media dtmf mark stop` out, `media mark clear` in."""

    encoding: Encoding = "pcmu"

    def __init__(self, wish: StreamWish, stream: str, call: str) -> None:
        self._wish = wish
        self._stream = stream
        self._call = call
        self._number = 0
        self._chunks = dict.fromkeys(Track, 0)

    def greeting(self) -> list[Message]:
        start = {
            "accountSid": self._wish.account,
            "callSid": self._call,
            "streamSid": self._stream,
            "tracks": [str(track) for track in self._wish.tracks],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self._wish.parameters),
        }
        connected = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return [json.dumps(connected), self._say("start", start=start)]

    def sound(self, track: Track, data: bytes, at_ms: int) -> Message:
        self._chunks[track] += 1
        payload = base64.b64encode(data).decode("ascii")
        media = {"track": str(track), "chunk": str(self._chunks[track]), "timestamp": str(at_ms), "payload": payload}
        return self._say("media", media=media)

    def dropped(self, track: Track, ms: int) -> list[Message]:
        """The format has no word for it; the gap shows in the times."""
        return []

    def mark(self, name: str, played_ms: int) -> Message:
        return self._say("mark", mark={"name": name})

    def digit(self, digit: str) -> Message:
        return self._say("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def farewell(self, reason: str) -> Message:
        return self._say("stop", stop={"accountSid": self._wish.account, "callSid": self._call})

    def read(self, message: Message) -> Order | None:
        said = _object(message)
        inner = said.get(str(said.get("event")))
        match said.get("event"), inner:
            case "media", {"payload": str() as payload}:
                try:
                    return Sound(base64.b64decode(payload, validate=True))
                except binascii.Error as fault:
                    raise BadMessage("media.payload: expected base64") from fault
            case "mark", {"name": str() as name} if name:
                return Mark(name[:LONGEST_MARK])
            case "clear", _:
                return Clear()
        raise BadMessage("expected media, mark or clear")

    def _say(self, event: str, **values: Any) -> str:
        self._number += 1
        return json.dumps({"event": event, "sequenceNumber": str(self._number), "streamSid": self._stream, **values})


class RawAudio:
    """`start dropped dtmf mark stop` and samples out, `mark clear` and samples in."""

    encoding: Encoding = "pcm"

    def __init__(self, wish: StreamWish, stream: str, call: str) -> None:
        self._wish = wish
        self._stream = stream
        self._call = call

    def greeting(self) -> list[Message]:
        wish = self._wish
        return [
            json.dumps({
                "event": "start", "stream": self._stream, "call": self._call, "rate": wish.rate, "encoding": "pcm16le",
                "tracks": [str(track) for track in wish.tracks], "parameters": dict(wish.parameters),
            })
        ]  # fmt: skip

    def sound(self, track: Track, data: bytes, at_ms: int) -> Message:
        return data if len(self._wish.tracks) == 1 else bytes([track is Track.OUTBOUND]) + data

    def dropped(self, track: Track, ms: int) -> list[Message]:
        return [json.dumps({"event": "dropped", "track": str(track), "ms": ms})]

    def mark(self, name: str, played_ms: int) -> Message:
        return json.dumps({"event": "mark", "name": name, "played_ms": played_ms})

    def digit(self, digit: str) -> Message:
        return json.dumps({"event": "dtmf", "digit": digit})

    def farewell(self, reason: str) -> Message:
        return json.dumps({"event": "stop", "reason": reason})

    def read(self, message: Message) -> Order | None:
        if isinstance(message, bytes):
            if len(message) % 2:
                raise BadMessage("expected whole samples of 16 bits")
            return Sound(message)
        match _object(message):
            case {"event": "mark", "name": str() as name} if name:
                return Mark(name[:LONGEST_MARK])
            case {"event": "clear"}:
                return Clear()
        raise BadMessage("expected mark or clear")


def _object(message: Message) -> dict[str, Any]:
    try:
        said = json.loads(message)
    except (ValueError, RecursionError) as fault:
        raise BadMessage("expected JSON") from fault
    if not isinstance(said, dict):
        raise BadMessage("expected an object")
    return said
