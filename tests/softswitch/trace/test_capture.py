"""What other programs read: capture files and HEP3 packets, taken apart by somebody else's code or by the specification."""

from __future__ import annotations

import asyncio
import io
import ipaddress
import struct

import dpkt
import pytest

from signalling.events import Flow
from softswitch.trace.hep import HepSender, hep3
from softswitch.trace.messages import Dialog, Message
from softswitch.trace.pcap import pcap

INVITE = b'INVITE sip:1@x SIP/2.0\r\nCall-ID: abc\r\nAuthorization: Digest nonce="secret"\r\n\r\n'
V4 = Flow("udp", ("192.0.2.100", 5060), ("198.51.100.1", 5062))
V6 = Flow("tls", ("2001:db8::1", 5061), ("2001:db8::2", 40001), 7)
MIXED = Flow("ws", ("0.0.0.0", 80), ("2001:db8::2", 40001), 7)


@pytest.mark.parametrize("flow", [V4, V6])
def test_a_capture_is_read_by_dpkt(flow: Flow) -> None:
    messages = [
        Message(1_700_000_000.25, False, flow, INVITE),
        Message(1_700_000_000.5, True, flow, b"SIP/2.0 100 Trying\r\n\r\n"),
    ]
    reader = dpkt.pcap.Reader(io.BytesIO(pcap(messages)))
    assert reader.datalink() == 101
    packets = list(reader)
    assert [at for at, _ in packets] == [1_700_000_000.25, 1_700_000_000.5]
    for (_, raw), message in zip(packets, messages, strict=True):
        packet = dpkt.ip.IP(raw) if raw[0] >> 4 == 4 else dpkt.ip6.IP6(raw)
        source, target = (flow.local, flow.remote) if message.sent else (flow.remote, flow.local)
        assert ipaddress.ip_address(packet.src) == ipaddress.ip_address(source[0])
        assert ipaddress.ip_address(packet.dst) == ipaddress.ip_address(target[0])
        assert (packet.data.sport, packet.data.dport) == (source[1], target[1])
        assert packet.data.data == message.data
        pseudo = packet.src + packet.dst + struct.pack(">HH", 17, len(packet.data))
        assert folded(pseudo + bytes(packet.data)) == 0xFFFF
        if flow is V4:
            assert folded(raw[:20]) == 0xFFFF


def folded(data: bytes) -> int:
    """The sum of RFC 1071: all ones over a header with its own checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_an_empty_and_a_mixed_capture() -> None:
    assert list(dpkt.pcap.Reader(io.BytesIO(pcap([])))) == []
    ((_, raw),) = dpkt.pcap.Reader(io.BytesIO(pcap([Message(1.0, True, MIXED, INVITE)])))
    assert dpkt.ip6.IP6(raw).data.data == INVITE


def chunks(packet: bytes) -> dict[int, bytes]:
    """As the HEP3 specification reads it: "HEP3", total length, then vendor, type, length, value."""
    assert packet[:4] == b"HEP3"
    assert struct.unpack(">H", packet[4:6])[0] == len(packet)
    found, place = {}, 6
    while place < len(packet):
        vendor, kind, length = struct.unpack(">HHH", packet[place : place + 6])
        assert vendor == 0
        found[kind] = packet[place + 6 : place + length]
        place += length
    return found


def test_chunks_of_a_packet() -> None:
    found = chunks(hep3(Message(1_700_000_000.25, False, V4, INVITE), "call-7", agent=9, key="k"))
    assert found == {
        1: b"\x02", 2: b"\x11", 3: bytes([198, 51, 100, 1]), 4: bytes([192, 0, 2, 100]), 7: struct.pack(">H", 5062),
        8: struct.pack(">H", 5060), 9: struct.pack(">I", 1_700_000_000), 10: struct.pack(">I", 250_000), 11: b"\x01",
        12: struct.pack(">I", 9), 14: b"k", 15: INVITE, 17: b"call-7",
    }  # fmt: skip


def test_ipv6_and_streams() -> None:
    found = chunks(hep3(Message(1.0, True, V6, INVITE), "c"))
    assert (found[1], found[2]) == (b"\x0a", b"\x06")
    assert found[5] == ipaddress.ip_address("2001:db8::1").packed
    assert found[6] == ipaddress.ip_address("2001:db8::2").packed
    assert 14 not in found


async def test_the_capture_server_gets_it_by_datagram_without_secrets() -> None:
    loop = asyncio.get_running_loop()
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Server(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            got.put_nowait(data)

    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    sender = HepSender()
    sender.mirror(Message(1.0, False, V4, INVITE), "abc", None)  # nobody is there yet: lost, and no fault
    await sender.open("127.0.0.1", transport.get_extra_info("sockname")[1])
    sender.mirror(Message(1.0, False, V4, INVITE), "abc", None)
    sender.mirror(Message(1.0, False, V4, INVITE), "abc", Dialog(session="5e55", call="c1"))
    first, second = [chunks(await asyncio.wait_for(got.get(), 5.0)) for _ in range(2)]
    assert (first[17], second[17]) == (b"abc", b"c1")
    assert b"secret" not in first[15]
    sender.close()
    transport.close()
