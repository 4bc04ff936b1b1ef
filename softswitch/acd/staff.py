"""Which agents serve which queue today, and how many of them are in which state. Derived from configuration and state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from softswitch.acd.config import MEMBER, AcdConfig
from softswitch.acd.figures import WORKING
from softswitch.acd.model import AcdState, AgentRecord
from softswitch.acd.needs import gates_tiers
from softswitch.directory.centre import Membership
from softswitch.model.states import AgentState

NOBODY_WORKS = 10
"""The tier that is open when no member of any tier works."""


class Staff:
    """Kept up to date by the core, so that no question scans the agents."""

    def __init__(self, config: AcdConfig, state: AcdState) -> None:
        self._config = config
        self._state = state
        self.queues: dict[str, tuple[str, ...]] = {}
        """login → queues of today."""
        self.members: dict[str, dict[str, int]] = {name: {} for name in config.queues}
        """queue → login → position in the member order."""
        self.states: dict[str, Counter[AgentState]] = {name: Counter() for name in config.queues}
        self._tiers: dict[str, Counter[int]] = {name: Counter() for name, queue in config.queues.items() if gates_tiers(queue)}
        self._counted: dict[str, AgentState] = {}
        self._order = {login: position for position, login in enumerate(config.agents)}
        for login in config.agents:
            self._join(login)

    def skills(self, login: str) -> Mapping[str, int]:
        """With those of the day."""
        config, record = self._config.agents.get(login), self._state.agents.get(login)
        base = config.skills if config else {}
        return {**base, **record.day_skills} if record is not None and record.day_skills else base

    def membership(self, login: str, queue: str) -> Membership | None:
        if login not in self.members.get(queue, ()):
            return None
        config = self._config.agents.get(login)
        return config.member(queue) if config else MEMBER

    def signed_in(self, queue: str) -> int:
        return len(self.members.get(queue, ())) - self.states[queue][AgentState.LOGGED_OUT] if queue in self.states else 0

    def open_tier(self, queue: str) -> int:
        """The smallest tier with a working member: lower ones are empty, so it is open at once."""
        tiers = self._tiers.get(queue)
        if tiers is None:
            return 0
        return min((tier for tier, count in tiers.items() if count > 0), default=NOBODY_WORKS)

    def moved(self, agent: AgentRecord) -> list[str]:
        """Counts the agent's new state; the queues whose open tier is another one now."""
        old, new = self._counted.get(agent.login, AgentState.LOGGED_OUT), agent.state
        if old is new:
            return []
        self._counted[agent.login] = new
        changed: list[str] = []
        for queue in self.queues.get(agent.login, ()):
            states = self.states[queue]
            states[old] -= 1
            states[new] += 1
            if queue in self._tiers and (old in WORKING) is not (new in WORKING):
                before = self.open_tier(queue)
                member = self.membership(agent.login, queue) or MEMBER
                self._tiers[queue][member.tier] += 1 if new in WORKING else -1
                if self.open_tier(queue) != before:
                    changed.append(queue)
        return changed

    def rejoin(self, login: str) -> None:
        """The agent's queues of the day have changed."""
        self._part(login)
        self._join(login)

    def _join(self, login: str) -> None:
        record, config = self._state.agents.get(login), self._config.agents.get(login)
        named = record.day_queues if record is not None and record.day_queues is not None else config.queues if config else ()
        self.queues[login] = tuple(queue for queue in named if queue in self.members)
        state = record.state if record is not None else AgentState.LOGGED_OUT
        self._counted[login] = state
        for queue in self.queues[login]:
            self.members[queue][login] = self._order.get(login, len(self._order))
            self.states[queue][state] += 1
            if queue in self._tiers and state in WORKING:
                self._tiers[queue][(config.member(queue) if config else MEMBER).tier] += 1

    def _part(self, login: str) -> None:
        state = self._counted.get(login, AgentState.LOGGED_OUT)
        for queue in self.queues.pop(login, ()):
            self.states[queue][state] -= 1
            if queue in self._tiers and state in WORKING:
                member = self.membership(login, queue) or MEMBER
                self._tiers[queue][member.tier] -= 1
            del self.members[queue][login]
