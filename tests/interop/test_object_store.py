"""Recordings go to a real S3 server over HTTP (moto), stay here while it is away, and are heard and checked from there."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from softswitch.recordings.depot import Away, DepotSettings, open_depot
from softswitch.recordings.mover import ALARM, Mover
from tests.softswitch.recordings.conftest import Shelf, shelf
from tests.support.switch import free_port, wait_for

boto3 = pytest.importorskip("boto3")
pytest.importorskip("moto.server")
pytest.importorskip("obstore")
__all__ = ["shelf"]
FILE = "2023/11/14/c1.wav"
LOGIN = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


@dataclass
class S3Server:
    """A process that is there or not."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        arguments = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._made_bucket, 10, "the S3 server")

    def _made_bucket(self) -> bool:
        from botocore.exceptions import BotoCoreError

        try:
            self.client.create_bucket(Bucket="calls")
        except BotoCoreError:
            return False
        return True

    @property
    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, **LOGIN)

    def held(self) -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket="calls").get("Contents", [])]

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(5)
            self.process = None


@pytest.fixture
def server() -> Iterator[S3Server]:
    made = S3Server()
    yield made
    made.stop()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'switch.db'}"


@pytest.mark.timeout(60)
async def test_recordings_wait_for_the_store_and_then_live_there(shelf: Shelf, server: S3Server) -> None:
    settings = DepotSettings(url="s3://calls/node-1", endpoint=server.endpoint, key="key", secret="secret")
    keeper, depot = shelf.archive.keeper, open_depot(settings)
    keeper.depot = depot
    mover = Mover(shelf.store, keeper, depot, shelf.clock, shelf.alarms)
    path = await shelf.made("1")
    content = path.read_bytes()

    with pytest.raises(Away):
        await mover.move()
    task = asyncio.create_task(mover.run())
    async with asyncio.timeout(8):
        while not shelf.raised():
            await asyncio.sleep(0.02)
    task.cancel()
    assert {code for code, _ in shelf.raised()} == {ALARM}
    assert path.read_bytes() == content, "nobody is there: it stays"

    await asyncio.to_thread(server.start)
    task = asyncio.create_task(mover.run())
    async with asyncio.timeout(8):
        while path.exists() or shelf.raised():
            await asyncio.sleep(0.02)
    task.cancel()
    assert f"node-1/{FILE}" in server.held()

    sound = await keeper.sound(FILE)
    assert sound.read(0, sound.size) == content, "heard from there"
    report = await shelf.archive.watch.check()
    assert (report.files, report.faults) == (1, {})

    server.client.put_object(Bucket="calls", Key=f"node-1/{FILE}", Body=b"x" * len(content))
    await asyncio.to_thread(Path(keeper.root / ".cache" / FILE).unlink, missing_ok=True)
    report = await shelf.archive.watch.check()
    assert "checksum" in "".join(report.faults.values()), "a change in the store is found"
    await depot.delete(FILE)
    await depot.delete(FILE)
    assert f"node-1/{FILE}" not in server.held()


async def test_a_store_that_refuses_is_an_absence_not_a_loss(shelf: Shelf, server: S3Server) -> None:
    """There is no such bucket."""
    await asyncio.to_thread(server.start)
    depot = open_depot(DepotSettings(url="s3://other", endpoint=server.endpoint, key="key", secret="secret"))
    shelf.archive.keeper.depot = depot
    path = await shelf.made("1")
    mover = Mover(shelf.store, shelf.archive.keeper, depot, shelf.clock, shelf.alarms)
    with pytest.raises((Away, OSError)):
        await mover.move()
    assert path.exists()
