"""The SDP parser and writer: lossless, tolerant, bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import sdp
from media.errors import BadDescription
from media.sdp import Connection, Line, Media, RtpMap

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp"
SHARED = Path(__file__).parents[3] / "shared" / "acceptance" / "sdp"
CORPUS = sorted(VECTORS.rglob("*.sdp")) + (sorted(SHARED.rglob("*.sdp")) if SHARED.is_dir() else [])

PHONE = b"""v=0\r
o=- 20518 0 IN IP4 203.0.113.1\r
s= \r
c=IN IP4 203.0.113.1\r
t=0 0\r
a=x-vendor:kept as it is\r
m=audio 54400/2 RTP/SAVPF 0 96\r
a=rtpmap:96 opus/48000/2\r
a=sendonly\r
"""


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_real_descriptions_survive_a_round_trip(path):
    body = path.read_bytes()
    parsed = sdp.parse(body)
    assert sdp.parse(sdp.write(parsed)) == parsed
    assert sdp.write(parsed).split() == body.split()  # every word of it, in order


def test_corpus_is_there():
    assert len(list(VECTORS.rglob("*.sdp"))) >= 50


def test_sections_and_values():
    parsed = sdp.parse(PHONE)
    (media,) = parsed.media
    assert parsed.value("s") == " "
    assert parsed.attribute("x-vendor") == "kept as it is"
    assert (media.kind, media.port, media.port_count, media.profile) == ("audio", 54400, 2, "RTP/SAVPF")
    assert media.formats == ("0", "96")
    assert media.has("sendonly")
    assert not media.has("rtpmap:96 opus/48000/2")
    assert sdp.write(parsed) == PHONE


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "neither"),
        (b"hello", "expected"),
        (b"v=1\r\ns=-\r\n", "version"),
        (b"v=0\r\nm=audio\r\n", "m-line"),
        (b"v=0\r\nm=audio x RTP/AVP 0\r\n", "port"),
        (b"v=0\r\nm=audio 65536 RTP/AVP 0\r\n", "port"),
        (b"v=0\r\nm=audio -1 RTP/AVP 0\r\n", "port"),
        ("v=0\r\nm=audio ٤ RTP/AVP 0\r\n".encode(), "port"),
        (b"v=0\r\nm=audio 4000/x RTP/AVP 0\r\n", "port"),
        ("v=0\r\ns=\ud800\r\n", "surrogates"),
        (b"v=0\r\ns=a\0b\r\n", "NUL"),
        (b"v=0\r\ns=a\rb\r\n", "CR"),
        (b"v=0\r\n" + b"a=x\r\n" * 501, "lines"),
        (b"v=0\r\n" + b"m=audio 9 RTP/AVP 0\r\n" * 17, "media lines"),
        (b"v=0\r\ns=" + b"x" * 4096, "longer"),
        ("v=0\r\ns=" + "é" * 2100, "longer"),
        (b"v=0\r\nm=audio 9 RTP/AVP 0\r\n" + b"a=x\r\n" * 129, "attributes"),
    ],
)
def test_limits_and_nonsense(body, reason):
    with pytest.raises(BadDescription, match=reason):
        sdp.parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"v=0\nm=audio 9 RTP/AVP 0\n",
        b"m=audio 9 RTP/AVP 0",
        b"v=0\r\n\r\n\r\nm=audio 9 RTP/AVP 0\r\n\r\n",
        b"v=0\r\nf=unknown\r\nm=audio 9 RTP/AVP 0\r\n",
        b"v=0\r\ns=\xff\xfe\r\nm=audio 9 RTP/AVP 0\r\n",
        b"v=0\r\n" + b"m=audio 9 RTP/AVP 0\r\n" * 16,
        b"v=0\r\nm=audio 9 RTP/AVP 0\r\n" + b"a=x\r\n" * 128,
    ],
)
def test_what_peers_send_is_accepted(body):
    assert sdp.parse(body).media[0].kind == "audio"


def test_the_offending_line_is_named():
    with pytest.raises(BadDescription) as caught:
        sdp.parse(b"v=0\r\ns=-\r\nm=audio x RTP/AVP 0\r\n")
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("c=IN IP4 192.0.2.1", Connection(4, "192.0.2.1")),
        ("c=IN IP4 192.0.2.1/127", Connection(4, "192.0.2.1")),
        ("c=IN IP6 2001:db8::1", Connection(6, "2001:db8::1")),
        ("c=IN IP6 ::ffff:192.0.2.1", Connection(4, "192.0.2.1")),  # RFC 5118 §4.10
        ("c=IN IP4 gw.example.com", Connection(0, "gw.example.com")),
        ("c=IN IP4 224.2.1.1", BadDescription),
        ("c=IN IP4 255.255.255.255", BadDescription),
        ("c=IN IP7 X", BadDescription),
        ("c=IN IP4", BadDescription),
        ("c=IN IP4 a b", Connection(0, "a")),
        ("c=IN IP4 <script>", BadDescription),
        ("c=IN IP6 fe80::1%eth0", BadDescription),
        ("s=-", None),
    ],
)
def test_connection(lines, expected):
    parsed = sdp.parse(f"v=0\r\n{lines}\r\nm=audio 9 RTP/AVP 0\r\n")
    if expected is BadDescription:
        with pytest.raises(BadDescription):
            sdp.connection(parsed, parsed.media[0])
    else:
        assert sdp.connection(parsed, parsed.media[0]) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("111 opus/48000/2", RtpMap(111, "opus", 48000, 2)),
        ("0 PCMU/8000", RtpMap(0, "PCMU", 8000, 1)),
        ("101  telephone-event/8000/", RtpMap(101, "telephone-event", 8000, 1)),
        ("128 x/8000", None),
        ("x PCMU/8000", None),
        ("0 PCMU", None),
        ("0 PCMU/8k", None),
        ("0 PCMU/8000/9999", None),
        ("", None),
    ],
)
def test_rtpmap(value, expected):
    assert sdp.rtpmap(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("20", 20), ("20.0", 20), ("0.125", None), ("-5", None), (None, None), ("x", None)]
)
def test_packet_time(value, expected):
    assert sdp.packet_time(value) == expected


@pytest.mark.parametrize(
    ("value", "suite"),
    [
        ("1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4", "a key identifier (MKI)"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20", "AES_CM_128_HMAC_SHA1_80"),
        (
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz FEC_ORDER=FEC_SRTP",
            "session parameter FEC_ORDER",
        ),
        (
            "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^9",
            "a key that does not last for a call",
        ),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:WVNf|x", "a key that does not last for a call"),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:WVNf;inline:WVNf", "several keys"),
        ("1 aes_cm_128_hmac_sha1_80 inline:WVNf|1048576 WSH=128 KDR=0 -NEW=1", "AES_CM_128_HMAC_SHA1_80"),
        ("x AES_CM_128_HMAC_SHA1_80 inline:WVNf", None),
        ("1 AES_CM_128_HMAC_SHA1_80 inline:!!!!", None),
        ("1 AES_CM_128_HMAC_SHA1_80 uri:x", None),
        ("1", None),
    ],
)
def test_crypto(value, suite):
    read = sdp.crypto(value)
    assert (read and (read.unusable or read.suite)) == suite


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("SHA-256 " + ":".join(["ab"] * 32), "sha-256 " + ":".join(["AB"] * 32)),
        ("sha-1 " + ":".join(["ab"] * 20), "sha-1 " + ":".join(["AB"] * 20)),
        ("sha-256 " + ":".join(["ab"] * 31), BadDescription),
        ("sha-9 " + ":".join(["ab"] * 32), BadDescription),
        ("junk", BadDescription),
    ],
)
def test_fingerprint(value, expected):
    parsed = sdp.parse(f"v=0\r\na=fingerprint:{value}\r\nm=audio 9 RTP/AVP 0\r\n")
    if expected is BadDescription:
        with pytest.raises(BadDescription):
            sdp.fingerprint(parsed, parsed.media[0])
    else:
        assert sdp.fingerprint(parsed, parsed.media[0]) == expected


WORDS = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=("Cs",)), max_size=40)
LINES = st.lists(st.builds(Line, st.sampled_from("vosiuepcbtrzka"), WORDS), max_size=20)
TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789/-", min_size=1, max_size=12)
MEDIA = st.builds(
    Media,
    LINES.map(tuple),
    TOKENS,
    st.integers(0, 65535),
    TOKENS,
    st.lists(TOKENS, min_size=1, max_size=8).map(tuple),
    st.integers(2, 9) | st.just(1),
)


@given(LINES, st.lists(MEDIA, min_size=1, max_size=4))
def test_every_description_survives_a_round_trip(session, media):
    session = [line for line in session if line.kind != "v"]
    description = sdp.Description(tuple(session), tuple(media))
    assert sdp.parse(sdp.write(description)) == description


ANY_TEXT = st.text(st.characters(), max_size=400)  # lone surrogates included


@given(st.binary(max_size=400) | ANY_TEXT)
def test_any_bytes_give_a_value_or_bad_description(body):
    """Oracle: a description that survives a round trip, or BadDescription."""
    try:
        parsed = sdp.parse(body)
    except BadDescription:
        return
    assert sdp.parse(sdp.write(parsed)) == parsed
