"""Keys from any kind of device to any other: RFC 4733, INFO, tones in the sound, in both directions (sip.md §5.2)."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Trunk
from softswitch.model.address import Address
from softswitch.model.events import LegDtmf
from tests.flows.world import G711, Peer, World, run, sdp

TONES_ONLY = "0 8"
SENT = {  # (how it comes, how the other device takes it): by us, once more than the sound brings it
    ("rfc4733", "rfc4733"): "", ("rfc4733", "inband"): "5", ("rfc4733", "info"): "INFO",
    ("inband", "rfc4733"): "5", ("inband", "inband"): "", ("inband", "info"): "INFO",
    ("info", "rfc4733"): "5", ("info", "inband"): "5", ("info", "info"): "INFO",
}  # fmt: skip


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


def _press(world: World, peer: Peer, leg: str, way: str) -> None:
    if way == "info":
        peer.node.submit(sip.SendInfo(leg, sig.Body(b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")))
    else:
        world.engine.send_digits(peer.port, "5", way=way)


def _got(world: World, peer: Peer) -> str:
    infos = sum(isinstance(event, sig.InfoReceived) for event in peer.events)
    return "INFO" * infos + world.engine.ports[peer.port].dtmf_sent


@pytest.mark.parametrize(("way", "taken"), list(SENT))
def test_a_key_goes_out_as_the_trunk_takes_it(tmp_path: Path, way: str, taken: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(formats=TONES_ONLY if taken == "inband" else G711)
        leg = phone.call("0123456", body=sdp(phone.host, formats=TONES_ONLY if way == "inband" else G711))
        await phone.sees(sig.Answered)
        offered = world.carrier.incoming[0].body
        assert offered is not None
        assert (b"telephone-event" in offered.content) is (taken == "rfc4733")
        _press(world, phone, leg, way)
        await world.passes(0.5)
        assert _got(world, world.carrier) == SENT[way, taken]
        phone.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, _carrier(media={"dtmf": taken}))
    assert [(event.digit, event.way) for event in world.seen(LegDtmf)] == [("5", way)]


@pytest.mark.parametrize(("way", "taken"), [pair for pair in SENT if pair[1] != "info"])
def test_a_key_comes_in_as_the_phone_takes_it(tmp_path: Path, way: str, taken: str) -> None:
    """Whatever the profile wants to be sent, every way is understood; a phone takes what it has agreed on."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers(formats=TONES_ONLY if taken == "inband" else G711)
        leg = world.carrier.call("4001", body=sdp(world.carrier.host, formats=TONES_ONLY if way == "inband" else G711))
        await world.carrier.sees(sig.Answered)
        _press(world, world.carrier, leg, way)
        await world.passes(0.5)
        assert _got(world, phone) == SENT[way, taken]
        phone.hang_up()
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.digit, event.way) for event in world.seen(LegDtmf)] == [("5", way)]


def test_a_trunk_without_events_gets_tones_whatever_was_wanted(tmp_path: Path) -> None:
    """`dtmf = "rfc4733"` is an offer; who does not take it is spoken to in tones."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(formats=TONES_ONLY)
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        _press(world, phone, leg, "rfc4733")
        await world.passes(0.5)
        assert _got(world, world.carrier) == "5"
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(media={"dtmf": "rfc4733"}))
