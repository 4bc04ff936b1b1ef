"""Tokens of the widget: bound to a destination, a web site and a network, for one call, and not for long."""

from __future__ import annotations

import base64
import itertools
import json

import pytest

from softswitch.features.click_to_call import TOKEN_SECONDS, ClickRules, Clicks
from softswitch.model.clock import ManualClock
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden

SHOP = "https://shop.example"
TO = Destination.parse("queue:sales")
HOME = "203.0.113.9"


def _clicks(key: bytes = b"k" * 32) -> tuple[Clicks, ManualClock]:
    clock, numbers = ManualClock(), itertools.count()
    return Clicks(clock, lambda: f"t{next(numbers)}", key), clock


def test_a_token_says_where_to() -> None:
    clicks, clock = _clicks()
    token, expires = clicks.issue(TO, SHOP + "/")
    assert expires == clock.utc() + TOKEN_SECONDS and TOKEN_SECONDS <= 120
    assert clicks.verify(token, "https://Shop.example").to == TO


def test_it_is_a_json_web_token_that_anybody_with_the_key_can_check() -> None:
    clicks, _ = _clicks()
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in clicks.issue(TO, SHOP, HOME)[0].split(".")[:2]
    )
    assert header == {"alg": "EdDSA", "typ": "JWT"}
    assert (claims["dest"], claims["net"], claims["max_duration"]) == ("queue:sales", "203.0.113.0/24", 1800)


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


def test_it_is_good_for_one_call() -> None:
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    ticket = clicks.redeem(token, SHOP, HOME)
    assert clicks.spent(ticket.id) == ticket
    for use in (clicks.redeem, clicks.verify):
        with pytest.raises(Forbidden, match="used"):
            use(token, SHOP, HOME)


def test_it_leads_to_no_other_destination() -> None:
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    for wanted in ("queue:vip", "outside:0013105551234", "vip"):
        with pytest.raises(Forbidden, match="another destination"):
            clicks.redeem(token, SHOP, HOME, wanted)
    assert clicks.redeem(token, SHOP, HOME, "queue:sales").to == TO, "a refusal spends nothing"


@pytest.mark.parametrize(
    ("issued", "used", "fits"),
    [
        ("203.0.113.9", "203.0.113.200", True),
        ("203.0.113.9", "203.0.114.9", False),
        ("2001:db8:0:100::1", "2001:db8:0:1ff::9", True),
        ("2001:db8::1", "203.0.113.9", False),
        ("", "198.51.100.1", True),
    ],
)
def test_it_stays_in_the_network_that_it_was_made_for(issued: str, used: str, fits: bool) -> None:
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP, issued)
    if fits:
        assert clicks.verify(token, SHOP, used).to == TO
    else:
        with pytest.raises(Forbidden, match="another network"):
            clicks.verify(token, SHOP, used)


def test_the_fourth_call_of_an_address_in_a_minute_is_refused() -> None:
    clicks, clock = _clicks()
    for _ in range(3):
        clicks.redeem(clicks.issue(TO, SHOP)[0], SHOP, HOME)
    fourth = clicks.issue(TO, SHOP)[0]
    with pytest.raises(Forbidden, match="too many"):
        clicks.redeem(fourth, SHOP, HOME)
    clicks.redeem(clicks.issue(TO, SHOP)[0], SHOP, "198.51.100.1")
    clock.advance(60)
    clicks.redeem(fourth, SHOP, HOME)


def test_all_pages_together_have_a_cap() -> None:
    clicks, _ = _clicks()
    clicks.rules = ClickRules(calls=2)
    clicks.live = lambda: 2
    with pytest.raises(Forbidden, match="web pages"):
        clicks.redeem(clicks.issue(TO, SHOP)[0], SHOP, HOME)


async def test_a_hook_may_ask_whether_a_person_is_there() -> None:
    clicks, _ = _clicks()
    await clicks.check_person("", HOME)

    async def solved(said: str, _address: str) -> bool:
        return said == "traffic lights"

    clicks.captcha = solved
    await clicks.check_person("traffic lights", HOME)
    with pytest.raises(Forbidden, match="captcha"):
        await clicks.check_person("", HOME)


@pytest.mark.parametrize(
    "spoil",
    [lambda t: t[:-2], lambda t: "A" + t, lambda t: "", lambda t: "a.b", lambda t: "ü.ü", lambda t: t.replace(".", "", 1)],
)
def test_what_is_forged_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    clicks, _ = _clicks()
    token, _ = clicks.issue(TO, SHOP)
    with pytest.raises(Forbidden):
        clicks.verify(spoil(token), SHOP)


def test_a_key_of_another_process_is_not_ours() -> None:
    clicks, _ = _clicks()
    token, _ = _clicks(b"x" * 32)[0].issue(TO, SHOP)
    with pytest.raises(Forbidden):
        clicks.verify(token, SHOP)
