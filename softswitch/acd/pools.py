"""Who waits beside whom: per need signature the callers in line and the agents who are free for them, both in order.

Derived from state and configuration and kept up to date change by change: entering, leaving and the best one cost O(log n), an
agent who becomes free O(Q log n) with Q signatures of its queues. Nothing scans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sortedcontainers import SortedList  # type: ignore[import-untyped]

from softswitch.acd.config import MEMBER, AcdConfig
from softswitch.acd.line import Heap
from softswitch.acd.model import AcdState, Visit
from softswitch.acd.needs import Signature, Step, steps_of, what_lacks
from softswitch.acd.staff import Staff
from softswitch.acd.strategies import STRATEGIES
from softswitch.acd.strategies.base import Candidate, Ringing, Strategy, Waiting
from softswitch.directory.centre import Queue

SHORTLIST = 20
"""Candidates that a decision ranks where the ranking changes while agents wait, or where so many ring."""
NAMED_AT_MOST = 10
"""And where it does not: the index has them in order."""
_KEPT_SIGNATURES = 64  # per queue, of which nobody waits

Entry = tuple[float, float, float, str]


class Pool:
    """The callers of one signature and the agents free for them."""

    def __init__(self, signature: Signature, queue: Queue) -> None:
        self.signature = signature
        self.queue = queue
        self.strategy: Strategy = STRATEGIES[queue.strategy]
        second = STRATEGIES[queue.second]
        self.second: Strategy | None = second if self.strategy.composed and not (second.dice or second.composed) else None
        self.reads_figures = self.strategy.figures or (self.second is not None and self.second.figures)
        self.line: Heap[Visit] = Heap()
        """Without a live offer."""
        self.more: Heap[Visit] = Heap()
        """With live offers, but the strategy would ring further agents."""
        self._anybody = Waiting("", queue.name, 0.0, signature.scores)
        self._ready = SortedList()
        self._entries: dict[str, Entry] = {}
        self.able: dict[str, Able] = {}
        """Of the free agents."""

    def __len__(self) -> int:
        """Free agents."""
        return len(self._entries)

    def __contains__(self, login: str) -> bool:
        return login in self._entries

    def put(self, candidate: Candidate, able: Able) -> None:
        self.able[candidate.login] = able
        first = second = 0.0
        if self.strategy.cyclic:
            first = float(candidate.order)
        elif not self.strategy.dice:
            first = self.strategy.key(self._anybody, candidate, 0.0)
        if self.second is not None:
            second = self.second.key(self._anybody, candidate, 0.0)
        entry = self._entries[candidate.login] = (first, second, candidate.idle_since, candidate.login)
        self._ready.add(entry)

    def take(self, login: str) -> None:
        del self.able[login]
        self._ready.remove(self._entries.pop(login))

    def in_order(self, after: int, seed: int) -> Iterator[str]:
        """The free agents' logins, the most promising first; drawn at random where the strategy draws lots."""
        count = len(self._ready)
        if self.strategy.dice and count > SHORTLIST:
            start, stride = seed % count, _stride(seed, count)
            for step in range(count):
                yield self._ready[(start + step * stride) % count][3]
        elif self.strategy.cyclic:
            middle = self._ready.bisect_right((float(after), float("inf"), 0.0, ""))
            yield from (entry[3] for entry in self._ready.islice(middle))
            yield from (entry[3] for entry in self._ready.islice(0, middle))
        else:
            yield from (entry[3] for entry in self._ready)


def _stride(seed: int, count: int) -> int:
    """A step through `count` places that meets each of them once."""
    stride = 1 + (seed >> 7) % count
    while _shares_a_factor(stride, count):
        stride += 1
    return stride


def _shares_a_factor(one: int, other: int) -> bool:
    while other:
        one, other = other, one % other
    return one != 1


class Able(NamedTuple):
    """A pool whose callers the agent may serve, and what its strategy may ask that does not change from call to call."""

    pool: Pool
    priority: int
    order: int
    weight: int
    tier: int
    distance: int
    skills: Mapping[str, int]


class Pools:
    """All signatures of all queues. Told of every change by the core."""

    def __init__(self, config: AcdConfig, state: AcdState, staff: Staff) -> None:
        self._config = config
        self._state = state
        self.staff = staff
        self._pools: dict[str, dict[Signature, Pool]] = {name: {} for name in config.queues}
        self._steps: dict[tuple[str, tuple[object, ...], str], tuple[Step, ...]] = {}
        self._delays: dict[str, tuple[float, ...]] = {}
        self._seats: dict[str, tuple[Heap[Visit], Pool | None]] = {}
        self._able: dict[str, list[Able]] = {}
        self.held: dict[str, Heap[Visit]] = {}
        """Agent → callers who wait for this agent alone (§5.2)."""
        self.free: dict[str, list[Able] | None] = {}
        """Free agent → the pools it is in; None while it stands aside, just freed."""

    # ------------------------------------------------------------------ callers

    def steps(self, visit: Visit) -> tuple[Step, ...]:
        key = (visit.queue, visit.needs, visit.site)
        found = self._steps.get(key)
        if found is None:
            found = steps_of(self._config.queues[visit.queue], visit.needs, visit.site, self._delays_of(visit.queue))
            self._steps[key] = found
        return found

    def _delays_of(self, queue: str) -> tuple[float, ...]:
        found = self._delays.get(queue)
        if found is None:
            members = (self.staff.membership(login, queue) for login in self.staff.members[queue])
            found = self._delays[queue] = tuple(sorted({float(member.delay) for member in members if member and member.delay}))
        return found

    def delays_changed(self, queue: str) -> bool:
        """Looks again at the delays of the queue's members; the steps of its callers follow from them."""
        before = self._delays.pop(queue, None)
        if before is None or before == self._delays_of(queue):
            return False
        self._steps = {key: steps for key, steps in self._steps.items() if key[0] != queue}
        return True

    def step(self, visit: Visit, now: float) -> Step:
        """What holds for the caller at this moment."""
        waited = now - visit.entered_at + 1e-6
        current, *later = self.steps(visit)
        for step in later:
            if step.after > waited:
                break
            current = step
        return current

    def next_step(self, visit: Visit, now: float) -> float | None:
        """When more agents become eligible, epoch seconds."""
        waited = now - visit.entered_at + 1e-6
        return next((visit.entered_at + step.after for step in self.steps(visit) if step.after > waited), None)

    def pool_of(self, visit: Visit, now: float) -> Pool:
        signature = self.step(visit, now).signature
        pools = self._pools[visit.queue]
        found = pools.get(signature)
        if found is None:
            if len(pools) >= _KEPT_SIGNATURES:
                self._forget(pools)
            found = pools[signature] = Pool(signature, self._config.queues[visit.queue])
            for login in self.staff.members[visit.queue]:
                self._extend(found, login)
        return found

    def _forget(self, pools: dict[Signature, Pool]) -> None:
        """Signatures of which nobody waits come again when they are asked for."""
        for signature in [key for key, pool in pools.items() if not pool.line and not pool.more]:
            gone = pools.pop(signature)
            for login in self.staff.members[signature.queue]:
                for able in (self._able.get(login), self.free.get(login)):
                    if able is not None:
                        able[:] = [entry for entry in able if entry.pool is not gone]

    def seat(self, visit: Visit, now: float) -> Pool | None:
        """Puts the caller where it belongs now; the pool whose agents may serve it, None when it waits for one agent."""
        self.unseat(visit.id)
        if visit.held_for:
            if not visit.offers:
                self._sit(visit, self.held.setdefault(visit.held_for, Heap()), None)
            return None
        pool = self.pool_of(visit, now)
        if not visit.offers:
            self._sit(visit, pool.line, pool)
        elif self.wanted(visit, pool, now) > 0:
            self._sit(visit, pool.more, pool)
        return pool

    def _sit(self, visit: Visit, heap: Heap[Visit], pool: Pool | None) -> None:
        heap.add(visit)
        self._seats[visit.id] = (heap, pool)

    def unseat(self, visit: str) -> None:
        if (seat := self._seats.pop(visit, None)) is not None:
            heap, pool = seat
            heap.remove(visit)
            if pool is None and not heap:
                self.held = {login: kept for login, kept in self.held.items() if kept is not heap}

    def wanted(self, visit: Visit, pool: Pool, now: float) -> int:
        """How many more agents should ring for the caller now."""
        queue, live = pool.queue, len(visit.offers)
        if visit.rings_one:
            return 0 if live else 1
        ringing = Ringing(
            live, now - visit.wave_at if live else 0.0, queue.ring_count, queue.ring_step, self._config.rules.most_at_once
        )
        return pool.strategy.at_once(ringing) - live

    # ------------------------------------------------------------------ agents

    def able(self, login: str) -> list[Able]:
        """The pools whose callers the agent may serve, free or not."""
        found = self._able.get(login)
        if found is None:
            queues = self.staff.queues.get(login, ())
            pools = (pool for queue in queues for pool in self._pools[queue].values())
            found = self._able[login] = [entry for pool in pools if (entry := self._ability(pool, login)) is not None]
        return found

    def _ability(self, pool: Pool, login: str) -> Able | None:
        signature = pool.signature
        if self.lacks(signature, login):
            return None
        config, member = self._config.agents.get(login), self.staff.membership(login, signature.queue) or MEMBER
        remote = bool(signature.home and config and config.site and config.site != signature.home)
        order = self.staff.members[signature.queue][login]
        return Able(pool, member.priority, order, member.weight, member.tier, int(remote), self.staff.skills(login))

    def _extend(self, pool: Pool, login: str) -> None:
        """A new signature: agents who are known to be able get it too."""
        able = self._able.get(login)
        if able is None or (entry := self._ability(pool, login)) is None:
            return
        able.append(entry)
        mine = self.free.get(login)
        if mine is not None:
            mine.append(entry)
            pool.put(self.candidate(entry, login, 0.0), entry)

    def requalify(self, login: str) -> None:
        """Skills, queues or open tiers have changed; a free agent stands aside until it is entered again."""
        self._able.pop(login, None)
        if login in self.free:
            self.leave(login)
            self.free[login] = None

    def set_aside(self, login: str) -> None:
        """The agent has become free."""
        self.free[login] = None

    def enter(self, login: str) -> None:
        """The free agent may be chosen by whoever comes."""
        if login in self.free and self.free[login] is None:
            self.free[login] = mine = list(self.able(login))
            for entry in mine:
                entry.pool.put(self.candidate(entry, login, 0.0), entry)

    def leave(self, login: str) -> None:
        """The agent is no longer free."""
        for entry in self.free.pop(login, None) or ():
            entry.pool.take(login)

    def lacks(self, signature: Signature, login: str) -> str:
        """Why the agent may not serve callers of the signature, whatever its state; "" when it may."""
        config = self._config.agents.get(login)
        return what_lacks(
            signature, self.staff.membership(login, signature.queue), self.staff.skills(login), config.site if config else "",
            self.staff.open_tier(signature.queue),
        )  # fmt: skip

    def candidate(self, able: Able, login: str, now: float) -> Candidate:
        """What the pool's strategy may ask of the agent; `now` 0: as of when it became free."""
        record = self._state.agents[login]
        if not able.pool.reads_figures:
            return Candidate(login, record.idle_since, able.order, able.weight, able.tier, able.distance, able.skills)
        figures, since, at = record.figures, record.lived_since, now or record.lived_since
        return Candidate(
            login, record.idle_since, able.order, able.weight, able.tier, able.distance, able.skills,
            figures.answered_per_hour(since, at), figures.talk_per_hour(since, at),
            figures.occupancy(record.state, since, at), figures.mean_handling(able.pool.signature.queue, self._state.handling),
        )  # fmt: skip

    def seat_of(self, visit: Visit) -> tuple[Heap[Visit], Pool | None] | None:
        return self._seats.get(visit.id)
