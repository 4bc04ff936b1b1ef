"""The letter that goes with a message. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from softswitch.directory.model import Mailbox
from softswitch.voicemail.model import Message


def letter(message: Message, mailbox: Mailbox) -> tuple[str, str]:
    """Subject and text, in Chinese and English."""
    caller = message.caller_name or message.caller or "?"
    at = datetime.fromtimestamp(message.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    seconds = round(message.duration_ms / 1000)
    box = mailbox.title or mailbox.name
    lines = [
        f"语音信箱 {box} 收到 {caller} 的留言，时长 {seconds} 秒，时间 {at}。",
        f"Mailbox {box} has a message from {caller} ({message.caller}), {seconds} seconds, left at {at}.",
    ]
    if message.queue:
        lines.append(f"队列 queue: {message.queue}，已等待 waited: {round(message.waited_ms / 1000)} s")
    if message.due_at:
        due = datetime.fromtimestamp(message.due_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        lines.append(f"请于此前回电 call back before: {due}")
    lines.append(f"ID {message.id}")
    return f"语音留言 Voice message: {caller} ({box})", "\n".join(lines) + "\n"
