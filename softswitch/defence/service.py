"""Bans as people see and order them, and what a restart must not forget: bans, and the sources that logged in.

The decisions are those of `signalling.endpoint.bans`; this keeps them in a file, tells the packet filter and answers for them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog

from signalling.endpoint.bans import Ban, Bans
from signalling.endpoint.budget import Budget, source_of
from signalling.events import Counted, SecurityEvent
from softswitch.defence.files import read, write
from softswitch.defence.nftables import PacketFilter
from softswitch.model.clock import Clock
from softswitch.model.errors import Invalid, NotFound
from softswitch.model.events import AdminChanged, Event
from softswitch.observe.alarms import Alarms

log = structlog.get_logger("defence")

SAVE_SECONDS = 30.0
LONGEST = 366 * 86400.0
GUARDED_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class BanView:
    """`source`: an IPv4 address, or the first address of a /64 of IPv6. `until`: UTC epoch seconds."""

    source: str
    until: float
    reason: str
    times: int


class Defence:
    """Owned by the loop. Times of the endpoint are those of `clock.now`; the file has UTC."""

    def __init__(
        self, bans: Bans, budget: Budget, clock: Clock, journal: Callable[[Event], None], alarms: Alarms, file: Path,
        packets: PacketFilter | None = None, never: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.never = never
        """The networks whose sources are never banned, as the settings say."""
        self._bans = bans
        self._budget = budget
        self._clock = clock
        self._journal = journal
        self._alarms = alarms
        self._file = file
        self._packets = packets
        self._saved = ""
        self._guarded: dict[str, float] = {}

    def heard(self, event: SecurityEvent) -> None:
        """Something that the security line tells of."""
        if event.banned_until:
            source = source_of(event.flow.remote[0])
            log.warning(
                "! source banned", source=source, reason=event.what, seconds=round(event.banned_until - self._clock.now())
            )
            self._filter(source, event.banned_until - self._clock.now())

    def counted(self, event: Counted) -> None:
        """An account that is guessed from many sources is an alarm for ten minutes."""
        if event.what == "account-guarded":
            text = f"the password of {event.detail} is being guessed from many addresses"
            self._alarms.raise_("account_guessed", "major", text, event.detail)
            self._guarded[event.detail] = self._clock.now() + GUARDED_SECONDS

    def views(self) -> list[BanView]:
        """The bans in force, the newest last."""
        offset, now = self._offset, self._clock.now()
        return [BanView(ban.source, ban.until + offset, ban.reason, ban.times) for ban in self._bans.active(now)]

    def ban(self, source: str, seconds: float, reason: str, actor: str) -> BanView:
        """Shut a source out by order. Raises Invalid."""
        try:
            ip_address(source)
        except ValueError as fault:
            raise Invalid("source", "expected an IP address") from fault
        if not 1.0 <= seconds <= LONGEST:
            raise Invalid("seconds", "expected 1 to a year")
        ban = Ban(source_of(source), self._clock.now() + seconds, reason or "order")
        self._bans.ban(ban)
        self._filter(ban.source, seconds)
        self._audit(ban.source, "ban", actor, ban.reason)
        return BanView(ban.source, ban.until + self._offset, ban.reason, ban.times)

    def lift(self, source: str, actor: str, reason: str = "") -> None:
        """End a ban. Raises NotFound."""
        if not self._bans.lift(source):
            raise NotFound(f"{source} is not banned")
        if self._packets is not None:
            self._packets.lift(source_of(source))
        self._audit(source, "unban", actor, reason)

    # over a restart

    async def restore(self) -> None:
        """What was known when the node went down. A file that cannot be read is left out, and told."""
        text = await asyncio.to_thread(read, self._file)
        if not text:
            return
        offset, now = self._offset, self._clock.now()
        try:
            kept = json.loads(text)
            bans = [Ban(row["source"], row["until"] - offset, row["reason"], row["times"]) for row in kept["bans"]]
            logins = {str(source): float(at) - offset for source, at in kept["logins"].items()}
        except (ValueError, TypeError, KeyError) as fault:
            log.error("! defence file unreadable", file=str(self._file), error=str(fault))
            return
        for ban in bans:
            if ban.until > now:
                self._bans.ban(ban)
                self._filter(ban.source, ban.until - now)
        for source, at in sorted(logins.items(), key=lambda item: item[1]):
            self._budget.logged_in(source, min(at, now))

    async def run(self) -> None:
        """Saves now and then, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            self._calm()
            await self.save()

    async def save(self) -> None:
        text = self._text()
        if text != self._saved:
            self._saved = text
            await asyncio.to_thread(write, self._file, text)

    def _calm(self) -> None:
        now = self._clock.now()
        for name in [name for name, until in self._guarded.items() if until <= now]:
            del self._guarded[name]
            self._alarms.clear("account_guessed", name)

    def _text(self) -> str:
        offset = self._offset
        bans: list[dict[str, Any]] = [
            {"source": ban.source, "until": round(ban.until + offset), "reason": ban.reason, "times": ban.times}
            for ban in self._bans.active(self._clock.now())
        ]
        logins = {source: round(at + offset) for source, at in self._budget.logins.items()}
        return json.dumps({"bans": bans, "logins": logins}, ensure_ascii=False)

    def _filter(self, source: str, seconds: float) -> None:
        if self._packets is not None:
            self._packets.ban(source, seconds)

    def _audit(self, source: str, action: str, actor: str, reason: str) -> None:
        detail = {"reason": reason} if reason else {}
        self._journal(AdminChanged(object=f"source:{source}", action=action, detail=detail, actor=actor, at=self._clock.utc()))

    @property
    def _offset(self) -> float:
        return self._clock.utc() - self._clock.now()
