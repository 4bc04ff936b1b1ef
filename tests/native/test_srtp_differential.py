"""SDES ports of the native engine against libsrtp: a phone behind pylibsrtp and a plain one hear each other."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pylibsrtp import Error, Policy, Session

import media._native  # noqa: F401 -- a missing build must fail here, not be skipped
from media.commands import ClosePort, Listen, OpenPort, PayloadMap, PortKind, Sdes
from media.engine import MediaEngine, native_engine
from media.events import PortClosed, PortStats
from tests.native.parties import Clock, Party

PROFILES = {
    "AES_CM_128_HMAC_SHA1_80": (Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    "AES_CM_128_HMAC_SHA1_32": (Policy.SRTP_PROFILE_AES128_CM_SHA1_32, 30),
    "AEAD_AES_128_GCM": (Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
    "AEAD_AES_256_GCM": (Policy.SRTP_PROFILE_AEAD_AES_256_GCM, 44),
}
TONES = {"secure": 500.0, "plain": 700.0}
SECURE, PLAIN, GROUP = 1, 2, 10
PCMU = (PayloadMap("PCMU", 0, 8000),)


class SecureParty(Party):
    """A phone behind libsrtp. It starts just before its sequence number wraps."""

    def __init__(self, hertz: float, profile: int, send: bytes, receive: bytes) -> None:
        super().__init__(hertz)
        self._sequence = 65_510
        self._out = Session(Policy(send, Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        self._in = Session(Policy(receive, Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        self.refused = 0

    def _packet(self) -> bytes:
        return self._out.protect(super()._packet())

    def _receive(self, packet: bytes, now: float) -> None:
        try:
            super()._receive(self._in.unprotect(packet), now)
        except Error:
            self.refused += 1


class Scene:
    """Both phones in one group."""

    def __init__(self, folder: Path) -> None:
        self.engine: MediaEngine = native_engine("127.0.0.1", 33000, 33998, 1, str(folder))
        self.clock = Clock()

    def connect(self, port: int, party: Party, sdes: Sdes | None = None) -> None:
        reservation = self.engine.reserve(PortKind.RTP, GROUP)
        self.engine.submit([OpenPort(port, reservation.token, PCMU, remote=party.address, sdes=sdes)])
        party.remote = ("127.0.0.1", reservation.port)
        self.clock.parties[port] = party

    def close_port(self, port: int) -> PortStats:
        self.engine.submit([ClosePort(port)])
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            for event in self.engine.drain():
                if isinstance(event, PortClosed) and event.port == port:
                    return event.stats
            time.sleep(0.01)
        raise AssertionError("the port does not close")


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.clock.stop()
    scene.engine.close()


def phones(scene: Scene, name: str, *, right_key: bool = True) -> SecureParty:
    profile, length = PROFILES[name]
    ours, theirs = secrets.token_bytes(length), secrets.token_bytes(length)
    expected = theirs if right_key else secrets.token_bytes(length)
    secure = SecureParty(TONES["secure"], profile, send=theirs, receive=ours)
    scene.connect(SECURE, secure, Sdes(name, ours, expected))
    scene.connect(PLAIN, Party(TONES["plain"]))
    scene.engine.submit([Listen(SECURE, {PLAIN: 0.0}), Listen(PLAIN, {SECURE: 0.0})])
    return secure


@pytest.mark.parametrize("name", PROFILES)
def test_libsrtp_and_the_engine_understand_each_other(scene: Scene, name: str) -> None:
    secure = phones(scene, name)
    time.sleep(0.8)  # over the wrap of the sequence number
    assert scene.clock.hears(PLAIN, TONES) == {"secure"}
    assert scene.clock.hears(SECURE, TONES) == {"plain"}
    stats = scene.close_port(SECURE)
    assert (stats.srtp_failures, secure.refused) == (0, 0)
    assert stats.packets_received > 50


def test_packets_under_another_key_are_silence_and_counted(scene: Scene) -> None:
    phones(scene, "AES_CM_128_HMAC_SHA1_80", right_key=False)
    assert scene.clock.hears(PLAIN, TONES) == set()
    assert scene.close_port(SECURE).srtp_failures > 10
