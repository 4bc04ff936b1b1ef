"""A carrier answers with 3xx: the next route, or its own Contacts where `failover.redirect` says so (sip.md §7)."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Route, Trunk
from softswitch.model.address import Address
from softswitch.model.events import LegStarted
from tests.flows.world import Peer, World, run

SECOND, ALLOWED, FOREIGN = "192.0.2.2", "198.51.100.77", "203.0.113.9"


def setup(**failover: Any) -> list[tuple[Kind, Object]]:
    overrides: dict[str, Any] = {
        "failover": failover, "outbound": {"diversion": "diversion"}, "transport": {"domains": ["ims.example"]},
    }  # fmt: skip
    hosts = (Address("192.0.2.1"), Address(SECOND))
    return [
        (Kind.TRUNK, Trunk(name="carrier", addresses=hosts, overrides=overrides)),
        (Kind.ROUTE, Route(pattern="0*", trunks=("carrier",))),
    ]  # fmt: skip


def moves(peer: Peer, contacts: str, status: int = 302) -> None:
    peer.on_call = lambda call: peer.node.submit(sip.Reject(call.leg, status, headers={"Contact": contacts}))


@pytest.mark.acceptance("TRK-5")
@pytest.mark.parametrize("status", [300, 301, 302])
def test_contacts_of_the_trunk_itself_are_followed_with_a_diversion(tmp_path: Path, status: int) -> None:
    async def scenario(world: World) -> None:
        phone, second = await world.phone("1001"), Peer(world, SECOND)
        second.answers()
        contacts = f"<sip:0999@{FOREIGN}>;q=1.0, <sip:0777@{SECOND}>;q=0.5"
        moves(world.carrier, contacts, status)
        phone.call("0123456")
        await phone.sees(sig.Answered)
        (call,) = second.incoming
        assert call.called == "0777"
        sent = next(seen.data for seen in world.network.wire if seen.peer == SECOND and seen.data.startswith(b"INVITE "))
        assert sent.startswith(f"INVITE sip:0777@{SECOND} SIP/2.0".encode())
        assert b"Diversion: <sip:0123456@" in sent
        second.hang_up()
        await world.settles()

    world = run(tmp_path, scenario, *setup(redirect="follow"), scan=False)
    assert [event.target for event in world.seen(LegStarted)] == ["outside:0123456", "outside:0777"]
    assert world.network.messages(to=FOREIGN) == 0


@pytest.mark.parametrize(
    ("place", "to"), [(f"sip:0777@{ALLOWED}", ALLOWED), ("sip:0777@ims.example", "192.0.2.1"), (f"sip:0777@{FOREIGN}", "")]
)
def test_only_domains_of_the_trunk_and_what_is_allowed(tmp_path: Path, place: str, to: str) -> None:
    async def scenario(world: World) -> None:
        phone, allowed, second = await world.phone("1001"), Peer(world, ALLOWED), Peer(world, SECOND)
        allowed.answers()
        second.rejects(503)
        calls = []

        def react(call: sig.IncomingCall) -> None:
            calls.append(call)
            if call.called == "0777":
                world.carrier.node.submit(sip.Reject(call.leg, 486))
            else:
                world.carrier.node.submit(sip.Reject(call.leg, 302, headers={"Contact": f"<{place}>"}))

        world.carrier.on_call = react
        phone.call("0123456")
        if to == ALLOWED:
            await phone.sees(sig.Answered)
            allowed.hang_up()
        else:
            ended = await phone.sees(sig.Ended)
            assert [call.called for call in calls] == (["0123456", "0777"] if to else ["0123456"])
            assert ended.status == (486 if to else 480)
        await world.settles()

    rules = {"redirect": "follow", "redirect_to": ["198.51.100.0/24"]}
    world = run(tmp_path, scenario, *setup(**rules), scan=False)
    assert world.network.messages(to=FOREIGN) == 0


def test_five_redirections_and_no_more(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        Peer(world, SECOND).rejects(503)
        numbers = iter(range(700, 800))
        world.carrier.on_call = lambda call: world.carrier.node.submit(
            sip.Reject(call.leg, 302, headers={"Contact": f"<sip:0{next(numbers)}@192.0.2.1>"})
        )
        phone.call("0123456")
        await phone.sees(sig.Ended)
        assert len(world.carrier.incoming) == 6
        await world.settles()

    run(tmp_path, scenario, *setup(redirect="follow"), scan=False)


def test_without_the_word_the_next_route_is_tried(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, second = await world.phone("1001"), Peer(world, SECOND)
        second.answers()
        moves(world.carrier, f"<sip:0777@{SECOND}>")
        phone.call("0123456")
        await phone.sees(sig.Answered)
        assert [call.called for call in second.incoming] == ["0123456"]
        second.hang_up()
        await world.settles()

    run(tmp_path, scenario, *setup())
