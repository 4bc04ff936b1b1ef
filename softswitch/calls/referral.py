"""Transfers that a party asks for with its device (REFER): it stays in its dialog and is told what becomes of it, until
somebody has taken the other side, or has that back (sip.md §8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from media.commands import Listen
from media.errors import MediaError
from media.player import Playback
from softswitch.calls.keys import Keys
from softswitch.calls.mix import Party
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.transfer import CONFERENCE, PEOPLE, blind, may_transfer
from softswitch.legs import base
from softswitch.legs.base import Leg
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, NotFound, Unreachable
from softswitch.prompts import spoken

if TYPE_CHECKING:
    from softswitch.calls.call import Call

log = structlog.get_logger("calls")

LINGER = 2.0
"""Seconds after the last report until a device that has not hung up by itself is released."""
SPEECH = 8.0
"""Seconds that the number of a slot may take to be said."""

_RINGS = (*PEOPLE, DestinationKind.GROUP, DestinationKind.PARK)
"""Where somebody may still not answer, or all slots be taken."""
_RINGING, _OK, _FAILED, _SILENT, _NO_DIALOG = 180, 200, 300, 408, 481


class Referral:
    """One party that waits outside of the conversation; it hears nobody. Its leg belongs to this object meanwhile."""

    def __init__(self, call: Call, party: Party) -> None:
        self._call = call
        self.party = party
        self.is_decided = False
        self._timer: asyncio.TimerHandle | None = None
        self._speech: asyncio.Task[None] | None = None

    @property
    def waits(self) -> bool:
        """Whether the party can have the other side back at once."""
        return not self.is_decided and not self.party.leg.is_ended

    def begin(self) -> None:
        """Takes the party out of the conversation. Raises Conflict when nobody else is in the call."""
        call, leg = self._call, self.party.leg
        call.part(self.party, Ending(_word(self.party), Cause.NORMAL), hang_up=False, before=[Listen(leg.port, {})])
        call.keep(leg)
        leg.listener = self._heard
        call.before_end.append(self._call_over)

    def rings(self) -> None:
        if not self.is_decided:
            self.party.leg.report_transfer(_RINGING)

    def taken(self, slot: str = "") -> None:
        """Somebody has the other side now; `slot`: it is parked there, which the party is told and hears."""
        if self.is_decided:
            return
        self.is_decided = True
        self.party.leg.report_transfer(_OK, slot)
        if slot and not self.party.leg.is_ended:
            self._speech = asyncio.get_running_loop().create_task(self._say(("parked-at", *spoken.digits(slot))))
        else:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._release)

    def give_back(self, outcome: Outcome) -> Leg:
        """Nobody takes it: the party's leg, which has heard why."""
        self.is_decided = True
        leg = self.party.leg
        self._call.before_end.remove(self._call_over)
        self._call.takes_back(leg)
        leg.listener = base.ignore
        leg.report_transfer(self._status(outcome))
        return leg

    def _status(self, outcome: Outcome) -> int:
        """What the target has said, or our own word for it; silence is 408."""
        said = self._call.conversation.told(outcome.cause)
        if said is not None and said.status >= _FAILED:
            return said.status
        return _SILENT if outcome.cause is Cause.NO_ANSWER else outcome.cause.sip

    async def _say(self, names: Sequence[str]) -> None:
        """Says something to this party alone, then lets it go."""
        board, leg = self._call.board, self.party.leg
        loaded = [await board.media.prompts.load(name, self._call.language) for name in names]
        prompts = [prompt for prompt in loaded if prompt is not None]
        if prompts and not leg.is_ended:
            playback = Playback(board.media.pump, board.media.ids.next(), leg.group)
            board.media.submit([*playback.command(prompts), Listen(leg.port, {playback.id: 0.0})])
            try:
                async with asyncio.timeout(SPEECH):
                    await playback.finished()
            except (TimeoutError, MediaError) as fault:
                log.info("! the slot was not said to its end", call=self._call.id, why=type(fault).__name__)
            finally:
                board.media.submit(playback.stop_command())
        self._speech = None
        self._timer = asyncio.get_running_loop().call_later(LINGER, self._release)

    def _heard(self, event: base.LegEvent) -> None:
        match event:
            case base.Ended(cause=cause):
                self._over(cause, "peer")
            case base.HeldByPeer() | base.ResumedByPeer():
                self.party.away = isinstance(event, base.HeldByPeer)
            case base.PortFailed():
                self._release()
            case _:
                pass  # keys, and a repeated wish of a device that is on its way out

    def _call_over(self, _call: Call) -> None:
        if not self.is_decided:
            self.is_decided = True
            self.party.leg.report_transfer(Cause.CANCELLED.sip)
        self._release()

    def _release(self) -> None:
        if not self.party.leg.is_ended:
            self.party.leg.hang_up(Cause.NORMAL)
            self._over(Cause.NORMAL, "us")

    def _over(self, cause: Cause, by: str) -> None:
        call, leg = self._call, self.party.leg
        leg.listener = base.ignore
        if self._timer is not None:
            self._timer.cancel()
        if self._speech is not None:
            self._speech.cancel()
        if not call.is_over and self._call_over in call.before_end:
            call.before_end.remove(self._call_over)
        call.conversation.judge(leg)
        call.emit(ev.LegEnded(leg=leg.id, cause=cause.word, agent=self.party.agent, by=by))


@dataclass(frozen=True, slots=True)
class Asked:
    """A transfer that the customer's carrier is asked for."""

    by: Party
    customer: Party
    to: Destination
    actor: str
    by_device: bool


class Referrals:
    """Owned by its call: what its parties' devices want, and the one who waits for it."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.waiting: Referral | None = None
        self.asked: Asked | None = None
        call.conversation.transfer, call.conversation.reported = self.wanted, self.reported
        call.conversation.ordered = Keys(call).pressed

    def wanted(self, party: Party, wanted: base.TransferWanted) -> None:
        """A party's own device sends the other side elsewhere: where it could call itself, and nowhere else."""
        call, leg = self._call, party.leg
        try:
            may_transfer(call, party)
            if wanted.referred_by:
                call.note({"referred_by": wanted.referred_by}, actor=party.agent or "callee")
            if (wanted.replaces or wanted.number == CONFERENCE) and call.join_calls is not None:
                call.join_calls(call, party, wanted)
                return
            to = call.resolve_transfer(leg.facts, wanted.number)
            if wanted.user_to_user:
                call.variables["user_to_user"] = wanted.user_to_user
            blind(call, party, to, actor=party.agent or "callee", by_device=True)
        except Unreachable as fault:
            call.emit(ev.CallTransferred(kind="blind", target=wanted.number, result=fault.cause.word))
            leg.report_transfer(fault.cause.sip)
        except (Conflict, NotFound) as fault:
            log.info("! transfer refused", call=call.id, to=wanted.number, reason=str(fault))
            leg.report_transfer(_NO_DIALOG if isinstance(fault, NotFound) else Cause.REJECTED.sip)

    def ask(self, by: Party, customer: Party, to: Destination, uri: str, *, actor: str, by_device: bool) -> None:
        """The customer's own carrier is to call somebody: it hears music, the party stays until the carrier has reported.

        Raises Conflict while another one is open.
        """
        if self.asked is not None:
            raise Conflict("a transfer is on its way already")
        call, asked = self._call, Asked(by, customer, to, actor, by_device)
        self.asked = asked
        call.emit(ev.CallTransferred(kind="refer", target=str(asked.to), actor=asked.actor))
        call.conversation.hold(asked.customer, held=True, actor=asked.actor, by=asked.by)
        asked.customer.leg.refer(uri, asked.by.leg.person.number)

    def reported(self, party: Party, event: base.TransferReported) -> None:
        """Done: both legs here are over. Not done: the two talk on."""
        call, asked = self._call, self.asked
        if asked is None or asked.customer is not party:
            return
        self.asked = None
        if asked.by_device:
            asked.by.leg.report_transfer(event.status)
        if event.status < _FAILED:
            call.emit(ev.CallTransferred(kind="refer", target=str(asked.to), result="answered", actor=asked.actor))
            call.hang_up(Cause.NORMAL, _word(asked.by), asked.actor)
            return
        call.emit(ev.TransferFailed(target=str(asked.to), status=event.status, leg=party.leg.id, actor=asked.actor))
        call.conversation.hold(party, held=False, actor=asked.actor)

    def begin(self, party: Party) -> None:
        """The party waits from here on. Raises Conflict."""
        referral = Referral(self._call, party)
        referral.begin()
        self.waiting = referral

    def rings(self) -> None:
        if self.waiting is not None:
            self.waiting.rings()

    def goes_to(self, destination: Destination) -> None:
        """The switch itself takes the other side, unless people are rung; a slot tells its number when it is taken."""
        if self.waiting is not None and destination.kind not in _RINGS:
            self._call.stop_music()
            self.taken()

    def taken(self, slot: str = "") -> None:
        if self.waiting is not None:
            waiting, self.waiting = self.waiting, None
            waiting.taken(slot)

    def take_back(self, outcome: Outcome) -> Party | None:
        """Nobody takes it: the party that has the other side back, when it is still there; it has heard why."""
        waiting, self.waiting = self.waiting, None
        if waiting is None or not waiting.waits:
            return None
        waiting.give_back(outcome)
        return waiting.party


def _word(party: Party) -> str:
    return "agent" if party.agent else "callee"
