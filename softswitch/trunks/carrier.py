"""One trunk made ready for use: profile with overrides, and where each of its addresses leads."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from signalling.commands import Login
from signalling.events import Flow
from signalling.location import NOWHERE, Hop, Pace, Route, Wanted, direct
from signalling.location.lookup import default_port
from signalling.message.uri import escape_user
from signalling.policy import PeerKind, PeerPolicy
from signalling.transports.tls import Certificate, ClientTls
from sip_profiles import loader
from sip_profiles.schema import CarrierProfile
from softswitch.directory.model import Trunk
from softswitch.model.address import Address
from softswitch.model.identity import Manners
from softswitch.model.numbering import Context
from softswitch.model.target import Target


@dataclass(slots=True)
class Place:
    """One address of a trunk as configured, and where it leads: one hop for a number, what DNS says for a name."""

    address: Address
    transport: str = "udp"  # "" when DNS decides
    route: Route = NOWHERE

    @classmethod
    def of(cls, address: Address, protocol: str) -> Place:
        place = cls(address, "" if protocol == "auto" else protocol)
        if is_ip(address.host):
            transport = place.transport or "udp"
            place.route = direct(transport, (address.host, address.port or default_port(transport)))
        return place

    @property
    def wanted(self) -> Wanted:
        """The question to DNS."""
        return Wanted(self.address.host, self.address.port or 0, self.transport)

    @property
    def hops(self) -> tuple[Hop, ...]:
        """Every address that it leads to."""
        return tuple(hop for tier in self.route for member in tier for hop in member.hops)


def key_of(hop: Hop) -> str:
    """How logs, events and `Target.address` name it."""
    host, port = hop.address
    return f"{host}:{port}"


@dataclass(slots=True)
class Carrier:
    """Owned by the trunk book."""

    trunk: Trunk
    profile: CarrierProfile
    policy: PeerPolicy
    places: list[Place] = field(default_factory=list)
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    registration: str = ""
    detail: str = ""
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def of(cls, trunk: Trunk) -> Carrier:
        """Raises sip_profiles.loader.ProfileError for an unknown profile or override."""
        profile = loader.overridden(loader.carrier(trunk.profile), trunk.overrides)
        way = profile.transport
        addresses = trunk.addresses or tuple(Address.parse(text) for text in way.servers)
        sources = () if trunk.addresses else way.sources
        networks = tuple(ipaddress.ip_network(text, strict=False) for text in sources)
        policy = PeerPolicy(
            PeerKind.TRUNK, trunk.name, fix_contact=False, mtu_switch=way.mtu_switch, alias=way.alias,
            registers_any=profile.inbound.registers == "any", offer=profile.media.offer,
            refer="send" if profile.session.refer == "send" else "bridge", refer_bye=profile.session.refer_bye,
            reinvite=profile.session.reinvite, rel100=profile.session.rel100, replaces=profile.session.replaces,
            timer=profile.session.timer, update=profile.session.update,
        )  # fmt: skip
        return cls(trunk, profile, policy, [Place.of(address, way.protocol) for address in addresses], networks)

    @property
    def hops(self) -> list[Hop]:
        return [hop for place in self.places for hop in place.hops]

    def is_source(self, host: str) -> bool:
        """Whether a request from this address is the carrier's; the source port never counts."""
        if any(host == hop.address[0] for hop in self.hops) or any(host == place.address.host for place in self.places):
            return True
        return bool(self.networks) and any(ipaddress.ip_address(host) in network for network in self.networks)

    def tls(self, host: str) -> ClientTls:
        """How its host is connected to by TLS."""
        tls = self.profile.tls
        certificate = Certificate.parse(tls.certificate) if tls.certificate else None
        return ClientTls(tls.name or host, tls.ca, certificate, tls.verify)

    @property
    def login(self) -> Login | None:
        return Login(self.trunk.username, self.trunk.password) if self.trunk.username else None

    @property
    def manners(self) -> Manners:
        """What the carrier is told about callers, and how it tells of them."""
        into, out = self.profile.inbound, self.profile.outbound
        return Manners(
            caller_id=out.caller_id, privacy=out.privacy, display=out.display,
            sender={"account": self.trunk.username, "default": out.number}.get(out.sender, ""),
            owned=out.owned, number=out.number,
            form=out.number_format, mobile_zero=out.mobile_zero, where=Context(into.country, into.area),
            diversion=out.diversion, connected_line=self.profile.session.connected_line,
            headers_out=frozenset(map(str.lower, out.headers_out)), headers_in=frozenset(map(str.lower, into.headers_in)),
            trust=into.trust_identity, may_refer=self.profile.session.refer in ("bridge", "send"),
            caller_form=into.caller_format,
        )  # fmt: skip

    def target(self, place: Place, hop: Hop, number: str) -> Target:
        """How a number is called at this address."""
        profile = self.profile
        out = profile.outbound
        dialled = out.prefix + self.manners.written(number)[out.strip :]
        suffix = "" if hop.transport == "udp" else f";transport={hop.transport}"
        host = f"[{place.address.host}]" if ":" in place.address.host else place.address.host
        port = f":{place.address.port}" if place.address.port else ""
        return Target(
            name=self.trunk.name, uri=f"sip:{escape_user(dialled)}@{host}{port}{suffix}",
            flow=Flow(hop.transport, ("", 0), hop.address), number=dialled, trunk=True, login=self.login,
            policy=self.policy, early_two_way=profile.media.early_two_way, hold=profile.media.hold,
            manners=self.manners, codecs=profile.media.codecs, ptime=profile.media.ptime,
            jitter=(profile.media.jitter_min, profile.media.jitter_max), comfort_noise=profile.media.comfort_noise,
            dtmf=profile.media.dtmf, early_media=profile.media.early_media, ring=float(profile.limits.max_ring),
            first_response=profile.failover.first_response, max_duration=float(profile.limits.max_duration),
            advance_after_ring=profile.failover.advance_after_ring, trust_reason=profile.failover.trust_reason,
            advance=profile.failover.advance, stop=profile.failover.stop, address=key_of(hop),
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
