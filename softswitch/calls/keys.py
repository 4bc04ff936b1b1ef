"""Keys of a phone while it talks: `*1` and a number sends the other side on, `*2` and a number asks first (sip.md §8.1).

While somebody is asked `*1` connects the two and `*2` goes back to the other side; who hangs up connects them as well. A number
ends with `#` or by itself three seconds after its last key; `*` takes the order back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from media.commands import Play, StopPlay
from softswitch.calls.guests import ASIDE
from softswitch.calls.mix import Party
from softswitch.calls.transfer import blind
from softswitch.legs.base import PartyKind
from softswitch.model.errors import Busy, Conflict, NotFound, Unreachable

if TYPE_CHECKING:
    from softswitch.calls.call import Call

log = structlog.get_logger("calls")

GAP = 2.0
"""Seconds between the star and the key after it."""
FIRST, NEXT = 8.0, 3.0
"""Seconds in which the first key of a number is due, and each other one."""
LONGEST = 32
_BLIND, _ASK = "1", "2"


@dataclass(slots=True)
class _Order:
    """A party that is entering a number; it hears a dial tone, the other side music."""

    party: Party
    other: Party
    kind: str
    tone: int = 0
    number: str = ""
    timer: asyncio.TimerHandle | None = None


class Keys:
    """Owned by its call. Phones of the house alone give such orders."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._star: tuple[Party, float] | None = None
        self._order: _Order | None = None

    def pressed(self, party: Party, digit: str) -> bool:
        """One key of a party; whether it belongs to an order, so that nobody else is told of it."""
        order, call = self._order, self._call
        if order is not None and order.party is party:
            self._collect(order, digit)
            return True
        if not call.board.transfer_keys or party.leg.facts.kind is not PartyKind.PHONE or not call.conversation.is_live:
            return False
        now = asyncio.get_running_loop().time()
        star, self._star = self._star, (party, now) if digit == "*" else None
        if star is None or star[0] is not party or now - star[1] > GAP or digit not in (_BLIND, _ASK):
            return False
        guest = call.guests.consulted
        if guest is not None:
            return guest.by is party and self._while_asking(party, digit)
        return len(call.mix.parties) == 2 and order is None and self._begin(party, digit)

    def _while_asking(self, party: Party, digit: str) -> bool:
        guests = self._call.guests
        if digit == _BLIND and guests.consulted is not None and guests.consulted.party is None:
            return False  # it rings still: hanging up is the transfer
        if digit == _BLIND:
            guests.complete(party)
        else:
            guests.cancel(party)
        return True

    def _begin(self, party: Party, kind: str) -> bool:
        call = self._call
        other = next(each for each in call.mix.parties if each is not party)
        order = self._order = _Order(party, other, kind, call.board.media.ids.next())
        party.circle, party.player = ASIDE, order.tone
        call.conversation.hold(other, held=True, actor=_actor(party), by=party)
        call.mix.apply(before=[Play(order.tone, call.mix.group, (), call.board.media.tones.dial, loop=True)])
        self._await(order, FIRST)
        return True

    def _await(self, order: _Order, seconds: float) -> None:
        if order.timer is not None:
            order.timer.cancel()
        order.timer = asyncio.get_running_loop().call_later(seconds, self._entered, order)

    def _collect(self, order: _Order, digit: str) -> None:
        self._silence(order)
        if digit == "*":
            order.number = ""
        elif digit != "#":
            order.number += digit
        if digit in "*#" or len(order.number) >= LONGEST:
            self._entered(order)
        else:
            self._await(order, NEXT)

    def _silence(self, order: _Order) -> None:
        call, tone = self._call, order.tone
        order.tone = 0
        if tone:
            order.party.player = 0
            stop = [StopPlay(tone)]
            call.mix.submit(stop) if call.is_over else call.mix.apply(before=stop)

    def _entered(self, order: _Order) -> None:
        """The number is complete, or there is none."""
        call, party = self._call, order.party
        self._order = None
        if order.timer is not None:
            order.timer.cancel()
        self._silence(order)
        if call.is_over or party not in call.mix.parties or order.other not in call.mix.parties:
            return
        party.circle = 0
        try:
            if order.number:
                self._carry_out(order)
                return
        except (Unreachable, NotFound, Conflict, Busy) as fault:
            log.info("! transfer by keys refused", call=call.id, to=order.number, reason=str(fault))
        call.conversation.hold(order.other, held=False, actor=_actor(party))

    def _carry_out(self, order: _Order) -> None:
        call, party = self._call, order.party
        to = call.resolve_transfer(party.leg.facts, order.number)
        if order.kind == _ASK:
            call.guests.consult(party, to)
        else:
            blind(call, party, to, actor=_actor(party))


def _actor(party: Party) -> str:
    return party.agent or party.name.partition(":")[2] or "callee"
