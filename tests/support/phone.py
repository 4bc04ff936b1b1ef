"""A baresip phone as a test sees it: registers, dials, answers, holds; sends a tone and tells which tones it hears."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from tests.support.audio import Samples, heard_tones
from tests.support.switch import free_sip_port


class PhoneError(Exception):
    """What the phone reported; `status` is the SIP status, when there was one."""

    def __init__(self, kind: str, status: int | None, text: str) -> None:
        super().__init__(f"{kind} {status}: {text}")
        self.kind = kind
        self.status = status


@dataclass
class Phone:
    """`domain` is host:port of the switch."""

    PROCESS: ClassVar[str] = "tests.support.phone_process"
    user: str
    password: str
    domain: str
    hertz: float
    codecs: tuple[str, ...] = ("pcmu", "pcma")
    port: int = field(default_factory=free_sip_port)
    transport: str = "udp"
    encryption: str = ""
    """baresip's mediaenc: srtp, srtp-mand, dtls_srtp; "" is plain RTP."""
    process: subprocess.Popen[str] | None = None

    def options(self) -> dict[str, Any]:
        """What its process is told."""
        return {
            "user": self.user, "password": self.password, "domain": self.domain, "hertz": self.hertz, "codecs": self.codecs,
            "port": self.port, "transport": self.transport, "encryption": self.encryption,
        }  # fmt: skip

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.PROCESS, json.dumps(self.options())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._read()
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(5)

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process is not None and self.process.stdout is not None
        for line in self.process.stdout:
            if not line.startswith("{"):  # the stack's own output
                continue
            reply = json.loads(line)
            if "error" in reply:
                raise PhoneError(reply["error"], reply["status"], reply["text"])
            found: dict[str, Any] = reply["ok"]
            return found
        raise AssertionError("the phone process ended")

    def dial(self, number: str, **more: Any) -> None:
        self.do(
            "dial",
            uri=f"sip:{number}@{self.domain}" + (f";transport={self.transport}" if self.transport != "udp" else ""),
            **more,
        )

    def state(self) -> str:
        return str(self.do("state")["state"])

    def audio(self, seconds: float = 1.0) -> Samples:
        """The last seconds of what the phone heard, 8 kHz."""
        return np.frombuffer(bytes.fromhex(self.do("heard", seconds=seconds)["pcm"]), "<i2").astype(np.float64) / 32768

    def hears(self, tones: dict[str, float], seconds: float = 1.0) -> set[str]:
        return heard_tones(self.audio(seconds), tones)
