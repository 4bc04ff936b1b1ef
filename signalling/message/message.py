"""Requests and responses. Built by the parser; header text is kept raw and parsed on first use."""

from __future__ import annotations

from signalling.message.headers import CSeq, NameAddr, Reason, Via, parse_name_addr, parse_number, parse_reason, split_list
from signalling.message.uri import Uri, parse_uri

Headers = dict[str, list[str]]  # lower-case long name -> raw values, one per header line, in order of arrival


class Message:
    """What requests and responses share. The mandatory headers are checked and parsed; everything else is lazy.

    Owned by whoever received it; never changed after the parser returned it.
    """

    __slots__ = ("body", "call_id", "cseq", "from_", "headers", "to", "via")

    def __init__(
        self, headers: Headers, body: bytes, via: Via, from_: NameAddr, to: NameAddr, call_id: str, cseq: CSeq
    ) -> None:
        self.headers = headers
        self.body = body
        self.via = via
        self.from_ = from_
        self.to = to
        self.call_id = call_id
        self.cseq = cseq

    def get(self, name: str) -> str:
        """First raw value of a header, "" when it is absent. Names are lower-case and long."""
        values = self.headers.get(name)
        return values[0] if values else ""

    def tokens(self, name: str) -> list[str]:
        """All values of a comma list, over all header lines. Raises RemoteProtocolError(400)."""
        return [item for line in self.headers.get(name, ()) for item in split_list(line)]

    def addresses(self, name: str) -> list[NameAddr]:
        """Contact, Route, Record-Route ... as name-addr values. Raises RemoteProtocolError(400)."""
        return [parse_name_addr(item) for item in self.tokens(name)]

    def number(self, name: str) -> int | None:
        """A header that is one number; None when absent or unreadable. Parameters and comments behind it are ignored."""
        value = self.get(name)
        if not value:
            return None
        return parse_number(value.partition(";")[0].partition("(")[0])

    @property
    def reasons(self) -> tuple[Reason, ...]:
        values = self.headers.get("reason")
        return parse_reason(values) if values else ()

    @property
    def content_type(self) -> str:
        """Media type with parameters as written, type in lower case; "" without one."""
        kind, semicolon, params = self.get("content-type").partition(";")
        return kind.strip().lower() + semicolon + params


class Request(Message):
    __slots__ = ("length", "method", "uri_text")

    def __init__(
        self,
        method: str,
        uri_text: str,
        headers: Headers,
        body: bytes,
        via: Via,
        from_: NameAddr,
        to: NameAddr,
        call_id: str,
        cseq: CSeq,
    ) -> None:
        super().__init__(headers, body, via, from_, to, call_id, cseq)
        self.method = method
        self.uri_text = uri_text
        self.length = 0  # octets on the wire; the parser knows

    @property
    def uri(self) -> Uri:
        """Parsed Request-URI. Raises RemoteProtocolError(400)."""
        return parse_uri(self.uri_text)

    @property
    def max_forwards(self) -> int:
        """Absent or unreadable counts as 70, so does a value above 255."""
        hops = self.number("max-forwards")
        return 70 if hops is None or hops > 255 else hops


class Response(Message):
    __slots__ = ("reason", "status")

    def __init__(
        self,
        status: int,
        reason: str,
        headers: Headers,
        body: bytes,
        via: Via,
        from_: NameAddr,
        to: NameAddr,
        call_id: str,
        cseq: CSeq,
    ) -> None:
        super().__init__(headers, body, via, from_, to, call_id, cseq)
        self.status = status
        self.reason = reason


class BadRequest:
    """A request too broken to handle, but whole enough to be told so: at least one Via and a CSeq are there as text."""

    __slots__ = ("headers", "method", "reason", "status")

    def __init__(self, method: str, headers: Headers, status: int, reason: str) -> None:
        self.method = method
        self.headers = headers
        self.status = status
        self.reason = reason
