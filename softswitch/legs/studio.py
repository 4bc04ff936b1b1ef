"""What a leg needs of the media side: the engine, the node's certificate and the address to write."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from media.commands import Jitter
from media.engine import EnginePump, Ids
from media.negotiation import DtlsIdentity
from media.service import MediaService

_REMEMBERED_PEERS = 10_000


@dataclass(frozen=True, slots=True)
class Studio:
    """One per process. `address_for(peer_host)` is the address that stands in our SDP toward that peer."""

    media: MediaService
    identity: DtlsIdentity
    address_for: Callable[[str], str]  # of its family where we listen in that one
    addresses: Callable[[], tuple[str, ...]]  # for browsers: every address they may reach us at, best first
    tcp_port: int = 0  # where browsers without UDP connect; 0 = nowhere
    jitter: Jitter = field(default_factory=Jitter)
    codecs: tuple[str, ...] = ("PCMA", "PCMU", "G722", "OPUS")
    """Of parties that no profile says otherwise about, best first."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Codecs that this machine has no library for, and why: never offered, never taken."""

    @property
    def pump(self) -> EnginePump:
        return self.media.pump

    @property
    def ids(self) -> Ids:
        return self.media.ids


def family_of(host: str) -> str:
    """ "ipv4" or "ipv6"."""
    return "ipv6" if ":" in host else "ipv4"


_ANYWHERE = {"ipv4": "0.0.0.0", "ipv6": "::"}  # noqa: S104 -- compared, not bound
_NOWHERE = {"ipv4": "192.0.2.1", "ipv6": "2001:db8::1"}
"""Documentation networks: nothing is sent there, only the route is asked for."""


@dataclass(slots=True)
class AddressBook:
    """`media.advertise`: a fixed address, else the bound one, else the local address of the route to the peer (`auto`).

    Both may name one address of each family, separated by a comma. A peer gets one of its own family where we listen in it,
    else one of the family that we have.
    """

    advertise: str
    bound: str
    _known: dict[str, str] = field(default_factory=dict)  # peer → our address, as it was found first

    def address_for(self, peer: str) -> str:
        known = self._known.get(peer)
        if known is None:
            if len(self._known) >= _REMEMBERED_PEERS:
                self._known.clear()
            known = self._known[peer] = self._address_for(peer)
        return known

    def _address_for(self, peer: str) -> str:
        bound = _of_family(self.bound, family_of(peer)) or _of_family(self.bound)
        family = family_of(bound)
        if self.advertise not in ("", "auto") and (fixed := _of_family(self.advertise, family)):
            return fixed
        if bound != _ANYWHERE[family]:
            return bound
        if family_of(peer) != family:
            peer = _NOWHERE[family]
        return local_address(peer)

    def addresses(self) -> tuple[str, ...]:
        """For a browser, whose address is not known: the way out, then loopback for pages on this machine."""
        bound = _of_family(self.bound)
        family = family_of(bound)
        first, own = self.address_for(_NOWHERE[family]), "127.0.0.1" if family == "ipv4" else "::1"
        if self.advertise in ("", "auto") and bound == _ANYWHERE[family] and first != own:
            return (first, own)
        return (first,)


def _of_family(text: str, family: str = "") -> str:
    """Of one or two addresses the first of this family, "" when there is none."""
    found = (each.strip() for each in text.split(","))
    return next((each for each in found if not family or family_of(each) == family), "")


def local_address(peer: str) -> str:
    """The address that the system would send from to reach `peer`; loopback when there is no route."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
        return str(probe.getsockname()[0])
