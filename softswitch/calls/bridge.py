"""A conversation: the parties of a call hear each other until all but one have gone; hold, mute, recording, digits across."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from media.commands import Command, Play, StopPlay
from softswitch.calls.absence import Absence
from softswitch.calls.fax import FaxPassage
from softswitch.calls.mix import Mix, Party
from softswitch.calls.outcome import Ending
from softswitch.calls.quality import leg_quality
from softswitch.calls.record import Recording
from softswitch.calls.recorder import CallRecorder
from softswitch.calls.scene import PartyRole
from softswitch.calls.sound import Sound
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.legs import base
from softswitch.legs.base import Leg
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.release import Release
from softswitch.recordings.rules import NOT_RECORDED, Decision

Emit = Callable[[ev.Event], None]
Transfer = Callable[[Party, base.TransferWanted], None]
"""A party's device wants the other side elsewhere."""
Reported = Callable[[Party, base.TransferReported], None]
"""A party's network has sent it elsewhere, or could not."""


class Conversation:
    """Owned by its call; one at a time. It begins with the first party beside the anchor and ends when one party is left.

    `on_recording` is called when a recording begins, `on_left(party, ending)` when a party's part is over, whatever way.
    """

    def __init__(self, board: Switchboard, mix: Mix, timeline: Timeline, sound: Sound, emit: Emit) -> None:
        self._board = board
        self._mix = mix
        self._timeline = timeline
        self._sound = sound
        self._emit = emit
        self._heard_of: set[str] = set()
        self._told_secured: set[str] = set()
        self.referrals = 0
        """How often the devices of parties have sent somebody on."""
        self.said: Release | None = None
        """What the party that ended its part has said exactly; those who are released for it are told the same."""
        self._over: asyncio.Future[Ending] | None = None
        self.transfer: Transfer = lambda party, _wanted: party.leg.report_transfer(Cause.REJECTED.sip)
        self.reported: Reported = lambda _party, _event: None
        self.ordered: Callable[[Party, str], bool] = lambda _party, _digit: False
        """Whether a key is an order to the switch (`keys.Keys`)."""
        self._keeps_recording = False
        self.absence = Absence(board, mix, timeline)
        self.on_recording: Callable[[], None] = _nothing
        self.recorder = CallRecorder(mix, timeline, self._new_recording, self._recording_changed, board.outpost(mix, timeline))
        self._fax: FaxPassage | None = None
        self.on_left: Callable[[Party, Ending], None] = _nobody
        self.on_joined: Callable[[Party], None] = lambda _party: None

    @property
    def is_live(self) -> bool:
        """Whether anybody is joined to the anchor."""
        mix = self._mix
        return len(mix.parties) > (1 if mix.anchor in mix.parties else 0)

    @property
    def others(self) -> list[Party]:
        return [party for party in self._mix.parties if party is not self._mix.anchor]

    @property
    def agent(self) -> str:
        """The login of the agent who has the call, "" when nobody of an agent's desk is in it."""
        return next((party.agent for party in self._mix.parties if party.agent and party.role is PartyRole.AGENT), "")

    def whisper_recording(self) -> Recording:
        """A restricted recording beside the one that runs."""
        return self._new_recording(restricted=True)

    # who is in it

    async def talk(self, party: Party, decision: Decision = NOT_RECORDED) -> Ending:
        """Joins a party and waits for the end of its part; others may go on then (`is_live`, `rest`)."""
        party.parted = asyncio.get_running_loop().create_future()
        try:
            self.join(party, decision)
            return await party.parted
        finally:
            self.leave(party, Ending("system", Cause.NORMAL))

    async def rest(self) -> Ending:
        """Waits for the end of what goes on after the party has left that the call's task was waiting for."""
        if not self.is_live:
            return Ending("system", Cause.NORMAL)
        self._over = asyncio.get_running_loop().create_future()
        try:
            return await self._over
        finally:
            self._over = None

    def join(self, party: Party, decision: Decision | None = None, *, before: Sequence[Command] = ()) -> None:
        """One batch with `before`: into the group, music ends, all hear each other as the picture says, recording starts.

        Who is brought into a conversation that goes on comes without a `decision`: the recording stays as it is.
        """
        mix, leg = self._mix, party.leg
        self.said = None
        self.break_fax()
        leg.join(mix.group)
        if not self.is_live:
            self._sound.silence()
            self._sound.forget_digits()
        party.since = self._board.clock.utc()
        mix.parties.append(party)
        leg.listener = lambda event: self._heard(party, event)
        self.introduce(party)
        self.note_secured(leg)
        start = self._record(decision) if decision is not None else []
        mix.apply(before=[*before, *start])
        if start and mix.supervisors:
            self.on_recording()
        if leg.is_ended:
            self._gone(party, Cause.NORMAL)
        else:
            self.on_joined(party)

    def introduce(self, party: Party) -> None:
        """With one other person in the conversation both are shown whom they talk to; in a conference nobody is."""
        others = [other for other in self._mix.parties if other is not party]
        if len(others) == 1:
            others[0].leg.shows(party.leg.person)
            party.leg.shows(others[0].leg.person)

    def leave(self, party: Party, ending: Ending, *, hang_up: bool = True, before: Sequence[Command] = ()) -> None:
        """Takes a party out; nothing when it has left. Who stays hears the others; the last of them ends the conversation."""
        mix = self._mix
        if party not in mix.parties or party is mix.anchor:
            return
        mix.parties.remove(party)
        self.break_fax()
        leg = party.leg
        leg.listener = base.ignore
        by_peer = leg.is_ended
        stops: list[Command] = [*before, *(self._stop_music(party) if party.held else ())]
        stops += [*self._regroup(), *self.absence.uncover(party), *self.absence.covers()]
        if not self.is_live and not self._keeps_recording:
            stops += self.recorder.part()
        mix.apply(before=stops) if not mix.caller.is_ended else mix.submit(stops)
        if hang_up and not by_peer:
            leg.hang_up(Cause.NORMAL, release=self.said)
        if hang_up:
            self.judge(leg)
            self._timeline.emit(
                ev.LegEnded(leg=leg.id, cause=ending.cause.word, agent=party.agent, by="peer" if by_peer else "us")
            )
        self.on_left(party, ending)
        self._settle(party, ending)

    def dismiss(self, ending: Ending) -> None:
        """The call is over: everybody who is still there goes."""
        for party in self.others:
            self.leave(party, ending)

    def _settle(self, party: Party, ending: Ending) -> None:
        if party.parted is not None and not party.parted.done():
            party.parted.set_result(ending)
        if not self.is_live and self._over is not None and not self._over.done():
            self._over.set_result(ending)

    def move_anchor(self, party: Party) -> Party:
        """Another party becomes the one that the call serves; returns the former anchor, which may leave now."""
        mix = self._mix
        former, mix.anchor = mix.anchor, party
        if party.parted is not None and not party.parted.done():
            party.parted.set_result(Ending(_who(former), Cause.NORMAL))
        former.leg.listener = lambda event: self._heard(former, event)
        return former

    def _regroup(self) -> list[Command]:
        """After somebody left: whom it held is back, without an agent nobody stays apart. Returns the stops of the music."""
        parties = self._mix.parties
        alone = len(parties) < 2 or not any(party.role is PartyRole.AGENT for party in parties)
        stops: list[Command] = []
        for party in parties:
            if alone or (party.held_by is not None and party.held_by not in parties):
                stops += self.release(party, actor="system")
            if alone:
                party.circle, party.muted = 0, False
        return stops

    # recording

    def keep_recording(self) -> None:
        """The customer is on the way to somebody else: the file goes on with silence until the next conversation or the end."""
        if self.recorder.is_live and not self.recorder.paused:
            self._keeps_recording = True
            self.recorder.pause("system", "transfer")

    def end_recording(self) -> None:
        """Nobody comes any more."""
        self._keeps_recording = False
        self._mix.submit(self.recorder.part())

    def _record(self, decision: Decision) -> list[Command]:
        """The batch part for a conversation that begins: a kept file goes on when this one is to be recorded as well."""
        kept, self._keeps_recording = self._keeps_recording, False
        if not self.recorder.is_live:
            return self.recorder.join(decision)
        return self.recorder.go_on(decision) if kept else []

    def _recording_changed(self) -> None:
        self.on_recording()

    def _new_recording(self, *, restricted: bool = False) -> Recording:
        board = self._board
        return Recording(board.media, board.keeper, board.ids, self._timeline, restricted=restricted)

    # hold and mute

    def hold(self, party: Party, *, held: bool, actor: str, by: Party | None = None) -> None:
        """Puts a party on hold with music, or takes it back; a repeat changes nothing. No device is told anything.

        When `by`, who holds it, leaves the call, the party is back by itself.
        """
        if held == party.held or party not in self._mix.parties:
            return
        if not held:
            self._mix.apply(before=self.release(party, actor=actor))
            return
        self.break_fax()
        batch = self._start_music(party)
        party.held, party.held_by, party.since = True, by, self._board.clock.utc()
        self._mix.apply(before=batch)
        party.leg.hold(held=True)
        self._emit(ev.CallHeld(actor=actor, leg=party.leg.id))

    def release(self, party: Party, *, actor: str) -> list[Command]:
        """Takes a party off hold in the picture; returns the commands that go with the batch. Nothing when it is not held."""
        if not party.held:
            return []
        party.held, party.held_by, party.since = False, None, self._board.clock.utc()
        party.leg.hold(held=False)
        self._emit(ev.CallResumed(actor=actor, leg=party.leg.id))
        return self._stop_music(party)

    def opposite(self, party: Party) -> list[Party]:
        """Whom a party puts on hold: customers for the agent's side, everybody else for the customer."""
        others = [other for other in self._mix.parties if other is not party]
        customers = [other for other in others if other.role is PartyRole.CUSTOMER]
        return customers or others

    def _hold_by_device(self, party: Party, *, held: bool) -> None:
        """The key of a device. With one other person that one hears music, in a conference the rest goes on talking."""
        party.away = held
        if len(self._mix.parties) > 2 and held:
            self._mix.apply()
            return
        actor = "caller" if party is self._mix.anchor and not party.agent else _who(party)
        for other in self.opposite(party):
            self.hold(other, held=held, actor=actor, by=party)
        self._mix.apply()

    def mute(self, party: Party, *, muted: bool) -> None:
        """A muted party hears the others and is heard by nobody."""
        if muted != party.muted:
            party.muted, party.since = muted, self._board.clock.utc()
            self._mix.apply()

    def _start_music(self, party: Party) -> list[Command]:
        """The commands of hold music for a party; it hears silence when there is no music."""
        prompt = self._board.hold_music()
        party.player = self._board.media.ids.next() if prompt else 0
        return [Play(party.player, self._mix.group, (prompt,), loop=True)] if prompt else []

    def _stop_music(self, party: Party) -> list[Command]:
        player, party.player = party.player, 0
        return [StopPlay(player)] if player else []

    # what comes from the parties

    def digit(self, party: Party, event: base.DigitPressed) -> None:
        """Notes a digit. The sound carries RFC 4733 and tones across by itself, to devices that understand the same; in all
        other cases it is sent on here in the way that the other device takes.
        """
        self._timeline.emit(ev.LegDtmf(leg=party.leg.id, digit=event.digit, way=event.way, duration=event.duration))
        if self.ordered(party, event.digit):
            return
        self.press(party, event.digit, carried=event.way if event.way not in ("info", "browser") else "")

    def press(self, party: Party, digits: str, *, carried: str = "") -> None:
        """Keys of a party, for everybody whom it talks to."""
        for other in self._mix.parties:
            if other is not party and other.circle == party.circle and not other.held:
                other.leg.press(digits, carried=carried)

    def judge(self, leg: Leg, *, final: bool = True) -> None:
        """Writes down how the party was heard."""
        quality = leg_quality(leg)
        if quality is not None:
            self._timeline.emit(replace(quality, final=final))

    def note_secured(self, leg: Leg) -> None:
        """Writes down, once, with what a party's sound is encrypted."""
        if leg.secured and leg.id not in self._told_secured:
            self._told_secured.add(leg.id)
            self._timeline.emit(ev.MediaSecured(leg=leg.id, suite=leg.secured))

    def flowing(self, leg: Leg, event: base.MediaFlows | base.AudioChanged) -> None:
        """The first packet of a party; or it is not heard any more, or is again."""
        if isinstance(event, base.AudioChanged):
            if leg.is_answered:
                self.judge(leg, final=False)
        elif leg.id not in self._heard_of:
            self._heard_of.add(leg.id)
            after = self._since_answer(leg)
            self._timeline.emit(ev.LegMedia(leg=leg.id, codec=event.codec, as_signalled=event.as_signalled, first_rtp_ms=after))

    def _since_answer(self, leg: Leg) -> int:
        """Milliseconds since the party answered or was answered; 0 for sound that comes before."""
        answers = (e for e in reversed(self._timeline.events) if isinstance(e, ev.CallAnswered | ev.CallConnected))
        at = next((event.at for event in answers if event.leg == leg.id), 0.0)
        return max(0, round((self._board.clock.utc() - at) * 1000)) if at else 0

    def _heard(self, party: Party, event: base.LegEvent) -> None:
        match event:
            case base.Ended(cause=cause, release=release):
                self.said = release
                self._gone(party, cause)
            case base.HeldByPeer() | base.ResumedByPeer():
                self.device_held(party, held=isinstance(event, base.HeldByPeer))
            case base.DigitPressed():
                self.digit(party, event)
            case base.MediaFlows() | base.AudioChanged():
                self.flowing(party.leg, event)
            case base.TransferWanted():
                self.transfer(party, event)
            case base.PortFailed():
                self._gone(party, Cause.MEDIA_FAILURE)
            case _:
                self.noticed(party, event)

    def noticed(self, party: Party, event: base.LegEvent) -> None:
        """What means the same for every party, the anchor too."""
        match event:
            case base.IdentityChanged():
                self.introduce(party)
            case base.TransferReported():
                self.reported(party, event)
            case base.Secured():
                self.note_secured(party.leg)
            case base.PortReplaced():
                self._mix.apply()
            case base.Absent(reason=reason):
                self.absence.begins(party, reason)
            case base.Returned():
                self.absence.ends(party)
            case base.FaxWanted(fax=fax):
                self.fax.wanted(party, fax)
            case base.FaxOver():
                self.fax.over(party)

    @property
    def fax(self) -> FaxPassage:
        """What carries a fax from one party to the other one."""
        if self._fax is None:
            self._fax = FaxPassage(self._mix, self.recorder, self._emit)
        return self._fax

    def break_fax(self) -> None:
        """Who takes part changes: a fax that goes on is over."""
        if self._fax is not None:
            self._fax.broken()

    def device_held(self, party: Party, *, held: bool) -> None:
        """A party pressed hold on its device."""
        if self.is_live and held != party.away:
            self._hold_by_device(party, held=held)
        elif self._mix.own_routes is not None:  # in a room: the others do not hear the music of its device
            party.away = held
            self._mix.apply()

    def told(self, cause: Cause) -> Release | None:
        """What a party is told exactly when it is released for this cause; None: the cause says it all."""
        return self.said if self.said is not None and self.said.cause is cause else None

    def _gone(self, party: Party, cause: Cause) -> None:
        self.leave(party, Ending(_who(party), cause))


def _who(party: Party) -> str:
    """The word of `call.ended` for a party that is not the caller."""
    return "agent" if party.agent else "callee"


def _nothing() -> None:
    """Nobody waits for a recording to begin."""


def _nobody(_party: Party, _ending: Ending) -> None:
    """Nobody waits for a party to leave."""
