"""What keys do in a room: a star and a digit. A table; the rest of the keys is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from softswitch.features.rooms import Member, Room, RoomRole

if TYPE_CHECKING:
    from softswitch.features.conference import Conferences

Steer = Callable[["Conferences", Room, Member], str]
"""Does it; the prompt that says so to who has pressed the keys."""


def _mute_self(_rooms: Conferences, room: Room, member: Member) -> str:
    room.mute(member, muted=not member.muted)
    return "room-muted" if member.muted else "room-unmuted"


def _mute_all(rooms: Conferences, room: Room, _member: Member) -> str:
    """Nobody but moderators is heard; when that is so already, all are again."""
    all_muted = all(each.muted for each in room.members if each.role is RoomRole.MEMBER)
    rooms.mute(room.name, muted=not all_muted)
    return "service-off" if all_muted else "service-set"


def _lock(rooms: Conferences, room: Room, _member: Member) -> str:
    rooms.lock(room.name, locked=not room.locked)
    return "service-set" if room.locked else "service-off"


def _record(rooms: Conferences, room: Room, member: Member) -> str:
    rooms.record(room.name, member.name, on=room.recording is None)
    return "service-set" if room.recording is not None else "service-off"


def _remove_last(_rooms: Conferences, room: Room, member: Member) -> str:
    """Who came last and does not lead goes."""
    last = next((each for each in reversed(room.members) if each.role is RoomRole.MEMBER and each is not member), None)
    if last is None:
        return "invalid"
    last.dismiss()
    return ""


def _end(rooms: Conferences, room: Room, _member: Member) -> str:
    rooms.end(room.name)
    return ""


KEYS: Mapping[str, tuple[bool, Steer]] = {
    "6": (False, _mute_self),
    "5": (True, _mute_all),
    "4": (True, _lock),
    "7": (True, _record),
    "8": (True, _remove_last),
    "9": (True, _end),
}
"""Digit after the star → whether only moderators may, and what it does."""


def action(key: str, role: RoomRole) -> Steer | None:
    """What a key does for a member of this role; None for nothing."""
    only_moderators, steer = KEYS.get(key, (True, None))
    return steer if role is RoomRole.MODERATOR or not only_moderators else None
