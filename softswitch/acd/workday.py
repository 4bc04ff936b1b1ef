"""What each agent did since midnight, as a fold of events; the source of the personal statistics on the page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from softswitch.acd.counters import midnight
from softswitch.model.events import AgentStateChanged, CallConnected, CallCreated, Event, OfferAnswered, OfferFailed
from softswitch.model.states import AgentState as S
from softswitch.model.views import AgentToday

DAY = 86_400.0
MISSED_AFTER_MS = 3000
"""An offer that rang shorter is not missed (call-centre.md §3.1)."""

_CLASS = {
    S.READY: "ready", S.RESERVED: "ready", S.NOT_READY: "not_ready", S.NOT_RESPONDING: "not_ready", S.OFFLINE: "not_ready",
    S.RINGING: "handle", S.DIALLING: "handle", S.PREVIEW: "handle", S.TALKING: "talk", S.HOLDING: "talk",
    S.CONSULTING: "talk", S.CONFERENCE: "talk", S.WRAP_UP: "wrap_up",
}  # fmt: skip
_BUSY = frozenset({"handle", "talk", "wrap_up"})


NOTED: tuple[type[Event], ...] = (AgentStateChanged, OfferAnswered, OfferFailed, CallCreated, CallConnected)
"""What `Workdays.note` has use for."""


@dataclass(slots=True)
class _Day:
    began: float = 0.0  # midnight that these counts are of
    state: S = S.LOGGED_OUT
    since: float = 0.0
    answered: int = 0
    missed: int = 0
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    call: str = ""


class Workdays:
    """Owned by the floor. Times are those of the events."""

    def __init__(self) -> None:
        self._days: dict[str, _Day] = {}
        self._midnight = 0.0

    def restore(self, events: Iterable[Event]) -> None:
        """After a restart: the stored events of agents, in order."""
        for event in events:
            self.note(event)

    def note(self, event: Event) -> None:
        """One event of the timeline."""
        match event:
            case AgentStateChanged():
                self._moved(self._day(event.agent, event.at), S(event.new), event.at)
            case OfferAnswered():
                day = self._day(event.agent, event.at)
                day.answered += 1
                day.call = event.call
            case OfferFailed() if event.ring_ms >= MISSED_AFTER_MS or event.reason in ("no_answer", "reject"):
                self._day(event.agent, event.at).missed += 1
            case CallCreated(agent=login) | CallConnected(agent=login) if login:
                self._day(login, event.at).call = event.call
            case _:
                pass

    def last_call(self, login: str) -> str:
        """The call that the agent was in last, "" when there was none."""
        day = self._days.get(login)
        return day.call if day is not None else ""

    def today(self, login: str, now: float) -> AgentToday:
        day = self._day(login, now)
        seconds = day.seconds.copy()
        seconds[_CLASS.get(day.state, "")] += max(0.0, now - day.since)
        busy = sum(seconds[name] for name in _BUSY)
        whole = busy + seconds["ready"]
        return AgentToday(
            answered=day.answered, missed=day.missed, talk_ms=_ms(seconds["talk"]), ready_ms=_ms(seconds["ready"]),
            not_ready_ms=_ms(seconds["not_ready"]), wrap_up_ms=_ms(seconds["wrap_up"]),
            occupancy=round(busy / whole, 4) if whole else None,
        )  # fmt: skip

    def _day(self, login: str, now: float) -> _Day:
        """The agent's counts of the day of `now`; a new day begins them again, but the state goes on."""
        if not self._midnight <= now < self._midnight + DAY:
            self._midnight = midnight(now)
        day = self._days.get(login)
        if day is None:
            day = self._days[login] = _Day(self._midnight, since=now)
        elif day.began < self._midnight:
            day = self._days[login] = _Day(self._midnight, day.state, self._midnight, call=day.call)
        return day

    def _moved(self, day: _Day, new: S, at: float) -> None:
        if new is day.state:
            return
        day.seconds[_CLASS.get(day.state, "")] += max(0.0, at - day.since)
        day.state, day.since = new, at


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
