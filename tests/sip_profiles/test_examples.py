"""Every message that a profile shows is run: what comes in means what it says, what goes out is what the peer wants."""

from __future__ import annotations

import pytest

from sip_profiles import loader
from sip_profiles.schema import Example
from tests.support.profiles import Bench

EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for name in loader.names()
    for number, example in enumerate(loader.examples(name), 1)
]


@pytest.mark.acceptance("TRK-6")
@pytest.mark.parametrize(("profile", "example"), EXAMPLES)
def test_an_example_of_a_profile_holds(profile: str, example: Example) -> None:
    bench = Bench(profile, example)
    if example.given:
        made = bench.heard(example.given)
        assert {key: made[key] for key in example.expect} == dict(example.expect)
    if example.sent:
        lines = bench.sent(example.call)
        missing = [line for line in example.sent if line not in lines]
        assert not missing, "\n".join(lines)


@pytest.mark.acceptance("TRK-6")
@pytest.mark.parametrize("name", [name for name in loader.names() if name not in ("generic", "open")])
def test_a_profile_shows_a_call_each_way(name: str) -> None:
    examples = loader.examples(name)
    assert any(example.given and example.expect for example in examples)
    assert any(example.call and example.sent for example in examples)


@pytest.mark.acceptance("TRK-6")
def test_the_presets_keep_what_their_makers_demand() -> None:
    teams, whatsapp, openai = (loader.carrier(name) for name in ("teams-direct-routing", "whatsapp", "openai-realtime"))
    assert (teams.transport.protocol, teams.media.srtp, teams.session.replaces) == ("tls", "sdes", False)
    assert not teams.failover.advance_after_ring
    assert [server.partition(".")[0] for server in teams.transport.servers] == ["sip", "sip2", "sip3"]
    assert not whatsapp.session.reinvite
    assert not whatsapp.outbound.pstn_bridge
    assert (whatsapp.session.timer, whatsapp.auth.challenge_inbound) == (0, True)
    assert (openai.transport.protocol, openai.session.refer) == ("tls", "bridge")
