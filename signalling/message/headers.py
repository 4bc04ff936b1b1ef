"""Header names and the typed headers that every message needs: Via, name-addr, CSeq, Reason, lists (RFC 3261 §20, §25)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from signalling.errors import RemoteProtocolError
from signalling.message.uri import REMEMBERED, Uri, format_host, parse_host_port, parse_uri

MAX_USUAL_CSEQ = 32
MAX_CSEQ = 2**31 - 1
MAX_TEXT = 512  # octets of a display name, tag or branch
TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+\Z")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_DISPLAY = re.compile(r"[^\x00-\x08\x0a-\x1f\",;<>@\\\x7f]*\Z")

_COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition", "e": "content-encoding",
    "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported", "l": "content-length", "m": "contact",
    "n": "identity-info", "o": "event", "r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via",
    "x": "session-expires", "y": "identity",
}  # fmt: skip
_USUAL = (
    "Accept",
    "Allow",
    "Allow-Events",
    "Authorization",
    "Call-ID",
    "Contact",
    "Content-Disposition",
    "Content-Length",
    "Content-Type",
    "CSeq",
    "Date",
    "Diversion",
    "Expires",
    "From",
    "Max-Forwards",
    "Min-Expires",
    "Min-SE",
    "P-Asserted-Identity",
    "Privacy",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Reason",
    "Record-Route",
    "Refer-To",
    "Remote-Party-ID",
    "Require",
    "Retry-After",
    "Route",
    "Server",
    "Session-Expires",
    "Supported",
    "To",
    "Unsupported",
    "User-Agent",
    "Via",
    "WWW-Authenticate",
)
# Spellings seen on nearly every wire; one dict look-up instead of strip, lower and a token check per header line.
CANONICAL: dict[str, str] = {
    **_COMPACT,
    **{letter.upper(): name for letter, name in _COMPACT.items()},
    **{name: name.lower() for name in _USUAL},
    **{name.lower(): name.lower() for name in _USUAL},
    "Call-Id": "call-id",
    "Cseq": "cseq",
}


class NameAddr(NamedTuple):
    """A From, To, Contact, Route ... value: raw display name (quotes included), URI text and header parameters."""

    display: str
    uri_text: str
    params: dict[str, str]
    params_text: str  # ";tag=..." with spaces removed, spelling kept

    @property
    def uri(self) -> Uri:
        """The parsed URI. Raises RemoteProtocolError(400)."""
        return parse_uri(self.uri_text)

    @property
    def tag(self) -> str:
        return self.params.get("tag", "")

    @property
    def name(self) -> str:
        """Display name unquoted, with the octets of the wire."""
        if self.display.startswith('"'):
            return re.sub(r"\\(.)", r"\1", self.display[1:-1], flags=re.DOTALL)
        return self.display

    def render(self) -> str:
        """Canonical form, always with angle brackets."""
        space = " " if self.display else ""
        return f"{self.display}{space}<{self.uri_text}>{self.params_text}"


class Via(NamedTuple):
    transport: str  # upper case
    host: str
    port: int  # 0 when absent
    params: dict[str, str]

    @property
    def branch(self) -> str:
        return self.params.get("branch", "")

    @property
    def sent_by(self) -> str:
        return f"{self.host}:{self.port}"

    def answer_line(self, source: tuple[str, int]) -> str:
        """The value for a response: `received` and `rport` filled from the source (RFC 3581; always, whatever was asked)."""
        parts = [f"SIP/2.0/{self.transport} {format_host(self.host)}" + (f":{self.port}" if self.port else "")]
        for name, value in self.params.items():
            if name not in {"received", "rport"}:
                parts.append(f"{name}={value}" if value else name)
        parts.append(f"received={source[0]}")
        parts.append(f"rport={source[1]}")
        return ";".join(parts)


class CSeq(NamedTuple):
    number: int
    method: str


class Reason(NamedTuple):
    """One value of a Reason header (RFC 3326). `location` is the Q.850 one of RFC 8606, "" when it is not told."""

    protocol: str  # "Q.850" | "SIP" | ..., upper case
    cause: int
    text: str = ""
    location: str = ""

    def render(self) -> str:
        """The value as written on the wire; what could break out of the quotes is left out."""
        safe = "".join(char for char in self.text if char.isprintable() and char not in '"\\')
        location = f";location={self.location}" if self.location and TOKEN.match(self.location) else ""
        return f"{self.protocol};cause={self.cause}" + (f';text="{safe}"' if safe else "") + location


def canonical_name(written: str) -> str:
    """Lower-case long name of a header. Raises RemoteProtocolError(400) when it is no token."""
    name = written.rstrip(" \t")
    if len(name) > 128 or not TOKEN.match(name):
        raise RemoteProtocolError(400, "Bad Header Name")
    name = name.lower()
    return _COMPACT.get(name, name)


def split_list(value: str) -> list[str]:
    """Split a comma list, respecting quoted strings and angle brackets; empty items are left out."""
    if "," not in value:
        value = value.strip()
        return [value] if value else []
    items: list[str] = []
    start = position = depth = 0
    while position < len(value):
        char = value[position]
        if char == '"':
            match = _QUOTED.match(value, position)
            if match is None:
                raise RemoteProtocolError(400, "Unbalanced Quote")
            position = match.end()
            continue
        if char == "<":
            depth = 1
        elif char == ">":
            depth = 0
        elif char == "," and not depth:
            items.append(value[start:position].strip())
            start = position + 1
        position += 1
    items.append(value[start:].strip())
    return [item for item in items if item]


def parse_params(text: str, *, strict: bool = False) -> dict[str, str]:
    """Parse ';name=value' runs; names in lower case, values as written, the first of a name wins.

    `strict` refuses empty parameters, which otherwise are skipped. Raises RemoteProtocolError(400).
    """
    params: dict[str, str] = {}
    items = text.split(";") if '"' not in text else _split_quoted(text)
    for item in items[1:]:
        name, equals, value = item.partition("=")
        name = name.strip().lower()
        if not name:
            if strict or equals:
                raise RemoteProtocolError(400, "Empty Parameter")
            continue
        params.setdefault(name, value.strip())
    if items[0].strip():
        raise RemoteProtocolError(400, "Bad Parameters")
    return params


def parse_name_addr(value: str) -> NameAddr:
    """Parse 'display <uri>;params' or a bare URI whose parameters belong to the header (RFC 3261 §20.10). 400 on error."""
    return _usual_name_addr(value) if len(value) <= REMEMBERED else _name_addr(value)


def _name_addr(value: str) -> NameAddr:
    if value.startswith("<"):
        display, position = "", 0
    elif value.startswith('"'):
        match = _QUOTED.match(value)
        if match is None:
            raise RemoteProtocolError(400, "Unbalanced Quote")
        display, position = match.group(0), match.end()
        while value[position : position + 1] in {" ", "\t"}:
            position += 1
        if value[position : position + 1] != "<":
            raise RemoteProtocolError(400, "Bad Name Address")
    else:
        position = value.find("<")
        if position < 0:
            return _bare_address(value)
        display = value[:position].strip()
        if not _DISPLAY.match(display):
            raise RemoteProtocolError(400, "Bad Display Name")
    end = value.find(">", position)
    if end < 0:
        raise RemoteProtocolError(400, "Bad Name Address")
    uri_text = value[position + 1 : end].strip()
    if " " in uri_text:  # "+49 30 1234": separators for the eye (sip.md §2.3); anywhere else a space is refused
        user, at, rest = uri_text.partition("@")
        uri_text = user.replace(" ", "%20") + at + rest if at else uri_text
    tail = value[end + 1 :]
    return _checked(NameAddr(display, uri_text, parse_params(tail), _compact_params(tail)))


_usual_name_addr = lru_cache(maxsize=2048)(_name_addr)


def _bare_address(value: str) -> NameAddr:
    uri_text, semicolon, tail = value.partition(";")
    uri_text = uri_text.strip()
    if "?" in uri_text or "," in uri_text:  # RFC 3261 §20.10: such a URI needs angle brackets
        raise RemoteProtocolError(400, "Address Needs Brackets")
    tail = semicolon + tail
    return _checked(NameAddr("", uri_text, parse_params(tail), _compact_params(tail)))


def _checked(address: NameAddr) -> NameAddr:
    display, tag = address.display, address.params.get("tag", "")
    if len(tag) > MAX_TEXT or (len(display) > MAX_TEXT // 4 and len(display.encode("utf-8", "surrogateescape")) > MAX_TEXT):
        raise RemoteProtocolError(400, "Address Too Long")
    parse_uri(address.uri_text)
    return address


def _compact_params(tail: str) -> str:
    if not tail.strip():
        return ""
    if " " not in tail and "\t" not in tail and ";;" not in tail and tail[-1] != ";":
        return tail
    pieces = []
    for item in _split_quoted(tail)[1:]:
        name, equals, value = item.partition("=")
        if name.strip():
            pieces.append(f";{name.strip()}{equals}{value.strip()}")
    return "".join(pieces)


def _split_quoted(text: str) -> list[str]:
    """Split at semicolons outside quoted strings."""
    items: list[str] = []
    start = position = 0
    while position < len(text):
        if text[position] == '"':
            match = _QUOTED.match(text, position)
            if match is None:
                raise RemoteProtocolError(400, "Unbalanced Quote")
            position = match.end()
            continue
        if text[position] == ";":
            items.append(text[start:position])
            start = position + 1
        position += 1
    items.append(text[start:])
    return items


def parse_via(value: str) -> Via:
    """Parse one Via value (RFC 3261 §20.42), white space allowed around separators. Raises RemoteProtocolError(400)."""
    sent, semicolon, tail = value.partition(";")
    transport, host, port = _usual_sent_by(sent) if len(sent) <= REMEMBERED else _sent_by(sent)
    params = parse_params(semicolon + tail, strict=True)
    if len(params.get("branch", "")) > MAX_TEXT:
        raise RemoteProtocolError(400, "Branch Too Long")
    return Via(transport, host, port, params)


def _sent_by(sent: str) -> tuple[str, str, int]:
    """Transport, host and port of a Via: the same for all requests of a peer."""
    words = sent.split() if sent.startswith("SIP/2.0/") else re.sub(r"\s*([/:])\s*", r"\1", sent).split()
    if len(words) != 2:
        raise RemoteProtocolError(400, "Bad Via")
    protocol = words[0].split("/")
    if len(protocol) != 3 or not TOKEN.match(protocol[2]) or protocol[0].upper() != "SIP":
        raise RemoteProtocolError(400, "Bad Via")
    host, port = parse_host_port(words[1])
    return protocol[2].upper(), host, port


_usual_sent_by = lru_cache(maxsize=1024)(_sent_by)


def parse_cseq(value: str) -> CSeq:
    """Number and method. Raises RemoteProtocolError(400)."""
    return _usual_cseq(value) if len(value) <= MAX_USUAL_CSEQ else _cseq(value)


def _cseq(value: str) -> CSeq:
    words = value.split()
    if len(words) != 2:
        raise RemoteProtocolError(400, "Bad CSeq")
    number = parse_number(words[0])
    if number is None or number > MAX_CSEQ:
        raise RemoteProtocolError(400, "Bad CSeq")
    return CSeq(number, words[1])


_usual_cseq = lru_cache(maxsize=1024)(_cseq)


def parse_number(text: str) -> int | None:
    """At most 20 ASCII digits without a sign, else None."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    return None


def parse_reason(values: list[str]) -> tuple[Reason, ...]:
    """Reason header values; what cannot be read is left out, the header is only informative."""
    reasons = []
    for line in values:
        try:
            for item in split_list(line):
                protocol, semicolon, tail = item.partition(";")
                params = parse_params(semicolon + tail)
                cause = parse_number(params.get("cause", ""))
                text, location = params.get("text", "").strip('"'), params.get("location", "")
                reasons.append(Reason(protocol.strip().upper(), cause or 0, text, location))
        except RemoteProtocolError:
            continue
    return tuple(reasons)
