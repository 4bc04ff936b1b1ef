"""SQL look-ups: one read-only statement with named parameters, never on the event loop, ended at its time-out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from softswitch.directory.model import Lookup


class QueryFailed(OSError):
    """The database would not answer; an OSError, so that whoever looks up treats it like a line that is down."""


async def ask(lookup: Lookup, parameters: Mapping[str, str]) -> dict[str, Any] | None:
    """The first row, None when there is none. Raises QueryFailed. The caller bounds it with `asyncio.timeout`."""
    try:
        url = make_url(lookup.database)
    except ArgumentError as fault:
        raise QueryFailed("expected sqlite:///PATH or postgresql://… as database") from fault
    if url.get_backend_name() == "sqlite":
        return await _sqlite(url.database or "", lookup.sql, parameters)
    if url.get_backend_name() == "postgresql":
        engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=NullPool, hide_parameters=True)
        try:
            return await _postgres(engine, lookup, parameters)
        except SQLAlchemyError as fault:
            raise QueryFailed(type(fault).__name__) from fault
        finally:
            await engine.dispose()
    raise QueryFailed(f"databases of the kind {url.get_backend_name()} are not known")


async def _postgres(engine: Any, lookup: Lookup, parameters: Mapping[str, str]) -> dict[str, Any] | None:
    async with engine.connect() as connection:
        await connection.execute(text("SET TRANSACTION READ ONLY"))
        await connection.execute(text(f"SET LOCAL statement_timeout = {round(lookup.timeout * 1000)}"))
        row = (await connection.execute(text(lookup.sql), dict(parameters))).first()
        return dict(row._mapping) if row is not None else None


async def _sqlite(path: str, sql: str, parameters: Mapping[str, str]) -> dict[str, Any] | None:
    connection = await asyncio.to_thread(_open, path)
    work = asyncio.get_running_loop().run_in_executor(None, _first_row, connection, sql, dict(parameters))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        connection.interrupt()
        await asyncio.wait([work])
        raise
    finally:
        if work.done() and not work.cancelled():
            work.exception()
        connection.close()


def _open(path: str) -> sqlite3.Connection:
    """Read only, whatever the statement says."""
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False, timeout=1.0)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as fault:
        raise QueryFailed(str(fault)) from fault
    connection.row_factory = sqlite3.Row
    return connection


def _first_row(connection: sqlite3.Connection, sql: str, parameters: dict[str, str]) -> dict[str, Any] | None:
    try:
        row = connection.execute(sql, parameters).fetchone()
    except sqlite3.Error as fault:
        raise QueryFailed(str(fault)) from fault
    return dict(row) if row is not None else None
