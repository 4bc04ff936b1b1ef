"""Echo, conference rooms, calls placed by program or page, the widget, transfer, limits of length."""

from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.destination import Destination
from softswitch.model.errors import Busy, Conflict, Invalid
from softswitch.model.events import CallTransferred, ConferenceJoined, ConferenceLeft
from tests.flows.world import Peer, World, browser_offer, run


def test_echo(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        leg = world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        world.engine.label(world.carrier.port, "me")
        assert world.engine.hears(world.carrier.port) == {"me"}
        world.carrier.hang_up(leg)
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.who) == ("answered", "caller")


def test_first_audio_is_routed_with_the_200(tmp_path: Path) -> None:
    """The route is there before the 200 has left: nothing of it waits for the ACK or for a later turn."""

    async def scenario(world: World) -> None:
        answered_at: list[set[str]] = []

        def look(event: sig.Event) -> None:
            if isinstance(event, sig.Answered):
                answered_at.append(world.engine.hears(world.carrier.port))

        world.carrier.node.on_event = look
        leg = world.carrier.call("9196")
        await world.passes(0.1)
        assert len(answered_at) == 1
        assert answered_at[0]
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


def test_a_room_for_three(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        peers = [world.carrier, await world.phone("1001"), await world.phone("1002")]
        for peer in peers:
            peer.call("8000")
            await peer.sees(sig.Answered)
        for peer in peers:
            world.engine.label(peer.port, peer.host)
        await world.passes(0.1)
        names = {peer.host for peer in peers}
        for peer in peers:
            assert world.engine.hears(peer.port) == names - {peer.host}
        peers[0].hang_up("call1")
        await world.passes(0.1)
        assert world.engine.hears(peers[1].port) == {peers[2].host}
        peers[1].hang_up("call1")
        peers[2].hang_up("call1")
        await world.settles()
        assert world.switch.conferences.members("room") == 0

    world = run(tmp_path, scenario)
    assert len(world.seen(ConferenceJoined)) == len(world.seen(ConferenceLeft)) == 3


def test_a_program_connects_two_phones(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, second = await world.phone("1001"), await world.phone("1002")
        first.answers(after=1.0)
        second.answers(after=1.0)
        call = await world.switch.calls.originate("extension:1001", Destination.parse("extension:1002"), "token:crm")
        await world.passes(0.5)
        assert first.incoming
        assert not second.incoming
        await world.passes(1.0)
        assert second.incoming
        assert [peer.incoming[0].caller.uri_user for peer in (first, second)] == ["1002", "1001"]  # each sees the other one
        world.engine.label(first.port, "first")
        assert len(world.engine.hears(first.port)) == 1  # it hears ringing
        await world.passes(1.5)
        world.engine.label(second.port, "second")
        assert world.engine.hears(first.port) == {"second"}
        assert world.engine.hears(second.port) == {"first"}
        assert world.switch.calls.view(call) is not None
        second.hang_up()
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.source, record.direction, record.caller, record.called) == ("api", "internal", "1001", "1002")
    assert (record.result, record.who) == ("answered", "callee")


def test_the_first_party_does_not_answer(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, second = await world.phone("1001"), await world.phone("1002")
        first.rings()
        await world.switch.calls.originate("extension:1001", Destination.parse("extension:1002"), "crm")
        await world.passes(40.0)
        assert not second.incoming
        await world.settles()

    assert run(tmp_path, scenario).record().result == "no_answer"


def test_the_first_party_refuses(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first = await world.phone("1001")
        first.rejects(486)
        await world.switch.calls.originate("extension:1001", Destination.parse("echo"), "crm")
        await world.settles()

    assert run(tmp_path, scenario).record().result == "busy"


def test_what_cannot_start_a_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        calls, to = world.switch.calls, Destination.parse("echo")
        with pytest.raises(Conflict):
            await calls.originate("extension:1001", to, "crm")
        with pytest.raises(Conflict):
            await calls.originate("agent:li", to, "crm")
        with pytest.raises(Invalid):
            await calls.originate("queue:sales", to, "crm")
        with pytest.raises(Invalid):
            await calls.originate("nonsense", to, "crm")
        calls.refuse_new()
        with pytest.raises(Busy):
            await calls.originate("extension:1001", to, "crm")

    run(tmp_path, scenario)


def test_an_agent_dials_from_its_page(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        port = await world.browser("li")
        world.carrier.answers(after=1.0)
        await world.switch.calls.dial("li", "0123456")
        await world.passes(0.5)
        assert world.engine.hears(port)  # ringing
        await world.passes(1.0)
        world.engine.label(world.carrier.port, "customer")
        assert world.engine.hears(port) == {"customer"}
        assert world.engine.hears(world.carrier.port) == {"li"}
        world.switch.stations.press("li", "7")
        assert world.engine.ports[world.carrier.port].dtmf_sent == "7"
        world.switch.stations.hang_up("li")
        assert (await world.carrier.sees(sig.Ended)).status == 200
        with pytest.raises(Conflict):
            await world.switch.calls.dial("li", "555")
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.direction, record.agent, record.called, record.source) == ("out", "li", "0123456", "browser")
    assert record.who == "agent"


def test_the_widget_calls_what_its_token_says(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        session = world.switch.browsers.widget()
        await session.offer(browser_offer())
        context = {"page": "https://shop.example/cart"}
        call = await world.switch.calls.start_widget(session, Destination.parse("echo"), context, "Eve")
        await world.passes(0.5)
        assert world.engine.hears(session.port)
        view = world.switch.calls.view(call)
        assert view is not None
        assert (view.source, view.direction, dict(view.context)) == ("widget", "in", context)
        session.close()
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.caller_name, dict(record.context)) == (
        "answered",
        "Eve",
        {"page": "https://shop.example/cart"},
    )


def test_a_phone_sends_its_caller_elsewhere(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, second = await world.phone("1001"), await world.phone("1002")
        first.answers()
        second.answers()
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(0.5)
        (call,) = world.switch.calls._live.values()
        call.redirect(Destination.parse("extension:1002"), actor="li")
        await first.sees(sig.Ended)
        await world.passes(1.0)
        world.engine.label(second.port, "second")
        assert world.engine.hears(world.carrier.port) == {"second"}
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario)
    assert world.seen(CallTransferred)[0].target == "extension:1002"
    assert world.record().result == "answered"


def test_calls_end_after_the_longest_time(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        await world.passes(14_399.0)
        assert len(world.switch.calls) == 1
        await world.passes(2.0)
        assert (await world.carrier.sees(sig.Ended)).status == 200
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "max_duration"


@pytest.mark.acceptance("TXN-6")
def test_all_devices_of_an_extension_ring_and_one_answers(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        desk = await world.phone("1001")
        soft = Peer(world, "198.51.100.77", 5062, number="1001")
        soft.register()
        await soft.sees(sig.RegistrationState)
        desk.rings()
        soft.answers(after=2.0)
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        ended = await desk.sees(sig.Ended)
        assert (ended.cancelled, ended.q850) == (True, 26)
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("TXN-6")
def test_two_devices_answer_in_the_same_moment(tmp_path: Path) -> None:
    """The first is joined; the other's 200 gets its ACK and a BYE, and the missed call is none."""

    async def scenario(world: World) -> None:
        desk = await world.phone("1001")
        soft = Peer(world, "198.51.100.77", 5062, number="1001")
        soft.register()
        await soft.sees(sig.RegistrationState)
        for device in (desk, soft):
            device.answers(after=1.0)
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(1.0)
        gone = [event for device in (desk, soft) for event in device.events if isinstance(event, sig.Ended)]
        assert [event.status for event in gone] == [200]
        assert len(world.engine.hears(world.carrier.port)) == 1
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


def test_a_port_that_fails_ends_the_call(tmp_path: Path) -> None:
    from media.events import PortFailed

    async def scenario(world: World) -> None:
        world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        world.engine.emit(PortFailed(world.carrier.port, "socket"))
        await world.passes(0.1)
        assert (await world.carrier.sees(sig.Ended)).status == 200
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "media_failure"


def test_no_media_port_left_is_503(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.engine._max_ports = 0
        world.carrier.call("9196")
        assert (await world.carrier.sees(sig.Ended)).status == 503
        await world.settles()

    run(tmp_path, scenario)


def test_agent_facts_carry_the_caller() -> None:
    facts = LegFacts(inbound=True, kind=PartyKind.WIDGET, party="", caller="web")
    assert facts.source == "widget"


def test_an_unknown_info_body_presses_nothing(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        leg = world.carrier.call("9196")
        await world.carrier.sees(sig.Answered)
        await world.passes(0.1)
        world.carrier.node.submit(sip.SendInfo(leg, sig.Body(b"<xml/>", "application/xml")))
        await world.passes(0.1)
        world.carrier.hang_up(leg)
        await world.settles()

    assert "leg.dtmf" not in run(tmp_path, scenario).kinds()
