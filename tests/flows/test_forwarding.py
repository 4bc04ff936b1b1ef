"""Calls of people who have set something for their extension: forwarding with its history, DND, waiting, codes (FEA-5, 6)."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.defence.rules import TollRules
from softswitch.defence.tolls import TollGuard
from softswitch.directory.model import Calendar, Extension, Kind, Number, Route, Trunk
from softswitch.features.tables import _services
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden, Invalid
from softswitch.model.events import CallForwarded
from tests.flows.world import Peer, World, run

HISTORIC = Trunk(name="onward", addresses=(Address("192.0.2.9"),), overrides={"outbound": {"diversion": "both"}})
EXTRA = (
    (Kind.TRUNK, HISTORIC),
    (Kind.ROUTE, Route(pattern="138*", trunks=("onward",))),
)


def _set(world: World, extension: str, **values: object) -> None:
    world.switch.personal.change(extension, "test", values)


def _onward(world: World) -> Peer:
    peer = Peer(world, "192.0.2.9")
    peer.answers()
    return peer


@pytest.mark.acceptance("FEA-5")
@pytest.mark.parametrize(
    ("service", "reason", "status", "q"),
    [
        ("forward_always", "unconditional", 302, 0),
        ("forward_busy", "user-busy", 486, 486),
        ("forward_no_answer", "no-answer", 408, 0),
        ("forward_unreachable", "unavailable", 503, -1),
    ],
)
def test_forwarding_tells_its_history(tmp_path: Path, service: str, reason: str, status: int, q: int) -> None:
    async def scenario(world: World) -> None:
        if q >= 0:
            phone = await world.phone("1001")
            phone.rejects(q) if q else phone.rings()
        onward = _onward(world)
        _set(world, "1001", **{service: "13800138000", "no_answer_after": 6})
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        (call,) = onward.incoming
        assert call.called == "13800138000"
        assert call.caller.uri_user == "192" or call.caller.uri_user, "the caller is shown as it was"
        assert call.headers["diversion"].startswith("<sip:4001@")
        assert f";reason={reason};counter=1" in call.headers["diversion"]
        assert f"Reason=SIP%3Bcause%3D{status}" in call.headers["history-info"]
        if q == 0 and service == "forward_always":
            assert not phone.incoming, "an unconditional forward rings nobody"
        assert 181 in [event.status for event in world.carrier.events if isinstance(event, sig.Progress)]
        world.carrier.hang_up(leg)
        await world.settles()

    world = run(tmp_path, scenario, *EXTRA)
    (forwarded,) = world.seen(CallForwarded)
    assert (forwarded.by, forwarded.target, forwarded.reason) == ("extension:1001", "outside:13800138000", reason)
    assert world.record().result == "answered"


@pytest.mark.acceptance("FEA-5")
def test_no_answer_is_after_the_seconds_that_were_set(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        _onward(world)
        _set(world, "1001", forward_no_answer="13800138000", no_answer_after=7)
        world.carrier.call("4001")
        began = world.loop.now
        await world.carrier.sees(sig.Answered)
        assert 7.0 <= world.loop.now - began <= 8.0
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, *EXTRA)


@pytest.mark.acceptance("FEA-5")
def test_two_who_forward_to_each_other_are_a_loop(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        _set(world, "1001", forward_always="1002")
        _set(world, "1002", forward_always="1001")
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 482
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "loop"


@pytest.mark.acceptance("FEA-5")
def test_six_hops_are_too_many(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(1011, 1018)]

    async def scenario(world: World) -> None:
        for number, after in itertools.pairwise(numbers):
            _set(world, number, forward_always=after)
        world.carrier.call("4011")
        assert (await world.carrier.sees(sig.Ended)).status == 480
        assert len(world.seen(CallForwarded)) == 5
        await world.settles()

    extra = [(Kind.EXTENSION, Extension(number=number)) for number in numbers]
    run(tmp_path, scenario, *extra, (Kind.NUMBER, Number(number="4011", to=Destination.parse("extension:1011"))))


@pytest.mark.acceptance("FEA-5")
def test_a_phone_that_says_302_is_followed(tmp_path: Path) -> None:
    from signalling import commands as sip

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        moved = {"Contact": "<sip:13800138000@198.51.100.1>"}
        phone.on_call = lambda call: phone.node.submit(sip.Reject(call.leg, 302, headers=moved))
        onward = _onward(world)
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Answered)
        assert "reason=unconditional" in onward.incoming[0].headers["diversion"]
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *EXTRA)


@pytest.mark.acceptance("FEA-6")
def test_who_wants_no_disturbance_is_not_rung(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        _set(world, "1001", dnd=True, forward_always="1002")
        world.carrier.call("4001")
        ended = await world.carrier.sees(sig.Ended)
        assert (ended.status, ended.q850) == (480, 31)
        assert not phone.incoming
        await world.settles()

    assert run(tmp_path, scenario).record().cause == "do_not_disturb"


@pytest.mark.acceptance("FEA-6")
def test_anonymous_calls_are_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        _set(world, "1001", reject_anonymous=True)
        world.carrier.call("4001", caller="anonymous")
        assert (await world.carrier.sees(sig.Ended)).status == 433
        assert not phone.incoming
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("FEA-6")
def test_a_second_call_waits_or_finds_it_busy(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers()
        legs = [world.carrier.call("4001")]
        await world.carrier.sees(sig.Answered)
        phone.rings()
        legs.append(world.carrier.call("4001"))
        await world.passes(0.5)
        assert "alert-info" not in phone.incoming[0].headers
        assert phone.incoming[1].headers["alert-info"] == "<urn:alert:service:call-waiting>"
        _set(world, "1001", max_calls=2)
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 486
        world.carrier.hang_up(legs[1])
        await world.passes(1.0)
        world.carrier.events.clear()
        _set(world, "1001", call_waiting=False)
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 486
        assert len(phone.incoming) == 2
        world.carrier.hang_up(legs[0])
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.acceptance("PAR-5")
@pytest.mark.parametrize("dialled", ["*57*13800138000#", "*57*13800138000%23", "*57*13800138000"])
def test_a_code_sets_the_forward_and_another_ends_it(tmp_path: Path, dialled: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1002")
        phone.call(dialled)
        await phone.sees(sig.Answered)
        assert (await phone.sees(sig.Ended)).status == 200
        assert world.switch.personal.of("1002").forward_always == "13800138000"
        for code in ("*#57#", "#57#"):
            phone.call(code)
            await phone.sees(sig.Answered)
            await phone.sees(sig.Ended)
        assert world.switch.personal.of("1002").forward_always == ""
        await world.settles()

    run(tmp_path, scenario, *EXTRA)


def test_short_numbers_lock_and_hotline(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone, other = await world.phone("1002"), await world.phone("1001")
        other.answers()
        for code in ("*51*1*1001#", "*54*1234#"):
            phone.call(code)
            await phone.sees(sig.Answered)
            await phone.sees(sig.Ended)
        leg = phone.call("**1")
        await phone.sees(sig.Answered)
        assert len(other.incoming) == 1
        phone.hang_up(leg)
        await phone.sees(sig.Ended)
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 403
        phone.call("#54*1234#")
        await phone.sees(sig.Answered)
        await phone.sees(sig.Ended)
        assert not world.switch.personal.of("1002").locked
        _set(world, "1002", hotline="1001")
        leg = phone.call("s")
        await phone.sees(sig.Answered)
        assert len(other.incoming) == 2
        phone.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario)


def test_a_forward_must_lead_somewhere_else(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        for to in ("1001", "extension:1001", "nonsense", "queue:none"):
            with pytest.raises(Invalid):
                _set(world, "1001", forward_always=to)
        with pytest.raises(Invalid):
            _set(world, "1001", no_answer_after=3)

    run(tmp_path, scenario)


OFFICE = Calendar(name="office", open=("Mon-Fri 09:00-18:00",))
RULED = (*EXTRA, (Kind.CALENDAR, OFFICE))


@pytest.mark.parametrize(
    ("rule", "caller", "is_open", "goes", "reason"),
    [
        ({"callers": ["1390*"]}, "13900139000", True, True, "unconditional"),
        ({"callers": ["1390*"]}, "13700137000", True, False, ""),
        ({"callers": ["anonymous"]}, "anonymous", True, True, "unconditional"),
        ({"callers": ["list:vip"]}, "13700137000", True, False, ""),
        ({"calendar": "office", "closed": True}, "13700137000", False, True, "time-of-day"),
        ({"calendar": "office", "closed": True}, "13700137000", True, False, ""),
        ({"calendar": "office", "callers": ["1390*"]}, "13900139000", True, True, "unconditional"),
    ],
)
def test_rules_by_caller_and_by_time(
    tmp_path: Path, rule: dict[str, object], caller: str, is_open: bool, goes: bool, reason: str
) -> None:
    """The first rule that fits sends the call on; without one the phone rings as ever."""

    async def scenario(world: World) -> None:
        phone, onward = await world.phone("1001"), _onward(world)
        phone.answers()
        world.switch.routing.is_open = lambda _calendar: is_open
        _set(world, "1001", forward_rules=[{"to": "13800138000", **rule}])
        leg = world.carrier.call("4001", caller=caller)
        await world.carrier.sees(sig.Answered)
        assert (len(onward.incoming), len(phone.incoming)) == ((1, 0) if goes else (0, 1))
        if goes:
            assert f"reason={reason}" in onward.incoming[0].headers["diversion"]
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *RULED)


def test_rules_are_switched_by_code_and_faulty_ones_are_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1002")
        _set(world, "1002", forward_rules=[{"to": "13800138000"}])
        for code, on in (("#44#", False), ("*44#", True)):
            phone.call(code)
            await phone.sees(sig.Answered)
            await phone.sees(sig.Ended)
            assert world.switch.personal.of("1002").rules_on is on
        for faulty in ({"to": "1002"}, {"to": "13800138000", "callers": ["list:none"]}, {"to": "queue:none"},
                       {"to": "13800138000", "calendar": "none"}):  # fmt: skip
            with pytest.raises(Invalid):
                _set(world, "1002", forward_rules=[faulty])
        kept = json.loads(json.dumps(asdict(world.switch.personal.of("1002"))))
        assert _services(kept) == world.switch.personal.of("1002")
        await world.settles()

    run(tmp_path, scenario, *RULED)


@pytest.mark.acceptance("SEC-5")
def test_forwards_to_premium_numbers_are_refused_when_set_and_when_rung(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.phone("1001")
        world.carrier.answers()
        guard = TollGuard(TollRules(premium=("0900",)), world.clock, world.alarms)  # type: ignore[arg-type]
        _set(world, "1001", forward_always="0900123")
        world.switch.forwarding.forbids = lambda caller, to: guard.forbids(f"extension:{caller.party}", to)
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status == 403
        assert not world.carrier.incoming and world.alarms.raised == [("toll_blocked", "extension:1001")]
        with pytest.raises(Forbidden):
            _set(world, "1002", forward_busy="0900123")
        _set(world, "1002", forward_busy="0100123")
        await world.settles()

    run(tmp_path, scenario)
