"""kill -9 in the middle of it: every call whose end is committed is told of, some perhaps twice."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

from tests.softswitch.webhooks.conftest import Endpoint

CALLS = 300


async def _process(database: Path, url: str, calls: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.softswitch.webhooks.killed", str(database), url, str(calls)
    )


async def _until(endpoint: Endpoint, count: int) -> None:
    async with asyncio.timeout(60):
        while len(set(endpoint.calls())) < count:
            await asyncio.sleep(0.05)


def _ended(database: Path) -> set[str]:
    with sqlite3.connect(database) as connection:
        return {row[0] for row in connection.execute("select call from journal where type = 'call.ended'")}


async def test_kill_9(tmp_path: Path) -> None:
    endpoint, database = Endpoint(), tmp_path / "db"
    await endpoint.start()
    first = await _process(database, endpoint.url, CALLS)
    await _until(endpoint, 40)
    first.kill()
    await first.wait()
    before = set(endpoint.calls())
    committed = _ended(database)
    assert len(committed) > len(before), "it was killed while calls were still to be told of"
    second = await _process(database, endpoint.url, 0)
    await _until(endpoint, len(committed))
    second.kill()
    await second.wait()
    assert set(endpoint.calls()) >= committed
    ids = [body["id"] for _, body in endpoint.got]
    twice = len(ids) - len(set(ids))
    assert twice <= 4 * 51, "only what was not written down yet comes again, under the same id"
    assert endpoint.server is not None
    await endpoint.server.close()
