"""A conversation: caller and other party hear each other until one goes; hold on either side, digits across, recording."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from media.commands import Command, Play, StopPlay
from softswitch.calls import scene
from softswitch.calls.mix import Mix
from softswitch.calls.outcome import Ending
from softswitch.calls.record import Recording
from softswitch.calls.sound import Sound
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.legs import base
from softswitch.legs.base import Leg
from softswitch.model import events as ev
from softswitch.model.cause import Cause

Emit = Callable[[ev.Event], None]
Transfer = Callable[[Leg, str], bool]
"""Sends the caller to a number; False when there is no such number."""


class Conversation:
    """Owned by its call; one at a time. `on_recording` is called when a recording begins."""

    def __init__(self, board: Switchboard, mix: Mix, timeline: Timeline, sound: Sound) -> None:
        self._board = board
        self._mix = mix
        self._timeline = timeline
        self._sound = sound
        self._parted: asyncio.Future[Ending] | None = None
        self._recording: Recording | None = None
        self._who = "callee"
        self._heard_of: set[str] = set()
        self.on_recording: Callable[[], None] = _nothing
        self.agent = ""

    @property
    def is_live(self) -> bool:
        return self._parted is not None and not self._parted.done()

    def whisper_recording(self) -> Recording:
        """A restricted recording beside the one that runs."""
        return self._new_recording(restricted=True)

    async def talk(self, leg: Leg, *, record: bool, agent: str, emit: Emit, transfer: Transfer) -> Ending:
        """Joins the leg and waits for its end; cleans up whatever way it ends."""
        self._who = "agent" if agent else "callee"
        self.agent = agent
        self._parted = asyncio.get_running_loop().create_future()
        leg.listener = lambda event: self._heard(leg, event, emit, transfer)
        try:
            self._join(leg, record=record)
            if leg.is_ended:
                return Ending(self._who, Cause.NORMAL)
            return await self._parted
        finally:
            self._part(leg)

    def _join(self, leg: Leg, *, record: bool) -> None:
        """One batch: into the group, music ends, both hear each other, recording starts on the same frame."""
        leg.join(self._mix.group)
        self._sound.silence()
        self._sound.forget_digits()
        mix = self._mix
        mix.other, mix.talking = leg, True
        start: list[Command] = []
        if record:
            self._recording = self._new_recording()
            start = self._recording.start(mix.group, scene.left_and_right(mix.picture))
        mix.apply(after=start)
        if self._recording is not None:
            mix.recorder = self._recording.node
            if mix.supervisors:
                self.on_recording()

    def _part(self, leg: Leg) -> None:
        mix = self._mix
        stops: list[Command] = self._recording.stop() if self._recording is not None else []
        self._recording, self._parted, self.agent = None, None, ""
        stops += [StopPlay(player) for player in (mix.other_player, self._hold_player) if player]
        self._hold_player = mix.other_player = mix.player = mix.recorder = 0
        mix.other, mix.talking, mix.caller_held, mix.other_held = None, False, False, False
        leg.listener = base.ignore
        mix.apply(before=stops) if not mix.caller.is_ended else mix.submit(stops)
        by_peer = leg.is_ended
        if not by_peer:
            leg.hang_up(Cause.NORMAL)
        self._timeline.emit(ev.LegEnded(leg=leg.id, cause=Cause.NORMAL.word, by="peer" if by_peer else "us"))

    _hold_player = 0

    # hold

    def hold_caller(self, *, held: bool, actor: str, emit: Emit) -> None:
        """The other side holds the caller, or takes it back; a repeat changes nothing."""
        mix = self._mix
        if held == mix.caller_held:
            return
        mix.caller_held = held
        batch: list[Command] = []
        if held:
            batch, self._hold_player = self._music()
            mix.player = self._hold_player
        elif self._hold_player:
            batch = [StopPlay(self._hold_player)]
            self._hold_player = mix.player = 0
        mix.apply(before=batch)
        emit(ev.CallHeld(actor=actor, leg=mix.caller.id) if held else ev.CallResumed(actor=actor, leg=mix.caller.id))

    def hold_other(self, *, held: bool, emit: Emit) -> None:
        """The caller's own device holds the other side; the other side is told nothing."""
        mix = self._mix
        if not self.is_live or held == mix.other_held or mix.other is None:
            return
        mix.other_held = held
        batch: list[Command] = []
        if held:
            batch, mix.other_player = self._music()
        elif mix.other_player:
            batch = [StopPlay(mix.other_player)]
            mix.other_player = 0
        mix.apply(before=batch)
        leg = mix.other.id
        emit(ev.CallHeld(actor="caller", leg=leg) if held else ev.CallResumed(actor="caller", leg=leg))

    def _music(self) -> tuple[list[Command], int]:
        """The commands and the id of a player of hold music; nothing when there is no music."""
        prompt = self._board.hold_music()
        if not prompt:
            return [], 0
        player = self._board.media.ids.next()
        return [Play(player, self._mix.group, (prompt,), loop=True)], player

    # what comes from the parties

    def digit(self, leg: Leg, event: base.DigitPressed, *, to: Leg | None) -> None:
        """Notes a digit. The engine carries RFC 4733 across by itself; those of INFO and of a page are sent on here."""
        self._timeline.emit(ev.LegDtmf(leg=leg.id, digit=event.digit, way=event.way, duration=event.duration))
        if to is not None and event.way in ("info", "browser"):
            to.press(event.digit)

    def flowing(self, leg: Leg, event: base.MediaFlows) -> None:
        """The first packet of a party."""
        if leg.id not in self._heard_of:
            self._heard_of.add(leg.id)
            self._timeline.emit(ev.LegMedia(leg=leg.id, codec=event.codec, as_signalled=event.as_signalled))

    def _heard(self, leg: Leg, event: base.LegEvent, emit: Emit, transfer: Transfer) -> None:
        match event:
            case base.Ended(cause=cause):
                self._end(cause)
            case base.HeldByPeer() | base.ResumedByPeer():
                self.hold_caller(held=isinstance(event, base.HeldByPeer), actor=self._who, emit=emit)
            case base.DigitPressed():
                self.digit(leg, event, to=self._mix.caller)
            case base.MediaFlows():
                self.flowing(leg, event)
            case base.TransferWanted(number=number):
                leg.report_transfer(200 if transfer(leg, number) else Cause.UNALLOCATED.sip)
            case base.PortReplaced():
                self._mix.apply()
            case base.PortFailed():
                self._end(Cause.MEDIA_FAILURE)

    def _end(self, cause: Cause) -> None:
        if self._parted is not None and not self._parted.done():
            self._parted.set_result(Ending(self._who, cause))

    def _new_recording(self, *, restricted: bool = False) -> Recording:
        board = self._board
        return Recording(board.media, board.keeper, board.ids, self._timeline, restricted=restricted)


def _nothing() -> None:
    """Nobody waits for a recording to begin."""
