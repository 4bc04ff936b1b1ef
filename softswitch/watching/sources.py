"""Where the state of what is watched comes from: phones' legs, park slots, queues, do-not-disturb, mailboxes.

Beside extensions there are names for what is no phone: a park slot's number, `queue-NAME` (somebody waits), `group-NAME` (a
ring group rings), `dnd-N` (the extension's do-not-disturb is on).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from signalling.events import NamedDialog
from softswitch.calls.parking import ParkingLot
from softswitch.directory.snapshot import Snapshot
from softswitch.features.personal import PersonalServices
from softswitch.legs.phones import Phones
from softswitch.watching.bodies import DialogState

QUEUE, GROUP, DND = "queue-", "group-", "dnd-"


class Presence(NamedTuple):
    is_open: bool
    note: str = ""
    activity: str = ""


@dataclass(slots=True, kw_only=True)
class Sources:
    """Answers from memory."""

    directory: Callable[[], Snapshot]
    phones: Phones
    lot: ParkingLot
    services: PersonalServices
    is_registered: Callable[[str], bool]
    dialog_of: Callable[[str], NamedDialog | None]
    mailbox: Callable[[str], str] = lambda _extension: ""
    """The mailbox of an extension, "" for none."""
    counts: Callable[[str], tuple[int, int]] = lambda _mailbox: (0, 0)
    """New and old messages of a mailbox."""
    waiting: Callable[[str], int] = lambda _queue: 0
    """How many callers wait in a queue."""
    ringing: Callable[[str], int] = lambda _group: 0
    """How many callers a ring group is rung for."""

    def exists(self, resource: str) -> bool:
        snapshot = self.directory()
        if resource.startswith(QUEUE):
            return resource.removeprefix(QUEUE) in snapshot.queues
        if resource.startswith(GROUP):
            return resource.removeprefix(GROUP) in snapshot.ring_groups
        return resource.removeprefix(DND) in snapshot.extensions or resource in self.lot.slots

    def may_read(self, account: str, resource: str) -> bool:
        """Whether a phone may see the lamp: its own, or that of its mailbox."""
        return resource in (account, self.mailbox(account)) and bool(self.mailbox(account))

    def messages(self, resource: str) -> tuple[int, int]:
        return self.counts(self.mailbox(resource) or resource)

    def dialogs(self, resource: str) -> Sequence[DialogState]:
        if resource.startswith(QUEUE):
            return _lamp(resource, lit=self.waiting(resource.removeprefix(QUEUE)) > 0, state="early")
        if resource.startswith(GROUP):
            return _lamp(resource, lit=self.ringing(resource.removeprefix(GROUP)) > 0, state="early")
        if resource.startswith(DND):
            return _lamp(resource, lit=self.services.of(resource.removeprefix(DND)).dnd)
        if resource in self.lot.slots and resource not in self.directory().extensions:
            return _lamp(resource, lit=self.lot.is_taken(resource))
        return [
            self._dialog(leg.id, leg.facts.inbound, leg.is_answered) for leg in self.phones.of(resource) if not leg.is_ended
        ]

    def _dialog(self, leg: str, inbound: bool, answered: bool) -> DialogState:
        state = "confirmed" if answered else "trying" if inbound else "early"
        direction = "initiator" if inbound else "recipient"
        named = self.dialog_of(leg)
        if named is None:
            return DialogState(leg, state, direction)
        return DialogState(leg, state, direction, named.call_id, named.from_tag, named.to_tag)

    def presence(self, resource: str) -> Presence:
        if self.services.of(resource).dnd:
            return Presence(False, "Do not disturb", "busy")
        if not self.is_registered(resource):
            return Presence(False, "Offline")
        if any(leg.is_answered for leg in self.phones.of(resource)):
            return Presence(True, "On the phone", "on-the-phone")
        return Presence(True, "Available")


def _lamp(name: str, *, lit: bool, state: str = "confirmed") -> Sequence[DialogState]:
    return (DialogState(name, state, "recipient"),) if lit else ()
