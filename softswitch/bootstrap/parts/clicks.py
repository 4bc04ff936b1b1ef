"""Who may call from web pages: limits as set, and the captcha service that is asked first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import structlog

from softswitch.features.click_to_call import Captcha, ClickRules, Clicks

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

log = structlog.get_logger("clicks")
CAPTCHA_SECONDS = 5.0


async def build(node: Node) -> Clicks:
    clicks, settings = node.switch.clicks, node.settings.click_to_call
    clicks.rules = ClickRules(per_minute=settings.per_minute, calls=settings.calls)
    if settings.captcha_url:
        session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        node.on_close_async(session.close)
        clicks.captcha = captcha(session, settings.captcha_url, settings.captcha_secret)
    return clicks


def captcha(session: aiohttp.ClientSession, url: str, secret: str) -> Captcha:
    """Asks as reCAPTCHA, hCaptcha and Turnstile are asked. A service that does not answer says no: it is there to keep out."""

    async def solved(said: str, address: str) -> bool:
        form = {"secret": secret, "response": said, "remoteip": address}
        try:
            async with (
                asyncio.timeout(CAPTCHA_SECONDS),
                session.post(url, data=form, allow_redirects=False) as response,
            ):
                answer = await response.json(content_type=None)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as fault:
            log.warning("! captcha service does not answer", reason=str(fault) or type(fault).__name__)
            return False
        return isinstance(answer, dict) and answer.get("success") is True

    return solved
