"""Supervision of one call: listen, whisper, barge. Each is only a change of who hears whom; no leg is told anything (§9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from softswitch.calls.mix import Mix
from softswitch.calls.record import Recording
from softswitch.calls.timeline import Timeline
from softswitch.legs.browser import BrowserSession
from softswitch.model import events as ev
from softswitch.model.states import MonitorMode
from softswitch.model.views import MonitorView


@dataclass(slots=True)
class Monitors:
    """The supervisors of one call. Owned by the call; ports move into its group and back to their own."""

    mix: Mix
    timeline: Timeline
    new_recording: Callable[[], Recording]
    _whispers: dict[BrowserSession, Recording] = field(default_factory=dict)

    def set(self, session: BrowserSession, mode: MonitorMode, *, target: str, actor: str) -> None:
        """Puts a supervisor into a mode; OFF takes it out. The same mode again changes nothing."""
        current = self.mix.supervisors.get(session, MonitorMode.OFF)
        if mode is current:
            return
        if mode is MonitorMode.OFF:
            self._leave(session)
            self.mix.apply()
            session.go_idle()
            self.timeline.emit(ev.SupervisionEnded(actor=actor))
            return
        if current is MonitorMode.OFF:
            session.move(self.mix.group)
            session.on_moved = lambda _old: self.mix.apply()
            self.timeline.emit(ev.SupervisionStarted(actor=actor, mode=mode.value, target=target, agent=target))
        else:
            self.timeline.emit(ev.SupervisionMode(actor=actor, mode=mode.value))
        self.mix.supervisors[session] = mode
        self.refresh()

    def refresh(self) -> None:
        """Routes anew and lets the restricted files follow: one per supervisor who whispers in a recorded conversation."""
        stops = []
        starts = []
        for session, mode in self.mix.supervisors.items():
            whispers = mode is MonitorMode.WHISPER and bool(self.mix.recorder)
            if whispers and session not in self._whispers:
                recording = self._whispers[session] = self.new_recording()
                starts += recording.start(self.mix.group, ({session.port: 0.0},))
            elif not whispers and session in self._whispers:
                stops += self._whispers.pop(session).stop()
        self.mix.apply(before=stops, after=starts)

    def stop_recordings(self) -> None:
        """The recorded conversation is over."""
        for recording in self._whispers.values():
            self.mix.submit(recording.stop())
        self._whispers.clear()

    def dismiss(self) -> None:
        """The call is over: everybody goes back to where they came from."""
        for session in tuple(self.mix.supervisors):
            self._leave(session)
            session.go_idle()
            self.timeline.emit(ev.SupervisionEnded(actor=session.login))

    def views(self) -> tuple[MonitorView, ...]:
        return tuple(MonitorView(supervisor=session.login, mode=mode) for session, mode in self.mix.supervisors.items())

    def _leave(self, session: BrowserSession) -> None:
        del self.mix.supervisors[session]
        session.on_moved = None
        recording = self._whispers.pop(session, None)
        if recording is not None:
            self.mix.submit(recording.stop())
