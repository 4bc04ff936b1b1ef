"""What an account may spend on calls to the outside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.bootstrap.parts.tolls import account_of
from softswitch.defence.tolls import Toll, TollGuard, TollRules
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.destination import Destination
from softswitch.model.events import CallConnected, CallEnded, Event, LegStarted
from softswitch.observe.alarms import Alarms
from tests.flows.world import World, run
from tests.softswitch.defence.test_defence import Clock

NOON = time.mktime((2026, 3, 4, 12, 0, 0, 0, 0, -1))
PHONE = LegFacts(inbound=True, kind=PartyKind.PHONE, party="1001", caller="1001")
CARRIER = LegFacts(inbound=True, kind=PartyKind.TRUNK, party="carrier", caller="+8613800138000")


class Place:
    def __init__(self, **rules: object) -> None:
        self.clock = Clock(NOON, 100.0)
        self.events: list[Event] = []
        self.alarms = Alarms(self.events.append, self.clock)
        self.cut: list[str] = []
        self.guard = TollGuard(TollRules(**rules), self.clock, self.alarms, self.cut.append)  # type: ignore[arg-type]
        self.made = 0

    def may(self, number: str, caller: LegFacts = PHONE) -> str:
        return self.guard.may(account_of(caller), Destination.parse(f"outside:{number}"))

    def call(self, number: str, caller: LegFacts = PHONE) -> str:
        """A call that is connected; its id."""
        assert self.may(number, caller) == ""
        self.made += 1
        call, at = f"c{self.made}", self.clock.utc()
        self.guard.note(LegStarted(at=at, actor="system", call=call, target=f"outside:{number}", trunk="carrier"))
        self.guard.note(CallConnected(at=at, actor="system", call=call, other=f"outside:{number}"))
        return call

    def over(self, call: str) -> None:
        self.guard.note(
            CallEnded(at=self.clock.utc(), actor="system", call=call, who="caller", cause="normal", q850=16, sip_status=0)
        )

    def raised(self) -> list[tuple[str, str, str]]:
        return [(alarm.code, alarm.level, alarm.object) for alarm in self.alarms.active()]


def test_classes_of_numbers() -> None:
    guard = Place(premium=("+1900", "16895")).guard
    numbers = {
        "13800138000": Toll.HOME, "+8613800138000": Toll.HOME, "008613800138000": Toll.HOME,
        "+442079460000": Toll.INTERNATIONAL,
        "00442079460000": Toll.INTERNATIONAL, "0019005550100": Toll.PREMIUM, "+1 900 555 0100": Toll.PREMIUM,
        "16895123": Toll.PREMIUM,
        "110": Toll.HOME,
    }  # fmt: skip
    assert {number: guard.classify(number) for number in numbers} == numbers


@pytest.mark.acceptance("SEC-5")
def test_the_third_call_at_one_time_is_refused() -> None:
    place = Place(calls=2)
    first = place.call("13800138000")
    place.call("13800138001")
    assert place.may("13800138002") == "calls"
    assert place.may("110") == ""
    assert place.raised() == [("toll_blocked", "major", "extension:1001")]
    assert place.may("13800138002", LegFacts(inbound=True, kind=PartyKind.AGENT, party="li", caller="li")) == ""
    place.over(first)
    assert place.may("13800138002") == ""


def test_one_new_call_a_second() -> None:
    place = Place(per_second=1.0)
    assert [place.may("13800138000"), place.may("13800138001")] == ["", "rate"]
    place.clock.time += 1.0
    assert place.may("13800138000") == ""


@pytest.mark.acceptance("SEC-5")
def test_premium_numbers_are_denied_until_allowed_whoever_sends_the_call_there() -> None:
    place = Place(premium=("+1900",), allow=(("1001", "+190055"),))
    assert place.may("0019005550100") == ""
    assert place.may("0019015550100") == ""
    assert place.may("0019006660100") == "premium"
    assert place.may("0019005550100", CARRIER) == "premium"
    assert Place(premium=("+1900",), allow=(("*", "+1900"),)).may("+19005550100", CARRIER) == ""


@pytest.mark.acceptance("SEC-5")
def test_minutes_of_a_day_alarm_at_80_percent_and_block_at_100() -> None:
    place = Place(minutes=60.0)
    call = place.call("00442079460000")
    place.call("13800138000")
    place.clock.time += 47 * 60.0
    place.guard.tick()
    assert place.raised() == []
    place.clock.time += 60.0
    place.guard.tick()
    assert place.raised() == [("toll_near", "warning", "extension:1001")]
    place.over(call)
    assert place.may("00442079460000") == ""
    second = place.call("00442079460000")
    place.clock.time += 12 * 60.0
    place.guard.tick()
    assert ("toll_near", "major", "extension:1001") in place.raised()
    assert place.cut == []
    assert place.may("00442079460001") == "minutes"
    assert place.may("13800138000") == ""
    place.over(second)
    (view, trunk) = place.guard.views()
    assert (view.account, view.minutes, view.blocked) == ("extension:1001", 60.0, True)
    assert (trunk.account, trunk.minutes, trunk.blocked) == ("trunk:carrier", 60.0, False)
    place.clock.time += 86400.0
    assert place.may("00442079460001") == ""
    place.clock.time -= 86400.0
    assert place.guard.reset("extension:1001")
    assert not place.guard.reset("extension:7777")
    assert place.may("00442079460001") == ""


def test_live_calls_are_cut_where_the_rules_say_so() -> None:
    place = Place(minutes=10.0, cut=True)
    call = place.call("00442079460000")
    place.call("13800138000")
    place.clock.time += 601.0
    place.guard.tick()
    assert place.cut == [call]


@pytest.mark.parametrize(
    ("text", "refused"),
    [("", ""), ("08:00-20:00", ""), ("13:00-20:00", "hours"), ("22:00-13:00", ""), ("22:00-06:00", "hours")],
)
def test_international_calls_off_hours(text: str, refused: str) -> None:
    place = Place(hours=TollRules.window(text))
    assert place.may("00442079460000") == refused
    assert place.may("13800138000") == ""


@pytest.mark.parametrize("text", ["8-20", "08:00", "08:00-20:00-22:00", "a:b-c:d", "25:00-26:00"])
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        TollRules.window(text)


def test_who_pays() -> None:
    widget = LegFacts(inbound=True, kind=PartyKind.WIDGET, party="", caller="")
    assert [account_of(PHONE), account_of(CARRIER), account_of(widget)] == ["extension:1001", "trunk:carrier", "widget:"]


@pytest.mark.acceptance("SEC-5")
def test_a_refused_call_never_reaches_the_carrier(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        place = Place(premium=("0900",))
        world.switch.toll = lambda caller, to: place.guard.may(account_of(caller), to)
        phone.call("0900123")
        assert (await phone.sees(sig.Ended)).status == 403
        assert not world.carrier.incoming
        phone.call("0123456")
        await phone.sees(sig.Answered)
        world.carrier.hang_up()
        await world.settles()

    run(tmp_path, scenario)
