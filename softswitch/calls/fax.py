"""A fax across a conversation (T.38, sip.md §7): from one party to the other one, and to nobody else.

A queue, a flow, a room, a held party and every third one make it impossible: the asking side gets 488 and its voice goes on.
Datagrams are passed on by the same routes as sound; no sound comes of them, so a recording has silence and a mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from media.negotiation import Fax
from softswitch.calls.mix import Mix, Party
from softswitch.calls.recorder import CallRecorder
from softswitch.legs.base import Leg
from softswitch.model import events as ev

PATIENCE = 0.5
"""Seconds after a party has left until the other one is brought back to voice: usually it goes as well."""
REASON = "fax"


class FaxPassage:
    """Owned by its conversation; made when a party first wants a fax."""

    def __init__(self, mix: Mix, recorder: CallRecorder, emit: Callable[[ev.Event], None]) -> None:
        self._mix = mix
        self._recorder = recorder
        self._emit = emit
        self._ends: tuple[Party, Party] | None = None

    def wanted(self, party: Party, fax: Fax) -> None:
        """A party wants a fax. The other one is asked; where that cannot be, the leg refuses by itself."""
        asking, other = party.leg.fax, self._partner(party)
        answering = other.leg.fax if other is not None else None
        if asking is None or other is None or answering is None or answering.is_on:
            self._emit(ev.FaxRefused(leg=party.leg.id, reason="alone" if other is None else "unable"))
            return
        asking.take()
        answering.offer(fax, lambda said: self._answered(party, other, said))

    def _partner(self, party: Party) -> Party | None:
        """Whom a fax could go to: the only other party, when both hear each other now."""
        others = [other for other in self._mix.parties if other is not party]
        if len(others) != 1 or self._mix.own_routes is not None or self._mix.supervisors:
            return None
        apart = any(each.held or each.away or each.circle != party.circle for each in (party, others[0]))
        return None if apart else others[0]

    def _answered(self, party: Party, other: Party, said: Fax | None) -> None:
        asking = party.leg.fax
        if asking is None or party.leg.is_ended:
            return
        if said is None or self._partner(party) is not other:
            self._emit(ev.FaxRefused(leg=party.leg.id, reason="refused"))
            asking.refuse()
            _to_voice(other)
            return
        asking.accept(said)
        self.begun(party, other)

    def begins(self, party: Party, other: Party) -> None:
        """A call that is a fax from its first message, before both are in the picture."""
        self._ends = None
        self._emit(ev.FaxStarted(leg=party.leg.id, other=other.leg.id))
        asyncio.get_running_loop().call_soon(self._joined, party, other)

    def _joined(self, party: Party, other: Party) -> None:
        if party in self._mix.parties and other in self._mix.parties:
            self._ends = party, other

    def begun(self, party: Party, other: Party) -> None:
        """Both send and hear a fax from now on."""
        self._ends = party, other
        if self._recorder.is_live and not self._recorder.paused:
            self._recorder.pause("system", REASON)
        self._emit(ev.FaxStarted(leg=party.leg.id, other=other.leg.id))

    def over(self, party: Party) -> None:
        """The device of a party has gone back to voice: the other one follows."""
        for other in self._close():
            if other is not party:
                _to_voice(other)

    def broken(self) -> None:
        """Something has come between the two: whoever stays talks again."""
        for party in self._close():
            if party in self._mix.parties:
                asyncio.get_running_loop().call_later(PATIENCE, _to_voice, party)

    def _close(self) -> tuple[Party, ...]:
        ends, self._ends = self._ends, None
        if ends is None:
            return ()
        self._emit(ev.FaxEnded(leg=ends[0].leg.id))
        if self._recorder.is_live and self._recorder.paused:
            self._recorder.resume("system")
        return ends


def meet(caller: Leg, answered: Leg) -> bool:
    """Whether a call is a fax from its first message; the caller is answered in the words of who has taken it then."""
    if caller.facts.fax is None or caller.is_answered or caller.fax is None:
        return False
    if answered.fax is None or not answered.fax.is_on:
        return False
    caller.fax.accept(answered.fax.said)
    return True


def _to_voice(party: Party) -> None:
    if not party.leg.is_ended and party.leg.fax is not None:
        party.leg.fax.to_voice()
