"""The certificates of all listeners: what they are for, until when, and how new files are taken without a restart."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509

from signalling.transports.tls import Certificate, ServerTls, subject_names
from softswitch.model.clock import Clock
from softswitch.model.errors import Invalid

log = structlog.get_logger("certificates")

LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Held:
    """One certificate file as it is now."""

    chain: str
    names: tuple[str, ...]
    until: datetime


class Certificates:
    """Owned by the loop. `sip` and `http` are None where nothing of the kind listens with TLS."""

    def __init__(
        self, clock: Clock, *, sip: Sequence[Certificate] = (), http: Sequence[Certificate] = (), client_ca: str = ""
    ) -> None:
        """Raises OSError, ssl.SSLError or ValueError for a file that cannot be used."""
        self._clock = clock
        self._files = tuple(dict.fromkeys((*sip, *http)))
        self.sip = ServerTls(sip, client_ca) if sip else None
        self.http = ServerTls(http) if http else None
        self._held = self._read()

    def reload(self) -> None:
        """Take all files anew; connections live on. Raises Invalid when one cannot be used: the former ones stay then."""
        try:
            for tls in (self.sip, self.http):
                if tls is not None:
                    tls.reload()
            self._held = self._read()
        except (OSError, ValueError) as fault:  # ssl.SSLError is an OSError
            log.error("! certificates not taken", error=_told(fault))
            raise Invalid("certificates", _told(fault)) from fault
        log.info("= certificates taken", names=[name for held in self._held for name in held.names])

    def views(self) -> list[Mapping[str, Any]]:
        """{file, names, until} of each, `until` as UTC epoch seconds."""
        return [{"file": held.chain, "names": list(held.names), "until": held.until.timestamp()} for held in self._held]

    async def follow(self) -> None:
        """Task: takes files that have changed."""
        tried: tuple[object, ...] = ()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            used = [tls for tls in (self.sip, self.http) if tls is not None]
            now = tuple(tls.stamp for tls in used)
            if now != tried and any(tls.changed for tls in used):  # half a pair may be written: the next change tries again
                tried = now
                with contextlib.suppress(Invalid):  # logged; what was loaded goes on
                    self.reload()

    def _read(self) -> tuple[Held, ...]:
        found = []
        for certificate in self._files:
            pem = certificate.chain.read_bytes()
            until = x509.load_pem_x509_certificate(pem).not_valid_after_utc
            found.append(Held(str(certificate.chain), subject_names(pem), until))
        return tuple(found)


class Ends:
    """When the certificates in a few files end, by what they are used for. Files are read when they have changed."""

    def __init__(self, files: Callable[[], Mapping[str, str]], clock: Clock) -> None:
        """`files`: what a certificate is for ("http", "trunk teams", "stir") → the file of its chain."""
        self._files = files
        self._clock = clock
        self._read: dict[str, tuple[int, datetime | None]] = {}

    def days(self) -> Mapping[str, float]:
        """What → days that are left, negative when it is over. A file that cannot be read is another alarm's affair."""
        now, found = self._clock.utc(), {}
        for what, file in self._files().items():
            until = self._until(file)
            if until is not None:
                found[what] = (until.timestamp() - now) / 86_400
        return found

    def _until(self, file: str) -> datetime | None:
        path = Path(file)
        try:
            stamp = path.stat().st_mtime_ns
            if self._read.get(file, (None,))[0] != stamp:
                chain = x509.load_pem_x509_certificates(path.read_bytes())
                self._read[file] = stamp, min(each.not_valid_after_utc for each in chain)
        except (OSError, ValueError):
            return None
        return self._read[file][1]


def _told(fault: Exception) -> str:
    if isinstance(fault, ssl.SSLError) and fault.reason:
        return fault.reason.replace("_", " ").lower()
    return str(fault)
