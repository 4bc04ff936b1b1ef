"""A port's handle: what a leg, a flow and a feature do with one party's sound.

Each verb is one batch and, where there is something to wait for, one future that the engine's event resolves. All methods run
in the event loop's thread.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from media.commands import (
    ClosePort,
    Command,
    Detect,
    Direction,
    Jitter,
    Listen,
    MovePort,
    PortKind,
    Sample,
    SendDtmf,
    UpdatePort,
)
from media.digits import DigitMerger
from media.engine import EnginePump, Ids
from media.errors import MediaError, PortLost
from media.events import (
    Dtmf,
    Event,
    MediaStarted,
    PlayEnded,
    PortClosed,
    PortFailed,
    PortOpened,
    PortStats,
    Reservation,
    Stats,
)
from media.negotiation import Agreement, DtlsIdentity
from media.player import Playback

CLOSE_SECONDS = 2.0
_MAX_WAITING_DIGITS = 64


class PromptSource(Protocol):
    """Where `play` finds prompts by name; `PromptStore` is one."""

    async def load_all(self, names: Sequence[str], language: str) -> tuple[int, ...]:
        """The ids of those that exist."""
        ...


class DigitCollector:
    """The digits of one port since the collector was opened, in order; at most 64 wait."""

    def __init__(self, prompt: Callable[[], Playback | None]) -> None:
        self._waiting: deque[str] = deque(maxlen=_MAX_WAITING_DIGITS)
        self._arrived = asyncio.Event()
        self._lost: PortLost | None = None
        self._prompt = prompt

    def push(self, digit: str) -> None:
        """Adds a digit; called by the port."""
        self._waiting.append(digit)
        self._arrived.set()

    def fail(self, problem: PortLost) -> None:
        """Wakes a collecting task with an error; called by the port."""
        self._lost = problem
        self._arrived.set()

    async def collect(self, max_digits: int = 1, finish_on: str = "#", timeout: float = 5.0, inter_digit: float = 3.0) -> str:  # noqa: ASYNC109
        """Collects until `max_digits`, a key of `finish_on` (not part of the result), or silence.

        `timeout` seconds for the first digit start when the prompt that plays to the port has ended; `inter_digit` seconds
        for each further one. Returns what was pressed, "" for nothing. Raises PortLost when the port goes away.
        """
        pressed = ""
        while len(pressed) < max_digits:
            prompt = None if pressed else self._prompt()
            digit = await self._next(inter_digit if pressed else timeout, prompt)
            if digit is None or digit in finish_on:
                break
            pressed += digit
        return pressed

    async def _next(self, seconds: float, prompt: Playback | None) -> str | None:
        if prompt is not None and not self._waiting:
            await self._arrival_or(prompt)
        try:
            async with asyncio.timeout(seconds):
                while not self._waiting:
                    if self._lost is not None:
                        raise self._lost
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return None
        return self._waiting.popleft()

    async def _arrival_or(self, prompt: Playback) -> None:
        self._arrived.clear()
        if self._lost is not None:
            return
        waits = {asyncio.ensure_future(self._arrived.wait()), asyncio.ensure_future(prompt.finished())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


class Port:
    """One port, from reservation to close. Owned by one leg; routes may be changed by whoever owns the call.

    `group` changes by `move` only. `agreement` is the one in force. `media_started` is the first packet's event.
    """

    def __init__(
        self, pump: EnginePump, ids: Ids, prompts: PromptSource, *, kind: PortKind, group: int, reservation: Reservation
    ) -> None:
        self.id = ids.next()
        self.kind = kind
        self.group = group
        self.reservation = reservation
        self.language = "en"
        self.agreement: Agreement | None = None
        self.media_started: MediaStarted | None = None
        self.lost: PortLost | None = None
        self.last_stats: PortStats | None = None
        self._pump = pump
        self._ids = ids
        self._prompts = prompts
        self._identity: DtlsIdentity | None = None
        self._collectors: list[DigitCollector] = []
        self._playbacks: list[Playback] = []
        self._merger = DigitMerger()
        self._cancel = pump.subscribe(self.id, self._receive)

    # -- life ---------------------------------------------------------------------------------------------------------------

    async def open(
        self,
        agreement: Agreement,
        *,
        identity: DtlsIdentity | None = None,
        latch: str = "nat",
        jitter: Jitter = Jitter(),  # noqa: B008 -- a frozen value
        cname: str = "",
        dtmf_pass: bool = True,
        then: Sequence[Command] = (),
    ) -> None:
        """Opens the reserved port; `then` takes effect in the same batch. Raises CommandRefused, NoCapacity."""
        opened = self._pump.expect(self.id, PortOpened, "OpenPort")
        command = agreement.open_port(
            self.id,
            self.reservation.token,
            identity=identity,
            latch=latch,
            jitter=jitter,
            cname=cname,
            dtmf_pass=dtmf_pass,
        )
        self._pump.submit([command, *then])
        self.agreement, self._identity = agreement, identity
        await opened

    def update(self, agreement: Agreement) -> None:
        """Brings an open port to a new agreement (re-INVITE, hold, resume, ICE restart)."""
        self._pump.submit([agreement.update_port(self.id, before=self.agreement, identity=self._identity)])
        self.agreement = agreement

    def turn(self, direction: Direction) -> None:
        """Changes the direction alone, for example to stop sending until an early dialog is answered."""
        self._pump.submit([UpdatePort(self.id, direction=direction)])

    def pass_dtmf(self, allowed: bool) -> None:
        """Lets telephone events of this party reach those who hear it, or not (card numbers)."""
        self._pump.submit([UpdatePort(self.id, dtmf_pass=allowed)])

    def move(self, group: int) -> None:
        """Takes the live port into another group; it hears nothing there until somebody routes it."""
        if group != self.group:
            self._pump.submit([*self.move_command(group)])

    def move_command(self, group: int) -> Sequence[Command]:
        """The same as a batch part, to be followed by the routes of the new group."""
        if group == self.group:
            return ()
        self.group = group
        return (MovePort(self.id, group),)

    @property
    def is_open(self) -> bool:
        """Whether it was opened and is neither closed nor lost."""
        return self.agreement is not None and self.lost is None

    async def close(self) -> PortStats | None:
        """Closes the port and waits shortly for its final counters, None when they did not come. Closing twice is harmless."""
        if not self.is_open:
            self._cancel()
            return self.last_stats
        closed = self._pump.expect(self.id, PortClosed)
        self._pump.submit([*(command for each in self._playbacks for command in each.stop_command()), ClosePort(self.id)])
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                return (await closed).stats
        except (TimeoutError, MediaError):
            return self.last_stats

    # -- hearing ------------------------------------------------------------------------------------------------------------

    @property
    def sources(self) -> Mapping[int, float]:
        """What the port was last told to hear: source to gain in dB."""
        return self._pump.sources_of(self.id)

    def listen(self, sources: Mapping[int, float] | Iterable[int]) -> None:
        """Sets all that the port hears; plain ids mean 0 dB."""
        gains = sources if isinstance(sources, Mapping) else dict.fromkeys(sources, 0.0)
        self._pump.submit([Listen(self.id, gains)])

    @asynccontextmanager
    async def playing(
        self,
        *prompts: str | int,
        language: str | None = None,
        loop: bool = False,
        gain: float = 0.0,
        duck: float = 0.0,
        until_digit: bool | None = None,
        until_talk: bool = False,
    ) -> AsyncIterator[Playback]:
        """Plays prompts (names, or ids) to this party while the block runs, over what it hears; leaving the block stops them.

        `duck` lowers everything else by so many dB. `until_digit` stops the prompts at the party's next digit, inside the
        engine; left out, it is true while a `digits()` block is open. `until_talk` does so when the party speaks. Missing
        prompts are skipped (the store reports them).
        """
        ids = await self._resolve(prompts, language or self.language)
        playback = Playback(self._pump, self._ids.next(), self.group)
        until = bool(self._collectors) if until_digit is None else until_digit
        before = dict(self.sources)
        digit_of, talk_of = ((self.id,) if wanted else () for wanted in (until, until_talk))
        batch: list[Command] = [*playback.command(ids, loop=loop, gain=gain, until_digit_of=digit_of, until_talk_of=talk_of)]
        if batch:
            batch.append(Listen(self.id, {**{each: level - abs(duck) for each, level in before.items()}, playback.id: 0.0}))
            self._pump.submit(batch)
            self._playbacks.append(playback)
        try:
            yield playback
        finally:
            if batch:
                self._playbacks.remove(playback)
                self._quiet(playback, before)

    async def play(
        self, *prompts: str | int, language: str | None = None, gain: float = 0.0, until_digit: bool | None = None
    ) -> PlayEnded:
        """Plays prompts to their end, or to a digit; see `playing`."""
        async with self.playing(*prompts, language=language, gain=gain, until_digit=until_digit) as playback:
            return await playback.finished()

    async def _resolve(self, prompts: Sequence[str | int], language: str) -> tuple[int, ...]:
        ids: list[int] = []
        for prompt in prompts:
            ids += [prompt] if isinstance(prompt, int) else await self._prompts.load_all([prompt], language)
        return tuple(ids)

    def _quiet(self, playback: Playback, before: Mapping[int, float]) -> None:
        """Stops a player and takes it out of what the port hears now; ducked sources get their former level back."""
        if self._pump.is_closed:
            return
        batch: list[Command] = [*playback.stop_command()]
        now = dict(self.sources)
        if now.pop(playback.id, None) is not None and self.lost is None:
            batch.append(Listen(self.id, {each: before.get(each, level) for each, level in now.items()}))
        if batch:
            self._pump.submit(batch)

    # -- digits and detectors -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def digits(self) -> AsyncIterator[DigitCollector]:
        """Collects this party's digits from here on, type-ahead included."""
        collector = DigitCollector(self._playing_now)
        if self.lost is not None:
            collector.fail(self.lost)
        self._collectors.append(collector)
        try:
            yield collector
        finally:
            self._collectors.remove(collector)

    def press(self, digit: str) -> None:
        """A digit that came by signalling (SIP INFO, the browser's JSON); RFC 4733 wins where a party uses both."""
        if not self._merger.counts(digit, "info", asyncio.get_running_loop().time()):
            return
        self._pressed(digit)
        for playback in self._playbacks:
            if self._collectors and not playback.is_over:
                playback.stop()

    def send_dtmf(self, digits: str, duration: int = 100, gap: int = 100) -> None:
        """Queues digits toward this party, ms each."""
        self._pump.submit([SendDtmf(self.id, digits, duration, gap)])

    def detect(
        self, *, dtmf_inband: bool = False, tones: tuple[float, ...] = (), speech: bool = False, progress: bool = False
    ) -> None:
        """Sets the detectors; RFC 4733 digits are always on. What they hear comes to `watch`."""
        detect = Detect(self.id, dtmf_inband=dtmf_inband, tones=tones, speech=speech, progress=progress)
        self._pump.submit([detect])

    # -- knowing ------------------------------------------------------------------------------------------------------------

    async def stats(self) -> PortStats:
        """Counters now. Raises PortLost."""
        sampled = self._pump.expect(self.id, Stats, "Sample")
        self._pump.submit([Sample(self.id)])
        return (await sampled).stats

    async def wait_media_started(self) -> MediaStarted:
        """Waits for the first packet; bound it with `asyncio.timeout`. Raises PortLost."""
        if self.media_started is not None:
            return self.media_started
        return await self._pump.expect(self.id, MediaStarted)

    def watch(self, watcher: Callable[[Event], None]) -> Callable[[], None]:
        """Every event of this port (ICE, DTLS, loss, remote changed) to `watcher`; returns what undoes it."""
        return self._pump.subscribe(self.id, watcher)

    def _playing_now(self) -> Playback | None:
        return next((each for each in reversed(self._playbacks) if not each.loop and not each.is_over), None)

    def _pressed(self, digit: str) -> None:
        for collector in self._collectors:
            collector.push(digit)

    def _receive(self, event: Event) -> None:
        match event:
            case Dtmf(digit=digit, way=way, duration=duration):
                if self._merger.counts(digit, way, asyncio.get_running_loop().time(), duration):
                    self._pressed(digit)
            case MediaStarted():
                self.media_started = self.media_started or event
            case Stats(stats=stats):
                self.last_stats = stats
            case PortClosed(reason=reason, stats=stats):
                self.last_stats = stats
                self._gone(reason)
            case PortFailed(reason=reason):
                self._gone(reason)

    def _gone(self, reason: str) -> None:
        self.lost = PortLost(self.id, reason)
        for collector in self._collectors:
            collector.fail(self.lost)
        self._cancel()
