"""A capture file (libpcap 2.4) of a call's messages with made-up IP and UDP headers, for Wireshark and its kin.

Every message is one datagram whatever carried it: what was on a stream can then be read without its handshake. Addresses and
ports are the real ones; a WebSocket or TLS message therefore shows in the clear, with its credentials taken out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

from softswitch.trace.messages import Message

_RAW = 101  # LINKTYPE_RAW: a packet begins with its IP header
_SNAP = 262_144
_UDP = 17
_MOST = 65_000
Address = IPv4Address | IPv6Address


def pcap(messages: Iterable[Message]) -> bytes:
    """The file, in the order given."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _SNAP, _RAW)]
    for message in messages:
        packet = _packet(message)
        micros = round(message.at * 1e6)
        parts += [struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(packet), len(packet)), packet]
    return b"".join(parts)


def _packet(message: Message) -> bytes:
    local, remote = message.flow.local, message.flow.remote
    source, target = (local, remote) if message.sent else (remote, local)
    here, there = _address(source[0]), _address(target[0])
    if here.version != there.version:
        here, there = _mapped(here), _mapped(there)
    payload = message.data[:_MOST]
    length = 8 + len(payload)
    pseudo = here.packed + there.packed + (
        struct.pack(">BBH", 0, _UDP, length) if here.version == 4 else struct.pack(">IHBB", length, 0, 0, _UDP)
    )  # fmt: skip
    head = struct.pack(">HHHH", source[1], target[1], length, 0)
    check = _checksum(pseudo + head + payload) or 0xFFFF
    udp = head[:6] + struct.pack(">H", check) + payload
    return _ip(here, there, length) + udp


def _ip(here: Address, there: Address, length: int) -> bytes:
    if here.version == 6:
        return struct.pack(">IHBB", 6 << 28, length, _UDP, 64) + here.packed + there.packed
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, _UDP, 0) + here.packed + there.packed
    return head[:10] + struct.pack(">H", _checksum(head)) + head[12:]


def _address(host: str) -> Address:
    """0.0.0.0 for a name, which a flow does not have."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return IPv4Address(0)


def _mapped(address: Address) -> IPv6Address:
    return address if isinstance(address, IPv6Address) else IPv6Address(b"\0" * 10 + b"\xff\xff" + address.packed)


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
