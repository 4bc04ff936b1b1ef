"""Who makes the offer: callers and carriers that wait for ours or want to make their own, on one side only (sip.md §4.3)."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Trunk
from softswitch.model.address import Address
from tests.flows.world import World, run, sdp


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


@pytest.mark.acceptance("DLG-1")
def test_a_caller_without_an_offer_gets_ours_and_the_called_one_a_normal_one(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        leg = world.carrier.call("4001", body=None)
        answered = await world.carrier.sees(sig.Answered)
        assert answered.needs_ack_body and answered.body is not None
        assert b"m=audio" in answered.body.content
        assert phone.incoming[0].body is not None
        world.carrier.node.submit(sip.Acknowledge(leg, sig.Body(sdp(world.carrier.host))))
        await world.passes(0.5)
        world.engine.label(world.carrier.port, "customer")
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.engine.hears(world.carrier.port) == {"phone"}
        phone.hang_up()
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-1")
def test_the_offer_comes_in_a_reliable_183_when_there_is_early_sound(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        leg = phone.call("0123456", body=None)
        invited = await world.carrier.sees(sig.IncomingCall)
        world.carrier.node.submit(sip.Ring(invited.leg, sig.Body(sdp(world.carrier.host)), reliable=False))
        early = await phone.sees(sig.Progress)
        while early.body is None:
            early = await phone.sees(sig.Progress)
        assert early.reliable and early.needs_answer
        phone.node.submit(sip.Acknowledge(leg, sig.Body(sdp(phone.host))))
        await world.passes(0.3)
        world.engine.label(world.carrier.port, "carrier")
        assert world.engine.hears(phone.port) == {"carrier"}
        world.carrier.node.submit(sip.Answer(invited.leg, sig.Body(sdp(world.carrier.host))))
        answered = await phone.sees(sig.Answered)
        assert not answered.needs_ack_body
        await world.passes(0.3)
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(world.carrier.port) == {"phone"}
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-2")
@pytest.mark.parametrize("reliable", [False, True])
def test_a_carrier_that_offers_itself_is_called_without_a_body(tmp_path: Path, reliable: bool) -> None:
    """Profile `offer = "delayed"`: our answer is in the ACK, or in the PRACK; the caller sees a usual call."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        leg = phone.call("0123456")
        invited = await world.carrier.sees(sig.IncomingCall)
        assert invited.body is None
        offer = sig.Body(sdp(world.carrier.host))
        if reliable:
            world.carrier.node.submit(sip.Ring(invited.leg, offer, reliable=True))
            told = await world.carrier.sees(sig.Modified)
            assert told.body is not None
            await world.passes(0.2)
            world.engine.label(world.carrier.port, "carrier")
            assert world.engine.hears(phone.port) == {"carrier"}
        world.carrier.node.submit(sip.Answer(invited.leg, offer))
        confirmed = await world.carrier.sees(sig.Confirmed)
        assert (confirmed.body is None) is reliable
        answered = await phone.sees(sig.Answered)
        assert answered.body is not None and not answered.needs_ack_body
        await world.passes(0.3)
        world.engine.label(world.carrier.port, "carrier")
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(phone.port) == {"carrier"}
        assert world.engine.hears(world.carrier.port) == {"phone"}
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(media={"offer": "delayed"}))


@pytest.mark.acceptance("DLG-2")
def test_an_offer_of_the_carrier_that_nobody_can_take_ends_its_leg(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(formats="18")
        phone.call("0123456")
        ended = await phone.sees(sig.Ended)
        assert ended.status == 488
        await world.passes(1.0)
        assert world.network.requests("ACK", to=world.carrier.host) == 1
        assert world.network.requests("BYE", to=world.carrier.host) == 1
        await world.settles()

    run(tmp_path, scenario, _carrier(media={"offer": "delayed"}))
