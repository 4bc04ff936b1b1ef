"""Three parties in one conversation, put together by a phone: with the code, by a number, by a REFER (FEA-3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from tests.flows.world import SWITCH, Peer, World, run


async def two_calls(world: World, *, both_held: bool) -> tuple[Peer, Peer]:
    """1001 has called 1002 and put it on hold, then called the carrier's customer; as it dials again, that is held as well."""
    owner, other = await world.phone("1001"), await world.phone("1002")
    for peer in (other, world.carrier):
        peer.answers()
    for leg, number in (("call1", "1002"), ("call2", "0123456")):
        owner.call(number)
        await owner.sees(sig.Answered)
        await world.passes(1.0)
        if both_held or leg == "call1":
            owner.modify(leg, "sendonly")
        await world.passes(0.5)
    return owner, other


def label(world: World, *peers: Peer) -> None:
    """The port of each that is open last."""
    for peer in peers:
        world.engine.label(newest(world, peer), peer.number or "customer")


def newest(world: World, peer: Peer) -> int:
    return max(
        number for number, port in world.engine.ports.items()
        if port.command.remote is not None and port.command.remote[0] == peer.host
    )  # fmt: skip


def all_hear_all(world: World, *peers: Peer) -> None:
    label(world, *peers)
    names = {peer.number or "customer" for peer in peers}
    for peer in peers:
        assert world.engine.hears(newest(world, peer)) == names - {peer.number or "customer"}


def by_code(owner: Peer) -> None:
    owner.call("*3")


def by_address(owner: Peer) -> None:
    owner.call("conf")


def by_refer(owner: Peer) -> None:
    owner.node.submit(sip.Refer("call2", f"sip:conf@{SWITCH[0]}"))


@pytest.mark.acceptance("FEA-3", missing="tones: interop/test_three_way")
@pytest.mark.parametrize("way", [by_code, by_address, by_refer])
def test_the_calls_of_a_phone_become_one(tmp_path: Path, way: Callable[[Peer], None]) -> None:
    async def scenario(world: World) -> None:
        owner, other = await two_calls(world, both_held=way is not by_refer)
        before = [world.network.requests("INVITE", to=peer.host) for peer in (owner, other, world.carrier)]
        way(owner)
        if way is by_refer:
            await owner.sees(sig.TransferDone)
        else:
            await owner.sees(sig.Answered)
        await world.passes(1.0)
        all_hear_all(world, owner, other, world.carrier)
        assert [world.network.requests("INVITE", to=peer.host) for peer in (owner, other, world.carrier)] == before
        assert len(world.switch.calls) == 1, "the other calls are over"
        owner.hang_up("call2" if way is by_refer else "call3")
        await world.passes(1.0)
        all_hear_all(world, other, world.carrier)
        other.hang_up()
        await world.settles()

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("FEA-3", missing="tones: interop/test_three_way")
def test_a_third_is_called_in_by_its_number(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        owner, other = await world.phone("1001"), await world.phone("1002")
        for peer in (other, world.carrier):
            peer.answers()
        owner.call("1002")
        await owner.sees(sig.Answered)
        await world.passes(0.5)
        owner.modify("call1", "sendonly")
        await world.passes(0.5)
        owner.call("*3*0123456#")
        await owner.sees(sig.Answered)
        await world.passes(2.0)
        all_hear_all(world, owner, other, world.carrier)
        owner.hang_up("call2")
        await world.passes(0.5)
        other.hang_up()
        await world.settles()

    run(tmp_path, scenario, scan=False)


def test_one_call_is_no_conference(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        owner, other = await world.phone("1001"), await world.phone("1002")
        other.answers()
        owner.call("1002")
        await owner.sees(sig.Answered)
        await world.passes(0.5)
        owner.call("*3")
        await owner.sees(sig.Ended)
        label(world, other)
        assert len(world.switch.calls) == 1, "the call goes on"
        owner.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, scan=False)
