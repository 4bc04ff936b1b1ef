"""Messages to octets. Output is always canonical: long names, one value per line, no folding, Content-Length last."""

from __future__ import annotations

import re
from typing import NamedTuple

from signalling.errors import RemoteProtocolError
from signalling.message.headers import NameAddr, parse_via, split_list
from signalling.message.message import BadRequest, Headers, Request

REASONS = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    199: "Early Dialog Terminated", 200: "OK", 202: "Accepted", 204: "No Notification", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service", 400: "Bad Request",
    401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required",
    422: "Session Interval Too Small", 423: "Interval Too Brief", 428: "Use Identity Header", 433: "Anonymity Disallowed",
    436: "Bad Identity Info", 437: "Unsupported Credential", 438: "Invalid Identity Header", 469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
    485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable", 500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    580: "Precondition Failure", 600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
    606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_ECHOED = ("from", "to", "call-id", "cseq")
_WRITTEN = {"from": "From", "to": "To", "call-id": "Call-ID", "cseq": "CSeq"}


def reason_phrase(status: int) -> str:
    return REASONS.get(status, "Unknown")


def clean(value: str) -> str:
    """A header value that cannot break out of its line."""
    return _CONTROL.sub(" ", value) if not value.isprintable() else value


def quoted(text: str) -> str:
    """A display name as quoted-string in valid UTF-8; "" when nothing printable is left."""
    text = clean(text).strip()
    if not text:
        return ""
    text = text.encode("utf-8", "ignore").decode("utf-8")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header_lines(headers: dict[str, str] | None) -> str:
    """Extra headers as lines; values are cleaned, names must be tokens chosen by us."""
    if not headers:
        return ""
    return "".join(f"{name}: {clean(value)}\r\n" for name, value in headers.items())


class Outgoing(NamedTuple):
    """A request of ours in the pieces that ACK and CANCEL have to repeat (RFC 3261 §17.1.1.3, §9.1)."""

    method: str
    uri: str
    via: str  # value of the only Via
    routes: str  # whole Route lines, or ""
    from_: str
    to: str
    call_id: str
    cseq: int
    headers: str = ""  # further lines, each ending in CRLF
    content_type: str = ""
    body: bytes = b""
    max_forwards: int = 70

    def render(self) -> bytes:
        kind = f"Content-Type: {self.content_type}\r\n" if self.body else ""
        head = (
            f"{self.method} {self.uri} SIP/2.0\r\nVia: {self.via}\r\n{self.routes}Max-Forwards: {self.max_forwards}\r\n"
            f"From: {self.from_}\r\nTo: {self.to}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq} {self.method}\r\n"
            f"{self.headers}{kind}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode("utf-8", "surrogateescape") + self.body

    def ack(self, to: str) -> bytes:
        """The ACK of the transaction for a non-2xx final response; `to` is the To value of that response."""
        return self._replace(method="ACK", to=to, headers="", content_type="", body=b"").render()

    def cancel(self, reason: str = "") -> Outgoing:
        lines = f"Reason: {reason}\r\n" if reason else ""
        return self._replace(method="CANCEL", headers=lines, content_type="", body=b"")


class ResponseTemplate:
    """All that the responses to one request repeat: Via, From, Call-ID, CSeq; To gains our tag where it has none."""

    __slots__ = ("_head", "_to", "_to_tagged")

    def __init__(self, request: Request, source: tuple[str, int]) -> None:
        vias = request.headers["via"]
        lines = [request.via.answer_line(source)]
        if len(vias) > 1 or "," in vias[0]:
            lines += [item for line in vias for item in split_list(line)][1:]
        via_text = "\r\nVia: ".join(lines)
        self._head = (
            f"Via: {via_text}\r\nFrom: {_echo(request.headers['from'][0], request.from_)}\r\n"
            f"Call-ID: {request.call_id}\r\nCSeq: {request.cseq.number} {request.cseq.method}\r\n"
        )
        self._to = _echo(request.headers["to"][0], request.to)
        self._to_tagged = bool(request.to.tag)

    def to_value(self, tag: str) -> str:
        return self._to if self._to_tagged or not tag else f"{self._to};tag={tag}"

    def render(
        self, status: int, tag: str, headers: str = "", content_type: str = "", body: bytes = b"", reason: str = ""
    ) -> bytes:
        """One response. `tag` is our To tag; "" leaves To as it came (100 Trying). `headers` are lines ending in CRLF."""
        kind = f"Content-Type: {content_type}\r\n" if body else ""
        phrase = clean(reason) if reason else REASONS.get(status, "Unknown")
        head = (
            f"SIP/2.0 {status} {phrase}\r\n{self._head}To: {self.to_value(tag)}\r\n{headers}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("utf-8", "surrogateescape") + body


def render_bad_request(bad: BadRequest, source: tuple[str, int], tag: str) -> bytes:
    """The answer to a broken request from what exists of it."""
    try:
        vias = [item for line in bad.headers["via"] for item in split_list(line)]
        top = clean(parse_via(vias[0]).answer_line(source))
    except (RemoteProtocolError, IndexError):
        # RFC 4475 §3.1.2.1 expects an answer to a Via that is broken behind its address: it is echoed as it came.
        vias = bad.headers["via"]
        top = clean(vias[0])
    lines = [f"SIP/2.0 {bad.status} {REASONS.get(bad.status, 'Bad Request')}", f"Via: {top}"]
    lines += [f"Via: {clean(value)}" for value in vias[1:]]
    lines += _echo_lines(bad.headers, tag)
    lines += ["Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _echo_lines(headers: Headers, tag: str) -> list[str]:
    lines = []
    for name in _ECHOED:
        values = headers.get(name)
        if values:
            value = clean(values[0])
            if name == "to" and "tag=" not in value.lower():
                value = f"{value};tag={tag}"
            lines.append(f"{_WRITTEN[name]}: {value}")
    return lines


def _echo(raw: str, address: NameAddr) -> str:
    """From and To go back as they came when they are canonical, else rewritten without the odd spaces."""
    if raw.endswith(address.params_text) and f"<{address.uri_text}>" in raw and "  " not in raw and "\t" not in raw:
        return raw
    return address.render()
