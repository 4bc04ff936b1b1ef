"""The store in memory: streams are cut, sizes are bounded, secrets do not come out of the packed form."""

from __future__ import annotations

import pytest

from signalling.events import Flow
from softswitch.trace.messages import MOST_LOOSE, MOST_MESSAGES, Dialog, Message, Messages
from softswitch.trace.redact import redacted
from softswitch.trace.tables import pack, unpack

UDP = Flow("udp", ("192.0.2.100", 5060), ("192.0.2.1", 5060))
TCP = Flow("tcp", ("192.0.2.100", 5060), ("192.0.2.1", 40000), 3)


def invite(name: str, body: bytes = b"") -> bytes:
    return b"INVITE sip:1@x SIP/2.0\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Length: %d\r\n\r\n%s" % (
        name.encode(), len(body), body,
    )  # fmt: skip


def test_a_stream_is_cut_into_messages_however_it_arrives() -> None:
    messages = Messages(lambda: 100.0)
    both = invite("a", b"v=0") + b"\r\n\r\n" + invite("a", b"v=00")
    for place in range(len(both)):
        messages.note("<", both[place : place + 1], TCP)
    messages.claim("a", "call")
    found = messages.look(["a"], "call")
    assert [message.data for message in found["a"].messages] == [invite("a", b"v=0"), invite("a", b"v=00")]


def test_the_first_and_the_last_messages_of_an_endless_call_are_kept() -> None:
    dialog = Dialog()
    for number in range(MOST_MESSAGES + 100):
        dialog.add(Message(float(number), True, UDP, b"x"))
    assert len(dialog.messages) == MOST_MESSAGES
    assert dialog.dropped == 100
    assert dialog.messages[0].at == 0.0
    assert dialog.messages[-1].at == MOST_MESSAGES + 99
    assert dialog.octets == MOST_MESSAGES


def test_memory_is_bounded_and_what_no_call_has_goes_first() -> None:
    messages = Messages(lambda: 100.0, memory=20_000)
    messages.claim("mine", "call")
    messages.note("<", invite("mine", b"x" * 5000), UDP)
    for number in range(10):
        messages.note("<", invite(f"n{number}", b"x" * 5000), UDP)
    messages.sort()
    assert messages.octets <= 20_000
    assert messages.dropped == 8
    assert len(messages.look(["mine"], "call")["mine"].messages) == 1


def test_calls_of_strangers_that_nobody_takes_are_few_in_memory() -> None:
    messages = Messages(lambda: 100.0)
    messages.note("<", invite("mine"), UDP)
    messages.sort()
    messages.claim("mine", "call")
    for number in range(3 * MOST_LOOSE):
        messages.note("<", invite(f"n{number}"), UDP)
    messages.sort()
    assert messages.octets <= (MOST_LOOSE + 1) * len(invite("n10000"))
    assert len(messages.look(["mine"], "call")["mine"].messages) == 1
    assert messages.look(["n0"], "other")["n0"].messages == []
    assert len(messages.look([f"n{3 * MOST_LOOSE - 1}"], "newest")[f"n{3 * MOST_LOOSE - 1}"].messages) == 1


def test_registrations_and_pings_take_no_room() -> None:
    messages = Messages(lambda: 100.0)
    messages.note("<", b"REGISTER sip:x SIP/2.0\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n\r\n", UDP)
    messages.note(">", b"SIP/2.0 200 OK\r\ni: r\r\nCSeq: 1 REGISTER\r\n\r\n", UDP)
    messages.note("<", b"\r\n\r\n", UDP)
    messages.sort()
    assert messages.octets == 0


SECRETS = [
    (b"REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"bob\", nonce=\"NNN\", response=\"SSS\", cnonce=SSS\r\n\r\n",
     b"bob"),
    (b"INVITE sip:x SIP/2.0\r\nproxy-authorization : DIGEST\r\n username=bob,response=SSS,\r\n\tnonce=\"SSS\"\r\n\r\n", b"bob"),
    (b"INVITE sip:x SIP/2.0\r\nAuthorization: Bearer SSS.SSS\r\nX: y\r\n\r\n", b"Bearer"[:0]),
    (b"INVITE sip:x SIP/2.0\r\nAuthorization: Digest username=\"bob, nonce=\"SSS\"SSS\r\n\r\n", b""),
    (b"SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm=\"here\", nonce=\"SSS\", opaque=\"SSS\"\r\n\r\n", b'realm="here"'),
    (b"SIP/2.0 200 OK\r\nAuthentication-Info: nextnonce=\"SSS\", rspauth=\"SSS\"\r\n\r\n", b"nextnonce"),
    (b"INVITE sip:bob:SSS@host SIP/2.0\r\nTo: <sip:bob:SSS@host>\r\n\r\n", b"@host"),
    (b"INVITE sip:x SIP/2.0\r\n\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SSS|2^20\r\na=ice-pwd:SSS\r\nk=clear:SSS\r\n",
     b"AES_CM"),
    (b"MESSAGE sip:x SIP/2.0\r\nCSeq: 3 MESSAGE\r\nContent-Type: text/plain\r\n\r\nSSS", b"text/plain"),
    (b"INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=S\r\nDuration=100\r\n", b"Duration=100"),
    (b"INFO sip:x SIP/2.0\r\nc: application/dtmf\r\n\r\nS", b"dtmf"),
    (b"INFO sip:x SIP/2.0\r\nContent-Type: application/kpml-response+xml\r\n\r\n<kpml digits=\"SSS\"/>", b"<kpml"),
    (b"INVITE sip:x SIP/2.0\r\nContent-Encoding: gzip\r\n\r\nSSS", b"gzip"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "stays"), SECRETS)
def test_secrets_are_stars_of_the_same_length(data: bytes, stays: bytes) -> None:
    shown = redacted(data)
    assert b"SSS" not in shown
    assert b"=S\r" not in shown
    assert not shown.endswith(b"\nS")
    assert len(shown) == len(data)
    assert stays in shown
    assert redacted(shown) == shown


def test_digits_may_be_shown_and_other_bodies_stay() -> None:
    info = b"INFO sip:x SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\n"
    assert redacted(info, digits=True) == info
    plain = invite("a", b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert redacted(plain) == plain


def test_packed_and_unpacked_is_the_same_without_secrets() -> None:
    dialogs = {"a": Dialog(), "b": Dialog(dropped=3)}
    dialogs["a"].add(Message(1.5, False, TCP, SECRETS[0][0]))
    dialogs["b"].add(Message(1.25, True, UDP, invite("b")))
    packed = pack(dialogs, {"": "a", "l2": "b"})
    found, legs = unpack(packed)
    assert legs == {"": "a", "l2": "b"}
    assert found["b"].messages == dialogs["b"].messages
    assert found["b"].dropped == 3
    assert found["a"].messages == [Message(1.5, False, TCP, redacted(SECRETS[0][0]))]
