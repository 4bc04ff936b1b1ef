"""Fuzz targets of everything that reads octets of a SIP peer: messages, streams, URIs, session descriptions, credentials.

A target takes octets and either returns or raises AssertionError; any other exception is a finding too. The oracle: a value
whose parts can be read and written again, or one of the errors that the parser documents. `python -m tests.fuzz` (also
`script/fuzz sip`) runs them under atheris, which looks for inputs that reach new code; `test_replay.py` runs the corpus, all
earlier findings (`found/TARGET/`) and seeded mutations with every test run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from media import sdp
from media.errors import BadDescription
from signalling.auth import DigestClient, Outcome, Verifier, parse_credentials
from signalling.commands import Login
from signalling.errors import RemoteProtocolError
from signalling.message import (
    BadRequest,
    Framer,
    Request,
    Response,
    ResponseTemplate,
    parse,
    parse_name_addr,
    parse_uri,
    parse_via,
    presentable,
    same_uri,
    sdp_part,
)
from signalling.message.framing import Cut
from signalling.message.parser import Silence, salvage
from signalling.message.uri import escape_user
from signalling.message.writer import header_lines, quoted, render_bad_request
from signalling.usage.identity import caller_identity, passed_headers
from signalling.usage.registrar import parse_number
from tests.support.messages import collected

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"
SOURCE = ("192.0.2.1", 5060)
ADDRESSES = ("contact", "route", "record-route", "p-asserted-identity", "refer-to", "remote-party-id", "diversion")
LISTS = ("via", "require", "supported", "accept", "allow", "reason", "history-info", "x-unknown")


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def message(data: bytes) -> None:
    """Parser, every typed view of what it returned, and the writer of the answer."""
    try:
        parsed = parse(data)
    except Silence:
        return
    if isinstance(parsed, BadRequest):
        assert parsed.status in {400, 414, 505}, parsed.status
        _is_one_head(render_bad_request(parsed, SOURCE, "tag"))
        return
    for name in ADDRESSES:
        _documented(lambda name=name: [(address.uri, address.name, address.render()) for address in parsed.addresses(name)])
    for name in LISTS:
        _documented(lambda name=name: parsed.tokens(name))
    _documented(lambda: sdp_part(parsed.content_type, parsed.body), 400, 415)
    _ = (parsed.reasons, parsed.number("expires"), parsed.from_.name)
    if isinstance(parsed, Request):
        _answerable(parsed)


def _answerable(request: Request) -> None:
    """What is said to a request is read as it was meant, by the same parser."""
    _ = request.max_forwards
    _documented(lambda: request.uri)
    _documented(lambda: caller_identity(request, trusted=True))
    assert all(value == presentable(value) for value in passed_headers(request).values())
    data = ResponseTemplate(request, SOURCE).render(200, "ours", header_lines(dict(passed_headers(request))))
    _is_one_head(data)
    if len(request.headers["via"]) == 1 and "," not in request.headers["via"][0]:
        answer = parse(data)
        assert isinstance(answer, Response)
        assert (answer.call_id, answer.cseq, answer.via.branch) == (request.call_id, request.cseq, request.via.branch)
        assert (answer.from_.tag, answer.to.tag) == (request.from_.tag, request.to.tag or "ours")


def _is_one_head(data: bytes) -> None:
    """Nothing that was echoed ends the head early or begins a line of its own without a name."""
    head, gap, body = data.partition(b"\r\n\r\n")
    assert gap and not body
    lines = head.split(b"\r\n")
    assert b"\n" not in b"".join(lines) and b"\r" not in b"".join(lines)
    assert all(b":" in line for line in lines[1:])
    assert lines[-1] == b"Content-Length: 0"


def stream(data: bytes) -> None:
    """Whatever the portions, the same pieces come out of a stream."""
    size = data[0] % 61 + 1 if data else 1
    whole = [(piece.kind, piece.data, piece.status) for piece in Framer().feed(data)]
    framer = Framer()
    parts = [piece for at in range(0, len(data), size) for piece in framer.feed(data[at : at + size])]
    assert [piece.kind for piece in parts if piece.kind is not Cut.BAD] == [kind for kind, *_ in whole if kind is not Cut.BAD]
    assert [piece.data for piece in parts if piece.kind is Cut.MESSAGE] == [
        octets for kind, octets, _ in whole if kind is Cut.MESSAGE
    ]
    for kind, octets, status in whole:
        if kind is Cut.MESSAGE:
            message(octets)
        elif kind is Cut.BAD:
            assert status in {400, 413, 513}
            _documented(lambda octets=octets, status=status: render_bad_request(salvage(octets, status), SOURCE, "tag"), 0)


def uri(data: bytes) -> None:
    """URIs, addresses and Vias; what was read once is read again from what was written."""
    text = text_of(data)
    for read in (parse_uri, parse_name_addr, parse_via):
        _documented(lambda read=read: read(text))
    _documented(lambda: _written_again(text))
    name = quoted(text)
    assert not set("\r\n\0") & set(name)
    name.encode()
    assert parse_uri(f"sip:{escape_user(text) or 'x'}@example.com").username == (text or "x")


def _written_again(text: str) -> None:
    found = parse_uri(text)
    assert same_uri(found, found)
    address = parse_name_addr(f"{quoted(found.username)} <{text}>;tag=x")
    assert (address.uri, address.tag) == (found, "x")


def description(data: bytes) -> None:
    """Session descriptions and every attribute that is looked at."""
    try:
        found = sdp.parse(data)
    except BadDescription:
        return
    assert sdp.parse(sdp.write(found)) == found
    for media in found.media:
        for of_section in (sdp.connection, sdp.direction, sdp.rtcp_address, sdp.fingerprint, sdp.ice_credentials):
            _described(lambda of_section=of_section, media=media: of_section(found, media))
        _described(lambda media=media: sdp.candidates(media))
        for line in media.lines:
            for of_value in (sdp.rtpmap, sdp.packet_time, sdp.crypto):
                _described(lambda of_value=of_value, line=line: of_value(line.value))


def _described(ask: Callable[[], object]) -> None:
    try:
        ask()
    except BadDescription:
        return


def digest(data: bytes) -> None:
    """Credentials and challenges: nothing unproven is accepted, nothing secret is said."""
    value = text_of(data)
    _documented(lambda: parse_credentials(value))
    verifier = Verifier("realm", b"key", lambda: "0123456789abcdef0")
    outcome, username = verifier.check([value], "INVITE", "sip:x", "192.0.2.1", 1.0, lambda name: {"MD5": "0" * 32})
    assert outcome is not Outcome.ACCEPTED and isinstance(username, str)
    answer = DigestClient(Login("user", "s3cret"), lambda: "c" * 17).answer([value], "INVITE", "sip:x")
    assert answer is None or ("s3cret" not in answer and not set("\r\n") & set(header_lines({"Authorization": answer})[:-2]))
    number = parse_number(value)
    assert number is None or (number >= 0 and value.isascii())


def _documented(ask: Callable[[], object], *statuses: int) -> None:
    """A value, or RemoteProtocolError with one of the statuses (400 when none is named)."""
    try:
        ask()
    except RemoteProtocolError as error:
        assert error.status in (statuses or (400,)), (error.status, error.reason)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message, "stream": stream, "uri": uri, "sdp": description, "digest": digest,
}  # fmt: skip


def seeds(target: str) -> list[bytes]:
    """The corpus of a target: the torture messages, real session descriptions, and what was found before."""
    found = [path.read_bytes() for path in sorted((HERE / "found" / target).glob("*"))]
    messages = list(collected().values())
    match target:
        case "sdp":
            files = sorted(path for path in (VECTORS / "sdp").rglob("*") if path.suffix in {".sdp", ".txt"} or path.is_file())
            return found + [path.read_bytes() for path in files if path.name not in {"README.md", "LICENCE.txt"}]
        case "uri":
            lines = [line for data in messages for line in data.split(b"\r\n")]
            return found + [line.partition(b": ")[2] for line in lines if b"sip:" in line or b"SIP/2.0/" in line]
        case "digest":
            return [
                *found,
                b'Digest username="a", realm="realm", nonce="c", uri="sip:d", response="e", qop=auth, nc=00000001, cnonce="f"',
                b'Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd98b", opaque="5ccc", algorithm=SHA-256, stale=TRUE',
                b"Basic QWxhZGRpbjpvcGVu", b'Digest realm="a\\"b\\\\", nonce="x"',
            ]  # fmt: skip
    return found + messages
