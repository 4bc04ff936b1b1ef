"""Who waits beside whom: per need signature the callers in line and the agents who are free for them, both in order.

Derived from state and configuration and kept up to date change by change: entering, leaving and the best one cost O(log n), an
agent who becomes free O(Q log n) with Q signatures of its queues. Nothing scans.
"""

from __future__ import annotations

from collections.abc import Iterator

from sortedcontainers import SortedList  # type: ignore[import-untyped]

from softswitch.acd.config import AcdConfig, QueueConfig
from softswitch.acd.figures import HOUR
from softswitch.acd.model import AcdState, AgentRecord, Line, Visit
from softswitch.acd.needs import Signature, Step, steps_of, what_lacks
from softswitch.acd.staff import Staff
from softswitch.acd.strategies import STRATEGIES
from softswitch.acd.strategies.base import Candidate, Ringing, Strategy, Waiting
from softswitch.model.states import AgentState

SHORTLIST = 32
"""Candidates that a decision ranks and names; with more free agents the index says who they are."""
_KEPT_SIGNATURES = 64  # per queue, of which nobody waits

Entry = tuple[float, float, float, str]


class Pool:
    """The callers of one signature and the agents free for them."""

    def __init__(self, signature: Signature, queue: QueueConfig) -> None:
        self.signature = signature
        self.queue = queue
        self.strategy: Strategy = STRATEGIES[queue.strategy]
        self.line: Line[Visit] = Line()
        """Without a live offer."""
        self.more: Line[Visit] = Line()
        """With live offers, but the strategy would ring further agents."""
        self._ready = SortedList()
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        """Free agents."""
        return len(self._entries)

    def __contains__(self, login: str) -> bool:
        return login in self._entries

    def put(self, candidate: Candidate) -> None:
        waiting = Waiting("", self.queue.name, 0.0, self.signature.scores)
        first = 0.0 if self.strategy.dice else float(candidate.order) if self.strategy.cyclic else 0.0
        if not self.strategy.dice and not self.strategy.cyclic:
            first = self.strategy.key(waiting, candidate, 0.0)
        second = 0.0
        if self.strategy.composed:
            inner = STRATEGIES[self.queue.second]
            second = 0.0 if inner.dice or inner.composed else inner.key(waiting, candidate, 0.0)
        entry = (first, second, candidate.idle_since, candidate.login)
        self._entries[candidate.login] = entry
        self._ready.add(entry)

    def take(self, login: str) -> None:
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


class Pools:
    """All signatures of all queues. Told of every change by the core."""

    def __init__(self, config: AcdConfig, state: AcdState, staff: Staff) -> None:
        self._config = config
        self._state = state
        self.staff = staff
        self._pools: dict[str, dict[Signature, Pool]] = {name: {} for name in config.queues}
        self._steps: dict[tuple[str, tuple[object, ...], str], tuple[Step, ...]] = {}
        self._delays: dict[str, tuple[float, ...]] = {}
        self._seats: dict[str, tuple[Line[Visit], Pool | None]] = {}
        self.held: dict[str, Line[Visit]] = {}
        """Agent → callers who wait for this agent alone (§5.2)."""
        self.of_agent: dict[str, list[Pool]] = {}
        """Free agent → the pools it is in."""

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
                if login in self.of_agent:
                    self._admit(found, login)
        return found

    def _forget(self, pools: dict[Signature, Pool]) -> None:
        for signature in [key for key, pool in pools.items() if not pool.line and not pool.more]:
            pool = pools.pop(signature)
            for login in pool.in_order(-1, 0):
                self.of_agent[login].remove(pool)

    def seat(self, visit: Visit, now: float) -> Pool | None:
        """Puts the caller where it belongs now; the pool whose agents may serve it, None when it waits for one agent."""
        self.unseat(visit.id)
        if visit.held_for:
            if not visit.offers:
                line = self.held.setdefault(visit.held_for, Line())
                self._sit(visit, line, None)
            return None
        pool = self.pool_of(visit, now)
        if not visit.offers:
            self._sit(visit, pool.line, pool)
        elif self.wanted(visit, pool, now) > 0:
            self._sit(visit, pool.more, pool)
        return pool

    def _sit(self, visit: Visit, line: Line[Visit], pool: Pool | None) -> None:
        line.add(visit)
        self._seats[visit.id] = (line, pool)

    def unseat(self, visit: str) -> None:
        if (seat := self._seats.pop(visit, None)) is not None:
            line, pool = seat
            line.remove(visit)
            if pool is None and not line:
                self.held = {login: kept for login, kept in self.held.items() if kept is not line}

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

    def agent_in(self, login: str) -> None:
        """The agent is free."""
        if login in self.of_agent:
            return
        self.of_agent[login] = []
        for queue in self.staff.queues.get(login, ()):
            for pool in self._pools[queue].values():
                self._admit(pool, login)

    def agent_out(self, login: str) -> None:
        for pool in self.of_agent.pop(login, ()):
            pool.take(login)

    def _admit(self, pool: Pool, login: str) -> None:
        if not self.lacks(pool.signature, login):
            pool.put(self.candidate(pool, login, 0.0))
            self.of_agent[login].append(pool)

    def lacks(self, signature: Signature, login: str) -> str:
        """Why the agent may not serve callers of the signature, whatever its state; "" when it may."""
        config = self._config.agents.get(login)
        return what_lacks(
            signature, self.staff.membership(login, signature.queue), self.staff.skills(login), config.site if config else "",
            self.staff.open_tier(signature.queue),
        )  # fmt: skip

    def candidate(self, pool: Pool, login: str, now: float) -> Candidate:
        """What the pool's strategy may ask of the agent; `now` 0: as of when it became free."""
        record, signature = self._state.agents[login], pool.signature
        config, member = self._config.agents[login], self.staff.membership(login, signature.queue)
        remote = bool(signature.home and config.site and config.site != signature.home)
        plain = Candidate(
            login, record.idle_since, self.staff.members[signature.queue].get(login, 0), member.weight if member else 50,
            member.tier if member else 1, int(remote), self.staff.skills(login),
        )  # fmt: skip
        if not (pool.strategy.figures or (pool.strategy.composed and STRATEGIES[pool.queue.second].figures)):
            return plain
        figures, since, at = record.figures, record.lived_since, now or record.lived_since
        return Candidate(
            login, plain.idle_since, plain.order, plain.weight, plain.tier, plain.distance, plain.skills,
            figures.answered_per_hour(since, at), figures.talk_per_hour(since, at),
            figures.occupancy(record.state, since, at), figures.mean_handling(signature.queue, self._state.handling),
        )  # fmt: skip

    def pools(self) -> Iterator[Pool]:
        for pools in self._pools.values():
            yield from pools.values()

    def seat_of(self, visit: Visit) -> tuple[Line[Visit], Pool | None] | None:
        return self._seats.get(visit.id)


def is_free(agent: AgentRecord, config: AcdConfig, now: float) -> bool:
    """Whether the agent may be offered a call now."""
    return not what_hinders(agent, config, now)


def what_hinders(agent: AgentRecord | None, config: AcdConfig, now: float) -> str:
    """Why the agent may not be offered any call now; "" when it may."""
    if agent is None or agent.login not in config.agents:
        return AgentState.LOGGED_OUT
    if agent.state is not AgentState.READY:
        return agent.state
    if agent.available_at > now:
        return "delay"
    profile = config.agents[agent.login]
    if agent.beside or agent.load.get("voice", 0) >= profile.capacity.get("voice", 1):
        return "capacity"
    if profile.occupancy_cap and occupancy(agent, now) * 100 > profile.occupancy_cap:
        return "occupancy"
    return ""


def occupancy(agent: AgentRecord, now: float) -> float:
    return agent.figures.occupancy(agent.lives, agent.lived_since, now)


def cap_relaxes_at(agent: AgentRecord, cap: int, now: float) -> float:
    """The earliest time at which an agent above its occupancy cap may be below it again."""
    return now + max(1.0, (occupancy(agent, now) - cap / 100) * HOUR * 0.25)
