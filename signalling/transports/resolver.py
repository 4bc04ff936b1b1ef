"""From a SIP URI to an address (RFC 3263, the A/AAAA part): numeric hosts directly, names by the system's resolver."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from signalling.errors import RemoteProtocolError, TransportError
from signalling.message import parse_uri

DEFAULT_PORT = 5060
POSITIVE = 60.0  # seconds an answer is kept; the system resolver does not tell its TTL
STALE = 3600.0  # and how long it still serves when the resolver is down


class Resolver:
    """Remembers answers for a while, so that a call waits for DNS only the first time."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    async def resolve(self, target: str) -> tuple[str, tuple[str, int]]:
        """Transport and address for a SIP URI or 'host[:port]'. Raises TransportError when there is none."""
        try:
            uri = parse_uri(target if target.lower().startswith(("sip:", "sips:")) else f"sip:{target}")
        except RemoteProtocolError as error:
            raise TransportError(f"not a SIP address: {target!r}") from error
        transport = (uri.param("transport") or "udp").lower()
        return transport, (await self.address(uri.host), uri.port or DEFAULT_PORT)

    async def address(self, host: str) -> str:
        """One address of a host. Raises TransportError."""
        try:
            return str(ip_address(host))
        except ValueError:
            pass  # a name
        loop = asyncio.get_running_loop()
        now = loop.time()
        known = self._known.get(host)
        if known is not None and now - known[0] < POSITIVE:
            return known[1]
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
        except OSError as error:
            if known is not None and now - known[0] < STALE:
                return known[1]
            raise TransportError(f"cannot resolve {host}") from error
        address = str(found[0][4][0])
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[host] = (now, address)
        return address
