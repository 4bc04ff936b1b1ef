"""One signed POST: bounded in time, size and connections; every way to fail is an answer, never a fault."""

from __future__ import annotations

import asyncio

import aiohttp

from softswitch.directory.centre import Webhook
from softswitch.model.clock import Clock
from softswitch.webhooks import envelope
from softswitch.webhooks.lane import Answer

CONNECTIONS = 64
SECONDS = 10.0
"""From the begin of the connection to the end of the answer."""
MOST_READ = 16_384
"""Octets of an answer that are read; nobody needs them, but a small rest keeps the connection alive."""


class Wire:
    """Owns the connections to all endpoints."""

    def __init__(self, clock: Clock, version: str, seconds: float = SECONDS) -> None:
        self._clock = clock
        self._agent = f"softswitch/{version}"
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, hook: Webhook, text: str, *, identity: str, kind: str, attempt: int) -> Answer:
        """Sends a delivery once. Redirects are not followed: they would carry the data elsewhere."""
        began = self._clock.now()
        try:
            async with asyncio.timeout(self._seconds):
                status = await self._post(hook, text, identity=identity, kind=kind, attempt=attempt)
        except TimeoutError:
            return Answer(0, f"no answer within {self._seconds:g} s", self._ms(began))
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            return Answer(0, str(fault) or type(fault).__name__, self._ms(began))
        return Answer(status, "" if 200 <= status < 300 else f"status {status}", self._ms(began))

    def _ms(self, began: float) -> int:
        return round((self._clock.now() - began) * 1000)

    async def _post(self, hook: Webhook, text: str, *, identity: str, kind: str, attempt: int) -> int:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=CONNECTIONS)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        headers = envelope.headers(
            hook.secret, hook.url, text, identity=identity, kind=kind, attempt=attempt, at=self._clock.utc()
        )
        async with self._session.post(
            hook.url, data=text.encode(), headers={**headers, "User-Agent": self._agent}, allow_redirects=False
        ) as response:
            await response.content.read(MOST_READ)
            return response.status
