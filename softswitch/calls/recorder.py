"""What of a conversation is recorded: one file at a time, from the decision to the end; start, stop, pause and resume by hand.

A pause writes silence, so that every time in the file stays true (media-engine.md §9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class Outpost(Protocol):
    """A recording server elsewhere that hears what the file hears; it stands beside the file, or in its place."""

    @property
    def id(self) -> str:
        """Of the session that is under way, "" without one."""

    def begin(self, servers: Sequence[str], actor: str) -> None:
        """Sends the sound there from the next `apply` on; to the same servers as before: it goes on."""

    def pause(self, *, paused: bool) -> None:
        """Nothing is sent meanwhile."""

    def part(self) -> None:
        """Ends it, if it is under way."""


class _Nowhere:
    id = ""

    def begin(self, servers: Sequence[str], actor: str) -> None:
        """There is no recording server."""

    def pause(self, *, paused: bool) -> None:
        """Nor anything to pause."""

    def part(self) -> None:
        """Nor to end."""


NOWHERE: Outpost = _Nowhere()


class CallRecorder:
    """Owned by its call. `changed` is called when a recording begins or ends (supervisors' files follow)."""

    def __init__(
        self, mix: Picture, timeline: Timeline, new: Callable[[], Recording], changed: Callable[[], None],
        outpost: Outpost = NOWHERE,
    ) -> None:  # fmt: skip
        self.outpost = outpost
        self._mix = mix
        self._timeline = timeline
        self._new = new
        self._changed = changed
        self._current: Recording | None = None
        self.decision: Decision = NOT_RECORDED
        self.paused = False

    @property
    def is_live(self) -> bool:
        """A file is open or a server records, paused or not."""
        return self.has_file or bool(self.outpost.id)

    @property
    def has_file(self) -> bool:
        """A file is open, paused or not."""
        return self._current is not None and self._current.is_live

    def join(self, decision: Decision) -> list[Command]:
        """A conversation begins: the batch part that starts its file on the frame of the bridge, if it is to be recorded."""
        self.decision = decision
        self.paused = False
        if decision.siprec:
            self.outpost.begin(decision.siprec, "system")
        return self._begin("system") if decision.records else []

    def go_on(self, decision: Decision) -> list[Command]:
        """The next conversation after a pause between two: what is to be recorded there as well goes on, the rest ends."""
        refused = bool(decision.rule) and not decision.may_begin
        batch: list[Command] = self._end() if refused and self.has_file else []
        if decision.siprec:
            self.outpost.begin(decision.siprec, "system")
        elif refused:
            self.outpost.part()
        self.decision = decision if refused else self.decision
        if self.is_live:
            self.paused = True
            self.resume("system")
        return batch

    def part(self) -> list[Command]:
        """The conversation is over: the batch part that ends the file; nothing can be recorded until the next `join`."""
        self.decision = NOT_RECORDED
        self.outpost.part()
        return self._end()

    def start(self, actor: str) -> None:
        """Recording by hand. The second time changes nothing. Raises Forbidden when a rule or the caller said no."""
        if not self.decision.may_begin:
            raise Forbidden(
                _WHY_NOT.get(self.decision.rule, f"this conversation is not recorded (rule {self.decision.rule!r})")
            )
        if not self.has_file:
            self._mix.apply(before=self._begin(actor))
            self._changed()

    def stop(self, actor: str, *, forced: bool = False) -> None:
        """Ends a recording that was started by hand; `forced`: whoever leads may end any. Raises Conflict, Forbidden."""
        if not self.has_file:
            raise Conflict("this conversation is not being recorded", Refusal.NOT_RECORDED)
        if self.decision.mode is not RecordingMode.ON_DEMAND and not forced:
            raise Forbidden("a rule records this conversation; it can be paused, not ended", Refusal.RECORDED_BY_RULE)
        self._mix.apply(before=self._end())
        self._changed()

    def pause(self, actor: str, reason: str = "") -> None:
        """Silence from now on. A repeat changes nothing. Raises Conflict when nothing is recorded."""
        recording = self._check_live()
        if not self.paused:
            self._turn(paused=True)
            self._timeline.emit(ev.RecordingPaused(recording=recording, reason=reason, actor=actor))

    def resume(self, actor: str) -> None:
        """Sound again. A repeat changes nothing. Raises Conflict when nothing is recorded."""
        recording = self._check_live()
        if self.paused:
            self._turn(paused=False)
            self._timeline.emit(ev.RecordingResumed(recording=recording, actor=actor))

    def _turn(self, *, paused: bool) -> None:
        self.paused = paused
        if self._current is not None and self._current.is_live:
            self._mix.submit([ControlRecord(self._current.node, pause=paused)])
        self.outpost.pause(paused=paused)

    def _check_live(self) -> str:
        """The id of what is recorded: the file's, else that of the session with a server."""
        if self._current is not None and self._current.is_live:
            return self._current.id
        if not self.outpost.id:
            raise Conflict("this conversation is not being recorded", Refusal.NOT_RECORDED)
        return self.outpost.id

    def _begin(self, actor: str) -> list[Command]:
        self._current = self._new()
        self._mix.recorder = self._current.node
        if self.paused:
            self.paused = False
            self.outpost.pause(paused=False)
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
        self.paused = self.paused and bool(self.outpost.id)
        stops: list[Command] = [StopPlay(notice)] if notice else []
        return [*recording.stop(), *stops] if recording is not None else stops


_WHY_NOT = {
    "": "no rule says that this conversation may be recorded",
    "queue": "calls of this queue are not recorded",
    "refused": "the caller did not consent to being recorded",
}
