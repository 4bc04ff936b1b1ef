"""Writes `packets.txt`: packets protected by implementations that are not ours, for `engine/tests/srtp_vectors.rs`.

libsrtp (through pylibsrtp) protects for the four profiles it offers. AES-256 counter mode is not in its binding, so those
lines come from the formulas of RFC 3711 §4 and RFC 6188 written out below over `cryptography`.

One line per packet: profile, kind (rtp, rtcp), master key and salt, plain packet, protected packet; all hexadecimal.
Lines of one profile and kind belong together and come in sending order. Run: `python generate.py > packets.txt`.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterator

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pylibsrtp import Policy, Session

LIBSRTP = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}


def key_of(profile: str, length: int) -> bytes:
    """A fixed key, different for each profile."""
    return hashlib.sha512(profile.encode()).digest()[:length]


def rtp(ssrc: int, sequence: int, payload: bytes, csrcs: int = 0, extension: bytes | None = None) -> bytes:
    first = 0x80 | csrcs | (0x10 if extension is not None else 0)
    packet = struct.pack("!BBHII", first, 0, sequence, sequence * 160, ssrc)
    packet += b"".join(struct.pack("!I", 0xC0DE0000 + n) for n in range(csrcs))
    if extension is not None:
        packet += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
    return packet + payload


def rtp_packets() -> Iterator[bytes]:
    """Header variants, two sources, an empty payload, and a sequence number that wraps with packets out of order."""
    sound = bytes(range(160))
    yield rtp(0x11223344, 65530, sound)
    yield rtp(0x11223344, 65531, sound, csrcs=3)
    yield rtp(0x11223344, 65533, sound, extension=b"\x10\x85\x00\x00")
    yield rtp(0x11223344, 65532, b"", csrcs=1, extension=b"")
    yield rtp(0x55667788, 1, b"\x01\x02\x03")
    yield rtp(0x11223344, 65535, sound)
    yield rtp(0x11223344, 1, sound)
    yield rtp(0x11223344, 0, sound)
    yield rtp(0x11223344, 65534, sound[:17])
    yield rtp(0x11223344, 2, sound * 6)


def rtcp_packets() -> Iterator[bytes]:
    """A receiver report, then a compound of sender report and source description, then a goodbye."""
    report = struct.pack("!BBHI", 0x80, 201, 1, 0x11223344)
    sender = struct.pack("!BBHIQIII", 0x80, 200, 6, 0x11223344, 0xE0000000_80000000, 160, 1, 160)
    name = struct.pack("!BBHI", 0x81, 202, 3, 0x11223344) + b"\x01\x04abcd\x00\x00"
    yield report
    yield sender + name
    yield report + struct.pack("!BBHI", 0x81, 203, 1, 0x11223344)


class Reference:
    """AES-256 counter mode and HMAC-SHA1, one source, indices counted by the caller."""

    def __init__(self, master: bytes) -> None:
        self.key, self.salt = master[:32], master[32:]

    def derive(self, label: int, length: int) -> bytes:
        block = bytearray(self.salt + b"\0\0")
        block[7] ^= label
        return self.stream(self.key, bytes(block), bytes(length))

    @staticmethod
    def stream(key: bytes, iv: bytes, data: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def encrypt(self, label: int, ssrc: int, index: int, data: bytes) -> bytes:
        salt = int.from_bytes(self.derive(label + 2, 14), "big") << 16
        iv = (salt ^ (ssrc << 64) ^ (index << 16)).to_bytes(16, "big")
        return self.stream(self.derive(label, 32), iv, data)

    def tag(self, label: int, data: bytes) -> bytes:
        return hmac.new(self.derive(label + 1, 20), data, "sha1").digest()

    def rtp(self, packet: bytes, index: int, length: int, tag: int) -> bytes:
        ssrc = int.from_bytes(packet[8:12], "big")
        sealed = packet[:length] + self.encrypt(0, ssrc, index, packet[length:])
        return sealed + self.tag(0, sealed + struct.pack("!I", index >> 16))[:tag]

    def rtcp(self, packet: bytes, index: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        sealed = packet[:8] + self.encrypt(3, ssrc, index, packet[8:]) + struct.pack("!I", index | 0x80000000)
        return sealed + self.tag(3, sealed)[:10]


def header_length(packet: bytes) -> int:
    length = 12 + 4 * (packet[0] & 15)
    return length + 4 + 4 * int.from_bytes(packet[length + 2 : length + 4], "big") if packet[0] & 16 else length


def libsrtp_lines() -> Iterator[tuple[str, str, bytes, bytes, bytes]]:
    for profile, (number, length) in LIBSRTP.items():
        key = key_of(profile, length)
        session = Session(Policy(key=key, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=number))
        for packet in rtp_packets():
            yield profile, "rtp", key, packet, session.protect(packet)
        for packet in rtcp_packets():
            yield profile, "rtcp", key, packet, session.protect_rtcp(packet)


def reference_lines() -> Iterator[tuple[str, str, bytes, bytes, bytes]]:
    for profile, tag in (("AES_256_CM_HMAC_SHA1_80", 10), ("AES_256_CM_HMAC_SHA1_32", 4)):
        reference = Reference(key_of(profile, 46))
        master = reference.key + reference.salt
        for packet in rtp_packets():
            sequence, ssrc = struct.unpack("!H", packet[2:4])[0], packet[8:12]
            wrapped = ssrc == b"\x11\x22\x33\x44" and sequence < 100
            index = sequence + (1 << 16 if wrapped else 0)
            yield profile, "rtp", master, packet, reference.rtp(packet, index, header_length(packet), tag)
        for index, packet in enumerate(rtcp_packets(), start=1):
            yield profile, "rtcp", master, packet, reference.rtcp(packet, index)


def main() -> None:
    print("# profile kind key plain protected; written by generate.py, see there")
    for profile, kind, key, plain, protected in [*libsrtp_lines(), *reference_lines()]:
        print(profile, kind, key.hex(), plain.hex(), protected.hex())


if __name__ == "__main__":
    main()
