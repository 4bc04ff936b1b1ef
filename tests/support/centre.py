"""An office with everything that queues stand on, wired by the product's own parts over a database in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import StaticPool

from softswitch.acd.callbacks import Callbacks
from softswitch.acd.switches import EmergencySwitches
from softswitch.bootstrap.parts import queues
from softswitch.bootstrap.schemas import SCHEMAS
from softswitch.calendar.service import Calendars
from softswitch.directory.centre import Calendar
from softswitch.directory.model import Agent, Extension, Flow, Queue, Route
from softswitch.lists.service import Lists
from softswitch.model import events as ev
from softswitch.prediction.errors import Report
from softswitch.prediction.recursion import Prediction
from softswitch.store.rows import CdrRow
from softswitch.store.schema import SCHEMA, migrate
from softswitch.store.spool import Spool
from tests.support.office import Office

T = TypeVar("T")
P = TypeVar("P")
CUSTOMER = "013800138000"
"""A number that a route leads to; in the office it is a phone of this name."""


def database() -> Engine:
    """A database that outlives a centre: hand it to the next one, as after `kill -9`."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    with engine.begin() as connection:
        migrate(connection, (SCHEMA, *SCHEMAS))
    return engine


class InlineStore:
    """The store without threads, so that virtual time stands still meanwhile. `away`: every use fails."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.away = False

    async def read(self, work: Callable[[Connection], T]) -> T:
        return self._run(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        return self._run(work)

    def _run(self, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise OperationalError("anything", {}, Exception("the database is away"))
        with self.engine.begin() as connection:
            return work(connection)


class Oracle:
    """Predicts what the test says, in seconds."""

    def __init__(self, p80: float, mean: float | None = None) -> None:
        self.p80 = p80
        self.mean = p80 if mean is None else mean

    def predict(self, _question: object, _at: float) -> Prediction:
        return Prediction(self.mean, self.mean, self.p80, "told")

    def report(self, _queue: str) -> Report:
        return Report(0, None, None, None)


class Centre(Office):
    """`async with Centre(…) as centre`. Time begins on Monday, New Year's Day 2024, at noon in Shanghai."""

    def __init__(
        self, tmp_path: Path, *, agents: tuple[Agent, ...], queues: tuple[Queue, ...], calendars: Sequence[Calendar] = (),
        flows: tuple[Flow, ...] = (), engine: Engine | None = None, stored: tuple[ev.Event, ...] = (),
        records: tuple[CdrRow, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(tmp_path, agents=agents, queues=queues, flows=flows, stored=stored, records=records)
        numbers = ("1001", "1002", "1003", "1004")
        self.snapshot = replace(
            self.snapshot, calendars={one.name: one for one in calendars},
            routes={"0*": Route(pattern="0*", trunks=("carrier",))},
            extensions={number: Extension(number=number) for number in numbers},
        )  # fmt: skip
        self.store: Any = InlineStore(engine or database())
        self.parts: dict[type, Any] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self.switch: Any = SimpleNamespace(
            calls=self.calls, handlers=self.handlers, screen=None, routing=SimpleNamespace()
        )  # fmt: skip

    async def __aenter__(self) -> Centre:
        node: Any = SimpleNamespace(
            store=self.store, clock=self.clock, acd=self.acd, bus=self.bus, parts=self.parts, switch=self.switch,
            directory=SimpleNamespace(current=lambda: self.snapshot), journal=SimpleNamespace(append=self.journal),
            on_close_async=lambda _callback: None,
            run=lambda work, _name: self._tasks.append(asyncio.get_running_loop().create_task(work)),
        )  # fmt: skip
        for build in (queues.spool, queues.calendars, queues.lists, queues.emergencies, queues.surveys, queues.callbacks):
            part = await build(node)
            self.parts[type(part)] = part
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def die(self) -> None:
        """As `kill -9` does it: nothing is ended, nothing is written."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    def part(self, kind: type[P]) -> P:
        found: P = self.parts[kind]
        return found

    @property
    def callbacks(self) -> Callbacks:
        return self.part(Callbacks)

    @property
    def lists(self) -> Lists:
        return self.part(Lists)

    @property
    def emergencies(self) -> EmergencySwitches:
        return self.part(EmergencySwitches)

    @property
    def calendars(self) -> Calendars:
        return self.part(Calendars)

    @property
    def spool(self) -> Spool:
        return self.part(Spool)

    def expects(self, p80: float, mean: float | None = None) -> None:
        """Whoever asks how long it takes hears this, in seconds."""
        self.acd.forecast.oracle = Oracle(p80, mean)

    def reconfigure(self, **tables: Any) -> None:
        """A change of the directory."""
        self.snapshot = replace(self.snapshot, **tables)
        self.acd.directory_changed(self.snapshot)

    def exits(self) -> list[str]:
        """How visits of callers ended, in order."""
        places = {event.visit for event in self.of(ev.QueueEntered) if event.channel == "callback"}
        return [event.result for event in self.of(ev.QueueLeft) if event.visit not in places]

    def rings(self, number: str) -> bool:
        """Whether a phone of this number rings or talks now."""
        return number in self.phones and not self.phone(number).is_ended
