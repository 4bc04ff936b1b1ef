"""Trunks as a carrier's engineer tests them: registration, whose a call is, E1 groups, health, failover (sip.md §10, TRK)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Number, Object, Route, Trunk, Way
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.events import LegStarted, TrunkStateChanged
from tests.flows.world import Peer, World, run, sdp

FIRST, SECOND, THIRD = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def _trunk(name: str, *hosts: str, profile: str = "generic", **overrides: Any) -> tuple[Kind, Object]:
    account = {key: overrides.pop(key) for key in ("username", "password", "register") if key in overrides}
    return Kind.TRUNK, Trunk(name=name, profile=profile, addresses=tuple(map(Address, hosts)), overrides=overrides, **account)


def _route(*trunks: str, ways: tuple[Way, ...] = ()) -> tuple[Kind, Object]:
    return Kind.ROUTE, Route(pattern="0*", trunks=trunks, ways=ways)


async def _watched(world: World, seconds: int) -> None:
    """Time goes by, and the trunk book looks round each second as it does in the running switch."""
    for _ in range(seconds):
        world.switch.trunks.probe()
        await world.passes(1.0)


def _state(world: World, name: str) -> str:
    return next(str(view["state"]) for view in world.switch.trunks.views() if view["name"] == name)


@pytest.mark.acceptance("TRK-1")
def test_an_account_is_tried_less_often_each_time_and_its_state_is_told(tmp_path: Path) -> None:
    account = {"username": "acct", "password": "pw", "register": True, "auth": {"require_registered": True}}

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.network.lost.add(THIRD)
        world.snapshot = world.snapshot.changed([_trunk("reg", THIRD, **account), _route("reg")])
        world.switch.trunks.configure(world.snapshot)
        await world.passes(400.0)
        sent = world.network.requests("REGISTER", to=THIRD, source="192.0.2.100")
        assert 11 <= sent <= 11 * 6, sent  # timer F is 32 s: one try, then waits of 30, 60, 120 … times 0.5 to 1
        assert _state(world, "reg") == "failed"
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 480
        assert world.network.requests("INVITE", to=THIRD) == 0, "calls go only while it is registered"
        world.switch.trunks.heard(sig.RegistrationState("reg", "rejected", 403, reason="Forbidden"))
        assert _state(world, "reg") == "rejected"
        world.switch.trunks.heard(sig.RegistrationState("reg", "registered", 200, world.loop.now + 600))
        assert world.switch.trunks.targets(["reg"], "0123456")

    world = run(tmp_path, scenario)
    assert [event.state for event in world.seen(TrunkStateChanged)][-2:] == ["rejected", "registered"]


@pytest.mark.acceptance("TRK-1")
def test_an_account_moves_to_the_next_server_when_one_is_gone(tmp_path: Path) -> None:
    account = {"username": "1001", "password": "secret", "register": True}

    async def scenario(world: World) -> None:
        sent = lambda there: world.network.requests("REGISTER", to=there, source="192.0.2.100")  # noqa: E731
        world.network.lost.add(SECOND)
        world.snapshot = world.snapshot.changed([_trunk("reg", SECOND, THIRD, **account)])
        world.switch.trunks.configure(world.snapshot)
        await world.passes(31.0)
        assert sent(SECOND) and not sent(THIRD)
        await world.passes(2.0)
        assert sent(THIRD) >= 1, "timer F of the first is over: the second is asked at once"
        world.switch.trunks.heard(sig.RegistrationState("reg", "registered", 200, world.loop.now + 600))
        world.network.lost = {THIRD}
        before = sent(SECOND)
        world.switch.trunks.heard(sig.RegistrationState("reg", "failed", 408, reason="timeout"))
        await world.passes(0.1)
        assert sent(SECOND) > before, "and back again when that one goes"

    run(tmp_path, scenario)


@pytest.mark.acceptance("TRK-2")
def test_of_two_trunks_at_one_address_the_number_or_the_host_tells(tmp_path: Path) -> None:
    numbers = (
        (Kind.NUMBER, Number(number=number, to=Destination.parse("echo"))) for number in ("+861055550000", "+861055551111")
    )

    async def scenario(world: World) -> None:
        for number in ("01055550000", "01055551111"):
            leg = world.carrier.call(number)
            await world.carrier.sees(sig.Answered)
            world.carrier.hang_up(leg)
            await world.passes(1.0)
        flow = sig.Flow("udp", world.carrier.node.address, ("192.0.2.100", 5060))
        body = sig.Body(sdp(FIRST))
        world.carrier.node.submit(sip.Invite("host", "sip:01055550000@b.example", flow, sig.Identity("9", "x"), "9", body))
        await world.carrier.sees(sig.Answered)
        world.carrier.hang_up("host")
        world.carrier.call("01099999999")
        assert (await world.carrier.sees(sig.Ended)).status in (200, 404)
        await world.settles()

    written = {"called_format": "national_trunk0"}
    world = run(
        tmp_path, scenario,
        _trunk("carrier", FIRST, transport={"dids": ["+861055550000-99"]}, inbound=written),
        _trunk("other", FIRST, transport={"dids": ["+86105555111X"], "domains": ["b.example"]}, inbound=written), *numbers,
    )  # fmt: skip
    created = [timeline[0] for timeline in world.timelines().values()]
    assert [event.trunk for event in created if hasattr(event, "trunk")] == ["carrier", "other", "other"]


@pytest.mark.parametrize(
    ("form", "number"),
    [
        ("e164_plus", "+861055550000"), ("e164", "861055550000"), ("national", "1055550000"), ("subscriber", "55550000"),
        ("national_trunk0", "01055550000"), ("national_trunk0", "010-5555-0000"), ("national_trunk0", "00861055550000"),
        ("national", "+861055550000"),
    ],
)  # fmt: skip
def test_a_declared_number_is_reached_however_the_carrier_writes_it(tmp_path: Path, form: str, number: str) -> None:
    """`inbound.called_format`: numbers are declared in E.164 once, whatever the carrier's plan is."""

    async def scenario(world: World) -> None:
        leg = world.carrier.call(number)
        await world.carrier.sees(sig.Answered)
        world.carrier.hang_up(leg)
        await world.settles()

    declared = (Kind.NUMBER, Number(number="+861055550000", to=Destination.parse("echo")))
    world = run(tmp_path, scenario, _trunk("carrier", FIRST, inbound={"called_format": form, "area": "10"}), declared)
    assert world.record().called == "+861055550000"


@pytest.mark.acceptance("TRK-2")
def test_a_stranger_at_the_port_of_a_trunk_hears_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        stranger = Peer(world, "203.0.113.9")
        stranger.call("9196", caller="x", login=False)
        await world.passes(40.0)
        assert world.network.messages(to="203.0.113.9") == 0
        await world.settles()

    run(tmp_path, scenario, _trunk("carrier", FIRST, transport={"listener": 5060}))


GROUPS = {"e1": 2, "select": "tgrp", "groups": ["e1-1", "e1-2"], "trunk_context": "gw1.example"}


@pytest.mark.acceptance("TRK-3")
def test_a_full_e1_sends_calls_by_the_next_group(tmp_path: Path) -> None:
    """31st call by the second group; the 61st is refused; the group stands in the Request-URI as RFC 4904 says."""
    uris: list[str] = []

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(after=0.05)
        for _ in range(60):
            phone.call("0123456")
            await phone.sees(sig.Answered)
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 480
        invites = [seen.data for seen in world.network.wire if seen.peer == FIRST and seen.data.startswith(b"INVITE ")]
        uris.extend(data.split()[1].decode() for data in invites)
        (view,) = [view for view in world.switch.trunks.views() if view["name"] == "gw"]
        assert [(group["name"], group["busy"], group["seizures"]) for group in view["groups"]] == [
            ("e1-1", 30, 30),
            ("e1-2", 30, 30),
        ]
        assert [line["channel"] for line in view["lines"]] == list(range(1, 61))
        for leg in range(1, 61):
            phone.hang_up(f"call{leg}")
        await world.settles()
        (view,) = [view for view in world.switch.trunks.views() if view["name"] == "gw"]
        assert not any(line["busy"] for line in view["lines"])
        assert all(line["busy_seconds"] > 0 for line in view["lines"])

    world = run(tmp_path, scenario, _trunk("gw", FIRST, gateway=GROUPS), _route("gw"))
    assert uris[0] == "sip:0123456;tgrp=e1-1;trunk-context=gw1.example@192.0.2.1"
    assert [uri.split(";")[1] for uri in uris] == ["tgrp=e1-1"] * 30 + ["tgrp=e1-2"] * 30
    assert [event.channel for event in world.seen(LegStarted)] == list(range(1, 61))


@pytest.mark.acceptance("TRK-3")
def test_cause_34_fills_a_group_for_two_seconds_and_cause_38_makes_it_suspect(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(503, 34)
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 480
        assert len(world.carrier.incoming) == 2, "the next group was tried"
        phone.call("0123456")
        await phone.sees(sig.Ended)
        assert len(world.carrier.incoming) == 2, "both are full for two seconds"
        await world.passes(2.1)
        world.carrier.rejects(502, 38)
        for _ in range(3):
            phone.call("0123456")
            await phone.sees(sig.Ended)
        states = next(view["groups"] for view in world.switch.trunks.views() if view["name"] == "gw")
        assert [group["state"] for group in states] == ["suspect", "suspect"]
        before = len(world.carrier.incoming)
        phone.call("0123456")
        await phone.sees(sig.Ended)
        assert len(world.carrier.incoming) == before, "no call while it is suspect"
        await world.passes(30.0)
        world.carrier.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        world.carrier.hang_up()
        await world.settles()

    run(tmp_path, scenario, _trunk("gw", FIRST, gateway=GROUPS, health={"half_open": 0}), _route("gw"))


@pytest.mark.acceptance("TRK-3")
def test_a_call_that_comes_in_is_on_the_line_that_the_gateway_tells(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        contact = "<sip:138;tgrp=e1-2;trunk-context=gw1.example@192.0.2.1>"
        lines, slot = world.switch.trunks.line_of("gw", contact, {"x-channel": "17"})
        assert (lines, slot) == ((31, 60), 46)

    run(tmp_path, scenario, _trunk("gw", FIRST, gateway={**GROUPS, "channel_header": "X-Channel"}))


@pytest.mark.acceptance("TRK-4")
def test_options_tell_what_is_up(tmp_path: Path) -> None:
    """A 404 is an answer; silence makes it down, two answers up again; no call waits for an address that is down."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        spare = Peer(world, SECOND)
        spare.answers()
        await _watched(world, 35)
        assert _state(world, "carrier") == "up"
        assert world.network.requests("OPTIONS", to=FIRST) >= 2
        world.network.lost.add(FIRST)
        await _watched(world, 200)
        assert _state(world, "carrier") == "down"
        began = world.loop.now
        phone.call("0123456")
        await phone.sees(sig.Answered)
        assert world.loop.now - began < 1.0
        spare.hang_up()
        world.network.lost.clear()
        await _watched(world, 60)
        assert _state(world, "carrier") == "up"
        await world.settles()

    world = run(
        tmp_path,
        scenario,
        _trunk("carrier", FIRST, health={"options": 30}),
        _trunk("spare", SECOND),
        _route("carrier", "spare"),
    )
    assert [event.state for event in world.seen(TrunkStateChanged)] == ["down", "up"]


@pytest.mark.acceptance("TRK-5")
@pytest.mark.parametrize(
    ("status", "q850", "tries"), [(503, 0, 2), (480, 34, 2), (486, 0, 1), (404, 0, 1), (488, 0, 3), (603, 0, 1)]
)
def test_what_a_refusal_means_for_the_next_trunk(tmp_path: Path, status: int, q850: int, tries: int) -> None:
    """488 is tried once more with every codec that we have, then elsewhere. Each attempt is a call of its own."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        second = Peer(world, SECOND)
        for peer in (world.carrier, second):
            peer.rejects(status, q850)
        phone.call("0123456")
        await phone.sees(sig.Ended)
        calls = [*world.carrier.incoming, *second.incoming]
        assert len(calls) == (tries + 1 if status == 488 else tries)
        assert len({call.call_id for call in calls}) == len(calls)
        await world.settles()

    narrow = {"codecs": ["PCMA"]}
    run(
        tmp_path, scenario, _trunk("carrier", FIRST, media=narrow), _trunk("spare", SECOND, media=narrow),
        _route("carrier", "spare"),
    )  # fmt: skip


@pytest.mark.acceptance("TRK-5")
def test_who_does_not_ring_loses_the_call_to_the_next(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.on_call = lambda _call: None  # 100, and nothing more
        second = Peer(world, SECOND)
        second.answers()
        began = world.loop.now
        phone.call("0123456")
        await phone.sees(sig.Answered)
        assert 8.0 <= world.loop.now - began < 10.0
        assert world.network.requests("CANCEL", to=FIRST) >= 1
        second.hang_up()
        await world.settles()

    run(tmp_path, scenario, _trunk("carrier", FIRST), _trunk("spare", SECOND), _route("carrier", "spare"))


def test_the_cheapest_way_is_first_and_the_second_priority_waits(tmp_path: Path) -> None:
    ways = (Way(trunk="dear", cost=0.3), Way(trunk="carrier", cost=0.1), Way(trunk="last", priority=2))

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        peers = [world.carrier, Peer(world, SECOND), Peer(world, THIRD)]
        for peer in peers:
            peer.rejects(503)
        phone.call("0123456")
        await phone.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario, _trunk("dear", SECOND), _trunk("last", THIRD), _route(ways=ways))
    assert [event.trunk for event in world.seen(LegStarted)] == ["carrier", "dear", "last"]


def test_an_emergency_passes_where_nothing_else_does(tmp_path: Path) -> None:
    """No free channel, no route, a number that is withheld: 110 is called, and is told who calls."""

    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        world.carrier.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        other.call("0123456")
        assert (await other.sees(sig.Ended)).status == 480
        other.call("*67110")
        await other.sees(sig.Answered)
        assert (world.carrier.incoming[-1].called, world.carrier.incoming[-1].caller.uri_user) == ("110", "1002")
        phone.hang_up("call1")
        other.hang_up("call2")
        await world.settles()

    run(tmp_path, scenario, _trunk("carrier", FIRST, limits={"channels": 1}))


def test_an_emergency_passes_a_full_switch(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        world.carrier.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        other.call("0123456")
        assert (await other.sees(sig.Ended)).status == 503
        other.call("110")
        await other.sees(sig.Answered)
        assert world.carrier.incoming[-1].called == "110"
        phone.hang_up("call1")
        other.hang_up("call2")
        await world.settles()

    run(tmp_path, scenario, _trunk("carrier", FIRST), max_calls=1)


def test_a_carrier_that_says_it_has_too_much_gets_half(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        pace = world.switch.trunks._carriers["carrier"].pace
        for _ in range(40):
            pace.sent(world.loop.now)
        world.switch.trunks.overloaded(sig.Flow("udp", ("192.0.2.100", 5060), (FIRST, 5060)))
        assert pace.limit(world.loop.now) == 20.0
        await world.passes(20.0)
        assert pace.limit(world.loop.now) == pytest.approx(20.0 * 1.1**2)

    run(tmp_path, scenario)
