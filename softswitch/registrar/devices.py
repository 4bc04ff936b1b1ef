"""Which device has fetched a phone's settings first, and the one-time PIN with which it does; kept over a restart (sip.md §6).

The first fetch binds: from then on the file goes to that device alone. A PIN that was issued must come with it, by HTTP Basic
authentication; it is used up then, void after a day or five wrong ones, and only its HMAC is stored.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

PIN_SECONDS = 86_400.0
PIN_TRIES = 5
_MAC = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{2}(?:[:-]?[0-9a-fA-F]{2}){5}(?![0-9a-fA-F])")


@dataclass(frozen=True, slots=True)
class Device:
    """What is kept of one phone. `agent` is "" until a device is bound; `pin` is the HMAC of a PIN that waits."""

    generation: int = 1
    agent: str = ""
    address: str = ""
    at: float = 0.0  # UTC of the newest fetch
    pin: str = ""
    pin_until: float = 0.0
    tries: int = 0

    @property
    def is_bound(self) -> bool:
        return bool(self.agent)

    def awaits_pin(self, now: float) -> bool:
        """Whether the first fetch needs a PIN. A PIN that is void lets nobody in."""
        return bool(self.pin) and not self.is_bound

    def has_pin(self, now: float) -> bool:
        """Whether a PIN would be taken now."""
        return self.awaits_pin(now) and now < self.pin_until and self.tries < PIN_TRIES


class Fetch(StrEnum):
    """What becomes of a device that asks."""

    GIVEN = "given"
    PIN = "pin"  # it has to bring the PIN
    REFUSED = "refused"


class Devices:
    """Owned by the loop. `key` makes the HMAC of PINs; `save` keeps what has changed, None: nothing is known any more."""

    def __init__(self, key: bytes, draw: Callable[[], str]) -> None:
        self._key = key
        self._draw = draw
        self._known: dict[str, Device] = {}
        self.save: Callable[[str, Device], None] = lambda _mac, _device: None

    def restore(self, known: Mapping[str, Device]) -> None:
        self._known = dict(known)

    def of(self, mac: str, generation: int) -> Device:
        """What is known of a phone; another generation begins anew."""
        found = self._known.get(mac)
        return found if found is not None and found.generation == generation else Device(generation)

    def issue(self, mac: str, generation: int, now: float) -> str:
        """A new PIN of six digits, told once. The device that was bound has to come again with it."""
        pin = self._draw()
        self._put(mac, Device(generation, pin=self._digest(mac, pin), pin_until=now + PIN_SECONDS))
        return pin

    def revoke(self, mac: str, generation: int) -> None:
        """The PIN is void and nothing is bound: the next fetch of the secret address binds without one."""
        self._put(mac, Device(generation))

    def fetch(self, mac: str, generation: int, *, agent: str, address: str, pin: str, now: float) -> Fetch:
        """A device asks for the file of a phone, by its secret address."""
        known = self.of(mac, generation)
        told = _MAC.search(agent)
        if told is not None and re.sub("[:-]", "", told[0]).lower() != mac:
            return Fetch.REFUSED
        if known.is_bound:
            if _maker(known.agent) != _maker(agent):
                return Fetch.REFUSED
        elif known.awaits_pin(now):
            if not pin or not known.has_pin(now):
                return Fetch.PIN
            if not hmac.compare_digest(self._digest(mac, pin), known.pin):
                self._put(mac, replace(known, tries=known.tries + 1))
                return Fetch.PIN
        self._put(mac, Device(generation, known.agent or agent or "-", address, now))
        return Fetch.GIVEN

    def _digest(self, mac: str, pin: str) -> str:
        return hmac.new(self._key, f"{mac} {pin}".encode("utf-8", "replace"), "sha256").hexdigest()

    def _put(self, mac: str, device: Device) -> None:
        self._known[mac] = device
        self.save(mac, device)


def _maker(agent: str) -> str:
    """What stays of a User-Agent over an update of the device: all before its version."""
    return agent.partition("/")[0] if agent else "-"
