"""What the settings `recordings.*` say, as the objects that do it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from softswitch.config.settings import RecordingsSettings
from softswitch.recordings.depot import Depot, DepotSettings, open_depot
from softswitch.recordings.keeper import Form
from softswitch.recordings.vault import KeyRing


def recordings_as_set(settings: RecordingsSettings) -> tuple[Form, Depot | None]:
    """The form of new recordings, and the store where they go. Raises OSError that names the setting."""
    if settings.fallback:
        Path(settings.fallback).mkdir(mode=0o700, parents=True, exist_ok=True)
    container: Literal["wav", "opus"] = "opus" if settings.format == "opus" else "wav"
    form = Form(
        container=container, ring=_ring(settings), beep_ms=round(settings.pause_beep * 1000),
        notice_ms=round(settings.notice_beep * 1000),
    )  # fmt: skip
    return form, _depot(settings)


def _ring(settings: RecordingsSettings) -> KeyRing:
    lines = settings.keys.replace(",", " ").split()
    if settings.key_file:
        lines += Path(settings.key_file).read_text(encoding="ascii").splitlines()
    try:
        return KeyRing.of(lines)
    except ValueError as fault:
        raise OSError(f"recordings.keys: {fault}") from fault


def _depot(settings: RecordingsSettings) -> Depot | None:
    if not settings.store:
        return None
    wanted = DepotSettings(
        url=settings.store, endpoint=settings.store_endpoint, region=settings.store_region, key=settings.store_key,
        secret=settings.store_secret,
    )  # fmt: skip
    try:
        return open_depot(wanted)
    except (ValueError, ImportError) as fault:
        raise OSError(str(fault)) from fault
