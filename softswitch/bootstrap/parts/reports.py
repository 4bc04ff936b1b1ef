"""Reports, their schedules, and the queue_log for foreign report programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from softswitch.calendar.service import Calendars
from softswitch.mail.service import Mailer
from softswitch.reports.queue_log import Lines, QueueLog
from softswitch.reports.schedules import Parts, Schedules
from softswitch.reports.service import Reports

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

T = TypeVar("T")


async def build(node: Node) -> Reports:
    queue_log(node)
    return Reports(
        node.store, node.directory.current, node.clock, channels=node.switch.trunks.channels, hours=_part(node, Calendars),
        settled=node.journal.settled,
    )  # fmt: skip


async def schedules(node: Node) -> Schedules:
    reports, mailer = _part(node, Reports), _part(node, Mailer)
    made = Schedules(
        Parts(
            reports=reports, store=node.store, directory=node.directory.current, clock=node.clock, mailer=mailer,
            alarms=node.alarms,
        )
    )  # fmt: skip
    node.run(made.run(), "report schedules")
    return made


def queue_log(node: Node) -> None:
    """Written when `reports.queue_log` says where."""
    settings = node.settings.reports
    if not settings.queue_log:
        return

    def queues_of(login: str) -> tuple[str, ...]:
        agent = node.directory.current().agents.get(login)
        return agent.queues if agent is not None else ()

    path = Path(settings.queue_log.replace("{data_dir}", str(node.settings.data_dir)))
    made = QueueLog(path, Lines(queues_of), most_bytes=settings.queue_log_bytes)
    node.bus.subscribe(made.note)
    node.on_close_async(made.close)


def _part(node: Node, kind: type[T]) -> T:
    found = node.parts[kind]
    assert isinstance(found, kind)
    return found
