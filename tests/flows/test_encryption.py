"""SRTP between peers that want it and peers that do not: keys on each leg apart, and no way back to plain RTP (sip.md §9)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest

from media.commands import Sdes
from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Extension, Kind, Trunk
from softswitch.model import events as ev
from softswitch.model.address import Address
from tests.flows.world import World, _objects, run, sdp

KEY, OTHER = b"k" * 30, b"o" * 30
SUITE = "AES_CM_128_HMAC_SHA1_80"


def secured(host: str, key: bytes = KEY, profile: str = "RTP/SAVP", direction: str = "sendrecv", version: int = 1) -> bytes:
    text = sdp(host, direction=direction, version=version).decode().replace("RTP/AVP", profile)
    return (text + f"a=crypto:1 {SUITE} inline:{b64encode(key).decode()}|2^31\r\n").encode()


def extension(number: str, srtp: str) -> tuple[Kind, Extension]:
    known = next(item for _, item in _objects() if isinstance(item, Extension) and item.number == number)
    return Kind.EXTENSION, replace(known, srtp=srtp)


def carrier(srtp: str) -> tuple[Kind, Trunk]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides={"media": {"srtp": srtp}})


def keys(body: sig.Body | None) -> list[tuple[str, str]]:
    assert body is not None
    return re.findall(r"a=crypto:\d+ (\S+) inline:(\S+)", body.content.decode())


def sdes_of(world: World) -> list[Sdes]:
    return [port.command.sdes for port in world.engine.ports.values() if port.command.sdes is not None]


def suites(world: World) -> list[str]:
    return [event.suite for event in world.seen(ev.MediaSecured)]


def test_a_carrier_with_keys_and_a_phone_without(tmp_path: Path) -> None:
    """Keys are those of one leg: the phone sees none, and hold and resume change none."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        leg = world.carrier.call("4001", body=secured(world.carrier.host))
        answered = await world.carrier.sees(sig.Answered)
        ((suite, ours),) = keys(answered.body)
        (call,) = phone.incoming
        assert suite == SUITE and call.body is not None and not keys(call.body) and b"RTP/AVP " in call.body.content
        (sdes,) = sdes_of(world)
        assert (sdes.receive_key, b64encode(sdes.send_key).decode()) == (KEY, ours)
        await world.passes(1.0)
        assert suites(world) == [SUITE]
        for direction, version in (("sendonly", 2), ("sendrecv", 3)):
            world.carrier.node.submit(
                sip.Modify(leg, sig.Body(secured(world.carrier.host, KEY, "RTP/SAVP", direction, version)))
            )
            changed = await world.carrier.sees(sig.Modified)
            assert keys(changed.body) == [(SUITE, ours)]
        assert sdes_of(world) == [sdes]
        world.carrier.node.submit(sip.Modify(leg, sig.Body(secured(world.carrier.host, OTHER, version=4))))
        await world.carrier.sees(sig.Modified)
        assert sdes_of(world) == [replace(sdes, receive_key=OTHER)]
        world.carrier.node.submit(sip.Modify(leg, sig.Body(sdp(world.carrier.host, version=5))))
        refused = await world.carrier.sees(sig.ModifyFailed)
        assert refused.status == 488, "no way back to plain RTP"
        assert sdes_of(world) == [replace(sdes, receive_key=OTHER)]
        assert phone.world.network.requests("INVITE", to=phone.host) == 1
        world.carrier.hang_up(leg)
        await world.settles()
        told = repr(world.events)
        assert not any(b64encode(key).decode() in told or repr(key) in told for key in (KEY, OTHER, sdes.send_key))

    run(tmp_path, scenario, carrier("sdes"))


@pytest.mark.parametrize(
    ("policy", "status", "secure"),
    [("off", 488, False), ("optional", 200, True), ("sdes", 200, True), ("dtls", 488, False), ("sdes-on-tls", 488, False)],
)
def test_keys_over_udp_by_policy_of_the_extension(policy: str, status: int, secure: bool, tmp_path: Path) -> None:
    """SDES over UDP is refused where nobody has allowed it (the default), before anybody is rung."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1002")
        phone.call("9196", body=secured(phone.host))
        if status == 200:
            answered = await phone.sees(sig.Answered)
            assert bool(keys(answered.body)) is secure
        else:
            ended = await phone.sees(sig.Ended)
            assert ended.status == status
        assert bool(suites(world)) is secure
        phone.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, extension("1002", policy))


@pytest.mark.parametrize(("policy", "secure"), [("off", False), ("optional", True), ("sdes-on-tls", False)])
def test_an_opportunistic_offer(policy: str, secure: bool, tmp_path: Path) -> None:
    """RFC 8643: RTP/AVP with a key line is answered with one, or as plain RTP."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1002")
        phone.call("9196", body=secured(phone.host, profile="RTP/AVP"))
        answered = await phone.sees(sig.Answered)
        assert bool(keys(answered.body)) is secure and bool(sdes_of(world)) is secure
        phone.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, extension("1002", policy))


@pytest.mark.parametrize("takes", [True, False])
def test_a_call_out_is_offered_keys_that_the_carrier_may_ignore(takes: bool, tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")

        def react(call: sig.IncomingCall) -> None:
            assert call.body is not None and b"m=audio" in call.body.content and b" RTP/AVP " in call.body.content
            assert keys(call.body)[0][0] == SUITE and b"a=fingerprint:" in call.body.content
            body = secured(world.carrier.host, profile="RTP/AVP") if takes else sdp(world.carrier.host)
            world.carrier.node.submit(sip.Answer(call.leg, sig.Body(body)))

        world.carrier.on_call = react
        leg = phone.call("012345")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        assert [sdes.receive_key for sdes in sdes_of(world)] == ([KEY] if takes else [])
        assert suites(world) == ([SUITE] if takes else [])
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, carrier("optional"))


def test_a_carrier_that_must_encrypt_and_does_not(tmp_path: Path) -> None:
    """The answer to RTP/SAVP without a key is no answer: the call ends, no sound went anywhere."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        phone.call("012345")
        ended = await phone.sees(sig.Ended)
        assert ended.status == 488
        (call,) = world.carrier.incoming
        assert call.body is not None and b" RTP/SAVP " in call.body.content
        await world.settles()

    run(tmp_path, scenario, carrier("sdes"))


def test_dtls_with_a_phone(tmp_path: Path) -> None:
    """A fingerprint is answered with ours and the passive part; a handshake that fails is no call."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1002")
        offer = sdp(phone.host).decode().replace("RTP/AVP", "UDP/TLS/RTP/SAVP")
        offer += f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\na=tls-id:1\r\na=rtcp-mux\r\n"
        leg = phone.call("9196", body=offer.encode())
        answered = await phone.sees(sig.Answered)
        assert answered.body is not None
        assert b"a=setup:passive" in answered.body.content and b"a=rtcp-mux" in answered.body.content
        assert b"UDP/TLS/RTP/SAVP " in answered.body.content
        world.engine.start_media(phone.port)
        await world.passes(1.0)
        assert suites(world) == ["AEAD_AES_256_GCM"]
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize("answers", [True, False])
def test_a_carrier_that_checks_its_way_gets_candidates(tmp_path: Path, answers: bool) -> None:
    """`media.ice = "lite"`: candidates in our offer; where the carrier has some, too, the port answers its checks."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        ice = b"a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n"
        body = sig.Body(sdp("192.0.2.1") + (ice if answers else b""))
        world.carrier.on_call = lambda call: world.carrier.node.submit(sip.Answer(call.leg, body))
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        offered = world.carrier.incoming[0].body
        assert offered is not None
        assert b"a=ice-lite\r\n" in offered.content
        assert re.search(rb"a=candidate:1 1 udp \d+ 192\.0\.2\.100 \d+ typ host", offered.content)
        ports = [port.command.ice for port in world.engine.ports.values() if port.command.ice is not None]
        assert [each.remote_ufrag for each in ports] == (["abcd"] if answers else [])
        phone.hang_up(leg)
        await world.settles()

    media = {"ice": "lite", "srtp": "off"}
    trunk = Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides={"media": media})
    run(tmp_path, scenario, (Kind.TRUNK, trunk))
