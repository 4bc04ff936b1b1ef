"""Several calls of one phone become one conversation: by the code for it, or by a REFER to the conference (sip.md §8.1).

The parties' legs move into one picture of the engine; nobody is sent a re-INVITE.
"""

from __future__ import annotations

from softswitch.calls.call import Call
from softswitch.calls.guests import MOST_PARTIES
from softswitch.calls.mix import Party
from softswitch.calls.outcome import Ending
from softswitch.calls.scene import PartyRole
from softswitch.calls.service import CallService
from softswitch.calls.switchboard import Switchboard
from softswitch.legs.base import PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, Refusal


class ThreeWay:
    """Owned by the loop. An order raises Conflict and changes nothing, or is done when it returns."""

    def __init__(self, calls: CallService, board: Switchboard, *, ends_with_owner: bool = False) -> None:
        self._calls = calls
        self._board = board
        self._ends_with_owner = ends_with_owner

    def dialled(self, call: Call, third: Destination | None = None) -> None:
        """A phone has dialled the code, with the number of a third party or after it has called that: `call` is answered.

        The new leg takes the place of the phone's others.
        """
        extension = call.caller.facts.party
        mine = self._of_phone(extension, but=call)
        if not mine or (third is None and len(mine) < 2):
            raise Conflict("there are no two calls to put together", Refusal.NO_CONVERSATION)
        target, own = mine[0]
        self._check(target, own, [other for other, _ in mine[1:]])
        new = Party(call.give(call.mix.anchor), own.role, name=own.name)
        self._release(target)
        target.conversation.join(new)
        self._gather(target, new, mine[1:])
        target.part(own, Ending("callee", Cause.NORMAL))
        self._owned(target, new)
        if third is not None:
            target.guests.invite(new, third)

    def sent(self, call: Call, party: Party) -> None:
        """A phone sends the other side of a call to the conference: its other calls come to this one, where its leg stays."""
        others = [(other, own) for other, own in self._of_phone(party.leg.facts.party) if other is not call]
        if not others or party.leg.facts.kind is not PartyKind.PHONE:
            raise Conflict("there are no two calls to put together", Refusal.NO_CONVERSATION)
        self._check(call, party, [other for other, _ in others])
        self._release(call)
        self._gather(call, party, others)
        self._owned(call, party)

    def _of_phone(self, extension: str, but: Call | None = None) -> list[tuple[Call, Party]]:
        """The conversations that a phone is in, with its part, oldest first."""
        return [
            (call, party)
            for call in self._calls.all()
            if call is not but and call.conversation.is_live
            for party in call.mix.parties
            if party.leg.facts.kind is PartyKind.PHONE and party.leg.facts.party == extension and not party.leg.is_ended
        ]  # fmt: skip

    def _check(self, target: Call, own: Party, others: list[Call]) -> None:
        if own.agent:
            raise Conflict("an agent's calls are put together at its page: consult, then join all")
        if any(call.guests.consulted is not None for call in (target, *others)):
            raise Conflict("somebody is being consulted: complete or cancel that first", Refusal.CONSULTING)
        if len(target.mix.parties) + sum(len(call.mix.parties) - 1 for call in others) > MOST_PARTIES:
            raise Conflict(f"a call has {MOST_PARTIES} parties at most", Refusal.TOO_MANY_PARTIES)

    def _gather(self, target: Call, owner: Party, others: list[tuple[Call, Party]]) -> None:
        """Everybody but the phone itself leaves the other calls, which are over then."""
        for call, own in others:
            self._release(call)
            for third in [party for party in call.mix.parties if party is not own]:
                role, name, agent = PartyRole.MEMBER, third.name, third.agent
                if agent:
                    self._board.desks.joined(agent, target.id, target.tally().queue)
                member = Party(call.give(third), role, name=name, agent=agent)
                target.conversation.join(member)
                target.emit(ev.ConferenceJoined(member=name, leg=member.leg.id, agent=agent, actor=owner.name))

    def _release(self, call: Call) -> None:
        """Nobody hears music any more; the phone's own key does not count."""
        for party in call.mix.parties:
            party.away = False
            call.conversation.hold(party, held=False, actor="system")

    def _owned(self, call: Call, owner: Party) -> None:
        """Where it is set so, all are released when whoever put them together leaves."""
        if not self._ends_with_owner:
            return
        former = call.conversation.on_left

        def left(party: Party, ending: Ending) -> None:
            former(party, ending)
            if party is owner:
                call.hang_up(Cause.NORMAL, ending.who)

        call.conversation.on_left = left
