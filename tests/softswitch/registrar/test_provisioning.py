"""Phones and the files with their settings: the right one, to the right device, with a password of its own."""

from __future__ import annotations

import hashlib
from typing import Any
from xml.dom import minidom

import pytest

from signalling import commands as sip
from signalling.auth import ha1
from sip_profiles import phones
from softswitch.directory.model import Extension, Kind, Phone
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import ManualClock
from softswitch.model.errors import NotFound
from softswitch.registrar.provisioning import Provisioning
from softswitch.registrar.service import Registrar

MAC = "001565aabbcc"


def _derived(purpose: str) -> bytes:
    return hashlib.sha256(purpose.encode()).digest()


def _made(*items: Phone, sent: list[sip.Command] | None = None) -> Provisioning:
    clock = ManualClock()
    extension = Extension(number="1001", name='Li <"&>')
    snapshot = Snapshot.of([(Kind.EXTENSION, extension), *((Kind.PHONE, item) for item in items)])
    registrar = Registrar(clock, lambda _event: None)
    submit = (sent if sent is not None else []).append
    return Provisioning(lambda: snapshot, registrar, submit, _derived, (5061, "tls"), clock, "softswitch")


def _get(made: Provisioning, phone: Phone, **changed: Any) -> str:
    asked = {"token": made.token(phone), "name": phones.file_name(phones.phone(phone.profile), phone.mac), **changed}
    agent = asked.pop("agent", "Vendor T54W/1.0")
    return made.file(asked["token"], asked["name"], base="https://pbx.example.com", address="192.0.2.9", agent=agent).content


@pytest.mark.parametrize("profile", phones.names())
def test_a_phone_gets_its_login_and_no_markup_of_its_name(profile: str) -> None:
    phone = Phone(mac=MAC, extension="1001", profile=profile)
    made = _made(phone)
    text = _get(made, phone)
    assert made.secret(phone) in text and "1001-001565aabbcc" in text and "pbx.example.com" in text
    assert "$" not in text
    if phones.phone(profile).provisioning.escape == "xml":
        minidom.parseString(text)
        assert 'Li <"' not in text


def test_only_who_knows_the_address_and_came_first_gets_the_file() -> None:
    phone = Phone(mac=MAC, extension="1001")
    made = _made(phone)
    assert len(made.token(phone)) == 32
    for wrong in ({"token": "0" * 32}, {"name": "ffffffffffff.cfg"}):
        with pytest.raises(NotFound):
            _get(made, phone, **wrong)
    _get(made, phone)
    _get(made, phone, agent="Vendor T54W/2.0")
    with pytest.raises(NotFound):
        _get(made, phone, agent="curl/8")
    assert made.views()[0]["address"] == "192.0.2.9"


def test_a_device_logs_in_by_its_own_password_and_a_new_generation_shuts_it_out() -> None:
    phone, later = Phone(mac=MAC, extension="1001"), Phone(mac=MAC, extension="1001", generation=2)
    made, renewed = _made(phone), _made(later)
    found = made.credentials(f"1001-{MAC}")
    assert found is not None and found.policy.name == "1001"
    assert found.ha1["SHA-256"] == ha1("SHA-256", f"1001-{MAC}", "softswitch", made.secret(phone))
    after = renewed.credentials(f"1001-{MAC}")
    assert made.credentials("1002-001565aabbcc") is None
    assert made.token(phone) != renewed.token(later)
    assert after is not None and after.ha1 != found.ha1
    with pytest.raises(NotFound):
        _get(renewed, later, token=made.token(phone))


def test_a_file_does_not_show_in_a_log() -> None:
    phone = Phone(mac=MAC, extension="1001")
    made = _made(phone)
    file = made.file(made.token(phone), f"{MAC}.cfg", base="https://x", address="", agent="")
    assert made.secret(phone) not in repr(file)
