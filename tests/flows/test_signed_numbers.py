"""STIR/SHAKEN in whole calls: carriers' signatures are judged, our calls are signed, diverted ones say so (sip.md §5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from signalling import commands as sip
from signalling import events as sig
from signalling import identity
from softswitch.directory.model import Kind, Number, Trunk
from softswitch.model import events as ev
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.trunks.credentials import Chains, Signer
from softswitch.trunks.stir import Stir
from tests.flows.world import World, run, sdp
from tests.support.numbers import Authority

URL, OURS = "https://sti.example.org/carrier.pem", "https://sti.example.org/ours.pem"
CALLER, CALLED = "+861062340001", "4001"


class Known:
    """What the world believes: an authority, a carrier's certificate that is fetched, and our own."""

    def __init__(self, world: World) -> None:
        self.ca = Authority(now=world.clock.utc())
        self.key, carrier = self.ca.issue("carrier")
        ours, mine = self.ca.issue("ours")
        self.served: dict[str, x509.Certificate] = {URL: carrier, OURS: mine}
        self.fetched: list[str] = []
        self.world = world
        stir = Stir(world.clock, Chains({}, self.fetch, world.clock.now), [self.ca.root], Signer(ours, OURS))
        world.switch.stir = world.switch.numbers._stir = stir
        self.our_key = ours.public_key()

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url not in self.served:
            raise OSError("not there")
        return self.served[url].public_bytes(Encoding.PEM)

    def shaken(self, *, orig: str = CALLER, dest: str = CALLED, age: int = 0, url: str = URL, by: object = None) -> str:
        key = by if isinstance(by, ec.EllipticCurvePrivateKey) else self.key
        issued = int(self.world.clock.utc()) - age
        telephone = identity.telephone
        return identity.shaken(
            key, url, orig=telephone(orig), dest=telephone(dest), issued=issued, attestation="B", origid="x"
        )  # fmt: skip


def carrier(stir: str = "off", outbound: Mapping[str, object] | None = None) -> tuple[Kind, Trunk]:
    overrides = {"inbound": {"stir": stir}, "outbound": {"stir_sign": True, **(outbound or {})}}
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


def asks(world: World, *identities: str, called: str = CALLED) -> str:
    peer = world.carrier
    peer.node.submit(
        sip.Invite(
            "call1", f"sip:{called}@192.0.2.100", sig.Flow("udp", peer.node.address, ("192.0.2.100", 5060)),
            sig.Identity(CALLER, "carrier.example", ""), called, sig.Body(sdp(peer.host)), identities=identities,
        )
    )  # fmt: skip
    return "call1"


def told(world: World) -> dict[str, str]:
    (created,) = world.seen(ev.CallCreated)
    return {name: value for name, value in created.context.items() if name in ("verstat", "attestation")}


PASSED = {"verstat": "TN-Validation-Passed", "attestation": "B"}
FAILED, UNKNOWN = {"verstat": "TN-Validation-Failed"}, {"verstat": "No-TN-Validation"}
CASES = {
    "right": (200, PASSED), "none": (428, UNKNOWN), "stale": (403, FAILED), "other caller": (438, FAILED),
    "other called": (438, FAILED), "forged": (438, FAILED), "stranger": (437, FAILED), "missing": (436, UNKNOWN),
    "private address": (436, UNKNOWN), "nonsense": (438, FAILED),
}  # fmt: skip


@pytest.mark.parametrize("policy", ["tag", "reject"])
@pytest.mark.parametrize("case", CASES)
def test_signed_numbers_of_a_carrier(case: str, policy: str, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        known = Known(world)
        stranger, certificate = Authority("somebody", now=world.clock.utc()).issue()
        known.served["https://sti.example.org/stranger.pem"] = certificate
        value = {
            "right": known.shaken, "stale": lambda: known.shaken(age=61), "other caller": lambda: known.shaken(orig="1"),
            "other called": lambda: known.shaken(dest="4002"), "forged": lambda: known.shaken(by=stranger),
            "stranger": lambda: known.shaken(by=stranger, url="https://sti.example.org/stranger.pem"),
            "missing": lambda: known.shaken(url="https://sti.example.org/gone.pem"),
            "private address": lambda: known.shaken(url="https://192.168.0.1/x.pem"), "nonsense": lambda: "a;b=c",
        }.get(case)  # fmt: skip
        phone = await world.phone("1001")
        phone.answers()
        status, verdict = CASES[case]
        leg = asks(world, *([value()] if value is not None else []))
        if status == 200 or policy == "tag":
            await world.carrier.sees(sig.Answered)
        else:
            ended = await world.carrier.sees(sig.Ended)
            assert ended.status == status and not phone.incoming
        assert told(world) == verdict
        assert "https://192.168.0.1/x.pem" not in known.fetched
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, carrier(policy))


def test_a_certificate_is_fetched_once_and_a_caller_may_give_up_meanwhile(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        known = Known(world)
        phone = await world.phone("1001")
        phone.answers()
        for _ in range(3):
            asks(world, known.shaken())
            await world.carrier.sees(sig.Answered)
            world.carrier.hang_up("call1")
            await world.passes(1.0)
        assert known.fetched == [URL]
        await world.settles()

    run(tmp_path, scenario, carrier("reject"))


@pytest.mark.parametrize(("owned", "attestation"), [({"number": "+861062340009", "owned": [CALLER]}, "A"), ({}, "B")])
def test_calls_to_a_carrier_are_signed(owned: dict[str, object], attestation: str, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        known = Known(world)
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("013800138000")
        await phone.sees(sig.Answered)
        (call,) = world.carrier.incoming
        (value,) = call.identities
        passport = identity.parse(value)
        assert isinstance(known.our_key, ec.EllipticCurvePublicKey) and passport.is_signed_by(known.our_key)
        assert (passport.attestation, passport.destinations) == (attestation, ("013800138000",))
        assert (
            passport.origin == ("861062340009" if attestation == "A" else "1001")
            and abs(passport.issued - world.clock.utc()) < 2
        )
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, carrier(outbound=owned))


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_call_that_is_sent_on_keeps_its_signature(is_signed: bool, tmp_path: Path) -> None:
    """RFC 8946: the original PASSporT stays, a `div` tells from where; without one we only vouch for the way (C)."""

    async def scenario(world: World) -> None:
        known = Known(world)
        world.carrier.answers()
        original = known.shaken()
        asks(world, *([original] if is_signed else []))
        while not world.carrier.incoming:
            await world.passes(0.1)
        values = world.carrier.incoming[0].identities
        passports = [identity.parse(value) for value in values]
        assert isinstance(known.our_key, ec.EllipticCurvePublicKey) and passports[-1].is_signed_by(known.our_key)
        if is_signed:
            assert values[0] == original and [each.ppt for each in passports] == ["shaken", "div"]
            assert identity.leads(passports, CALLER, ["0555"]) is passports[0]
            assert passports[1].diverted == CALLED
        else:
            assert [each.attestation for each in passports] == ["C"]
        world.carrier.hang_up("call1")
        await world.settles()

    to = Number(number=CALLED, to=Destination.parse("outside:0555"))
    run(tmp_path, scenario, carrier("tag"), (Kind.NUMBER, to))
