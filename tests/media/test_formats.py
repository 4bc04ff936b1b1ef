"""Format parameters: what is agreed on with peers that describe G.729, AMR and iLBC, as seen in the bodies that we write."""

import pytest

from media import negotiation, sdp
from media.errors import NoCommonCodec
from media.negotiation import Capabilities, formats


def capabilities(*codecs: str, comfort_noise: bool = False) -> Capabilities:
    return Capabilities(codecs, "192.0.2.1", 20000, 20001, comfort_noise=comfort_noise)


def offer(*lines: str, formats: str = "96") -> sdp.Description:
    body = [
        "v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", f"m=audio 4000 RTP/AVP {formats}",
        *(f"a={line}" for line in lines),
    ]  # fmt: skip
    return sdp.parse("".join(f"{line}\r\n" for line in body).encode())


def answered(theirs: sdp.Description, ours: Capabilities) -> tuple[str, str]:
    """What the engine is told and what our answer's fmtp line says."""
    body, agreement = negotiation.answer(theirs, ours)
    lines = [value for value in body.media[0].attributes("fmtp") if value.startswith(f"{agreement.codecs[0].payload_type} ")]
    return agreement.codecs[0].fmtp, lines[0].partition(" ")[2] if lines else ""


@pytest.mark.parametrize(
    ("theirs", "comfort_noise", "engine", "written"),
    [
        ((), False, "annexb=no", "annexb=no"),
        (("fmtp:18 annexb=yes",), False, "annexb=no", "annexb=no"),
        (("fmtp:18 annexb=no",), True, "annexb=no", "annexb=no"),
        ((), True, "annexb=yes;usedtx=1", "annexb=yes"),
    ],
)
def test_silence_of_g729_is_left_out_only_when_both_want(theirs, comfort_noise, engine, written):
    assert answered(offer(*theirs, formats="18"), capabilities("G729", comfort_noise=comfort_noise)) == (engine, written)


@pytest.mark.parametrize(
    ("fmtp", "expected"),
    [
        ("", ("", "")),
        ("octet-align=1", ("octet-align=1", "octet-align=1")),
        ("mode-set=0,2,5,7; octet-align=0", ("mode-set=0,2,5,7", "mode-set=0,2,5,7")),
        ("mode-set=0", ("mode-set=0", "mode-set=0")),
        ("mode-change-period=2; octet-align=1", ("octet-align=1", "octet-align=1")),
    ],
)
def test_the_form_of_amr_is_the_offerers(fmtp, expected):
    theirs = offer("rtpmap:96 AMR/8000", *([f"fmtp:96 {fmtp}"] if fmtp else []))
    assert answered(theirs, capabilities("AMR")) == expected


def test_a_form_of_amr_that_we_do_not_do_is_passed_over():
    theirs = offer(
        "rtpmap:96 AMR-WB/16000", "fmtp:96 octet-align=1;crc=1", "rtpmap:97 AMR-WB/16000", "fmtp:97 octet-align=1",
        formats="96 97",
    )  # fmt: skip
    _, agreement = negotiation.answer(theirs, capabilities("AMR-WB"))
    assert [entry.payload_type for entry in agreement.codecs] == [97]
    with pytest.raises(NoCommonCodec):
        negotiation.answer(offer("rtpmap:96 AMR/8000", "fmtp:96 interleaving=4"), capabilities("AMR"))


def test_a_missing_mode_of_ilbc_means_30_ms():
    assert answered(offer("rtpmap:96 iLBC/8000"), capabilities("ILBC")) == ("mode=30", "mode=30")
    assert answered(offer("rtpmap:96 iLBC/8000", "fmtp:96 mode=20"), capabilities("ILBC")) == ("mode=20", "mode=20")


def test_answers_to_our_offers_are_met():
    ours = negotiation.offer(capabilities("G729", "ILBC", "AMR", comfort_noise=True))
    assert "18 annexb=yes" in ours.media[0].attributes("fmtp")
    theirs = offer("fmtp:18 annexb=no", "rtpmap:103 iLBC/8000", "fmtp:103 mode=30", "rtpmap:102 AMR/8000",
                   formats="18 103 102")  # fmt: skip
    agreement = negotiation.accept_answer(ours, theirs)
    told = {entry.name: entry.fmtp for entry in agreement.codecs}
    assert told == {"G729": "annexb=no", "ILBC": "mode=30", "AMR": ""}
    assert formats.met("G729", "annexb=yes", "") == "annexb=yes;usedtx=1"
    assert formats.met("ILBC", "mode=20", "mode=20") == "mode=20"


def test_linear_rows_are_told_apart_by_their_clock():
    theirs = offer("rtpmap:96 L16/8000", "rtpmap:97 L16/16000", formats="11 96 97")
    _, agreement = negotiation.answer(theirs, capabilities("L16", "L16/44100", "L16/8000"))
    assert [(entry.payload_type, entry.clock) for entry in agreement.codecs] == [(97, 16000), (11, 44100), (96, 8000)]
