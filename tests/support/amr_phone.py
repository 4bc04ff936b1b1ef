"""A phone that speaks AMR: the program baresip with its module of that name. It dials once, sounds a tone
and keeps what it hears.

It takes AMR in octet-aligned form alone, so that it has to be the one who offers.
"""

from __future__ import annotations

import subprocess
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.support.audio import heard_tones, tone
from tests.support.switch import free_sip_port

PROGRAM = Path("/usr/bin/baresip")
MODULES = Path("/usr/lib/baresip/modules")
NEEDED = ("amr.so", "aufile.so", "sndfile.so", "aubridge.so")
FRAME = ("account.so", "menu.so")


def is_there() -> bool:
    return PROGRAM.is_file() and all((MODULES / name).is_file() for name in (*NEEDED, *FRAME))


@dataclass
class AmrPhone:
    """`codec` is baresip's: AMR-WB/16000/1 or AMR/8000/1. `number` at `domain` is dialled at once."""

    folder: Path
    domain: str
    codec: str
    number: str
    hertz: int
    port: int = field(default_factory=free_sip_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> AmrPhone:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "accounts").write_text(f"<sip:13800138000@{self.domain}>;audio_codecs={self.codec};regint=0\n")
        (self.folder / "contacts").write_text("")
        modules = "".join(f"module {name}\n" for name in NEEDED)
        (self.folder / "config").write_text(
            f"sip_listen 127.0.0.1:{self.port}\nnet_interface 127.0.0.1\n"
            f"audio_source aufile,{self._voice()}\naudio_player aubridge,nobody\naudio_alert aubridge,nobody\n"
            f"snd_path {self.folder}\n"
            f"ausrc_channels 1\nauplay_channels 1\nmodule_path {MODULES}\n{modules}module_tmp account.so\nmodule_app menu.so\n"
        )
        with (self.folder / "phone.log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(PROGRAM), "-f", str(self.folder), "-e", f"d sip:{self.number}@{self.domain}"],
                stdin=subprocess.PIPE, stdout=log, stderr=log,
            )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)

    def _voice(self) -> Path:
        """Half a minute of its tone, at the rate of its codec."""
        rate, path = int(self.codec.split("/")[1]), self.folder / "voice.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((tone(self.hertz, 30, rate) * 32767).astype("<i2").tobytes())
        return path

    def heard(self, tones: dict[str, float]) -> set[str]:
        """Which tones were in the last half second; after its end, when the file is whole."""
        with wave.open(str(next(self.folder.glob("dump-*-dec.wav")))) as file:
            rate = file.getframerate()
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
        return heard_tones(data[-rate // 2 :: rate // 8000], tones)

    @property
    def log(self) -> str:
        return (self.folder / "phone.log").read_text(errors="replace")
