"""Collected real messages read by three parsers: ours, sipmessage's and sippy's. Every difference is listed with its reason."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import pytest
import sipmessage
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

from signalling.errors import RemoteProtocolError
from signalling.message import BadRequest, Request, parse
from signalling.message.uri import Uri, unescape
from tests.support.messages import VECTORS, collected

TABLE = VECTORS / "sip" / "differences.tsv"
MESSAGES = collected()
Values = dict[str, object]
REFUSED: Values = {"refused": True}


def address(user: str, host: str, port: int | None, tag: str = "") -> tuple[object, ...]:
    return unescape(user), host.strip("[]").lower(), port or 0, tag


def ours(data: bytes) -> Values:
    """By the parser of this project."""
    try:
        message = parse(data)
        if isinstance(message, BadRequest):
            return REFUSED
        contacts = [] if message.get("contact") == "*" else message.addresses("contact")
        return {
            "start": (message.method, place(message.uri)) if isinstance(message, Request) else message.status,
            "via": (len(message.tokens("via")), message.via.transport, message.via.host, message.via.port, message.via.branch),
            "from": (*place(message.from_.uri), message.from_.tag),
            "to": (*place(message.to.uri), message.to.tag),
            "contact": [place(contact.uri) for contact in contacts],
            "cseq": tuple(message.cseq),
            "call-id": message.call_id,
        }
    except RemoteProtocolError:
        return REFUSED


def place(uri: Uri) -> tuple[object, ...]:
    return address(uri.user.partition(":")[0], uri.host, uri.port)[:3]


def of_sipmessage(data: bytes) -> Values:
    """It knows no folded lines, so it gets them unfolded."""
    head, gap, body = data.partition(b"\r\n\r\n")
    try:
        message = sipmessage.Message.parse(re.sub(rb"\r\n[ \t]+", b" ", head) + gap + body)
        top, wildcard = message.via[0], message.get("contact") == "*" if hasattr(message, "get") else False
        return {
            "start": (message.method, theirs(message.uri)) if isinstance(message, sipmessage.Request) else message.code,
            "via": (len(message.via), top.transport.upper(), *split_host(top.host, getattr(top, "port", None)),
                    top.parameters.get("branch") or ""),
            "from": (*theirs(message.from_address.uri), message.from_address.parameters.get("tag") or ""),
            "to": (*theirs(message.to_address.uri), message.to_address.parameters.get("tag") or ""),
            "contact": [] if wildcard else [theirs(contact.uri) for contact in message.contact],
            "cseq": (message.cseq.sequence, message.cseq.method),
            "call-id": message.call_id,
        }  # fmt: skip
    except (ValueError, KeyError, AttributeError, IndexError):
        return REFUSED


def split_host(host: str, port: int | None) -> tuple[str, int]:
    return host.strip("[]").lower(), port or 0


def theirs(uri: sipmessage.URI) -> tuple[object, ...]:
    return address(uri.user or "", uri.host, uri.port)[:3]


def of_sippy(data: bytes) -> Values:
    try:
        text = data.decode()
        is_response = text.lstrip().upper().startswith("SIP/2.0")
        message = (SipResponse if is_response else SipRequest)(text)
        vias, top = message.getHFBodys("via"), message.getHFBody("via")
        return {
            "start": message.getSCode()[0] if is_response else (message.getMethod(), from_sippy(message.getRURI())),
            "via": (
                len(vias),
                top.transport.upper(),
                *split_host(top.getAddr()[0], top.port and int(top.port)),
                top.getBranch() or "",
            ),
            "from": (*from_sippy(message.getHFBody("from").getUrl()), message.getHFBody("from").getTag() or ""),
            "to": (*from_sippy(message.getHFBody("to").getUrl()), message.getHFBody("to").getTag() or ""),
            "contact": [from_sippy(contact.getUrl()) for contact in message.getHFBodys("contact") if not contact.asterisk],
            "cseq": message.getHFBody("cseq").getCSeq(),
            "call-id": str(message.getHFBody("call-id")),
        }
    except Exception:  # it raises whatever comes to it
        return REFUSED


def from_sippy(url: object) -> tuple[object, ...]:
    host = getattr(url.host, "name", None) or str(url.host)  # type: ignore[attr-defined]
    return address(url.username or "", host, url.port and int(url.port))[:3]  # type: ignore[attr-defined]


OTHERS: dict[str, Callable[[bytes], Values]] = {"sipmessage": of_sipmessage, "sippy": of_sippy}


def differing(name: str, other: str) -> set[str]:
    """Fields that two parsers read differently; 'refused' or 'accepted' when only one of them takes the message."""
    mine, its = ours(MESSAGES[name]), OTHERS[other](MESSAGES[name])
    if REFUSED in (mine, its):
        return set() if mine == its else {"refused" if its == REFUSED else "accepted"}
    return {field for field, value in mine.items() if value != its[field]}


def listed() -> dict[tuple[str, str, str], str]:
    """(message, parser, field) to the reason."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {(name, other, field): why for name, other, field, why in rows}


@pytest.mark.acceptance("PAR-3")
@pytest.mark.parametrize("other", OTHERS)
def test_every_difference_is_listed(other: str) -> None:
    found = {(name, other, field) for name in MESSAGES for field in differing(name, other)}
    expected = {key for key in listed() if key[1] == other}
    assert sorted(found - expected) == [], "read differently, and nobody has said why"
    assert sorted(expected - found) == [], "no difference any more"


@pytest.mark.acceptance("PAR-3")
def test_the_collection_is_large_and_all_of_it_is_compared() -> None:
    assert len(MESSAGES) >= 400
    assert len({re.sub(rb"\d", b"", data) for data in MESSAGES.values()}) >= 300, "and varied"
    for other, read in OTHERS.items():
        assert sum(read(data) != REFUSED for data in MESSAGES.values()) >= 350, other
    assert all(why for why in listed().values())
