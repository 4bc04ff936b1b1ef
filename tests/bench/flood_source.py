"""python -m tests.bench.flood_source KIND PORT RATE: packets of one kind to a port of this machine until its input is closed.

Prints how many it has sent. Sources are addresses of 127.0.0.0/8, all of which are this machine's own: what a forged source is
to the switch, without the rights that forging needs.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from itertools import count

FORGED = 100_000
IP_PKTINFO = 8  # of Linux; `socket` knows it from Python 3.14 on
_INVITE = (
    "INVITE sip:00441904{number:08}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;branch=z9hG4bKflood{number};rport\r\n"
    "From: <sip:{user}@{host}>;tag=f{number}\r\nTo: <sip:00441904{number:08}@127.0.0.1>\r\nCall-ID: flood-{number}@{host}\r\n"
    "CSeq: 1 INVITE\r\nContact: <sip:{user}@{host}:5060>\r\nMax-Forwards: 70\r\n"
    "User-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
)
_JUNK = (b"INVITE sip:x SIP/2.0\r\n" * 20, b"\x00\xffjunk " * 20)


def forged(number: int) -> str:
    """One of 100,000 addresses, none of them one that a test uses."""
    number %= FORGED
    return f"127.{64 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def junk(number: int) -> tuple[bytes, str]:
    """Half of it INVITE by its first octets."""
    return _JUNK[number % 2], "127.0.0.66"


def invites(number: int) -> tuple[bytes, str]:
    """Whole and correct calls of one stranger, who tries one account after another."""
    text = _INVITE.format(number=number, host="127.0.0.67", user=1000 + number % 9000, agent="Phone 1.0")
    return text.encode(), "127.0.0.67"


def scanner(number: int) -> tuple[bytes, str]:
    """The same from a tool that says what it is, at a hundred addresses."""
    host = f"127.0.1.{number % 100 + 1}"
    return _INVITE.format(number=number, host=host, user=100, agent="friendly-scanner").encode(), host


def spoofed(number: int) -> tuple[bytes, str]:
    """Calls from a hundred thousand addresses."""
    host = forged(number)
    return _INVITE.format(number=number, host=host, user=1001, agent="Phone 1.0").encode(), host


KINDS: dict[str, Callable[[int], tuple[bytes, str]]] = {
    "junk": junk, "invites": invites, "scanner": scanner, "spoofed": spoofed,
}  # fmt: skip


def main() -> None:
    kind, port, rate = KINDS[sys.argv[1]], int(sys.argv[2]), float(sys.argv[3])
    packets = (kind(number) for number in count())
    began, sent = time.monotonic(), 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("0.0.0.0", 0))  # the source is chosen for each packet
        while not select.select([sys.stdin], [], [], 0.005)[0]:
            for _ in range(min(int((time.monotonic() - began) * rate) - sent, int(rate))):
                data, host = next(packets)
                source = struct.pack("=I4s4s", 0, socket.inet_aton(host), bytes(4))
                sender.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, ("127.0.0.1", port))
                sent += 1
    print(sent)


if __name__ == "__main__":
    main()
