"""What of a conversation is recorded: one file at a time, from the decision to the end; start, stop, pause and resume by hand.

A pause writes silence, so that every time in the file stays true (media-engine.md §9).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from media.commands import Command, ControlRecord, StopPlay
from media.routes import Channels
from softswitch.calls.record import Recording
from softswitch.calls.timeline import Timeline
from softswitch.model import events as ev
from softswitch.model.errors import Conflict, Forbidden, Refusal
from softswitch.recordings.rules import NOT_RECORDED, Decision, RecordingMode


class Picture(Protocol):
    """What the recorder needs of the call's mix."""

    recorder: int
    notice: int
    group: int

    @property
    def channels(self) -> Channels:
        """What each channel hears now."""

    def submit(self, batch: list[Command]) -> None: ...

    def apply(self, *, before: list[Command]) -> None:
        """A batch, and everybody's routes anew."""


class CallRecorder:
    """Owned by its call. `changed` is called when a recording begins or ends (supervisors' files follow)."""

    def __init__(self, mix: Picture, timeline: Timeline, new: Callable[[], Recording], changed: Callable[[], None]) -> None:
        self._mix = mix
        self._timeline = timeline
        self._new = new
        self._changed = changed
        self._current: Recording | None = None
        self.decision: Decision = NOT_RECORDED
        self.paused = False

    @property
    def is_live(self) -> bool:
        """A file is open, paused or not."""
        return self._current is not None and self._current.is_live

    def join(self, decision: Decision) -> list[Command]:
        """A conversation begins: the batch part that starts its file on the frame of the bridge, if it is to be recorded."""
        self.decision = decision
        return self._begin("system") if decision.records else []

    def part(self) -> list[Command]:
        """The conversation is over: the batch part that ends the file; nothing can be recorded until the next `join`."""
        self.decision = NOT_RECORDED
        return self._end()

    def start(self, actor: str) -> None:
        """Recording by hand. The second time changes nothing. Raises Forbidden when a rule or the caller said no."""
        if not self.decision.may_begin:
            raise Forbidden(
                _WHY_NOT.get(self.decision.rule, f"this conversation is not recorded (rule {self.decision.rule!r})")
            )
        if not self.is_live:
            self._mix.apply(before=self._begin(actor))
            self._changed()

    def stop(self, actor: str, *, forced: bool = False) -> None:
        """Ends a recording that was started by hand; `forced`: whoever leads may end any. Raises Conflict, Forbidden."""
        self._check_live()
        if self.decision.mode is not RecordingMode.ON_DEMAND and not forced:
            raise Forbidden("a rule records this conversation; it can be paused, not ended", Refusal.RECORDED_BY_RULE)
        self._mix.apply(before=self._end())
        self._changed()

    def pause(self, actor: str, reason: str = "") -> None:
        """Silence from now on. A repeat changes nothing. Raises Conflict when nothing is recorded."""
        recording = self._check_live()
        if not self.paused:
            self.paused = True
            self._mix.submit([ControlRecord(recording.node, pause=True)])
            self._timeline.emit(ev.RecordingPaused(recording=recording.id, reason=reason, actor=actor))

    def resume(self, actor: str) -> None:
        """Sound again. A repeat changes nothing. Raises Conflict when nothing is recorded."""
        recording = self._check_live()
        if self.paused:
            self.paused = False
            self._mix.submit([ControlRecord(recording.node, pause=False)])
            self._timeline.emit(ev.RecordingResumed(recording=recording.id, actor=actor))

    def _check_live(self) -> Recording:
        if self._current is None or not self._current.is_live:
            raise Conflict("this conversation is not being recorded", Refusal.NOT_RECORDED)
        return self._current

    def _begin(self, actor: str) -> list[Command]:
        self._current = self._new()
        self._mix.recorder = self._current.node
        self.paused = False
        notice = self._current.notice(self._mix.group)
        self._mix.notice = notice[0].player if notice else 0
        decision = self.decision
        start = self._current.start(
            self._mix.group, self._mix.channels, actor=actor, rule=decision.rule, days=decision.days
        )  # fmt: skip
        return [*start, *notice]

    def _end(self) -> list[Command]:
        recording, self._current = self._current, None
        notice, self._mix.notice = self._mix.notice, 0
        self._mix.recorder = 0
        self.paused = False
        stops: list[Command] = [StopPlay(notice)] if notice else []
        return [*recording.stop(), *stops] if recording is not None else stops


_WHY_NOT = {
    "": "no rule says that this conversation may be recorded",
    "queue": "calls of this queue are not recorded",
    "refused": "the caller did not consent to being recorded",
}
