"""Addresses as settings and apply files write them: `host`, `host:port`, `[v6]:port`, `udp:host:port`, `first-last`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """A peer. Without a port it matches any source port of that host and is dialled on the port of its protocol (SIP: 5060)."""

    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Reads `host` or `host:port`. Raises ValueError with a sentence that says what was expected."""
        host, port = _split(text)
        if not _is_host(host):
            raise ValueError(f'expected "host" or "host:port", got "{text}"')
        return cls(host, port)

    def __str__(self) -> str:
        return self.host if self.port is None else f"{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Listen:
    """A local address to bind: transport (`udp`, `tcp`, `tls`, `ws`, `wss`, `http`), host, port (0: any free one)."""

    transport: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str, transports: tuple[str, ...]) -> Listen:
        """Reads `transport:host:port`, or `host:port` when only one transport is possible. Raises ValueError."""
        form = f'"host:port" such as "0.0.0.0:8080", got "{text}"'
        transport, rest = transports[0], text
        if len(transports) > 1:
            form = f'"{"|".join(transports)}:host:port" such as "{transport}:0.0.0.0:5060", got "{text}"'
            transport, _, rest = text.partition(":")
        host, port = _split(rest)
        if transport not in transports or port is None or not _is_host(host):
            raise ValueError(f"expected {form}")
        return cls(transport, host, port)

    def __str__(self) -> str:
        place = f"{_bracketed(self.host)}:{self.port}"
        return place if self.transport == "http" else f"{self.transport}:{place}"


@dataclass(frozen=True, slots=True)
class PortRange:
    """UDP ports, both ends included."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> PortRange:
        first, dash, last = text.partition("-")
        if dash and first.isdigit() and last.isdigit() and 1 <= int(first) < int(last) <= 65535:
            return cls(int(first), int(last))
        raise ValueError(f'expected "FIRST-LAST" with ports 1 to 65535, got "{text}"')

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


def _split(text: str) -> tuple[str, int | None]:
    """Host and port; ("", None) when it is neither form."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return "", None
        return (host, None) if not rest else _with_port(host, rest[1:])
    if text.count(":") > 1:  # a bare IPv6 address
        return text, None
    host, colon, port = text.partition(":")
    return _with_port(host, port) if colon else (host, None)


def _with_port(host: str, port: str) -> tuple[str, int | None]:
    return (host, int(port)) if port.isdigit() and int(port) <= 65535 else ("", None)


def _is_host(text: str) -> bool:
    """An IP address or a host name; only the alphabet is checked, the resolver knows the rest."""
    if ":" in text:
        return all(letter in "0123456789abcdefABCDEF:.%" for letter in text)
    return bool(text) and all(letter.isascii() and (letter.isalnum() or letter in "-._") for letter in text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
