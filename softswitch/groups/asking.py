"""Who answers an outside number is asked to press 1 before the call is joined: a mailbox of the carrier cannot."""

from __future__ import annotations

import asyncio

from media.commands import Listen
from media.errors import MediaError
from media.player import Playback
from media.service import MediaService
from softswitch.legs import base
from softswitch.legs.base import Leg

PROMPT, TAKES = "take-call", "1"
TIMES = 3


async def ask(media: MediaService, leg: Leg, language: str) -> bool:
    """Plays the question to this leg alone until a key is pressed; whether it takes the call. The caller sets the limit."""
    pressed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def heard(event: base.LegEvent) -> None:
        if pressed.done():
            return
        match event:
            case base.DigitPressed(digit=digit):
                pressed.set_result(digit == TAKES)
            case base.Ended() | base.PortFailed():
                pressed.set_result(False)

    leg.listener = heard
    speaking = asyncio.get_running_loop().create_task(_speak(media, leg, language))
    try:
        return await pressed
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        leg.listener = base.ignore


async def _speak(media: MediaService, leg: Leg, language: str) -> None:
    prompt = await media.prompts.load(PROMPT, language)
    for _ in range(TIMES if prompt is not None else 0):
        playback = Playback(media.pump, media.ids.next(), leg.group)
        media.pump.submit([*playback.command([prompt or 0]), Listen(leg.port, {playback.id: 0.0})])
        try:
            await playback.finished()
        except MediaError:
            return
        finally:
            media.pump.submit(playback.stop_command() if leg.is_ended else [*playback.stop_command(), Listen(leg.port, {})])
        await asyncio.sleep(1.0)
