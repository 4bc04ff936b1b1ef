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
from softswitch.registrar.devices import PIN_TRIES, Device
from softswitch.registrar.provisioning import PinWantedError, Provisioning
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
    agent, pin = asked.pop("agent", "Vendor T54W/1.0"), asked.pop("pin", "")
    file = made.file(asked["token"], asked["name"], base="https://pbx.example.com", address="192.0.2.9", agent=agent, pin=pin)
    return file.content


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


def test_a_pin_lets_one_device_in_and_is_used_up() -> None:
    phone = Phone(mac=MAC, extension="1001")
    made = _made(phone)
    pin, until = made.issue_pin(MAC)
    assert len(pin) == 6 and pin.isdigit() and until > 0
    assert (made.views()[0]["pin"], made.views()[0]["device"]) == ("waiting", "")
    for wrong in ("", "000000" if pin != "000000" else "1"):
        with pytest.raises(PinWantedError):
            _get(made, phone, pin=wrong)
    assert made.secret(phone) in _get(made, phone, pin=pin)
    assert _get(made, phone)  # the device that is bound needs none
    with pytest.raises(NotFound):
        _get(made, phone, agent="Other/1", pin=pin)
    assert (made.views()[0]["pin"], made.views()[0]["device"]) == ("", "Vendor T54W/1.0")


def test_a_pin_ends_by_time_by_guesses_and_by_hand() -> None:
    phone = Phone(mac=MAC, extension="1001")
    for spoil in ("guesses", "time", "hand"):
        made = _made(phone)
        pin, _ = made.issue_pin(MAC)
        if spoil == "guesses":
            for _ in range(PIN_TRIES):
                with pytest.raises(PinWantedError):
                    _get(made, phone, pin="x")
        elif spoil == "time":
            made._clock.advance(86_401)  # type: ignore[attr-defined]
        else:
            made.revoke_pin(MAC)
            assert _get(made, phone)
            continue
        with pytest.raises(PinWantedError):
            _get(made, phone, pin=pin)
        assert made.views()[0]["pin"] == "void"
        fresh, _ = made.issue_pin(MAC)
        assert _get(made, phone, pin=fresh)
    with pytest.raises(NotFound):
        made.issue_pin("ffffffffffff")


def test_what_is_bound_stays_so_over_a_restart() -> None:
    phone = Phone(mac=MAC, extension="1001")
    made, kept = _made(phone), dict[str, Device]()
    made.devices.save = kept.__setitem__
    _get(made, phone)
    again = _made(phone)
    again.devices.restore(kept)
    with pytest.raises(NotFound):
        _get(again, phone, agent="curl/8")
    assert _get(again, phone, agent="Vendor T54W/1.1")
    pin, _ = again.issue_pin(MAC)  # a replacement of the device
    assert pin not in repr(again.devices.of(MAC, 1))
    assert _get(again, phone, agent="Other/1", pin=pin)
    with pytest.raises(NotFound):
        _get(again, phone)
