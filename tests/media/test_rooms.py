"""What a room asks of the engine."""

from __future__ import annotations

from media.commands import OpenBus
from media.fake import FakeEngine
from media.service import MediaService


def test_a_room_asks_for_level_control_and_gate() -> None:
    engine = FakeEngine()
    media = MediaService(engine)
    plain = media.open_bus(1)
    levelled = media.open_bus(2, agc=True, gate=True)
    asked = [command for batch in engine.batches for command in batch]
    assert asked == [OpenBus(plain, 1), OpenBus(levelled, 2, 5, agc=True, gate=True)]
