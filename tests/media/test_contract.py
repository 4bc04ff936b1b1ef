"""FakeEngine keeps the contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media.commands import Direction, OpenPort, Play, PortKind, Tone
from media.events import Event, PortOpened
from media.fake import FakeEngine
from tests.media.contract import NAMES, PCMU, EngineContract


@dataclass
class FakeRig:
    """The fake in virtual time; sounds are labels."""

    engine: FakeEngine
    folder: Path
    seen: list[Event] = field(default_factory=list)

    def party(self, port, group, *, direction=Direction.SENDRECV):
        token = self.engine.reserve(PortKind.RTP, group).token
        self.engine.label(port, NAMES[port])
        self.engine.submit([OpenPort(port, token, PCMU, direction)])
        self.wait(PortOpened, port)

    def music(self, player, group):
        self.engine.label(player, "music")
        return Play(player, group, tone=Tone((440.0,)))

    def press(self, port, digits):
        self.engine.send_digits(port, digits)

    def talk(self, port):
        self.engine.talk(port)

    def pass_time(self, ms):
        self.engine.advance(ms)

    def hears(self, port):
        return self.engine.hears(port)

    def wait(self, kind, node=None):
        self.seen += self.engine.drain()
        for index, event in enumerate(self.seen):
            if isinstance(event, kind) and node in {None, getattr(event, next(iter(event.__dataclass_fields__)))}:
                del self.seen[: index + 1]
                return event
        raise AssertionError(f"no {kind.__name__} among {self.seen}")


class TestFakeEngine(EngineContract):
    """The contract on the fake."""

    @pytest.fixture
    def rig(self, tmp_path):
        rig = FakeRig(FakeEngine(), tmp_path)
        yield rig
        rig.engine.close()
