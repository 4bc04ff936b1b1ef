"""What an agent has done: today's counts for the fair strategies, the last hour's occupancy, handling times. A fold of states.

Daily figures begin again at midnight of the tenant. Whoever reads passes `now`; reading changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.model.states import AgentState

DAY = 86_400.0
HOUR = 3_600.0
LEAST_HOURS = 0.25
"""A late starter counts as signed in so long, in order not to be flooded."""
LAST_CONTACTS = 50
SHRINK = 10.0
"""Contacts that the queue's mean counts for beside an agent's own."""
DEFAULT_HANDLING = 180.0
"""Seconds, until the queue has a mean of its own."""
_KEPT = 256  # points of the work curve

S = AgentState
BUSY = frozenset({
    S.PREVIEW, S.RESERVED, S.RINGING, S.DIALLING, S.TALKING, S.HOLDING, S.CONSULTING, S.CONFERENCE, S.WRAP_UP,
})  # fmt: skip
WORKING = BUSY | {S.READY}
"""Neither away nor signed out."""
SPEAKING = frozenset({S.TALKING, S.HOLDING, S.CONSULTING, S.CONFERENCE})


@dataclass(slots=True)
class Figures:
    midnight: float = 0.0  # when the day of these figures ends
    answered: int = 0
    talk: float = 0.0
    signed_in: float = 0.0
    working: float = 0.0
    by_memory: float = 0.0  # seconds of contacts that came by the sticky rule
    contact: float = 0.0  # seconds of the running contact so far, wrap-up included
    handling: dict[str, list[float]] = field(default_factory=dict)  # queue → the last contacts' seconds
    times: list[float] = field(default_factory=list)  # the work curve: busy and working seconds up to these times
    busy_to: list[float] = field(default_factory=list)
    work_to: list[float] = field(default_factory=list)

    def lived(self, state: AgentState, since: float, until: float, *, by_memory: bool, day_offset: float) -> None:
        """The agent was in `state` from `since` until now."""
        if until >= self.midnight:
            self._new_day(until, day_offset)
        since = min(since, until)
        today = until - max(since, self.midnight - DAY)
        self.signed_in += today if state is not S.LOGGED_OUT else 0.0
        self.working += today if state in WORKING else 0.0
        self.talk += today if state in SPEAKING else 0.0
        if state in SPEAKING or state is S.WRAP_UP:
            self.contact += until - since
            self.by_memory += today if by_memory else 0.0
        if state in WORKING:
            self._extend(since, until, busy=state in BUSY)

    def contact_over(self, queue: str) -> float:
        """Notes the handling time of a contact of the queue and returns it; 0.0 when there was none."""
        seconds, self.contact = self.contact, 0.0
        if queue and seconds:
            times = self.handling.setdefault(queue, [])
            times.append(seconds)
            del times[:-LAST_CONTACTS]
        return seconds

    def _new_day(self, now: float, day_offset: float) -> None:
        self.midnight = ((now + day_offset) // DAY + 1) * DAY - day_offset
        self.answered = 0
        self.talk = self.signed_in = self.working = self.by_memory = 0.0

    def _extend(self, since: float, until: float, *, busy: bool) -> None:
        if not self.times or since > self.times[-1]:
            self._point(since, 0.0, 0.0)
        length = until - since
        self._point(until, length if busy else 0.0, length)
        if len(self.times) > 2 * _KEPT and self.times[_KEPT] < until - HOUR:
            del self.times[:_KEPT], self.busy_to[:_KEPT], self.work_to[:_KEPT]

    def _point(self, at: float, busy: float, work: float) -> None:
        self.times.append(at)
        self.busy_to.append((self.busy_to[-1] if self.busy_to else 0.0) + busy)
        self.work_to.append((self.work_to[-1] if self.work_to else 0.0) + work)

    # ------------------------------------------------------------------ reading

    def hours(self, running_since: float, now: float) -> float:
        """Signed-in hours today with those of the state that runs since then; at least LEAST_HOURS."""
        begun = self.midnight if now >= self.midnight else self.midnight - DAY
        before = 0.0 if now >= self.midnight else self.signed_in
        return max(LEAST_HOURS, (before + now - max(running_since, begun)) / HOUR)

    def answered_per_hour(self, running_since: float, now: float) -> float:
        return 0.0 if now >= self.midnight else self.answered / self.hours(running_since, now)

    def talk_per_hour(self, running_since: float, now: float) -> float:
        """Seconds of conversation per signed-in hour."""
        return 0.0 if now >= self.midnight else self.talk / self.hours(running_since, now)

    def occupancy(self, running: AgentState, running_since: float, now: float) -> float:
        """Busy share of the working time of the last 60 minutes, 0–1; a quarter of an hour is the least base."""
        begin = now - HOUR
        busy = self._past(self.busy_to, begin)
        work = self._past(self.work_to, begin)
        if running in WORKING:
            length = now - max(running_since, begin)
            work += length
            busy += length if running in BUSY else 0.0
        return busy / max(work, LEAST_HOURS * HOUR)

    def _past(self, totals: list[float], begin: float) -> float:
        """What the curve gained after `begin`."""
        if not totals:
            return 0.0
        after = bisect_right(self.times, begin)
        if after == len(totals):
            return 0.0
        if after == 0:
            return totals[-1] - totals[0]
        left, right = self.times[after - 1], self.times[after]
        share = (begin - left) / (right - left) if right > left else 0.0
        return totals[-1] - (totals[after - 1] + share * (totals[after] - totals[after - 1]))

    def memory_share(self, running: AgentState, running_since: float, now: float) -> float:
        """Of today's working time, the part that contacts by memory took."""
        if now >= self.midnight:
            return 0.0
        working = self.working + (now - max(running_since, self.midnight - DAY) if running in WORKING else 0.0)
        return self.by_memory / max(working, LEAST_HOURS * HOUR)

    def mean_handling(self, queue: str, of_queue: Mapping[str, list[float]]) -> float:
        """Seconds per contact of this queue, the last 50, shrunk to the queue's mean."""
        times = self.handling.get(queue, ())
        mean, count = of_queue.get(queue, (DEFAULT_HANDLING, 0.0))
        prior = SHRINK if count else 1.0
        return (sum(times) + prior * mean) / (len(times) + prior)
