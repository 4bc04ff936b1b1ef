"""The supervisors of one call: each mode is only a change of who hears whom; no party's device is told anything (§9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from media.commands import ControlRecord
from softswitch.calls.bridge import Conversation
from softswitch.calls.ears import Ear
from softswitch.calls.mix import Mix, Party
from softswitch.calls.record import Recording
from softswitch.calls.scene import PartyRole
from softswitch.calls.timeline import Timeline
from softswitch.model import events as ev
from softswitch.model.states import MonitorMode
from softswitch.model.views import MonitorView


@dataclass(slots=True)
class Monitors:
    """Owned by the call; devices move into its group and back. `on_left(ear)`: the call is over for a supervisor."""

    mix: Mix
    timeline: Timeline
    conversation: Conversation
    on_left: Callable[[Ear], None] = lambda _: None
    _whispers: dict[Ear, Recording] = field(default_factory=dict)
    _in_private: dict[Ear, list[Party]] = field(default_factory=dict)
    """Customers who are on hold because of a private word."""
    _taking_part: list[str] = field(default_factory=list)
    """Supervisors who have taken the call over, or intercepted it."""

    def set(self, ear: Ear, mode: MonitorMode, *, target: str, actor: str, device: str = "browser") -> None:
        """Puts a supervisor into a mode; OFF takes it out. The same mode again changes nothing.

        `target` is the agent it is with: the moment of the first mode decides, later ones keep it.
        """
        current = self.mix.supervisors.get(ear, MonitorMode.OFF)
        if mode is current:
            return
        if mode is MonitorMode.OFF:
            self.end(ear, actor)
            return
        if current is MonitorMode.OFF:
            ear.move(self.mix.group)
            ear.on_moved = lambda _old: self.mix.apply()
            self.retarget(ear, target)
            self.timeline.emit(
                ev.SupervisionStarted(
                    actor=actor, mode=mode.value, target=target, agent=target, supervisor=ear.login, device=device
                )
            )
        else:
            self.timeline.emit(ev.SupervisionMode(actor=actor, mode=mode.value, supervisor=ear.login))
        self._end_private(ear, actor)
        self.mix.supervisors[ear] = mode
        if mode is MonitorMode.PRIVATE:
            self._begin_private(ear, actor)
        self.refresh()

    def retarget(self, ear: Ear, agent: str) -> None:
        """From now on the supervisor is with this agent; routes follow with the next batch."""
        party = self.mix.agent(agent)
        if party is not None:
            self.mix.targets[ear] = party
        else:
            self.mix.targets.pop(ear, None)

    def end(self, ear: Ear, actor: str) -> None:
        """The supervisor leaves the call; nothing when it is not here."""
        if ear not in self.mix.supervisors:
            return
        self._end_private(ear, actor)
        self._forget(ear)
        self.mix.apply()
        ear.go_idle()
        self.timeline.emit(ev.SupervisionEnded(actor=actor, supervisor=ear.login))

    def become_party(self, ear: Ear, actor: str) -> None:
        """The supervisor stops supervising, because it takes part in the call from now on. Its port stays in the group."""
        self._end_private(ear, actor)
        self._forget(ear)
        self._taking_part.append(ear.login)
        self.timeline.emit(ev.SupervisionMode(actor=actor, mode=MonitorMode.TAKE_OVER.value, supervisor=ear.login))

    def intercepted(self, supervisor: str, actor: str, device: str) -> None:
        """The supervisor takes part in the call without having supervised it."""
        self._taking_part.append(supervisor)
        mode = MonitorMode.TAKE_OVER.value
        self.timeline.emit(ev.SupervisionStarted(actor=actor, mode=mode, supervisor=supervisor, device=device))

    def part_over(self, supervisor: str, actor: str) -> None:
        """Who took part leaves; nothing when it has left."""
        if supervisor in self._taking_part:
            self._taking_part.remove(supervisor)
            self.timeline.emit(ev.SupervisionEnded(actor=actor, supervisor=supervisor))

    def refresh(self) -> None:
        """Routes anew and lets the restricted files follow: one per supervisor who whispers in a recorded conversation."""
        stops = []
        starts = []
        for ear, mode in self.mix.supervisors.items():
            whispers = mode is MonitorMode.WHISPER and bool(self.mix.recorder)
            if whispers and ear not in self._whispers:
                recording = self._whispers[ear] = self.conversation.whisper_recording()
                starts += recording.start(self.mix.group, ({ear.port: 0.0},))
            elif not whispers and ear in self._whispers:
                stops += self._whispers.pop(ear).stop()
        self.mix.apply(before=stops, after=starts)

    def stop_recordings(self) -> None:
        """The recorded conversation is over."""
        for recording in self._whispers.values():
            self.mix.submit(recording.stop())
        self._whispers.clear()

    def dismiss(self) -> None:
        """The call is over: everybody goes back to where they came from."""
        self._in_private.clear()
        for supervisor in tuple(self._taking_part):
            self.part_over(supervisor, supervisor)
        for ear in tuple(self.mix.supervisors):
            self._forget(ear)
            ear.go_idle()
            self.timeline.emit(ev.SupervisionEnded(actor=ear.login, supervisor=ear.login))
            self.on_left(ear)

    def views(self) -> tuple[MonitorView, ...]:
        return tuple(MonitorView(supervisor=ear.login, mode=mode) for ear, mode in self.mix.supervisors.items())

    # a private word

    def _begin_private(self, ear: Ear, actor: str) -> None:
        """Customers hear music meanwhile; the recording gets a mark for the gap."""
        waiting = [party for party in self.mix.parties if party.role is PartyRole.CUSTOMER and not party.held]
        self._in_private[ear] = waiting
        for party in waiting:
            self.conversation.hold(party, held=True, actor=actor)
        self._mark("private word begins")

    def _end_private(self, ear: Ear, actor: str) -> None:
        if ear not in self._in_private:
            return
        for party in self._in_private.pop(ear):
            self.conversation.hold(party, held=False, actor=actor)
        self._mark("private word ends")

    def _mark(self, text: str) -> None:
        if self.mix.recorder:
            self.mix.submit([ControlRecord(self.mix.recorder, mark=text)])

    def _forget(self, ear: Ear) -> None:
        del self.mix.supervisors[ear]
        self.mix.targets.pop(ear, None)
        ear.on_moved = None
        recording = self._whispers.pop(ear, None)
        if recording is not None:
            self.mix.submit(recording.stop())
