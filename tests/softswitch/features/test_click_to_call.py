"""Tokens of the widget: bound to a destination and a web site, and not for long."""

from __future__ import annotations

import pytest

from softswitch.features.click_to_call import TOKEN_SECONDS, Clicks
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden

SHOP = "https://shop.example"
TO = Destination.parse("queue:sales")


def _clicks() -> tuple[Clicks, ManualClock]:
    clock = ManualClock()
    return Clicks(b"k" * 32, clock), clock


def test_a_token_says_where_to() -> None:
    clicks, clock = _clicks()
    token, expires = clicks.issue(TO, SHOP + "/")
    assert expires == clock.utc() + TOKEN_SECONDS
    assert clicks.verify(token, "https://Shop.example") == TO


def test_it_ends() -> None:
    clicks, clock = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    clock.advance(TOKEN_SECONDS + 1)
    with pytest.raises(Forbidden, match="expired"):
        clicks.verify(token, SHOP)


def test_another_site_may_not_use_it() -> None:
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    for origin in ("https://evil.example", "http://shop.example", ""):
        with pytest.raises(Forbidden, match="another web site"):
            clicks.verify(token, origin)


@pytest.mark.parametrize("spoil", [lambda t: t[:-2], lambda t: "A" + t, lambda t: "", lambda t: "a.b", lambda t: "ü.ü"])
def test_what_is_forged_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    with pytest.raises(Forbidden):
        clicks.verify(spoil(token), SHOP)


def test_a_key_of_another_process_is_not_ours() -> None:
    clicks, clock = _clicks()
    token, _ = Clicks(b"x" * 32, clock).issue(TO, SHOP)
    with pytest.raises(Forbidden):
        clicks.verify(token, SHOP)
