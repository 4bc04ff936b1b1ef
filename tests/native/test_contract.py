"""The native engine keeps the contract: real sockets on loopback, parties told apart by their tones."""

from __future__ import annotations

import select
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import media._native  # noqa: F401 -- a missing build must fail here, not be skipped
from media.commands import Direction, OpenPort, Play, PortKind, Tone
from media.engine import MediaEngine, native_engine
from media.events import Event, PortOpened
from tests.media.contract import NAMES, PCMU, EngineContract
from tests.native.parties import Clock, Party

TONES = {"customer": 500.0, "agent": 700.0, "supervisor": 900.0, "music": 1100.0}


@dataclass
class NativeRig:
    """The engine with its own clock, on 127.0.0.1."""

    engine: MediaEngine
    folder: Path
    clock: Clock
    seen: list[Event] = field(default_factory=list)

    def party(self, port, group, *, direction=Direction.SENDRECV):
        reservation = self.engine.reserve(PortKind.RTP, group)
        party = self.clock.parties[port] = Party(TONES[NAMES[port]])
        self.engine.submit([OpenPort(port, reservation.token, PCMU, direction, remote=party.address)])
        self.wait(PortOpened, port)
        party.remote = ("127.0.0.1", reservation.port)

    def music(self, player, group):
        return Play(player, group, tone=Tone((TONES["music"],), level=-12.0))

    def press(self, port, digits):
        for digit in digits:
            self.clock.parties[port].press(digit)
        time.sleep(0.25 * len(digits))

    def talk(self, port):
        self.clock.parties[port].breathe()  # a tone without a dip would be the noise of the line

    def pass_time(self, ms):
        time.sleep(ms / 1000)

    def hears(self, port):
        return self.clock.hears(port, TONES)

    def wait(self, kind, node=None):
        deadline = time.monotonic() + 3
        while True:
            for index, event in enumerate(self.seen):
                if isinstance(event, kind) and node in {None, getattr(event, next(iter(event.__dataclass_fields__)))}:
                    del self.seen[: index + 1]
                    return event
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind.__name__} among {self.seen}"
            if select.select([self.engine.fileno()], [], [], left)[0]:
                self.seen += self.engine.drain()


class TestNativeEngine(EngineContract):
    """The contract on the Rust engine."""

    @pytest.fixture
    def rig(self, tmp_path):
        rig = NativeRig(native_engine("127.0.0.1", 31000, 31998, 1, str(tmp_path)), tmp_path, Clock())
        yield rig
        rig.clock.stop()
        rig.engine.close()
