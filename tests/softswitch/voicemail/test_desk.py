"""A mailbox by phone: PIN, messages, greetings."""

from __future__ import annotations

import asyncio

from media.commands import ControlPlay
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.model import Agent, Mailbox
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import PartyKind
from softswitch.model import events as ev
from softswitch.model.destination import Destination, DestinationKind
from softswitch.voicemail.desk import mailbox_of
from softswitch.voicemail.model import MailboxState, MessageState
from tests.softswitch.voicemail.conftest import Post
from tests.softswitch.voicemail.test_messages import leave
from tests.support.office import Party


async def dial(post: Post, name: str = "li") -> Party:
    """Calls the mailbox (an echo is nobody's here: its place is taken)."""

    async def check(call: Call, _destination: Destination) -> Outcome:
        return await post.voicemail.check(call, name)

    post.office.handlers[DestinationKind.ECHO] = check
    caller, _ = post.office.call("echo", "1001")
    await asyncio.sleep(0.2)
    return caller


async def type_in(caller: Party, keys: str, then: float = 0.3) -> None:
    caller.key(keys)
    await asyncio.sleep(then)


async def test_listen_save_and_delete(post: Post) -> None:
    await leave(post, "li", 3, number="111")
    await leave(post, "li", 4, number="222")
    first, second = post.voicemail.messages("li")
    caller = await dial(post)
    await type_in(caller, "4711#")
    await type_in(caller, "1", 5)  # "message from" and three digits come first
    assert f"voicemail/{first.id}" in post.office.played()
    await asyncio.sleep(3)
    await type_in(caller, "2", 5)  # saved; the next one begins
    assert f"voicemail/{second.id}" in post.office.played()
    await asyncio.sleep(4)
    await type_in(caller, "3", 1.5)
    assert post.voicemail.messages("li") == [post.voicemail.message(first.id)]
    assert post.voicemail.message(first.id).state is MessageState.HEARD
    assert post.lamps[-1] == MailboxState("li", 0, 1)


async def test_a_message_is_paused_heard_again_and_left_by_another_key(post: Post) -> None:
    await leave(post, "li", 30, number="111")
    (message,) = post.voicemail.messages("li")
    caller = await dial(post)
    await type_in(caller, "4711#")
    await type_in(caller, "1", 6)  # the message has begun
    begun = len(post.office.played())

    def controls() -> list[ControlPlay]:
        return [command for batch in post.office.engine.batches for command in batch if isinstance(command, ControlPlay)]

    await type_in(caller, "9", 1)
    await type_in(caller, "7", 1)
    await type_in(caller, "8", 60)
    assert [(each.skip, each.pause) for each in controls()] == [(5000, False), (-5000, False), (None, True)]
    assert len(post.office.played()) == begun, "a minute of pause: nothing new"
    await type_in(caller, "8", 1)
    assert controls()[-1].pause is False
    await type_in(caller, "2", 3)
    assert post.voicemail.message(message.id).state is MessageState.HEARD
    assert len(post.office.played()) > begun, "any other key leaves it, and means what it does in the menu"


async def test_the_pin_is_in_no_event(post: Post) -> None:
    caller = await dial(post)
    await type_in(caller, "4711#")
    await type_in(caller, "1")
    pressed = [event.digit for event in post.office.of(ev.LegDtmf)]
    assert pressed[:5] == ["x"] * 5
    assert pressed[5:] == ["1"]


async def test_three_wrong_pins_lock_the_mailbox(post: Post) -> None:
    caller = await dial(post)
    for pin in ("1#", "2#", "3#"):
        await type_in(caller, pin, 0.5)
    await asyncio.sleep(2)
    assert caller.is_ended
    assert post.office.played()[-1] == "zh-CN/pin-locked"
    caller = await dial(post)
    await type_in(caller, "4711#", 2)
    assert caller.is_ended, "locked for the right PIN too"
    await asyncio.sleep(3600)
    caller = await dial(post)
    await type_in(caller, "4711#")
    assert "zh-CN/mailbox-main" in post.office.played()


async def test_wrong_tries_count_over_calls(post: Post) -> None:
    for pin in ("1#", "2#"):
        caller = await dial(post)
        await type_in(caller, pin)
        caller.leave()
    mailbox = post.office.snapshot.mailboxes["li"]
    assert await post.voicemail.admits(mailbox, "3") == "locked"


async def test_calling_back(post: Post) -> None:
    await leave(post, "li", 3, number="1003")
    caller = await dial(post)
    await type_in(caller, "4711#")
    await type_in(caller, "1", 6)
    await type_in(caller, "5", 0.5)
    post.office.phone("1003").accept()
    await asyncio.sleep(0.2)
    assert caller.hears == {"1003"}


async def test_a_greeting_by_phone(post: Post) -> None:
    caller = await dial(post)
    await type_in(caller, "4711#")
    await type_in(caller, "2")
    await type_in(caller, "4", 1.6)  # after hours
    await asyncio.sleep(2)
    await type_in(caller, "#", 1)
    assert "zh-CN/greeting-saved" in post.office.played()
    assert post.voicemail.greetings.kinds("li") == ["closed"]


async def test_a_mailbox_without_pin_cannot_be_heard_by_phone(post: Post) -> None:
    caller = await dial(post, "office")
    await asyncio.sleep(2)
    assert caller.is_ended
    assert post.office.played() == ["zh-CN/mailbox-none"]


async def test_silence_ends_the_call(post: Post) -> None:
    caller = await dial(post)
    await type_in(caller, "4711#", 60)
    assert caller.is_ended


def test_whose_mailbox_it_is() -> None:
    own, named = Mailbox(name="private", owner="agent:li"), Mailbox(name="1002")
    snapshot = Snapshot(agents={"li": Agent(login="li", station="extension:1001")}, mailboxes={"private": own, "1002": named})
    assert mailbox_of(snapshot, PartyKind.PHONE, "1001") is own
    assert mailbox_of(snapshot, PartyKind.AGENT, "li") is own
    assert mailbox_of(snapshot, PartyKind.PHONE, "1002") is named
    assert mailbox_of(snapshot, PartyKind.PHONE, "1003") is None
