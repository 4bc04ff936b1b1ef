"""`conference:NAME`: rooms, declared or made for the first who comes; entry, and what moderators and pages do with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from media.player import Playback
from media.service import MediaService
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.record import Recording
from softswitch.directory.snapshot import Snapshot
from softswitch.features import room_entry, room_keys
from softswitch.features.room_entry import PinGuard
from softswitch.features.rooms import Member, Room, RoomRole
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import ConferenceJoined, ConferenceLeft
from softswitch.model.ids import Ids
from softswitch.recordings.keeper import Keeper

log = structlog.get_logger("rooms")


@dataclass(frozen=True, slots=True)
class MemberView:
    """One line of a roster. `state`: inside, waiting (for a moderator), ringing (was invited)."""

    id: str
    name: str
    caller_name: str
    call: str
    role: str
    state: str
    since: float
    muted: bool
    talking: bool


@dataclass(frozen=True, slots=True)
class RoomView:
    name: str
    title: str
    number: str
    declared: bool
    max_members: int
    locked: bool
    recording: bool
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What rooms are made with."""

    media: MediaService
    directory: Callable[[], Snapshot]
    clock: Clock
    keeper: Keeper
    ids: Ids
    agc: bool = False
    gate: bool = False
    """See `OpenBus`."""


@dataclass(frozen=True, slots=True)
class _Invited:
    room: str
    to: str
    since: float


class Conferences:
    """All rooms of the node, by name. Owned by the loop."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._rooms: dict[str, Room] = {}
        self._guard = PinGuard(means.clock.now)
        self._invited: dict[str, _Invited] = {}
        self._watchers: list[Callable[[RoomView], None]] = []
        self._dirty: set[str] = set()
        self.ring: Callable[[str, Destination, str], Call] = _nobody
        """Rings whom somebody invites, written as dialled, for a destination and by an actor; set by who may place calls."""

    # callers

    async def join(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `conference:NAME`: until the caller hangs up, is sent elsewhere or removed, or the room ends."""
        name, invited = destination.name, call.id in self._invited
        declared = self._means.directory().conferences.get(name)
        if declared is not None and not invited and (cause := room_entry.refusal(call, declared)) is not None:
            return Outcome.failed(cause)
        await call.answer()
        call.stop_music()
        role: RoomRole | None = RoomRole.MEMBER
        if declared is not None and not invited:
            role = await room_entry.role_of(call, declared, self._guard)
        elif declared is None:
            role = RoomRole.MODERATOR if call.caller.facts.kind in room_entry.INSIDE else RoomRole.MEMBER
        if role is None:
            return Outcome.ended(Ending("system", Cause.REJECTED))
        room = self._room(name)
        if why := _closed(room, role, invited=invited):
            self._forget_empty(room)
            await call.play((why,))
            return Outcome.ended(Ending("system", Cause.BUSY))
        return await self._stay(room, call, role)

    async def _stay(self, room: Room, call: Call, role: RoomRole) -> Outcome:
        member = Member(call, role, call.caller.group, self._means.clock.utc())
        member.muted = room.declared.mute_on_entry and role is RoomRole.MEMBER
        room.members.append(member)
        self._invited.pop(call.id, None)
        keys: asyncio.Task[None] | None = None
        try:
            await self._wait(room, member)
            if not member.out.done():
                room.enter(member)
                call.emit(ConferenceJoined(member=call.facts.caller, leg=call.caller.id))
                self._begin_recording(room)
                keys = asyncio.get_running_loop().create_task(self._keys(room, member))
                await member.out
            return Outcome.ended(Ending("system", Cause.NORMAL))
        finally:
            if keys is not None:
                keys.cancel()
            self._leave(room, member)

    async def _wait(self, room: Room, member: Member) -> None:
        """Music until a moderator is there; nothing where none is needed."""
        if member.role is RoomRole.MODERATOR:
            for other in room.members:
                other.admit()
        if not room.declared.wait_for_moderator or room.has_moderator:
            return
        self._changed(room)
        await member.call.play(("room-waiting",))
        if not room.has_moderator:
            await member.call.music(room.declared.music)
            await asyncio.wait((member.admitted, member.out), return_when=asyncio.FIRST_COMPLETED)

    def _leave(self, room: Room, member: Member) -> None:
        room.leave(member)
        call = member.call
        if member.is_in:
            call.emit(ConferenceLeft(member=call.facts.caller, leg=call.caller.id))
        if room.declared.end_with_owner and member.role is RoomRole.MODERATOR and not room.has_moderator:
            for other in room.members:
                other.dismiss()
        self._forget_empty(room)

    def _room(self, name: str) -> Room:
        room = self._rooms.get(name)
        if room is None:
            means = self._means
            declared = means.directory().conferences.get(name)
            room = self._rooms[name] = Room(name, declared, means.media, self._changed, agc=means.agc, gate=means.gate)
        return room

    def _forget_empty(self, room: Room) -> None:
        if not room.members and self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            room.close()

    async def _keys(self, room: Room, member: Member) -> None:
        """Task of one member: a star and a digit steer; other keys mean nothing here."""
        while True:
            star = await member.call.collect(1, seconds=3600.0, finish_on="")
            key = await member.call.collect(1, seconds=3.0, finish_on="") if star == "*" else ""
            if (steer := room_keys.action(key, member.role)) is None:
                continue
            try:
                said = steer(self, room, member)
            except Conflict as fault:
                log.info("x key refused", room=room.name, key=key, why=str(fault))
                said = "invalid"
            await self.say(room, member, said)

    async def say(self, room: Room, member: Member, prompt: str) -> None:
        """A prompt for one member, over what the others say."""
        media = self._means.media
        loaded = await media.prompts.load(prompt, member.call.language) if prompt else None
        if loaded is None:
            return
        playback = Playback(media.pump, media.ids.next(), room.group)
        member.player = playback.id
        room.apply(before=playback.command([loaded]))
        try:
            await playback.finished()
        finally:
            member.player = 0
            media.pump.submit(playback.stop_command())
            if member in room.members:
                room.apply()

    # orders of pages, programs and keys

    def room(self, name: str) -> Room:
        """A room that somebody is in. Raises NotFound for one that is neither declared nor live, Conflict for an empty one."""
        room = self._rooms.get(name)
        if room is None:
            if name in self._means.directory().conferences:
                raise Conflict("nobody is in this room")
            raise NotFound(f"there is no room {name}")
        return room

    def member(self, room: Room, identity: str) -> Member:
        """Raises NotFound."""
        for member in room.members:
            if identity in (member.id, member.name):
                return member
        raise NotFound("nobody in this room has this id")

    def invite(self, name: str, to: str, actor: str) -> MemberView:
        """Rings somebody, who needs no PIN. Raises NotFound, Invalid, Forbidden (rights, lists, tolls), Conflict, Busy."""
        if name not in self._rooms and name not in self._means.directory().conferences:
            raise NotFound(f"there is no room {name}")
        view = self.view(name)
        if len(view.members) >= view.max_members:
            raise Conflict("the room is full")
        call = self.ring(to, Destination(DestinationKind.CONFERENCE, name), actor)
        invited = self._invited[call.id] = _Invited(name, to, self._means.clock.utc())
        call.before_end.append(lambda over: self._not_coming(over, name))
        self._touched(name)
        return _ringing(call.id, invited)

    def _not_coming(self, call: Call, name: str) -> None:
        if self._invited.pop(call.id, None) is not None:
            self._touched(name)

    def mute(self, name: str, *, muted: bool, member: str = "") -> None:
        """One member, or all who do not lead. Raises NotFound, Conflict."""
        room = self.room(name)
        chosen = [self.member(room, member)] if member else [each for each in room.members if each.role is RoomRole.MEMBER]
        for each in chosen:
            room.mute(each, muted=muted)

    def remove(self, name: str, member: str) -> None:
        """Its call ends; the others go on. Raises NotFound, Conflict."""
        self.member(self.room(name), member).dismiss()

    def lock(self, name: str, *, locked: bool) -> None:
        """Nobody but moderators and who is invited gets in. Raises NotFound, Conflict."""
        room = self.room(name)
        room.locked = locked
        self._changed(room)

    def record(self, name: str, actor: str, *, on: bool) -> None:
        """Starts or ends the recording, which belongs to the call that has been here longest. Raises NotFound, Conflict."""
        room = self.room(name)
        if on == (room.recording is not None):
            raise Conflict("the room is being recorded already" if on else "the room is not being recorded")
        if not on:
            room.stop_recording()
            return
        means, inside = self._means, room.inside
        if not inside:
            raise Conflict("nobody talks in this room yet")
        room.record(Recording(means.media, means.keeper, means.ids, inside[0].call.timeline), actor=actor)

    def _begin_recording(self, room: Room) -> None:
        if room.declared.record and room.recording is None:
            self.record(room.name, "system", on=True)

    def end(self, name: str) -> None:
        """All calls in it end. Raises NotFound, Conflict."""
        for member in self.room(name).members:
            member.dismiss()

    # who watches

    def views(self) -> list[RoomView]:
        """Every declared room, and those that people have made by calling them; by name."""
        names = {*self._means.directory().conferences, *self._rooms}
        return [self.view(name) for name in sorted(names)]

    def view(self, name: str) -> RoomView:
        """Raises NotFound."""
        room, declared = self._rooms.get(name), self._means.directory().conferences.get(name)
        about = room.declared if room is not None else declared
        if about is None:
            raise NotFound(f"there is no room {name}")
        ringing = [_ringing(call, one) for call, one in self._invited.items() if one.room == name]
        members = [_seen(member) for member in room.members] if room is not None else []
        return RoomView(
            name, about.title, about.number, declared is not None, about.max_members,
            room.locked if room is not None else about.locked, room is not None and room.recording is not None,
            (*members, *ringing),
        )  # fmt: skip

    def members(self, name: str) -> int:
        """How many are in the room."""
        room = self._rooms.get(name)
        return len(room.members) if room is not None else 0

    def watch(self, watcher: Callable[[RoomView], None]) -> Callable[[], None]:
        """Told of each change of a room, several at once as one. Returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _changed(self, room: Room) -> None:
        self._touched(room.name)

    def _touched(self, name: str) -> None:
        if not self._watchers:
            return
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._tell)
        self._dirty.add(name)

    def _tell(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for name in dirty:
            declared = self._means.directory().conferences.get(name)
            gone = declared is None and name not in self._rooms
            view = RoomView(name, "", "", False, 0, False, False, ()) if gone else self.view(name)
            for watcher in tuple(self._watchers):
                watcher(view)


def _closed(room: Room, role: RoomRole, *, invited: bool) -> str:
    """The prompt for who cannot enter now, "" for who can."""
    if len(room.members) >= room.declared.max_members:
        return "room-full"
    return "room-locked" if room.locked and role is RoomRole.MEMBER and not invited else ""


def _seen(member: Member) -> MemberView:
    return MemberView(
        member.id, member.name, member.call.caller.facts.caller_name, member.call.id, member.role.value,
        "inside" if member.is_in else "waiting", member.since, member.muted or member.call.mix.anchor.away, member.talking,
    )  # fmt: skip


def _ringing(call: str, invited: _Invited) -> MemberView:
    return MemberView(call, invited.to, "", call, RoomRole.MEMBER.value, "ringing", invited.since, False, False)


def _nobody(_to: str, _destination: Destination, _actor: str) -> Call:
    raise Conflict("nobody can be invited here")
