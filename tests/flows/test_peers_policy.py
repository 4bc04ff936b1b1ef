"""What one leg does is its own affair: hold in all styles, early sound, keys, fax offers, transfers (sip.md §4.7, 5.2, 7)."""

import re
from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.directory.centre import RecordingRule
from softswitch.directory.model import Kind, Number, Object, Trunk
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.events import CallHeld, CallResumed, LegDtmf, RecordingFinished, RecordingPaused
from tests.flows.world import SWITCH, Peer, World, run, sdp


def _carrier(**overrides: Any) -> tuple[Kind, Object]:
    return Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides=overrides)


async def _talk(world: World) -> tuple[Peer, str]:
    phone = await world.phone("1001")
    phone.answers()
    leg = world.carrier.call("4001")
    await world.carrier.sees(sig.Answered)
    await world.passes(0.5)
    world.engine.label(world.carrier.port, "customer")
    world.engine.label(phone.port, "phone")
    return phone, leg


def _offer(host: str, style: str) -> bytes:
    if style == "0.0.0.0":
        return sdp(host, version=2).replace(f"c=IN IP4 {host}".encode(), b"c=IN IP4 0.0.0.0")
    if style == "port 0":
        return sdp(host, port=0, version=2)
    return sdp(host, direction=style, version=2)


@pytest.mark.acceptance("DLG-7")
@pytest.mark.parametrize(
    ("style", "answer"),
    [("sendonly", b"a=recvonly"), ("inactive", b"a=inactive"), ("0.0.0.0", b"a=sendrecv"), ("port 0", b"m=audio 0 ")],
)
def test_hold_in_every_style_is_music_there_and_no_message(tmp_path: Path, style: str, answer: bytes) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        quiet = world.network.messages(to=phone.host)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(_offer(world.carrier.host, style))))
        held = await world.carrier.sees(sig.Modified)
        await world.passes(0.1)
        assert held.body is not None
        assert answer in held.body.content
        assert b"192.0.2.100" in held.body.content
        assert world.engine.hears(phone.port) == {"default"}
        world.carrier.node.submit(sip.Modify(leg, sig.Body(sdp(world.carrier.host, version=3))))
        await world.carrier.sees(sig.Modified)
        await world.passes(0.1)
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.network.messages(to=phone.host) == quiet
        phone.hang_up()
        await world.settles()

    world = run(tmp_path, scenario)
    assert len(world.seen(CallHeld)) == len(world.seen(CallResumed)) == 1


@pytest.mark.acceptance("DLG-7")
def test_a_line_that_was_put_to_port_0_is_given_up_after_half_a_minute(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        for back in (True, False):
            world.carrier.node.submit(sip.Modify(leg, sig.Body(sdp(world.carrier.host, port=0, version=2 + 2 * back))))
            await world.carrier.sees(sig.Modified)
            await world.passes(25.0)
            if back:
                world.carrier.modify(leg, "sendrecv", version=5)
                await world.carrier.sees(sig.Modified)
                await world.passes(40.0)
            assert not any(isinstance(event, sig.Ended) for event in world.carrier.events)
        await world.passes(6.0)
        await world.carrier.sees(sig.Ended, 1.0)
        await phone.sees(sig.Ended, 1.0)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-7")
def test_a_network_that_wants_to_know_of_a_hold_is_told(tmp_path: Path) -> None:
    """`hold = "signal"`: a=sendonly, with music all the same, then the body that was agreed on before; else not one message."""

    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        before = phone.incoming[-1].body
        assert before is not None
        answered = next(
            seen.data for seen in world.network.wire
            if seen.to_peer and seen.peer == "192.0.2.1" and b"200 OK" in seen.data and b"m=audio" in seen.data
        )  # fmt: skip
        phone.modify("", "sendonly")
        held = await world.carrier.sees(sig.ModifyRequested)
        assert held.body is not None
        assert b"a=sendonly" in held.body.content
        await world.passes(0.2)
        assert world.engine.hears(world.carrier.port) == {"default"}
        assert len(world.seen(CallHeld)) == 1
        world.carrier.modify(leg, "sendrecv")
        again = await world.carrier.sees(sig.Modified)
        assert again.body is not None and b"a=sendonly" in again.body.content, "a change of its own does not end the hold"
        phone.modify("", "sendrecv", version=3)
        back = await world.carrier.sees(sig.ModifyRequested)
        assert back.body is not None
        first, last = (body.split(b"s=-", 1)[1] for body in (answered, back.body.content))
        assert first == last  # but for the version of o=
        await world.passes(0.2)
        assert world.engine.hears(world.carrier.port) == {"phone"}
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, _carrier(media={"hold": "signal"}))
    assert len(world.seen(CallHeld)) == len(world.seen(CallResumed)) == 1


@pytest.mark.acceptance("DLG-7")
def test_who_only_listens_is_not_on_hold(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        world.carrier.modify(leg, "recvonly")
        answered = await world.carrier.sees(sig.Modified)
        assert answered.body is not None
        assert b"a=sendonly" in answered.body.content
        assert "default" not in world.engine.hears(phone.port)
        phone.hang_up()
        await world.settles()

    assert not run(tmp_path, scenario).seen(CallHeld)


@pytest.mark.acceptance("DLG-8")
def test_a_codec_change_of_one_leg_is_no_message_on_the_other(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        (recorder,) = (each.mix.recorder for each in world.switch.calls._live.values())
        quiet = world.network.messages(to=world.carrier.host)
        for version, (formats, name) in enumerate([("0 101", "PCMU"), ("9 101", "G722"), ("8 101", "PCMA")], 2):
            phone.node.submit(sip.Modify(phone.incoming[-1].leg, sig.Body(sdp(phone.host, formats=formats, version=version))))
            await phone.sees(sig.Modified)
            assert world.engine.ports[phone.port].command.codecs[0].name == name
            assert world.engine.records(recorder) == ({"customer"}, {"phone"})
            await world.passes(1.0)
        phone.node.submit(sip.Modify(phone.incoming[-1].leg, sig.Body(sdp(phone.host, formats="18", version=9))))
        assert (await phone.sees(sig.ModifyFailed)).status == 488
        assert world.engine.hears(phone.port) == {"customer"}
        assert world.engine.hears(world.carrier.port) == {"phone"}
        assert world.network.messages(to=world.carrier.host) == quiet
        assert world.engine.records(recorder) == ({"customer"}, {"phone"})
        world.carrier.hang_up(leg)
        await world.settles()

    always = (Kind.RECORDING_RULE, RecordingRule(name="all", mode="always"))
    world = run(tmp_path, scenario, always)
    (finished,) = world.seen(RecordingFinished)
    assert finished.status == "complete"
    assert finished.duration_ms >= 3000
    assert not world.seen(RecordingPaused)


IMAGE = (
    b"v=0\r\no=- 7 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=image 4002 udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxRateManagement:transferredTCF\r\n"
)


@pytest.mark.acceptance("TRK-7")
def test_a_fax_on_a_voice_leg_is_refused_and_the_voice_goes_on(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        quiet = world.network.messages(to=phone.host)
        world.carrier.node.submit(sip.Modify(leg, sig.Body(IMAGE)))
        assert (await world.carrier.sees(sig.ModifyFailed)).status == 488
        assert world.engine.hears(phone.port) == {"customer"}
        both = sdp("192.0.2.1", version=6) + b"m=image 4002 udptl t38\r\n"
        world.carrier.node.submit(sip.Modify(leg, sig.Body(both)))
        answered = await world.carrier.sees(sig.Modified)
        assert answered.body is not None
        assert b"m=image 0 udptl t38" in answered.body.content  # the line is kept, and refused
        assert world.network.messages(to=phone.host) == quiet
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("DLG-10")
@pytest.mark.parametrize(
    ("policy", "first", "second"),
    [("pass", True, True), ("block", False, False), ("after_180", False, True), ("always_tone", True, True)],
)
def test_early_sound_of_a_trunk(tmp_path: Path, policy: str, first: bool, second: bool) -> None:
    """183 with a body, then 180, then 183 again: whether the caller has sound of the far end or of us."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        body = sig.Body(sdp(world.carrier.host))
        leg = phone.call("0123456")
        invited = await world.carrier.sees(sig.IncomingCall)
        world.carrier.node.submit(sip.Ring(invited.leg, body, reliable=False))
        await world.passes(0.3)
        assert any(isinstance(event, sig.Progress) and event.body for event in phone.events) is first
        world.carrier.node.submit(sip.Ring(invited.leg, reliable=False))
        await world.passes(0.3)
        world.carrier.node.submit(sip.Ring(invited.leg, body, reliable=False))
        await world.passes(0.3)
        assert any(isinstance(event, sig.Progress) and event.body for event in phone.events) is second
        if policy == "always_tone":
            assert world.engine.hears(phone.port)  # the tone
        elif second:
            world.engine.label(world.carrier.port, "carrier")
            assert world.engine.hears(phone.port) == {"carrier"}
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(media={"early_media": policy}))


@pytest.mark.parametrize(("mode", "by_info"), [("auto", False), ("rfc4733", False), ("info", True), ("inband", False)])
def test_keys_reach_a_trunk_the_way_it_wants(tmp_path: Path, mode: str, by_info: bool) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(0.5)
        offered = world.carrier.incoming[0].body
        assert offered is not None
        assert (b"telephone-event" in offered.content) is (mode in ("auto", "rfc4733"))
        phone.node.submit(sip.SendInfo(leg, sig.Body(b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")))
        await world.passes(0.5)
        infos = [event for event in world.carrier.events if isinstance(event, sig.InfoReceived)]
        assert [event.body.content for event in infos] == ([b"Signal=5\r\nDuration=100\r\n"] if by_info else [])
        world.carrier.node.submit(
            sip.SendInfo(world.carrier.incoming[0].leg, sig.Body(b"Signal=7\r\nDuration=160\r\n", "application/dtmf-relay"))
        )
        await world.passes(0.5)
        phone.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, _carrier(media={"dtmf": mode}))
    assert [event.digit for event in world.seen(LegDtmf)] == ["5", "7"]


@pytest.mark.parametrize(
    ("policy", "to", "status"), [("refuse", "4002", 603), ("bridge", "4002", 200), ("bridge", "4050", 603)]
)
def test_a_caller_from_outside_may_transfer_only_where_its_profile_says(
    tmp_path: Path, policy: str, to: str, status: int
) -> None:
    """And never to a trunk: 4050 is a declared number that leads outside."""
    numbers = (
        (Kind.NUMBER, Number(number="4002", to=Destination.parse("extension:1002"))),
        (Kind.NUMBER, Number(number="4050", to=Destination.parse("outside:0123"))),
    )

    async def scenario(world: World) -> None:
        _, leg = await _talk(world)
        second = await world.phone("1002")
        second.answers()
        world.carrier.node.submit(sip.Refer(leg, f"sip:{to}@{SWITCH[0]}"))
        await world.passes(3.0)
        done = [event.status for event in world.carrier.events if isinstance(event, sig.TransferDone | sig.TransferFailed)]
        assert done == [status]
        assert len(second.incoming) == (status == 200)
        assert not world.carrier.incoming
        await world.switch.calls.drain(0.0)
        await world.settles()

    run(tmp_path, scenario, _carrier(session={"refer": policy}), *numbers)


def test_both_sides_see_whom_they_talk_to_after_a_transfer(tmp_path: Path) -> None:
    """Connected line: the caller is told who has answered, in the 200 and, when somebody takes over, by UPDATE."""

    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        answers = [seen.data for seen in world.network.wire if seen.to_peer and seen.peer == world.carrier.host]
        assert any(b"P-Asserted-Identity: <sip:1001@192.0.2.100>\r\n" in data and b"200 OK" in data for data in answers)
        second = await world.phone("1002")
        second.answers()
        phone.node.submit(sip.Refer(phone.incoming[-1].leg, f"sip:1002@{SWITCH[0]}"))
        changed = await world.carrier.sees(sig.Refreshed, 5.0)
        assert "<sip:1002@192.0.2.100>" in changed.headers["p-asserted-identity"]
        first = next(re.search(rb"Session-ID: (\w{32});", data) for data in answers if b"200 OK" in data)
        assert first is not None
        assert changed.headers["session-id"][:32] != first[1].decode()  # another party, another end of the session (RFC 7989)
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(session={"connected_line": True}))


@pytest.mark.parametrize(("value", "told"), [("34313435464A;encoding=hex", True), ("no hexadecimal", False)])
def test_what_a_transferring_phone_tells_the_next_one_arrives(tmp_path: Path, value: str, told: bool) -> None:
    """User-to-User, escaped in Refer-To (RFC 7433 §4)."""

    async def scenario(world: World) -> None:
        phone, leg = await _talk(world)
        second = await world.phone("1002")
        second.answers()
        escaped = value.replace(" ", "%20").replace(";", "%3B").replace("=", "%3D")
        phone.node.submit(sip.Refer(phone.incoming[-1].leg, f"sip:1002@{SWITCH[0]}?User-to-User={escaped}"))
        await world.passes(2.0)
        assert second.incoming[0].headers.get("user-to-user") == (value if told else None)
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


def test_the_number_of_the_house_stands_in_from_where_a_carrier_wants_it(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        assert world.carrier.incoming[0].caller.uri_user == "+861012345678"
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, _carrier(outbound={"sender": "default", "number": "+861012345678"}))
