"""What the core must know about a peer, and the one question it asks the outside: who sent this?

The core stays sans-IO: the answers come from an in-memory directory, synchronously.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from signalling.events import Flow


class PeerKind(StrEnum):
    TRUNK = "trunk"
    PHONE = "phone"
    GUEST = "widget"  # a web page with a token for one call


@dataclass(frozen=True, slots=True)
class PeerPolicy:
    """The typed switches a peer may need; filled from a profile. `name` is the trunk name or the extension number."""

    kind: PeerKind
    name: str
    fix_contact: bool = True  # requests go to the flow address when Contact looks private (sip.md §3 NAT)
    expires_min: int = 60
    expires_max: int = 7200
    expires_default: int = 3600
    advertise: str = ""  # our host name for it, in what we send of ourselves
    oc: bool = False  # it is asked to tell how much is too much (RFC 7339, RFC 7415 loss)
    alias: bool = False  # it may send its requests over our TLS connection (RFC 5923)
    mtu_switch: bool = True  # what is too long for a datagram may go by TCP
    registers_any: bool = False  # may bind any address-of-record that is no account, without a login (profile "open")
    offer: str = "early"  # "delayed": INVITE without a body, our answer goes in the ACK (the layer above sends no body then)
    refer: str = "bridge"  # "send": a transfer is asked of the peer by REFER; "refuse"
    refer_bye: str = "success"  # what a BYE before the last report of such a REFER means; "failure"
    reinvite: bool = True  # False: the peer stands no re-INVITE (hold by music, transfer by bridge)
    rel100: str = "supported"  # reliable 18x (RFC 3262): "off" | "supported" | "required"
    replaces: bool = False  # dialogs of others are named to it by Replaces
    timer: int = 1800  # session timer that we ask for, seconds (RFC 4028); 0: accepted, never asked for
    update: bool = True  # False: the peer stands no UPDATE, whatever its Allow says


USUAL = PeerPolicy(PeerKind.PHONE, "")
"""Of a peer that nobody described."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """HA1 digests of one account for our realm, by algorithm ('MD5', 'SHA-256')."""

    username: str
    ha1: dict[str, str]
    policy: PeerPolicy


class PeerBook(Protocol):
    """Answers from memory, never blocking."""

    def trunk(self, flow: Flow) -> PeerPolicy | None:
        """The trunk that this source address is (identification by address), or None."""

    def credentials(self, username: str) -> Credentials | None:
        """The account that may log in by digest under this name, or None."""

    def guest(self, flow: Flow, called: str, token: str) -> PeerPolicy | None:
        """Who may call `called` (the user part of the Request-URI) with this token, which is spent by it; None: nobody."""

    def silent(self, flow: Flow) -> bool:
        """True on a trunk-only listener: strangers get no answer at all."""
