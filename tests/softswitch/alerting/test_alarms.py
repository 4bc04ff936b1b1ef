"""Alarms from raised to cleared: merged, damped, acknowledged, escalated, kept in the history."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import pytest

from softswitch.alerting.service import Alerting, Parts
from softswitch.alerting.tables import SCHEMA
from softswitch.alerting.watch import Sources, Watch
from softswitch.directory.model import AlarmRule, Kind, Queue
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import ManualClock
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import AlarmAcknowledged, AlarmCleared, AlarmEscalated, AlarmRaised, Event
from softswitch.model.views import AgentView, QueueView
from softswitch.observe.alarms import Alarms
from softswitch.store.database import Store


class Mail:
    configured = True

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], str, str]] = []

    async def send(self, to: Sequence[str], subject: str, text: str) -> None:
        self.sent.append((list(to), subject, text))


class World:
    """Alarms with everything that hears of them."""

    def __init__(self, store: Store, clock: ManualClock, *rules: AlarmRule) -> None:
        self.clock, self.store, self.mail = clock, store, Mail()
        self.events: list[Event] = []
        self.posted: list[tuple[str, str, Mapping[str, Any]]] = []
        self.writes: list[Callable[[Any], object]] = []
        self.snapshot = Snapshot.of((Kind.ALARM_RULE, rule) for rule in rules)
        self.alarms = Alarms(self.emit, clock, hold=60.0)
        self.alerting = Alerting(
            Parts(alarms=self.alarms, store=store, clock=clock, directory=lambda: self.snapshot, journal=self.emit,
                  put=self.writes.append, mail=self.mail, post=self.post, everybody=("duty@shop.example",), keep_days=30)
        )  # fmt: skip

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.alerting.note(event)

    async def post(self, webhook: str, kind: str, values: Mapping[str, Any]) -> None:
        self.posted.append((webhook, kind, values))

    async def settle(self) -> None:
        while self.alerting._telling:
            await asyncio.sleep(0)
        for write in self.writes:
            await self.store.write(write)
        self.writes.clear()

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = await Store.open(url, (SCHEMA,))
    yield store
    await store.close()


def test_an_alarm_ends_when_its_condition_was_absent_for_a_minute() -> None:
    clock, events = ManualClock(), []
    alarms = Alarms(events.append, clock, hold=60.0)
    alarms.raise_("trunk_down", "major", "down", "trunk:a")
    alarms.clear("trunk_down", "trunk:a")
    clock.advance(59)
    alarms.tick()
    assert len(alarms.active()) == 1
    alarms.raise_("trunk_down", "major", "down again", "trunk:a")
    clock.advance(59)
    alarms.tick()
    (alarm,) = alarms.active()
    assert (alarm.count, alarm.text) == (2, "down again"), "one alarm, merged"
    alarms.clear("trunk_down", "trunk:a")
    clock.advance(60)
    alarms.tick()
    assert [event.type for event in events] == ["alarm.raised", "alarm.cleared"] and not alarms.active()
    assert events[0].alarm == events[1].alarm != ""


def test_what_comes_three_times_in_five_minutes_rings_once() -> None:
    clock, events = ManualClock(), []
    alarms = Alarms(events.append, clock, hold=10.0)
    for _ in range(12):  # 20 s there, 12 s gone: by itself each would be cleared after 10 s
        alarms.raise_("trunk_down", "major", "down", "trunk:a")
        clock.advance(20)
        alarms.tick()
        alarms.clear("trunk_down", "trunk:a")
        clock.advance(12)
        alarms.tick()
    assert [event.type for event in events].count("alarm.raised") == 3, "the third stays, however often it comes back"
    (alarm,) = alarms.active()
    assert alarm.flapping
    clock.advance(300)
    alarms.tick()
    assert not alarms.active()


def test_a_worse_level_is_told_again_with_the_same_id() -> None:
    clock, events = ManualClock(), []
    alarms = Alarms(events.append, clock)
    alarms.raise_("x", "minor", "a")
    alarms.raise_("x", "minor", "b")
    alarms.raise_("x", "critical", "c")
    assert [(event.level, event.alarm == events[0].alarm) for event in events] == [("minor", True), ("critical", True)]


async def test_who_takes_care_is_known_and_stops_the_escalation(store: Store) -> None:
    rule = AlarmRule(name="r", code="trunk_down", mail=("noc@shop.example",), webhook="crm", escalate_seconds=180,
                     escalate_mail=("lead@shop.example", "boss@shop.example"))  # fmt: skip
    world = World(store, ManualClock(), rule)
    world.alarms.raise_("trunk_down", "critical", "Trunk a is down", "trunk:a")
    await world.settle()
    ((to, subject, text),) = world.mail.sent
    assert to == ["noc@shop.example"] and "critical" in subject and "中继中断" in subject and "Trunk a is down" in text
    assert world.posted[0][:2] == ("crm", "alarm.raised") and world.posted[0][2]["object"] == "trunk:a"
    for seconds, expected in ((179, 0), (1, 1), (100, 1), (80, 2), (1000, 2)):
        world.clock.advance(seconds)
        world.alerting.look()
        assert world.kinds().count("alarm.escalated") == expected
    await world.settle()
    assert [to for to, *_ in world.mail.sent[1:]] == [["lead@shop.example"], ["boss@shop.example"]]
    (alarm,) = world.alarms.active()
    world.alerting.acknowledge(alarm.id, "wang", "I call the carrier")
    with pytest.raises(Conflict):
        world.alerting.acknowledge(alarm.id, "chen", "")
    with pytest.raises(NotFound):
        world.alerting.acknowledge("nothing", "chen", "")
    await world.settle()
    (past,) = (await world.alerting.past(limit=10)).items
    assert (past.acked_by, past.note, past.escalated_to, past.cleared_at) == (
        "wang",
        "I call the carrier",
        "boss@shop.example",
        None,
    )
    world.alarms.clear("trunk_down", "trunk:a")
    world.clock.advance(60)
    world.alerting.look()
    await world.settle()
    (past,) = (await world.alerting.past(limit=10)).items
    assert past.cleared_at == world.clock.utc()


async def test_an_acknowledged_alarm_is_not_escalated(store: Store) -> None:
    world = World(store, ManualClock(), AlarmRule(name="r", code="x", escalate_seconds=60, escalate_mail=("a@b.example",)))
    world.alarms.raise_("x", "major", "t")
    world.alerting.acknowledge(world.alarms.active()[0].id, "wang", "")
    world.clock.advance(3600)
    world.alerting.look()
    assert "alarm.escalated" not in world.kinds()


async def test_loud_alarms_without_a_rule_reach_the_duty_address(store: Store) -> None:
    world = World(store, ManualClock())
    world.alarms.raise_("task_ended", "critical", "t")
    world.alarms.raise_("loop_lag", "warning", "t")
    await world.settle()
    assert [to for to, *_ in world.mail.sent] == [["duty@shop.example"]]


async def test_the_history_survives_a_restart_and_is_paged(store: Store) -> None:
    world = World(store, ManualClock())
    for number in range(5):
        world.alarms.raise_("x", "minor" if number % 2 else "major", f"t{number}", f"o{number}")
        world.clock.advance(1)
    await world.settle()
    after = World(store, world.clock)
    await after.alerting.start()
    found = await after.alerting.past(limit=3)
    rest = await after.alerting.past(limit=3, cursor=found.next or "")
    assert [alarm.object for alarm in [*found.items, *rest.items]] == ["o4", "o3", "o2", "o1", "o0"]
    assert all(alarm.cleared_at == after.clock.utc() for alarm in found.items), "nobody holds them any more"
    assert rest.next is None
    assert len((await after.alerting.past(limit=9, level="minor")).items) == 2
    assert not (await after.alerting.past(limit=9, code="y")).items
    after.clock.advance(31 * 86_400)
    await World(store, after.clock).alerting.start()
    assert (await after.alerting.past(limit=9)).items == ()


def queue_view(**more: Any) -> QueueView:
    return QueueView(**{"name": "sales", "strategy": "longest_idle", "calls": (), "agents": {"ready": 1}, "longest_wait_ms": 0,
                        "offered": 0, "answered": 0, "abandoned": 0, "service_level": None, **more})  # fmt: skip


async def test_what_is_seen_and_what_alarms_are_in_step() -> None:
    clock, events = ManualClock(), []
    alarms = Alarms(events.append, clock, hold=60.0)
    trunk = {"name": "a", "state": "up", "detail": ""}
    agents = [
        AgentView(login="li", name="li", state="ready", reason="", since=0.0, queues=("sales",), station="extension:1001")
    ]
    phones: list[str] = ["1001"]
    progress = [10, 10]
    rules = [(Kind.ALARM_RULE, AlarmRule(name="r", code="longest_wait", threshold=60)), (Kind.QUEUE, Queue(name="sales"))]
    views = [queue_view()]
    sources = Sources(
        clock=clock, directory=lambda: Snapshot.of(rules), queues=lambda: views, agents=lambda: agents, trunks=lambda: [trunk],  # type: ignore[arg-type]
        phones=lambda: phones, progress=lambda: (progress[0], progress[1]), certificates=lambda: {"http": 30.0},
    )  # fmt: skip
    watch = Watch(sources, alarms)

    def active() -> set[tuple[str, str]]:
        watch.look()
        alarms.tick()
        return {(alarm.code, alarm.object) for alarm in alarms.active()}

    assert active() == set()
    trunk["state"], views[0] = "down", queue_view(longest_wait_ms=61_000)
    phones.clear()
    assert active() == {("trunk_down", "trunk:a"), ("longest_wait", "queue:sales"), ("phone_lost", "extension:1001")}
    trunk["state"], views[0] = "up", queue_view()
    phones.append("1001")
    active()
    clock.advance(61)
    assert active() == set()
    for _ in range(10):  # a busy switch: always something on its way, never the same
        progress[0] += 100
        progress[1] = progress[0] - 3
        clock.advance(5)
        assert active() == set()
    progress[0] += 1
    active()
    clock.advance(5)
    assert active() == {("journal_lag", "")}


def test_events_are_those_of_the_model() -> None:
    assert {kind.type for kind in (AlarmRaised, AlarmCleared, AlarmAcknowledged, AlarmEscalated)} == {
        "alarm.raised", "alarm.cleared", "alarm.acked", "alarm.escalated",
    }  # fmt: skip
