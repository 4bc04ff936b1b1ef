"""What phones of five makers ask for and get, as their profiles say it themselves."""

import re
from xml.dom import minidom

import pytest

from sip_profiles import phones
from sip_profiles.phone_schema import PhoneExample
from softswitch.registrar.devices import Devices, Fetch
from softswitch.registrar.provisioning import TRANSPORTS

EXAMPLES = [(name, example) for name in phones.names() for example in phones.examples(name)]


def test_every_maker_has_one() -> None:
    assert {name for name, _ in EXAMPLES} == set(phones.names())


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_what_a_phone_asks_for_and_gets(name: str, example: PhoneExample) -> None:
    profile = phones.phone(name)
    assert phones.file_name(profile, example.mac) == example.file
    assert profile.provisioning.content_type == example.content_type
    assert profile.features.check_sync == example.sync
    values = {"transport": "tls", **TRANSPORTS["tls"], **{key: str(value) for key, value in example.given.items()}}
    text = phones.render(name, values)
    places = [text.find(line) for line in example.lines]
    assert -1 not in places, [line for line, place in zip(example.lines, places, strict=True) if place < 0]
    assert places == sorted(places)
    if profile.provisioning.escape == "xml":
        minidom.parseString(text.encode())


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_a_phone_is_known_by_what_it_calls_itself(name: str, example: PhoneExample) -> None:
    """Its User-Agent is that of the profile, and where it tells a MAC another phone's file is refused."""
    pattern = phones.phone(name).vendor.user_agent
    assert re.search(pattern, example.agent), pattern
    devices = Devices(b"key", lambda: "123456")

    def fetch(mac: str) -> Fetch:
        return devices.fetch(mac, 1, agent=example.agent, address="192.0.2.1", pin="", now=0.0)

    assert fetch(example.mac) is Fetch.GIVEN
    names_mac = example.mac in re.sub("[:-]", "", example.agent).lower()
    assert fetch("00aa00bb00cc") is (Fetch.REFUSED if names_mac else Fetch.GIVEN)
