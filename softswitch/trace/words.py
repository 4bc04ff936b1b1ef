"""What a message says, read leniently: faulty messages must be shown too, so nothing here refuses anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

_STATIC = {
    0: "PCMU", 3: "GSM", 4: "G723", 8: "PCMA", 9: "G722", 13: "CN", 15: "G728", 18: "G729", 26: "JPEG", 31: "H261", 34: "H263",
}  # fmt: skip
_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length", "c": "content-type",
    "e": "content-encoding", "s": "subject", "k": "supported", "r": "refer-to", "b": "referred-by", "o": "event",
}  # fmt: skip
_USER = re.compile(r"sips?:([^@;>\s]+)@|tel:([^;>\s]+)", re.IGNORECASE)
_DIRECTIONS = frozenset({"sendrecv", "sendonly", "recvonly", "inactive"})
_CAUSE = re.compile(r"Q\.850\s*;.*?\bcause\s*=\s*(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Media:
    """One m= line. `address` is where its sender wants packets."""

    kind: str
    address: str
    port: int
    protocol: str
    codecs: tuple[str, ...]
    direction: str


class Words:
    """One message, split once."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8", "backslashreplace")
        head, _, self.body = self.text.replace("\r\n", "\n").partition("\n\n")
        lines = re.sub(r"\n[ \t]+", " ", head).split("\n")
        self.first = lines[0][:2000]
        self.headers: dict[str, list[str]] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            self.headers.setdefault(_COMPACT.get(name, name), []).append(value.strip())

    @cached_property
    def status(self) -> int:
        """0 for a request."""
        parts = self.first.split(None, 2)
        return int(parts[1]) if len(parts) > 1 and parts[0].upper() == "SIP/2.0" and parts[1].isdigit() else 0

    @cached_property
    def reason(self) -> str:
        parts = self.first.split(None, 2)
        return parts[2] if self.status and len(parts) > 2 else ""

    @cached_property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.header("cseq").partition(" ")
        return (int(number) if number.isdigit() else 0), method.strip().upper()

    @cached_property
    def method(self) -> str:
        """Of the request, or of the one that is answered."""
        return self.cseq[1] if self.status else self.first.split(" ", 1)[0].upper()

    @cached_property
    def target(self) -> str:
        """The user of the Request-URI, else the whole of it."""
        parts = self.first.split(" ")
        if self.status or len(parts) < 2:
            return ""
        found = _USER.search(parts[1])
        return (found[1] or found[2]) if found else parts[1]

    @cached_property
    def q850(self) -> int:
        found = _CAUSE.search(", ".join(self.headers.get("reason", ())))
        return int(found[1]) if found else 0

    def header(self, name: str) -> str:
        return self.headers.get(name, [""])[0]

    @property
    def has_credentials(self) -> bool:
        return "authorization" in self.headers or "proxy-authorization" in self.headers

    @cached_property
    def media(self) -> tuple[Media, ...]:
        return tuple(_described(self.body)) if "sdp" in self.header("content-type").lower() or "\nm=" in self.body else ()

    @property
    def summary(self) -> str:
        """One line for a person: what, whom, and what is said of media."""
        if self.status:
            head = f"{self.status} {self.reason}".strip() + (f" ({self.method})" if self.method not in ("", "INVITE") else "")
        else:
            head = f"{self.method} {self.target}" if self.method == "INVITE" else self.method
        parts = [head, *(_shown(media) for media in self.media)]
        if self.q850:
            parts.append(f"Q.850 {self.q850}")
        return " · ".join(parts)


def _shown(media: Media) -> str:
    codecs = " ".join(codec for codec in media.codecs if codec != "telephone-event")
    extra = "" if media.direction == "sendrecv" else f" {media.direction}"
    kind = "" if media.kind == "audio" else f"{media.kind} "
    return f"{kind}{codecs}{extra}" if media.port else f"{kind or media.kind} –"


def _described(body: str) -> list[Media]:
    found: list[Media] = []
    session_address, session_direction = "", "sendrecv"
    section: list[str] = []
    for line in map(str.strip, body.split("\n")):
        if line.startswith("m="):
            if section:
                found.append(_media(section, session_address, session_direction))
            section = [line]
        elif section:
            section.append(line)
        elif line.startswith("c="):
            session_address = line.rpartition(" ")[2]
        elif line[2:] in _DIRECTIONS:
            session_direction = line[2:]
    if section:
        found.append(_media(section, session_address, session_direction))
    return found


def _media(lines: list[str], address: str, direction: str) -> Media:
    words = lines[0][2:].split()
    kind, port, protocol = (*words[:3], "", "", "")[:3]
    formats = words[3:]
    maps: dict[str, str] = {}
    for line in lines[1:]:
        if line.startswith("c="):
            address = line.rpartition(" ")[2]
        elif line[2:] in _DIRECTIONS:
            direction = line[2:]
        elif line.startswith("a=rtpmap:"):
            number, _, name = line[9:].partition(" ")
            maps[number] = name.partition("/")[0]
    codecs = [maps.get(one) or _STATIC.get(int(one) if one.isdigit() else -1, one) for one in formats]
    digits = port.partition("/")[0]
    return Media(kind, address, int(digits) if digits.isdigit() else 0, protocol, tuple(dict.fromkeys(codecs)), direction)
