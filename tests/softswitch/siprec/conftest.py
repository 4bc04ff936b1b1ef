"""These tests run in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.support.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}
