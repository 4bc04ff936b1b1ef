"""Who may enter a room, and as what: callers that are listed, and PINs asked by keys."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from softswitch.calls.call import Call
from softswitch.directory.centre import Conference
from softswitch.directory.secrets import pin_fits
from softswitch.directory.snapshot import best_match
from softswitch.features.rooms import RoomRole
from softswitch.legs.base import PartyKind
from softswitch.model.cause import Cause

PROMPTS = ("room-pin", "pin-wrong", "pin-wrong")
"""One for each try."""
MOST_WRONG, WITHIN = 15, 600.0
"""So many wrong PINs of a room, by whomever, within so many seconds: nobody is asked for a while."""
INSIDE = (PartyKind.PHONE, PartyKind.AGENT)


class PinGuard:
    """Counts wrong PINs by room, so that they are not tried out by many calls."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._wrong: dict[str, deque[float]] = {}

    def is_shut(self, room: str) -> bool:
        wrong = self._wrong.get(room)
        while wrong and wrong[0] <= self._now() - WITHIN:
            wrong.popleft()
        return wrong is not None and len(wrong) >= MOST_WRONG

    def wrong(self, room: str) -> None:
        self._wrong.setdefault(room, deque()).append(self._now())


def refusal(call: Call, room: Conference) -> Cause | None:
    """Why a caller is not let to the door at all."""
    facts = call.caller.facts
    if facts.kind not in INSIDE and not room.allow_outside:
        return Cause.FORBIDDEN
    listed = dict.fromkeys(room.callers)
    who = (facts.party, call.facts.caller)
    return Cause.FORBIDDEN if listed and not any(best_match(name, listed) for name in who) else None


async def role_of(call: Call, room: Conference, guard: PinGuard) -> RoomRole | None:
    """As what somebody enters, after the PIN where there is one; None: wrong three times, which was said.

    In a room without a moderator's PIN everybody of the house is a moderator.
    """
    if not room.pin and not room.moderator_pin:
        return RoomRole.MODERATOR if call.caller.facts.kind in INSIDE else RoomRole.MEMBER
    for prompt in PROMPTS:
        if guard.is_shut(room.name):
            await call.play(("pin-locked",))
            return None
        role = await asyncio.to_thread(_fitting, room, await _asked(call, prompt))
        if role is not None:
            return role
        guard.wrong(room.name)
    await call.play(("goodbye",))
    return None


async def _asked(call: Call, prompt: str) -> str:
    """The keys of one try; they are in no record."""
    call.timeline.concealed = True
    try:
        await call.play((prompt,), stop_on_key=True)
        return await call.collect(12, seconds=10.0, inter_digit=5.0, finish_on="#")
    finally:
        call.timeline.concealed = False


def _fitting(room: Conference, pin: str) -> RoomRole | None:
    """Slow, as PINs are kept: runs in a thread."""
    if pin_fits(room.moderator_pin, pin):
        return RoomRole.MODERATOR
    if pin_fits(room.pin, pin) or not (room.pin or pin):
        return RoomRole.MEMBER
    return None
