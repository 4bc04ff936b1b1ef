"""Messages as HEP version 3 to a capture server such as Homer (the HEP3 specification of the SIPCAPTURE project).

A packet is "HEP3", its length and chunks: vendor, type, length with these six octets, value. All numbers in network order.
"""

from __future__ import annotations

import asyncio
import ipaddress
import struct

import structlog

from softswitch.trace.messages import Dialog, Message
from softswitch.trace.redact import redacted

log = structlog.get_logger("hep")

_FAMILY, _PROTOCOL, _SOURCE4, _TARGET4, _SOURCE6, _TARGET6, _SOURCE_PORT, _TARGET_PORT = range(1, 9)
_SECONDS, _MICROS, _KIND, _AGENT = range(9, 13)
_KEY, _PAYLOAD, _CORRELATION = 0x0E, 0x0F, 0x11
_SIP = 1
_INET, _INET6 = 2, 10
_MOST = 64_000
_PROTOCOLS = {"udp": 17}  # what streams use is TCP


def hep3(message: Message, correlation: str, *, agent: int = 2001, key: str = "") -> bytes:
    """One message as a packet; what is longer than a datagram can be is cut."""
    local, remote = message.flow.local, message.flow.remote
    source, target = (local, remote) if message.sent else (remote, local)
    here, there = _packed(source[0]), _packed(target[0])
    is_6 = len(here) == 16 or len(there) == 16
    micros = round(message.at * 1e6)
    chunks = [
        _chunk(_FAMILY, bytes([_INET6 if is_6 else _INET])),
        _chunk(_PROTOCOL, bytes([_PROTOCOLS.get(message.flow.transport, 6)])),
        _chunk(_SOURCE6 if is_6 else _SOURCE4, _long(here) if is_6 else here),
        _chunk(_TARGET6 if is_6 else _TARGET4, _long(there) if is_6 else there),
        _chunk(_SOURCE_PORT, struct.pack(">H", source[1])),
        _chunk(_TARGET_PORT, struct.pack(">H", target[1])),
        _chunk(_SECONDS, struct.pack(">I", micros // 1_000_000)),
        _chunk(_MICROS, struct.pack(">I", micros % 1_000_000)),
        _chunk(_KIND, bytes([_SIP])),
        _chunk(_AGENT, struct.pack(">I", agent)),
        *([_chunk(_KEY, key.encode())] if key else []),
        _chunk(_CORRELATION, correlation.encode()[:256]),
        _chunk(_PAYLOAD, message.data[:_MOST]),
    ]
    body = b"".join(chunks)
    return b"HEP3" + struct.pack(">H", 6 + len(body)) + body


def _chunk(kind: int, value: bytes) -> bytes:
    return struct.pack(">HHH", 0, kind, 6 + len(value)) + value


def _packed(host: str) -> bytes:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).packed
    except ValueError:
        return bytes(4)


def _long(packed: bytes) -> bytes:
    return packed if len(packed) == 16 else b"\0" * 10 + b"\xff\xff" + packed


class HepSender(asyncio.DatagramProtocol):
    """One socket towards the capture server. What it does not take is lost: calls never wait for it."""

    def __init__(self, *, agent: int = 2001, key: str = "", digits: bool = False) -> None:
        self._agent = agent
        self._key = key
        self._digits = digits
        self._transport: asyncio.DatagramTransport | None = None
        self._complained = False

    async def open(self, host: str, port: int) -> None:
        """Raises OSError when the name cannot be resolved."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=(host, port))

    def error_received(self, exc: Exception) -> None:
        if not self._complained:
            self._complained = True
            log.warning("! capture server not reached", reason=str(exc))

    def mirror(self, message: Message, name: str, dialog: Dialog | None) -> None:
        """Sends one message without its secrets. Correlated by the call, else the session, else the Call-ID."""
        if self._transport is None:
            return
        correlation = name if dialog is None else dialog.call or dialog.session or name
        shown = message._replace(data=redacted(message.data, digits=self._digits))
        self._transport.sendto(hep3(shown, correlation, agent=self._agent, key=self._key))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
