"""Fax lines in descriptions (T.38 Annex D)."""

import pytest

from media import sdp
from media.errors import BadDescription, MediaError, NoCommonCodec, NoCommonFamily
from media.negotiation.fax import Fax, accepted_fax, fax_answer, fax_in, fax_offer

SAID = ("T38FaxVersion:0", "T38MaxBitRate:14400", "T38FaxRateManagement:transferredTCF", "T38FaxFillBitRemoval")


def offer(*lines: str, address: str = "192.0.2.7") -> sdp.Description:
    family = 6 if ":" in address else 4
    head = f"v=0\r\no=- 1 2 IN IP{family} {address}\r\ns=-\r\nc=IN IP{family} {address}\r\nt=0 0\r\n"
    return sdp.parse((head + "".join(f"{line}\r\n" for line in lines)).encode())


def test_what_a_fax_says_and_nothing_else() -> None:
    theirs = offer(
        "m=audio 0 RTP/AVP 0", "m=image 4002 udptl t38", *(f"a={each}" for each in SAID), "a=tool:secret", "a=T38Vendor\x07:1"
    )
    line = fax_in(theirs)
    assert line is not None
    assert (line.index, line.remote, line.fax) == (1, ("192.0.2.7", 4002), Fax(SAID))


@pytest.mark.parametrize(
    "lines",
    [
        ("m=audio 4000 RTP/AVP 0", "m=image 4002 udptl t38"),  # who goes on talking wants no fax alone
        ("m=image 0 udptl t38",),
        ("m=image 4002 tcp t38",),
        ("m=image 4002 udptl t30",),
        ("m=video 4002 RTP/AVP 99",),
    ],
)
def test_what_is_no_fax(lines: tuple[str, ...]) -> None:
    assert fax_in(offer(*lines)) is None


def test_the_line_turns_in_its_place_and_the_words_pass() -> None:
    before = offer("m=video 0 RTP/AVP 99", "m=audio 4000 RTP/AVP 0 8", "a=sendrecv")
    ours = fax_offer(before, 1, Fax(SAID), ("192.0.2.100", 20000))
    assert [part.header() for part in ours.media] == ["video 0 RTP/AVP 99", "image 20000 udptl t38"]
    assert [line.value for line in ours.media[1].lines] == list(SAID)
    met = accepted_fax(ours, offer("m=video 0 RTP/AVP 99", "m=image 5000 UDPTL t38", "a=T38MaxBitRate:9600"))
    assert (met.remote, met.fax.attributes) == (("192.0.2.7", 5000), ("T38MaxBitRate:9600",))
    theirs = offer("m=audio 0 RTP/AVP 0", "m=image 4002 udptl t38")
    answer = fax_answer(theirs, 1, met.fax, ("192.0.2.100", 20002))
    assert [part.header() for part in answer.media] == ["audio 0 RTP/AVP 0", "image 20002 udptl t38"]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(("m=image 0 udptl t38",), NoCommonCodec), (("m=audio 4 RTP/AVP 0",), NoCommonCodec), ((), BadDescription)],
)
def test_answers_that_are_none(answer: tuple[str, ...], fault: type[MediaError]) -> None:
    ours = fax_offer(sdp.Description(), 0, Fax(SAID), ("192.0.2.100", 20000))
    with pytest.raises(fault):
        accepted_fax(ours, offer(*answer))


def test_a_fax_out_of_reach_is_refused() -> None:
    with pytest.raises(NoCommonFamily):
        fax_in(offer("m=image 4002 udptl t38", address="2001:db8::1"), family=4)
    held = fax_in(offer("m=image 4002 udptl t38", address="0.0.0.0"), family=4)
    assert held is not None
    assert held.remote is None
