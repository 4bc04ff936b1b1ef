"""The messages of calls from the wire to the database: claimed while a call lives, written in batches after its end.

What is kept lies in one table beside the records: one row per call, compressed, without secrets. A crash loses the messages of
live calls and of the last seconds; the record and the timeline of a call never depend on them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from softswitch.model import events as ev
from softswitch.model.clock import Clock
from softswitch.store.database import Store
from softswitch.trace.messages import Dialog, Message, Messages
from softswitch.trace.redact import redacted
from softswitch.trace.tables import call_messages, pack, unpack

log = structlog.get_logger("trace")

LINGER_SECONDS = 4.0
"""After the end of a call, for the answers to its BYE."""
EVERY_SECONDS = 0.5
SLICE = 100
"""Calls that are packed and written together, so that the database is free for records in between."""
MOST_WAITING = 5_000
"""Ended calls that wait for the database; the messages of more are lost."""
TIDY_EVERY = 300.0
TIDY_ROWS = 2_000
OTHERS = 2_000


class CallIds(Protocol):
    def __call__(self, leg: str, /) -> str:
        """The Call-ID of a leg, "" when it is none of SIP."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The messages of one call. `is_live`: more may come."""

    dialogs: Mapping[str, Dialog]
    legs: Mapping[str, str]  # leg → Call-ID; the caller's own leg is ""
    is_live: bool = False

    @property
    def dropped(self) -> int:
        return sum(dialog.dropped for dialog in self.dialogs.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceForm:
    """How much is kept. `scope`: off, calls, all."""

    scope: str = "calls"
    hours: float = 72.0
    database: int = 4 << 30  # octets of all rows together
    digits: bool = False  # of INFO may be read


@dataclass(slots=True)
class _Call:
    legs: dict[str, str] = field(default_factory=dict)


class Traces:
    """Owned by the loop. `take` is given every event of the bus; `run` writes."""

    def __init__(self, messages: Messages, call_ids: CallIds, clock: Clock, form: TraceForm) -> None:
        self.form = form
        self.messages = messages
        self.others: deque[tuple[Message, str]] = deque(maxlen=OTHERS)
        self.lost = 0
        """Calls whose messages could not be kept."""
        self._call_ids = call_ids
        self._clock = clock
        self._calls: dict[str, _Call] = {}
        self._ended: deque[tuple[float, str]] = deque()
        self._octets = 0
        self._tidy_at = 0.0

    def mirror(self, message: Message, name: str, dialog: Dialog | None) -> None:
        """With scope `all`: what belongs to no call is kept in memory, the newest only."""
        if dialog is None:
            self.others.append((message, name))

    def strays(self) -> Iterator[tuple[Message, str]]:
        """Messages that belong to no call with their Call-ID, without secrets, newest first."""
        self.messages.sort()
        for message, name in reversed(tuple(self.others)):
            yield message._replace(data=redacted(message.data, digits=self.form.digits)), name

    def take(self, event: ev.Event) -> None:
        match event:
            case ev.CallCreated(call=call, sip_call_id=name):
                self._calls[call] = known = _Call()
                if name:
                    known.legs[""] = name
                    self.messages.claim(name, call)
            case ev.LegStarted(call=call, leg=leg) if call in self._calls:
                name = self._call_ids(leg)
                if name:
                    self._calls[call].legs[leg] = name
                    self.messages.claim(name, call)
            case ev.CallEnded(call=call) if call in self._calls:
                self._ended.append((self._clock.utc() + LINGER_SECONDS, call))

    def live(self, call: str) -> Kept | None:
        """Of a call that has not been written yet, as it is now."""
        known = self._calls.get(call)
        if known is None:
            return None
        shown = {
            name: Dialog([each._replace(data=redacted(each.data, digits=self.form.digits)) for each in dialog.messages],
                         dropped=dialog.dropped)
            for name, dialog in self.messages.look(known.legs.values(), call).items()
        }  # fmt: skip
        return Kept(shown, dict(known.legs), is_live=True)

    async def of(self, call: str, store: Store) -> Kept | None:
        """The messages of a call, live or ended; None when none are kept."""
        live = self.live(call)
        if live is not None:
            return live
        packed = await store.read(
            lambda db: db.execute(select(call_messages.c.packed).where(call_messages.c.call == call)).scalar()
        )
        if packed is None:
            return None
        dialogs, legs = await asyncio.to_thread(unpack, packed)
        return Kept(dialogs, legs)

    async def hold(self, call: str, store: Store) -> bool:
        """Keeps the messages of a call as evidence until `release`; False when there are none."""
        return await store.write(lambda db: _expire(db, call, 0.0))

    async def release(self, call: str, store: Store) -> bool:
        """The held messages of a call expire as others do from now on."""
        expires = self._clock.utc() + self.form.hours * 3600
        return await store.write(lambda db: _expire(db, call, expires))

    async def run(self, store: Store) -> None:
        """Writes and tidies until it is cancelled."""
        self._octets = int(await store.read(lambda db: db.execute(select(func.sum(call_messages.c.octets))).scalar()) or 0)
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.messages.sort()
            await self.write(store)

    async def write(self, store: Store, *, all_of_them: bool = False) -> int:
        """Packs and writes the calls that ended a while ago; the number of them."""
        written = 0
        while batch := self._batch(self._clock.utc(), all_of_them=all_of_them):
            rows = await asyncio.to_thread(self._rows, batch)
            if not rows:
                continue
            try:
                await store.write(lambda db, rows=rows: _insert(db, rows))  # type: ignore[misc]
            except SQLAlchemyError as fault:
                self.lost += len(rows)
                log.warning("! messages of calls not kept", calls=len(rows), reason=type(fault).__name__)
                continue
            written += len(rows)
            self._octets += sum(int(str(row["octets"])) for row in rows)
        if self._clock.utc() >= self._tidy_at or self._octets > self.form.database:
            self._tidy_at = self._clock.utc() + TIDY_EVERY
            await self._tidy(store)
        return written

    def _batch(self, now: float, *, all_of_them: bool) -> list[tuple[str, Kept]]:
        batch: list[tuple[str, Kept]] = []
        while self._ended and len(batch) < SLICE and (all_of_them or self._ended[0][0] <= now):
            _, call = self._ended.popleft()
            known = self._calls.pop(call)
            kept = Kept(self.messages.take(known.legs.values(), call), known.legs)
            if len(self._ended) > MOST_WAITING:
                self.lost += 1
            elif any(dialog.messages for dialog in kept.dialogs.values()):
                batch.append((call, kept))
        return batch

    def _rows(self, batch: list[tuple[str, Kept]]) -> list[dict[str, object]]:
        """In a thread: nobody else has these dialogs any more."""
        rows: list[dict[str, object]] = []
        for call, kept in batch:
            packed = pack(kept.dialogs, kept.legs, digits=self.form.digits)
            at = min(message.at for dialog in kept.dialogs.values() for message in dialog.messages)
            expires = at + self.form.hours * 3600
            rows.append({"call": call, "at": at, "expires": expires, "octets": len(packed), "packed": packed})
        return rows

    async def _tidy(self, store: Store) -> None:
        now, over = self._clock.utc(), max(0, self._octets - self.form.database)
        try:
            self._octets -= await store.write(lambda db: _remove(db, now, over))
        except SQLAlchemyError as fault:
            log.warning("! old messages not removed", reason=type(fault).__name__)


def _insert(db: Connection, rows: list[dict[str, object]]) -> None:
    db.execute(insert(call_messages), rows)


def _expire(db: Connection, call: str, expires: float) -> bool:
    return db.execute(update(call_messages).where(call_messages.c.call == call).values(expires=expires)).rowcount > 0


def _remove(db: Connection, now: float, over: int) -> int:
    """What is too old, and of the rest the oldest until `over` octets are free, at most `TIDY_ROWS` of each; octets freed."""
    table = call_messages.c
    expired = select(table.call, table.octets).where(table.expires > 0, table.expires < now).limit(TIDY_ROWS)
    gone: dict[str, int] = {row.call: row.octets for row in db.execute(expired)}
    if over > sum(gone.values()):
        oldest = select(table.call, table.octets).where(table.expires > 0).order_by(table.at).limit(TIDY_ROWS)
        for call, octets in db.execute(oldest):
            if sum(gone.values()) >= over:
                break
            gone[call] = octets
    if gone:
        db.execute(delete(call_messages).where(table.call.in_(gone)))
    return sum(gone.values())
