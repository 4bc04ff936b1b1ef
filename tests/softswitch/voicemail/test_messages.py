"""Callers leave messages: what they hear, what is kept, who is told."""

from __future__ import annotations

import asyncio
import wave
from functools import partial
from pathlib import Path

import pytest

from media.commands import OpenBus
from media.events import ActiveSpeakers
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Invalid, NotFound
from softswitch.voicemail import tables
from softswitch.voicemail.model import MailboxState, MessageState
from softswitch.voicemail.service import Voicemail
from tests.softswitch.voicemail.conftest import Post, parts

INTRODUCTION = 2.45
"""Seconds until the tone is over: greeting, what to do, tone."""


async def leave(post: Post, mailbox: str, seconds: float, *, key: str = "#", number: str = "13800138000") -> None:
    caller, _ = post.office.call(f"voicemail:{mailbox}", number)
    await asyncio.sleep(INTRODUCTION)
    speak(post)
    await asyncio.sleep(seconds)
    if key:
        caller.key(key)
    else:
        caller.leave()
    await asyncio.sleep(2)
    assert caller.is_ended


def speak(post: Post, *, talking: bool = True) -> None:
    """The engine says that the caller speaks, or no more."""
    buses = [command.bus for batch in post.office.engine.batches for command in batch if isinstance(command, OpenBus)]
    post.office.engine.emit(ActiveSpeakers(buses[-1], (1,) if talking else ()))


async def test_a_message_is_kept_with_its_sound(post: Post, tmp_path: Path) -> None:
    await leave(post, "office", 5)
    assert post.office.played() == [
        "zh-CN/greeting-voicemail", "zh-CN/leave-message", "music/beep", "zh-CN/message-saved",
    ]  # fmt: skip
    (message,) = post.voicemail.messages("office")
    assert (message.state, message.caller) == (MessageState.NEW, "13800138000")
    assert message.duration_ms == pytest.approx(5000, abs=200)
    with wave.open(str(post.voicemail.audio(message.id))) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(5.0, abs=0.2)
    left = post.office.of(ev.VoicemailLeft)[0]
    assert (left.mailbox, left.message, left.call) == ("office", message.id, message.call)
    assert [event.state for event in post.office.of(ev.VoicemailChanged)] == ["new"]
    assert post.lamps[-1] == MailboxState("office", 1, 0)


async def test_who_hangs_up_has_left_a_message_too(post: Post) -> None:
    await leave(post, "office", 4, key="")
    (message,) = post.voicemail.messages("office")
    assert message.duration_ms == pytest.approx(4000, abs=200)
    assert post.office.engine.live["recorders"] == 0


async def test_hanging_up_at_the_tone_leaves_nothing(post: Post) -> None:
    await leave(post, "office", 0.3, key="")
    assert post.voicemail.messages("office") == []
    assert post.office.of(ev.VoicemailLeft) == []
    assert post.lamps == []


async def test_silence_ends_the_recording(post: Post) -> None:
    caller, _ = post.office.call("voicemail:office")
    await asyncio.sleep(INTRODUCTION)
    speak(post)
    await asyncio.sleep(6)
    assert post.office.engine.live["recorders"] == 1, "who speaks is not cut off"
    speak(post, talking=False)
    await asyncio.sleep(3.5)
    assert post.office.engine.live["recorders"] == 1
    await asyncio.sleep(2.5)
    assert caller.is_ended
    assert post.voicemail.messages("office")[0].duration_ms == pytest.approx(10_000, abs=300)


async def test_the_greatest_length_of_the_mailbox(post: Post) -> None:
    caller, _ = post.office.call("voicemail:office")
    await asyncio.sleep(INTRODUCTION)
    speak(post)
    await asyncio.sleep(22)
    assert caller.is_ended
    assert post.voicemail.messages("office")[0].duration_ms == pytest.approx(20_000, abs=300)


async def test_other_keys_belong_to_the_message(post: Post) -> None:
    caller, _ = post.office.call("voicemail:office")
    await asyncio.sleep(INTRODUCTION)
    caller.key("123")
    await asyncio.sleep(2)
    assert not caller.is_ended
    caller.key("#")
    await asyncio.sleep(2)
    assert post.voicemail.messages("office")[0].duration_ms == pytest.approx(2000, abs=200)


async def test_an_own_greeting_takes_the_place_of_the_shipped_words(post: Post, tmp_path: Path) -> None:
    await post.voicemail.greetings.keep_file("office", "normal", _silence(tmp_path))
    await leave(post, "office", 3)
    assert post.office.played()[0].endswith("/normal")
    assert "zh-CN/leave-message" not in post.office.played()
    post.office.call("voicemail:office/closed")
    await asyncio.sleep(0.5)
    assert post.office.played()[-1].endswith("/normal"), "the normal one stands in for the missing kind"
    await post.voicemail.greetings.remove("office", "normal")
    with pytest.raises(NotFound):
        await post.voicemail.greetings.remove("office", "normal")


async def test_a_queue_message_becomes_a_task_and_a_mail(post: Post) -> None:
    await leave(post, "sales", 5)
    await asyncio.sleep(1)
    (message,) = post.voicemail.messages("sales")
    assert post.mail.tasks == [("sales", "13800138000", "voicemail", message.call)]
    assert message.callback == "b1"
    assert message.due_at == pytest.approx(message.created_at + 3600)
    ((to, subject, text, attachments),) = post.mail.letters
    assert to == ("sales@example.org",)
    assert "13800138000" in subject
    assert "5 seconds" in text
    assert attachments[0][:2] == (f"{message.id}.wav", "audio/wav")
    assert attachments[0][2] > 1000


async def test_mail_that_cannot_be_sent_is_tried_again(post: Post) -> None:
    post.mail.down = True
    await leave(post, "sales", 5)
    await asyncio.sleep(200)
    assert post.mail.letters == []
    post.mail.down = False
    await asyncio.sleep(61)
    assert len(post.mail.letters) == 1
    await asyncio.sleep(200)
    assert len(post.mail.letters) == 1, "once only"
    assert len(post.mail.tasks) == 1


async def test_an_unknown_mailbox_ends_the_call_with_a_cause(post: Post) -> None:
    caller, _ = post.office.call("voicemail:none")
    await asyncio.sleep(0.1)
    assert caller.cause is Cause.UNALLOCATED


async def test_work_on_a_message(post: Post) -> None:
    await leave(post, "office", 3)
    (message,) = post.voicemail.messages("office")
    changed = post.voicemail.change(message.id, "li", state="in_work", assignee="li", note="rang twice")
    assert (changed.state, changed.assignee, changed.note) == (MessageState.IN_WORK, "li", "rang twice")
    assert changed.heard_at
    assert post.voicemail.state("office") == MailboxState("office", 0, 1)
    with pytest.raises(Invalid):
        post.voicemail.change(message.id, "li", state="recording")
    post.voicemail.delete(message.id, "li")
    assert [event.state for event in post.office.of(ev.VoicemailChanged)] == ["new", "in_work", "deleted"]
    assert not post.voicemail.audio(message.id).exists()
    with pytest.raises(NotFound):
        post.voicemail.message(message.id)


async def test_messages_survive_a_restart_also_one_that_was_being_spoken(post: Post, tmp_path: Path) -> None:
    await leave(post, "office", 3)
    post.office.call("voicemail:office", "13900139000")
    await asyncio.sleep(INTRODUCTION + 2)  # the switch dies while the caller speaks
    rows = await post.store.read(tables.all_messages)
    assert [row.state for row in rows] == [MessageState.NEW, MessageState.RECORDING]
    file = "2024/01/01/rescued.wav"
    (tmp_path / "recordings" / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "recordings" / file).write_bytes(_silence(tmp_path).read_bytes())
    await post.store.write(partial(_rescue, recording=rows[1].recording, file=file))
    again = Voicemail(parts(post.office, post.store, tmp_path))
    await again.load()
    assert [(m.caller, m.state) for m in again.messages("office")] == [
        ("13800138000", MessageState.NEW), ("13900139000", MessageState.NEW),
    ]  # fmt: skip
    assert again.audio(rows[1].id).is_file()


async def test_a_message_without_a_recording_is_dropped_at_the_restart(post: Post, tmp_path: Path) -> None:
    post.office.call("voicemail:office")
    await asyncio.sleep(INTRODUCTION + 2)
    again = Voicemail(parts(post.office, post.store, tmp_path))
    await again.load()
    assert again.messages("office") == []


def _rescue(connection: object, recording: str, file: str) -> None:
    """The row that the keeper writes for a repaired recording."""
    from sqlalchemy import Connection, insert

    from softswitch.store.tables import recordings

    assert isinstance(connection, Connection)
    connection.execute(
        insert(recordings).values(
            id=recording, call="c", file=file, status="recovered", started_at=1.0, duration_ms=2000, bytes=1, sha256="",
            restricted=False,
        )
    )  # fmt: skip


def _silence(tmp_path: Path) -> Path:
    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(32_000))
    return path
