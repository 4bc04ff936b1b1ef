"""Declared conference rooms: PINs, roles, limits, keys, roster and orders; who hears whom, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from softswitch.calls.call import Call
from softswitch.directory.centre import Conference
from softswitch.directory.secrets import pin_hash
from softswitch.features.conference import Conferences, Means, RoomView
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import Conflict, NotFound
from tests.support.office import Office, Party

PIN, HOST = pin_hash("1234"), pin_hash("9876")


class Rooms:
    """An office with rooms. People are labelled by their number."""

    def __init__(self, office: Office) -> None:
        self.office = office
        board = office.calls._board
        self.service = Conferences(
            Means(media=office.media, directory=lambda: office.snapshot, clock=office.clock, keeper=board.keeper, ids=board.ids)
        )
        office.handlers[DestinationKind.CONFERENCE] = self.service.join
        self.seen: list[RoomView] = []
        self.service.watch(self.seen.append)

    def declare(self, **rules: object) -> None:
        room = Conference(name="team", announce="none", **rules)  # type: ignore[arg-type]
        self.office.snapshot = replace(self.office.snapshot, conferences={"team": room})

    async def comes(self, number: str, keys: str = "") -> tuple[Party, Call]:
        """Somebody from outside; `keys` are pressed at the door."""
        party, call = self.office.call("conference:team", number)
        self.office.engine.label(party.port, number)
        if keys:
            await asyncio.sleep(0.1)
            party.key(keys)
        await asyncio.sleep(0.5)
        return party, call

    async def press(self, party: Party, keys: str) -> None:
        party.key(keys)
        await asyncio.sleep(2)

    @property
    def roster(self) -> dict[str, tuple[str, str, bool]]:
        return {member.name: (member.role, member.state, member.muted) for member in self.service.view("team").members}


@pytest.fixture
async def rooms(tmp_path: Path) -> AsyncIterator[Rooms]:
    office = Office(tmp_path, agents=(), queues=())
    try:
        yield Rooms(office)
    finally:
        await office.close()


async def test_the_pin_decides_who_is_what(rooms: Rooms) -> None:
    rooms.declare(pin=PIN, moderator_pin=HOST)
    one, call = await rooms.comes("101", "1234#")
    two, _ = await rooms.comes("102", "9876#")
    assert rooms.roster == {"101": ("member", "inside", False), "102": ("moderator", "inside", False)}
    assert one.hears == {"102"} and two.hears == {"101"}
    digits = {event.digit for event in call.timeline.events if isinstance(event, ev.LegDtmf)}
    assert digits == {"x"}, "the PIN is in no record"


async def test_three_wrong_pins_are_enough(rooms: Rooms) -> None:
    rooms.declare(pin=PIN)
    party, call = await rooms.comes("101")
    for _ in range(3):
        party.key("0000#")
        await asyncio.sleep(1.5)
    await asyncio.sleep(3)
    assert party.is_ended and rooms.roster == {}
    assert rooms.office.played()[-1] == "zh-CN/goodbye"
    assert call.ending is not None and call.ending.cause is Cause.REJECTED


async def test_pins_are_not_tried_out_by_many_calls(rooms: Rooms) -> None:
    rooms.declare(pin=PIN)
    for number in range(5):
        party, _ = await rooms.comes(f"10{number}")
        for _ in range(3):
            party.key("0000#")
            await asyncio.sleep(1.5)
        await asyncio.sleep(3)
    late, _ = await rooms.comes("199", "1234#")
    await asyncio.sleep(3)
    assert late.is_ended and rooms.office.played()[-1] == "zh-CN/pin-locked"
    await asyncio.sleep(600)
    later, _ = await rooms.comes("199", "1234#")
    assert "199" in rooms.roster and not later.is_ended


async def test_who_comes_early_waits_with_music_for_the_moderator(rooms: Rooms) -> None:
    rooms.declare(pin=PIN, moderator_pin=HOST, wait_for_moderator=True, end_with_owner=True)
    one, _ = await rooms.comes("101", "1234#")
    two, _ = await rooms.comes("102", "1234#")
    await asyncio.sleep(3)
    assert rooms.roster["101"][1] == "waiting" and one.hears == {"default"} == two.hears
    host, _ = await rooms.comes("103", "9876#")
    assert one.hears == {"102", "103"} and host.hears == {"101", "102"}
    host.leave()
    await asyncio.sleep(0.5)
    assert one.is_ended and two.is_ended, "the room ends with its moderator"


@pytest.mark.parametrize(
    ("rules", "cause"), [({"allow_outside": False}, Cause.FORBIDDEN), ({"callers": ("1001", "200*")}, Cause.FORBIDDEN)]
)
async def test_who_may_not_enter_is_not_answered(rooms: Rooms, rules: dict[str, object], cause: Cause) -> None:
    rooms.declare(**rules)
    party, _ = await rooms.comes("101")
    assert (party.is_answered, party.cause) == (False, cause)


async def test_a_full_and_a_locked_room_say_so(rooms: Rooms) -> None:
    rooms.declare(pin=PIN, moderator_pin=HOST, max_members=2)
    await rooms.comes("101", "1234#")
    host, _ = await rooms.comes("102", "9876#")
    late, _ = await rooms.comes("103", "1234#")
    await asyncio.sleep(2)
    assert late.is_ended and rooms.office.played()[-1] == "zh-CN/room-full"
    rooms.service.remove("team", "101")
    await rooms.press(host, "*4")
    assert rooms.service.view("team").locked
    stranger, _ = await rooms.comes("104", "1234#")
    await asyncio.sleep(2)
    assert stranger.is_ended and rooms.office.played()[-1] == "zh-CN/room-locked"


async def test_keys_steer(rooms: Rooms) -> None:
    rooms.declare(pin=PIN, moderator_pin=HOST)
    one, _ = await rooms.comes("101", "1234#")
    two, _ = await rooms.comes("102", "1234#")
    host, _ = await rooms.comes("103", "9876#")
    await rooms.press(one, "*6")
    assert rooms.roster["101"][2] and two.hears == {"103"} and one.hears == {"102", "103"}
    assert rooms.office.played()[-1] == "zh-CN/room-muted"
    await rooms.press(one, "*6")
    assert two.hears == {"101", "103"}
    for keys in ("*5", "*4", "*7", "*8", "*9"):  # only moderators may
        await rooms.press(two, keys)
    assert set(rooms.roster.values()) == {("member", "inside", False), ("moderator", "inside", False)}
    await rooms.press(host, "*5")
    assert host.hears == set() and one.hears == {"103"}
    await rooms.press(host, "*5")
    assert host.hears == {"101", "102"}
    await rooms.press(host, "*8")
    assert two.is_ended and not one.is_ended
    await rooms.press(host, "*9")
    assert one.is_ended and host.is_ended and rooms.service.members("team") == 0


async def test_members_are_muted_removed_and_ended_by_order(rooms: Rooms) -> None:
    rooms.declare(mute_on_entry=True)
    one, _ = await rooms.comes("101")
    two, call = await rooms.comes("102")
    assert one.hears == set() and rooms.roster["101"][2]
    rooms.service.mute("team", muted=False)
    assert one.hears == {"102"} and two.hears == {"101"}
    rooms.service.mute("team", muted=True, member=str(call.caller.id))
    assert one.hears == set() and two.hears == {"101"}
    rooms.service.remove("team", "102")
    await asyncio.sleep(0.1)
    assert two.is_ended and [event.member for event in rooms.office.of(ev.ConferenceLeft)] == ["102"]
    assert [member.name for member in rooms.seen[-1].members] == ["101"], "who watches is told"
    rooms.service.end("team")
    await asyncio.sleep(0.1)
    assert one.is_ended
    with pytest.raises(Conflict):
        rooms.service.lock("team", locked=True)
    with pytest.raises(NotFound):
        rooms.service.end("no such room")


async def test_a_room_is_recorded(rooms: Rooms) -> None:
    rooms.declare(record=True)
    await rooms.comes("101")
    two, _ = await rooms.comes("102")
    assert rooms.service.view("team").recording
    with pytest.raises(Conflict):
        rooms.service.record("team", "boss", on=True)
    rooms.service.record("team", "boss", on=False)
    await asyncio.sleep(0.5)
    assert not rooms.service.view("team").recording
    assert len(rooms.office.of(ev.RecordingFinished)) == 1 and not two.is_ended


async def test_entries_are_heard(rooms: Rooms) -> None:
    rooms.office.snapshot = replace(rooms.office.snapshot, conferences={"team": Conference(name="team")})
    one, _ = await rooms.comes("101")
    party, _ = rooms.office.call("conference:team", "102")
    rooms.office.engine.label(party.port, "102")
    await asyncio.sleep(0.1)
    assert len(one.hears) == 2, "the other one, and the tone"
    await asyncio.sleep(0.5)
    assert one.hears == {"102"}


async def test_who_is_invited_needs_no_pin(rooms: Rooms) -> None:
    rooms.declare(pin=PIN, number="7000")
    office = rooms.office

    def ring(to: str, room, actor: str) -> Call:  # type: ignore[no-untyped-def]
        return office.calls.place(office.control.destination(to), room, actor=actor, alert=True)

    rooms.service.ring = ring
    rooms.service.invite("team", "1001", "boss")
    await asyncio.sleep(0.1)
    assert rooms.roster == {"1001": ("member", "ringing", False)}
    office.phone("1001").accept()
    await asyncio.sleep(0.5)
    assert [state for _, state, _ in rooms.roster.values()] == ["inside"]
    rooms.service.invite("team", "1002", "boss")
    await asyncio.sleep(0.1)
    office.phone("1002").leave(Cause.BUSY)
    await asyncio.sleep(0.5)
    assert len(rooms.roster) == 1, "who does not come is not listed"
