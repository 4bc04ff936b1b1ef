"""Which waiting caller is offered to which free agent, and why (call-centre.md §3.1 match, §3.2 exclusion, §4, §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from softswitch.acd.config import priority
from softswitch.acd.frame import Frame
from softswitch.acd.free import what_hinders
from softswitch.acd.model import Visit
from softswitch.acd.pools import NAMED_AT_MOST, SHORTLIST, Able, Pool
from softswitch.acd.strategies import rank
from softswitch.acd.strategies.base import Candidate, Waiting
from softswitch.directory.centre import Queue
from softswitch.model.events import AcdDecision
from softswitch.model.states import AgentState

_READY = AgentState.READY
_NAMED = 32
"""Members whom a decision names one by one among the excluded; of larger queues it tells how many are in which state."""


@dataclass(frozen=True, slots=True)
class Match:
    """A caller, an agent, and why. `order` and `keys`: the ranking; `ready`: eligible agents in all."""

    visit: Visit
    agent: str
    rule: str
    order: tuple[str, ...]
    keys: Mapping[str, float] = field(default_factory=dict)
    excluded: Mapping[str, str] = field(default_factory=dict)
    ready: int = 1
    seed: int = 0

    def decision(self, queue: Queue, offer: str, config_version: int, now: float) -> AcdDecision:
        visit = self.visit
        return AcdDecision(
            at=now, call=visit.call, queue=visit.queue, visit=visit.id, strategy=queue.strategy, candidates=self.order,
            excluded=self.excluded, keys=self.keys, chosen=self.agent, agent=self.agent, rule=self.rule, stage=visit.stage,
            priority=round(priority(queue, visit.importance, visit.entered_at, now), 3), config_version=config_version,
            seed=self.seed, choice=queue.choice, ready=self.ready, offer=offer,
        )  # fmt: skip


class Matching:
    """Reads the frame's state and pools; decides, changes nothing."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    # ------------------------------------------------------------------ the agent's next caller

    def next_visit(self, login: str) -> tuple[Visit, Able | None, str] | None:
        """Whom a free agent serves next, in which pool and by which rule.

        Callers without an offer come before those who ring elsewhere and would ring here too.
        """
        pools = self._frame.pools
        if (held := pools.held.get(login)) and (first := held.first()) is not None:
            return first, None, f"sticky:{first.sticky}"
        able = pools.able(login)
        heads = [(entry, visit) for entry in able if (visit := entry.pool.line.first()) is not None]
        if not heads:
            heads = [(entry, visit) for entry in able if (visit := _joinable(entry.pool, login)) is not None]
        if not heads:
            return None
        if len(heads) > 1:
            best = min(entry.priority for entry, _ in heads)
            heads = [head for head in heads if head[0].priority == best]
        choice = heads[0][0].pool.queue.choice
        if len(heads) > 1:
            heads = [min(heads, key=lambda head: self._order(choice, head[0].pool.queue, head[1]))]
        ((entry, visit),) = heads
        return visit, entry, choice

    def _order(self, choice: str, queue: Queue, visit: Visit) -> tuple[float, ...]:
        """The smallest is served first: the head of a line before all, then the rule, then the clocked priority (§5.3)."""
        front = 0.0 if visit.front else 1.0
        clocked = -priority(queue, visit.importance, visit.entered_at, self._frame.now)
        match choice:
            case "fcfs":
                return (front, visit.entered_at)
            case "balance_wait":
                return (front, -self._frame.balance.get(queue.name, self._plain_balance(queue)), clocked, visit.entered_at)
            case "deficit":
                return (front, -self._frame.deficit.get(queue.name, 0.0), clocked, visit.entered_at)
            case _ if visit.front:
                return (front, visit.entered_at)
            case _:
                return (front, round(clocked, 6), visit.entered_at)

    def _plain_balance(self, queue: Queue) -> float:
        """Without a prediction: how long the head of the line has waited, against the queue's target."""
        line = self._frame.state.waiting.get(queue.name)
        first = line.first() if line is not None else None
        return (self._frame.now - first.entered_at) / max(queue.service_seconds, 1.0) if first is not None else 0.0

    # ------------------------------------------------------------------ the caller's agents

    def agents_for(self, visit: Visit, why: str = "") -> list[Match]:
        """Whom the caller is offered to now, as many as the strategy rings at once. `why`: the rule that chose this caller."""
        frame = self._frame
        if visit.held_for:
            if visit.offers or visit.held_for not in frame.pools.free:
                return []
            return [Match(visit, visit.held_for, f"sticky:{visit.sticky}", (visit.held_for,))]
        pool = frame.pools.pool_of(visit, frame.now)
        wanted = frame.pools.wanted(visit, pool, frame.now)
        if wanted <= 0 or not pool:
            return []
        waiting = self._waiting(visit, pool)
        shortlist, ready = self._shortlist(pool, visit, waiting)
        candidates = [frame.pools.candidate(pool.able[login], login, frame.now) for login in shortlist]
        return self._ranked(visit, pool, waiting, candidates, wanted, why, ready)

    def only_agent_for(self, visit: Visit, able: Able, login: str, why: str) -> list[Match]:
        """The same where nobody else is free for the caller than this agent, who stands aside."""
        candidate = self._frame.pools.candidate(able, login, self._frame.now)
        return self._ranked(visit, able.pool, self._waiting(visit, able.pool), [candidate], 1, why, 1)

    def _ranked(
        self, visit: Visit, pool: Pool, waiting: Waiting, candidates: list[Candidate], wanted: int, why: str, ready: int
    ) -> list[Match]:
        if not candidates:
            return []
        strategy = pool.queue.strategy
        order, keys = rank(strategy, waiting, candidates, self._frame.now, pool.queue.second)
        excluded = self._excluded(visit, pool, order)
        rule = why or strategy
        return [Match(visit, login, rule, tuple(order), keys, excluded, ready, waiting.seed) for login in order[:wanted]]

    def _waiting(self, visit: Visit, pool: Pool) -> Waiting:
        trail = self._frame.state.trails.get(visit.queue)
        members = self._frame.staff.members[visit.queue]
        after = members.get(trail[-1][1], -1) if trail else -1
        seed = crc32(f"{self._frame.config.seed}:{visit.id}:{visit.tries}".encode()) & 0x7FFFFFFF if pool.strategy.dice else 0
        return Waiting(
            visit.id, visit.queue, visit.entered_at, pool.signature.scores, after, len(self._frame.config.agents) + 1, seed,
            visit.known_to,
        )  # fmt: skip

    def _shortlist(self, pool: Pool, visit: Visit, waiting: Waiting) -> tuple[list[str], int]:
        """The most promising free agents who have not failed this caller; if all have, all are asked again (§3.2)."""
        several = pool.strategy.dice or pool.reads_figures or pool.strategy.joins
        most = SHORTLIST if several else NAMED_AT_MOST
        fresh: list[str] = []
        failed: list[str] = []
        for login in pool.in_order(waiting.after, waiting.seed):
            if visit.excluded.get(login, 0.0) > self._frame.now:
                failed.append(login)
                continue
            fresh.append(login)
            if len(fresh) == most:
                break
        fresh += [login for login in visit.known_to if login in pool and login not in fresh and login not in visit.excluded]
        if fresh or visit.offers:
            return fresh, len(pool) - len(failed)
        return failed[:SHORTLIST], len(pool)

    # ------------------------------------------------------------------ why

    def _excluded(self, visit: Visit, pool: Pool, order: Iterable[str]) -> dict[str, str]:
        """login → why not; of a large queue "(state)" → how many, and those who failed this caller."""
        members, chosen_from = self._frame.staff.members[visit.queue], set(order)
        if len(members) <= _NAMED:
            return {login: self._why_not(login, visit, pool) for login in members if login not in chosen_from}
        states = self._frame.staff.states[visit.queue]
        told = {f"({state})": str(count) for state, count in states.items() if count and state is not _READY}
        failed = [login for login in visit.excluded if login not in chosen_from][:_NAMED]
        return {**told, **{login: self._why_not(login, visit, pool) for login in failed}}

    def _why_not(self, login: str, visit: Visit, pool: Pool) -> str:
        agent = self._frame.state.agents.get(login)
        if why := what_hinders(agent, self._frame.config, self._frame.now):
            return why
        return self._frame.pools.lacks(pool.signature, login) or "failed this call"


def _joinable(pool: Pool, login: str) -> Visit | None:
    return next((visit for visit in pool.more if login not in visit.excluded), None) if pool.more else None
