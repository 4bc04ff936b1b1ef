"""Offer and answer: codecs, directions and hold, ptime, encryption, refusals, sessions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import negotiation, sdp
from media.commands import Direction, Ice, PayloadMap
from media.credentials import ice_credentials, node_identity, sdes_keys
from media.errors import BadDescription, MediaError, NoCommonCodec, NoCommonFamily, NoCommonSecurity
from media.negotiation import Capabilities, Credentials, SdpSession, Srtp

CORPUS = sorted((Path(__file__).parent.parent / "vectors" / "sdp").rglob("*.sdp"))
OURS = Capabilities(("PCMA", "PCMU", "G722", "OPUS"), "198.51.100.9", 20000, 20001)
KEYS = Credentials(sdes=sdes_keys(), ice=ice_credentials(), dtls=node_identity())
PRINT = "sha-256 " + ":".join(["AB"] * 32)
INLINE = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SENDRECV, SENDONLY, RECVONLY, INACTIVE = Direction


def offer_of(*lines: str, formats: str = "0 8 101", profile: str = "RTP/AVP", port: int = 4000, where: str = "IP4 192.0.2.1"):
    """A phone's offer with extra media lines."""
    return sdp.parse(
        "\r\n".join(
            [
                "v=0",
                "o=phone 1 1 IN IP4 192.0.2.1",
                "s=-",
                f"c=IN {where}",
                "t=0 0",
                f"m=audio {port} {profile} {formats}",
                "a=rtpmap:101 telephone-event/8000",
                "a=fmtp:101 0-16",
                *lines,
                "",
            ]
        )
    )


def names(agreement):
    return [entry.name for entry in agreement.codecs]


def test_answer_of_a_plain_phone():
    body, agreement = negotiation.answer(offer_of(), OURS)
    assert sdp.write(body) == (
        b"v=0\r\no=- 0 0 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8 0 101\r\n"
        b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        b"a=ptime:20\r\na=sendrecv\r\n"
    )
    assert agreement.codec == PayloadMap("PCMA", 8, 8000)
    assert agreement.dtmf == PayloadMap("telephone-event", 101, 8000, fmtp="0-16")
    assert (agreement.remote, agreement.remote_rtcp) == (("192.0.2.1", 4000), ("192.0.2.1", 4001))
    assert (agreement.direction, agreement.held, agreement.ptime) == (SENDRECV, False, 20)


def test_our_order_decides_and_the_offerers_payload_types_stay():
    offered = offer_of(
        "a=rtpmap:100 opus/48000/2", "a=fmtp:100 useinbandfec=1", "a=rtpmap:97 telephone-event/48000", formats="0 100 101 97"
    )
    ours = Capabilities(("OPUS", "PCMU"), "198.51.100.9", 20000)
    _, agreement = negotiation.answer(offered, ours)
    assert agreement.codecs == (
        PayloadMap("OPUS", 100, 48000, 2, fmtp="useinbandfec=1"),
        PayloadMap("PCMU", 0, 8000),
        PayloadMap("telephone-event", 101, 8000, fmtp="0-16"),
        PayloadMap("telephone-event", 97, 48000),
    )
    assert agreement.dtmf.clock == 48000


def test_opus_without_its_channels_is_opus():
    _, agreement = negotiation.answer(offer_of("a=rtpmap:100 opus/48000", formats="100"), OURS)
    assert agreement.codecs == (PayloadMap("OPUS", 100, 48000, 2),)


def test_events_of_another_clock_are_better_than_none():
    offered = offer_of("a=rtpmap:100 opus/48000/2", formats="100 101")
    _, agreement = negotiation.answer(offered, OURS)
    assert agreement.dtmf == PayloadMap("telephone-event", 101, 8000, fmtp="0-16")


def test_events_of_an_unused_clock_are_left_out():
    offered = offer_of("a=rtpmap:97 telephone-event/48000", formats="0 97 101")
    _, agreement = negotiation.answer(offered, OURS)
    assert [entry.clock for entry in agreement.codecs if entry.name == "telephone-event"] == [8000]


def test_a_static_number_with_another_rtpmap_is_what_the_rtpmap_says():
    offered = offer_of("a=rtpmap:0 opus/48000/2", formats="0")
    _, agreement = negotiation.answer(offered, OURS)
    assert agreement.codecs == (PayloadMap("OPUS", 0, 48000, 2),)


def test_comfort_noise_only_where_we_can():
    offered = offer_of(formats="0 13")
    assert names(negotiation.answer(offered, OURS)[1]) == ["PCMU"]
    quiet = Capabilities(("PCMU",), "198.51.100.9", 20000, comfort_noise=True)
    assert names(negotiation.answer(offered, quiet)[1]) == ["PCMU", "CN"]


@pytest.mark.parametrize("formats", ["18", "101", "13", "127", "999 x"])
def test_no_common_codec(formats):
    with pytest.raises(NoCommonCodec):
        negotiation.answer(offer_of(formats=formats), OURS)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], 20),
        (["a=ptime:10"], 10),
        (["a=ptime:30"], 30),
        (["a=ptime:5"], 10),
        (["a=ptime:90"], 60),
        (["a=ptime:25"], 20),
        (["a=ptime:40", "a=maxptime:30"], 30),
        (["a=maxptime:10"], 10),
        (["a=ptime:junk"], 20),
    ],
)
def test_packet_time_is_10_to_60_ms(lines, expected):
    body, agreement = negotiation.answer(offer_of(*lines), OURS)
    assert agreement.ptime == expected
    assert body.media[0].attribute("ptime") == str(expected)


@pytest.mark.parametrize(
    ("offered", "answered", "held"),
    [("sendrecv", SENDRECV, False), ("sendonly", RECVONLY, True), ("recvonly", SENDONLY, False), ("inactive", INACTIVE, True)],
)
@pytest.mark.parametrize("level", ["session", "media"])
def test_hold(offered, answered, held, level):
    offer = offer_of(f"a={offered}") if level == "media" else offer_of()
    if level == "session":
        offer = sdp.parse(sdp.write(offer).replace(b"t=0 0\r\n", f"t=0 0\r\na={offered}\r\n".encode()))
    body, agreement = negotiation.answer(offer, OURS)
    assert (agreement.direction, agreement.held) == (answered, held)
    assert body.media[0].has(answered)


def test_hold_by_zero_address_stops_sending_but_keeps_our_body():
    body, agreement = negotiation.answer(offer_of(where="IP4 0.0.0.0"), OURS)
    assert (agreement.direction, agreement.held, agreement.remote) == (RECVONLY, True, None)
    assert body.media[0].has("sendrecv")
    assert body.value("c") == "IN IP4 198.51.100.9"


@pytest.mark.parametrize(
    ("offered", "wish", "answered"),
    [("sendrecv", SENDONLY, SENDONLY), ("sendonly", SENDONLY, INACTIVE), ("recvonly", RECVONLY, INACTIVE)],
)
def test_our_wish_narrows_the_answer(offered, wish, answered):
    assert negotiation.answer(offer_of(f"a={offered}"), OURS, wish=wish)[1].direction is answered


def test_port_0_on_the_only_line_is_hold_without_media_in_a_reoffer():
    _, before = negotiation.answer(offer_of(), OURS)
    body, agreement = negotiation.answer(offer_of(port=0), OURS, previous=before)
    assert (body.media[0].port, agreement.direction, agreement.held, agreement.remote) == (0, INACTIVE, True, None)
    assert agreement.codecs == before.codecs
    with pytest.raises(NoCommonCodec):
        negotiation.answer(offer_of(port=0), OURS)


def test_other_lines_are_refused_in_their_places():
    offer = sdp.parse(
        "v=0\r\nc=IN IP4 192.0.2.1\r\nm=video 5000 RTP/AVP 96 97\r\nm=audio 4000 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 8\r\n"
        "m=image 6000 udptl t38\r\n"
    )
    body, agreement = negotiation.answer(offer, OURS)
    assert [media.header() for media in body.media] == [
        "video 0 RTP/AVP 96",
        "audio 20000 RTP/AVP 0",
        "audio 0 RTP/AVP 8",
        "image 0 udptl t38",
    ]
    assert agreement.media_index == 1


def test_the_first_audio_line_that_fits_is_used():
    offer = sdp.parse(
        "v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\nm=audio 4002 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\n"
    )
    _, agreement = negotiation.answer(offer, OURS)
    assert (agreement.media_index, agreement.remote) == (1, ("192.0.2.1", 4002))


def test_address_families():
    six = offer_of(where="IP6 2001:db8::1")
    with pytest.raises(NoCommonFamily):
        negotiation.answer(six, OURS)
    body, agreement = negotiation.answer(six, Capabilities(("PCMU",), "2001:db8::9", 20000, 20001))
    assert agreement.remote == ("2001:db8::1", 4000)
    assert body.value("c") == "IN IP6 2001:db8::9"
    assert negotiation.answer(offer_of(where="IP6 ::ffff:192.0.2.1"), OURS)[1].remote == ("192.0.2.1", 4000)
    assert negotiation.answer(offer_of(where="IP4 gw.example.com"), OURS)[1].remote is None


@pytest.mark.parametrize(
    ("lines", "rtcp", "muxed"),
    [
        ([], ("192.0.2.1", 4001), False),
        (["a=rtcp:5000"], ("192.0.2.1", 5000), False),
        (["a=rtcp:5000 IN IP4 192.0.2.7"], ("192.0.2.7", 5000), False),
        (["a=rtcp:5000 IN IP4 0.0.0.0"], ("192.0.2.1", 5000), False),
        (["a=rtcp:x"], ("192.0.2.1", 4001), False),
        (["a=rtcp-mux"], None, True),
    ],
)
def test_rtcp(lines, rtcp, muxed):
    body, agreement = negotiation.answer(offer_of(*lines), OURS)
    assert (agreement.remote_rtcp, agreement.rtcp_mux) == (rtcp, muxed)
    assert body.media[0].has("rtcp-mux") is muxed


def test_our_rtcp_port_is_told_where_it_is_not_the_next():
    body, _ = negotiation.answer(offer_of(), Capabilities(("PCMU",), "198.51.100.9", 20000, 21001))
    assert body.media[0].attribute("rtcp") == "21001"


CRYPTO = f"a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{INLINE}"


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/AVP", "RTP/SAVPF"])
def test_sdes_is_answered_with_our_key(profile):
    body, agreement = negotiation.answer(offer_of(CRYPTO, profile=profile), OURS, credentials=KEYS)
    assert agreement.sdes.profile == "AES_CM_128_HMAC_SHA1_80"
    assert agreement.sdes.send_key == KEYS.sdes[0].key
    assert len(agreement.sdes.receive_key) == 30
    assert body.media[0].profile == profile
    line = sdp.crypto(body.media[0].attribute("crypto"))
    assert (line.tag, line.key) == (7, KEYS.sdes[0].key)


@pytest.mark.parametrize("profile", ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_a_fingerprint_is_answered_with_dtls(profile):
    offer = offer_of(f"a=fingerprint:{PRINT}", "a=setup:actpass", profile=profile)
    body, agreement = negotiation.answer(offer, OURS, credentials=KEYS)
    assert (agreement.fingerprint, agreement.setup, agreement.profile) == (PRINT, "passive", profile)
    assert body.media[0].attribute("setup") == "passive"
    assert body.media[0].attribute("fingerprint") == KEYS.dtls.fingerprint
    assert agreement.dtls(KEYS.dtls).role == "passive"


@pytest.mark.parametrize(("offered", "ours"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")])
def test_dtls_roles(offered, ours):
    offer = offer_of(f"a=fingerprint:{PRINT}", f"a=setup:{offered}", profile="UDP/TLS/RTP/SAVP")
    assert negotiation.answer(offer, OURS, credentials=KEYS)[1].setup == ours


@pytest.mark.parametrize(
    ("lines", "profile", "srtp", "credentials"),
    [
        ([], "RTP/AVP", Srtp.SDES, KEYS),
        ([], "RTP/AVP", Srtp.DTLS, KEYS),
        ([], "RTP/SAVP", Srtp.OPTIONAL, KEYS),
        ([CRYPTO], "RTP/SAVP", Srtp.OFF, KEYS),
        ([CRYPTO], "RTP/SAVP", Srtp.OPTIONAL, Credentials()),
        (["a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + INLINE], "RTP/SAVP", Srtp.SDES, KEYS),
        (["a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ="], "RTP/SAVP", Srtp.SDES, KEYS),
        ([CRYPTO], "UDP/TLS/RTP/SAVPF", Srtp.OPTIONAL, KEYS),
        ([f"a=fingerprint:{PRINT}"], "UDP/TLS/RTP/SAVPF", Srtp.OPTIONAL, Credentials()),
    ],
)
def test_no_common_security(lines, profile, srtp, credentials):
    ours = Capabilities(("PCMU",), "198.51.100.9", 20000, 20001, srtp=srtp)
    with pytest.raises(NoCommonSecurity):
        negotiation.answer(offer_of(*lines, profile=profile), ours, credentials=credentials)


def test_optional_encryption_falls_back_to_plain():
    for lines in ([CRYPTO], [f"a=fingerprint:{PRINT}"]):
        _, agreement = negotiation.answer(offer_of(*lines), OURS)
        assert (agreement.sdes, agreement.fingerprint) == (None, "")


def test_a_broken_fingerprint_is_never_taken_as_none():
    with pytest.raises(BadDescription):
        negotiation.answer(offer_of("a=fingerprint:sha-256 AB:CD"), OURS)


def test_ice_credentials_and_candidates():
    offer = offer_of(
        "a=ice-ufrag:abcd", "a=ice-pwd:" + "x" * 24, "a=candidate:1 1 udp 1 192.0.2.1 4000 typ host", where="IP4 0.0.0.0"
    )
    body, agreement = negotiation.answer(offer, OURS, credentials=KEYS)
    candidate = "candidate:1 1 udp 1 192.0.2.1 4000 typ host"
    assert agreement.ice == Ice(KEYS.ice.ufrag, KEYS.ice.pwd, "abcd", "x" * 24, lite=True, candidates=(candidate,))
    assert (agreement.held, agreement.direction) == (False, SENDRECV)  # 0.0.0.0 only means trickling here
    assert body.has("ice-lite")
    assert list(body.media[0].attributes("candidate")) == [
        "1 1 udp 2130706431 198.51.100.9 20000 typ host",
        "1 2 udp 2130706430 198.51.100.9 20001 typ host",
    ]
    assert not negotiation.answer(offer_of("a=ice-ufrag:abcd", "a=ice-pwd:x"), OURS)[0].has("ice-lite")


def test_offer_and_the_way_back():
    offer = negotiation.offer(OURS)
    assert offer.media[0].formats == ("8", "0", "9", "111", "101", "110")
    theirs = Capabilities(("OPUS", "PCMU"), "192.0.2.1", 4000, 4001)
    body, far = negotiation.answer(offer, theirs)
    near = negotiation.accept_answer(offer, body)
    assert names(near) == names(far) == ["OPUS", "PCMU", "telephone-event", "telephone-event"]
    assert (near.remote, far.remote) == (("192.0.2.1", 4000), ("198.51.100.9", 20000))


@pytest.mark.parametrize("srtp", list(Srtp))
def test_both_sides_agree_on_encryption(srtp):
    near_keys, far_keys = KEYS, Credentials(sdes_keys(), ice_credentials(), node_identity())
    ours, theirs = (Capabilities(("PCMU",), address, 9000, 9001, srtp=srtp) for address in ("192.0.2.1", "192.0.2.2"))
    offer = negotiation.offer(ours, credentials=near_keys)
    body, far = negotiation.answer(offer, theirs, credentials=far_keys)
    near = negotiation.accept_answer(offer, body, credentials=near_keys)
    if srtp in {Srtp.SDES, Srtp.REQUIRED}:
        assert near.sdes.send_key == far.sdes.receive_key
        assert near.sdes.receive_key == far.sdes.send_key
    else:
        assert near.sdes is far.sdes is None
    if srtp in {Srtp.DTLS, Srtp.OPTIONAL}:
        assert (near.setup, far.setup) == ("active", "passive")
        assert near.fingerprint == far_keys.dtls.fingerprint
    assert near.ice.remote_ufrag == far_keys.ice.ufrag


def test_an_answer_with_other_payload_types_is_asymmetric():
    offer = negotiation.offer(OURS)
    answer = offer_of("a=rtpmap:120 opus/48000/2", "a=rtpmap:99 telephone-event/48000", formats="120 99")
    agreement = negotiation.accept_answer(offer, answer)
    assert agreement.codecs == (
        PayloadMap("OPUS", 111, 48000, 2, send_payload_type=120),
        PayloadMap("telephone-event", 110, 48000, send_payload_type=99),
    )


def test_an_answer_without_rtpmap_of_a_dynamic_type():
    answer = sdp.parse("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 111\r\n")
    assert negotiation.accept_answer(negotiation.offer(OURS), answer).codec == PayloadMap("OPUS", 111, 48000, 2)


def test_events_named_first_are_not_what_we_send():
    answer = offer_of(formats="101 8")
    assert negotiation.accept_answer(negotiation.offer(OURS), answer).codec.name == "PCMA"


@pytest.mark.parametrize(
    ("ours", "theirs", "direction", "held"),
    [
        (SENDRECV, "sendrecv", SENDRECV, False),
        (SENDRECV, "recvonly", SENDONLY, False),
        (SENDRECV, "sendonly", RECVONLY, True),
        (SENDRECV, "inactive", INACTIVE, True),
        (SENDONLY, "recvonly", SENDONLY, False),
        (SENDONLY, "sendrecv", SENDONLY, False),
        (SENDONLY, "inactive", INACTIVE, True),
        (INACTIVE, "inactive", INACTIVE, False),
    ],
)
def test_direction_of_an_answer(ours, theirs, direction, held):
    agreement = negotiation.accept_answer(negotiation.offer(OURS, wish=ours), offer_of(f"a={theirs}"))
    assert (agreement.direction, agreement.held) == (direction, held)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("v=0\r\ns=-\r\n", BadDescription),
        ("v=0\r\nm=video 9 RTP/AVP 0\r\n", BadDescription),
        ("v=0\r\nm=audio 0 RTP/AVP 0\r\n", NoCommonCodec),
        ("v=0\r\nm=audio 9 RTP/AVP 18\r\n", NoCommonCodec),
        ("v=0\r\nm=audio 9 RTP/AVP 101\r\n", NoCommonCodec),
    ],
)
def test_answers_that_are_none(answer, error):
    with pytest.raises(error):
        negotiation.accept_answer(negotiation.offer(OURS), sdp.parse(answer))


def test_an_answer_must_keep_to_the_offered_keys():
    ours = Capabilities(("PCMU",), "198.51.100.9", 20000, 20001, srtp=Srtp.SDES)
    offer = negotiation.offer(ours, credentials=KEYS)
    with pytest.raises(NoCommonSecurity):
        negotiation.accept_answer(offer, offer_of(profile="RTP/SAVP"))
    with pytest.raises(BadDescription):
        negotiation.accept_answer(offer, offer_of(CRYPTO, profile="RTP/SAVP"))  # tag 7 was never offered


def test_session_version_grows_with_the_body_alone():
    body, _ = negotiation.answer(offer_of(), OURS)
    first, sent = SdpSession(77).publish(body)
    assert b"o=- 77 1 IN IP4 198.51.100.9\r\n" in sent
    again, refreshed = first.publish(body)
    assert (again, refreshed) == (first, sent)
    second, held = again.publish(negotiation.turned(body, SENDONLY))
    assert b"o=- 77 2 " in held
    assert b"a=sendonly\r\n" in held
    third, resumed = second.publish(body)
    assert third.version == 3
    assert resumed == sent.replace(b"o=- 77 1 ", b"o=- 77 3 ")


def test_commands_of_an_agreement():
    _, agreement = negotiation.answer(offer_of(CRYPTO), OURS, credentials=KEYS)
    opened = agreement.open_port(5, 9, latch="strict", cname="x")
    assert (opened.port, opened.token, opened.codecs, opened.sdes) == (5, 9, agreement.codecs, agreement.sdes)
    assert agreement.update_port(5).sdes == agreement.sdes
    assert agreement.update_port(5, before=agreement).sdes is None  # the same key again would restart SRTP


def test_secrets_are_not_shown():
    _, agreement = negotiation.answer(offer_of(CRYPTO), OURS, credentials=KEYS)
    shown = repr((agreement, KEYS))
    assert repr(KEYS.sdes[0].key) not in shown
    assert KEYS.ice.pwd not in shown


@given(st.integers(0, 2**32))
def test_mutated_descriptions_give_an_answer_or_a_documented_error(seed):
    """Oracle: an answer with the offer's m-lines that we can parse ourselves, or a MediaError."""
    dice = random.Random(seed)
    body = bytearray(dice.choice(CORPUS).read_bytes())
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(len(body))
        match dice.randrange(4):
            case 0:
                body[at] = dice.randrange(256)
            case 1:
                del body[at : at + dice.randrange(1, 40)]
            case 2:
                body[at:at] = body[at : at + dice.randrange(1, 40)]
            case _:
                body[at:at] = dice.choice(
                    (b"a=crypto:", b"0.0.0.0", b"\r\nm=audio 1 ", b"99999999999999999999", b"/", b" ", b":")
                )
        if not body:
            return
    try:
        offer = sdp.parse(bytes(body))
        answered, agreement = negotiation.answer(offer, OURS, credentials=KEYS)
    except MediaError:
        return
    assert len(sdp.parse(sdp.write(answered)).media) == len(offer.media)
    assert agreement.codec.name in OURS.codecs
    assert 10 <= agreement.ptime <= 60


@given(st.integers(0, 2**32))
def test_mutated_answers_give_an_agreement_or_a_documented_error(seed):
    """Oracle: as above, for the answer to an offer of ours."""
    dice = random.Random(seed)
    offer = negotiation.offer(OURS, credentials=KEYS)
    try:
        body = bytearray(sdp.write(negotiation.answer(offer, OURS, credentials=KEYS)[0]))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(body))
            body[at : at + dice.randrange(4)] = dice.randbytes(dice.randrange(4))
        agreement = negotiation.accept_answer(offer, sdp.parse(bytes(body)), credentials=KEYS)
    except MediaError:
        return
    assert agreement.codec.name in OURS.codecs


def test_every_real_audio_offer_gets_an_answer():
    """What stays unanswered is listed with the reason, so that a change of tolerance is seen."""
    refused = {}
    for path in CORPUS:
        offer = sdp.parse(path.read_bytes())
        try:
            negotiation.answer(offer, OURS, credentials=KEYS)
        except MediaError as problem:
            refused[f"{path.parent.name}/{path.stem}"] = type(problem).__name__
    unexpected = {name: reason for name, reason in refused.items() if reason != "NoCommonCodec"}
    assert unexpected == {
        "mediasoup/unittest-6": "NoCommonSecurity",  # RTP/SAVPF without any key
        "mozilla/15": "NoCommonSecurity",  # the same
        "sdp-transform/extmap-encrypt": "NoCommonSecurity",  # the same
        "sdp-transform/ts-refclk-media": "BadDescription",  # multicast
        "sdp-transform/ts-refclk-sess": "BadDescription",
    }
    answered = [path for path in CORPUS if f"{path.parent.name}/{path.stem}" not in refused]
    assert len(answered) == 19
