"""What the caller is told and hears while others are rung: ringing, a tone of ours, or the sound of a far end (sip.md §4.7)."""

from __future__ import annotations

from collections.abc import Callable

from media.commands import Listen
from softswitch.calls.mix import Mix
from softswitch.calls.sound import Sound
from softswitch.legs.base import Leg
from softswitch.model import events as ev


class EarlySound:
    """Owned by its call."""

    def __init__(self, mix: Mix, sound: Sound, emit: Callable[[ev.Event], None]) -> None:
        self._mix = mix
        self._sound = sound
        self._emit = emit
        self._told: set[tuple[int, bool]] = set()
        self._leg: Leg | None = None
        """Who is heard: keys of the caller go there."""

    def progress(self, leg: Leg | None, status: int, *, quiet: bool = False) -> None:
        """Somebody rings; `leg` is the one that sends sound before it answers. `quiet` leaves the caller's ears alone."""
        early = leg is not None
        if (status, early) not in self._told:
            self._told.add((status, early))
            self._emit(ev.CallProgress(status=status, early_media=early))
        if quiet:
            return
        caller = self._mix.caller
        if leg is not None:
            self._hear(leg)
        elif caller.is_answered:
            self._sound.ringback()
        elif not self._mix.player:
            caller.ring()

    def _hear(self, leg: Leg) -> None:
        caller = self._mix.caller
        caller.open_early(prefer=leg.codec, q850=leg.announces)
        self._sound.silence()
        self._leg, self._mix.player = leg, leg.port
        self._mix.apply()
        if leg.facts.early_two_way:
            self._mix.submit([Listen(leg.port, {caller.port: 0.0})])

    def tone(self) -> None:
        """The tone as early sound, for a far end that has none, or whose own is not wanted."""
        self._mix.caller.open_early()
        self._sound.ringback()

    def press(self, digit: str) -> None:
        """A key of the caller, for who is heard before the answer: an announcement may ask for it."""
        if self._leg is not None:
            self._leg.press(digit)

    def end(self) -> None:
        """A new stage, or nobody answered: what was heard of the former one is over."""
        self._leg = None
        self._sound.silence()
        if self._mix.caller.port:
            self._mix.apply()

    def joined(self) -> None:
        """Somebody has answered: from here on it is a conversation."""
        self._leg = None
