"""One trunk made ready for use: profile with overrides, and the state of each of its addresses."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from signalling.commands import Login
from signalling.events import Flow
from signalling.message.uri import escape_user
from sip_profiles import loader
from sip_profiles.schema import CarrierProfile
from softswitch.directory.model import Trunk
from softswitch.model.address import Address
from softswitch.model.target import Target

DEFAULT_PORT = 5060
_LONGEST_DEAD = 10  # times the profile's `failover.dead`


@dataclass(slots=True)
class Place:
    """One address of a trunk. `ip` is "" while a host name is not resolved. Times are monotonic seconds."""

    address: Address
    ip: str = ""
    failures: int = 0
    failed_at: float = 0.0
    dead_until: float = 0.0

    @property
    def port(self) -> int:
        return self.address.port or DEFAULT_PORT

    @property
    def key(self) -> str:
        return f"{self.address.host}:{self.port}"

    def failed(self, now: float, dead: float) -> None:
        """Avoids the address for a while, twice as long each time (sip.md §3, dead targets)."""
        self.dead_until = now + min(dead * 2**self.failures, dead * _LONGEST_DEAD)
        self.failures += 1
        self.failed_at = now

    def answered(self) -> None:
        self.failures, self.dead_until = 0, 0.0


@dataclass(slots=True)
class Carrier:
    """Owned by the trunk book."""

    trunk: Trunk
    profile: CarrierProfile
    places: list[Place] = field(default_factory=list)
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    registration: str = ""
    detail: str = ""

    @classmethod
    def of(cls, trunk: Trunk) -> Carrier:
        """Raises sip_profiles.loader.ProfileError for an unknown profile or override."""
        profile = loader.overridden(loader.carrier(trunk.profile), trunk.overrides)
        addresses = trunk.addresses or tuple(Address.parse(text) for text in profile.transport.servers)
        sources = () if trunk.addresses else profile.transport.sources
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in sources)
        places = [Place(address, address.host if is_ip(address.host) else "") for address in addresses]
        return cls(trunk, profile, places, networks)

    def is_source(self, host: str) -> bool:
        """Whether a request from this address is the carrier's; the source port never counts."""
        if any(host in (place.ip, place.address.host) for place in self.places):
            return True
        return bool(self.networks) and any(ipaddress.ip_address(host) in network for network in self.networks)

    @property
    def login(self) -> Login | None:
        return Login(self.trunk.username, self.trunk.password) if self.trunk.username else None

    def target(self, place: Place, number: str) -> Target:
        """How a number is called at this address."""
        profile = self.profile
        out = profile.outbound
        dialled = out.prefix + number[out.strip :]
        protocol = profile.transport.protocol
        suffix = "" if protocol == "udp" else f";transport={protocol}"
        host = f"[{place.address.host}]" if ":" in place.address.host else place.address.host
        port = f":{place.address.port}" if place.address.port else ""
        return Target(
            name=self.trunk.name, uri=f"sip:{escape_user(dialled)}@{host}{port}{suffix}",
            flow=Flow(protocol, ("", 0), (place.ip, place.port)), number=dialled, trunk=True, login=self.login,
            caller=self.trunk.username if out.sender == "account" else "", hide_name=not out.display,
            asserted=out.caller_id in ("pai", "both"), codecs=profile.media.codecs, ptime=profile.media.ptime,
            jitter=(profile.media.jitter_min, profile.media.jitter_max), comfort_noise=profile.media.comfort_noise,
            early_media=profile.media.early_media == "pass", ring=float(profile.limits.max_ring),
            first_response=profile.failover.first_response, max_duration=float(profile.limits.max_duration),
            advance_after_ring=profile.failover.advance_after_ring, trust_reason=profile.failover.trust_reason,
            advance=profile.failover.advance, stop=profile.failover.stop, address=place.key,
        )  # fmt: skip


def is_ip(text: str) -> bool:
    """An IPv4 or IPv6 literal."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def channels_of(trunks: Mapping[str, Trunk]) -> Callable[[str], int]:
    """Name → calls at one time, 0 for no limit, without a running switch. A trunk that cannot be used has none either."""
    limits: dict[str, int] = {}
    for name, trunk in trunks.items():
        try:
            limits[name] = Carrier.of(trunk).profile.limits.channels
        except (loader.ProfileError, ValueError):
            limits[name] = 0
    return lambda name: limits.get(name, 0)
