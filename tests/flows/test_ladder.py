"""What is kept of whole calls, and what the ladder says of them, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.directory.model import Kind, Object, Route, Trunk
from softswitch.model.address import Address
from softswitch.trace.ladder import Ladder, ladder
from softswitch.trace.messages import Messages
from softswitch.trace.service import TraceForm, Traces
from softswitch.trace.tables import pack, unpack
from softswitch.trace.verdicts import verdicts
from tests.flows.world import Peer, World, run

TWO: tuple[tuple[Kind, Object], ...] = (
    (Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),))),
    (Kind.TRUNK, Trunk(name="spare", addresses=(Address("192.0.2.3", 5080),))),
    (Kind.ROUTE, Route(pattern="0*", trunks=("carrier", "spare"))),
)


def observed(world: World) -> Traces:
    messages = Messages(world.clock.utc)
    traces = Traces(messages, world.node.endpoint.call_id_of, world.clock, TraceForm())
    world.network.observer = messages.note
    world.on_event = traces.take
    return traces


def seen(tmp_path: Path, scenario: Callable[[World], Awaitable[None]], *extra: tuple[Kind, Object]) -> Ladder:
    """The ladder of the only call, by way of what would lie in the database."""
    kept: list[Traces] = []

    async def watched(world: World) -> None:
        kept.append(observed(world))
        await scenario(world)
        await world.passes(2.0)

    world = run(tmp_path, watched, *extra)
    ((call, events),) = world.timelines().items()
    ended = kept[0]._batch(0.0, all_of_them=True)
    assert [name for name, _ in ended] == [call]
    dialogs, legs = unpack(pack(ended[0][1].dialogs, ended[0][1].legs))
    assert kept[0].messages.octets == 0 or not kept[0].messages._claimed
    return ladder(call, events, type(ended[0][1])(dialogs, legs))


def said(found: Ladder) -> dict[str, str]:
    return {verdict.rule: verdict.text.en for verdict in verdicts(found)}


def test_both_legs_of_a_call_stand_side_by_side(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers(after=1.0)
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(20.0)
        phone.hang_up(leg)
        await world.passes(1.0)

    found = seen(tmp_path, scenario)
    assert [(party.role, party.kind, party.name) for party in found.parties] == [
        ("caller", "extension", "1001"), ("switch", "switch", ""), ("callee", "trunk", "carrier"),
    ]  # fmt: skip
    assert [party.address for party in found.parties] == ["198.51.100.1:5062", "", "192.0.2.1:5060"]
    left = [(step.sent, step.words.status or step.words.method) for step in found.of(found.parties[0])]
    assert left == [
        (False, "INVITE"), (True, 401), (False, "ACK"), (False, "INVITE"), (True, 100), (True, 180), (True, 200),
        (False, "ACK"), (False, "BYE"), (True, 200),
    ]  # fmt: skip
    right = [(step.sent, step.words.status or step.words.method) for step in found.of(found.parties[2])]
    assert right == [(True, "INVITE"), (False, 100), (False, 180), (False, 200), (True, "ACK"), (True, "BYE"), (False, 200)]
    assert said(found) == {"talked": "They talked for 20 s; the caller hung up"}
    text = "\n".join(step.words.text for step in found.steps)
    assert 'username="1001"' in text
    assert 'response="***' in text
    assert 'nonce="***' in text


@pytest.mark.parametrize("gave_up_after", [5.0])
def test_the_caller_hangs_up_while_it_rings(tmp_path: Path, gave_up_after: float) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rings()
        leg = phone.call("0123456")
        await world.passes(gave_up_after)
        phone.hang_up(leg)
        await world.passes(1.0)

    found = said(seen(tmp_path, scenario))
    assert found == {"gave_up_ringing": "The caller hung up after 5 s of ringing"}


def test_a_trunk_without_channels_and_the_next_route(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        spare = Peer(world, "192.0.2.3", 5080)
        spare.answers()
        world.carrier.rejects(503)
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(10.0)
        phone.hang_up(leg)
        await world.passes(1.0)

    found = said(seen(tmp_path, scenario, *TWO))
    assert found == {
        "next_route": "Trunk carrier answered 503, the next route was tried",
        "talked": "They talked for 10 s; the caller hung up",
    }


def test_a_carrier_that_knows_none_of_the_codecs(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(488)
        phone.call("0123456")
        await phone.sees(sig.Ended)
        await world.passes(1.0)

    found = said(seen(tmp_path, scenario))
    assert "codecs_refused" in found
    assert "trunk carrier refused the codecs that were offered" in found["codecs_refused"].lower()
    assert "PCMA" in found["codecs_refused"]


def test_an_address_that_is_silent(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.network.lost.add("192.0.2.1")
        phone.call("0123456")
        await phone.sees(sig.Ended)
        await world.passes(1.0)

    found = said(seen(tmp_path, scenario))
    assert found.keys() == {"no_response"}
    assert found["no_response"].startswith("Trunk carrier answered nothing within")


def test_all_phones_of_a_number_are_columns(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first = await world.phone("1001")
        second = Peer(world, "198.51.100.77", 5064, number="1001")
        second.register()
        await second.sees(sig.RegistrationState)
        first.rings()
        second.answers(after=2.0)
        world.carrier.call("4001", caller="13800138000", login=False)
        await world.carrier.sees(sig.Answered)
        await world.passes(5.0)
        second.hang_up()
        await world.passes(1.0)

    found = seen(tmp_path, scenario)
    assert len(found.callees) == 2
    assert all(found.of(party) for party in found.callees)
    assert said(found) == {"talked": "They talked for 5 s; the called party hung up"}


def test_a_phone_that_is_asked_for_its_password_again(tmp_path: Path) -> None:
    """A stranger makes no call: its messages are the strays that scope `all` shows."""
    strays: list[str] = []

    async def scenario(world: World) -> None:
        traces = observed(world)
        traces.messages._mirror = traces.mirror
        await world.phone("1001")
        await world.passes(1.0)
        strays.extend(message.data.decode() for message, _ in traces.strays())

    run(tmp_path, scenario)
    assert [text.split(" ")[0] for text in reversed(strays)] == ["REGISTER", "SIP/2.0", "REGISTER", "SIP/2.0"]
    assert not any('response="0' in text for text in strays)


def test_what_nobody_claims_is_forgotten(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        traces = observed(world)
        stranger = Peer(world, "203.0.113.9")
        for _ in range(5):
            stranger.call("0123", caller="x", login=False)
            await world.passes(1.0)
        traces.messages.sort()
        assert traces.messages.octets > 0 or not traces.messages._loose
        await world.passes(60.0)
        traces.messages.sort()
        assert traces.messages.octets == 0
        assert not traces.messages._loose

    run(tmp_path, scenario)
