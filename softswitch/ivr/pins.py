"""PINs of customers: three wrong tries in a row lock for a day; the first PIN only from the customer's own line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from softswitch.directory.secrets import pin_fits, pin_hash
from softswitch.ivr.desk import Checked
from softswitch.ivr.tables import pins
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict
from softswitch.model.events import AdminChanged, Event
from softswitch.store.database import Store

TRIES = 3
LOCK_SECONDS = 24 * 3600.0

ServiceNumbers = Callable[[str], Awaitable[tuple[str, ...]]]
"""The numbers that a customer is served under; the customer's id counts too."""


@dataclass(frozen=True, slots=True)
class _Pin:
    customer: str
    hash: str
    failures: int = 0
    locked_until: float = 0.0
    changed_at: float = 0.0


async def _only_the_id(_customer: str) -> tuple[str, ...]:
    """Without a customer store the id of a customer is its service number."""
    return ()


class PinBook:
    """`desk.Pins` over the database. Hashing is slow on purpose and runs in threads."""

    def __init__(
        self, store: Store, clock: Clock, journal: Callable[[Event], None], numbers: ServiceNumbers = _only_the_id
    ) -> None:
        self._journal = journal
        self._store = store
        self._clock = clock
        self.numbers = numbers
        self._busy: dict[str, asyncio.Lock] = {}

    async def check(self, customer: str, pin: str) -> Checked:
        """ok, wrong, locked, unset. Parallel tries of several calls count one after the other."""
        async with self._turn(customer), _reachable():
            known = await self._store.read(partial(_find, customer=customer))
            if known is None:
                return Checked("unset")
            return await self._checked(known, pin)

    async def change(self, customer: str, new: str, *, old: str = "", caller: str = "", certain: bool = False) -> str:
        """ok, wrong, locked, unset (an old PIN where none is), forbidden (a first PIN from elsewhere)."""
        async with self._turn(customer), _reachable():
            known = await self._store.read(partial(_find, customer=customer))
            if known is None and old:
                return "unset"
            if known is None and not (certain and await self._is_own_line(customer, caller)):
                return "forbidden"
            if known is not None and (found := await self._checked(known, old)).result != "ok":
                return found.result
            hashed = await asyncio.to_thread(pin_hash, new)
            await self._keep(_Pin(customer, hashed, changed_at=self._clock.utc()))
            return "ok"

    async def reset(self, customer: str, actor: str) -> None:
        """Forgets the PIN and its lock; the customer sets a first one again."""
        await self._store.write(lambda db: db.execute(delete(pins).where(pins.c.customer == customer)))
        self._journal(AdminChanged(object=f"customer:{customer}", action="reset_pin", actor=actor, at=self._clock.utc()))

    def _turn(self, customer: str) -> asyncio.Lock:
        if len(self._busy) > 10_000:
            self._busy = {name: lock for name, lock in self._busy.items() if lock.locked()}
        return self._busy.setdefault(customer, asyncio.Lock())

    async def _checked(self, known: _Pin, pin: str) -> Checked:
        now = self._clock.utc()
        if now < known.locked_until:
            return Checked("locked", TRIES)
        if await asyncio.to_thread(pin_fits, known.hash, pin):
            if known.failures or known.locked_until:
                await self._keep(replace(known, failures=0, locked_until=0.0))
            return Checked("ok", known.failures + 1)
        failures = known.failures + 1
        locked = failures >= TRIES
        await self._keep(replace(known, failures=0 if locked else failures, locked_until=now + LOCK_SECONDS if locked else 0.0))
        return Checked("locked" if locked else "wrong", failures)

    async def _is_own_line(self, customer: str, caller: str) -> bool:
        own = {subscriber(number) for number in (customer, *await self.numbers(customer))}
        return bool(caller) and subscriber(caller) in own

    async def _keep(self, pin: _Pin) -> None:
        await self._store.write(partial(_write, pin=pin))


@asynccontextmanager
async def _reachable() -> AsyncIterator[None]:
    """A database that is away is Conflict, which the flow can catch (`on_error`)."""
    try:
        yield
    except (SQLAlchemyError, OSError) as fault:
        raise Conflict("PINs cannot be checked now") from fault


def subscriber(number: str) -> str:
    """A number without the ways to write the country and the trunk prefix in front of it."""
    digits = "".join(sign for sign in number if sign.isdecimal())
    for prefix in ("0086", "86") if len(digits) > 11 else ():
        digits = digits.removeprefix(prefix)
    return digits.lstrip("0")


def _find(connection: Connection, customer: str) -> _Pin | None:
    row = connection.execute(select(pins).where(pins.c.customer == customer)).first()
    return _Pin(**row._mapping) if row else None


def _write(connection: Connection, pin: _Pin) -> None:
    connection.execute(delete(pins).where(pins.c.customer == pin.customer))
    connection.execute(
        insert(pins).values(
            customer=pin.customer, hash=pin.hash, failures=pin.failures, locked_until=pin.locked_until,
            changed_at=pin.changed_at,
        )
    )  # fmt: skip
