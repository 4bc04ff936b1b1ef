"""Octets to a message, stages 3 and 4 of the order of judgement: framing, start line, version, mandatory headers, limits.

Tolerance: leading blank octets, bare LF line ends, missing Content-Length in a datagram, folding, compact names, spaces
before the colon, trailing spaces on the request line. The lines are split once; nothing else is parsed until asked.
"""

from __future__ import annotations

from signalling.errors import RemoteProtocolError
from signalling.message.headers import (
    CANONICAL,
    TOKEN,
    canonical_name,
    parse_cseq,
    parse_name_addr,
    parse_number,
    parse_via,
    split_list,
)
from signalling.message.message import BadRequest, Headers, Request, Response
from signalling.message.uri import MAX_URI

MAX_START_LINE = 4096
MAX_LINES = 128
MAX_LINE = 8192
MAX_VIAS = 70
MAX_ROUTES = 32
MAX_CONTACTS = 20
MAX_CALL_ID = 512
_BLANK = b"\r\n\0"
_LEADING = frozenset((b"\r", b"\n", b"\0"))


class Silence(RemoteProtocolError):
    """The octets cannot even be answered: drop them and count."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


def parse(data: bytes) -> Request | Response | BadRequest:
    """Parse one whole message (a datagram, or what the framer cut from a stream).

    Raises Silence when no answer is possible; a request that deserves 400, 414 or 505 comes back as BadRequest.
    """
    if data[:1] in _LEADING:
        data = data.lstrip(_BLANK)
    start_line, lines, body = _split(data)
    if start_line[:8].upper() == "SIP/2.0 ":
        return _response(start_line, lines, body)
    message = _request(start_line, lines, body)
    if type(message) is Request:
        message.length = len(data)
    return message


def salvage(data: bytes, status: int) -> BadRequest:
    """What can be answered of a request whose framing failed. Raises Silence when it is none."""
    start_line, lines, _ = _split(data)
    words = start_line.rstrip(" ").split(" ")
    headers = _lenient_headers(lines)
    if (
        len(words) < 3
        or words[-1][:4].upper() != "SIP/"
        or not headers.get("via")
        or not headers.get("cseq")
        or words[0] == "ACK"
    ):
        raise Silence("not an answerable request")
    return BadRequest(words[0], headers, status, "Bad Framing")


def _split(data: bytes) -> tuple[str, list[str], bytes | None]:
    """Start line, unfolded header lines, body; the body is None when the blank line is missing."""
    first_end = data.find(b"\n")
    if first_end < 0:
        raise Silence("no line")
    if data[first_end - 1] == 13:
        end, separator, gap = data.find(b"\r\n\r\n"), "\r\n", 4
    else:
        end, separator, gap = data.find(b"\n\n"), "\n", 2
    if end < 0:
        head, body = data, None
    else:
        head, body = data[:end], data[end + gap :]
    text = head.decode("utf-8", "surrogateescape")
    if "\n " in text or "\n\t" in text:
        text = text.replace(separator + " ", " ").replace(separator + "\t", " ")
    lines = text.split(separator)
    return lines[0], lines[1:], body


def _headers(lines: list[str]) -> Headers:
    """Lower-case names to raw values. Raises RemoteProtocolError(400)."""
    headers: Headers = {}
    canonical = CANONICAL
    for line in lines:
        name, colon, value = line.partition(":")
        key = canonical.get(name)
        if key is None:
            if not colon:
                if not line:
                    continue
                raise RemoteProtocolError(400, "Bad Header Line")
            key = canonical_name(name)
        value = value.strip()
        known = headers.get(key)
        if known is None:
            headers[key] = [value]
        else:
            known.append(value)
    return headers


def _lenient_headers(lines: list[str]) -> Headers:
    """What can be saved from a broken header section, for the answer."""
    headers: Headers = {}
    for line in lines:
        try:
            for key, values in _headers([line]).items():
                headers.setdefault(key, []).extend(values)
        except RemoteProtocolError:
            continue
    return headers


def _check_lines(lines: list[str]) -> None:
    if len(lines) > MAX_LINES:
        raise RemoteProtocolError(400, "Too Many Headers")
    joined = "".join(lines)
    if "\r" in joined or "\n" in joined:  # a stray line end would split the header when it is echoed
        raise RemoteProtocolError(400, "Stray Line End")
    if len(joined) > MAX_LINE // 4 and any(_octets(line) > MAX_LINE for line in lines):
        raise RemoteProtocolError(400, "Header Too Long")


def _octets(text: str) -> int:
    """Length on the wire; most lines are too short to be worth the count."""
    return len(text) if len(text) < MAX_LINE // 4 or text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _single(headers: Headers, name: str) -> str:
    values = headers.get(name)
    if not values or not values[0]:
        raise RemoteProtocolError(400, f"Missing {name}")
    if len(values) > 1 and any(other != values[0] for other in values):
        raise RemoteProtocolError(400, f"Repeated {name}")
    return values[0]


def _mandatory(headers: Headers) -> tuple[str, str, str, str]:
    """From, To, Call-ID and CSeq. Raises RemoteProtocolError(400) when one is absent, empty, or there with two values."""
    try:
        (from_,), (to,), (call_id,), (cseq,) = headers["from"], headers["to"], headers["call-id"], headers["cseq"]
        if from_ and to and call_id and cseq:
            return from_, to, call_id, cseq
    except (KeyError, ValueError):
        pass  # one after the other, for the reason and for those that are there twice with one value
    return _single(headers, "from"), _single(headers, "to"), _single(headers, "call-id"), _single(headers, "cseq")


def _cut_body(headers: Headers, body: bytes | None) -> bytes:
    """The body by Content-Length; in a datagram without one, the rest (RFC 3261 §18.3)."""
    if body is None:
        raise RemoteProtocolError(400, "Missing Blank Line")
    if "content-length" not in headers:
        return body
    length = parse_number(_single(headers, "content-length"))
    if length is None or length > len(body):
        raise RemoteProtocolError(400, "Bad Content-Length")
    return body[:length] if length < len(body) else body


def _check_counts(headers: Headers) -> None:
    if "route" in headers or "record-route" in headers:
        _at_most(MAX_ROUTES, [*headers.get("route", ()), *headers.get("record-route", ())])
    contacts = headers.get("contact")
    if contacts is not None and (len(contacts) > 1 or "," in contacts[0]):
        _at_most(MAX_CONTACTS, contacts)
    if len(headers.get("max-forwards", ())) > 1:
        _single(headers, "max-forwards")


def _at_most(most: int, values: list[str]) -> None:
    """Raises RemoteProtocolError(400) for more values than that; they are told apart only where commas could make so many."""
    if len(values) > most or (
        sum(value.count(",") for value in values) + len(values) > most
        and sum(len(split_list(value)) for value in values) > most
    ):
        raise RemoteProtocolError(400, "Too Many Values")


def _request(start_line: str, lines: list[str], body: bytes | None) -> Request | BadRequest:
    words = start_line.rstrip(" ").split(" ")
    if len(words) < 3 or words[-1][:4].upper() != "SIP/":
        raise Silence("not SIP")
    method, version = words[0], words[-1].upper()
    try:
        if version != "SIP/2.0":
            raise RemoteProtocolError(505 if version[4:].replace(".", "").isdigit() else 400, "Version Not Supported")
        if len(words) == 3 and _octets(words[1]) > MAX_URI:
            raise RemoteProtocolError(414, "Request-URI Too Long")
        if len(words) != 3 or len(start_line) > MAX_START_LINE or not TOKEN.match(method):
            raise RemoteProtocolError(400, "Bad Request Line")
        _check_lines(lines)
        headers = _headers(lines)
        _check_counts(headers)
        vias = headers.get("via")
        if not vias:
            raise RemoteProtocolError(400, "Missing Via")
        if len(vias) > 1 or "," in vias[0]:
            vias = _vias(vias)
        via = parse_via(vias[0])
        from_, to, call_id, cseq = _mandatory(headers)
        if len(call_id) > MAX_CALL_ID:
            raise RemoteProtocolError(400, "Call-ID Too Long")
        return Request(
            method, words[1], headers, _cut_body(headers, body), via, parse_name_addr(from_), parse_name_addr(to), call_id,
            parse_cseq(cseq),
        )  # fmt: skip
    except RemoteProtocolError as error:
        saved = _lenient_headers(lines)
        if not saved.get("via") or not saved.get("cseq") or method == "ACK":
            raise Silence(error.reason) from None
        return BadRequest(method, saved, error.status, error.reason)


def _vias(values: list[str]) -> list[str]:
    split = [item for line in values for item in split_list(line)]
    if not split:
        raise RemoteProtocolError(400, "Empty Via")
    if len(split) > MAX_VIAS:
        raise RemoteProtocolError(400, "Too Many Vias")
    return split


def _response(start_line: str, lines: list[str], body: bytes | None) -> Response:
    """Anything wrong with a response means silence; a second Via was meant for somebody else (RFC 3261 §18.1.2)."""
    status_text, _, reason = start_line[8:].partition(" ")
    status = int(status_text) if len(status_text) == 3 and status_text.isascii() and status_text.isdigit() else 0
    if not 100 <= status <= 699 or len(start_line) > MAX_START_LINE:
        raise Silence("bad status")
    try:
        _check_lines(lines)
        headers = _headers(lines)
        _check_counts(headers)
        vias = headers.get("via", [])
        if len(vias) != 1 or ("," in vias[0] and len(split_list(vias[0])) != 1):
            raise Silence("not one Via")
        via = parse_via(vias[0])
        from_, to, call_id, cseq = _mandatory(headers)
        return Response(
            status, reason, headers, _cut_body(headers, body), via, parse_name_addr(from_), parse_name_addr(to), call_id,
            parse_cseq(cseq),
        )  # fmt: skip
    except Silence:
        raise
    except RemoteProtocolError as error:
        raise Silence(error.reason) from None
