"""Who knows a caller (call-centre.md §5.2): the agent who talked last with the number, the customer's own, the work order's."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from softswitch.calls.call import Call
from softswitch.directory.model import Queue
from softswitch.model.clock import Clock
from softswitch.model.number import ANONYMOUS, canonical
from softswitch.store.database import Store
from softswitch.store.tables import cdr

log = structlog.get_logger("acd")

PATIENCE = 0.3
"""Seconds that a caller waits for this question."""
DAY = 86_400


async def last_agents(store: Store, clock: Clock, call: Call, queue: Queue) -> tuple[tuple[str, str], ...]:
    """(owner | dedicated | last, login). The first two are variables that whoever identified the customer has set."""
    known = [(kind, call.variables[f"{kind}_agent"]) for kind in ("owner", "dedicated") if call.variables.get(f"{kind}_agent")]
    number = call.facts.caller
    if "last" in queue.sticky and canonical(number) != ANONYMOUS:
        since = clock.utc() - queue.sticky_days * DAY
        try:
            async with asyncio.timeout(PATIENCE):
                login = await store.read(lambda connection: _last(connection, number, since))
        except (TimeoutError, SQLAlchemyError, OSError) as fault:
            log.warning("! the last agent is not known", error=str(fault))
            login = ""
        known += [("last", login)] if login else []
    return tuple(known)


def _last(connection: Connection, number: str, since: float) -> str:
    found = connection.execute(
        select(cdr.c.agent)
        .where(cdr.c.caller == number, cdr.c.agent != "", cdr.c.connected_at.is_not(None), cdr.c.ended_at > since)
        .order_by(cdr.c.created_at.desc())
        .limit(1)
    ).scalar_one_or_none()
    return found or ""
