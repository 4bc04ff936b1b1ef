"""Encryption in offers and answers: every policy against every other, keys that stay, roles, and no way back to plain RTP."""

from __future__ import annotations

import itertools
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import negotiation, sdp
from media.commands import Direction
from media.credentials import node_identity, sdes_keys
from media.errors import NoCommonSecurity
from media.negotiation import SUITES, Agreement, Capabilities, Credentials, Srtp

IDENTITIES = (node_identity(), node_identity())
KEYS = tuple(Credentials(sdes=sdes_keys(), dtls=identity) for identity in IDENTITIES)
NEAR, FAR = KEYS
NO_CERTIFICATE = Credentials(sdes=NEAR.sdes)
WEAK, STRONG = "AES_CM_128_HMAC_SHA1_32", "AES_CM_128_HMAC_SHA1_80"


def ours(srtp: Srtp, side: int = 1) -> Capabilities:
    return Capabilities(("PCMU",), f"192.0.2.{side}", 9000, 9001, srtp=srtp)


def offered(*lines: str, profile: str = "RTP/SAVP", port: int = 4000) -> sdp.Description:
    head = f"v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio {port} {profile} 0\n"
    return sdp.parse((head + "".join(f"a={line}\n" for line in lines)).encode())


def crypto_line(suite: str, tag: int = 1, key: bytes = b"", more: str = "") -> str:
    return f"crypto:{tag} {suite} inline:{b64encode(key or bytes(SUITES[suite])).decode()}{more}"


def exchanged(left: Srtp, right: Srtp) -> tuple[Agreement, Agreement] | None:
    """What both sides make of one exchange; None when they refuse."""
    try:
        offer = negotiation.offer(ours(left, 1), credentials=NEAR)
        body, far = negotiation.answer(offer, ours(right, 2), credentials=FAR)
        return negotiation.accept_answer(offer, body, credentials=NEAR), far
    except NoCommonSecurity:
        return None


SECURED_ONLY = {Srtp.SDES, Srtp.DTLS, Srtp.REQUIRED}
AGREED = {
    (Srtp.SDES, Srtp.SDES), (Srtp.SDES, Srtp.OPTIONAL), (Srtp.SDES, Srtp.REQUIRED), (Srtp.DTLS, Srtp.DTLS),
    (Srtp.DTLS, Srtp.OPTIONAL), (Srtp.DTLS, Srtp.REQUIRED), (Srtp.DTLS, Srtp.KEYLESS), (Srtp.REQUIRED, Srtp.SDES),
    (Srtp.REQUIRED, Srtp.OPTIONAL), (Srtp.REQUIRED, Srtp.REQUIRED), (Srtp.OPTIONAL, Srtp.SDES), (Srtp.OPTIONAL, Srtp.DTLS),
    (Srtp.OPTIONAL, Srtp.OPTIONAL), (Srtp.OPTIONAL, Srtp.REQUIRED), (Srtp.OPTIONAL, Srtp.KEYLESS),
}  # fmt: skip


@pytest.mark.parametrize(("left", "right"), list(itertools.product(Srtp, Srtp)))
def test_every_policy_meets_every_other(left: Srtp, right: Srtp) -> None:
    """Both ends agree on the same thing, and who requires encryption never ends up without."""
    found = exchanged(left, right)
    if found is None:
        assert {left, right} & SECURED_ONLY, "somebody insists"
        return
    near, far = found
    assert bool(near.secured) == bool(far.secured) == ((left, right) in AGREED)
    assert near.secured or not {left, right} & SECURED_ONLY
    if near.sdes is not None and far.sdes is not None:
        assert (near.sdes.send_key, near.sdes.receive_key) == (far.sdes.receive_key, far.sdes.send_key)
        assert near.sdes.profile == far.sdes.profile == STRONG
    if near.fingerprint:
        assert {near.setup, far.setup} == {"active", "passive"}
        assert (near.fingerprint, far.fingerprint) == tuple(identity.fingerprint for identity in reversed(IDENTITIES))


@given(suites=st.lists(st.sampled_from([*SUITES, "F8_128_HMAC_SHA1_80"]), max_size=6), policy=st.sampled_from(list(Srtp)))
def test_the_chosen_suite_was_offered_and_a_short_tag_only_alone(suites: list[str], policy: Srtp) -> None:
    lines = [crypto_line(suite, tag, bytes(SUITES.get(suite, 30))) for tag, suite in enumerate(suites, 1)]
    try:
        body, agreement = negotiation.answer(offered(*lines), ours(policy), credentials=FAR)
    except NoCommonSecurity as refusal:
        assert "inline" not in str(refusal)
        assert policy not in {Srtp.SDES, Srtp.OPTIONAL, Srtp.REQUIRED} or not set(suites) & set(SUITES)
        return
    known = [suite for suite in suites if suite in SUITES]
    (line,) = body.media[0].attributes("crypto")
    answered = sdp.crypto(line)
    assert answered is not None and agreement.sdes is not None
    assert suites[answered.tag - 1] == answered.suite == agreement.sdes.profile
    assert answered.suite == next((suite for suite in known if suite != WEAK), WEAK)


def test_the_reason_of_a_refusal_is_told_without_a_key() -> None:
    key = bytes(range(30))
    for more, word in (("|2^31|1:1", "MKI"), (" UNENCRYPTED_SRTP", "UNENCRYPTED_SRTP"), ("|2^10", "last for a call")):
        with pytest.raises(NoCommonSecurity, match=word) as refusal:
            negotiation.answer(offered(crypto_line(STRONG, 1, key, more)), ours(Srtp.SDES), credentials=FAR)
        assert b64encode(key).decode() not in str(refusal.value)
    with pytest.raises(NoCommonSecurity, match="not encrypted"):
        negotiation.answer(offered(crypto_line(STRONG)), ours(Srtp.KEYLESS), credentials=FAR)


def test_a_line_that_cannot_be_taken_leaves_the_others() -> None:
    lines = (crypto_line(STRONG, 1, more="|2^31|1:1"), crypto_line(STRONG, 2, b"k" * 30, more="|2^31"))
    _, agreement = negotiation.answer(offered(*lines), ours(Srtp.SDES), credentials=FAR)
    assert agreement.sdes is not None and agreement.sdes.receive_key == b"k" * 30


def test_two_audio_lines_one_encrypted() -> None:
    """The old form of best effort: SAVP and AVP beside each other; the first that fits is used, the other has port 0."""
    text = (
        "v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
        f"m=audio 4000 RTP/SAVP 0\na={crypto_line(STRONG)}\nm=audio 4002 RTP/AVP 0\n"
    )
    for policy, ports in ((Srtp.SDES, (9000, 0)), (Srtp.OPTIONAL, (9000, 0)), (Srtp.OFF, (0, 9000)), (Srtp.KEYLESS, (0, 9000))):
        body, _ = negotiation.answer(sdp.parse(text.encode()), ours(policy), credentials=FAR)
        assert tuple(media.port for media in body.media) == ports, policy


def test_hold_and_resume_keep_the_keys_and_new_ones_are_taken() -> None:
    first = offered(crypto_line(STRONG, 1, b"a" * 30))
    _, before = negotiation.answer(first, ours(Srtp.SDES), credentials=FAR)
    held = offered(crypto_line(STRONG, 1, b"a" * 30), "sendonly")
    _, agreement = negotiation.answer(held, ours(Srtp.SDES), credentials=FAR, previous=before)
    assert agreement.held and agreement.update_port(1, before=before).sdes is None
    assert agreement.update_port(1, before=before).direction is Direction.RECVONLY
    changed = offered(crypto_line(STRONG, 1, b"b" * 30))
    _, after = negotiation.answer(changed, ours(Srtp.SDES), credentials=FAR, previous=agreement)
    update = after.update_port(1, before=agreement)
    assert update.sdes is not None and update.sdes.receive_key == b"b" * 30


@pytest.mark.parametrize("policy", [Srtp.OPTIONAL, Srtp.KEYLESS])
def test_what_is_encrypted_stays_encrypted(policy: Srtp) -> None:
    secured = offered(f"fingerprint:{IDENTITIES[0].fingerprint}", "setup:actpass", profile="RTP/AVP")
    _, before = negotiation.answer(secured, ours(policy), credentials=FAR)
    assert before.secured == "DTLS-SRTP"
    with pytest.raises(NoCommonSecurity, match="was agreed on"):
        negotiation.answer(offered(profile="RTP/AVP"), ours(policy), credentials=FAR, previous=before)
    _, plain = negotiation.answer(offered(profile="RTP/AVP"), ours(policy), credentials=FAR)
    _, after = negotiation.answer(secured, ours(policy), credentials=FAR, previous=plain)
    assert after.secured, "the other way is welcome"


def test_the_role_of_dtls_stays_when_either_would_do() -> None:
    """RFC 8842 §5.4: who was active and is asked again with actpass stays it; else the handshake would begin anew."""
    offer = negotiation.offer(ours(Srtp.DTLS), credentials=NEAR)
    assert offer.media[0].profile == "UDP/TLS/RTP/SAVP" and offer.media[0].has("rtcp-mux")
    answer = offered(f"fingerprint:{IDENTITIES[1].fingerprint}", "setup:passive", "tls-id:abc3de65cddef001be82", "rtcp-mux",
                     profile="UDP/TLS/RTP/SAVP")  # fmt: skip
    before = negotiation.accept_answer(offer, answer, credentials=NEAR)
    assert (before.setup, before.rtcp_mux) == ("active", True)
    again = offered(f"fingerprint:{IDENTITIES[1].fingerprint}", "setup:actpass", profile="UDP/TLS/RTP/SAVP")
    body, after = negotiation.answer(again, ours(Srtp.DTLS), credentials=NEAR, previous=before)
    assert (after.setup, body.media[0].attribute("setup")) == ("active", "active")
    assert after.update_port(1, before=before, identity=NEAR.dtls).dtls is None
    other = offered(f"fingerprint:{IDENTITIES[0].fingerprint}", "setup:actpass", profile="UDP/TLS/RTP/SAVP")
    assert negotiation.answer(other, ours(Srtp.DTLS), credentials=NEAR, previous=before)[1].setup == "passive"


def test_an_optional_offer_names_both_ways_and_stands_as_plain_rtp() -> None:
    """RFC 8643: RTP/AVP with key lines; a peer that knows none of them answers as ever."""
    body = negotiation.offer(ours(Srtp.OPTIONAL), credentials=NEAR)
    media = body.media[0]
    assert media.profile == "RTP/AVP" and media.has("fingerprint")
    suites = [found.suite for found in map(sdp.crypto, media.attributes("crypto")) if found is not None]
    assert suites == [STRONG, "AEAD_AES_256_GCM", "AEAD_AES_128_GCM"]
    assert not negotiation.accept_answer(body, offered(profile="RTP/AVP"), credentials=NEAR).secured
    lines = [str(line.value) for line in negotiation.offer(ours(Srtp.OPTIONAL), credentials=NO_CERTIFICATE).media[0].lines]
    assert not any("fingerprint" in line for line in lines)
