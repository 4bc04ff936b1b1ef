"""Parser and writer: what is read is what was written, limits, tolerance, and agreement with another parser."""

from __future__ import annotations

from pathlib import Path

import pytest
import sipmessage
from hypothesis import given, settings
from hypothesis import strategies as st

from signalling.errors import RemoteProtocolError
from signalling.message import (
    BadRequest,
    Outgoing,
    Request,
    Response,
    ResponseTemplate,
    parse,
    parse_name_addr,
    parse_uri,
    same_uri,
    sdp_part,
)
from signalling.message.headers import split_list
from signalling.message.parser import Silence
from signalling.message.uri import escape_user
from signalling.message.writer import clean, quoted

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
SOURCE = ("192.0.2.1", 5060)
HEAD = (
    "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=f\r\nTo: <sip:b@x>\r\n"
    "Call-ID: c\r\nCSeq: 1 INVITE\r\n"
)


def request(extra: str = "", body: str = "", head: str = HEAD) -> Request:
    parsed = parse(f"{head}{extra}\r\n{body}".encode())
    assert isinstance(parsed, Request), getattr(parsed, "reason", parsed)
    return parsed


def refused(extra: str = "", head: str = HEAD) -> int:
    parsed = parse(f"{head}{extra}\r\n".encode())
    assert isinstance(parsed, BadRequest)
    return parsed.status


names = st.text(alphabet=st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
users = st.text(alphabet=st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=20)
tokens = st.text(alphabet="abcXYZ019-._~", min_size=1, max_size=20)
bodies = st.binary(max_size=200)


@given(user=users, display=names, tag=tokens, call_id=tokens, number=st.integers(0, 2**31 - 1), body=bodies)
@settings(max_examples=150, deadline=None)
def test_request_is_read_as_it_was_written(user: str, display: str, tag: str, call_id: str, number: int, body: bytes) -> None:
    name = quoted(display)
    from_ = f"{name}{' ' if name else ''}<sip:{escape_user(user)}@example.com>;tag={tag}"
    outgoing = Outgoing(
        "INVITE",
        f"sip:{escape_user(user)}@example.com",
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
        "",
        from_,
        "<sip:b@x>",
        call_id,
        number,
        "X-Note: hello\r\n",
        "application/sdp",
        body,
    )
    parsed = parse(outgoing.render())
    assert isinstance(parsed, Request)
    assert parsed.uri.username == user
    assert parsed.from_.uri.username == user
    assert parsed.from_.name == clean(display).strip()
    assert (parsed.from_.tag, parsed.call_id, parsed.cseq.number, parsed.body) == (tag, call_id, number, body)
    answer = parse(ResponseTemplate(parsed, SOURCE).render(200, "ours", "", "application/sdp", body))
    assert isinstance(answer, Response)
    assert (answer.status, answer.to.tag, answer.from_.tag, answer.call_id, answer.cseq, answer.body) == (
        200,
        "ours",
        tag,
        call_id,
        parsed.cseq,
        body,
    )
    assert answer.from_.uri.username == user


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_cleaned_values_never_break_their_line(value: str) -> None:
    assert not set(clean(value)) & set("\r\n\0")


def read_by_the_other(data: bytes) -> dict[str, object] | None:
    """What sipmessage reads of a message; None when it refuses any part (it is stricter, also about valid ones)."""
    try:
        message = sipmessage.Message.parse(data)
        values: dict[str, object] = {
            "cseq": message.cseq.sequence,
            "call_id": message.call_id,
            "tag": message.from_address.parameters.get("tag") or "",
            "user": message.from_address.uri.user,
            "vias": len(message.via),
        }
        if isinstance(message, sipmessage.Request):
            values["method"] = message.method
            values["host"] = message.uri.host.lower()
    except (ValueError, KeyError):  # KeyError: a mandatory header is missing
        return None
    return values


def read_by_us(data: bytes) -> dict[str, object] | None:
    try:
        message = parse(data)
        if isinstance(message, BadRequest):
            return None
        values: dict[str, object] = {
            "cseq": message.cseq.number,
            "call_id": message.call_id,
            "tag": message.from_.tag,
            "user": message.from_.uri.user or None,
            "vias": len(message.tokens("via")),
        }
        if isinstance(message, Request):
            values["method"] = message.method
            values["host"] = message.uri.host
    except RemoteProtocolError:
        return None
    return values


DIFFERENCES = {
    "longreq": "vias",  # the other one overlooks values behind a comma; RFC 4475 counts 34
    "ipv6-bug-abnf-3-colons": "host",  # normalised here, kept as text there
    "ipv6-correct-abnf-2-colons": "host",
    "esc01": "user",  # escapes are resolved there while parsing
    "escnull": "user",
}


@pytest.mark.parametrize(("folder", "least"), [("rfc4475", 12), ("rfc5118", 6)])
def test_agreement_with_another_parser(folder: str, least: int) -> None:
    """Where both accept, both must read the same, apart from the listed differences."""
    compared = 0
    for path in sorted((VECTORS / folder).glob("*.dat")):
        data = path.read_bytes()
        theirs, ours = read_by_the_other(data), read_by_us(data)
        if theirs is None or ours is None:
            continue
        compared += 1
        different = {name for name in theirs if str(theirs[name]).strip("[]") != str(ours[name])}
        assert different <= {DIFFERENCES.get(path.stem, "")}, (path.name, theirs, ours)
    assert compared >= least


@given(
    user=tokens,
    host=st.sampled_from(["example.com", "192.0.2.1", "[2001:db8::1]"]),
    port=st.integers(0, 65535),
    tag=tokens,
    lr=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_agreement_on_generated_messages(user: str, host: str, port: int, tag: str, lr: bool) -> None:
    uri = f"sip:{user}@{host}{f':{port}' if port else ''}{';lr' if lr else ''}"
    text = HEAD.replace("sip:b@x SIP", f"{uri} SIP").replace("tag=f", f"tag={tag}") + f"Contact: <{uri}>;expires=5\r\n\r\n"
    ours, theirs = parse(text.encode()), sipmessage.Message.parse(text.encode())
    assert isinstance(ours, Request)
    assert isinstance(theirs, sipmessage.Request)
    assert (ours.uri.user, ours.uri.port or None, ours.from_.tag) == (
        theirs.uri.user,
        theirs.uri.port,
        theirs.from_address.parameters["tag"],
    )
    assert ours.uri.host == theirs.uri.host.strip("[]")
    assert ours.addresses("contact")[0].params["expires"] == theirs.contact[0].parameters["expires"]


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ("Content-Length: 1\r\n", 400),
        ("Content-Length: -1\r\n", 400),
        ("Content-Length: 0\r\nContent-Length: 1\r\n", 400),
        ("Call-ID: other\r\n", 400),
        ("Max-Forwards: 3\r\nMax-Forwards: 4\r\n", 400),
        ("No colon here\r\n", 400),
        ("Bad Name: x\r\n", 400),
        ("X: " + "y" * 8200 + "\r\n", 400),
        ("X: y\r\n" * 130, 400),
        ("Route: <sip:a;lr>\r\n" * 33, 400),
        ("Contact: <sip:a@b>\r\n" * 21, 400),
        ("Via: " + ", ".join(["SIP/2.0/UDP a;branch=z"] * 71) + "\r\n", 400),
        ("X-" + "n" * 127 + ": y\r\n", 400),
        ("X: a\nInjected: b\r\n", 400),
        ("X: a\rInjected: b\r\n", 400),
    ],
)
def test_limits_and_contradictions(extra: str, status: int) -> None:
    assert refused(extra) == status


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("sip:b@x SIP", "sip:" + "b" * 2100 + "@x SIP", 414),
        ("SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 505),
        ("CSeq: 1 INVITE", "CSeq: 2147483648 INVITE", 400),
        ("CSeq: 1 INVITE", "CSeq: +1 INVITE", 400),
        ("CSeq: 1 INVITE", "CSeq: ١ INVITE", 400),
        ("Call-ID: c", "Call-ID: " + "c" * 513, 400),
        ("Call-ID: c\r\n", "", 400),
        ("tag=f", "tag=" + "f" * 513, 400),
        ("192.0.2.1;", "192.0.2.1:70000;", 400),
        ("192.0.2.1;", "192.0.2.1:0;", 400),
        ("sip:b@x SIP", "sip:@x SIP", 400),
    ],
)
def test_bad_values(old: str, new: str, status: int) -> None:
    head = HEAD.replace(old, new, 1)
    parsed = parse(f"{head}\r\n".encode())
    if isinstance(parsed, Request):  # the Request-URI is parsed when asked
        with pytest.raises(RemoteProtocolError):
            _ = parsed.uri
        return
    assert isinstance(parsed, BadRequest)
    assert parsed.status == status


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0\0",
        b"hello",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 200\r\n",
        b"\xff\xfe\r\n\r\n",
        b"INVITE\r\n\r\n",
    ],
)
def test_what_cannot_be_answered_is_silence(data: bytes) -> None:
    with pytest.raises(Silence):
        parse(data)


def test_tolerance() -> None:
    assert parse(("\r\n\r\n\0" + HEAD + "\r\n").encode()).cseq.number == 1  # type: ignore[union-attr]
    lf = parse((HEAD + "Content-Length: 3\r\n\r\nabcdef").replace("\r\n", "\n").encode())
    assert isinstance(lf, Request)
    assert lf.body == b"abc"
    message = request(
        "Max-Forwards: 300\r\nExpires: soon\r\nSubject : two\r\n  lines\r\nCONTACT:<sip:a@b>\r\n", "rest is the body"
    )
    assert (message.max_forwards, message.number("expires"), message.get("subject"), message.body) == (
        70,
        None,
        "two  lines",
        b"rest is the body",
    )
    assert message.addresses("contact")[0].uri.user == "a"
    assert request("l: 0\r\nCall-ID: c\r\n").call_id == "c"
    assert request(head=HEAD.replace("SIP/2.0\r\nVia", "sip/2.0  \r\nVia")).method == "INVITE"


def test_uri_equality() -> None:
    equal = [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
    ]
    different = [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ]
    assert all(same_uri(parse_uri(one), parse_uri(other)) for one, other in equal)
    assert not any(same_uri(parse_uri(one), parse_uri(other)) for one, other in different)


def test_lists_and_addresses() -> None:
    assert split_list('"a, b" <sip:x@y?h=1,2>, <sip:c@d>;q=0.1,, e') == ['"a, b" <sip:x@y?h=1,2>', "<sip:c@d>;q=0.1", "e"]
    address = parse_name_addr('"A \\"B\\"" <sip:a@b;lr>;tag=1;x="y;z"')
    assert (address.name, address.uri.param("lr"), address.params["x"]) == ('A "B"', "", '"y;z"')
    for bad in ('"a <sip:a@b>', "a, b <sip:a@b>", "<sip:a@b", "sip:a@b?x=y", "nothing"):
        with pytest.raises(RemoteProtocolError):
            parse_name_addr(bad)


def test_session_inside_multipart() -> None:
    body = b"--b1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1--\r\n"
    assert sdp_part('multipart/mixed; boundary="b1"', body) == b"v=0"
    assert sdp_part("application/sdp", b"") is None
    for kind, content, status in [
        ("text/plain", b"x", 415),
        ("multipart/mixed", b"x", 400),
        ("multipart/mixed;boundary=b", b"x", 400),
        ("multipart/mixed;boundary=b", b"\r\n--b".join([b""] * 20), 400),
    ]:
        with pytest.raises(RemoteProtocolError) as caught:
            sdp_part(kind, content)
        assert caught.value.status == status
