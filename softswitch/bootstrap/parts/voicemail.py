"""Mailboxes, with mail and call-back tasks where those exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from media.prepare import Preparer
from softswitch.acd.callbacks import Callbacks
from softswitch.bootstrap.switch import random_token
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.legs.base import PartyKind
from softswitch.mail.service import Mailer
from softswitch.model.destination import DestinationKind
from softswitch.model.errors import Conflict
from softswitch.store.spool import Spool
from softswitch.voicemail.desk import mailbox_of
from softswitch.voicemail.greetings import Greetings
from softswitch.voicemail.model import MailboxState
from softswitch.voicemail.service import Parts, Voicemail
from softswitch.watching.bodies import SUMMARY

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


class Tasks:
    """Call-back tasks in the words of mailboxes and flows."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        callbacks = self._node.parts.get(Callbacks)
        if not isinstance(callbacks, Callbacks):
            raise Conflict("this switch has no callbacks")
        return (await callbacks.create(queue, number, source=source, call=call, note=note)).id


async def build(node: Node) -> Voicemail:
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    data_dir = node.settings.data_dir
    voicemail = Voicemail(
        Parts(
            directory=node.directory.current, store=node.store, spool=spool, keeper=node.switch.keeper,
            greetings=Greetings(data_dir, node.media.prompts, Preparer(data_dir / "cache" / "prompts")),
            journal=node.journal.append, clock=node.clock,
            data_dir=data_dir, token=random_token,
        )
    )  # fmt: skip
    await voicemail.load()
    node.switch.handlers[DestinationKind.VOICEMAIL] = voicemail.to_mailbox
    voicemail.callbacks = Tasks(node)
    mailer = node.parts.get(Mailer)
    if isinstance(mailer, Mailer) and mailer.configured:
        voicemail.mailer = mailer
    node.run(voicemail.run(), "errands of messages")

    async def check(call: Call, argument: str) -> Outcome:
        return await voicemail.check(call, argument)

    node.switch.codes.handlers["voicemail"] = check
    _light_lamps(node, voicemail)
    return voicemail


def _light_lamps(node: Node, voicemail: Voicemail) -> None:
    """Message lamps of phones: who has subscribed, and with `features.unsolicited_mwi` every phone whose mailbox changes."""
    switch, current = node.switch, node.directory.current

    def mailbox(extension: str) -> str:
        found = mailbox_of(current(), PartyKind.PHONE, extension)
        return found.name if found is not None else ""

    def counts(name: str) -> tuple[int, int]:
        state = voicemail.state(name)
        return state.new, state.old

    def changed(state: MailboxState) -> None:
        switch.watching.touch(state.mailbox, SUMMARY)
        for extension in current().extensions:
            if mailbox(extension) == state.mailbox:
                switch.watching.touch(extension, SUMMARY)
                if node.settings.features.unsolicited_mwi and not switch.watching.watches(SUMMARY, extension):
                    switch.messages.lamp(extension, state.new, state.old)

    switch.sources.mailbox, switch.sources.counts = mailbox, counts
    node.on_close(voicemail.watch(changed))
