"""A running player: prompts, music or a tone, a source that any listener of its group can hear."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from media.commands import ControlPlay, Play, StopPlay, Tone
from media.engine import EnginePump
from media.errors import MediaError
from media.events import PlayEnded


class Playback:
    """One `Play` command and its `PlayEnded`. Made by `MediaService.player` or `Port.playing`; owned by whoever made it.

    Without prompts and tone it is over at once, so a caller whose prompt file is missing simply goes on.
    """

    def __init__(self, pump: EnginePump, player: int, group: int) -> None:
        self.id = player
        self.group = group
        self.loop = False
        self._pump = pump
        self._ended: asyncio.Future[PlayEnded] | None = None

    def command(
        self,
        prompts: Sequence[int] = (),
        *,
        tone: Tone | None = None,
        loop: bool = False,
        gain: float = 0.0,
        until_digit_of: Sequence[int] = (),
        offset: int = 0,
        until_talk_of: Sequence[int] = (),
        stream: str = "",
    ) -> list[Play]:
        """The batch part that starts it, empty when there is nothing to play; the caller submits it with the routes.

        `offset` is where it begins, ms; `stream` a file that is read while it is played.
        """
        self.loop = loop
        if not prompts and tone is None and not stream:
            self._ended = asyncio.get_running_loop().create_future()
            self._ended.set_result(PlayEnded(self.id, "done", 0))
            return []
        self._ended = self._pump.expect(self.id, PlayEnded, "Play")
        self._ended.add_done_callback(_retrieve)
        return [Play(self.id, self.group, tuple(prompts), tone, loop, gain, tuple(until_digit_of), offset,
                     until_talk_of=tuple(until_talk_of), stream=stream)]  # fmt: skip

    @property
    def is_over(self) -> bool:
        """Whether it ended or never was anything."""
        return self._ended is None or self._ended.done()

    async def finished(self) -> PlayEnded:
        """Waits for the end. Raises CommandRefused when the engine would not play, EngineClosed."""
        if self._ended is None:
            raise MediaError("a playback is awaited before it was started")
        return await asyncio.shield(self._ended)

    def stop_command(self) -> list[StopPlay]:
        """The batch part that stops it, empty when it is over."""
        return [] if self.is_over else [StopPlay(self.id)]

    def control(
        self, *, pause: bool | None = None, seek: int | None = None, skip: int | None = None, gain: float | None = None
    ) -> None:
        """Pauses or goes on, goes to a place or a step on (ms), changes the level (dB). Nothing when it is over."""
        if not self.is_over:
            self._pump.submit([ControlPlay(self.id, pause, seek, gain, skip)])

    def stop(self) -> None:
        """Stops it now; `PlayEnded` with reason `stopped` follows."""
        batch = self.stop_command()
        if batch:
            self._pump.submit(batch)


def _retrieve(ended: asyncio.Future[PlayEnded]) -> None:
    """Looks at the outcome, so that a refusal nobody waits for (the call ended meanwhile) is not reported as forgotten."""
    if not ended.cancelled():
        ended.exception()
