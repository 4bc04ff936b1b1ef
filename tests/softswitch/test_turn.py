"""Passwords for TURN that end by themselves: the vector of the draft's recipe, and what a page gets."""

from __future__ import annotations

import base64
import hashlib
import hmac

from softswitch.access.turn import credentials, ice_servers
from softswitch.config.settings import MediaSettings

NOW = 1_700_000_000.5


def test_nothing_is_told_without_servers() -> None:
    assert ice_servers(MediaSettings(), "li", NOW) == []


def test_a_page_gets_a_name_that_ends_and_its_password() -> None:
    urls = ("turn:turn.example:3478", "turns:turn.example:443?transport=tcp")
    settings = MediaSettings(stun="stun.example:3478", turn=urls, turn_secret="north", turn_hours=2)
    stun, turn = ice_servers(settings, "li", NOW)
    assert stun == {"urls": ["stun:stun.example:3478"]}
    assert turn["urls"] == list(urls)
    assert turn["username"] == "1700007200:li"
    digest = hmac.new(b"north", b"1700007200:li", hashlib.sha1).digest()
    assert base64.b64decode(turn["credential"]) == digest


def test_a_login_cannot_forge_another_end() -> None:
    name, _ = credentials("north", "9999999999:li", 5)
    assert name == "5:9999999999_li"
