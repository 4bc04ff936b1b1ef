"""The scanner that watches every flow test finds what it looks for."""

import pytest

from tests.support.topology import Seen, leaks

ASKED = (
    b"INVITE sip:4001@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabcdef\r\n"
    b"From: <sip:1@a.example>;tag=secrettag\r\nTo: <sip:4001@192.0.2.100>\r\nCall-ID: very-secret\r\nCSeq: 1 INVITE\r\n"
    b"Contact: <sip:1@192.0.2.1:5060>\r\nUser-Agent: Phone 7\r\n\r\nv=0\r\nc=IN IP4 192.0.2.9\r\n"
)


@pytest.mark.parametrize("word", [b"192.0.2.1", b"192.0.2.9", b"secrettag", b"very-secret", b"z9hG4bKabcdef", b"Phone 7"])
def test_a_word_of_one_peer_is_found_in_a_message_to_another(word: bytes) -> None:
    told = b"INVITE sip:1001@198.51.100.1 SIP/2.0\r\nCall-ID: other\r\nX-Word: " + word + b"\r\n\r\n"
    (found,) = leaks([Seen("carrier", False, ASKED), Seen("phone", True, told)], shared=("192.0.2.100",))
    assert found.endswith("to phone")
    assert not leaks([Seen("carrier", False, ASKED), Seen("carrier", True, told)])


def test_a_longer_address_is_another_one() -> None:
    told = b"INVITE sip:1001@198.51.100.1 SIP/2.0\r\nCall-ID: other\r\nX-Word: 192.0.2.10 192.0.2.100\r\n\r\n"
    assert not leaks([Seen("carrier", False, ASKED), Seen("phone", True, told)])
