"""Mailboxes of the running switch: takes messages, keeps them, tells lamps, mails copies and makes call-back tasks of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from media.events import CommandFailed, RecordEnded
from media.events import Event as MediaEvent
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.record import Recording
from softswitch.directory.model import Mailbox
from softswitch.directory.secrets import pin_fits
from softswitch.directory.snapshot import Snapshot
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.errors import Conflict, Invalid, NotFound, SwitchError
from softswitch.recordings.keeper import Keeper
from softswitch.store.cursor import Page
from softswitch.store.database import Store
from softswitch.store.recordings import recording as recording_row
from softswitch.store.spool import PATIENCE, Spool
from softswitch.voicemail import tables
from softswitch.voicemail.desk import MailboxDesk
from softswitch.voicemail.greetings import FOLDER, Greetings
from softswitch.voicemail.mail import letter
from softswitch.voicemail.model import SHOWN, MailboxState, Message, MessageState
from softswitch.voicemail.ports import Callbacks, Mailer
from softswitch.voicemail.taking import Take, take

log = structlog.get_logger("voicemail")

LEAST_MS = 1000
"""A shorter message is none: the caller hung up at the tone."""
ERRANDS_SECONDS = 60.0
"""How often mail and tasks that could not be delivered are tried again."""
TRIES = 3
LOCK_SECONDS = 3600.0
WANTED = "wanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    directory: Callable[[], Snapshot]
    store: Store
    spool: Spool
    keeper: Keeper
    greetings: Greetings
    journal: Callable[[ev.Event], None]
    clock: Clock
    data_dir: Path
    token: Callable[[], str]


class Voicemail:
    """Owned by the loop. `load()` before calls come, `run()` is its task. `mailer` and `callbacks` are set when they exist."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts
        self.greetings = parts.greetings
        self.mailer: Mailer | None = None
        self.callbacks: Callbacks | None = None
        self._messages: dict[str, Message] = {}
        self._watchers: list[Callable[[MailboxState], None]] = []
        self._errands = asyncio.Event()

    async def load(self) -> None:
        """Everything that was left before; finishes messages whose caller was speaking when the switch died."""
        self._messages = {message.id: message for message in await self._p.store.read(tables.all_messages)}
        for message in [message for message in self._messages.values() if message.state is MessageState.RECORDING]:
            row = await self._p.store.read(partial(recording_row, identity=message.recording))
            heard = row is not None and row.status in ("complete", "degraded", "recovered")
            if row is not None and heard and row.duration_ms >= LEAST_MS:
                self._keep_audio(message, row.file)
                self._put(replace(message, state=MessageState.NEW, duration_ms=row.duration_ms))
            else:
                self._drop(message)

    # callers

    async def to_mailbox(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `voicemail:MAILBOX`, or `voicemail:MAILBOX/KIND` for a greeting of another kind."""
        name, _, kind = destination.name.partition("/")
        outcome = await self.leave(call, name, kind or "normal")
        return outcome if outcome.result == "unreachable" else Outcome.ended(Ending("system", Cause.NORMAL))

    async def leave(self, call: Call, name: str, greeting: str = "normal") -> Outcome:
        """Greets, takes a message: recorded, empty (nothing was said), failed; unreachable when there is no such mailbox."""
        mailbox = self._p.directory().mailboxes.get(name)
        if mailbox is None:
            return Outcome.failed(Cause.UNALLOCATED)
        await call.answer()
        own = self.greetings.find(name, greeting)
        if own:
            await call.sound.play((own,), FOLDER, stop_on_key=True)
        else:
            await call.play(("closed",) if greeting == "closed" else ("greeting-voicemail",), stop_on_key=True)
            await call.play(("leave-message",), stop_on_key=True)
        call.forget_digits()
        taken = await take(call, Take(float(mailbox.max_seconds)), begun=partial(self._begun, call, mailbox))
        if taken.why == "failed":
            await call.play(("error",))
            return Outcome("failed", Cause.TEMPORARY_FAILURE)
        if taken.duration_ms < LEAST_MS:
            return Outcome("empty")
        await call.play(("message-saved",))
        return Outcome("recorded", value=taken.recording)

    async def check(self, call: Call, name: str = "") -> Outcome:
        """The caller at its mailbox (feature code *98): PIN, messages, greetings. `name` chooses another mailbox."""
        return await MailboxDesk(self, call, self._p.directory()).check(name)

    def _begun(self, call: Call, mailbox: Mailbox, recording: Recording) -> None:
        """The message exists from its first word, so that neither a hang-up nor a crash loses it."""
        kind, _, owner = mailbox.owner.partition(":")
        tally = call.tally()
        queue = tally.queue or (owner if kind == "queue" else "")
        now = self._p.clock.utc()
        waited = round((now - call.created_at) * 1000) if tally.queue else 0
        shown = {name: value for name, value in call.variables.items() if not name.startswith("_")}
        message = Message(
            id="m" + self._p.token(), mailbox=mailbox.name, call=call.id, recording=recording.id, caller=call.facts.caller,
            caller_name=call.facts.caller_name, queue=queue, waited_ms=waited, data=shown, created_at=now,
            due_at=now + mailbox.due_seconds if mailbox.due_seconds else 0.0,
            callback=WANTED if mailbox.due_seconds or kind == "queue" else "", mail=WANTED if mailbox.mail else "",
        )  # fmt: skip
        self._put(message)

        def heard(event: MediaEvent) -> None:
            if isinstance(event, RecordEnded | CommandFailed):
                forget()
                self._ended(call, message.id, recording, event)

        forget = call.board.media.pump.subscribe(recording.node, heard)

    def _ended(self, call: Call, identity: str, recording: Recording, event: RecordEnded | CommandFailed) -> None:
        message = self._messages[identity]
        failed = isinstance(event, CommandFailed) or event.verdict == "failed"
        duration = 0 if isinstance(event, CommandFailed) else event.duration
        if failed or duration < LEAST_MS:
            self._drop(message)
            return
        file = recording.file if isinstance(event, CommandFailed) else self._p.keeper.relative(event.path)
        self._keep_audio(message, file)
        message = replace(message, state=MessageState.NEW, duration_ms=duration)
        call.timeline.emit(ev.VoicemailLeft(mailbox=message.mailbox, message=message.id, duration_ms=duration))
        self._put(message)
        self._errands.set()

    def _keep_audio(self, message: Message, file: str) -> None:
        """A second name for the recording's file: the message outlives the time for which recordings are kept."""
        target = self.audio(message.id)
        source = Path(file) if Path(file).is_absolute() else self._p.keeper.root / file
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            os.link(source, target)
        except OSError as fault:
            log.error("! message without audio", message=message.id, error=str(fault))

    # messages

    def audio(self, identity: str) -> Path:
        return self._p.data_dir / FOLDER / f"{identity}.wav"

    def message(self, identity: str) -> Message:
        """Raises NotFound."""
        found = self._messages.get(identity)
        if found is None or found.state is MessageState.RECORDING:
            raise NotFound("there is no such message")
        return found

    def messages(self, mailbox: str, states: Sequence[MessageState] = SHOWN) -> list[Message]:
        """Those of a mailbox, oldest first."""
        return [found for found in self._messages.values() if found.mailbox == mailbox and found.state in states]

    async def page(self, mailboxes: Sequence[str], states: Sequence[str], limit: int, cursor: str = "") -> Page[Message]:
        """Newest first, with what was written just now if the database takes it. Raises ForeignCursor."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._p.spool.flush()
        return await self._p.store.read(partial(tables.page, mailboxes=mailboxes, states=states, limit=limit, cursor=cursor))

    def change(
        self, identity: str, actor: str, *, state: str = "", assignee: str | None = None, note: str | None = None
    ) -> Message:
        """Work on a message. Raises NotFound, Invalid."""
        message = self.message(identity)
        if state and state not in {known.value for known in SHOWN}:
            raise Invalid("state", f"expected one of {' '.join(SHOWN)}")
        changed = replace(
            message,
            state=MessageState(state or message.state),
            assignee=message.assignee if assignee is None else assignee,
            note=message.note if note is None else note,
        )
        if changed.state is not MessageState.NEW and not changed.heard_at:
            changed = replace(changed, heard_at=self._p.clock.utc())
        self._put(changed, actor)
        return changed

    def delete(self, identity: str, actor: str) -> None:
        """Raises NotFound."""
        self._drop(self.message(identity), actor)

    def _put(self, message: Message, actor: str = "") -> None:
        former = self._messages.get(message.id)
        self._messages[message.id] = message
        self._p.spool.put(partial(tables.put, message=message))
        if message.state is not MessageState.RECORDING and (former is None or former.state is not message.state):
            self._told(message, message.state.value, actor)

    def _drop(self, message: Message, actor: str = "") -> None:
        del self._messages[message.id]
        self._p.spool.put(partial(tables.remove, identity=message.id))
        try:
            self.audio(message.id).unlink(missing_ok=True)
        except OSError as fault:
            log.error("! message's audio not removed", message=message.id, error=str(fault))
        if message.state is not MessageState.RECORDING:
            self._told(message, "deleted", actor)

    def _told(self, message: Message, state: str, actor: str) -> None:
        self._p.journal(
            ev.VoicemailChanged(
                mailbox=message.mailbox, message=message.id, state=state, actor=actor or "system", at=self._p.clock.utc()
            )
        )
        lamp = self.state(message.mailbox)
        for watcher in tuple(self._watchers):
            watcher(lamp)

    def state(self, mailbox: str) -> MailboxState:
        """What the lamp of a mailbox shows."""
        new = len(self.messages(mailbox, (MessageState.NEW,)))
        return MailboxState(mailbox, new, len(self.messages(mailbox)) - new)

    def watch(self, watcher: Callable[[MailboxState], None]) -> Callable[[], None]:
        """Told of each change of a mailbox: for message-summary (RFC 3842) and pages. Returns what ends it."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    # PIN

    async def admits(self, mailbox: Mailbox, pin: str) -> str:
        """ok, wrong, locked: three wrong PINs in a row lock the mailbox for an hour; error while the database is away."""
        try:
            return await self._admits(mailbox, pin)
        except (SQLAlchemyError, OSError) as fault:
            log.warning("! PIN not checked", mailbox=mailbox.name, error=str(fault))
            return "error"

    async def _admits(self, mailbox: Mailbox, pin: str) -> str:
        now = self._p.clock.utc()
        failures, locked_until = await self._p.store.read(partial(tables.tries, mailbox=mailbox.name))
        if now < locked_until:
            return "locked"
        if await asyncio.to_thread(pin_fits, mailbox.pin, pin):
            if failures:
                await self._p.store.write(partial(tables.note_try, mailbox=mailbox.name, failures=0, locked_until=0.0))
            return "ok"
        failures += 1
        until = now + LOCK_SECONDS if failures >= TRIES else 0.0
        kept = 0 if until else failures
        await self._p.store.write(partial(tables.note_try, mailbox=mailbox.name, failures=kept, locked_until=until))
        return "locked" if until else "wrong"

    # errands: mail and tasks

    async def run(self) -> None:
        """Delivers mail and makes tasks; what fails is tried again each minute."""
        while True:
            for message in list(self._messages.values()):
                if message.state is not MessageState.RECORDING and WANTED in (message.mail, message.callback):
                    await self._errand(message.id)
            try:
                async with asyncio.timeout(ERRANDS_SECONDS):
                    await self._errands.wait()
            except TimeoutError:
                continue
            self._errands.clear()

    async def _errand(self, identity: str) -> None:
        mailbox = self._p.directory().mailboxes.get(self._messages[identity].mailbox)
        message = self._messages[identity]
        if message.callback == WANTED and self.callbacks is not None:
            task = await self._task_for(message)
            self._later(identity, callback=task)
        if message.mail == WANTED and self.mailer is not None:
            done = mailbox is None or not mailbox.mail or await self._mailed(message, mailbox)
            self._later(identity, mail="sent" if done else WANTED)

    def _later(self, identity: str, **changes: str) -> None:
        """The message may have been changed or deleted while the errand was done."""
        if identity in self._messages:
            self._put(replace(self._messages[identity], **changes))  # type: ignore[arg-type]

    async def _task_for(self, message: Message) -> str:
        """The id of the callback task, "" when there can be none."""
        if self.callbacks is None or not message.queue or not message.caller:
            return ""
        try:
            return await self.callbacks.create(
                message.queue, message.caller, source="voicemail", call=message.call, note=f"voicemail {message.id}"
            )
        except (Invalid, Conflict, NotFound) as fault:
            log.info("= no task for a message", message=message.id, why=str(fault))
            return ""

    async def _mailed(self, message: Message, mailbox: Mailbox) -> bool:
        if self.mailer is None:
            return False
        try:
            audio = await asyncio.to_thread(self.audio(message.id).read_bytes)
        except OSError as fault:
            log.error("! message's audio cannot be mailed", message=message.id, error=str(fault))
            audio = b""
        subject, text = letter(message, mailbox)
        attachments = [(f"{message.id}.wav", "audio/wav", audio)] if audio else []
        try:
            await self.mailer.send(mailbox.mail, subject, text, attachments)
        except (SwitchError, OSError) as fault:
            log.warning("! mail waits", message=message.id, error=str(fault))
            return False
        return True
