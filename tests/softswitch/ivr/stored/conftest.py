"""These tests use a real database and real threads, so they run in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from softswitch.directory.service import SCHEMA as DIRECTORY
from softswitch.directory.service import Directory
from softswitch.ivr.tables import SCHEMA as IVR
from softswitch.model.clock import ManualClock
from softswitch.store.database import Store


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"plain": asyncio.new_event_loop}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(f"sqlite:///{tmp_path}/test.db", (DIRECTORY, IVR))
    yield opened
    await opened.close()


@pytest.fixture
async def directory(store: Store, clock: ManualClock, tmp_path: Path) -> Directory:
    return await Directory.open(store, clock, tmp_path)
