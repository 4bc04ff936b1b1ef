"""Transfers on the wire: REFER by phones, attended with Replaces, several devices of one extension, auto-answer."""

from __future__ import annotations

from pathlib import Path

from signalling import commands as sip
from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.directory.model import Agent, Kind, Number
from softswitch.model.destination import Destination
from softswitch.model.events import CallTransferred
from tests.flows.world import Peer, World, run


def _call(world: World) -> Call:
    return world.switch.calls.all()[0]


async def _talk(world: World) -> tuple[Peer, str]:
    phone = await world.phone("1001")
    phone.answers()
    leg = world.carrier.call("4001")
    await world.carrier.sees(sig.Answered)
    await world.passes(1.0)
    world.engine.label(world.carrier.port, "customer")
    return phone, leg


def test_a_transferred_customer_is_never_told_anything(tmp_path: Path) -> None:
    """Consult, complete and the end of the first phone: on the customer's dialog not one message."""

    async def scenario(world: World) -> None:
        first, second = await _talk(world), await world.phone("1002")
        phone, leg = first
        second.answers()
        quiet = world.network.messages(to=world.carrier.host)
        call = _call(world)
        hand = world.switch.control.hand_in(call.id, "crm")
        world.switch.control.consult(hand, "1002")
        await world.passes(1.5)
        world.engine.label(second.port, "second")
        world.engine.label(phone.port, "first")
        assert world.engine.hears(world.carrier.port) == {"default"}
        assert world.engine.hears(second.port) == {"first"}
        world.switch.control.consult_complete(hand)
        assert world.engine.hears(world.carrier.port) == {"second"}
        await phone.sees(sig.Ended)
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up(leg)
        await second.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)] == [("attended", "extension:1002")]
    assert world.record().hold_ms > 1000


def test_a_phone_sends_its_customer_on(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        second = await world.phone("1002")
        second.answers()
        switch_leg = next(party.leg.id for party in _call(world).conversation.others)
        world.switch.heard(sig.TransferRequested(switch_leg, "1002"))
        await phone.sees(sig.Ended)
        await world.passes(1.5)
        world.engine.label(second.port, "second")
        assert world.engine.hears(world.carrier.port) == {"second"}
        world.carrier.hang_up(leg)
        await world.settles()

    assert run(tmp_path, scenario).record().result == "answered"


def test_a_phone_joins_its_customer_with_the_colleague_it_has_asked(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        second = await world.phone("1002")
        second.answers()
        phone.modify("", "sendonly")
        await phone.sees(sig.Modified)
        asking = phone.call("1002")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        world.engine.label(second.port, "second")
        first, other = world.switch.calls.all()
        quiet = world.network.messages(to=world.carrier.host)
        dialog = f"{other.caller.facts.sip_call_id};to-tag=x;from-tag=y"
        world.switch.heard(sig.TransferRequested(first.conversation.others[0].leg.id, "1002", dialog))
        await world.passes(0.5)
        assert world.engine.hears(world.carrier.port) == {"second"}
        assert world.engine.hears(second.port) == {"customer"}
        ended = [event for event in phone.events if isinstance(event, sig.Ended)]
        assert asking in {event.leg for event in ended} and len(ended) == 2, "the phone is out of both calls"
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up(leg)
        await second.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)] == [("attended", "extension:1002")]


def test_every_device_of_an_extension_rings_for_a_placed_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        desk = await world.phone("1001")
        mobile = Peer(world, "198.51.100.77", 5062, number="1001")
        mobile.register()
        await mobile.sees(sig.RegistrationState)
        desk.rings()
        mobile.answers(after=1.0)
        other = await world.phone("1002")
        other.answers()
        await world.switch.calls.originate("extension:1001", Destination.parse("extension:1002"), "crm")
        await world.passes(0.5)
        assert desk.incoming and mobile.incoming
        await world.passes(1.0)
        assert (await desk.sees(sig.Ended)).cancelled
        await world.passes(1.0)
        world.engine.label(mobile.port, "mobile")
        world.engine.label(other.port, "other")
        assert world.engine.hears(other.port) == {"mobile"}
        mobile.hang_up()
        await other.sees(sig.Ended)
        await world.settles()

    run(tmp_path, scenario)


def test_all_devices_refuse_a_placed_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        desk = await world.phone("1001")
        mobile = Peer(world, "198.51.100.77", 5062, number="1001")
        mobile.register()
        await mobile.sees(sig.RegistrationState)
        desk.rejects(486)
        mobile.rejects(486)
        await world.switch.calls.originate("extension:1001", Destination.parse("echo"), "crm")
        await world.settles()

    assert run(tmp_path, scenario).record().result == "busy"


def test_a_phone_is_asked_to_answer_by_itself(tmp_path: Path) -> None:
    """For an agent whose profile says so, and for nobody else at the same phone."""
    invites: list[sip.Invite] = []

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        submit = world.switch.sip._submit

        def spy(command: sip.Command) -> None:
            if isinstance(command, sip.Invite):
                invites.append(command)
            submit(command)

        world.switch.sip._submit = spy
        for to in ("4010", "4001"):
            leg = world.carrier.call(to)
            await world.carrier.sees(sig.Answered)
            world.carrier.hang_up(leg)
            await world.passes(1.0)
        await world.settles()

    wu = Agent(login="wu", station="extension:1001", auto_answer=True)
    run(tmp_path, scenario, (Kind.AGENT, wu), (Kind.NUMBER, Number(number="4010", to=Destination.parse("agent:wu"))))
    for_agent, for_extension = invites
    assert for_agent.headers["Call-Info"].endswith(";answer-after=0")
    assert "auto" in for_agent.headers["Alert-Info"]
    assert not {"Call-Info", "Alert-Info"} & set(for_extension.headers)
