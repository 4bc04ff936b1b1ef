"""A word to the agent alone before the caller is joined: which queue the call comes from (call-centre.md §3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from media.commands import Listen
from media.errors import MediaError
from media.player import Playback
from media.service import MediaService
from softswitch.legs.base import Leg

log = structlog.get_logger("acd")


async def whisper(media: MediaService, leg: Leg, names: Sequence[str], language: str) -> None:
    """Plays the first of the prompts that exists to this leg and to nobody else; returns when it has been heard."""
    prompt = await _first(media, names, language)
    if prompt is None or leg.is_ended:
        return
    playback = Playback(media.pump, media.ids.next(), leg.group)
    media.pump.submit([*playback.command([prompt]), Listen(leg.port, {playback.id: 0.0})])
    try:
        await playback.finished()
    except MediaError as fault:
        log.warning("! whisper not played", leg=leg.id, error=str(fault))
    finally:
        batch = playback.stop_command()
        media.pump.submit([*batch, Listen(leg.port, {})] if not leg.is_ended else batch)


async def _first(media: MediaService, names: Sequence[str], language: str) -> int | None:
    for name in names:
        if (prompt := await media.prompts.load(name, language)) is not None:
            return prompt
    return None
