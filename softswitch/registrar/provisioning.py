"""Settings of phones: which file a phone gets, at an address that nobody can guess, with a password of its own (sip.md §6).

The address holds 128 bits that are derived from the node's key, the MAC and the generation; so is the password, which logs in
under a name of its own, so that a phone can be shut out without its extension. Neither is stored, and neither is logged.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from signalling import commands as sip
from signalling.auth import OFFERED, ha1
from signalling.events import Identity
from signalling.policy import Credentials, PeerKind, PeerPolicy
from sip_profiles import phones
from softswitch.directory.model import Phone
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import NotFound
from softswitch.registrar.devices import Devices, Fetch
from softswitch.registrar.service import Registrar

PATH = "/provision"
TRANSPORTS = {
    "udp": {"yealink_transport": "0", "grandstream_transport": "0", "fanvil_transport": "0", "polycom_transport": "UDPOnly"},
    "tcp": {"yealink_transport": "1", "grandstream_transport": "1", "fanvil_transport": "1", "polycom_transport": "TCPOnly"},
    "tls": {"yealink_transport": "2", "grandstream_transport": "2", "fanvil_transport": "3", "polycom_transport": "TLS"},
}


@dataclass(frozen=True, slots=True)
class File:
    """What a phone gets."""

    content: str = ""
    content_type: str = "text/plain"

    def __repr__(self) -> str:
        return "File(…)"  # it holds a password


class PinWantedError(NotFound):
    """The device has to bring its PIN (HTTP 401)."""

    code = "pin_wanted"


class Provisioning:
    """Owned by the loop. `derived(purpose)` gives 32 secret octets of the node; `sip_port` is where phones register."""

    def __init__(
        self, directory: Callable[[], Snapshot], registrar: Registrar, submit: Callable[[sip.Command], None],
        derived: Callable[[str], bytes], sip_port: tuple[int, str], clock: Clock, realm: str,
    ) -> None:  # fmt: skip
        self._directory = directory
        self._registrar = registrar
        self._submit = submit
        self._derived = derived
        self._port, self._transport = sip_port
        self._clock = clock
        self._realm = realm
        self.devices = Devices(derived("phone pins"), lambda: f"{secrets.randbelow(1_000_000):06d}")
        self._syncs = 0

    def token(self, phone: Phone) -> str:
        """128 bits of the address, as 32 hexadecimal digits."""
        return self._derived(f"phone address {phone.mac} {phone.generation}")[:16].hex()

    def secret(self, phone: Phone) -> str:
        """The password of the device: 24 letters and digits."""
        return base64.b32encode(self._derived(f"phone password {phone.mac} {phone.generation}")[:15]).decode().lower()

    def user(self, phone: Phone) -> str:
        """The name under which the device logs in."""
        return f"{phone.extension}-{phone.mac}"

    def path(self, phone: Phone) -> str:
        """The way to its file on the web server; a secret."""
        return f"{PATH}/{self.token(phone)}/"

    def file(self, token: str, name: str, *, base: str, address: str, agent: str, pin: str = "") -> File:
        """The file that a phone asks for. The first one binds the device: another maker's agent never gets it again.

        `base` is the address of the web server as the phone knows it; SIP is at the same host. Raises NotFound for a wrong
        token, a wrong name and a device that is not the one that came first; PinWantedError for one without its PIN.
        """
        phone = self._of(token)
        if phone is None or phone.extension not in self._directory().extensions:
            raise NotFound("no such file")
        profile = phones.phone(phone.profile)
        if name.lower() != phones.file_name(profile, phone.mac).lower():
            raise NotFound("no such file")
        fetch = self.devices.fetch(
            phone.mac, phone.generation, agent=agent, address=address, pin=pin, now=self._clock.utc()
        )  # fmt: skip
        if fetch is Fetch.PIN:
            raise PinWantedError("the PIN of this phone is wanted")
        if fetch is Fetch.REFUSED:
            raise NotFound("no such file")
        settings = profile.provisioning
        return File(phones.render(phone.profile, self._values(phone, base)), settings.content_type)

    def _of(self, token: str) -> Phone | None:
        found = None
        for phone in self._directory().phones.values():
            if hmac.compare_digest(self.token(phone).encode(), token.encode()):
                found = phone
        return found

    def _values(self, phone: Phone, base: str) -> Mapping[str, str]:
        extension = self._directory().extensions[phone.extension]
        return {
            "number": phone.extension, "user": self.user(phone), "secret": self.secret(phone),
            "label": phone.label or extension.name or phone.extension,
            "host": urlsplit(base).hostname or "", "port": str(self._port),
            "transport": self._transport, "url": base + self.path(phone), **TRANSPORTS[self._transport],
        }  # fmt: skip

    def credentials(self, username: str) -> Credentials | None:
        """Of a device that logs in; what it may do is what its extension may."""
        extension, _, mac = username.rpartition("-")
        phone = self._directory().phones.get(mac)
        if phone is None or phone.extension != extension:
            return None
        digests = {algorithm: ha1(algorithm, username, self._realm, self.secret(phone)) for algorithm in OFFERED}
        return Credentials(username, digests, PeerPolicy(PeerKind.PHONE, extension))

    def resync(self, mac: str) -> int:
        """Asks the phone to fetch its file again, by every way that it registered. Returns how many. Raises NotFound."""
        phone = self._phone(mac)
        event = phones.phone(phone.profile).features.check_sync
        targets = self._registrar.targets(phone.extension)
        for target in targets:
            self._syncs += 1
            caller = Identity(phone.extension, "")
            self._submit(sip.SendNotify(f"sync-{mac}-{self._syncs}", target.uri, target.flow, event, caller, target.number))
        return len(targets)

    def issue_pin(self, mac: str) -> tuple[str, float]:
        """A PIN for the next device that fetches the file, told once, and until when it counts. Raises NotFound."""
        phone = self._phone(mac)
        pin = self.devices.issue(phone.mac, phone.generation, self._clock.utc())
        return pin, self.devices.of(phone.mac, phone.generation).pin_until

    def revoke_pin(self, mac: str) -> None:
        """No PIN is wanted, and no device is bound any more. Raises NotFound."""
        phone = self._phone(mac)
        self.devices.revoke(phone.mac, phone.generation)

    def _phone(self, mac: str) -> Phone:
        phone = self._directory().phones.get(mac)
        if phone is None:
            raise NotFound(f"there is no phone {mac}")
        return phone

    def views(self) -> list[Mapping[str, Any]]:
        """{mac, profile, extension, label, path, file, fetched_at, address, device, pin, pin_until}; the path is a secret."""
        return [self._view(phone) for _, phone in sorted(self._directory().phones.items())]

    def _view(self, phone: Phone) -> Mapping[str, Any]:
        device, now = self.devices.of(phone.mac, phone.generation), self._clock.utc()
        return {
            "mac": phone.mac, "profile": phone.profile, "extension": phone.extension, "label": phone.label,
            "path": self.path(phone), "file": phones.file_name(phones.phone(phone.profile), phone.mac),
            "fetched_at": device.at or None, "address": device.address, "device": device.agent,
            "pin": "waiting" if device.has_pin(now) else "void" if device.awaits_pin(now) else "",
            "pin_until": device.pin_until if device.has_pin(now) else None,
        }  # fmt: skip
