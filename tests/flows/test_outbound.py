"""Phones call the outside: route patterns, failover in order, early media, what the carrier is told and tells."""

from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Object, Route, Trunk
from softswitch.model.address import Address
from softswitch.model.events import CallTransferred, LegStarted, TrunkStateChanged
from tests.flows.world import SWITCH, Peer, World, run, sdp

TWO: tuple[tuple[Kind, Object], ...] = (
    (Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"), Address("192.0.2.2")))),
    (Kind.TRUNK, Trunk(name="spare", addresses=(Address("192.0.2.3", 5080),))),
    (Kind.ROUTE, Route(pattern="0*", trunks=("carrier", "spare"))),
)


def test_a_phone_reaches_a_carrier(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(after=1.0)
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        sent = world.carrier.incoming[0]
        assert sent.called == "0123456"
        assert sent.caller.uri_user == "1001"
        await world.passes(2.0)
        world.carrier.hang_up()
        assert (await phone.sees(sig.Ended)).leg == leg
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.direction, record.trunk, record.caller, record.called) == ("out", "carrier", "1001", "0123456")
    assert (record.result, record.who) == ("answered", "callee")


def test_a_number_without_route_is_404(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.call("555")
        assert (await phone.sees(sig.Ended)).status == 404
        assert not world.carrier.incoming
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize("fault", ["silent", "503", "500"])
def test_the_next_address_is_tried(tmp_path: Path, fault: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        second = Peer(world, "192.0.2.2")
        second.answers()
        if fault == "silent":
            world.network.lost.add("192.0.2.1")
        else:
            world.carrier.rejects(int(fault))
        began = world.loop.now
        phone.call("0123456")
        await phone.sees(sig.Answered)
        assert world.loop.now - began < 5.0
        second.hang_up()
        await world.settles()

    world = run(tmp_path, scenario, *TWO)
    assert len(world.seen(LegStarted)) == 2
    assert world.record().result == "answered"


def test_an_address_that_is_down_delays_no_second_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        second = Peer(world, "192.0.2.2")
        second.answers()
        world.network.lost.add("192.0.2.1")
        for _ in range(2):
            began = world.loop.now
            phone.call("0123456")
            await phone.sees(sig.Answered)
            took = world.loop.now - began
            second.hang_up()
            await world.passes(1.0)
        assert took < 1.0
        await world.settles()

    world = run(tmp_path, scenario, *TWO)
    assert world.seen(TrunkStateChanged)[0].detail == "192.0.2.1:5060"


def test_the_second_trunk_of_a_route(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(503)
        second = Peer(world, "192.0.2.2")
        second.rejects(503)
        spare = Peer(world, "192.0.2.3", 5080)
        spare.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        spare.hang_up()
        await world.settles()

    targets = [event.trunk for event in run(tmp_path, scenario, *TWO).seen(LegStarted)]
    assert targets == ["carrier", "carrier", "spare"]


def test_a_final_refusal_is_not_tried_elsewhere(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(486)
        second = Peer(world, "192.0.2.2")
        second.answers()
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 486
        assert not second.incoming
        await world.settles()

    run(tmp_path, scenario, *TWO)


def test_when_all_are_down_the_one_that_failed_longest_ago_is_tried(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        peers = [world.carrier, Peer(world, "192.0.2.2"), Peer(world, "192.0.2.3", 5080)]
        for peer in peers:
            peer.rejects(503)
        phone.call("0123456")
        ended = await phone.sees(sig.Ended)
        assert ended.status == 480  # to a phone a 503 would mean that the switch is dead
        phone.call("0123456")
        await phone.sees(sig.Ended)
        assert [len(peer.incoming) for peer in peers] == [2, 1, 1]
        await world.settles()

    run(tmp_path, scenario, *TWO)


def test_the_carrier_is_heard_before_it_answers(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(after=5.0, early=True)
        leg = phone.call("0123456")
        progress = await phone.sees(sig.Progress)
        assert progress.status == 183
        assert progress.body is not None
        await world.passes(0.1)
        world.engine.label(world.carrier.port, "carrier")
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(phone.port) == {"carrier"}
        assert world.engine.hears(world.carrier.port) == set()  # nothing goes out before the answer (sip.md §4.7)
        answered = await phone.sees(sig.Answered)
        assert answered.body == progress.body
        await world.passes(0.1)
        assert world.engine.hears(world.carrier.port) == {"phone"}
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


def test_early_media_may_be_blocked_by_the_trunk(tmp_path: Path) -> None:
    trunk = Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides={"media": {"early_media": "block"}})

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(after=5.0, early=True)
        phone.call("0123456")
        progress = await phone.sees(sig.Progress)
        assert (progress.status, progress.body) == (180, None)
        await phone.sees(sig.Answered)
        world.carrier.hang_up()
        await world.settles()

    run(tmp_path, scenario, (Kind.TRUNK, trunk))


def test_the_trunk_rewrites_numbers_and_knows_its_limits(tmp_path: Path) -> None:
    trunk = Trunk(
        name="carrier",
        addresses=(Address("192.0.2.1"),),
        username="acct",
        password="pw",
        overrides={
            "outbound": {"strip": 1, "prefix": "+86", "sender": "account"},
            "limits": {"channels": 1, "max_duration": 60},
        },
    )

    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        world.carrier.answers()
        phone.call("0123456")
        await phone.sees(sig.Answered)
        sent = world.carrier.incoming[0]
        assert (sent.called, sent.caller.uri_user) == ("+86123456", "acct")
        other.call("0999")
        assert (await other.sees(sig.Ended)).status == 480
        assert len(world.carrier.incoming) == 1
        await world.passes(62.0)
        assert (await phone.sees(sig.Ended)).status == 200
        await world.settles()

    world = run(tmp_path, scenario, (Kind.TRUNK, trunk))
    causes = [event.cause for timeline in world.timelines().values() for event in timeline if event.type == "call.ended"]
    assert sorted(causes) == ["congestion", "max_duration"]


def test_digits_of_info_reach_the_other_side(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(0.1)
        phone.node.submit(sip.SendInfo(leg, sig.Body(b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")))
        await world.passes(0.1)
        assert world.engine.ports[world.carrier.port].dtmf_sent == "5"
        phone.hang_up(leg)
        await world.settles()

    assert "leg.dtmf" in run(tmp_path, scenario).kinds()


def test_a_delayed_offer_is_answered_with_ours(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        leg = world.carrier.call("9196", body=None)
        answered = await world.carrier.sees(sig.Answered)
        assert answered.needs_ack_body
        world.carrier.node.submit(sip.Acknowledge(leg, sig.Body(sdp("192.0.2.1"))))
        await world.passes(0.1)
        world.engine.label(world.carrier.port, "caller")
        assert world.engine.hears(world.carrier.port) == {"caller"}
        world.carrier.hang_up(leg)
        await world.settles()

    assert run(tmp_path, scenario).record().result == "answered"


@pytest.mark.parametrize(("dialled", "arrives"), [("0%201%3e", "0 1>"), ("0%40evil%3fx=y", "0@evil?x=y")])
def test_signs_of_a_number_stay_in_the_number(tmp_path: Path, dialled: str, arrives: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(404)
        phone.call(dialled)
        assert (await phone.sees(sig.Ended)).status == 404
        assert [call.called for call in world.carrier.incoming] == [arrives]
        await world.settles()

    run(tmp_path, scenario)


def test_a_number_that_no_uri_can_hold_is_484(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        flow = sig.Flow("udp", phone.node.address, SWITCH)
        target, login = f"sip:0{'é' * 500}@{SWITCH[0]}", sip.Login("1001", "secret")
        phone.node.submit(
            sip.Invite("long", target, flow, sig.Identity("1001", "x"), "x", sig.Body(sdp(phone.host)), login=login)
        )
        assert (await phone.sees(sig.Ended, 2.0)).status == 484
        assert world.switch.sip.on_trunk("carrier") == 0
        await world.settles()

    run(tmp_path, scenario)


def test_a_call_that_may_go_no_further_is_483(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        flow = sig.Flow("udp", world.carrier.node.address, SWITCH)
        body = sig.Body(sdp(world.carrier.host))
        world.carrier.node.submit(
            sip.Invite("tired", f"sip:4001@{SWITCH[0]}", flow, sig.Identity("1", "x"), "4001", body, max_forwards=0)
        )
        assert (await world.carrier.sees(sig.Ended)).status == 483
        assert not phone.incoming
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize(("by", "result"), [("outside", "forbidden"), ("phone", "")])
def test_the_outside_cannot_send_a_caller_outside_at_our_expense(tmp_path: Path, by: str, result: str) -> None:
    """REFER by the called party: a phone may, a stranger behind the carrier may not."""

    async def scenario(world: World) -> None:
        phone, colleague = await world.phone("1001"), await world.phone("1002")
        world.carrier.answers()
        colleague.answers()
        phone.call("0123456" if by == "outside" else "1002")
        await phone.sees(sig.Answered)
        calls = len(world.carrier.incoming)
        (leg,) = [event.leg for event in world.seen(LegStarted)]
        world.switch.heard(sig.TransferRequested(leg, "0900666", ""))
        await world.passes(1.0)
        dialled = [call.called for call in world.carrier.incoming[calls:]]
        assert dialled == ([] if result else ["0900666"])
        phone.hang_up("call1")
        await world.settles()

    world = run(tmp_path, scenario)
    assert [event.result for event in world.seen(CallTransferred) if event.kind == "blind" and event.result] == [
        value for value in [result] if value
    ]
