"""What command line and running switch share: the rules of apply files, applying, the doctor's checks, links to print."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from media.codecs import LIBRARY
from media.engine import codec_libraries, is_built
from signalling.transports.tls import Certificate
from softswitch.acd.strategies import STRATEGIES
from softswitch.bootstrap import presence
from softswitch.config.problems import Problem, Refused
from softswitch.config.settings import Settings
from softswitch.directory.apply import ApplyFile, Rules, read_apply_file
from softswitch.directory.secrets import LocalSources, NoSources, Sources
from softswitch.directory.service import Directory
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.flow import validate_flow
from softswitch.model.address import Listen
from softswitch.model.destination import Destination
from softswitch.observe import doctor

_REACHED_BY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what to dial where one listens on all


def rules_of(settings: Settings, sources: Sources) -> Rules:
    return Rules(realm=settings.sip.realm, flow=validate_flow, strategies=tuple(STRATEGIES), sources=sources)


def operator_as_set(text: str) -> Destination | None:
    """The destination of `features.operator`, which loading has checked; None for nobody."""
    return Destination.parse(text) if text else None


def read_file(path: Path, settings: Settings, base: Snapshot | None = None, *, prune: bool = False) -> ApplyFile:
    """Reads and checks an apply file of this machine. Raises Refused."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused([Problem(str(path), 0, "", f"expected a readable TOML file, got: {error}")]) from error
    return read_apply_file(text, str(path), rules_of(settings, LocalSources(path.parent)), base, prune=prune)


async def apply_file(directory: Directory, settings: Settings, path: Path, actor: str) -> dict[str, str]:
    """`softswitch run --apply FILE`: applies without deletions; returns the secrets that were made. Raises Refused."""
    base = directory.current()
    file = await asyncio.to_thread(read_file, path, settings, base)
    return await directory.apply(file, file.plan(base), actor)


async def apply_text(directory: Directory, settings: Settings, text: str, filename: str, *, dry_run: bool, actor: str) -> Any:
    """`POST /apply`: `{"plan": […], "errors": […], "secrets": {…}}`. Such a text cannot read files or the environment here."""
    base = directory.current()
    try:
        file = await asyncio.to_thread(read_apply_file, text, filename, rules_of(settings, NoSources()), base)
    except Refused as refused:
        errors = [{"line": p.line, "field": p.key, "reason": p.text, "text": str(p)} for p in refused.problems]
        return {"plan": [], "errors": errors, "secrets": {}}
    plan = file.plan(base)
    made = {} if dry_run else await directory.apply(file, plan, actor)
    return {"plan": plan.items(), "errors": [], "secrets": made}


def missing_codecs(plugins: Sequence[str]) -> dict[str, str]:
    """Codecs that this machine cannot do, and why: their libraries are not there, or are not to be used."""
    if not is_built():
        return {}
    return {name: reason for name, reason in codec_libraries(plugins).items() if reason}


def checks_of(settings: Settings, *, running: bool, codecs: Iterable[str] | None) -> list[doctor.Check]:
    """The doctor's checks for these settings. They touch sockets and files: a few ms, in a thread when the switch runs."""
    media = settings.media
    ports = (("udp", media.webrtc_port), ("tcp", media.tcp_port))
    host = media.listen.partition(",")[0]
    for_browsers = [Listen(transport, host, port) for transport, port in ports if port]
    return doctor.examine(
        sip=(*settings.sip.listen, *for_browsers), http=settings.http.listen, media_host=host, media_ports=media.ports,
        data_dir=settings.data_dir, certificate=settings.http.tls_cert, key=settings.http.tls_key, codecs=codecs,
        certificates=[(str(each.chain), str(each.key)) for each in map(Certificate.parse, _certificates(settings))],
        running=running, own=None if running else presence.running(settings.data_dir), recording=settings.recordings.format,
        keep_days=settings.recordings.keep_days, turn=media.turn, turn_secret=media.turn_secret,
        libraries=missing_codecs(media.plugins) if media.plugins or LIBRARY & set(media.codecs) else None, wanted=media.codecs,
    )  # fmt: skip


def _certificates(settings: Settings) -> tuple[str, ...]:
    """Those of SIP, and the one that signs calling numbers."""
    return (*settings.sip.tls_certificates, *filter(None, (settings.stir.certificate,)))


def page_address(settings: Settings) -> str:
    """Where a browser on this machine finds the pages, without a slash at the end."""
    listen = settings.http.listen
    host = _REACHED_BY.get(listen.host, f"[{listen.host}]" if ":" in listen.host else listen.host)
    return f"{'https' if settings.http.tls_cert else 'http'}://{host}:{listen.port}"


def sign_in_link(settings: Settings, code: str) -> str:
    return f"{page_address(settings)}/login#code={code}"
