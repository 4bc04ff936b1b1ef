"""These tests run in virtual time, with a database that answers at once: threads would let the clock jump."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from media.prepare import Preparer
from softswitch.directory.model import Agent, Mailbox, Queue
from softswitch.directory.secrets import pin_hash
from softswitch.model.destination import DestinationKind
from softswitch.recordings.keeper import Keeper
from softswitch.store.database import Store
from softswitch.store.schema import SCHEMA as STORE
from softswitch.store.schema import migrate
from softswitch.store.spool import Spool
from softswitch.voicemail.greetings import Greetings
from softswitch.voicemail.model import MailboxState
from softswitch.voicemail.service import Parts, Voicemail
from softswitch.voicemail.tables import SCHEMA
from tests.support.office import Office
from tests.support.virtual_time import VirtualLoop


def pytest_asyncio_loop_factories(config: object, item: object) -> Mapping[str, Callable[[], VirtualLoop]]:
    return {"virtual": VirtualLoop}


class Inline:
    """A database in memory, without threads."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)

    async def read(self, work: Callable[[Connection], Any]) -> Any:
        with self.engine.begin() as connection:
            return work(connection)

    write = read

    async def close(self) -> None:
        self.engine.dispose()


class _Quiet:
    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        raise AssertionError(text)

    def clear(self, code: str, object: str = "") -> None:
        pass


@dataclass
class Mail:
    """Mail and call-back tasks that were ordered; `down` refuses them."""

    letters: list[tuple[Any, ...]] = field(default_factory=list)
    tasks: list[tuple[str, str, str, str]] = field(default_factory=list)
    down: bool = False

    async def send(self, to: Any, subject: str, text: str, attachments: Any = ()) -> None:
        if self.down:
            raise ConnectionRefusedError("no mail server")
        self.letters.append((tuple(to), subject, text, [(name, kind, len(audio)) for name, kind, audio in attachments]))

    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        self.tasks.append((queue, number, source, call))
        return f"b{len(self.tasks)}"


@dataclass
class Post:
    """An office with mailboxes."""

    office: Office
    voicemail: Voicemail
    mail: Mail
    store: Store
    lamps: list[MailboxState] = field(default_factory=list)


MAILBOXES = {
    "sales": Mailbox(name="sales", owner="queue:sales", title="Sales", mail=("sales@example.org",), due_seconds=3600),
    "li": Mailbox(name="li", owner="agent:li", pin=pin_hash("4711")),
    "office": Mailbox(name="office", max_seconds=20),
}


def parts(office: Office, store: Store, tmp_path: Path) -> Parts:
    token = count(1)
    spool = Spool(store)
    spool_task = asyncio.get_running_loop().create_task(spool.run())
    office.spool_task = spool_task  # type: ignore[attr-defined]
    return Parts(
        directory=lambda: office.snapshot, store=store, spool=spool,
        keeper=Keeper(tmp_path / "recordings", office.clock, office.journal, _Quiet()),
        greetings=Greetings(tmp_path, office.media.prompts, Preparer(tmp_path / "cache")),
        journal=office.journal, clock=office.clock, data_dir=tmp_path,
        token=lambda: str(next(token)),
    )  # fmt: skip


@pytest.fixture
async def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    async def at_once(function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", at_once)
    agent = Agent(login="li", queues=("sales",), station="extension:1001")
    office = Office(tmp_path / "recordings", agents=(agent,), queues=(Queue(name="sales", announce="none"),))
    office.engine._record_files = True
    office.media.prompts.roots = (*office.media.prompts.roots, tmp_path)
    object.__setattr__(office.snapshot, "mailboxes", MAILBOXES)
    store = Store("sqlite://", Inline())
    await store.write(lambda connection: migrate(connection, (STORE, SCHEMA)))
    voicemail = Voicemail(parts(office, store, tmp_path))
    await voicemail.load()
    mail = Mail()
    voicemail.mailer = voicemail.callbacks = mail
    office.handlers[DestinationKind.VOICEMAIL] = voicemail.to_mailbox
    found = Post(office, voicemail, mail, store)
    voicemail.watch(found.lamps.append)
    errands = asyncio.get_running_loop().create_task(voicemail.run())
    yield found
    errands.cancel()
    office.spool_task.cancel()  # type: ignore[attr-defined]
    await office.close()
