"""Asks an application what to do: one signed request, one answer, or the fallback's.

The signature is the hex HMAC-SHA256 of `TIMESTAMP.METHOD.URL.BODY` under the application's secret, in `X-Softswitch-Signature`;
the timestamp (epoch seconds, `X-Softswitch-Timestamp`) lets the other side refuse what is old.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
import structlog

from softswitch.applications.model import Verb
from softswitch.applications.parser import MOST_OCTETS, BadAnswer, parse
from softswitch.directory.model import Application
from softswitch.model.clock import Clock

log = structlog.get_logger("applications")
SIGNATURE = "X-Softswitch-Signature"
TIMESTAMP = "X-Softswitch-Timestamp"


class NoAnswer(Exception):
    """Neither the application nor its fallback answered with something that can be followed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The verbs, and the address that gave them: relative addresses in them start there."""

    verbs: tuple[Verb, ...]
    url: str


def signature(secret: str, timestamp: str, method: str, url: str, body: str) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.{method}.{url}.{body}".encode(), hashlib.sha256).hexdigest()


class Webhooks:
    """One per node; owns the connections."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, application: Application, url: str, method: str, values: Mapping[str, str]) -> Answer:
        """The answer of `url`, else of the application's fallback. Raises NoAnswer."""
        failed = ""
        for tried in filter(None, (url, application.fallback)):
            told = {**values, "ErrorUrl": _shown(url), "Error": failed} if failed else values
            try:
                async with asyncio.timeout(application.timeout):
                    return await self._once(application, tried, method, told)
            except (aiohttp.ClientError, TimeoutError, OSError, BadAnswer, ValueError) as fault:
                failed = str(fault) or type(fault).__name__
                log.warning("! application", name=application.name, url=_shown(tried), why=failed)
        raise NoAnswer(failed)

    async def _once(self, application: Application, url: str, method: str, values: Mapping[str, str]) -> Answer:
        body = await self._octets(application, url, method, values)
        if not body.strip():
            return Answer((), url)
        return Answer(await asyncio.to_thread(parse, body), url)

    async def _octets(self, application: Application, url: str, method: str, values: Mapping[str, str]) -> bytes:
        """Raises BadAnswer for a status other than 200 and 204, redirects among them, and for too much."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise BadAnswer("expected an http or https address")
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        body = urlencode(values)
        if method == "GET":
            url, body = f"{url}{'&' if urlsplit(url).query else '?'}{body}", ""
        timestamp = str(int(self._clock.utc()))
        headers = {
            TIMESTAMP: timestamp,
            SIGNATURE: signature(application.secret, timestamp, method, url, body),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/xml, text/xml",
        }
        async with self._session.request(method, url, data=body.encode(), headers=headers, allow_redirects=False) as response:
            if response.status == 204:
                return b""
            if response.status != 200:
                raise BadAnswer(f"status {response.status}")
            found = b""
            while block := await response.content.read(MOST_OCTETS + 1 - len(found)):
                found += block
                if len(found) > MOST_OCTETS:
                    raise BadAnswer(f"more than {MOST_OCTETS} octets")
            return found


def resolved(base: str, url: str) -> str:
    """An address of an answer; an empty one is the address that answered."""
    return urljoin(base, url) if url else base


def _shown(url: str) -> str:
    """Without query: it may hold secrets."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
