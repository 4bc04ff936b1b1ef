"""Parties whose page is not heard for a while: who talks to nobody else hears music until it is back (call-centre.md §3).

The call itself does not change: nobody is put on hold, the recording goes on with silence, the agent's state stays. Whether the
party is gone for good is for whoever watches its connection.
"""

from __future__ import annotations

from media.commands import Command, Play, StopPlay
from softswitch.calls.mix import Mix, Party
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.model import events as ev


class Absence:
    """Owned by a conversation. `covers` is asked before every change of who hears whom."""

    def __init__(self, board: Switchboard, mix: Mix, timeline: Timeline) -> None:
        self._board = board
        self._mix = mix
        self._timeline = timeline
        mix.covering = self.covers

    def begins(self, party: Party, reason: str) -> None:
        """Nothing is heard of the party any more."""
        if not party.absent_since:
            party.absent_since = self._board.clock.utc()
            self._timeline.emit(ev.LegParked(leg=party.leg.id, agent=party.agent, reason=reason))
            self._mix.apply()

    def ends(self, party: Party) -> None:
        """It is heard again."""
        if party.absent_since:
            gap = round(1000 * (self._board.clock.utc() - party.absent_since))
            party.absent_since = 0.0
            self._timeline.emit(ev.LegResumed(leg=party.leg.id, agent=party.agent, gap_ms=gap))
            self._mix.apply()

    def covers(self) -> list[Command]:
        """The music that begins or ends with the picture as it is now."""
        batch: list[Command] = []
        for party in self._mix.parties:
            if self._is_left_alone(party) != bool(party.cover):
                batch += self.uncover(party) if party.cover else self._cover(party)
        return batch

    def uncover(self, party: Party) -> list[Command]:
        """Ends the music of one party, whatever the picture says: it leaves the call."""
        player, party.cover = party.cover, 0
        return [StopPlay(player)] if player else []

    def _cover(self, party: Party) -> list[Command]:
        if not (prompt := self._board.hold_music()):
            return []
        party.cover = self._board.media.ids.next()
        return [Play(party.cover, self._mix.group, (prompt,), loop=True)]

    def _is_left_alone(self, me: Party) -> bool:
        """Whether everybody whom this party would hear is absent."""
        if me.held or me.absent_since:
            return False
        if len(self._mix.parties) < 2:
            return False
        mates = [party for party in self._mix.parties if party is not me and party.circle == me.circle and not party.held]
        return bool(mates) and all(party.absent_since for party in mates)
