"""These tests run in virtual time, most of them in one office: its agents wait, or `li` has a customer on the line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from tests.softswitch.calls.desk import Desk, office_of, talking
from tests.support.office import Office
from tests.support.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with office_of(tmp_path) as office:
        yield office


@pytest.fixture
async def desk(office: Office) -> Desk:
    return await talking(office)
