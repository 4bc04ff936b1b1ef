"""Where a request inside a dialog is sent: the flow it lives on, or the route set and Contact (RFC 3261 §12.2.1.1, NAT)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address

from signalling.errors import RemoteProtocolError
from signalling.events import Flow
from signalling.message import parse_name_addr, parse_uri
from signalling.policy import PeerKind, PeerPolicy

DEFAULT_PORT = 5060


def next_hop(target: str, routes: tuple[str, ...], source: Flow, policy: PeerPolicy | None) -> Flow:
    """The flow for the next request. Streams are kept; so is everything that a Contact could only spoil."""
    if source.transport != "udp":
        return source
    try:
        uri = parse_name_addr(routes[0]).uri if routes else parse_uri(target)
    except RemoteProtocolError:
        return source
    address = (uri.host, uri.port or DEFAULT_PORT)
    if address == source.remote:
        return source
    if policy is None or policy.fix_contact:
        is_trunk = policy is not None and policy.kind is PeerKind.TRUNK
        if not reachable(uri.host, source.remote[0]) or (uri.host != source.remote[0] and not (is_trunk or routes)):
            return source
    elif not numeric(uri.host):
        return source
    return source._replace(remote=address)


@lru_cache(maxsize=1024)
def numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=1024)
def reachable(host: str, source: str) -> bool:
    """Whether a Contact host can be right for a peer at `source`: numeric, and not private when the peer is outside."""
    try:
        claimed, seen = ip_address(host), ip_address(source)
    except ValueError:
        return False  # names, also ".invalid" ones, are not resolved inside a dialog: the flow is known to work
    if claimed.version != seen.version or claimed.is_unspecified or claimed.is_multicast:
        return False
    if claimed.is_loopback or claimed.is_link_local:
        return claimed == seen or (claimed.is_loopback and seen.is_loopback)
    return not claimed.is_private or seen.is_private
