"""Bound sockets and the system's routes: IPv4 and IPv6 each by themselves, never mapped (sip.md §3)."""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import ip_address

from signalling.transports.udp import BUFFER

BACKLOG = 512
KERNEL_QUEUE = 64 * 1024
"""What the system may hold of a stream for a peer that does not read; by itself it takes up to 4 MB for each."""


def udp_socket(host: str, port: int) -> socket.socket:
    """A bound socket with room for a burst; without SO_REUSEADDR, so that a second program on the port is an error."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def stream_socket(host: str, port: int) -> socket.socket:
    """A listening TCP socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of a former run may still linger
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_QUEUE)  # accepted connections inherit it
        sock.bind((host, port))
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def way_out(remote: str) -> str:
    """The local address of the route to a peer; nothing is sent. Our loopback address when there is no route."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])


@lru_cache(maxsize=4096)
def same_family(one: str, other: str) -> bool:
    try:
        return ip_address(one).version == ip_address(other).version
    except ValueError:
        return False
