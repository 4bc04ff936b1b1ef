"""Answers to browsers: what they insist on, and that aiortc takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from media import browser, sdp
from media.commands import Direction
from media.credentials import ice_credentials, node_identity
from media.errors import BadDescription, NoCommonSecurity

VECTORS = Path(__file__).parent.parent / "vectors" / "sdp" / "browsers"
CHROMIUM = (VECTORS / "chromium156_linux_offer.sdp").read_bytes()
SAFARI = (VECTORS / "safari_macos_2020_aiortc282.sdp").read_bytes()
OURS = browser.BrowserPort(("198.51.100.9", "10.0.0.9"), 20000, ice_credentials(), node_identity(), ssrc=77)


def test_chromium():
    body, agreement = browser.answer(sdp.parse(CHROMIUM), OURS)
    (media,) = body.media
    assert media.header() == "audio 20000 UDP/TLS/RTP/SAVPF 8 0 111 9 110 126"
    assert body.has("ice-lite")
    assert body.attribute("group") == "BUNDLE 0"
    assert media.attribute("mid") == "0"
    assert media.attribute("setup") == "passive"
    assert media.attribute("fingerprint") == OURS.identity.fingerprint
    assert media.has("rtcp-mux")
    assert media.has("end-of-candidates")
    assert not media.has("extmap")
    assert list(media.attributes("candidate")) == [
        "1 1 udp 2130706431 198.51.100.9 20000 typ host",
        "2 1 udp 2130706175 10.0.0.9 20000 typ host",
    ]
    assert (agreement.codec.name, agreement.direction, agreement.remote) == ("PCMA", Direction.SENDRECV, None)
    assert agreement.ice.remote_ufrag == "qe/A"
    assert agreement.fingerprint.startswith("sha-256 55:62:44")
    assert agreement.dtmf.payload_type == 126


def test_safari():
    _, agreement = browser.answer(sdp.parse(SAFARI), OURS)
    assert agreement.codec.name == "PCMA"
    assert agreement.rtcp_mux


def test_opus_first_where_the_caller_prefers_it():
    ours = browser.BrowserPort(("198.51.100.9",), 20000, OURS.ice, OURS.identity, codecs=("OPUS", "PCMU"))
    _, agreement = browser.answer(sdp.parse(CHROMIUM), ours)
    assert (agreement.codec.name, agreement.codec.payload_type, agreement.dtmf.payload_type) == ("OPUS", 111, 110)


def test_video_and_data_are_refused_in_the_bundle():
    offer = CHROMIUM.replace(b"BUNDLE 0", b"BUNDLE 0 1 2") + (
        b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n"
    )
    body, _ = browser.answer(sdp.parse(offer), OURS)
    assert body.attribute("group") == "BUNDLE 0"
    assert [(media.port, media.attribute("mid")) for media in body.media] == [(20000, "0"), (0, "1"), (0, "2")]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"a=ice-pwd", BadDescription),
        (b"a=ice-ufrag", BadDescription),
        (b"a=fingerprint", NoCommonSecurity),
        (b"a=rtcp-mux", BadDescription),
    ],
)
def test_what_a_browser_must_offer(line, error):
    offer = b"\n".join(each for each in CHROMIUM.split(b"\n") if not each.startswith(line))
    with pytest.raises(error):
        browser.answer(sdp.parse(offer), OURS)


def test_several_lines_must_be_bundled():
    offer = CHROMIUM.replace(b"a=group:BUNDLE 0\r\n", b"").replace(b"a=group:BUNDLE 0\n", b"")
    browser.answer(sdp.parse(offer), OURS)
    with pytest.raises(BadDescription):
        browser.answer(sdp.parse(offer + b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), OURS)


def test_hold_by_the_browser():
    _, agreement = browser.answer(sdp.parse(CHROMIUM.replace(b"a=sendrecv", b"a=inactive")), OURS)
    assert (agreement.direction, agreement.held) == (Direction.INACTIVE, True)


async def test_aiortc_takes_the_answer():
    far = RTCPeerConnection()
    far.addTransceiver("audio", direction="sendrecv")
    await far.setLocalDescription(await far.createOffer())
    body, agreement = browser.answer(sdp.parse(far.localDescription.sdp), OURS)
    await far.setRemoteDescription(RTCSessionDescription(sdp.write(body).decode(), "answer"))
    (transceiver,) = far.getTransceivers()
    assert transceiver.currentDirection == "sendrecv"
    assert transceiver.receiver.track.kind == "audio"
    assert transceiver.sender.transport.transport.iceGatherer is not None
    assert agreement.ice.remote_ufrag in far.localDescription.sdp
    await far.close()


def test_the_identity_is_what_its_fingerprint_says():
    identity = node_identity()
    certificate = x509.load_der_x509_certificate(identity.certificate)
    assert identity.fingerprint == f"sha-256 {certificate.fingerprint(hashes.SHA256()).hex(':').upper()}"
    key = serialization.load_der_private_key(identity.private_key, None)
    assert key.public_key() == certificate.public_key()
    assert key.curve.name == "secp256r1"


def test_candidates_from_json():
    lines = [
        "a=candidate:1 1 udp 2122194687 192.0.2.1 59250 typ host",
        "candidate:2 1 UDP 1 abc.local 5 typ host generation 0",
        "candidate:3 1 tcp 1518214911 192.0.2.1 9 typ host tcptype active",
        "",
        "junk",
    ]
    assert browser.remote_candidates(lines) == (lines[0][2:], lines[1])
