"""Scheduled reports: each due time once, also over restarts and failures, with the file that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from softswitch.config.settings import MailSettings
from softswitch.directory.centre import Schedule
from softswitch.directory.snapshot import Snapshot
from softswitch.mail.service import Mailer
from softswitch.mail.tables import SCHEMA as MAIL
from softswitch.mail.tables import mails
from softswitch.model.errors import Conflict, NotFound
from softswitch.reports.schedules import Parts, Schedules, last_due, next_due, query_of
from softswitch.reports.service import Reports
from softswitch.store.database import Store
from tests.softswitch.test_store_journal import Signals


def at(text: str, zone: str = "Asia/Shanghai") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@dataclass
class Wall:
    """A clock that stands where it is set."""

    at: float

    def now(self) -> float:
        return self.at

    def utc(self) -> float:
        return self.at


DAILY = Schedule(name="daily", report="queues", every="day", at="07:30", format="csv", mail=("boss@example.com",),
                 parameters={"queue": "sales,repair", "interval": "60"})  # fmt: skip


@dataclass
class Desk:
    store: Store
    clock: Wall
    signals: Signals = field(default_factory=Signals)
    schedules: tuple[Schedule, ...] = (DAILY,)
    server: str = "mail.example.com"

    def open(self) -> Schedules:
        """As after a start."""
        snapshot = Snapshot(schedules={schedule.name: schedule for schedule in self.schedules})
        mailer = Mailer(self.store, self.clock, MailSettings(server=self.server, sender="pbx@example.com"), self.signals)
        reports = Reports(self.store, lambda: snapshot, self.clock)
        return Schedules(Parts(reports=reports, store=self.store, directory=lambda: snapshot, clock=self.clock, mailer=mailer,
                               alarms=self.signals))  # fmt: skip

    async def mails(self) -> list[EmailMessage]:
        rows = await self.store.read(lambda c: c.execute(select(mails.c.message)).all())
        return [message_from_bytes(row.message, policy=policy.default) for row in rows]  # type: ignore[misc]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", (MAIL,))
    yield Desk(store, Wall(at("2026-03-10 12:00")))
    await store.close()


async def test_each_due_time_is_mailed_once_also_over_restarts(desk: Desk) -> None:
    await desk.open().look()
    assert await desk.mails() == []  # new: nothing for the past
    for moment, expected in (
        ("2026-03-11 07:29", 0),
        ("2026-03-11 07:30", 1),
        ("2026-03-11 07:31", 1),
        ("2026-03-13 09:00", 2),
    ):
        desk.clock.at = at(moment)
        await desk.open().look()  # a restart each time; the last one was down for a day
        await desk.open().look()
        assert len(await desk.mails()) == expected, moment
    first, last = await desk.mails()
    assert first["To"] == "boss@example.com" and "2026-03-10" in first["Subject"] and "队列报表" in first["Subject"]
    assert "2026-03-12" in last["Subject"]
    (attachment,) = first.iter_attachments()
    assert attachment.get_filename() == "queues-20260310.csv" and attachment.get_content_type() == "text/csv"
    assert "呼入排队" in attachment.get_payload(decode=True).decode("utf-8-sig")  # type: ignore[union-attr]


async def test_what_cannot_be_mailed_is_said_and_tried_again(desk: Desk) -> None:
    await desk.open().look()
    desk.clock.at, desk.server = at("2026-03-11 08:00"), ""
    schedules = desk.open()
    await schedules.look()
    assert desk.signals.raised == ["report_not_sent"]
    (entry,) = await schedules.all()
    assert "mail.server" in entry["fault"] and entry["next"] == at("2026-03-12 07:30")
    desk.server = "mail.example.com"
    await desk.open().look()
    assert len(await desk.mails()) == 1


async def test_a_report_may_be_sent_beside_its_times(desk: Desk) -> None:
    schedules = desk.open()
    await schedules.send_now("daily")
    assert len(await desk.mails()) == 1
    with pytest.raises(NotFound):
        await schedules.send_now("nothing")
    desk.server = ""
    with pytest.raises(Conflict):
        await desk.open().send_now("daily")


def test_weeks_begin_on_monday_months_on_the_first_and_clocks_may_change() -> None:
    week = Schedule(name="w", report="queues", every="week", at="06:00")
    assert last_due(week, at("2026-03-11 12:00")) == at("2026-03-09 06:00")
    query = query_of(week, at("2026-03-09 06:00"))
    assert (query.since, query.until) == (at("2026-03-02 00:00"), at("2026-03-09 00:00"))
    month = Schedule(name="m", report="queues", every="month", at="06:00", zone="Europe/Berlin")
    due = last_due(month, at("2026-04-20 00:00", "Europe/Berlin"))
    assert due == at("2026-04-01 06:00", "Europe/Berlin")
    query = query_of(month, due)
    assert (query.until - query.since) / 3600 == 31 * 24 - 1
    assert next_due(month, due) == at("2026-05-01 06:00", "Europe/Berlin")


def test_a_parameter_that_reports_do_not_have_is_named() -> None:
    wrong = Schedule(name="daily", report="queues", parameters={"colour": "red"})
    with pytest.raises(ValueError, match="colour"):
        query_of(wrong, at("2026-03-09 06:00"))
