"""The live picture of who hears whom in one call, and the one batch that makes the engine follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from media.commands import Command, ControlRecord
from media.service import MediaService
from softswitch.calls import scene
from softswitch.calls.scene import Scene
from softswitch.legs.base import Leg
from softswitch.legs.browser import BrowserSession
from softswitch.model.states import MonitorMode


class Mix:
    """Owned by its call. Change the fields, then `apply`: all takes effect on one frame."""

    def __init__(self, media: MediaService, group: int, caller: Leg) -> None:
        self.group = group
        self.caller = caller
        self.other: Leg | None = None
        self.talking = False
        self.caller_held = False
        self.other_held = False
        self.player = 0  # heard by the caller instead of the other person: prompt, music, early media
        self.other_player = 0  # heard by the other person while the caller holds
        self.supervisors: dict[BrowserSession, MonitorMode] = {}
        self.recorder = 0
        self.own_routes: Callable[[], Sequence[Command]] | None = None
        """Takes the place of the picture while the caller is in a room or hears itself."""
        self._media = media

    @property
    def picture(self) -> Scene:
        return Scene(
            caller=self.caller.port,
            other=self.other.port if self.other is not None else 0,
            talking=self.talking,
            caller_held=self.caller_held,
            other_held=self.other_held,
            heard_by_caller=self.player,
            heard_by_other=self.other_player,
            supervisors={session.port: mode for session, mode in self.supervisors.items() if session.port},
        )

    def apply(self, *, before: Sequence[Command] = (), after: Sequence[Command] = ()) -> None:
        """Routes everybody anew, in one batch with `before` and `after`; the recorder follows on the same frame."""
        picture = self.picture
        batch: list[Command] = [*before]
        batch += scene.routes(picture) if self.own_routes is None else self.own_routes()
        if self.recorder:
            batch.append(ControlRecord(self.recorder, scene.left_and_right(picture)))
        self.submit([*batch, *after])

    def submit(self, batch: Sequence[Command]) -> None:
        """A batch that changes no routes."""
        if batch:
            self._media.pump.submit(batch)
