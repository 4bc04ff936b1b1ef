"""Pick-up by Replaces, taking over and joining a conversation, attended transfer by a real REFER (FEA-1, XFR-3, XFR-4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from tests.flows.test_watching import subscribe, told
from tests.flows.world import SWITCH, Peer, World, run, sdp


def _dialog(world: World, extension: str) -> sig.NamedDialog:
    """Our leg to a phone, as its watchers know it."""
    (leg,) = world.switch.sip.phones.of(extension)
    named = world.node.endpoint.dialog_of(leg.id)
    assert named is not None
    return named


def _invite(phone: Peer, header: str, named: sig.NamedDialog, *, early: bool = False) -> None:
    value = f"{named.call_id};to-tag={named.to_tag};from-tag={named.from_tag}{';early-only' if early else ''}"
    phone.node.submit(
        sip.Invite(
            "taking", f"sip:1001@{SWITCH[0]}", sig.Flow("udp", phone.node.address, SWITCH),
            sig.Identity(phone.number, "softswitch"), "1001", sig.Body(sdp(phone.host)),
            login=sip.Login(phone.number, "secret"), headers={header: value, "Require": header.lower()},
        )
    )  # fmt: skip


@pytest.mark.acceptance("FEA-1")
def test_a_ringing_call_is_picked_up_by_its_lamp(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        rung, taker = await world.phone("1001"), await world.phone("1002")
        rung.rings()
        name = subscribe(taker, "1001")
        world.carrier.call("4001")
        await world.passes(1.0)
        named = _dialog(world, "1001")
        assert f'call-id="{named.call_id}"' in told(taker, name)[-1] and f'remote-tag="{named.to_tag}"' in told(taker, name)[-1]
        _invite(taker, "Replaces", named, early=True)
        await taker.sees(sig.Answered)
        before = world.loop.now
        ended = await rung.sees(sig.Ended)
        assert (ended.cancelled, ended.q850) == (True, 26) and world.loop.now - before <= 0.2
        await world.passes(0.5)
        world.engine.label(taker.port, "taker")
        assert world.engine.hears(world.carrier.port) == {"taker"}
        world.carrier.hang_up("call1")
        await taker.sees(sig.Ended)

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("FEA-1")
def test_an_answer_and_a_pick_up_in_the_same_moment(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        rung, taker = await world.phone("1001"), await world.phone("1002")
        rung.answers(after=1.0)
        world.carrier.call("4001")
        await world.passes(0.995)
        _invite(taker, "Replaces", _dialog(world, "1001"), early=True)
        await world.passes(1.0)
        talking = [leg for number in ("1001", "1002") for leg in world.switch.sip.phones.of(number) if leg.is_answered]
        assert len(talking) == 1, "exactly one has the call"
        assert len(world.engine.hears(world.carrier.port)) == 1
        world.carrier.hang_up("call1")
        await world.passes(1.0)

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("XFR-4")
def test_early_only_does_not_take_a_conversation_but_plain_replaces_does(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, taker = await world.phone("1001"), await world.phone("1002")
        first.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(0.5)
        _invite(taker, "Replaces", _dialog(world, "1001"), early=True)
        assert (await taker.sees(sig.Ended)).status == 486
        quiet = world.network.messages(to=world.carrier.host)
        _invite(taker, "Replaces", _dialog(world, "1001"))
        await first.sees(sig.Ended)
        await world.passes(0.5)
        world.engine.label(taker.port, "taker")
        assert world.engine.hears(world.carrier.port) == {"taker"}
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up("call1")
        await taker.sees(sig.Ended)

    run(tmp_path, scenario, scan=False)


def test_join_makes_it_a_conference(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, third = await world.phone("1001"), await world.phone("1002")
        first.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(0.5)
        _invite(third, "Join", _dialog(world, "1001"))
        await third.sees(sig.Answered)
        await world.passes(0.5)
        for peer, name in ((world.carrier, "customer"), (first, "first"), (third, "third")):
            world.engine.label(peer.port, name)
        assert world.engine.hears(third.port) == {"customer", "first"}
        assert world.engine.hears(world.carrier.port) == {"first", "third"}
        world.carrier.hang_up("call1")
        await world.passes(1.0)
        third.hang_up("taking")
        await world.passes(1.0)

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("XFR-3")
@pytest.mark.parametrize("right", [True, False])
def test_an_attended_transfer_by_refer(tmp_path: Path, right: bool) -> None:
    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        phone.answers()
        other.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(0.5)
        asking = phone.call("1002")
        await phone.sees(sig.Answered)
        await world.passes(0.5)
        named = phone.node.endpoint.dialog_of(asking)
        assert named is not None
        tag = named.from_tag if right else "wrong"
        replaces = f"{named.call_id};to-tag={tag};from-tag={named.to_tag}"
        phone.node.submit(sip.Refer(phone.incoming[-1].leg, f"sip:1002@{SWITCH[0]}", replaces))
        if not right:
            assert (await phone.sees(sig.TransferFailed)).status == 481
            world.carrier.hang_up("call1")
            phone.hang_up(asking)
            await world.passes(1.0)
            return
        await phone.sees(sig.TransferDone)
        await world.passes(1.0)
        world.engine.label(other.port, "other")
        assert world.engine.hears(world.carrier.port) == {"other"}
        assert len([event for event in phone.events if isinstance(event, sig.Ended)]) == 2
        world.carrier.hang_up("call1")
        await other.sees(sig.Ended)

    run(tmp_path, scenario, scan=False)
