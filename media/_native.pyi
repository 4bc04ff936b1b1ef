"""The media engine as built from `media/native`; the protocol it fulfils is `media.engine.MediaEngine`."""

from collections.abc import Sequence
from os import PathLike
from typing import final

from media.commands import Command
from media.events import Event, Reservation

COMMANDS: list[str]
EVENTS: list[str]

def level(file: bytes, most_ms: int, target: float, ceiling: float) -> tuple[bytes, int, float, float]: ...
def codec_libraries(plugins: Sequence[str]) -> list[tuple[str, str]]: ...

@final
class NativeEngine:
    def __new__(
        cls,
        listen: str,
        port_min: int,
        port_max: int,
        workers: int,
        record_root: str | PathLike[str],
        webrtc_port: int = 0,
        tcp_port: int = 0,
        plugins: Sequence[str] = (),
    ) -> NativeEngine: ...
    def reserve(self, kind: str, group: int, family: str = "") -> Reservation: ...
    def submit(self, batch: Sequence[Command]) -> int: ...
    def drain(self) -> list[Event]: ...
    def fileno(self) -> int: ...
    def now(self) -> float: ...
    def close(self) -> None: ...
