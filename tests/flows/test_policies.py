"""What a trunk's profile says about its signalling is in the messages to it: PRACK, timers, UPDATE, re-INVITE."""

from pathlib import Path
from typing import Any

import pytest

from signalling import events as sig
from softswitch.directory.model import Kind, Object, Trunk
from softswitch.model.address import Address
from tests.flows.world import World, run


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


def _invite(world: World) -> bytes:
    return next(seen.data for seen in world.network.wire if seen.to_peer and seen.data.startswith(b"INVITE sip:0123456@"))


@pytest.mark.parametrize(
    ("session", "written", "absent"),
    [
        ({}, [b"Session-Expires: 1800\r\n", b"100rel"], [b"Require: 100rel"]),
        ({"timer": 600}, [b"Session-Expires: 600\r\n"], []),
        ({"timer": 0}, [], [b"Session-Expires"]),
        ({"rel100": "off"}, [], [b"100rel"]),
        ({"rel100": "required"}, [b"Require: 100rel\r\n"], []),
    ],
)
def test_an_invite_is_as_the_profile_wants_it(
    tmp_path: Path, session: dict[str, Any], written: list[bytes], absent: list[bytes]
) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        invite = _invite(world)
        assert all(line in invite for line in written), invite
        assert not any(line in invite for line in absent), invite
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(session=session))
