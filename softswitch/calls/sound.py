"""What the caller hears besides people, and the keys it presses: prompts, music, ringback, digits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from media.commands import Play, Tone
from media.errors import MediaError
from media.player import Playback
from media.service import MediaService
from softswitch.calls.mix import Mix
from softswitch.calls.timeline import Timeline
from softswitch.model import events as ev
from softswitch.prompts.words import TEXT, words_of

_WAITING_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Steering:
    """Keys that work on what is played instead of ending it; "" for none. `step` is seconds; pause, pressed again, goes on."""

    back: str = ""
    forward: str = ""
    pause: str = ""
    step: float = 5.0

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(key for key in (self.back, self.forward, self.pause) if key)


FREELY = Steering()


class Sound:
    """Owned by its call. One thing plays at a time: what starts replaces what was there; music comes back after a prompt."""

    def __init__(self, media: MediaService, mix: Mix, timeline: Timeline) -> None:
        self._media = media
        self._mix = mix
        self._timeline = timeline
        self._music: Playback | None = None
        self._prompt: Playback | None = None
        self._stop_on_digit = False
        self._steering = FREELY
        self._paused = False
        self._digits: deque[str] = deque(maxlen=_WAITING_DIGITS)
        self._arrived: asyncio.Future[None] | None = None

    async def play(
        self, names: Sequence[str], language: str, *, stop_on_key: bool = False, gain: float = 0.0, offset: int = 0,
        stop_on_voice: bool = False, steering: Steering = FREELY,
    ) -> str:  # fmt: skip
        """Plays prompts to the caller and waits for their end. Missing ones are left out and noted in the timeline.

        `gain` is dB, `offset` where the first prompt begins (ms). Returns why it ended: done, digit (only with `stop_on_key`),
        talk (only with `stop_on_voice`), stopped, error. With `steering` a key ends it at its end, not at its begin.
        """
        prompts: list[int] = []
        for name in names:
            prompts += await self._loaded(name, language)
        if not prompts or (stop_on_key and self._digits):
            return "digit" if stop_on_key and self._digits else "done"
        playback = Playback(self._media.pump, self._media.ids.next(), self._mix.group)
        at_once = stop_on_key and not steering.keys  # the engine does not know which keys steer
        until, talk = ((self._mix.caller.port,) if wanted else () for wanted in (at_once, stop_on_voice))
        self._prompt, self._stop_on_digit, self._steering, self._paused = playback, stop_on_key, steering, False
        self._mix.player = playback.id
        self._mix.apply(before=playback.command(prompts, until_digit_of=until, until_talk_of=talk, gain=gain, offset=offset))
        try:
            reason = (await playback.finished()).reason
            return "digit" if reason == "stopped" and self._stop_on_digit and self._digits else reason
        except MediaError:
            return "error"
        finally:
            self._prompt = None
            self._mix.player = self._music.id if self._music is not None else 0
            self._mix.apply(after=playback.stop_command())

    async def _loaded(self, name: str, language: str) -> list[int]:
        """One prompt; a text that cannot be spoken is put together from what was recorded."""
        prompt = await self._media.prompts.load(name, language)
        if prompt is not None:
            return [prompt]
        if not name.startswith(TEXT):
            self._timeline.emit(ev.PromptMissing(prompt=name, language=language))
            return []
        found: list[int] = []
        for word in words_of(name.removeprefix(TEXT), language):
            found += await self._loaded(word, language) if not word.startswith(TEXT) else []
        return found

    async def music(self, name: str, language: str = "music") -> None:
        """Music until something else is wanted; the file is `music/NAME`. Missing music is silence, noted in the timeline."""
        prompt = await self._media.prompts.load(name, language)
        if prompt is None:
            self._timeline.emit(ev.PromptMissing(prompt=name, language=language))
            return
        self._start(self._loop([prompt], None))

    def ringback(self) -> None:
        """The tone of a far end that rings, for a caller who was answered already."""
        if self._music is None or self._music.is_over:
            self._start(self._loop((), self._media.tones.ring))

    def _loop(self, prompts: Sequence[int], tone: Tone | None) -> tuple[Playback, list[Play]]:
        playback = Playback(self._media.pump, self._media.ids.next(), self._mix.group)
        return playback, playback.command(prompts, tone=tone, loop=True)

    def _start(self, started: tuple[Playback, list[Play]]) -> None:
        playback, commands = started
        stops = self._music.stop_command() if self._music is not None else []
        self._music = playback
        if self._prompt is None:
            self._mix.player = playback.id
        self._mix.apply(before=commands, after=stops)

    def silence(self) -> None:
        """Ends music and tones; the next `Mix.apply` routes the rest."""
        if self._music is not None:
            self._music.stop()
            self._music = None
        if not self._mix.anchor.held:  # the music of a hold belongs to the conversation
            self._mix.player = 0

    # digits

    def pressed(self, digit: str) -> None:
        """A key of the caller."""
        if self._prompt is not None and digit in self._steering.keys:
            self._steer(self._prompt, digit)
            return
        self._digits.append(digit)
        if self._prompt is not None and self._stop_on_digit:
            self._prompt.stop()
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _steer(self, prompt: Playback, digit: str) -> None:
        steering, step = self._steering, round(self._steering.step * 1000)
        if digit == steering.pause:
            self._paused = not self._paused
            prompt.control(pause=self._paused)
        else:
            self._paused = False
            prompt.control(pause=False, skip=-step if digit == steering.back else step)

    async def collect(self, max_digits: int, *, seconds: float, finish_on: str, inter_digit: float) -> str:
        """The next keys: up to `max_digits`, ended by a key of `finish_on` (not in the result) or by silence (seconds)."""
        pressed = ""
        while len(pressed) < max_digits:
            digit = await self._next(inter_digit if pressed else seconds)
            if not digit or digit in finish_on:
                break
            pressed += digit
        return pressed

    def forget_digits(self) -> None:
        self._digits.clear()

    async def key_pressed(self, seconds: float) -> bool:
        """Waits for a key, which stays to be collected; False when none came within `seconds`."""
        if self._digits:
            return True
        digit = await self._next(seconds)
        if digit:
            self._digits.appendleft(digit)
        return bool(digit)

    async def _next(self, seconds: float) -> str:
        if not self._digits:
            self._arrived = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._arrived
            except TimeoutError:
                return ""
            finally:
                self._arrived = None
        return self._digits.popleft()
