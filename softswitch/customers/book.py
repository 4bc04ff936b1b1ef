"""The customers of the centre: found by number or text, written, merged, and what is known of their contacts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from softswitch.customers import records
from softswitch.customers.model import (
    CallDisposition,
    CallNote,
    Contact,
    Customer,
    FieldDefinition,
    checked,
)
from softswitch.customers.numbers import NumberIndex
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Invalid, NotFound
from softswitch.model.events import CallDisposed, CustomerSaved, Event
from softswitch.store.cursor import Page
from softswitch.store.database import Store

LONGEST_NOTE = 4000
MOST_FIELDS = 100
WEEK = 7 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a number at the moment a call comes: candidates (the first is meant), and the last contacts."""

    candidates: tuple[Customer, ...] = ()
    contacts: tuple[Contact, ...] = ()

    @property
    def customer(self) -> Customer | None:
        return self.candidates[0] if self.candidates else None

    def last_agent(self, since: float) -> str:
        """The agent who talked to this caller last, since a time; "" when there was none."""
        talked = (one.agent for one in self.contacts if one.agent and one.result == "answered" and one.at >= since)
        return next(talked, "")


class CustomerBook:
    """Stateless but for the own fields' definitions; every method may be called from any task."""

    def __init__(
        self, store: Store, clock: Clock, directory: Callable[[], Snapshot], journal: Callable[[Event], None],
        token: Callable[[], str],
    ) -> None:  # fmt: skip
        self.store = store
        self._clock = clock
        self._directory = directory
        self._journal = journal
        self._token = token
        self.numbers = NumberIndex()
        self.definitions: tuple[FieldDefinition, ...] = ()

    async def load(self) -> None:
        """Reads the own fields; before anything else."""
        self.definitions = tuple(await self.store.read(records.definitions))

    async def index_numbers(self) -> None:
        """Reads all customers' numbers, so that callers who are nobody's are known without the database."""
        await self.store.study(lambda c: self.numbers.load(records.all_numbers(c)))

    # records

    async def get(self, identity: str) -> Customer:
        """Raises NotFound."""
        found = await self.store.read(lambda c: records.by_ids(c, [identity]))
        if not found:
            raise NotFound("there is no such customer")
        return found[0]

    async def by_number(self, number: str) -> list[Customer]:
        return await self.store.read(lambda c: records.by_number(c, number))

    async def search(self, text: str, *, limit: int = 50, cursor: str = "") -> Page[Customer]:
        """By a part of the name or the beginning of a number; newest change first. Raises ForeignCursor."""
        return await self.store.read(lambda c: records.search(c, text.strip(), limit=limit, cursor=cursor))

    async def create(self, values: Mapping[str, Any], actor: str) -> Customer:
        """Raises Invalid."""
        made = self.made(values)
        self.numbers.add(made.numbers)
        await self.store.write(lambda c: records.create(c, [made]))
        self._saved(made.id, values, actor)
        return made

    def made(self, values: Mapping[str, Any]) -> Customer:
        """A new record of checked values, not yet stored. Raises Invalid."""
        now = self._clock.utc()
        return Customer(id="k" + self._token(), created=now, updated=now, **self._checked(values, whole=True))

    async def change(self, identity: str, values: Mapping[str, Any], actor: str, based_on: int | None = None) -> Customer:
        """What is not given stays. Raises NotFound, Invalid, Conflict when `based_on` is not the newest version."""
        given = self._checked(values, whole=False)
        former = await self.get(identity)
        if based_on is not None and based_on != former.version:
            raise Conflict("somebody else changed this customer in the meantime")
        if "fields" in given:
            given["fields"] = {**former.fields, **given["fields"]}
        changed = replace(former, **given, updated=self._clock.utc(), version=former.version + 1)
        self.numbers.add(changed.numbers)
        await self.store.write(lambda c: records.replace(c, changed, former.version))
        self._saved(identity, values, actor)
        return changed

    async def remove(self, identity: str, actor: str) -> None:
        """Raises NotFound."""
        await self.store.write(lambda c: records.remove(c, identity))
        self._saved(identity, {"removed": True}, actor)

    async def merge(self, identity: str, other: str, actor: str) -> Customer:
        """Takes what `other` knows more into `identity` and removes it. Raises NotFound, Invalid for one and the same."""
        if identity == other:
            raise Invalid("other", "expected another customer")
        kept, gone = await self.get(identity), await self.get(other)
        merged = replace(
            kept,
            name=kept.name or gone.name,
            numbers=tuple(dict.fromkeys((*kept.numbers, *gone.numbers))),
            grade=kept.grade or gone.grade,
            vip=kept.vip or gone.vip,
            importance=max(kept.importance, gone.importance),
            dedicated_agent=kept.dedicated_agent or gone.dedicated_agent,
            language=kept.language or gone.language,
            note="\n".join(dict.fromkeys(text for text in (kept.note, gone.note) if text)),
            fields={**gone.fields, **{key: value for key, value in kept.fields.items() if value != ""}},
            created=min(kept.created, gone.created),
            updated=self._clock.utc(),
            version=kept.version + 1,
        )

        def write(connection: Connection) -> None:
            records.move_calls(connection, other, identity)
            records.remove(connection, other)
            records.replace(connection, merged, kept.version)

        await self.store.write(write)
        self._saved(identity, {"merged": other}, actor)
        return merged

    def _checked(self, values: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
        given = checked(values, self.definitions, whole=whole)
        agent = given.get("dedicated_agent", "")
        if agent and agent not in self._directory().agents:
            raise Invalid("dedicated_agent", f"there is no agent {agent}")
        return given

    def _saved(self, identity: str, values: Iterable[str], actor: str) -> None:
        event = CustomerSaved(customer=identity, fields=tuple(sorted(values)), actor=actor, at=self._clock.utc())
        self._journal(event)

    def imported(self, created: int, updated: int, actor: str) -> None:
        """For the log of administrative acts."""
        self._saved("", {"imported": True, f"created:{created}": True, f"updated:{updated}": True}, actor)

    def exported(self, count: int, actor: str) -> None:
        """For the log of administrative acts."""
        self._saved("", {"exported": True, f"records:{count}": True}, actor)

    # own fields

    async def define(self, given: Sequence[FieldDefinition], actor: str) -> None:
        """Replaces the own fields; values of fields that are gone stay in the records. Raises Invalid."""
        if len(given) > MOST_FIELDS:
            raise Invalid("fields", f"expected at most {MOST_FIELDS} fields")
        keys = [one.key for one in given]
        for number, one in enumerate(given):
            if one.key in keys[:number]:
                raise Invalid(f"{number}.key", f"expected each key once, got {one.key} again")
            if one.type == "choice" and not one.choices:
                raise Invalid(f"{number}.choices", "expected at least one choice")
        await self.store.write(lambda c: records.set_definitions(c, given))
        await self.load()
        self._saved("", {"definitions": True}, actor)

    # contacts

    async def known(self, number: str, contacts: int = 5) -> Known:
        """Everything a screen pop shows of a number, in one reading."""
        now = self._clock.utc()

        def read(connection: Connection) -> Known:
            found = records.by_number(connection, number)
            customer = found[0].id if found else ""
            numbers = (number, *(found[0].numbers if found else ()))
            past = records.history(connection, customer, numbers, limit=contacts, before=now)
            return Known(candidates=tuple(found), contacts=tuple(past))

        return await self.store.read(read)

    async def history(self, identity: str, limit: int = 50) -> list[Contact]:
        """Raises NotFound."""
        customer = await self.get(identity)
        now = self._clock.utc()
        return await self.store.read(lambda c: records.history(c, customer.id, customer.numbers, limit=limit, before=now + 1))

    async def link(self, call: str, identity: str) -> Customer:
        """Says that the call is this customer's. Raises NotFound."""
        customer = await self.get(identity)
        now = self._clock.utc()
        await self.store.write(lambda c: records.link(c, call, identity, now))
        return customer

    async def add_note(self, call: str, author: str, text: str) -> CallNote:
        """Raises Invalid."""
        if not text.strip() or len(text) > LONGEST_NOTE:
            raise Invalid("text", f"expected 1 to {LONGEST_NOTE} signs")
        note = CallNote(call=call, author=author, text=text.strip(), at=self._clock.utc())
        await self.store.write(lambda c: records.add_note(c, note))
        return note

    async def dispose(self, call: str, agent: str, codes: Sequence[str], note: str, actor: str = "") -> CallDisposition:
        """What came of the agent's contact; `actor`: who says so, "" = the agent.

        Raises Invalid for codes that are no path of the tree or a note that is missing.
        """
        self.check_codes(codes, note)
        given = CallDisposition(call=call, agent=agent, codes=tuple(codes), note=note.strip(), at=self._clock.utc())
        await self.store.write(lambda c: records.set_disposition(c, given))
        self._journal(
            CallDisposed(call=call, agent=agent, codes=given.codes, note=given.note, actor=actor or agent, at=given.at)
        )
        return given

    def check_codes(self, codes: Sequence[str], note: str) -> None:
        """Raises Invalid."""
        known, parent = self._directory().dispositions, ""
        for number, code in enumerate(codes):
            found = known.get(code)
            if found is None or found.parent != parent:
                place = f"below {parent}" if parent else "at the top"
                raise Invalid(f"codes.{number}", f"there is no code {code} {place}")
            if found.note_required and not note.strip():
                raise Invalid("note", f"the code {code} needs a note")
            parent = code
        if not codes:
            raise Invalid("codes", "expected at least one code")

    async def about(self, call: str) -> tuple[Customer | None, list[CallDisposition], list[CallNote]]:
        """The customer, dispositions and notes of a call."""

        def read(connection: Connection) -> tuple[Customer | None, list[CallDisposition], list[CallNote]]:
            identity = records.customer_of(connection, call)
            found = records.by_ids(connection, [identity]) if identity else []
            given = records.dispositions_of(connection, [call]).get(call, [])
            return (found[0] if found else None, given, records.notes_of(connection, call))

        return await self.store.read(read)
