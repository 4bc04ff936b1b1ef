"""Where a carrier's 3xx may send a call (sip.md §7, `failover.redirect = "follow"`): to its own hosts, or to what is allowed.

Whoever redirects chooses who gets our calls, so a host that the trunk does not have is never called; the transport stays.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from signalling.errors import RemoteProtocolError
from signalling.location.lookup import default_port
from signalling.message.uri import Uri, escape_user, format_host, parse_uri
from softswitch.model.target import Target
from softswitch.trunks.carrier import Carrier, is_ip, key_of


def redirected(carrier: Carrier, target: Target, place: str) -> Target | None:
    """The target of a Contact that the carrier has answered a call with; None when the call may not go there."""
    try:
        uri = parse_uri(place)
    except RemoteProtocolError:
        return None
    if carrier.profile.failover.redirect != "follow" or not uri.is_sip or not uri.username:
        return None
    where = _where(carrier, target, uri)
    if where is None:
        return None
    remote, address = where
    transport = target.flow.transport
    tail = f"{f':{uri.port}' if uri.port else ''}{'' if transport == 'udp' else f';transport={transport}'}"
    tail += ";user=phone" if carrier.profile.outbound.user_phone else ""
    text = f"sip:{escape_user(uri.username)}@{format_host(uri.host)}{tail}"
    return replace(target, uri=text, flow=target.flow._replace(remote=remote), number=uri.username, address=address)


def _where(carrier: Carrier, target: Target, uri: Uri) -> tuple[tuple[str, int], str] | None:
    """The address for a host and its name in events: of the trunk, or of whom it stands for (a domain: who redirects)."""
    host, transport = uri.host.lower(), target.flow.transport
    port = uri.port or default_port(transport)
    for known in carrier.places:
        if known.address.host.lower() == host and known.hops:
            hop = known.hops[0]
            return hop.address, key_of(hop)
    for hop in carrier.hops:
        if hop.address[0] == host:
            return (host, port), f"{host}:{port}"
    allowed = carrier.profile.failover.redirect_to
    if is_ip(host):
        networks = (ipaddress.ip_network(each, strict=False) for each in allowed if is_ip(each.partition("/")[0]))
        inside = any(ipaddress.ip_address(host) in network for network in networks)
        return ((host, port), f"{host}:{port}") if inside else None
    named = {each.lower() for each in (*carrier.profile.transport.domains, *allowed)}
    return (target.flow.remote, target.address) if host in named else None
