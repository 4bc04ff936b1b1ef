"""Databases of both kinds, filled through the journal as the switch does it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.model import events as ev
from softswitch.model.clock import ManualClock
from softswitch.reports.recorder import Recorder
from softswitch.store.database import Store
from softswitch.store.journal import Journal

Fill = Callable[[Sequence[ev.Event]], Awaitable[Store]]


@pytest.fixture
async def fill(url: str) -> AsyncIterator[Fill]:
    opened: list[Store] = []

    async def filled(events: Sequence[ev.Event]) -> Store:
        store = await Store.open(url)
        opened.append(store)
        journal = Journal(store, Bus().publish, ManualClock(), fold, followers=[Recorder()])
        await journal.recover()
        for event in events:
            journal.append(event)
        journal.start()
        await journal.flush()
        await journal.close()
        return store

    yield filled
    for store in opened:
        await store.close()
