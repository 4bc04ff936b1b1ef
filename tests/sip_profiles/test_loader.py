"""Carrier profiles: what they say, what they inherit and how a mistake is reported."""

from pathlib import Path

import pytest

from sip_profiles import loader
from sip_profiles.loader import ProfileError


def test_generic_sets_no_limits() -> None:
    profile = loader.carrier("generic")
    assert profile.limits.channels == 0
    assert profile.limits.max_duration == 14400
    assert profile.media.codecs == ("PCMA", "PCMU", "G722", "OPUS")
    assert profile.transport.protocol == "udp"
    assert profile.health.options == 0


@pytest.mark.parametrize("name", loader.names())
def test_every_shipped_profile_loads(name: str) -> None:
    assert loader.carrier(name).name


def test_a_profile_keeps_what_it_does_not_change(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text('extends = "generic"\nname = "Acme"\n[limits]\nchannels = 30\n')
    profile = loader.load(path)
    assert (profile.name, profile.limits.channels, profile.limits.max_duration) == ("Acme", 30, 14400)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "A"\n[limits]\nchanels = 3\n', "acme.toml:3: limits.chanels: expected one of channels"),
        ('name = "A"\n\nlimits = { channels = "3" }\n', "acme.toml:3: limits.channels: expected a whole number, got '3'"),
        ("[limits]\nchannels = -1\n", "acme.toml:2: limits.channels: expected 0 or more, got -1"),
        ("[media]\ncodecs = 'PCMA'\n", "acme.toml:2: media.codecs: expected a list of strings, got 'PCMA'"),
        ("[transport]\nprotocol = 'sctp'\n", "acme.toml:2: transport.protocol: expected one of udp tcp tls auto, got 'sctp'"),
        ("[outbound]\ndisplay = 1\n", "acme.toml:2: outbound.display: expected true or false, got 1"),
        ("media = 7\n", "acme.toml:1: media: expected a table, got 7"),
        ('extends = "nobody"\n', "nobody.toml: expected one of the profiles"),
    ],
)
def test_a_mistake_names_file_line_key_and_expectation(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(text)
    with pytest.raises(ProfileError) as caught:
        loader.load(path)
    assert message in str(caught.value)


def test_profiles_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "b"\n')
    (tmp_path / "b.toml").write_text('extends = "a"\n')
    with pytest.raises(ProfileError, match="extends: expected a chain that ends"):
        loader.load(tmp_path / "a.toml")


def test_a_trunk_overrides_its_profile() -> None:
    profile = loader.overridden(loader.carrier("generic"), {"limits": {"channels": 2}, "outbound": {"prefix": "9"}})
    assert (profile.limits.channels, profile.outbound.prefix) == (2, "9")
    assert loader.carrier("generic").limits.channels == 0


def test_a_profile_name_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("", "utf-8")
    for name in (str(tmp_path / "own"), "../carriers/generic"):
        with pytest.raises(ProfileError, match="expected one of the profiles"):
            loader.carrier(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tls]\nclient_cert = "a.pem"\n', "acme.toml:2: tls.client_cert: expected tls.certificate, got"),
        ("[auth]\nchallenge = 407\n", "acme.toml:2: auth.challenge: expected nothing: calls are challenged with 401"),
        ("[auth]\nallow_no_qop = true\n", "acme.toml:2: auth.allow_no_qop: expected nothing: a login without qop"),
        ('[auth]\nsecret = "x"\n', "auth.secret: expected the trunk's own key `password`"),
        ('[outbound]\nfrom = "account"\n', "outbound.from: expected outbound.sender"),
        ('[media]\nringback = "auto"\n', "media.ringback: expected media.early_media"),
        ('[tls]\nmin = "1.1"\n', "tls.min: expected one of 1.2 1.3, got '1.1'"),
        ('[auth]\ndigest = ["MD4"]\n', "auth.digest: expected some of SHA-512-256 SHA-256 MD5, got 'MD4'"),
        ('[media]\nt38 = "on"\n', "media.t38: expected one of off accept gateway, got 'on'"),
    ],
)
def test_what_others_write_is_refused_with_what_to_write_here(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(f'schema = 1\nextends = "generic"\nname = "Acme"\n{text}')
    with pytest.raises(ProfileError) as fault:
        loader.load(path)
    assert message.removeprefix("acme.toml:2: ") in str(fault.value)


def test_every_section_may_stand_in_an_apply_file() -> None:
    from softswitch.directory.grammar import SECTIONS
    from softswitch.directory.model import Kind

    assert SECTIONS[Kind.TRUNK] == (
        "transport", "tls", "auth", "health", "limits", "gateway", "inbound", "outbound", "session", "media", "failover",
    )  # fmt: skip
