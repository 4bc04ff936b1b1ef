"""Fax by T.38 (sip.md §7): passed from one leg to the other where both take it, else 488 and the voice goes on."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from signalling.auth import OFFERED, ha1
from softswitch.directory.centre import RecordingRule
from softswitch.directory.model import Extension, Kind, Number, Object, Route, Trunk
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.events import FaxEnded, FaxRefused, FaxStarted, RecordingPaused, RecordingResumed
from tests.flows.world import Peer, World, run, sdp

ATTRIBUTES = b"a=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\n"
ANSWERED = b"a=T38FaxVersion:0\r\na=T38MaxBitRate:9600\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"


def image(host: str, port: int = 4002, version: int = 5, said: bytes = ATTRIBUTES, *, audio: bool = False) -> bytes:
    line = b"m=audio 0 RTP/AVP 0\r\n" if audio else b""
    head = f"v=0\r\no=- 7 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n".encode()
    return head + line + f"m=image {port} udptl t38\r\n".encode() + said


def setup(trunk: str = "accept", phone: str = "accept", *, fax: bool = False) -> list[tuple[Kind, Object]]:
    digests = {algorithm: ha1(algorithm, "1001", "softswitch", "secret") for algorithm in OFFERED}
    overrides: dict[str, Any] = {"media": {"t38": trunk}}
    return [
        (Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)),
        (Kind.EXTENSION, Extension(number="1001", realm="softswitch", ha1=digests, t38=phone)),
        (Kind.NUMBER, Number(number="4001", to=Destination.parse("extension:1001"), fax=fax)),
        (Kind.NUMBER, Number(number="4003", to=Destination.parse("echo"), fax=fax)),
        (Kind.ROUTE, Route(pattern="0*", trunks=("carrier",), fax=fax)),
    ]  # fmt: skip


async def talk(world: World) -> tuple[Peer, str]:
    phone = await world.phone("1001")
    phone.answers()
    leg = world.carrier.call("4001")
    await world.carrier.sees(sig.Answered)
    await world.passes(0.5)
    world.engine.label(world.carrier.port, "customer")
    world.engine.label(phone.port, "phone")
    return phone, leg


def takes(peer: Peer, said: bytes = ANSWERED) -> list[bytes]:
    """The peer takes faxes: what it was offered inside calls."""
    offers: list[bytes] = []

    def react(event: sig.ModifyRequested) -> None:
        assert event.body is not None
        offers.append(event.body.content)
        is_fax = b"m=image" in event.body.content
        body = image(peer.host, 4004, 6, said) if is_fax else sdp(peer.host, version=9)
        peer.node.submit(sip.AcceptModify(event.leg, sig.Body(body)))

    peer.on_modify = react
    return offers


def is_fax(world: World, peer: Peer) -> bool:
    return world.engine.ports[peer.port].udptl


@pytest.mark.acceptance("TRK-7")
@pytest.mark.parametrize(("trunk", "audio"), [("accept", False), ("gateway", True)])
def test_a_fax_goes_to_the_other_side_and_back_to_voice(tmp_path: Path, trunk: str, audio: bool) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await talk(world)
        offers = takes(phone)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1", audio=audio))))
        answered = await world.carrier.sees(sig.Modified)
        assert answered.body is not None
        assert ANSWERED in answered.body.content  # the words of the other fax, and none of its addresses
        assert (b"m=audio 0 " in answered.body.content) is audio
        (offer,) = offers
        assert ATTRIBUTES in offer
        assert b"c=IN IP4 192.0.2.100\r\n" in offer
        assert is_fax(world, phone)
        assert is_fax(world, world.carrier)
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.engine.hears(world.carrier.port) == {"phone"}

        quiet = world.network.messages(to=phone.host)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1", version=6, audio=audio))))  # a refresh
        repeated = await world.carrier.sees(sig.Modified)
        assert repeated.body is not None
        assert repeated.body.content == answered.body.content
        assert world.network.messages(to=phone.host) == quiet

        world.carrier.node.submit(sip.Modify(leg, sig.Body(sdp("192.0.2.1", version=7))))
        await world.carrier.sees(sig.Modified)
        await world.passes(0.5)
        assert b"m=audio" in offers[-1]
        assert b"m=image" not in offers[-1]
        assert not is_fax(world, phone)
        assert not is_fax(world, world.carrier)
        assert world.engine.hears(phone.port) == {"customer"}
        world.carrier.hang_up(leg)
        await world.settles()

    always = (Kind.RECORDING_RULE, RecordingRule(name="all", mode="always"))
    world = run(tmp_path, scenario, *setup(trunk), always)
    assert len(world.seen(FaxStarted)) == len(world.seen(FaxEnded)) == 1
    assert [event.reason for event in world.seen(RecordingPaused)] == ["fax"]  # the mark of the recording
    assert len(world.seen(RecordingResumed)) == 1


@pytest.mark.acceptance("TRK-7")
def test_the_device_that_was_called_may_turn_the_call_into_a_fax(tmp_path: Path) -> None:
    """As faxes do: the called one sends CED and then the offer; here with UPDATE, and it hangs up from the fax."""

    async def scenario(world: World) -> None:
        phone, _ = await talk(world)
        offers = takes(world.carrier)
        phone.node.submit(sip.Update(phone.incoming[-1].leg, sig.Body(image(phone.host))))
        answered = await phone.sees(sig.Modified)
        assert answered.body is not None
        assert ANSWERED in answered.body.content
        assert len(offers) == 1
        phone.hang_up()
        await world.carrier.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario, *setup())
    assert world.network.requests("INVITE", to="192.0.2.1") == 1  # nobody is brought back to voice for a BYE


@pytest.mark.acceptance("TRK-7")
@pytest.mark.parametrize(
    ("trunk", "phone", "answer", "reason"),
    [
        ("accept", "accept", "488", "refused"), ("accept", "accept", "port 0", "refused"), ("accept", "off", "", "unable"),
        ("off", "accept", "", ""),
    ],
)  # fmt: skip
def test_without_a_fax_on_the_other_side_the_voice_goes_on(
    tmp_path: Path, trunk: str, phone: str, answer: str, reason: str
) -> None:
    async def scenario(world: World) -> None:
        other, leg = await talk(world)

        def react(event: sig.ModifyRequested) -> None:
            assert event.body is not None
            if b"m=image" not in event.body.content:
                other.node.submit(sip.AcceptModify(event.leg, sig.Body(sdp(other.host, version=9))))
            elif answer == "488":
                other.node.submit(sip.RejectModify(event.leg, 488))
            else:
                other.node.submit(sip.AcceptModify(event.leg, sig.Body(image(other.host, 0))))

        other.on_modify = react
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1"))))
        assert (await world.carrier.sees(sig.ModifyFailed)).status == 488
        await world.passes(1.0)
        assert not is_fax(world, other)
        assert world.engine.hears(other.port) == {"customer"}
        assert world.engine.hears(world.carrier.port) == {"phone"}
        phone_offers = [event for event in other.events if isinstance(event, sig.ModifyRequested)]
        assert len(phone_offers) == {"488": 1, "port 0": 2, "": 0}[answer]
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, *setup(trunk, phone))
    assert [event.reason for event in world.seen(FaxRefused)] == ([reason] if reason else [])
    assert not world.seen(FaxStarted)


@pytest.mark.acceptance("TRK-7")
def test_a_fax_never_reaches_what_is_no_fax(tmp_path: Path) -> None:
    """An echo test, a held party, a page: 488 each time."""

    async def scenario(world: World) -> None:
        leg = world.carrier.call("4003")
        await world.carrier.sees(sig.Answered)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1"))))
        assert (await world.carrier.sees(sig.ModifyFailed)).status == 488
        world.carrier.hang_up(leg)
        phone, leg = await talk(world)
        takes(phone)
        phone.modify("", "sendonly")
        await phone.sees(sig.Modified)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1"))))
        assert (await world.carrier.sees(sig.ModifyFailed)).status == 488
        phone.modify("", "sendrecv", version=3)
        await phone.sees(sig.Modified)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1", version=8))))
        await world.carrier.sees(sig.Modified)
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, *setup())
    assert [event.reason for event in world.seen(FaxRefused)] == ["alone", "alone"]


@pytest.mark.acceptance("TRK-7")
def test_who_stays_after_a_fax_talks_again(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await talk(world)
        takes(phone)
        offers = takes(world.carrier)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(image("192.0.2.1"))))
        await world.carrier.sees(sig.Modified)
        (call,) = world.switch.calls._live.values()
        call.redirect(Destination.parse("echo"))
        await world.passes(2.0)
        assert b"m=audio" in offers[-1]
        assert b"m=image" not in offers[-1]
        assert not is_fax(world, world.carrier)
        assert world.engine.hears(world.carrier.port) == {"customer"}
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *setup())


@pytest.mark.acceptance("TRK-7")
@pytest.mark.parametrize(("number", "fax", "status"), [("4001", True, 200), ("4001", False, 488), ("4003", True, 488)])
def test_a_call_may_begin_as_a_fax_where_the_number_says_so(tmp_path: Path, number: str, fax: bool, status: int) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.on_call = lambda call: phone.node.submit(
            sip.Answer(call.leg, sig.Body(image(phone.host, 4004, said=ANSWERED)))
        )  # fmt: skip
        leg = world.carrier.call(number, body=image("192.0.2.1"))
        if status != 200:
            assert (await world.carrier.sees(sig.Ended)).status == status
            assert not phone.incoming
            await world.settles()
            return
        answered = await world.carrier.sees(sig.Answered)
        assert answered.body is not None
        assert ANSWERED in answered.body.content
        offered = phone.incoming[-1].body
        assert offered is not None
        assert ATTRIBUTES in offered.content
        await world.passes(0.5)
        world.engine.label(phone.port, "phone")
        assert is_fax(world, phone)
        assert is_fax(world, world.carrier)
        assert world.engine.hears(world.carrier.port) == {"phone"}
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, *setup(fax=fax))
    assert len(world.seen(FaxStarted)) == (status == 200)


@pytest.mark.acceptance("TRK-7")
@pytest.mark.parametrize("fax", [True, False])
def test_a_fax_goes_out_by_a_route_for_faxes(tmp_path: Path, fax: bool) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.on_call = lambda call: world.carrier.node.submit(
            sip.Answer(call.leg, sig.Body(image("192.0.2.1", 4004, said=ANSWERED)))
        )  # fmt: skip
        leg = phone.call("0123456", body=image(phone.host))
        if not fax:
            assert (await phone.sees(sig.Ended)).status == 488
            assert not world.carrier.incoming
        else:
            await phone.sees(sig.Answered)
            await world.passes(0.5)
            assert is_fax(world, phone)
            phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *setup(fax=fax))
