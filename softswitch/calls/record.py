"""Recording of a conversation: two channels for the call, a restricted file for a whispering supervisor (interfaces.md §6)."""

from __future__ import annotations

from collections.abc import Callable

from media.commands import Command, Play, Record, StopRecord, Tone
from media.events import CommandFailed, Event, RecordDegraded, RecordEnded, RecordStarted
from media.routes import Channels
from media.service import MediaService
from softswitch.calls.timeline import Timeline
from softswitch.model import events as ev
from softswitch.model.ids import Ids, RecordingId
from softswitch.model.states import RecordingStatus
from softswitch.recordings.keeper import Keeper

_STATUS = {"complete": RecordingStatus.COMPLETE, "degraded": RecordingStatus.DEGRADED, "failed": RecordingStatus.FAILED}

NOTICE_MS = 200
NOTICE_LEVEL = -24.0
"""Of the tone that tells of a recording: heard, and spoken over."""


class Recording:
    """One file from start to verdict; `plain`: WAV in the clear, whatever the settings say.

    The verdict comes after the call's end; the event then still belongs to the call.
    """

    def __init__(
        self, media: MediaService, keeper: Keeper, ids: Ids, timeline: Timeline, *, restricted: bool = False,
        plain: bool = False,
    ) -> None:  # fmt: skip
        self.node = media.ids.next()
        self.id: RecordingId = ids.recording()
        self.restricted = restricted
        self._plain = plain
        self._media = media
        self._keeper = keeper
        self._timeline = timeline
        self._file = keeper.new_file(timeline.call, self.id if restricted else "", plain=plain)
        self._forget: Callable[[], None] = media.pump.subscribe(self.node, self._heard)
        self._live = False

    @property
    def file(self) -> str:
        """Its name below the keeper's root."""
        return self._file

    @property
    def is_live(self) -> bool:
        """Started, and neither stopped nor failed."""
        return self._live

    def start(self, group: int, channels: Channels, *, actor: str = "", rule: str = "", days: int = 0) -> list[Command]:
        """The batch part that starts it on the frame of the bridge; why, for the timeline, and for how long it is kept."""
        self._live = True
        self._timeline.emit(
            ev.RecordingStarted(
                recording=self.id, file=self._file, restricted=self.restricted, actor=actor, rule=rule, keep_days=days
            )
        )
        return [self._command(group, channels)]

    def _command(self, group: int, channels: Channels) -> Record:
        keeper, key = self._keeper, self._keeper.new_key(self._file)
        return Record(
            self.node, group, str(keeper.place(self._file)), channels, fallback=keeper.fallback,
            format="wav" if self._plain else keeper.form.container, key=key.key if key else b"",
            envelope=key.envelope if key else b"", beep_ms=keeper.form.beep_ms,
        )  # fmt: skip

    def notice(self, group: int) -> list[Play]:
        """The tone that tells all who are recorded of it (1400 Hz), as a player of the group; none when it is not wanted."""
        period = self._keeper.form.notice_ms
        if not period:
            return []
        tone = Tone((1400.0,), level=NOTICE_LEVEL, on=NOTICE_MS, off=max(1, period - NOTICE_MS))
        return [Play(self._media.ids.next(), group, tone=tone, loop=True)]

    def stop(self) -> list[Command]:
        """The batch part that ends it; `rec.finished` follows when the file is closed and hashed."""
        if not self._live:
            return []
        self._live = False
        return [StopRecord(self.node)]

    def _heard(self, event: Event) -> None:
        match event:
            case RecordStarted():
                self._keeper.began(self._file)
            case RecordDegraded(reason=reason):
                self._timeline.emit(ev.RecordingDegraded(recording=self.id, reason=reason))
                self._keeper.degraded(self._timeline.call, reason)
            case RecordEnded():
                self._finish(
                    _STATUS[event.verdict], event.duration, event.bytes, event.sha256, self._keeper.relative(event.path)
                )
            case CommandFailed(command="Record", reason=reason):
                self._keeper.degraded(self._timeline.call, reason)
                self._finish(RecordingStatus.FAILED, 0, 0, "", self._file)

    def _finish(self, status: RecordingStatus, duration_ms: int, size: int, sha256: str, file: str) -> None:
        self._live = False
        self._forget()
        self._keeper.finished(self._file)
        self._timeline.emit(
            ev.RecordingFinished(
                recording=self.id, file=file, status=status.value, duration_ms=duration_ms, bytes=size, sha256=sha256,
                restricted=self.restricted,
            )
        )  # fmt: skip
