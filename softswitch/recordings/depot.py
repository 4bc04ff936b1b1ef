"""Where finished recordings go when they do not stay on this machine: an S3-compatible store, or another directory.

Through `obstore` (extra `s3`), which is asked for only when a store is set.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

_BLOCK = 1 << 20
_RETRY = timedelta(seconds=10)
"""Longer absences are the mover's to wait for."""


class Away(Exception):
    """The store cannot be reached, or refuses us."""


class Depot(Protocol):
    """A store of files by name. Every call raises Away."""

    name: str

    async def put(self, name: str, path: Path) -> None:
        """Raises OSError too, when the file cannot be read."""

    async def size(self, name: str) -> int | None:
        """None: there is no such file."""

    async def fetch(self, name: str, target: Path) -> None:
        """Raises FileNotFoundError; OSError when the target cannot be written. The target is whole or not there."""

    async def checksum(self, name: str) -> str:
        """SHA-256, hex, read anew. Raises FileNotFoundError."""

    async def delete(self, name: str) -> None:
        """Also when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DepotSettings:
    """`url`: s3://BUCKET/PREFIX or file:///DIRECTORY. The rest is for S3; empty: from the environment (AWS_…)."""

    url: str
    endpoint: str = ""
    region: str = ""
    key: str = ""
    secret: str = ""


def open_depot(settings: DepotSettings) -> Depot:
    """Raises ValueError for a setting that cannot be, ImportError without obstore."""
    try:
        from obstore import store as stores  # noqa: PLC0415 - the extra `s3`
    except ImportError as fault:
        raise ImportError("recordings.store needs obstore: pip install 'softswitch[s3]'") from fault
    scheme, _, rest = settings.url.partition("://")
    if scheme == "file" and rest.startswith("/"):
        return ObjectDepot(stores.LocalStore(rest, mkdir=True), settings.url)
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"recordings.store: expected s3://BUCKET/PREFIX or file:///DIRECTORY, got {settings.url}")
    options: dict[str, Any] = {"region": settings.region or "us-east-1"}
    if settings.endpoint:
        options.update(endpoint=settings.endpoint, virtual_hosted_style_request=False)
    if settings.key:
        options.update(access_key_id=settings.key, secret_access_key=settings.secret)
    client: Any = {"allow_http": settings.endpoint.startswith("http://"), "timeout": "60s", "connect_timeout": "5s"}
    retry: Any = {"max_retries": 2, "retry_timeout": _RETRY}
    made = stores.S3Store(bucket, prefix=prefix.strip("/") or None, client_options=client, retry_config=retry, **options)
    return ObjectDepot(made, settings.url)


@contextmanager
def _told() -> Iterator[None]:
    """What a store says, in our words; that a file is not there says Python's own FileNotFoundError."""
    from obstore.exceptions import BaseError  # noqa: PLC0415

    try:
        yield
    except BaseError as fault:
        raise Away(str(fault).partition("\n")[0]) from fault


class ObjectDepot:
    """A `Depot` on any store of obstore."""

    def __init__(self, store: Any, name: str) -> None:
        self.name = name
        self._store = store

    async def put(self, name: str, path: Path) -> None:
        from obstore import put_async  # noqa: PLC0415

        with _told(), path.open("rb") as file:
            await put_async(self._store, name, file)

    async def size(self, name: str) -> int | None:
        from obstore import head_async  # noqa: PLC0415

        try:
            with _told():
                return int((await head_async(self._store, name))["size"])
        except FileNotFoundError:
            return None

    async def fetch(self, name: str, target: Path) -> None:
        part = target.with_name(target.name + ".part")
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        with part.open("wb") as file:
            async for block in self._blocks(name):
                await asyncio.to_thread(file.write, block)
        part.replace(target)

    async def checksum(self, name: str) -> str:
        digest = hashlib.sha256()
        async for block in self._blocks(name):
            await asyncio.to_thread(digest.update, block)
        return digest.hexdigest()

    async def delete(self, name: str) -> None:
        from obstore import delete_async  # noqa: PLC0415

        try:
            with _told():
                await delete_async(self._store, name)
        except FileNotFoundError:
            return

    async def _blocks(self, name: str) -> AsyncIterator[bytes]:
        from obstore import get_async  # noqa: PLC0415

        with _told():
            found = await get_async(self._store, name)
            async for block in found.stream(min_chunk_size=_BLOCK):
                yield bytes(block)
