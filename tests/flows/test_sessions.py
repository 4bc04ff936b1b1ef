"""Session timers and the count of hops in whole calls: each leg keeps its own, the other one hears nothing of it (RFC 4028)."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Trunk
from softswitch.model.address import Address
from tests.flows.forking import Forking
from tests.flows.world import World, run, sdp


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


@pytest.mark.acceptance("DLG-6")
def test_a_refresh_is_no_message_on_the_other_leg(tmp_path: Path) -> None:
    """An hour of talk: the trunk's timer is 90 s, the phone's the usual 1800 s; each leg is refreshed in its own time."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        before = world.network.messages(to=phone.host)
        await world.passes(800.0)
        refreshes = world.network.requests("UPDATE", to=world.carrier.host) + world.network.requests(
            "INVITE", to=world.carrier.host
        )
        assert refreshes >= 15
        assert world.network.messages(to=phone.host) == before
        await world.passes(2800.0)
        assert not any(isinstance(event, sig.Ended) for event in (*phone.events, *world.carrier.events))
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(session={"timer": 90}))


@pytest.mark.acceptance("DLG-6")
def test_an_interval_that_is_too_small_for_a_carrier_is_raised_once(tmp_path: Path) -> None:
    """422 to us: the same leg asks again with what the carrier wants; the caller hears nothing of it."""

    async def scenario(world: World) -> None:
        far = Forking(world)
        phone = await world.phone("1001")
        leg = phone.call("0123456")
        await world.passes(0.1)
        assert far.requests[0].get("session-expires").startswith("600")
        far.answers(422, "one", headers="Min-SE: 900\r\n")
        await world.passes(0.1)
        again = [request for request in far.requests if request.method == "INVITE"][-1]
        assert again.get("session-expires").startswith("900")
        assert again.call_id == far.requests[0].call_id
        far.answers(200, "one", sdp("192.0.2.1"))
        await phone.sees(sig.Answered)
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(session={"timer": 600}))


@pytest.mark.acceptance("DLG-6")
def test_who_falls_silent_ends_the_call_on_both_sides(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        world.network.lost.add(world.carrier.host)
        await phone.sees(sig.Ended, 100.0)  # at 45 s the refresh, nobody answers it: within the 90 s of the session
        await world.passes(100.0)
        world.network.lost.clear()
        await world.carrier.sees(sig.Ended, 1900.0)  # its own timer, or our BYE
        await world.settles()

    run(tmp_path, scenario, _carrier(session={"timer": 90}))


@pytest.mark.parametrize(("hops", "status"), [(0, 483), (1, 200)])
def test_a_call_that_has_come_too_far_is_not_sent_on(tmp_path: Path, hops: int, status: int) -> None:
    """RFC 3261 §16.3 for a B2BUA: Max-Forwards 0 makes no second leg; what ends here is served all the same."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        flow = sig.Flow("udp", world.carrier.node.address, ("192.0.2.100", 5060))
        for number, to in enumerate(("4001", "9196")):
            world.carrier.node.submit(
                sip.Invite(
                    f"far{number}", f"sip:{to}@192.0.2.100", flow, sig.Identity("0123", "softswitch"), to,
                    sig.Body(sdp(world.carrier.host)), max_forwards=hops,
                )
            )  # fmt: skip
            if status == 200 or to == "9196":
                await world.carrier.sees(sig.Answered)
                world.carrier.hang_up(f"far{number}")
            else:
                assert (await world.carrier.sees(sig.Ended)).status == status
            await world.passes(1.0)
        assert len(phone.incoming) == (status == 200)
        if phone.incoming:
            assert phone.incoming[0].max_forwards == 0
        await world.settles()

    run(tmp_path, scenario)
