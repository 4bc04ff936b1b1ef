"""Hold is a matter between a party and the switch: the other side hears music and gets no message."""

from pathlib import Path

from signalling import commands as sip
from signalling import events as sig
from softswitch.model.events import CallHeld, CallResumed
from tests.flows.world import World, run, sdp


async def _talk(world: World):  # type: ignore[no-untyped-def]
    phone = await world.phone("1001")
    phone.answers()
    leg = world.carrier.call("4001")
    await world.carrier.sees(sig.Answered)
    await world.passes(1.0)
    world.engine.label(world.carrier.port, "customer")
    world.engine.label(phone.port, "phone")
    return phone, leg


def test_hold_by_the_phone_gives_the_caller_music_and_no_message(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        quiet = world.network.messages(to=world.carrier.host)
        phone.modify("", "sendonly")
        modified = await phone.sees(sig.Modified)
        assert modified.body is not None
        assert b"a=recvonly" in modified.body.content
        await world.passes(1.0)
        assert world.engine.hears(world.carrier.port) == {"default"}
        assert world.engine.hears(phone.port) == set()
        phone.modify("", "sendrecv", version=3)
        await phone.sees(sig.Modified)
        await world.passes(0.1)
        assert world.engine.hears(world.carrier.port) == {"phone"}
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario)
    assert len(world.seen(CallHeld)) == len(world.seen(CallResumed)) == 1
    assert 900 < world.record().hold_ms < 1200


def test_hold_by_the_caller_gives_the_phone_music_and_no_message(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        quiet = world.network.messages(to=phone.host)
        world.carrier.modify(leg, "inactive")
        await world.carrier.sees(sig.Modified)
        await world.passes(1.0)
        assert world.engine.hears(phone.port) == {"default"}
        world.carrier.modify(leg, "sendrecv", version=3)
        await world.carrier.sees(sig.Modified)
        await world.passes(0.1)
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.network.messages(to=phone.host) == quiet
        phone.hang_up()
        await world.settles()

    run(tmp_path, scenario)


def test_both_hold(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        phone.modify("", "sendonly")
        await phone.sees(sig.Modified)
        world.carrier.modify(leg, "sendonly")
        await world.carrier.sees(sig.Modified)
        await world.passes(0.1)
        (call,) = world.switch.calls._live.values()
        assert all(party.held for party in call.mix.parties)
        phone.hang_up()
        await world.settles()

    run(tmp_path, scenario)


def test_an_unusable_re_offer_is_488_and_changes_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(sdp("192.0.2.1", formats="18", version=5))))
        failed = await world.carrier.sees(sig.ModifyFailed)
        assert failed.status == 488
        assert world.engine.hears(phone.port) == {"customer"}
        world.carrier.hang_up(leg)
        await world.settles()

    assert run(tmp_path, scenario).record().result == "answered"


def test_an_agent_holds_and_resumes(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        _, leg = await _talk(world)
        (call,) = world.switch.calls._live.values()
        call.hold(actor="li")
        call.hold(actor="li")
        assert world.engine.hears(world.carrier.port) == {"default"}
        assert call.state == "held"
        call.resume(actor="li")
        assert world.engine.hears(world.carrier.port) == {"phone"}
        assert call.state == "talking"
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.actor for event in world.seen(CallHeld)] == ["li"]
