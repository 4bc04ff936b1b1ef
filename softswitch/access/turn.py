"""STUN and TURN servers for browsers, with passwords that end by themselves (draft-uberti-behave-turn-rest-00).

The user name is the time at which it ends and who it is for; the password is its HMAC-SHA1 under the secret that the TURN
server shares with us (coturn: `use-auth-secret`, `static-auth-secret`). Nothing is stored, and the server need not be told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

from softswitch.config.settings import MediaSettings

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.@-]")


def ice_servers(settings: MediaSettings, who: str, now: float) -> list[Mapping[str, Any]]:
    """What a page gives to `RTCPeerConnection` as `iceServers`; `now` is UTC. Empty when no server is configured."""
    servers: list[Mapping[str, Any]] = []
    if settings.stun:
        servers.append({"urls": [f"stun:{settings.stun}"]})
    if settings.turn:
        username, credential = credentials(settings.turn_secret, who, now + settings.turn_hours * 3600)
        servers.append({"urls": list(settings.turn), "username": username, "credential": credential})
    return servers


def credentials(secret: str, who: str, until: float) -> tuple[str, str]:
    """User name and password that are good until then, in seconds of UTC."""
    username = f"{int(until)}:{_NOT_IN_A_NAME.sub('_', who)}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()
