"""Answers to offers of browsers seen in the world, read by a parser that nobody here wrote (aiortc's)."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiortc.sdp import MediaDescription, SessionDescription

from media import browser, sdp
from media.credentials import ice_credentials, node_identity
from media.errors import BadDescription, NoCommonSecurity

VECTORS = Path(__file__).parents[1] / "vectors" / "sdp"
SHARED = Path(__file__).parents[3] / "shared" / "acceptance" / "sdp"
OURS = browser.BrowserPort(("198.51.100.9", "10.0.0.9"), 20000, ice_credentials(), node_identity(), ssrc=77, tcp_port=4000)
REFUSED = {
    "mozilla/12": BadDescription,  # several m-lines that are not bundled
    "sdp-transform/hacky": NoCommonSecurity,  # no fingerprint: SDES of 2013
    "sdp-transform/normal": BadDescription,  # no rtcp-mux
}
"""What is refused on purpose (media-engine.md §8), by name."""


def _offers() -> dict[str, bytes]:
    found = {}
    for root in (VECTORS, SHARED):
        for path in sorted(root.rglob("*.sdp")):
            body = path.read_bytes()
            if all(word in body for word in (b"a=ice-ufrag", b"m=audio", b"a=fingerprint")):
                found[f"{path.parent.name}/{path.stem}"] = body
    return found


OFFERS = _offers()


def test_the_three_browsers_are_among_them() -> None:
    everything = b"".join(OFFERS.values())
    assert {"browsers/chromium156_linux_offer", "browsers/safari_macos_2020_aiortc282"} <= set(OFFERS)
    assert b"mozilla...THIS_IS_SDPARTA" in everything


@pytest.mark.parametrize("name", sorted(set(OFFERS) - set(REFUSED)))
def test_the_answer_is_valid(name: str) -> None:
    offer = sdp.parse(OFFERS[name])
    body, agreement = browser.answer(offer, OURS)
    text = sdp.write(body).decode()
    readable = "".join(line for line in OFFERS[name].decode().splitlines(keepends=True) if not line.startswith("a=ssrc"))
    theirs, ours = SessionDescription.parse(readable), SessionDescription.parse(text)
    assert [media.kind for media in ours.media] == [media.kind for media in theirs.media]
    assert [media.rtp.muxId for media in ours.media] == [media.rtp.muxId for media in theirs.media]
    (used,) = [index for index, media in enumerate(ours.media) if media.port]
    assert used == agreement.media_index
    _check_media(ours.media[used], theirs.media[used])
    bundled = [group.items for group in theirs.group if group.semantic == "BUNDLE"]
    assert [group.items for group in ours.group if group.semantic == "BUNDLE"] == (
        [[ours.media[used].rtp.muxId]] if bundled else []
    )
    assert "a=ice-lite\r\n" in text and "a=end-of-candidates\r\n" in text
    assert "a=extmap" not in text and "a=rtcp-fb" not in text, "what we do not use is not accepted (no NACK, no transport-cc)"


def _check_media(ours: MediaDescription, theirs: MediaDescription) -> None:
    assert ours.profile == theirs.profile
    assert ours.rtcp_mux
    assert set(ours.fmt) <= set(theirs.fmt)
    offered = {codec.payloadType: codec for codec in theirs.rtp.codecs}
    for codec in ours.rtp.codecs:
        same = offered[codec.payloadType]
        assert (codec.mimeType.lower(), codec.clockRate) == (same.mimeType.lower(), same.clockRate)
        if codec.mimeType.lower() == "audio/opus":
            assert codec.channels == 2, "RFC 7587 §7"
            assert codec.parameters.get("useinbandfec") == 1
    opposite = {
        "sendrecv": "sendrecv",
        "sendonly": "recvonly",
        "recvonly": "sendonly",
        "inactive": "inactive",
        None: "sendrecv",
    }
    assert ours.direction == opposite.get(theirs.direction, theirs.direction)
    assert ours.dtls is not None and ours.ice is not None
    assert ours.dtls.role == "server", "passive"
    assert [print_.algorithm for print_ in ours.dtls.fingerprints] == ["sha-256"]
    assert (ours.ice.usernameFragment, ours.ice.password) == (OURS.ice.ufrag, OURS.ice.pwd)
    candidates = [(c.protocol, c.ip, c.port, c.tcpType) for c in ours.ice_candidates]
    assert candidates == [
        ("udp", "198.51.100.9", 20000, None), ("udp", "10.0.0.9", 20000, None),
        ("tcp", "198.51.100.9", 4000, "passive"), ("tcp", "10.0.0.9", 4000, "passive"),
    ]  # fmt: skip
    priorities = [c.priority for c in ours.ice_candidates]
    assert priorities == sorted(priorities, reverse=True) and len(set(priorities)) == 4


@pytest.mark.parametrize("name", sorted(set(OFFERS) & set(REFUSED)))
def test_what_is_refused(name: str) -> None:
    with pytest.raises(REFUSED[name]):
        browser.answer(sdp.parse(OFFERS[name]), OURS)
