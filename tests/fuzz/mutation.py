"""Seeded mutations of octets: bits of SIP put in, cut out, doubled, and spliced with a neighbour of the corpus."""

from __future__ import annotations

from random import Random

NASTY = (
    b"\r\n", b"\n", b"\0", b":", b";", b",", b"<", b">", b'"', b"\\", b"%", b"%00", b"@", b"=", b"[", b"]", b" ", b"\t",
    b"\xff", b"\xc0\x80", b"-1", b"99999999999999999999999", b"sip:", b"tel:", b"Via: ", b"To: ", b"Contact: *\r\n",
    b"Content-Length: 5\r\n", b"\r\n ", b"z9hG4bK", b";tag=", b"SIP/2.0", b"INVITE", b"ACK", b"CANCEL", b"REGISTER",
    b"Require: x\r\n", b"Refer-To: <sip:x>\r\n", b"Session-Expires: 90;refresher=uas\r\n", b"Supported: timer\r\n",
    b'Authorization: Digest a="\r\n', b"multipart/mixed;boundary=", b"Replaces: a;to-tag=b;from-tag=c\r\n",
    b"Event: dialog\r\n", b"RAck: 1 1 INVITE\r\n", b"Supported: 100rel\r\n", b"m=audio 0 RTP/AVP\r\n", b"a=rtpmap:",
)  # fmt: skip
LONGEST = 60_000


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    data = bytearray(random.choice(corpus))
    for _ in range(random.randint(1, 6)):
        at = random.randrange(len(data) + 1)
        match random.randrange(6):
            case 0:
                data[at:at] = random.choice(NASTY)
            case 1:
                del data[at : at + random.randint(1, 40)]
            case 2:
                data[at : at + 1] = bytes([random.randrange(256)])
            case 3:
                data[at:at] = data[at : at + random.randint(1, 200)]
            case 4:
                other = random.choice(corpus)
                data[at:] = other[random.randrange(len(other)) :]
            case _:
                end = data.find(b"\r\n", at)
                data[at : max(at, end)] = random.choice(NASTY)
        if not data:
            data = bytearray(b"x")
    return bytes(data[:LONGEST])
