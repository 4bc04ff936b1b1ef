"""Sound before the answer: whose early dialog is heard, a tone where there is none, keys, both ways (sip.md §4.7)."""

from pathlib import Path
from typing import Any

import pytest

from media import events as engine
from media.fake_nodes import FakePort
from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Trunk
from softswitch.model.address import Address
from tests.flows.forking import Forking
from tests.flows.world import Peer, World, run, sdp


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


async def _calling(world: World, far: Forking) -> tuple[Peer, str]:
    phone = await world.phone("1001")
    leg = phone.call("0123456")
    await world.passes(0.1)
    assert far.requests[0].method == "INVITE"
    return phone, leg


def _toward_carrier(world: World) -> FakePort:
    return next(port for port in world.engine.ports.values() if port.command.remote and port.command.remote[0] == "192.0.2.1")


def _tags(phone: Peer) -> set[str]:
    return {event.tag for event in phone.events if isinstance(event, sig.Progress | sig.Answered) and event.tag}


@pytest.mark.acceptance("DLG-9", "TXN-6")
def test_of_two_early_dialogs_the_one_that_speaks_is_heard_and_the_third_wins(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        far = Forking(world)
        phone, leg = await _calling(world, far)
        far.answers(183, "one", sdp("192.0.2.1", port=4000))
        far.answers(183, "two", sdp("192.0.2.1", port=4100))
        await world.passes(0.2)
        assert _toward_carrier(world).command.remote == ("192.0.2.1", 4000)  # the first, until one of them speaks
        number = world.carrier.port
        world.engine.emit(engine.MediaStarted(number, "192.0.2.1:4100", "PCMA", 1, False, 0.0))
        await world.passes(0.05)
        assert _toward_carrier(world).command.remote == ("192.0.2.1", 4100)
        world.engine.label(number, "carrier")
        assert world.engine.hears(phone.port) == {"carrier"}
        answered = world.loop.time()
        far.answers(200, "three", sdp("192.0.2.1", port=4200))
        await phone.sees(sig.Answered)
        assert world.loop.time() - answered < 0.1
        assert _toward_carrier(world).command.remote == ("192.0.2.1", 4200)
        assert world.engine.hears(phone.port) == {"carrier"}
        assert len(_tags(phone)) <= 1  # whoever forks, the caller sees one dialog
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-9")
def test_what_the_network_lets_speak_is_heard_first(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        far = Forking(world)
        phone, leg = await _calling(world, far)
        far.answers(183, "one", sdp("192.0.2.1", port=4000), "P-Early-Media: inactive\r\n")
        far.answers(183, "two", sdp("192.0.2.1", port=4100), "P-Early-Media: sendrecv\r\n")
        await world.passes(0.2)
        assert _toward_carrier(world).command.remote == ("192.0.2.1", 4100)
        far.answers(199, "two")
        await world.passes(0.2)
        assert _toward_carrier(world).command.remote == ("192.0.2.1", 4000)
        phone.hang_up(leg)
        await world.passes(0.2)
        far.answers(487, "one")
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-10")
@pytest.mark.parametrize("silent", [True, False])
def test_a_far_end_that_rings_without_a_sound_gets_a_tone_of_ours(tmp_path: Path, silent: bool) -> None:
    """183 with a description, then 180: relayed while something comes, a tone after 200 ms without, and back again."""

    async def scenario(world: World) -> None:
        far = Forking(world)
        phone, leg = await _calling(world, far)
        far.answers(183, "one", sdp("192.0.2.1"))
        await world.passes(0.1)
        number = world.carrier.port
        world.engine.label(number, "carrier")
        if silent:
            world.engine.mute(number)
        far.answers(180, "one")
        await world.passes(0.1)
        assert world.engine.hears(phone.port) <= {"carrier"}
        await world.passes(0.2)
        assert bool(world.engine.hears(phone.port) - {"carrier"}) is silent
        world.engine.mute(number, silent=False)
        await world.passes(0.5)
        assert world.engine.hears(phone.port) == {"carrier"}
        phone.hang_up(leg)
        await world.passes(0.2)
        far.answers(487, "one")
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize("two_way", [False, True])
def test_keys_reach_an_announcement_and_the_voice_only_where_the_profile_says(tmp_path: Path, two_way: bool) -> None:
    async def scenario(world: World) -> None:
        far = Forking(world)
        phone, leg = await _calling(world, far)
        far.answers(183, "one", sdp("192.0.2.1"))
        await world.passes(0.2)
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(world.carrier.port) == ({"phone"} if two_way else set())
        world.engine.send_digits(phone.port, "5")
        await world.passes(0.2)
        assert _toward_carrier(world).dtmf_sent == "5"
        phone.hang_up(leg)
        await world.passes(0.2)
        far.answers(487, "one")
        await world.settles()

    run(tmp_path, scenario, _carrier(media={"early_two_way": two_way}))


@pytest.mark.acceptance("DLG-10")
def test_who_was_answered_hears_a_tone_and_no_ringing_message(tmp_path: Path) -> None:
    """A call from the page of an agent or out of an IVR has been answered: 180 of the far end is a tone there."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rings()
        phone.answers()
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        second = await world.phone("1002")
        second.rings()
        phone.node.submit(sip.Refer(phone.incoming[-1].leg, "sip:1002@192.0.2.100"))
        quiet = world.network.messages(to=world.carrier.host)
        await world.passes(1.0)
        assert second.incoming
        assert world.engine.hears(world.carrier.port), "a tone while the third party rings"
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)
