"""Checks of the machine that say what to do: ports, addresses, disk, files, certificate, clock, codecs, limits.

They take plain values, so that the command line (before a start) and the status page (while running) use the same ones.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from softswitch.model.address import Listen, PortRange

LOW_DISK = 1 << 30  # an hour of one stereo recording is 115 MB
CALL_HOUR = {"wav": 115_200_000, "opus": 12_000_000}
"""Octets of an hour of a recorded conversation of two sides at 8 kHz: WAV exactly, Ogg/Opus as measured with speech."""
BUDGET_CHANNELS, BUDGET_DAYS = 60, 31
"""What the disk is measured against: this many conversations at any time, day and night, kept for so long."""
WANTED_FILES = 4096  # a WebRTC leg needs two sockets, a SIP leg two, a recording one
OLDEST_CLOCK = datetime(2025, 1, 1, tzinfo=UTC)  # a clock before this release was never set
CERTIFICATE_WARNING = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Check:
    """`advice` says what to do and is empty when all is well."""

    name: str
    ok: bool
    text: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """A switch that runs: its process id, and where it listens, as written in the settings."""

    process: int
    ports: frozenset[str]


def examine(
    *,
    sip: Sequence[Listen],
    http: Listen,
    media_host: str,
    media_ports: PortRange,
    data_dir: Path,
    certificate: str = "",
    key: str = "",
    certificates: Sequence[tuple[str, str]] = (),
    codecs: Iterable[str] | None = None,
    running: bool = False,
    own: Running | None = None,
    recording: str = "wav",
    keep_days: int = BUDGET_DAYS,
    turn: Sequence[str] = (),
    turn_secret: str = "",
    libraries: Mapping[str, str] | None = None,
    wanted: Sequence[str] = (),
) -> list[Check]:
    """All checks. `running`: this process is the switch and holds the ports, so they are not tried. `codecs` None: no engine.

    `libraries`: codecs without their library and why, None: none is used; `wanted`: the codecs that are configured.
    `own`: the switch that runs on the data directory, whose ports are in use as they should be.
    """
    checks = [] if running else [_port(listen, own) for listen in (*sip, http)]
    checks.append(_media_ports(media_host, media_ports, running=running or own is not None))
    checks.extend((_data_dir(data_dir), _disk(data_dir, recording), _budget(data_dir, recording, keep_days)))
    checks.extend((_key_file(data_dir), _clock(), _open_files(), _codecs(codecs)))
    if libraries is not None:
        checks.append(_libraries(libraries, wanted))
    if turn:
        checks.append(_turn(turn, turn_secret))
    if certificate or key:
        checks.append(_certificate(certificate, key))
    checks.extend(_certificate(chain, private, f"certificate {chain}") for chain, private in certificates)
    return checks


def _port(listen: Listen, own: Running | None) -> Check:
    name = f"port {listen}"
    kind = socket.SOCK_DGRAM if listen.transport == "udp" else socket.SOCK_STREAM
    try:
        _bind(listen.host, listen.port, kind)
    except OSError as error:
        if own is not None and str(listen) in own.ports and error.errno == errno.EADDRINUSE:
            return Check(name, True, f"in use by this switch (process {own.process})")
        return Check(name, False, _reason(error), _port_advice(error, listen.host, listen.port))
    return Check(name, True, "free")


def _bind(host: str, port: int, kind: socket.SocketKind) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _port_advice(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Another program has port {port}: stop it (ss -lpn 'sport = :{port}' shows it) or listen on another port."
    if error.errno == errno.EACCES:
        return f"Ports below 1024 need the right cap_net_bind_service, or choose a port above instead of {port}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine (ip address shows them)."
    return "Check the address and the port."


def _media_ports(host: str, ports: PortRange, *, running: bool) -> Check:
    """Tries a few ports of the range; while running some are in use by calls, which is well."""
    name, count = "media ports", ports.last - ports.first + 1
    step = max(1, count // 16)
    tried = range(ports.first, ports.last + 1, step)
    taken = []
    for port in tried:
        try:
            _bind(host, port, socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return Check(name, False, _reason(error), _port_advice(error, host, port))
            taken.append(port)
    text = f"{ports} on {host}, {count} ports"
    if taken and not running:
        return Check(name, False, f"{text}; in use: {taken[0]} …", "Choose a range that no other program uses (media.ports).")
    return Check(name, True, text)


def _data_dir(path: Path) -> Check:
    name = f"data directory {path}"
    nearest = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        return Check(name, False, f"{nearest} is not a directory", "Choose another data_dir.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, False, "not writable", f"Give the switch's user the directory: chown -R USER {nearest}")
    return Check(name, True, "writable" if path.exists() else "will be made")


def _free(path: Path) -> int:
    nearest = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    return shutil.disk_usage(nearest).free


def _budget(path: Path, recording: str, keep_days: int) -> Check:
    """What 60 channels need, for each form, beside what is free. It fits or not: no reason to refuse a start."""
    free, days = _free(path), keep_days or BUDGET_DAYS
    hours = BUDGET_CHANNELS * 24 * days
    forms = "; ".join(f"{name} {size / 1e6:.0f} MB an hour, {hours * size / 1e9:.0f} GB" for name, size in CALL_HOUR.items())
    fits = hours * CALL_HOUR[recording] <= free
    text = (
        f"{BUDGET_CHANNELS} conversations around the clock for {days} days: {forms}; {free / 1e9:.0f} GB free, "
        f"recordings.format is {recording}: {'fits' if fits else 'fits not'}, enough for "
        f"{free / CALL_HOUR[recording] / days / 24:.0f} at any time"
    )
    return Check("recording budget", True, text)


def _disk(path: Path, recording: str) -> Check:
    free = _free(path)
    hours = free / CALL_HOUR[recording]
    text = f"{free / 2**30:.1f} GiB free, about {hours:.0f} hours of recordings"
    if free < LOW_DISK:
        return Check(
            "disk", False, text, "Free some space or lower recordings.keep_days; without space calls go on unrecorded."
        )
    return Check("disk", True, text)


def _key_file(path: Path) -> Check:
    """The key of the stored secrets must be readable by the switch's user only."""
    file = path / "secret.key"
    if not file.exists():
        return Check("key file", True, "will be made")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return Check("key file", False, f"{file} has mode {mode:o}", f"Others can read it: chmod 600 {file}")
    if not os.access(file, os.R_OK):
        return Check("key file", False, f"{file} is not readable", "Run the switch as the user that owns the file.")
    return Check("key file", True, "readable by its owner only")


def _clock() -> Check:
    now = datetime.fromtimestamp(time.time(), UTC)
    if now < OLDEST_CLOCK:
        return Check("clock", False, f"it says {now:%Y-%m-%d}", "Set the clock: timedatectl set-ntp true")
    return Check("clock", True, f"{now:%Y-%m-%d %H:%M:%S} UTC")


def _open_files() -> Check:
    import resource  # noqa: PLC0415 - only on Unix

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < WANTED_FILES:
        return Check(
            "open files", False, f"at most {hard}", f"Raise the limit to {WANTED_FILES} or more (LimitNOFILE= of the unit)."
        )
    return Check("open files", True, f"{soft} now, up to {hard}")


def _codecs(names: Iterable[str] | None) -> Check:
    if names is None:
        return Check("codecs", False, "the media engine is not built", "Run script/setup.")
    listed = sorted(names)
    missing = [name for name in ("OPUS", "PCMA", "PCMU") if name not in listed]
    if missing:
        return Check("codecs", False, f"missing: {' '.join(missing)}", "Build the engine again: script/setup")
    return Check("codecs", True, " ".join(listed))


def _libraries(missing: Mapping[str, str], wanted: Sequence[str]) -> Check:
    """G.729, AMR and iLBC are coded by libraries of the system; what is configured and not there is never agreed on."""
    reasons = "; ".join(missing.values())
    if any(name in missing for name in wanted):
        return Check(
            "codec libraries",
            False,
            reasons,
            "Install it, and say in media.plugins where it is (auto: where the system has it).",
        )
    return Check("codec libraries", True, f"not there: {reasons}" if reasons else "all there")


def _turn(servers: Sequence[str], secret: str) -> Check:
    """Passwords that are made without the server's secret are refused by it, and nobody but the browser notices."""
    text = " ".join(servers)
    if secret:
        return Check("TURN", True, text)
    return Check("TURN", False, f"{text} without a secret", "Set media.turn_secret to the server's static-auth-secret.")


def _certificate(certificate: str, key: str, name: str = "certificate") -> Check:
    if not (certificate and key):
        return Check(name, False, "only one of the two files is set", "Set both http.tls_cert and http.tls_key.")
    try:
        found = x509.load_pem_x509_certificate(Path(certificate).read_bytes())
        private = load_pem_private_key(Path(key).read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        return Check(name, False, str(error), "Both files must be readable PEM, the key without a password.")
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if found.public_key().public_bytes(*spki) != private.public_key().public_bytes(*spki):
        return Check(
            name, False, "certificate and key do not belong together", "Use the key that the certificate was made with."
        )
    left = found.not_valid_after_utc - datetime.fromtimestamp(time.time(), UTC)
    text = f"valid until {found.not_valid_after_utc:%Y-%m-%d}"
    if left < CERTIFICATE_WARNING:
        return Check(name, False, text, "Renew the certificate.")
    return Check(name, True, text)
