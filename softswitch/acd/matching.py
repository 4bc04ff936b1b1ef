"""Which waiting caller is offered to which free agent, and why (call-centre.md §3.1 match, §3.2 exclusion, §4, §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from softswitch.acd.config import QueueConfig
from softswitch.acd.fold import PICKED
from softswitch.acd.frame import Frame
from softswitch.acd.model import AgentRecord, Visit
from softswitch.acd.pools import SHORTLIST, Pool, is_free, what_hinders
from softswitch.acd.strategies import rank
from softswitch.acd.strategies.base import Waiting
from softswitch.model.events import AcdDecision
from softswitch.model.states import AgentState

_NAMED = 32
"""Members whom a decision names one by one among the excluded; of larger queues it tells how many are in which state."""


@dataclass(frozen=True, slots=True)
class Match:
    visit: Visit
    agent: str
    decision: AcdDecision


class Matching:
    """Reads the frame's state and pools; decides, changes nothing."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    # ------------------------------------------------------------------ the agent's next caller

    def next_visit(self, login: str) -> tuple[Visit, str] | None:
        """Whom a free agent serves next, by which rule; callers without an offer come before those who ring elsewhere."""
        pools = self._frame.pools
        if (held := pools.held.get(login)) and (first := held.first()) is not None:
            return first, f"sticky:{first.sticky}"
        heads = [(pool, visit) for pool in pools.of_agent.get(login, ()) if (visit := pool.line.first()) is not None]
        if not heads:
            mine = pools.of_agent.get(login, ())
            heads = [(pool, visit) for pool in mine if (visit := self._joinable(pool, login)) is not None]
        if not heads:
            return None
        if len(heads) == 1:
            return heads[0][1], heads[0][0].queue.choice
        best = min(self._membership_order(login, pool.queue.name) for pool, _ in heads)
        heads = [entry for entry in heads if self._membership_order(login, entry[0].queue.name) == best]
        choice = heads[0][0].queue.choice
        return min(heads, key=lambda entry: self._order(choice, entry[0].queue, entry[1]))[1], choice

    @staticmethod
    def _joinable(pool: Pool, login: str) -> Visit | None:
        if not pool.more:
            return None
        return next((visit for visit in pool.more if login not in visit.excluded), None)

    def _membership_order(self, login: str, queue: str) -> int:
        member = self._frame.staff.membership(login, queue)
        return member.priority if member else 1

    def _order(self, choice: str, queue: QueueConfig, visit: Visit) -> tuple[float, ...]:
        """The smallest is served first: the head of a line before all, then the rule, then the clocked priority (§5.3)."""
        front = 0.0 if visit.front else 1.0
        priority = -queue.priority(visit.importance, visit.entered_at, self._frame.now)
        match choice:
            case "fcfs":
                return (front, visit.entered_at)
            case "balance_wait":
                return (front, -self._frame.balance.get(queue.name, self._plain_balance(queue)), priority, visit.entered_at)
            case "deficit":
                return (front, -self._frame.deficit.get(queue.name, 0.0), priority, visit.entered_at)
            case _ if visit.front:
                return (front, visit.entered_at)
            case _:
                return (front, round(priority, 6), visit.entered_at)

    def _plain_balance(self, queue: QueueConfig) -> float:
        """Without a prediction: how long the head of the line has waited, against the queue's target."""
        line = self._frame.state.waiting.get(queue.name)
        first = line.first() if line is not None else None
        return (self._frame.now - first.entered_at) / max(queue.service_seconds, 1.0) if first is not None else 0.0

    # ------------------------------------------------------------------ the caller's agents

    def agents_for(self, visit: Visit, why: str = "") -> list[Match]:
        """Whom the caller is offered to now, as many as the strategy rings at once. `why`: the rule that chose this caller."""
        frame = self._frame
        if visit.held_for:
            agent = frame.state.agents.get(visit.held_for)
            if agent is None or visit.offers or not is_free(agent, frame.config, frame.now):
                return []
            return [self.to_one(visit, agent, f"sticky:{visit.sticky}")]
        pool = frame.pools.pool_of(visit, frame.now)
        wanted = frame.pools.wanted(visit, pool, frame.now)
        if wanted <= 0 or not pool:
            return []
        waiting = self._waiting(visit, pool)
        shortlist, ready = self._shortlist(pool, visit, waiting)
        if not shortlist:
            return []
        candidates = [frame.pools.candidate(pool, login, frame.now) for login in shortlist]
        strategy = pool.queue.strategy
        order, keys = rank(strategy, waiting, candidates, frame.now, pool.queue.second)
        excluded = self._excluded(visit, pool, order)
        rule = why or strategy
        return [
            Match(visit, login, self._decision(visit, pool.queue, login, rule, order, keys, excluded, ready, waiting.seed))
            for login in order[:wanted]
        ]

    def to_one(self, visit: Visit, agent: AgentRecord, rule: str) -> Match:
        """Straight to this agent: by memory, or picked by hand."""
        queue = self._frame.config.queues[visit.queue]
        decision = self._decision(visit, queue, agent.login, rule, [agent.login], {agent.login: 0.0}, {}, 1, 0)
        return Match(visit, agent.login, decision)

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
        fresh: list[str] = []
        failed: list[str] = []
        for login in pool.in_order(waiting.after, waiting.seed):
            if visit.excluded.get(login, 0.0) > self._frame.now:
                failed.append(login)
                continue
            fresh.append(login)
            if len(fresh) == SHORTLIST:
                break
        fresh += [login for login in visit.known_to if login in pool and login not in fresh and login not in visit.excluded]
        if fresh or visit.offers:
            return fresh, len(pool) - len(failed)
        return failed[:SHORTLIST], len(pool)

    # ------------------------------------------------------------------ why

    def _decision(
        self, visit: Visit, queue: QueueConfig, chosen: str, rule: str, order: list[str], keys: Mapping[str, float],
        excluded: Mapping[str, str], ready: int, seed: int,
    ) -> AcdDecision:  # fmt: skip
        return AcdDecision(
            call=visit.call, queue=visit.queue, visit=visit.id, strategy=queue.strategy, candidates=tuple(order),
            excluded=excluded, keys=keys, chosen=chosen, agent=chosen, rule=rule, stage=visit.stage,
            priority=round(queue.priority(visit.importance, visit.entered_at, self._frame.now), 3),
            config_version=self._frame.config.version, seed=seed, choice=queue.choice, ready=ready,
        )  # fmt: skip

    def _excluded(self, visit: Visit, pool: Pool, order: Iterable[str]) -> dict[str, str]:
        """login → why not; of a large queue "(state)" → how many, and those who failed this caller."""
        members, chosen_from = self._frame.staff.members[visit.queue], set(order)
        if len(members) <= _NAMED:
            return {login: self._why_not(login, visit, pool) for login in members if login not in chosen_from}
        states = self._frame.staff.states[visit.queue]
        told = {f"({state})": str(count) for state, count in states.items() if count and state is not AgentState.READY}
        failed = [login for login in visit.excluded if login not in chosen_from][:_NAMED]
        return {**told, **{login: self._why_not(login, visit, pool) for login in failed}}

    def _why_not(self, login: str, visit: Visit, pool: Pool) -> str:
        agent = self._frame.state.agents.get(login)
        if why := what_hinders(agent, self._frame.config, self._frame.now):
            return why
        return self._frame.pools.lacks(pool.signature, login) or "failed this call"


__all__ = ["PICKED", "Match", "Matching", "is_free"]
