"""Parked calls: a customer waits in a numbered slot with music until somebody picks it up, or goes back to who parked it.

Nobody who is parked is hung up on: when neither who parked it nor the operator takes the recall, it waits for another turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.transfer import Return, come_back
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, NotFound, Refusal, Unreachable

SLOTS = tuple(str(number) for number in range(701, 721))
TIMEOUT = 120.0
"""Seconds after which a parked call goes back."""
ANY = "any"


@dataclass(frozen=True, slots=True)
class Parked:
    """One occupied slot. `by` is who parked it, as written."""

    slot: str
    call: Call
    by: str
    since: float


class ParkingLot:
    """All slots of the node. Owned by the loop."""

    def __init__(self, slots: tuple[str, ...] = SLOTS, timeout: float = TIMEOUT, operator: Destination | None = None) -> None:
        self.slots = slots
        self.operator = operator
        """Where a parked call goes that whoever parked it does not take back."""
        self.on_change: Callable[[str], None] = lambda _slot: None
        """Told the slot that was taken or left."""
        self._timeout = timeout
        self._parked: dict[str, Parked] = {}
        self._reserved: dict[str, str] = {}  # slot -> id of the call on its way there

    def reserve(self, call: Call, slot: str = ANY) -> str:
        """The slot that the call will be in: the named one, else the first free. Raises NotFound, Conflict when taken."""
        if slot not in ("", ANY):
            if slot not in self.slots:
                raise NotFound(f"there is no slot {slot}: they are {self.slots[0]} to {self.slots[-1]}")
            if not self._is_free(slot, call):
                raise Conflict(f"slot {slot} is taken", Refusal.SLOTS_TAKEN)
            self._reserved[slot] = call.id
            return slot
        for free in self.slots:
            if self._is_free(free, call):
                self._reserved[free] = call.id
                return free
        raise Conflict("all slots are taken", Refusal.SLOTS_TAKEN)

    def release(self, call: Call) -> None:
        """The call is not coming after all."""
        self._reserved = {slot: owner for slot, owner in self._reserved.items() if owner != call.id}

    def _is_free(self, slot: str, call: Call) -> bool:
        return slot not in self._parked and self._reserved.get(slot, call.id) == call.id

    async def park(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `park:SLOT`: music until picked up; after a time back to who parked it, queue, operator."""
        back = call.back or Return(queue=call.tally().queue)
        wanted = destination.name
        while True:
            slot = self._enter(call, wanted, back)
            call.back = None  # what becomes of it from here on is decided here
            await self._wait(call, slot)
            outcome = await self._recall(call, slot, back)
            if outcome.ending is not None:
                return outcome
            wanted = ANY if self.is_taken(slot) else slot

    async def _wait(self, call: Call, slot: str) -> None:
        result = ""
        try:
            await call.answer()
            call.referrals.taken(slot)
            await call.music()
            await asyncio.sleep(self._timeout)
            result = "returned"
        finally:
            del self._parked[slot]
            self.on_change(slot)
            call.slot = ""
            call.emit(ev.CallUnparked(slot=slot, result=result or ("abandoned" if call.ending else "picked_up")))

    async def _recall(self, call: Call, slot: str, back: Return) -> Outcome:
        """Rings who parked it, then the operator; both see the slot before the caller's name."""
        call.journey.label = f"{slot} {call.facts.caller_name or call.facts.caller}"
        try:
            outcome = await come_back(call, back, Outcome("timeout", Cause.NO_ANSWER))
            if outcome.ending is None and self.operator is not None:
                outcome = await call.go(self.operator)
        finally:
            call.journey.label = ""
        return outcome

    def _enter(self, call: Call, wanted: str, back: Return) -> str:
        """Raises Unreachable when the slot is taken or none is free."""
        mine = next((slot for slot, owner in self._reserved.items() if owner == call.id), "")
        try:
            slot = mine or self.reserve(call, wanted)
        except (Conflict, NotFound) as fault:
            raise Unreachable(Cause.BUSY) from fault
        self.release(call)
        by = str(back.to or "")
        call.slot = slot
        self._parked[slot] = Parked(slot, call, by, call.board.clock.utc())
        self.on_change(slot)
        call.emit(ev.CallParked(slot=slot, by=by.partition(":")[2]))
        return slot

    def at(self, slot: str) -> Call:
        """The call in a slot. Raises NotFound."""
        found = self._parked.get(slot)
        if found is None:
            raise NotFound(f"no call is parked at {slot}")
        return found.call

    def is_taken(self, slot: str) -> bool:
        return slot in self._parked

    def slot_like(self, ending: str) -> str:
        """The slot whose number ends so, "" for none: what is dialled after the fixed part of a code."""
        return next((slot for slot in self.slots if ending and slot.endswith(ending)), "")

    def all(self) -> list[Parked]:
        """Every occupied slot, by number."""
        return [self._parked[slot] for slot in sorted(self._parked)]
