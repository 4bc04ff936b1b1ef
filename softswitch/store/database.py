"""The one door to the database. Every use is a plain function of a connection, run in one transaction off the event loop.

    rows = await store.read(lambda connection: connection.execute(select(cdr)).all())
    await store.write(save_agent)                     # commits when the function returns, rolls back when it raises

SQLite: one writer thread with its own connection, a few readers (WAL). A process that is killed loses nothing that was
committed: `synchronous=NORMAL` hands every commit to the kernel; only a power cut may lose the newest ones, never corrupt.
PostgreSQL: the same functions through asyncpg and SQLAlchemy's `run_sync`.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from softswitch.store.schema import SCHEMA, Schema, migrate

T = TypeVar("T")
Work = Callable[[Connection], T]
READERS = 2


class Backend(Protocol):
    async def read(self, work: Work[T]) -> T: ...

    async def study(self, work: Work[T]) -> T: ...

    async def write(self, work: Work[T]) -> T: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Store:
    """Owned by the composition root; `read` and `write` may be called from any task."""

    url: str
    _backend: Backend

    @classmethod
    async def open(cls, url: str, schemas: Sequence[Schema] = ()) -> Store:
        """Connects, makes the tables that are missing and runs due migrations.

        Raises OSError or sqlalchemy.exc.SQLAlchemyError when the database cannot be used, ValueError for a URL of another kind.
        """
        store = cls(url, _backend(url))
        try:
            await store.write(lambda connection: migrate(connection, (SCHEMA, *schemas)))
        except BaseException:
            await store.close()
            raise
        return store

    @property
    def is_remote(self) -> bool:
        """The answer to a commit may be lost although it happened."""
        return not self.url.startswith("sqlite")

    async def read(self, work: Work[T]) -> T:
        return await self._backend.read(work)

    async def study(self, work: Work[T]) -> T:
        """Reads at length, as for a report: one picture of the database, in a thread and with a connection of its own."""
        return await self._backend.study(work)

    async def write(self, work: Work[T]) -> T:
        """Runs `work` in one transaction. Writers run one after the other on SQLite; keep the work short."""
        return await self._backend.write(work)

    async def close(self) -> None:
        await self._backend.close()


def _backend(url: str) -> Backend:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ValueError(f"expected sqlite:///PATH or postgresql://…, got {url!r}") from error
    if parsed.get_backend_name() == "sqlite":
        return _Sqlite(parsed)
    if parsed.get_backend_name() == "postgresql":
        return _Postgres(parsed)
    raise ValueError(f"expected sqlite:///PATH or postgresql://…, got {parsed.render_as_string(hide_password=True)!r}")


class _Sqlite:
    def __init__(self, url: URL) -> None:
        if url.database and url.database != ":memory:":
            path = Path(url.database)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Who called whom and the hashes of passwords are for the owner only; SQLite gives its side files the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._writer = _sqlite_engine(url, begin="BEGIN IMMEDIATE", size=1)  # IMMEDIATE: never fails half-way with "locked"
        self._reader = _sqlite_engine(url, begin="BEGIN", size=READERS)
        self._writing = ThreadPoolExecutor(1, "database-writer")
        self._reading = ThreadPoolExecutor(READERS, "database-reader")
        self._student = _sqlite_engine(url, begin="BEGIN", size=1)
        self._studying = ThreadPoolExecutor(1, "database-student")

    async def read(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, _run, self._reader, work)

    async def study(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._studying, _run, self._student, work)

    async def write(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, _run, self._writer, work)

    async def close(self) -> None:
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._studying.shutdown()
        for engine in (self._writer, self._reader, self._student):
            engine.dispose()


def _run(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _sqlite_engine(url: URL, *, begin: str, size: int) -> Engine:
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"), poolclass=QueuePool, pool_size=size, max_overflow=0, hide_parameters=True,
        pool_reset_on_return=None,  # every use ends in commit or rollback
        connect_args={"check_same_thread": False, "timeout": 10.0},
    )  # fmt: skip

    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we write BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


_ROOM = "SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)"
"""For one transaction: months by queue and hour are grouped in memory; compiling statements costs more than it saves."""


class _Postgres:
    def __init__(self, url: URL) -> None:
        try:
            from asyncpg import InterfaceError as DriverMisused  # type: ignore[import-untyped]  # noqa: PLC0415
            from asyncpg import PostgresError  # noqa: PLC0415
        except ImportError as error:
            raise ValueError("PostgreSQL needs the extra `postgres`: pip install 'softswitch[postgres]'") from error
        self._faults: tuple[type[Exception], ...] = (PostgresError, DriverMisused)
        url = url.set(drivername="postgresql+asyncpg")
        self._engine: AsyncEngine = create_async_engine(url, hide_parameters=True, pool_pre_ping=True)
        self._student = create_async_engine(
            url, hide_parameters=True, pool_pre_ping=True, pool_size=1, max_overflow=0, isolation_level="REPEATABLE READ"
        )
        # `run_sync` runs the work itself on the loop, where calls live; long work has a thread with a loop of its own.
        self._studying = ThreadPoolExecutor(1, "database-student")
        self._aside = asyncio.Runner()

    async def read(self, work: Work[T]) -> T:
        return await self.write(work)

    async def study(self, work: Work[T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._studying, self._studied, work)

    def _studied(self, work: Work[T]) -> T:
        def roomy(connection: Connection) -> T:
            connection.exec_driver_sql(_ROOM)
            return work(connection)

        return self._aside.run(self._in_transaction(self._student, roomy))

    async def write(self, work: Work[T]) -> T:
        return await self._in_transaction(self._engine, work)

    async def _in_transaction(self, engine: AsyncEngine, work: Work[T]) -> T:
        """Raises SQLAlchemyError or OSError; what the driver says while it connects comes past SQLAlchemy and is made one."""
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        except self._faults as fault:
            raise OperationalError("connect", None, fault) from fault

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._studying, self._shut)
        await asyncio.to_thread(self._studying.shutdown)
        await self._engine.dispose()

    def _shut(self) -> None:
        self._aside.run(self._student.dispose())
        self._aside.close()


REFUSING = ("22", "23")
"""Classes of SQLSTATE: data exception, integrity constraint violation."""


def is_refusal(error: BaseException) -> bool:
    """The row is wrong, waiting would not help. ValueError: the driver cannot encode a text, as with a lone surrogate."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, ValueError)
    if error.connection_invalidated:
        return False
    if state := getattr(error.orig, "sqlstate", None):
        return str(state).startswith(REFUSING)
    if "asyncpg" in type(error.orig).__module__ and "connection" in str(error.orig):
        return False
    return isinstance(error, IntegrityError | DataError | InterfaceError | ProgrammingError)
