"""What an account may spend on calls to the outside."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.defence.rules import Own, Toll, TollRules, country_of
from softswitch.defence.tolls import HEARS, TollGuard
from softswitch.directory.model import Kind, Route, Trunk, Way
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.errors import NotFound
from softswitch.model.events import AdminChanged, CallAnswered, CallConnected, CallEnded, Event, LegEnded, LegStarted
from softswitch.observe.alarms import Alarms
from tests.flows.world import Peer, World, run
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
        self.journal: list[AdminChanged] = []
        self.guard.journal = self.journal.append  # type: ignore[assignment]
        self.made = 0

    def may(self, number: str, caller: LegFacts = PHONE) -> str:
        return self.guard.may(caller.account, Destination.parse(f"outside:{number}"))

    def ring(self, number: str, caller: LegFacts = PHONE, call: str = "") -> tuple[str, str]:
        """A call that rings; its id and that of the leg."""
        assert self.may(number, caller) == ""
        self.made += 1
        call, leg = call or f"c{self.made}", f"l{self.made}"
        self.guard.spends(caller.account, leg, number, "carrier")
        self.guard.note(LegStarted(call=call, leg=leg, target=f"outside:{number}", trunk="carrier"))
        return call, leg

    def call(self, number: str, caller: LegFacts = PHONE, call: str = "") -> str:
        """A call that is connected; its id."""
        call, leg = self.ring(number, caller, call)
        self.guard.note(CallConnected(call=call, leg=leg, other=f"outside:{number}"))
        return call

    def gone(self, call: str, leg: str) -> None:
        self.guard.note(LegEnded(call=call, leg=leg, cause="normal"))

    def over(self, call: str) -> None:
        self.guard.note(
            CallEnded(at=self.clock.utc(), actor="system", call=call, who="caller", cause="normal", q850=16, sip_status=0)
        )

    def raised(self) -> list[tuple[str, str, str]]:
        return [(alarm.code, alarm.level, alarm.object) for alarm in self.alarms.active()]


def test_classes_of_numbers() -> None:
    rules = TollRules(premium=("+1900", "16895"))
    numbers = {
        "13800138000": Toll.HOME, "+8613800138000": Toll.HOME, "008613800138000": Toll.HOME,
        "+442079460000": Toll.INTERNATIONAL,
        "00442079460000": Toll.INTERNATIONAL, "0019005550100": Toll.PREMIUM, "+1 900 555 0100": Toll.PREMIUM,
        "16895123": Toll.PREMIUM,
        "110": Toll.HOME,
    }  # fmt: skip
    assert {number: rules.classify(number) for number in numbers} == numbers


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


def test_what_an_extension_has_of_its_own_counts_instead() -> None:
    place = Place(calls=1, minutes=60.0, premium=("+1900",))
    own = {
        "extension:1001": Own(calls=2, minutes=0.0, premium=("+190055",)),
        "extension:1002": Own(calls=0, international_calls=0),
    }
    place.guard.own = own.__getitem__
    other = LegFacts(inbound=True, kind=PartyKind.PHONE, party="1002", caller="1002")
    place.call("13800138000")
    place.call("0019005550100")
    assert place.may("13800138001") == "calls"
    own["trunk:carrier"] = Own()
    for _ in range(5):
        place.call("00442079460000", other)
    assert place.may("0019005550100", other) == "premium"
    place.clock.time += 3600.0
    assert place.may("00442079460000", other) == "minutes", "of which it has no other than the usual"


@pytest.mark.acceptance("SEC-5")
def test_a_call_that_rings_several_places_is_one_until_they_answer() -> None:
    place = Place(calls=2)
    first, leg = place.ring("13800138000")
    _, other = place.ring("13800138001", call=first)
    assert place.may("13800138002") == "", "two legs of one call ring"
    place.clock.time += 6.0  # that one never went out
    for each in (leg, other):
        place.guard.note(CallAnswered(call=first, leg=each, party="callee"))
    assert place.may("13800138002") == "calls", "both speak: it is a way to two places"
    place.gone(first, other)
    assert place.may("13800138002") == ""
    place.over(first)
    place.clock.time += 6.0
    assert place.guard.views()[0].calls == 0
    assert not place.guard._legs and not place.guard._by_call and not place.guard._by_account


def test_calls_that_are_asked_for_in_one_moment_count_at_once() -> None:
    place = Place(calls=2)
    assert [place.may("13800138000") for _ in range(3)] == ["", "", "calls"]
    place.clock.time += 6.0
    assert place.may("13800138000") == ""


def test_two_who_call_one_number_each_pay_for_themselves() -> None:
    place = Place()
    other = LegFacts(inbound=True, kind=PartyKind.PHONE, party="1002", caller="1002")
    assert place.may("00442079460000") == place.may("00442079460000", other) == ""
    for caller, leg in ((other, "x"), (PHONE, "y")):
        place.guard.spends(caller.account, leg, "00442079460000", "carrier")
        place.guard.note(LegStarted(call=f"c{leg}", leg=leg, target="outside:00442079460000", trunk="carrier"))
    place.guard.note(CallConnected(call="cx", leg="x", other="outside:00442079460000"))
    place.clock.time += 600.0
    assert place.guard.minutes("extension:1002") == 10.0
    assert place.guard.minutes("extension:1001") == 0.0


@pytest.mark.acceptance("SEC-5")
def test_the_money_of_a_day() -> None:
    place = Place(cost=10.0, trunk_cost=12.0, cut=True)
    place.guard.rate = lambda number, trunk: {("00442079460000", "carrier"): 0.5}.get((number, trunk), 0.1)
    call = place.call("00442079460000")
    home = place.call("13800138000")
    place.clock.time += 14 * 60.0
    place.guard.tick()
    assert place.raised() == [("toll_near", "warning", "extension:1001")]
    place.clock.time += 3 * 60.0
    place.guard.tick()
    assert sorted(place.cut) == [call, home], "money is spent on calls of any kind"
    place.over(call)
    place.over(home)
    assert place.may("13800138001") == "cost"
    assert place.may("110") == ""
    views = {view.account: view for view in place.guard.views()}
    assert (views["extension:1001"].cost, views["extension:1001"].blocked) == (10.2, True)
    assert not place.guard.is_closed("carrier", "13800138000")
    place.call("13800138000", LegFacts(inbound=True, kind=PartyKind.AGENT, party="li", caller="li"))
    place.clock.time += 20 * 60.0
    place.guard.tick()
    assert place.guard.is_closed("carrier", "13800138000")
    assert not place.guard.is_closed("carrier", "110")
    assert place.guard.reset("extension:1001", "eve") and place.may("13800138001") == ""


@pytest.mark.acceptance("SEC-5")
def test_a_new_country_waits_for_approval() -> None:
    place = Place(hold=True, countries=frozenset({"852"}))
    assert [place.may(number) for number in ("0085228012345", "13800138000", "0023422123456")] == ["", "", "new country"]
    assert place.may("+234 22 123 457") == "new country"
    assert place.raised() == [("toll_held", "major", "extension:1001")]
    (view,) = (view for view in place.guard.views() if view.held)
    assert [(held.country, held.number) for held in view.held] == [("234", "0023422123456")]
    place.clock.time += 3600.0
    place.guard.tick()
    assert place.raised(), "it waits as long as nobody says anything"
    place.guard.approve("extension:1001", "234", "eve")
    assert place.raised() == [] and place.may("0023422123456") == ""
    place.guard.refuse("extension:1001", "234", "eve")
    assert place.may("0023422123456") == "new country"
    with pytest.raises(NotFound):
        place.guard.refuse("extension:1001", "44", "eve")
    assert [(event.object, event.action, event.actor) for event in place.journal] == [
        ("toll:extension:1001", "toll country approved", "eve"),
        ("toll:extension:1001", "toll country refused", "eve"),
    ]


@pytest.mark.acceptance("SEC-5")
def test_a_restart_forgets_neither_minutes_nor_approvals() -> None:
    rules = {"minutes": 60.0, "hold": True, "trunk_minutes": 50.0}
    place, again, later = Place(**rules), Place(**rules), Place(**rules)
    place.guard.approve("extension:1001", "44", "eve")
    assert place.may("0023422123456") == "new country"
    place.call("00442079460000")
    place.clock.time += 61 * 60.0
    again.clock.time = place.clock.time
    again.guard.read(place.guard.text())
    assert again.may("00442079460000") == "minutes"
    assert again.guard.is_closed("carrier", "00442079460000")
    assert again.guard.views()[0].held[0].country == "234"
    later.clock.time = place.clock.time + 86400.0
    later.guard.read(place.guard.text())
    assert later.may("00442079460000") == ""
    for text in ("", "[]", '{"day": "2026-03-04"}', '{"day": 7, "accounts": {}}'):
        with pytest.raises(ValueError):
            later.guard.read(text)


def test_alarms_end_by_themselves() -> None:
    place = Place(minutes=10.0, premium=("+1900",))
    assert place.may("0019005550100") == "premium"
    call = place.call("00442079460000")
    place.clock.time += 599.0
    place.guard.tick()
    assert {code for code, _, _ in place.raised()} == {"toll_blocked", "toll_near"}
    place.over(call)
    place.clock.time += 2.0
    place.guard.tick()
    assert {code for code, _, _ in place.raised()} == {"toll_near"}, "ten minutes without another attempt"
    place.clock.time += 86400.0
    place.guard.tick()
    assert place.raised() == [], "a new day"


def test_international_calls_while_a_calendar_is_open() -> None:
    place = Place(calendar="office")
    place.guard.is_open = lambda calendar: calendar != "office"
    assert place.may("00442079460000") == "hours"
    assert place.may("13800138000") == ""


def test_countries_of_numbers() -> None:
    numbers = ("+12125550100", "+79161234567", "+442079460000", "+85228012345", "+2342212345", "+8613800138000", "123", "+")
    assert [country_of(number) for number in numbers] == ["1", "7", "44", "852", "234", "86", "", ""]


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
    assert [PHONE.account, CARRIER.account, widget.account] == ["extension:1001", "trunk:carrier", "widget:"]


@pytest.mark.acceptance("SEC-5")
def test_a_refused_call_never_reaches_the_carrier(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.answers()
        place = Place(premium=("0900",))
        world.switch.tolls = place.guard
        phone.call("0900123")
        assert (await phone.sees(sig.Ended)).status == 403
        assert not world.carrier.incoming
        phone.call("0123456")
        await phone.sees(sig.Answered)
        world.carrier.hang_up()
        await world.settles()

    run(tmp_path, scenario)


def _guarded(world: World, **rules: object) -> TollGuard:
    """A guard in a running switch, which hears the timeline as in the node."""
    alarms = Alarms(lambda _event: None, world.clock)
    guard = world.switch.tolls = TollGuard(TollRules(**rules), world.clock, alarms)  # type: ignore[arg-type]
    world.on_event = lambda event: guard.note(event) if isinstance(event, HEARS) else None
    return guard


@pytest.mark.acceptance("SEC-5")
def test_a_forward_to_a_premium_number_is_refused_and_the_trunk_pays_for_others(tmp_path: Path) -> None:
    """Whoever is sent on to the outside is the carrier's caller: the carrier is the account."""

    async def scenario(world: World) -> None:
        guard = _guarded(world, premium=("0900",))
        world.carrier.answers()
        world.switch.personal.change("1001", "test", {"forward_always": "0900123"})
        world.carrier.call("4001")
        assert (await world.carrier.sees(sig.Ended)).status in (403, 480, 603)
        assert not world.carrier.incoming
        phone = await world.phone("1002")
        leg = phone.call("0123456")
        await phone.sees(sig.Answered)
        await world.passes(1.0)
        assert sorted((view.account, view.calls) for view in guard.views()) == [("extension:1002", 1), ("trunk:carrier", 1)]
        phone.hang_up(leg)
        await world.settles()
        assert not guard._legs

    run(tmp_path, scenario)


def test_a_trunk_that_spent_its_day_is_passed_over(tmp_path: Path) -> None:
    spare = (Kind.TRUNK, Trunk(name="spare", addresses=(Address("192.0.2.2"),)))
    route = (Kind.ROUTE, Route(pattern="0*", ways=(Way(trunk="carrier", cost=1.0), Way(trunk="spare", cost=2.0))))

    async def scenario(world: World) -> None:
        guard = _guarded(world, trunk_cost=5.0)
        guard.rate = lambda _number, trunk: {"carrier": 1.0, "spare": 2.0}[trunk]
        other, phone = Peer(world, "192.0.2.2"), await world.phone("1001")
        world.carrier.answers()
        other.answers()
        for wanted, minutes in ((world.carrier, 6), (other, 3)):
            leg = phone.call("0123456")
            await phone.sees(sig.Answered)
            await world.passes(minutes * 60.0)
            assert len(wanted.incoming) == 1
            phone.hang_up(leg)
            await world.settles()
            guard.tick()
            phone.events.clear()
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 403

    run(tmp_path, scenario, spare, route)
