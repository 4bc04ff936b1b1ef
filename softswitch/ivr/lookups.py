"""Named queries of the directory: by HTTP, by SQL, and in the customer store, each with a time-out and, if declared, a cache.

Whatever the other side does (slow, down, nonsense, too much) is the result `error`; a call never waits longer than that.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.model import Lookup
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr import queries
from softswitch.ivr.desk import Found
from softswitch.ivr.verbs.base import filled
from softswitch.ivr.verbs.lookup import CUSTOMERS
from softswitch.model.clock import Clock

log = structlog.get_logger("ivr")

MOST_OCTETS = 65_536
MOST_FIELDS = 64
LONGEST = 500
"""Signs of one value; a longer one is cut."""
CACHED = 1000
CUSTOMER_SECONDS = 2.0


class LookupFailed(Exception):
    """The other side did not answer as it should; the text says how."""


class Customers(Protocol):
    """The customer store, as flows ask it."""

    async def by_number(self, number: str) -> Mapping[str, str] | None:
        """The fields of the customer with this number, also own ones; None for nobody, or for several."""

    async def by_id(self, identity: str) -> Mapping[str, str] | None: ...


class Lookups:
    """`desk.Finder`. Owned by the loop; `close()` at the end. `customers` is set when the store exists."""

    def __init__(self, directory: Callable[[], Snapshot], clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self.customers: Customers | None = None
        self._session: aiohttp.ClientSession | None = None
        self._cache: OrderedDict[tuple[str, str], tuple[float, Lookup, Found]] = OrderedDict()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
        """found, none, error or cached, with the values and how long it took."""
        started = self._clock.now()
        try:
            found = await self._find(name, parameters)
        except (LookupFailed, TimeoutError, OSError, aiohttp.ClientError, SQLAlchemyError) as fault:
            log.warning("! look-up failed", name=name, why=str(fault) or type(fault).__name__)
            found = Found("error")
        return Found(found.result, found.values, round((self._clock.now() - started) * 1000))

    async def _find(self, name: str, parameters: Mapping[str, str]) -> Found:
        if name == CUSTOMERS:
            async with asyncio.timeout(CUSTOMER_SECONDS):
                return await self._customer(parameters)
        lookup = self._directory().lookups.get(name)
        if lookup is None:
            raise LookupFailed("there is no such look-up")
        key = name, json.dumps(parameters, sort_keys=True)
        known = self._cache.get(key)
        if known is not None and known[0] > self._clock.now() and known[1] == lookup:
            return Found("cached" if known[2].values else "none", known[2].values)
        async with asyncio.timeout(lookup.timeout):
            values = await (self._by_http(lookup, parameters) if lookup.url else queries.ask(lookup, parameters))
        found = Found("none") if values is None else Found("found", flat(values))
        if lookup.cache:
            self._remember(key, lookup, found)
        return found

    def _remember(self, key: tuple[str, str], lookup: Lookup, found: Found) -> None:
        self._cache[key] = (self._clock.now() + lookup.cache, lookup, found)
        self._cache.move_to_end(key)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    async def _customer(self, parameters: Mapping[str, str]) -> Found:
        if self.customers is None:
            raise LookupFailed("this switch has no customer store")
        if identity := parameters.get("id", ""):
            values = await self.customers.by_id(identity)
        else:
            values = await self.customers.by_number(parameters.get("number", ""))
        return Found("none") if values is None else Found("found", flat(values))

    async def _by_http(self, lookup: Lookup, parameters: Mapping[str, str]) -> Any:
        """The answer as plain data, None for nothing (404, 204, an empty body, `null`, `{}`, `[]`).

        `{{name}}` in the address is replaced, quoted; the other parameters are the query of a GET and the JSON body of a POST.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        quoted = {name: quote(value, safe="") for name, value in parameters.items()}
        rest = {name: value for name, value in parameters.items() if f"{{{{{name}}}}}" not in lookup.url}
        sent: dict[str, Any] = {"json": rest} if lookup.method == "POST" else {"params": rest}
        async with self._session.request(
            lookup.method, filled(lookup.url, quoted), headers=dict(lookup.headers), allow_redirects=False, **sent
        ) as response:
            if response.status in (204, 404):
                return None
            if response.status != 200:
                raise LookupFailed(f"status {response.status}")
            body = await response.content.read(MOST_OCTETS + 1)
            while not response.content.at_eof() and len(body) <= MOST_OCTETS:
                body += await response.content.read(MOST_OCTETS + 1 - len(body))
        return _parsed(body)


def _parsed(body: bytes) -> Any:
    if len(body) > MOST_OCTETS:
        raise LookupFailed(f"more than {MOST_OCTETS} octets")
    if not body.strip():
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as fault:
        raise LookupFailed("no JSON") from fault
    if isinstance(found, list):
        found = found[0] if found else None
    if found is not None and not isinstance(found, dict):
        raise LookupFailed("expected an object")
    return found or None


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """One level of texts: nested names are joined with `_`, lists by commas; nothing for null."""
    out: dict[str, str] = {}
    ahead: list[tuple[str, Any, int]] = [(str(name), value, 0) for name, value in reversed(list(values.items()))]
    while ahead and len(out) < MOST_FIELDS:
        name, value, depth = ahead.pop()
        if isinstance(value, Mapping) and depth < 5:
            ahead += [(f"{name}_{key}", inner, depth + 1) for key, inner in reversed(list(value.items()))]
        elif value is not None:
            out["".join(sign if sign.isalnum() else "_" for sign in name)[:64]] = _text(value)
    return out


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value[:20] if not isinstance(item, Mapping | list))[:LONGEST]
    return str(value)[:LONGEST]
