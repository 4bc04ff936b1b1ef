"""A mailbox by phone: PIN, messages one after another, greetings. What the feature code "*98" leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.sound import Steering
from softswitch.directory.model import Mailbox
from softswitch.directory.snapshot import Snapshot
from softswitch.legs.base import PartyKind
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Invalid, NotFound
from softswitch.prompts import spoken
from softswitch.voicemail.greetings import FOLDER, Greetings
from softswitch.voicemail.model import SHOWN, GreetingKind, Message, MessageState
from softswitch.voicemail.taking import Take, take

_OVER = Outcome.ended(Ending("system", Cause.NORMAL))
_GREETINGS = {"1": GreetingKind.NORMAL, "2": GreetingKind.BUSY, "3": GreetingKind.ABSENT, "4": GreetingKind.CLOSED}
LISTENING = Steering(back="7", pause="8", forward="9")
"""While a message plays: five seconds back and on, and a pause."""
SILENCES = 3
"""So often in a row a caller may say nothing before the call is ended."""


def mailbox_of(snapshot: Snapshot, kind: PartyKind, party: str) -> Mailbox | None:
    """The mailbox of whoever calls: of the agent at this phone or page, or the one named like the extension."""
    logins = (
        {party} if kind is PartyKind.AGENT else {a.login for a in snapshot.agents.values() if party and a.extension == party}
    )
    owned = (box for box in snapshot.mailboxes.values() if box.owner.removeprefix("agent:") in logins and box.owner)
    return next(owned, snapshot.mailboxes.get(party))


class Box(Protocol):
    """`Voicemail`, as far as a caller at its desk needs it."""

    greetings: Greetings

    def messages(self, mailbox: str, states: Sequence[MessageState] = SHOWN) -> list[Message]: ...

    def change(self, identity: str, actor: str, *, state: str = "") -> Message: ...

    def delete(self, identity: str, actor: str) -> None: ...

    async def admits(self, mailbox: Mailbox, pin: str) -> str: ...


@dataclass(slots=True)
class MailboxDesk:
    """One call at one mailbox."""

    voicemail: Box
    call: Call
    snapshot: Snapshot

    async def check(self, name: str = "") -> Outcome:
        """Asks for the mailbox (unless it is known) and the PIN, then serves until the caller has enough."""
        await self.call.answer()
        mailbox = await self._mailbox(name)
        if mailbox is None or not mailbox.pin:
            await self.call.play(("mailbox-none",))
            return _OVER
        if not await self._admitted(mailbox):
            return _OVER
        return await self._main(mailbox)

    async def _mailbox(self, name: str) -> Mailbox | None:
        facts = self.call.facts
        known = self.snapshot.mailboxes.get(name) if name else mailbox_of(self.snapshot, facts.kind, facts.party)
        if known is not None:
            return known
        await self.call.play(("mailbox-enter",), stop_on_key=True)
        return self.snapshot.mailboxes.get(await self.call.collect(20, seconds=8.0, inter_digit=4.0, finish_on="#"))

    async def _admitted(self, mailbox: Mailbox) -> bool:
        call = self.call
        for prompt in ("pin-enter", "pin-wrong", "pin-wrong"):
            call.forget_digits()
            call.timeline.concealed = True
            try:
                await call.play((prompt,), stop_on_key=True)
                pin = await call.collect(16, seconds=8.0, inter_digit=5.0, finish_on="#")
            finally:
                call.timeline.concealed = False
            result = await self.voicemail.admits(mailbox, pin)
            if result == "ok":
                return True
            if result != "wrong":
                await call.play(("pin-locked",) if result == "locked" else ("error",))
                return False
        await call.play(("pin-locked",))
        return False

    async def _main(self, mailbox: Mailbox) -> Outcome:
        silences = 0
        while silences < SILENCES:
            new = len(self.voicemail.messages(mailbox.name, (MessageState.NEW,)))
            count = spoken.number(min(new, spoken.MOST))
            await self.call.play(("mailbox-new", *count, "mailbox-messages", "mailbox-main"), stop_on_key=True)
            match await self.call.collect(1, seconds=5.0, inter_digit=3.0, finish_on=""):
                case "1":
                    outcome = await self._messages(mailbox)
                    if outcome is not None:
                        return outcome
                case "2":
                    await self._greeting(mailbox)
                case "":
                    silences += 1
                    continue
                case "*" | "#":
                    break
                case _:
                    await self.call.play(("invalid",))
            silences = 0
        await self.call.play(("goodbye",))
        return _OVER

    async def _messages(self, mailbox: Mailbox) -> Outcome | None:
        """New ones first, then those that are kept; an outcome when the caller was called back and the call is over."""
        kept = (MessageState.HEARD, MessageState.IN_WORK)
        for states in ((MessageState.NEW,), kept):
            for message in self.voicemail.messages(mailbox.name, states):
                done, outcome = await self._message(message)
                if outcome is not None:
                    return outcome
                if done:
                    return None
        await self.call.play(("mailbox-end",))
        return None

    async def _message(self, message: Message) -> tuple[bool, Outcome | None]:
        """Plays one message and asks what to do with it; (True, …) ends the listening."""
        call, actor = self.call, self.call.facts.party
        await self._play(message)
        for _ in range(10):
            await call.play(("mailbox-menu",), stop_on_key=True)
            match await call.collect(1, seconds=5.0, inter_digit=3.0, finish_on=""):
                case "1":
                    await self._play(message)
                case "3":
                    self.voicemail.delete(message.id, actor)
                    await call.play(("mailbox-deleted",), stop_on_key=True)
                    return False, None
                case "5":
                    self._heard(message, actor)
                    return True, await self._call_back(message)
                case "*":
                    self._heard(message, actor)
                    return True, None
                case _:  # 2 saves it; silence and # go on, and what was heard is saved
                    self._heard(message, actor)
                    return False, None
        return True, None

    def _heard(self, message: Message, actor: str) -> None:
        if message.state is MessageState.NEW:
            self.voicemail.change(message.id, actor, state=MessageState.HEARD)

    async def _play(self, message: Message) -> None:
        call = self.call
        await call.play(("message-from", *spoken.digits(message.caller)), stop_on_key=True)
        try:
            await call.sound.play((message.id,), FOLDER, stop_on_key=True, steering=LISTENING)
        finally:
            call.board.media.prompts.forget(message.id, FOLDER)

    async def _call_back(self, message: Message) -> Outcome | None:
        """Calls whoever left the message; None when nobody could be reached."""
        kind = DestinationKind.EXTENSION if message.caller in self.snapshot.extensions else DestinationKind.OUTSIDE
        if not message.caller:
            await self.call.play(("invalid",))
            return None
        outcome = await self.call.go(Destination(kind, message.caller))
        if outcome.ending is not None:
            return outcome
        await self.call.play(("error",))
        return None

    async def _greeting(self, mailbox: Mailbox) -> None:
        call = self.call
        await call.play(("greeting-choose",), stop_on_key=True)
        kind = _GREETINGS.get(await call.collect(1, seconds=5.0, inter_digit=3.0, finish_on=""))
        if kind is None:
            return
        await call.play(("greeting-record",), stop_on_key=True)
        call.forget_digits()
        taken = await take(call, Take(60.0))
        try:
            if taken.why == "failed":
                raise NotFound("nothing was recorded")
            await self.voicemail.greetings.keep_file(mailbox.name, kind, call.board.keeper.path(taken.file))
        except (NotFound, Invalid, OSError):
            await call.play(("error",))
            return
        await call.play(("greeting-saved",))
