"""An own PostgreSQL server for tests: a folder below the temporary one, loopback only, gone afterwards. It may be stopped and
started in the middle of a test.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg

from tests.support.switch import free_port

NOBODY = 65534
"""PostgreSQL refuses to run as root."""
FOLDERS = ("/usr/lib/postgresql/15/bin", "/usr/local/bin", "/usr/bin")
_numbers = count(1)


def program(name: str) -> str:
    """Raises FileNotFoundError; `script/setup --test` installs PostgreSQL."""
    folders = [*FOLDERS, *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin")))]
    found = shutil.which(name, path=os.pathsep.join(folders)) or shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} of PostgreSQL is not installed")
    return found


@dataclass
class Postgres:
    folder: Path
    port: int

    @classmethod
    def create(cls) -> Postgres:
        folder = Path(tempfile.mkdtemp(prefix="softswitch-postgres-"))
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        server = cls(folder, free_port())
        _run("initdb", "-D", str(folder / "data"), "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        server.start()
        return server

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -k {self.folder} -c fsync=off -c max_connections=60"
        _run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options, "start")

    def stop(self, how: str = "immediate") -> None:
        _run("pg_ctl", "-D", str(self.folder / "data"), "-m", how, "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self) -> str:
        """The URL of a new, empty database. For tests with or without a loop."""
        name = f"test{next(_numbers)}_{os.getpid()}"
        _elsewhere(lambda: asyncio.run(self._execute(f"create database {name}")))
        return f"postgresql://tester@127.0.0.1:{self.port}/{name}"

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host="127.0.0.1", port=self.port, user="tester", database="postgres")
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _elsewhere(work: Callable[[], None]) -> None:
    """In another thread: `asyncio.run` cannot be used inside of a running loop."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def _run(name: str, *arguments: str) -> None:
    user = NOBODY if os.geteuid() == 0 else None
    done = subprocess.run(
        [program(name), *arguments], user=user, group=user, extra_groups=[] if user else None, cwd="/",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")
