"""FakeEngine: the protocol of the real engine without sound. Time is virtual, audio is sets of labels.

Every port and player has a label; `hears(port)` tells whose labels reach that ear, with the same routing rules as the engine.
It passes the same contract suite (`tests/media/contract.py`) and works with the same pump, by a descriptor that is readable
while events wait. Use it in virtual time (`advance`), or in a running loop (`follow`), where its time is the loop's.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import wave
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from media import commands as c
from media import events as e
from media.codecs import AUDIO
from media.errors import EngineClosed, NoCapacity
from media.fake_nodes import FakeBus, FakeInject, FakePlayer, FakePort, FakeRecorder, FakeTap, stream_ms

RESERVATION_SECONDS = 30.0
MAX_SOURCES, MAX_NODES = 64, 512
"""Sources of a port, and of a bus: whoever fits into its group."""
_RECEIVES = frozenset((c.Direction.SENDRECV, c.Direction.RECVONLY))
_SENDS = frozenset((c.Direction.SENDRECV, c.Direction.SENDONLY))


class _RefusedError(Exception):
    """A command cannot be carried out; the message is the reason word of CommandFailed."""


class FakeEngine:
    """See the module. Owned by one thread, like the real one.

    `auto_media`: a port that is opened and may receive reports `MediaStarted` (after ICE and DTLS, where agreed) at once.
    `record_files`: recordings become real silent WAV files of the right length. `prompt_ms` gives lengths by file stem and
    makes such prompts exist without a file.
    """

    def __init__(
        self,
        *,
        address: str = "127.0.0.1",
        first_port: int = 20000,
        max_ports: int = 2500,
        auto_media: bool = True,
        record_files: bool = True,
        prompt_ms: Mapping[str, int] | None = None,
    ) -> None:
        self.now = 0.0
        self.batches: list[tuple[c.Command, ...]] = []
        self.ports: dict[int, FakePort] = {}
        self.auto_media = auto_media
        self._address = address
        self._next_port = first_port
        self._max_ports = max_ports
        self._record_files = record_files
        self._prompt_ms = dict(prompt_ms or {})
        self._prompts: dict[int, tuple[str, int]] = {}
        self._buses: dict[int, FakeBus] = {}
        self._players: dict[int, FakePlayer] = {}
        self._recorders: dict[int, FakeRecorder] = {}
        self.taps: dict[int, FakeTap] = {}
        self.injects: dict[int, FakeInject] = {}
        self._reservations: dict[int, tuple[float, int, c.PortKind]] = {}
        self._labels: dict[int, str] = {}
        self._used: set[int] = set()
        self._failures: list[tuple[str, str]] = []
        self._events: list[e.Event] = []
        self._tokens = itertools.count(1)
        self._draining = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_started = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    # -- the protocol -------------------------------------------------------------------------------------------------------

    def reserve(self, kind: c.PortKind, group: int, family: str = "") -> e.Reservation:
        """Gives out the next port pair, or single port. Raises NoCapacity when draining or full."""
        self._enter()
        self._reservations = {
            token: entry for token, entry in self._reservations.items() if entry[0] + RESERVATION_SECONDS > self.now
        }
        if self._draining or len(self.ports) + len(self._reservations) >= self._max_ports:
            raise NoCapacity("draining" if self._draining else "no_capacity")
        token, port = next(self._tokens), self._next_port
        self._next_port += 2
        self._reservations[token] = (self.now, group, c.PortKind(kind))
        rtcp_port = port + 1 if kind == c.PortKind.RTP else 0
        return e.Reservation(token, self._address, port, rtcp_port, ssrc=0x10000 + token)

    def submit(self, batch: Sequence[c.Command]) -> int:
        """Applies a batch at once, in order; failures become events."""
        self._enter()
        self.batches.append(tuple(batch))
        seq = len(self.batches)
        for index, command in enumerate(batch):
            name = type(command).__name__
            try:
                self._injected_failure(name)
                _APPLY[type(command)](self, command)
            except _RefusedError as refused:
                target = getattr(command, command.__slots__[0]) if command.__slots__ else 0
                self._emit(e.CommandFailed(seq, index, name, target, str(refused)))
        self._schedule()
        return seq

    def drain(self) -> list[e.Event]:
        """Everything since the last call."""
        if self._events and not self._closed:
            os.eventfd_read(self._eventfd)
        events, self._events = self._events, []
        return events

    def fileno(self) -> int:
        """The event descriptor."""
        return self._eventfd

    def close(self) -> None:
        """Ends everything without further events; idempotent."""
        if not self._closed:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            os.close(self._eventfd)

    # -- time ---------------------------------------------------------------------------------------------------------------

    def advance(self, ms: float) -> None:
        """Lets virtual time pass; players end on their way. Not together with `follow`."""
        self._run_until(self.now + ms / 1000)

    def follow(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes time from a loop, real or virtual, from now on."""
        self._loop, self._loop_started = loop, loop.time() - self.now
        self._schedule()

    def _enter(self) -> None:
        if self._closed:
            raise EngineClosed("the fake engine is closed")
        if self._loop is not None:
            self._run_until(self._loop.time() - self._loop_started)

    def _run_until(self, then: float) -> None:
        while (due := self._next_due()) is not None and due[0] <= then:
            ends, node = due
            self.now = max(self.now, ends)
            if node in self._players:
                self._end_player(node, "done")
            else:
                self._reach_mark(node)
        self.now = max(self.now, then)
        self._schedule()

    def _schedule(self) -> None:
        if self._loop is None or self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._next_due()
        if due is not None and due[0] < float("inf"):
            self._timer = self._loop.call_at(self._loop_started + due[0], self._due)

    def _next_due(self) -> tuple[float, int] | None:
        """When which player ends, or which inject reaches a mark."""
        players = [(each.ends, number) for number, each in self._players.items()]
        marks = [(each.marks[0][0], number) for number, each in self.injects.items() if each.marks]
        return min([*players, *marks], default=None)

    def _due(self) -> None:
        """The deadline itself is reached even if the clock reads a rounding error before it."""
        self._timer = None
        if self._loop is not None:
            self._run_until(self._loop.time() - self._loop_started + 1e-6)

    # -- what tests ask and do ----------------------------------------------------------------------------------------------

    def label(self, node: int, name: str) -> None:
        """Names a port or player for `hears`; without it a port is `port:ID` and a player the stems of its prompts."""
        self._labels[node] = name

    def hears(self, port: int) -> set[str]:
        """The labels that reach the ear of a port."""
        return set(self.levels(port))

    def levels(self, port: int) -> dict[str, float]:
        """The same with the gain of each in dB, the highest when a label arrives by two ways."""
        node = self.ports.get(port)
        if node is None or node.command.direction not in _SENDS:
            return {}
        if node.udptl:
            faxes = [each for each in node.sources if each in self.ports and self.ports[each].udptl]
            return {self._labels.get(faxes[0], f"port:{faxes[0]}"): 0.0} if len(faxes) == 1 else {}
        return self._heard(node.sources, port, node.group)

    def records(self, recorder: int) -> tuple[set[str], ...]:
        """What each channel of a live recorder hears now; nothing while paused."""
        live = self._recorders[recorder]
        if live.paused:
            return tuple(set() for _ in live.channels)
        return tuple(set(self._heard(sources, recorder, live.command.group)) for sources in live.channels)

    def tapped(self, tap: int) -> set[str]:
        """The labels that a live tap hears."""
        live = self.taps[tap]
        sources, listener = live.sources, tap
        if live.ear:
            port = self.ports.get(live.ear)
            sources, listener = (port.sources if port is not None else {}), live.ear
        return set(self._heard(sources, listener, live.command.group))

    def hear(self, tap: int, data: bytes) -> None:
        """A chunk comes out of a tap."""
        self._emit(e.TapAudio(tap, self.now, data))

    def recorder_marks(self, recorder: int) -> tuple[str, ...]:
        """The marks set on a live recorder."""
        return tuple(self._recorders[recorder].marks)

    def send_digits(self, port: int, digits: str, *, way: str = "rfc4733", duration: int = 100) -> None:
        """The party at `port` presses keys."""
        self._enter()
        for digit in digits:
            self._emit(e.Dtmf(port, digit, duration, way, self.now))
            for player in [number for number, each in self._players.items() if port in each.command.until_digit_of]:
                self._end_player(player, "digit")
        self._schedule()

    def talk(self, port: int, *, level: float = -20.0) -> None:
        """The party at `port` begins to talk: told where speech is detected, and prompts that yield to it stop."""
        self._enter()
        detect = self.ports[port].detect
        if detect is not None and detect.speech:
            self._emit(e.Talking(port, self.now, level))
        for player in [number for number, each in self._players.items() if port in each.command.until_talk_of]:
            self._end_player(player, "talk")
        self._schedule()

    def fall_silent(self, port: int, talk_ms: int = 1000) -> None:
        """The party at `port` has talked for `talk_ms` and is quiet."""
        self._enter()
        detect = self.ports[port].detect
        if detect is not None and detect.speech:
            self._emit(e.Silent(port, self.now, talk_ms))

    def sound_tone(self, port: int, tone: str, *, hertz: float = 425.0, duration: int = 1000) -> None:
        """The far end of `port` sounds a call-progress tone, told where such are detected."""
        self._enter()
        detect = self.ports[port].detect
        if detect is not None and detect.progress:
            self._emit(e.ToneHeard(port, hertz, self.now, duration, tone))

    def mute(self, port: int, *, silent: bool = True) -> None:
        """The party at `port` stops to make any sound, or starts again."""
        self.ports[port].speaks = not silent

    def fail_next(self, command: str, reason: str) -> None:
        """The next command of that name is refused."""
        self._failures.append((command, reason))

    def emit(self, event: e.Event) -> None:
        """Injects any event: MediaLost, IceState, RecordDegraded, PortFailed …"""
        if isinstance(event, e.PortFailed):
            self.ports.pop(event.port, None)
        self._emit(event)

    def degrade(self, recorder: int, reason: str = "disk_full") -> None:
        """The disk of a recorder is full: it ends by itself as `degraded`."""
        self._emit(e.RecordDegraded(recorder, reason))
        self._end_recorder(recorder, "degraded")

    @property
    def live(self) -> dict[str, int]:
        """How many nodes are left: the leak check of a test."""
        return {
            "ports": len(self.ports),
            "buses": len(self._buses),
            "players": len(self._players),
            "recorders": len(self._recorders),
            "taps": len(self.taps),
            "injects": len(self.injects),
        }

    # -- commands -----------------------------------------------------------------------------------------------------------

    def _open_port(self, command: c.OpenPort) -> None:
        reserved = self._reservations.get(command.token)
        if reserved is None or reserved[0] + RESERVATION_SECONDS <= self.now:
            raise _RefusedError("bad_token")
        self._take_id(command.port)
        if not command.codecs or command.codecs[0].name not in AUDIO:
            raise _RefusedError("codec_unsupported")
        del self._reservations[command.token]
        self.ports[command.port] = FakePort(command, reserved[1])
        self._emit(e.PortOpened(command.port))
        if self.auto_media:
            self.start_media(command.port)

    def start_media(self, port: int) -> None:
        """The first packet of a port's party arrives, after ICE and DTLS where agreed."""
        command = self.ports[port].command
        if command.ice is not None:
            self._emit(e.IceState(port, "connected", "192.0.2.1:4000"))
        if command.dtls is not None:
            self._emit(e.DtlsState(port, "connected", "AEAD_AES_256_GCM"))
        if command.direction in _RECEIVES:
            remote = command.remote or ("192.0.2.1", 4000)
            self._emit(e.MediaStarted(port, f"{remote[0]}:{remote[1]}", command.codecs[0].name, port, True, self.now))

    def _update_port(self, command: c.UpdatePort) -> None:
        node = self._port(command.port)
        node.update(command)

    def _close_port(self, command: c.ClosePort) -> None:
        if self.ports.pop(command.port, None) is not None:
            self._emit(e.PortClosed(command.port, "closed", e.PortStats()))

    def _move_port(self, command: c.MovePort) -> None:
        node = self._port(command.port)
        node.group, node.sources = command.group, {}

    def _listen(self, command: c.Listen) -> None:
        tap = self.taps.get(command.listener)
        if tap is not None:
            self._check_sources(command.sources, tap.command.group)
            tap.sources, tap.ear = dict(command.sources), 0
            return
        listener = self.ports.get(command.listener) or self._buses.get(command.listener)
        if listener is None:
            raise _RefusedError("unknown_id")
        self._check_sources(command.sources, listener.group, MAX_NODES if isinstance(listener, FakeBus) else MAX_SOURCES)
        listener.sources = dict(command.sources)

    def _open_bus(self, command: c.OpenBus) -> None:
        self._take_id(command.bus)
        self._buses[command.bus] = FakeBus(command.group)

    def _close_bus(self, command: c.CloseBus) -> None:
        self._buses.pop(command.bus, None)

    def _load_prompt(self, command: c.LoadPrompt) -> None:
        path = Path(command.path)
        duration = self._prompt_ms.get(path.stem)
        if duration is None:
            try:
                with wave.open(str(path)) as file:
                    duration = file.getnframes() * 1000 // file.getframerate()
            except (OSError, wave.Error, EOFError):
                self._emit(e.PromptFailed(command.prompt, "file_error"))
                return
        self._prompts[command.prompt] = (path.stem, duration)
        self._emit(e.PromptLoaded(command.prompt, duration))

    def _drop_prompt(self, command: c.DropPrompt) -> None:
        self._prompts.pop(command.prompt, None)

    def _play(self, command: c.Play) -> None:
        nothing = not (command.prompts or command.tone or command.stream)
        if nothing or any(prompt not in self._prompts for prompt in command.prompts):
            raise _RefusedError("unknown_id")
        self._take_id(command.player)
        length = sum(self._prompts[prompt][1] for prompt in command.prompts) + stream_ms(command.stream)
        endless = command.loop or not (command.prompts or command.stream)
        ends = float("inf") if endless else self.now + max(length - command.offset, 0) / 1000
        self._players[command.player] = FakePlayer(
            command, self.now, ends, length / 1000, command.offset / 1000, since=self.now
        )  # fmt: skip
        names = [self._prompts[prompt][0] for prompt in command.prompts]
        stems = "+".join([*names, Path(command.stream).stem] if command.stream else names)
        tone = "" if command.tone is None else f"tone:{'+'.join(f'{hertz:g}' for hertz in command.tone.hertz)}"
        self._labels.setdefault(command.player, stems or tone)

    def _control_play(self, command: c.ControlPlay) -> None:
        player = self._players.get(command.player)
        if player is not None:
            player.control(command, self.now)

    def _stop_play(self, command: c.StopPlay) -> None:
        if command.player in self._players:
            self._end_player(command.player, "stopped")

    def _send_dtmf(self, command: c.SendDtmf) -> None:
        self._port(command.port).dtmf_sent += command.digits

    def _detect(self, command: c.Detect) -> None:
        self._port(command.port).detect = command

    def _record(self, command: c.Record) -> None:
        for sources in command.channels:
            self._check_sources(sources, command.group)
        if self._record_files and not Path(command.path).parent.is_dir():
            raise _RefusedError("file_error")
        self._take_id(command.recorder)
        if self._record_files:
            Path(f"{command.path}.part").write_bytes(b"")
        self._recorders[command.recorder] = FakeRecorder(command, self.now, command.channels)
        self._emit(e.RecordStarted(command.recorder, command.path, self.now))

    def _control_record(self, command: c.ControlRecord) -> None:
        live = self._recorders.get(command.recorder)
        if live is None:
            raise _RefusedError("unknown_id")
        if command.channels is not None:
            for sources in command.channels:
                self._check_sources(sources, live.command.group)
            live.channels = command.channels
        if command.pause is not None:
            live.paused = command.pause
        if command.mark:
            live.marks.append(command.mark)

    def _stop_record(self, command: c.StopRecord) -> None:
        if command.recorder in self._recorders:
            self._end_recorder(command.recorder, "complete")

    def _open_tap(self, command: c.OpenTap) -> None:
        self._check_sources(command.sources, command.group)
        if command.chunk % 20 or not 20 <= command.chunk <= 200:
            raise _RefusedError("limit")
        self._take_id(command.tap)
        self.taps[command.tap] = FakeTap(command, dict(command.sources), command.ear)

    def _close_tap(self, command: c.CloseTap) -> None:
        self.taps.pop(command.tap, None)

    def _open_inject(self, command: c.OpenInject) -> None:
        self._take_id(command.inject)
        self.injects[command.inject] = FakeInject(command, self.now)

    def _inject(self, command: c.Inject) -> None:
        live = self._live_inject(command.inject)
        octets = live.command.rate / 1000 * (1 if live.command.encoding == "pcmu" else 2)
        begins = max(live.ends, self.now)
        ends = begins + len(command.pcm) / octets / 1000
        if (ends - self.now) * 1000 > live.command.queue:
            raise _RefusedError("limit")
        live.pcm += command.pcm
        live.ends = ends
        if command.mark:
            live.marks.append((ends, command.mark))
            self._run_until(self.now)

    def _clear_inject(self, command: c.ClearInject) -> None:
        live = self._live_inject(command.inject)
        live.ends = self.now
        while live.marks:
            self._reach_mark(command.inject)

    def _close_inject(self, command: c.CloseInject) -> None:
        self.injects.pop(command.inject, None)

    def _live_inject(self, inject: int) -> FakeInject:
        live = self.injects.get(inject)
        if live is None:
            raise _RefusedError("unknown_id")
        return live

    def _reach_mark(self, inject: int) -> None:
        live = self.injects[inject]
        _, mark = live.marks.pop(0)
        waiting = max(0.0, live.ends - self.now)
        played = (self.now - live.opened) * 1000
        self._emit(e.InjectPosition(inject, mark, round(played), round(waiting * 1000)))

    def _sample(self, command: c.Sample) -> None:
        node = self._port(command.port)
        received = round(self.now * 50) if node.speaks else 0
        self._emit(e.Stats(command.port, e.PortStats(packets_received=received, codec=node.command.codecs[0].name)))

    def _dump(self, command: c.Dump) -> None:
        ports = {number: {"group": node.group, "sources": dict(node.sources)} for number, node in self.ports.items()}
        self._emit(e.Dumped(command.target, json.dumps({"ports": ports, **self.live}, default=str)))

    def _drain(self, command: c.Drain) -> None:
        del command
        self._draining = True

    # -- inside -------------------------------------------------------------------------------------------------------------

    def _port(self, number: int) -> FakePort:
        node = self.ports.get(number)
        if node is None:
            raise _RefusedError("unknown_id")
        return node

    def _take_id(self, number: int) -> None:
        if number in self._used:
            raise _RefusedError("duplicate_id")
        self._used.add(number)

    def _injected_failure(self, name: str) -> None:
        for failure in self._failures:
            if failure[0] == name:
                self._failures.remove(failure)
                raise _RefusedError(failure[1])

    def _group_of(self, node: int) -> int | None:
        if node in self._players:
            return self._players[node].command.group
        if node in self.injects:
            return self.injects[node].command.group
        owner = self.ports.get(node) or self._buses.get(node)
        return None if owner is None else owner.group

    def _check_sources(self, sources: Mapping[int, float], group: int, most: int = MAX_SOURCES) -> None:
        if len(sources) > most:
            raise _RefusedError("limit")
        if any(self._group_of(source) not in {None, group} for source in sources):
            raise _RefusedError("cross_group")

    def _heard(self, sources: Mapping[int, float], listener: int, group: int) -> dict[str, float]:
        heard: dict[str, float] = {}
        for source, gain in sources.items():
            if self._group_of(source) != group:
                continue  # an absent source is silence
            if source in self._buses:
                others = {each: level for each, level in self._buses[source].sources.items() if each != listener}
                found = {name: level + gain for name, level in self._heard(others, listener, group).items()}
            else:
                found = {self._labels.get(source, f"port:{source}"): gain} if self._sounds(source) else {}
            for name, level in found.items():
                heard[name] = max(level, heard.get(name, level))
        return heard

    def _sounds(self, source: int) -> bool:
        player = self._players.get(source)
        if player is not None:
            return not player.paused
        node = self.ports.get(source)
        return node is None or (node.speaks and not node.udptl and node.command.direction in _RECEIVES)

    def _end_player(self, player: int, reason: str) -> None:
        ended = self._players.pop(player)
        self._emit(e.PlayEnded(player, reason, ended.played_ms(self.now)))

    def _end_recorder(self, recorder: int, verdict: str) -> None:
        ended = self._recorders.pop(recorder)
        command = ended.command
        duration = round((self.now - ended.started) * 1000)
        size, digest = 0, ""
        if self._record_files:
            size, digest = _write_silence(Path(command.path), len(command.channels), command.rate, duration)
        self._emit(e.RecordEnded(recorder, command.path, duration, size, digest, verdict))

    def _emit(self, event: e.Event) -> None:
        if not self._events:
            os.eventfd_write(self._eventfd, 1)
        self._events.append(event)


def _write_silence(path: Path, channels: int, rate: int, duration: int) -> tuple[int, str]:
    """A silent PCM16 file of `duration` ms in place of the `.part` file; returns its octets and SHA-256."""
    part = Path(f"{path}.part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * channels * (rate * duration // 1000)))
    part.rename(path)
    content = path.read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()


_APPLY: dict[type, Callable[[FakeEngine, Any], None]] = {
    c.OpenPort: FakeEngine._open_port,
    c.UpdatePort: FakeEngine._update_port,
    c.ClosePort: FakeEngine._close_port,
    c.MovePort: FakeEngine._move_port,
    c.Listen: FakeEngine._listen,
    c.OpenBus: FakeEngine._open_bus,
    c.CloseBus: FakeEngine._close_bus,
    c.LoadPrompt: FakeEngine._load_prompt,
    c.DropPrompt: FakeEngine._drop_prompt,
    c.Play: FakeEngine._play,
    c.ControlPlay: FakeEngine._control_play,
    c.StopPlay: FakeEngine._stop_play,
    c.SendDtmf: FakeEngine._send_dtmf,
    c.Detect: FakeEngine._detect,
    c.Record: FakeEngine._record,
    c.ControlRecord: FakeEngine._control_record,
    c.StopRecord: FakeEngine._stop_record,
    c.OpenTap: FakeEngine._open_tap,
    c.CloseTap: FakeEngine._close_tap,
    c.OpenInject: FakeEngine._open_inject,
    c.Inject: FakeEngine._inject,
    c.ClearInject: FakeEngine._clear_inject,
    c.CloseInject: FakeEngine._close_inject,
    c.Sample: FakeEngine._sample,
    c.Dump: FakeEngine._dump,
    c.Drain: FakeEngine._drain,
}
