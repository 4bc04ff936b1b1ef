"""Ring groups on a running switch: orders of the strategies, who is left out, one winner, where the caller goes (FEA-11)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from signalling import commands as sip
from signalling import events as sig
from signalling.auth import OFFERED, ha1
from softswitch.directory.model import Extension, GroupMember, Kind, Number, Object, RingGroup
from softswitch.model.destination import Destination
from softswitch.model.events import GroupEntered
from tests.flows.test_watching import states, subscribe, told
from tests.flows.world import Peer, World, run, sdp

PHONES = ("1001", "1002", "1003", "1004", "1005", "1006")


def _extension(number: str, **keys: object) -> tuple[Kind, Extension]:
    digests = {algorithm: ha1(algorithm, number, "softswitch", "secret") for algorithm in OFFERED}
    return Kind.EXTENSION, Extension(number=number, realm="softswitch", ha1=digests, **keys)  # type: ignore[arg-type]


def _group(strategy: str, *members: str, **keys: object) -> list[tuple[Kind, Object]]:
    found = tuple(GroupMember(to=Destination.parse(text if ":" in text else f"extension:{text}")) for text in members or PHONES)
    group = RingGroup(name="desk", number="6000", strategy=strategy, members=found, **keys)  # type: ignore[arg-type]
    return [
        *(_extension(number) for number in PHONES), (Kind.RING_GROUP, group),
        (Kind.NUMBER, Number(number="4100", to=Destination.parse("group:desk"))),
    ]  # fmt: skip


async def _ring(world: World, log: list[tuple[float, str]], *numbers: str) -> dict[str, Peer]:
    """Phones that ring and note when."""
    phones = {number: await world.phone(number) for number in numbers}

    def noting(number: str, phone: Peer) -> None:
        def react(call: sig.IncomingCall) -> None:
            log.append((round(world.loop.now, 1), number))
            phone.node.submit(sip.Ring(call.leg))

        phone.on_call = react

    for number, phone in phones.items():
        noting(number, phone)
    return phones


STRATEGIES = ("all", "cascade", "serial", "round_robin", "longest_idle", "random", "weighted")


def _rung(strategy: str, tmp: Path, calls: int = 2) -> list[list[str]]:
    """The members rung by each of some calls in virtual time: 1003 is busy, 1004 undisturbed, 1005 not logged in."""
    found: list[list[str]] = []

    async def scenario(world: World) -> None:
        dice = random.Random(11)
        world.switch.groups.draw = lambda most: dice.randint(0, most)
        log: list[tuple[float, str]] = []
        await _ring(world, log, "1001", "1002", "1004", "1006")
        busy = await world.phone("1003")
        echo = busy.call("9196")
        await busy.sees(sig.Answered)
        world.switch.personal.change("1004", "test", {"dnd": True})
        for number in range(calls):
            log.clear()
            began = world.loop.now
            leg = world.carrier.call("4100")
            ended = await world.carrier.sees(sig.Ended, 120.0)
            assert ended.status == 486, "one of them was busy"
            found.append([f"{round(at - began)}s {phone}" for at, phone in sorted(log)])
            assert leg == f"call{number + 1}"
            await world.passes(5.0)
        assert not busy.incoming
        busy.hang_up(echo)
        await world.settles()

    tmp.mkdir()
    run(tmp, scenario, *_group(strategy, timeout=40, ring_time=10, stagger=4))
    return found


@pytest.mark.acceptance("FEA-11")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_order_is_that_of_the_strategy_and_who_cannot_is_left_out(tmp_path: Path, strategy: str) -> None:
    """Busy, undisturbed and unregistered members are passed over in the same moment."""
    first, second = _rung(strategy, tmp_path / "one")
    expected = {
        "all": ["0s 1001", "0s 1002", "0s 1006"],
        "cascade": ["0s 1001", "4s 1002", "20s 1006"],
        "serial": ["0s 1001", "10s 1002", "20s 1006"],
        "round_robin": ["0s 1001", "10s 1002", "20s 1006"],
        "longest_idle": ["0s 1001", "10s 1002", "20s 1006"],
    }
    if strategy in expected:
        assert first == expected[strategy]
    assert sorted(entry.split()[1] for entry in first) == ["1001", "1002", "1006"]
    if strategy == "round_robin":
        assert second == ["0s 1002", "10s 1006", "20s 1001"], "the next call begins with the next member"
    assert _rung(strategy, tmp_path / "two") == [first, second], "the same seed gives the same order"


@pytest.mark.acceptance("FEA-11")
def test_longest_idle_is_who_has_had_no_call_for_longest(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        log: list[tuple[float, str]] = []
        phones = await _ring(world, log, "1001", "1002", "1006")
        for number in ("1006", "1001"):
            echo = phones[number].call("9196")
            await phones[number].sees(sig.Answered)
            phones[number].hang_up(echo)
            await world.passes(3.0)
        world.carrier.call("4100")
        await world.carrier.sees(sig.Ended, 120.0)
        assert [number for _, number in log] == ["1002", "1006", "1001"]
        await world.settles()

    run(tmp_path, scenario, *_group("longest_idle", "1001", "1002", "1006"))


@pytest.mark.acceptance("FEA-11")
def test_the_first_answer_has_the_call_and_the_others_hear_why(tmp_path: Path) -> None:
    """Two answer in the same millisecond: one is joined, the other gets its BYE, the third a CANCEL with the reason."""

    async def scenario(world: World) -> None:
        log: list[tuple[float, str]] = []
        phones = await _ring(world, log, "1001", "1002", "1006")
        leg = world.carrier.call("4100")
        await world.passes(2.0)
        for number in ("1001", "1002"):
            phone = phones[number]
            phone.node.submit(sip.Answer(phone.incoming[0].leg, sig.Body(sdp(phone.host))))
        await world.carrier.sees(sig.Answered)
        await world.passes(0.3)
        cancel = next(
            seen for seen in world.network.wire if seen.peer == phones["1006"].host and seen.data.startswith(b"CANCEL")
        )
        assert b"cause=200" in cancel.data and b"Q.850;cause=26" in cancel.data, cancel.data
        ended = [number for number, phone in phones.items() if any(isinstance(event, sig.Ended) for event in phone.events)]
        assert ended == ["1002", "1006"]
        world.carrier.hang_up(leg)
        await phones["1001"].sees(sig.Ended)
        await world.settles()
        (view,) = world.switch.groups.views()
        assert (view.calls, view.answered, view.ringing) == (1, 1, 0)

    world = run(tmp_path, scenario, *_group("all", "1001", "1002", "1006"))
    (entered,) = world.seen(GroupEntered)
    assert entered.members == ("extension:1001", "extension:1002", "extension:1006")
    assert world.record().result == "answered"


@pytest.mark.acceptance("FEA-11")
def test_a_refusal_with_603_ends_one_member_only(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        one, two = await world.phone("1001"), await world.phone("1002")
        one.rejects(603)
        two.answers(after=3.0)
        leg = world.carrier.call("4100")
        await world.carrier.sees(sig.Answered)
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *_group("all", "1001", "1002"))


@pytest.mark.acceptance("FEA-11")
@pytest.mark.parametrize(("then", "status"), [("", 480), ("hangup:busy", 486), ("extension:1006", 200)])
def test_when_nobody_takes_it_the_caller_goes_on(tmp_path: Path, then: str, status: int) -> None:
    async def scenario(world: World) -> None:
        one, last = await world.phone("1001"), await world.phone("1006")
        one.rings()
        last.answers()
        leg = world.carrier.call("4100")
        if status == 200:
            await world.carrier.sees(sig.Answered)
            world.carrier.hang_up(leg)
        else:
            assert (await world.carrier.sees(sig.Ended)).status == status
        await world.settles()

    keys = {"then": Destination.parse(then)} if then else {}
    run(tmp_path, scenario, *_group("serial", "1001", **keys))


@pytest.mark.parametrize(("key", "joined"), [("1", True), ("2", False)])
def test_an_outside_member_presses_one(tmp_path: Path, key: str, joined: bool) -> None:
    """The caller hears ringing until the mobile's person has pressed 1; any other key, or none, gives the call back."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        world.carrier.answers()
        caller = await world.phone("1002")
        leg = caller.call("6000")
        await world.passes(2.0)
        assert not [event for event in caller.events if isinstance(event, sig.Answered)], "not joined before the key"
        assert phone.incoming, "the other member rings meanwhile"
        digits = sig.Body(f"Signal={key}\r\n".encode(), "application/dtmf-relay")
        world.carrier.node.submit(sip.SendInfo(world.carrier.incoming[0].leg, digits))
        await world.passes(1.0)
        assert bool([event for event in caller.events if isinstance(event, sig.Answered)]) is joined
        if not joined:
            assert [event for event in world.carrier.events if isinstance(event, sig.Ended)], "the mobile is let go"
        caller.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *_group("all", "1001", "outside:013800138000"))


def test_a_bound_mobile_rings_after_its_seat(tmp_path: Path) -> None:
    """For a group and for the extension itself."""

    async def scenario(world: World) -> None:
        phone, caller = await world.phone("1005"), await world.phone("1002")
        phone.rings()
        world.carrier.answers()
        for number in ("6000", "1005"):
            leg = caller.call(number)
            await world.passes(19.0)
            assert len(world.carrier.incoming) == (number == "1005")
            await caller.sees(sig.Answered)
            caller.hang_up(leg)
            await world.passes(1.0)
        assert len(world.carrier.incoming) == 2
        await world.settles()

    extra = _group("all", "1005", timeout=50)
    mobile = _extension("1005", mobile="013800138000", mobile_rings="after", mobile_confirm=False)
    run(tmp_path, scenario, *extra, mobile)


@pytest.mark.parametrize("follow", [False, True])
def test_own_forwards_of_members_count_only_when_the_group_says_so(tmp_path: Path, follow: bool) -> None:
    async def scenario(world: World) -> None:
        one, six = await world.phone("1001"), await world.phone("1006")
        one.rings()
        six.rings()
        world.switch.personal.change("1001", "test", {"forward_always": "1006"})
        world.carrier.call("4100")
        await world.passes(1.0)
        assert (len(one.incoming), len(six.incoming)) == ((0, 1) if follow else (1, 0))
        world.carrier.hang_up("call1")
        await world.settles()

    run(tmp_path, scenario, *_group("serial", "1001", follow_forwards=follow))


def test_names_are_marked_and_another_member_may_take_the_call(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        one, two = await world.phone("1001"), await world.phone("1002")
        one.rings()
        leg = world.carrier.call("4100", caller="13800138000")
        await world.passes(1.0)
        assert one.incoming[0].caller.display_name.startswith("Desk ")
        two.call("*8")
        await world.carrier.sees(sig.Answered)
        assert (await one.sees(sig.Ended)).status in (200, 487)
        world.carrier.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *_group("serial", "1001", "1002", prefix="Desk "))


def test_lamps_of_groups_and_queues(tmp_path: Path) -> None:
    """`group-NAME` while it rings, `queue-NAME` while somebody waits."""

    async def scenario(world: World) -> None:
        watcher, one = await world.phone("1002"), await world.phone("1001")
        one.rings()
        waiting = {"sales": 0}
        world.switch.sources.waiting = lambda queue: waiting[queue]
        group, queue = subscribe(watcher, "group-desk"), subscribe(watcher, "queue-sales")
        await world.passes(1.0)
        world.carrier.call("4100")
        await world.passes(1.0)
        world.carrier.hang_up("call1")
        for now in (1, 0):
            waiting["sales"] = now
            world.switch.watching.touch("queue-sales", "dialog")
            await world.passes(1.0)
        assert states(told(watcher, group)) == ["early", "terminated"]
        assert states(told(watcher, queue)) == ["early", "terminated"]
        subscribe(watcher, "group-none")
        assert (await watcher.sees(sig.SubscriptionEnded)).status == 404
        await world.settles()

    run(tmp_path, scenario, *_group("serial", "1001"))
