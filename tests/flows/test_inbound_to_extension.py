"""A carrier's call reaches a phone: both hear each other, each leg is a dialog of its own, one record tells it all."""

from pathlib import Path

from signalling import events as sig
from signalling.auth import OFFERED, ha1
from softswitch.directory.model import Extension, Kind
from tests.flows.world import World, address_in, run, sdp


def test_call_from_trunk_to_phone(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers(after=2.0)
        leg = world.carrier.call("4001", caller="13800138000")
        ringing = await world.carrier.sees(sig.Progress)
        assert ringing.status == 180
        assert ringing.body is None
        answered = await world.carrier.sees(sig.Answered)
        assert address_in(answered.body)[0] == "192.0.2.100"
        await world.passes(1.0)
        world.engine.label(world.carrier.port, "customer")
        world.engine.label(phone.port, "phone")
        assert world.engine.hears(world.carrier.port) == {"phone"}
        assert world.engine.hears(phone.port) == {"customer"}
        shown = phone.incoming[0]
        assert shown.caller.uri_user == "13800138000"
        assert shown.max_forwards == 68  # one less than the carrier sent
        await world.passes(9.0)
        world.carrier.hang_up(leg)
        ended = await phone.sees(sig.Ended)
        assert (ended.status, ended.q850) == (200, 16)
        await world.settles()

    world = run(tmp_path, scenario)
    record = world.record()
    assert (record.result, record.cause, record.who, record.sip_status) == ("answered", "normal", "caller", 200)
    assert (record.direction, record.caller, record.called, record.trunk) == ("in", "13800138000", "4001", "carrier")
    assert abs(record.ring_ms - 2000) < 20
    assert abs(record.talk_ms - 10_000) < 50
    assert world.kinds()[0] == "call.created"
    assert world.kinds()[-1] == "call.ended"


def test_the_phone_hangs_up(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        await world.passes(3.0)
        phone.hang_up()
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (200, 16)
        await world.settles()

    record = run(tmp_path, scenario).record()
    assert (record.result, record.who) == ("answered", "callee")


def test_phone_to_phone_with_different_codecs(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        first, second = await world.phone("1001"), await world.phone("1002")
        second.answers(formats="8")
        first.call("1002", body=sdp(first.host, formats="0"))
        await first.sees(sig.Answered)
        await world.passes(1.0)
        ports = world.engine.ports
        assert ports[first.port].command.codecs[0].name == "PCMU"
        assert ports[second.port].command.codecs[0].name == "PCMA"
        first.hang_up("call1")
        await world.settles()

    assert run(tmp_path, scenario).record().direction == "internal"


def test_the_caller_is_answered_with_the_codec_of_the_other_side(tmp_path: Path) -> None:
    """Then the engine relays without decoding."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers(formats="0")  # µ-law only, though A-law comes first everywhere
        world.carrier.call("4001", body=sdp("192.0.2.1", formats="8 0"))
        await world.carrier.sees(sig.Answered)
        await world.passes(0.1)
        assert world.engine.ports[world.carrier.port].command.codecs[0].name == "PCMU"
        phone.hang_up()
        await world.settles()

    run(tmp_path, scenario)


def test_nothing_of_one_leg_shows_on_the_other(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        incoming = phone.incoming[0]
        assert incoming.body is not None
        assert b"192.0.2.1\r" not in incoming.body.content
        assert incoming.call_id not in {event.call_id for event in world.carrier.incoming}
        phone.hang_up()
        await world.settles()

    run(tmp_path, scenario)


def test_an_extension_has_codecs_of_its_own(tmp_path: Path) -> None:
    """Both when its phone calls and when it is called."""
    digests = {algorithm: ha1(algorithm, "1001", "softswitch", "secret") for algorithm in OFFERED}
    own = Extension(number="1001", realm="softswitch", ha1=digests, codecs=("PCMU", "G722"))

    async def scenario(world: World) -> None:
        phone, other = await world.phone("1001"), await world.phone("1002")
        phone.answers(formats="0")
        other.answers()
        world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        offered = phone.incoming[0].body
        assert offered is not None
        assert b"RTP/AVP 0 9 101" in offered.content
        phone.hang_up()
        await world.settles()
        phone.call("1002", body=sdp(phone.host, formats="8 0"))
        await phone.sees(sig.Answered)
        assert world.engine.ports[phone.port].command.codecs[0].name == "PCMU"
        assert other.incoming[0].body is not None
        assert b"opus" in other.incoming[0].body.content  # hers are not his
        phone.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, (Kind.EXTENSION, own))
