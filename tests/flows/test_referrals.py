"""Transfers by REFER, message by message: who is told what, who hears whom, and when (XFR-1, XFR-2, XFR-3)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.model import Kind, Route, Trunk
from softswitch.model.address import Address
from softswitch.model.events import CallData, CallTransferred, LegEnded, TransferFailed
from tests.flows.world import SWITCH, Peer, World, run

SOON = 0.3
"""Seconds within which whoever belongs together hears each other (sip.md §10)."""


async def talk(world: World) -> tuple[Peer, str]:
    """A customer of the carrier talks to 1001; the phone and the customer's leg."""
    phone = await world.phone("1001")
    phone.answers()
    customer = world.carrier.call("4001", caller="13800138000")
    await world.carrier.sees(sig.Answered)
    await world.passes(1.0)
    world.engine.label(world.carrier.port, "customer")
    world.engine.label(phone.port, "first")
    return phone, customer


def refer(phone: Peer, to: str, **more: str) -> None:
    phone.node.submit(sip.Refer(phone.incoming[-1].leg, f"sip:{to}@{SWITCH[0]}", **more))


def reports(world: World, phone: Peer) -> list[tuple[int, str]]:
    """Each NOTIFY about a transfer that the phone got, repeats once: the status told, and the state of the subscription."""
    found: dict[str, tuple[int, str]] = {}
    for seen in world.network.wire:
        text = seen.data.decode()
        if seen.to_peer and seen.peer == phone.host and text.startswith("NOTIFY ") and "Event: refer" in text:
            status, state = re.search(r"SIP/2\.0 (\d+)", text.partition("\r\n\r\n")[2]), re.search(r"-State: ([a-z]+)", text)
            assert status and state
            found.setdefault(re.search(r"CSeq: (\d+)", text)[1], (int(status[1]), state[1]))  # type: ignore[index]
    return list(found.values())


Target = Callable[[World], Awaitable[Peer]]


async def _phone(world: World) -> Peer:
    return await world.phone("1002")


async def _trunk(world: World) -> Peer:
    return world.carrier


@pytest.mark.acceptance("XFR-1")
@pytest.mark.parametrize(("to", "target"), [("1002", _phone), ("0123456", _trunk)])
def test_who_sends_a_customer_on_is_told_until_somebody_answers(tmp_path: Path, to: str, target: Target) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await target(world)
        other.answers(after=3.0)
        invites = world.network.requests("INVITE", to=phone.host) + world.network.requests("INVITE", to=world.carrier.host)
        refer(phone, to, referred_by="sip:1001@softswitch")
        await world.passes(1.0)
        assert reports(world, phone) == [(100, "active"), (180, "active")]
        assert world.engine.hears(world.carrier.port if to == "1002" else _first_port(world)) == {"default"}, "music"
        assert not [event for event in phone.events if isinstance(event, sig.Ended)], "it waits in its dialog"
        await world.passes(2.0 + SOON)
        assert reports(world, phone)[-1] == (200, "terminated")
        world.engine.label(other.port, "other")
        if to == "1002":
            assert world.engine.hears(other.port) == {"customer"}
            assert world.engine.hears(world.carrier.port) == {"other"}
            now = world.network.requests("INVITE", to=phone.host) + world.network.requests("INVITE", to=world.carrier.host)
            assert now == invites, "nobody who talks has got an INVITE"
        await world.passes(1.5)
        assert not [event for event in phone.events if isinstance(event, sig.Ended)]
        await world.passes(0.5)
        assert (await phone.sees(sig.Ended)).q850 == 16
        world.carrier.hang_up(customer)
        await world.settles()

    world = run(tmp_path, scenario, scan=False)
    assert world.record().result == "answered"
    assert [event.values for event in world.seen(CallData)] == [{"referred_by": "<sip:1001@softswitch>"}]
    assert "us" in [event.by for event in world.seen(LegEnded)]


def _first_port(world: World) -> int:
    """The switch's port toward the customer, when the carrier has two."""
    return next(
        number for number, port in world.engine.ports.items()
        if port.command.remote is not None and port.command.remote[0] == world.carrier.host
    )  # fmt: skip


@pytest.mark.acceptance("XFR-1")
def test_a_queue_takes_whom_it_is_sent_at_once(tmp_path: Path) -> None:
    """And so does everything where the switch itself answers."""

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        refer(phone, "8000")
        await world.passes(SOON)
        assert reports(world, phone) == [(100, "active"), (200, "terminated")]
        await world.passes(2.0)
        await phone.sees(sig.Ended)
        assert world.switch.conferences.members("room") == 1
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("XFR-2")
@pytest.mark.parametrize(("status", "seconds"), [(486, 0.0), (404, 0.0), (408, 30.0)])
def test_whom_nobody_takes_talks_on(tmp_path: Path, status: int, seconds: float) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        if status == 408:
            other.rings()
        else:
            other.rejects(status)
        refer(phone, "1002")
        if seconds:
            await world.passes(seconds - 1.0)
            assert reports(world, phone)[-1] == (180, "active")
            await world.passes(1.0)
        await world.passes(SOON)
        assert reports(world, phone)[-1] == (status, "terminated")
        assert (await phone.sees(sig.TransferFailed)).status == status
        assert world.engine.hears(world.carrier.port) == {"first"}
        assert world.engine.hears(phone.port) == {"customer"}
        assert len(phone.incoming) == 1, "it is not rung, it never left"
        await world.passes(10.0)
        assert not [event for event in phone.events if isinstance(event, sig.Ended)]
        world.carrier.hang_up(customer)
        await phone.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario)
    assert [(event.kind, event.target) for event in world.seen(CallTransferred)][-1] == ("return", "extension:1001")


def test_a_number_that_is_none_is_told_at_once(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        refer(phone, "5999")
        assert (await phone.sees(sig.TransferFailed)).status == 404
        assert world.engine.hears(world.carrier.port) == {"first"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_who_has_hung_up_is_rung_again(tmp_path: Path) -> None:
    """Many phones leave as soon as their REFER is accepted."""

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.rings()
        refer(phone, "1002")
        await world.passes(1.0)
        phone.hang_up()
        await world.passes(28.0)
        assert len(phone.incoming) == 1
        await world.passes(2.0)
        assert len(phone.incoming) == 2
        world.engine.label(phone.port, "again")
        assert world.engine.hears(world.carrier.port) == {"again"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_the_customer_leaves_while_it_is_on_its_way(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.rings()
        refer(phone, "1002")
        await world.passes(1.0)
        world.carrier.hang_up(customer)
        assert (await phone.sees(sig.TransferFailed)).status == 487
        await phone.sees(sig.Ended)
        assert (await other.sees(sig.Ended)).cancelled
        await world.settles()

    run(tmp_path, scenario)


def test_the_caller_sends_on_whom_it_has_called(tmp_path: Path) -> None:
    """The phone that began the call transfers; the call goes on for the one it had called."""

    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        other.answers(after=1.0)
        phone.node.submit(sip.Refer(leg, f"sip:1002@{SWITCH[0]}"))
        await phone.sees(sig.TransferDone)
        await world.passes(SOON)
        for peer, name in ((world.carrier, "far"), (other, "other")):
            world.engine.label(peer.port, name)
        assert world.engine.hears(other.port) == {"far"} and world.engine.hears(world.carrier.port) == {"other"}
        await phone.sees(sig.Ended)
        world.carrier.hang_up()
        await other.sees(sig.Ended)
        await world.settles()

    run(tmp_path, scenario)


def test_the_sixth_transfer_of_a_call_is_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        other.rejects(486)
        for _ in range(5):
            refer(phone, "1002")
            assert (await phone.sees(sig.TransferFailed)).status == 486
            await world.passes(1.0)
        refer(phone, "1002")
        assert (await phone.sees(sig.TransferFailed)).status == 603
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


def test_a_number_that_refuses_everybody_ends_no_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        refer(phone, "4009")
        assert (await phone.sees(sig.TransferFailed)).status == 486
        assert world.engine.hears(world.carrier.port) == {"first"}
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("XFR-3")
@pytest.mark.parametrize("answers", [True, False])
def test_a_colleague_who_still_rings_rings_on_for_the_customer(tmp_path: Path, answers: bool) -> None:
    """Semi-attended: the second call moves while it is early; the phone that rings notices nothing."""

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        if answers:
            other.answers(after=5.0)
        else:
            other.rings()
        phone.modify("", "sendonly")
        await phone.sees(sig.Modified)
        asking = phone.call("1002")
        await world.passes(1.0)
        named = phone.node.endpoint.dialog_of(asking)
        assert named is not None
        tags = f"{named.call_id};to-tag={named.from_tag};from-tag={named.to_tag}"
        invites, quiet = len(other.incoming), world.network.messages(to=world.carrier.host)
        refer(phone, "1002", replaces=tags)
        await world.passes(1.0)
        ended = await phone.sees(sig.Ended)
        assert (ended.leg, ended.status) == (asking, 487), "only the second call of the transferor is over"
        assert reports(world, phone) == [(100, "active"), (180, "active")]
        assert world.engine.hears(world.carrier.port) == {"tone:450"}, "the customer hears it ring"
        assert not [event for event in other.events if isinstance(event, sig.Ended)]
        if answers:
            await world.passes(3.0 + SOON)
            world.engine.label(other.port, "other")
            assert world.engine.hears(world.carrier.port) == {"other"} and world.engine.hears(other.port) == {"customer"}
            assert reports(world, phone)[-1] == (200, "terminated")
            await world.passes(2.0)
            assert (await phone.sees(sig.Ended)).leg != asking
        else:
            await world.passes(29.0 + SOON)
            assert (await other.sees(sig.Ended)).cancelled
            assert reports(world, phone)[-1] == (408, "terminated")
            assert world.engine.hears(world.carrier.port) == {"default"}, "the phone has it on hold still"
            phone.modify("", "sendrecv", version=3)
            await world.passes(SOON)
            assert world.engine.hears(world.carrier.port) == {"first"}
        assert len(other.incoming) == invites
        assert world.network.messages(to=world.carrier.host) == quiet
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario, scan=False)


def test_both_see_whom_they_talk_to_now(tmp_path: Path) -> None:
    """1002 talks to 1001, which sends it on to the carrier: 1002 is told the number, the carrier that 1002 calls."""

    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        phone.answers()
        world.carrier.answers(after=1.0)
        leg = other.call("1001")
        await other.sees(sig.Answered)
        await world.passes(1.0)
        refer(phone, "0123456")
        await phone.sees(sig.TransferDone)
        await world.passes(0.5)
        assert world.carrier.incoming[-1].caller.uri_user == "1002"
        updates = [seen.data.decode() for seen in world.network.wire if seen.to_peer and seen.peer == other.host]
        (told,) = [text for text in updates if text.startswith("UPDATE ")]
        assert re.search(r"^P-Asserted-Identity: .*<sip:0123456@", told, re.M) and "Content-Length: 0" in told
        other.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, scan=False)


@pytest.mark.acceptance("XFR-3")
def test_the_dialog_of_somebody_else_is_forbidden(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        other = await world.phone("1002")
        theirs = other.call("9196")
        await other.sees(sig.Answered)
        named = other.node.endpoint.dialog_of(theirs)
        assert named is not None
        refer(phone, "9196", replaces=f"{named.call_id};to-tag={named.from_tag};from-tag={named.to_tag}")
        assert (await phone.sees(sig.TransferFailed)).status == 403
        assert world.engine.hears(world.carrier.port) == {"first"}
        world.carrier.hang_up(customer)
        other.hang_up(theirs)
        await world.settles()

    run(tmp_path, scenario, scan=False)


# ------------------------------------------------------------------- refer = "send"

SENDS = Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides={"session": {"refer": "send"}})


async def _asked(world: World, by: str) -> tuple[Peer, str, sig.TransferRequested]:
    """1001, or a program, sends the customer to an outside number; what the carrier was asked."""
    phone, customer = await talk(world)
    if by == "phone":
        refer(phone, "0123456")
    else:
        call = world.switch.calls.all()[0]
        world.switch.control.transfer(world.switch.control.hand_in(call.id, "crm"), "0123456")
    return phone, customer, await world.carrier.sees(sig.TransferRequested)


@pytest.mark.acceptance("XFR-5")
@pytest.mark.parametrize("by", ["phone", "api"])
@pytest.mark.parametrize("status", [503, 0])
def test_a_carrier_that_cannot_transfer_leaves_the_two_together(tmp_path: Path, by: str, status: int) -> None:
    """A report of 503, or 45 s of silence after its 202."""

    async def scenario(world: World) -> None:
        phone, customer, asked = await _asked(world, by)
        assert (asked.leg, asked.refer_to) == (customer, "sip:0123456@192.0.2.1")
        assert world.engine.hears(world.carrier.port) == {"default"}, "music meanwhile"
        if status:
            world.carrier.node.submit(sip.TransferResult(customer, 180))
            await world.passes(0.5)
            world.carrier.node.submit(sip.TransferResult(customer, status))
            await world.passes(0.5)
        else:
            await world.passes(44.5)
            assert not world.seen(TransferFailed)
            await world.passes(1.0)
        (failed,) = world.seen(TransferFailed)
        assert (failed.target, failed.status) == ("outside:0123456", status or 408)
        assert world.engine.hears(world.carrier.port) == {"first"} and world.engine.hears(phone.port) == {"customer"}
        if by == "phone":
            assert (await phone.sees(sig.TransferFailed)).status == failed.status
        world.carrier.hang_up(customer)
        await phone.sees(sig.Ended)
        await world.settles()

    run(tmp_path, scenario, (Kind.TRUNK, SENDS))


@pytest.mark.acceptance("XFR-5")
@pytest.mark.parametrize("leaves", [False, True])
def test_a_carrier_that_has_transferred_ends_both_legs(tmp_path: Path, leaves: bool) -> None:
    """It reports a 200, or hangs up before that (`refer_bye`): both mean that it is done."""

    async def scenario(world: World) -> None:
        phone, customer, _ = await _asked(world, "phone")
        if leaves:
            world.carrier.hang_up(customer)
        else:
            world.carrier.node.submit(sip.TransferResult(customer, 200))
        await phone.sees(sig.TransferDone)
        await phone.sees(sig.Ended)
        await world.settles()

    world = run(tmp_path, scenario, (Kind.TRUNK, SENDS))
    assert [(event.kind, event.result) for event in world.seen(CallTransferred)] == [("refer", ""), ("refer", "answered")]


def test_a_route_by_another_carrier_is_joined_here(tmp_path: Path) -> None:
    other = Trunk(name="other", addresses=(Address("192.0.2.9"),))

    async def scenario(world: World) -> None:
        phone, customer = await talk(world)
        far = Peer(world, "192.0.2.9")
        far.answers()
        refer(phone, "0999")
        await phone.sees(sig.TransferDone)
        assert far.incoming and not [event for event in world.carrier.events if isinstance(event, sig.TransferRequested)]
        world.carrier.hang_up(customer)
        await world.settles()

    run(tmp_path, scenario, (Kind.TRUNK, SENDS), (Kind.TRUNK, other), (Kind.ROUTE, Route(pattern="0999*", trunks=("other",))))
