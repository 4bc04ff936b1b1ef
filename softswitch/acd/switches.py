"""What is set by hand and must outlive the process: emergency switches of queues, and who was asked for a survey lately."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from softswitch.acd.entry import Emergency
from softswitch.acd.tables import read_emergencies, read_surveys, write_emergency, write_survey
from softswitch.model.clock import Clock
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import Event, QueueEmergency
from softswitch.model.number import ANONYMOUS, canonical
from softswitch.store.database import Store
from softswitch.store.spool import Spool

SURVEY_SECONDS = 7 * 86_400
"""Nobody is asked for a survey twice within this time."""


class EmergencySwitches:
    """Owned by the loop. A switch with an end goes off by the wall clock; `changed(queue)` tells whoever shows it."""

    def __init__(
        self, *, store: Store, spool: Spool, journal: Callable[[Event], None], clock: Clock, changed: Callable[[str], None],
        exists: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._store = store
        self._spool = spool
        self._journal = journal
        self._clock = clock
        self._changed = changed
        self._exists = exists
        self._on: dict[str, Emergency] = {}

    async def load(self) -> None:
        self._on = await self._store.read(read_emergencies)

    def of(self, queue: str) -> Emergency | None:
        """The switch while it is on."""
        found = self._on.get(queue)
        if found is not None and found.until and self._clock.utc() >= found.until:
            return None
        return found

    async def set(self, queue: str, switch: Emergency | None, actor: str) -> None:
        """On with an announcement and an end, or (None) off. Raises NotFound, Invalid for an end that has passed."""
        if not self._exists(queue):
            raise NotFound(f"there is no queue {queue}")
        now = self._clock.utc()
        if switch is not None and switch.until and switch.until <= now:
            raise Invalid("until", "expected a moment that is still to come")
        if switch is None:
            self._on.pop(queue, None)
        else:
            self._on[queue] = switch
        told = switch or Emergency()
        self._journal(
            QueueEmergency(
                queue=queue, on=switch is not None, announcement=told.announcement, until=told.until, actor=actor, at=now
            )
        )
        self._changed(queue)
        await self._spool.write(partial(write_emergency, queue=queue, switch=switch))


class Invitations:
    """Numbers that were asked for a survey in the last days."""

    def __init__(self, *, store: Store, spool: Spool, clock: Clock) -> None:
        self._store = store
        self._spool = spool
        self._clock = clock
        self._asked: dict[str, float] = {}

    async def load(self) -> None:
        since = self._clock.utc() - SURVEY_SECONDS
        self._asked = await self._store.read(lambda connection: read_surveys(connection, since))

    def asked(self, number: str) -> bool:
        at = self._asked.get(canonical(number))
        return at is not None and self._clock.utc() - at < SURVEY_SECONDS

    def note(self, number: str) -> None:
        """Asked now. Whoever shows no number cannot be recognised."""
        plain = canonical(number)
        if plain != ANONYMOUS:
            self._asked[plain] = self._clock.utc()
            self._spool.put(partial(write_survey, number=plain, at=self._asked[plain]))
