"""The one object that call code gets: ports, players, recorders and buses of one engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from media.commands import CloseBus, Command, Drain, OpenBus, PortKind, Tone
from media.engine import EnginePump, Ids, MediaEngine
from media.events import Event, InjectPosition
from media.inject import Injection
from media.player import Playback
from media.port import Port
from media.prepare import Preparer
from media.prompts import Missing, PromptStore
from media.recorder import Recorder
from media.tap import Tap
from media.tones import DEFAULT, country_tones


class MediaService:
    """Everything about one engine in one event loop. Made by `bootstrap`; `start` in the loop, `close` at the end.

    `first_id` matters only to an engine that outlives this process: ids must not repeat there. `country` chooses `tones`.
    """

    def __init__(
        self,
        engine: MediaEngine,
        *,
        prompt_roots: Sequence[Path] = (),
        fallback_languages: Sequence[str] = (),
        on_missing_prompt: Missing | None = None,
        own_prompts: Path | None = None,
        prompt_cache: Path | None = None,
        first_id: int = 1,
        country: str = DEFAULT,
    ) -> None:
        self.ids = Ids(first_id)
        self.tones = country_tones(country)
        self.pump = EnginePump(engine)
        self.prompts = PromptStore(
            self.pump, self.ids, prompt_roots, fallback=fallback_languages, on_missing=on_missing_prompt,
            preparer=Preparer(prompt_cache) if prompt_cache is not None else None, own=own_prompts,
        )  # fmt: skip

    def start(self) -> None:
        """Begins to read the engine's events; call it inside the loop."""
        self.pump.start()

    def close(self) -> None:
        """Closes the engine with all its ports; whoever still waits gets EngineClosed."""
        self.pump.close()

    def new_group(self) -> int:
        """An id for a group: all who may hear each other. The first reservation in it creates it."""
        return self.ids.next()

    def reserve_port(self, kind: PortKind, group: int) -> Port:
        """Binds sockets for a party; its local address is in `Port.reservation`. Raises NoCapacity, EngineClosed."""
        reservation = self.pump.reserve(kind, group)
        return Port(self.pump, self.ids, self.prompts, kind=kind, group=group, reservation=reservation)

    def recorder(self, group: int) -> Recorder:
        """A recorder that is not started yet."""
        return Recorder(self.pump, self.ids.next(), group)

    def player(
        self, group: int, prompts: Sequence[int] = (), *, tone: Tone | None = None, loop: bool = False, gain: float = 0.0
    ) -> Playback:
        """Starts music, a prompt or a tone as a source of `group`; route its `id` to whoever shall hear it."""
        playback = Playback(self.pump, self.ids.next(), group)
        batch = playback.command(prompts, tone=tone, loop=loop, gain=gain)
        if batch:
            self.pump.submit(batch)
        return playback

    def tap(self, group: int) -> Tap:
        """A tap that is not started yet."""
        return Tap(self.pump, self.ids.next(), group)

    def inject(self, group: int, *, on_mark: Callable[[InjectPosition], None], on_refused: Callable[[str], None]) -> Injection:
        """An inject that is not started yet."""
        return Injection(self.pump, self.ids.next(), group, on_mark=on_mark, on_refused=on_refused)

    def open_bus(self, group: int, max_speakers: int = 5, *, agc: bool = False, gate: bool = False) -> int:
        """A conference bus in `group`; returns its id for `routes.conference`."""
        bus = self.ids.next()
        self.pump.submit([OpenBus(bus, group, max_speakers, agc, gate)])
        return bus

    def close_bus(self, bus: int) -> None:
        """Ends a bus; its members hear nothing of it any more."""
        self.pump.submit([CloseBus(bus)])

    def submit(self, *parts: Sequence[Command], on_failure: Callable[[Event], None] | None = None) -> int:
        """One batch out of several parts: `submit(routes.bridge(a, b), recorder.command(path, channels))`, on one frame."""
        return self.pump.submit([command for part in parts for command in part], on_failure)

    def watch(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Every event of the engine to `watcher`: metrics, alarms, the log; returns what undoes it."""
        return self.pump.watch(watcher)

    def drain(self) -> None:
        """No new ports from now on."""
        self.pump.submit([Drain()])
