"""What a person may see of what the role allows: the teams and queues of the user."""

from __future__ import annotations

from dataclasses import dataclass, field

from softswitch.directory.snapshot import Snapshot
from softswitch.directory.users import Principal
from softswitch.model.states import Role

_UNBOUND = (Role.ADMINISTRATOR, Role.API, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Scope:
    """`everything`, else the agents and queues that may be seen. Everybody sees the own login.

    `queues` are those that are named; `served` also those that the visible agents serve: their waiting callers and their
    live figures may be seen, but not what an agent of another team does with their calls.
    """

    login: str
    everything: bool = False
    agents: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    served: frozenset[str] = field(default=frozenset())

    def may_see_agent(self, login: str) -> bool:
        return self.everything or login == self.login or login in self.agents

    def may_see_queue(self, name: str) -> bool:
        return self.everything or name in self.queues or name in self.served

    def may_see_call(self, agent: str, queue: str) -> bool:
        """`agent` and `queue` of the call, `""` for none. A call nobody has answered is its queue's."""
        if self.everything:
            return True
        if agent:
            return self.may_see_agent(agent) or queue in self.queues
        return bool(queue) and self.may_see_queue(queue)


def scope_of(principal: Principal, snapshot: Snapshot) -> Scope:
    """Agents see themselves. Supervisors and quality inspectors without teams and queues see everything; a team leader then
    sees the teams that he leads, else the own one."""
    login, role, user = principal.login, principal.role, snapshot.users.get(principal.login)
    if principal.program or role in _UNBOUND:
        return Scope(login, everything=True)
    if role is Role.AGENT:
        own = snapshot.agents.get(login)
        return Scope(login, served=frozenset(own.queues) if own else frozenset())
    teams = set(user.teams) if user else set()
    queues = frozenset(user.queues) if user else frozenset()
    if role is Role.TEAM_LEADER:
        teams |= {team.name for team in snapshot.teams.values() if login in team.leaders}
        own = snapshot.agents.get(login)
        if not teams and not queues and own and own.team:
            teams = {own.team}
    elif not teams and not queues:
        return Scope(login, everything=True)
    agents = {name: agent for name, agent in snapshot.agents.items() if agent.team in teams or queues & set(agent.queues)}
    mine = [agent for agent in agents.values() if agent.team in teams]
    served = frozenset(queue for agent in mine for queue in agent.queues)
    return Scope(login, agents=frozenset(agents), queues=queues, served=served)


class Scopes:
    """Remembers scopes until the directory changes; for those who ask thousands of times a second."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._known: dict[tuple[str, Role], Scope] = {}

    def of(self, principal: Principal, snapshot: Snapshot) -> Scope:
        if snapshot is not self._snapshot:
            self._snapshot, self._known = snapshot, {}
        key = principal.login, principal.role
        if principal.program or key not in self._known:
            found = scope_of(principal, snapshot)
            if principal.program:
                return found
            self._known[key] = found
        return self._known[key]
