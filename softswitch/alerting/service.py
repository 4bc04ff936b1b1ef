"""Alarms beyond the screen: their history, who is told by mail and webhook, and who is told next when nobody takes care."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from softswitch.alerting import history
from softswitch.alerting.catalogue import entry_of
from softswitch.alerting.conditions import rules_for
from softswitch.directory.model import AlarmRule
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import SwitchError
from softswitch.model.events import AlarmCleared, AlarmEscalated, AlarmRaised, Event, rfc3339
from softswitch.observe.alarms import Alarm, Alarms
from softswitch.store.cursor import Page
from softswitch.store.database import Store

log = structlog.get_logger("alerting")
ESCALATE_SECONDS: Mapping[str, float] = {"critical": 180.0, "major": 600.0, "minor": 3600.0}
"""Where a rule does not say; a warning is never escalated."""
LOUD = ("critical", "major")


class Mail(Protocol):
    @property
    def configured(self) -> bool: ...

    async def send(self, to: Sequence[str], subject: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    alarms: Alarms
    store: Store
    clock: Clock
    directory: Callable[[], Snapshot]
    journal: Callable[[Event], None]
    put: Callable[[history.Write], object]
    """A write that must not be lost: `Spool.put`."""
    mail: Mail
    post: Callable[[str, str, Mapping[str, Any]], Awaitable[object]]
    """`await post(webhook, event type, values)`."""
    everybody: Sequence[str] = ()
    """Told of critical and major alarms that no rule names."""
    keep_days: int = 400


class Alerting:
    """Owned by the loop. `note` is subscribed to alarm events; `run()` is the task."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._escalated: dict[str, int] = {}
        """Alarm → how many were told after the first ones."""
        self._telling: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        now = self._parts.clock.utc()
        await self._parts.store.write(lambda c: history.close_open(c, now))
        await self._parts.store.write(lambda c: history.forget(c, now - self._parts.keep_days * 86_400.0))
        for alarm in self._parts.alarms.active():  # raised before anybody listened
            self.note(_raised(alarm))

    def note(self, event: Event) -> None:
        """What happens to alarms."""
        write = history.writing(event)
        if write is not None:
            self._parts.put(write)
        if isinstance(event, AlarmRaised):
            self._tell_first(event)
        elif isinstance(event, AlarmCleared):
            self._escalated.pop(event.alarm, None)

    async def run(self) -> None:
        """Task: clears, escalates."""
        while True:
            self.look()
            await asyncio.sleep(1.0)

    def look(self) -> None:
        """One turn: what was absent for long enough is cleared, what nobody takes care of is escalated."""
        self._parts.alarms.tick()
        for alarm in self._parts.alarms.active():
            if not alarm.acked_by:
                self._escalate(alarm)

    async def past(self, *, limit: int, cursor: str = "", code: str = "", level: str = "") -> Page[history.PastAlarm]:
        return await self._parts.store.read(lambda c: history.page(c, limit=limit, cursor=cursor, code=code, level=level))

    def acknowledge(self, identity: str, actor: str, note: str) -> Alarm:
        """Raises NotFound, Conflict."""
        return self._parts.alarms.acknowledge(identity, actor, note)

    # telling people

    def _rules(self, code: str, about: str) -> list[AlarmRule]:
        return rules_for(code, about, list(self._parts.directory().alarm_rules.values()))

    def _tell_first(self, event: AlarmRaised) -> None:
        rules = self._rules(event.code, event.object)
        addresses = [address for rule in rules for address in rule.mail]
        if not rules and event.level in LOUD:
            addresses = list(self._parts.everybody)
        if addresses:
            self._spawn(self._mail(addresses, event.code, event.level, event.object, event.text))
        for rule in rules:
            if rule.webhook:
                data = {
                    "id": event.alarm, "at": rfc3339(event.at), "code": event.code, "level": event.level,
                    "object": event.object, "text": event.text,
                }  # fmt: skip
                self._spawn(self._parts.post(rule.webhook, event.type, data))

    def _escalate(self, alarm: Alarm) -> None:
        rules = self._rules(alarm.code, alarm.object)
        chain = [address for rule in rules for address in rule.escalate_mail]
        wait = min((float(rule.escalate_seconds) for rule in rules if rule.escalate_seconds), default=0.0)
        wait = wait or ESCALATE_SECONDS.get(alarm.level, 0.0)
        told = self._escalated.get(alarm.id, 0)
        if told >= len(chain) or not wait or self._parts.clock.utc() - alarm.since < wait * (told + 1):
            return
        self._escalated[alarm.id] = told + 1
        self._spawn(self._mail([chain[told]], alarm.code, alarm.level, alarm.object, alarm.text, escalated=True))
        at = self._parts.clock.utc()
        self._parts.journal(
            AlarmEscalated(at=at, actor="system", code=alarm.code, object=alarm.object, to=chain[told], alarm=alarm.id)
        )

    async def _mail(self, to: Sequence[str], code: str, level: str, about: str, text: str, *, escalated: bool = False) -> None:
        if not self._parts.mail.configured:
            log.warning("! alarm not mailed: no mail server", code=code, to=list(to))
            return
        said = entry_of(code)
        mark = "升级 escalated " if escalated else ""
        subject = f"[{mark}{level}] {said.title.zh} {said.title.en}" + (f" ({about})" if about else "")
        lines = [text, "", f"{said.cause.zh} {said.guide.zh}", f"{said.cause.en} {said.guide.en}"]
        try:
            await self._parts.mail.send(list(dict.fromkeys(to)), subject, "\n".join(lines))
        except SwitchError as error:
            log.error("! alarm not mailed", code=code, error=str(error))

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name="alarm told")
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("! alarm not told", exc_info=fault)


def _raised(alarm: Alarm) -> AlarmRaised:
    return AlarmRaised(at=alarm.since, actor="system", code=alarm.code, level=alarm.level, text=alarm.text, object=alarm.object,
                       alarm=alarm.id)  # fmt: skip
