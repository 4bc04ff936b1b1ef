"""After a contact: the wrap-up modes, required result codes, extensions (call-centre.md §3.3)."""

from __future__ import annotations

from softswitch.acd import commands as c
from softswitch.acd.agents import Agents
from softswitch.acd.config import WrapUpRule
from softswitch.acd.frame import Frame
from softswitch.acd.machine import Trigger
from softswitch.acd.model import AgentRecord
from softswitch.model.errors import Conflict, Refusal
from softswitch.model.events import AgentWrapupDone
from softswitch.model.states import AgentState

_S = AgentState
THEN_NOT_READY = "wrap_up"
"""Reason of the NOT_READY that follows a wrap-up which came to its limit."""


class WrapUps:
    """Needs `agents` before anything else is called."""

    agents: Agents

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def rule(self, agent: AgentRecord) -> WrapUpRule:
        return self._frame.config.wrap_up_rule(agent.login, agent.queue)

    # ------------------------------------------------------------------ its time

    def warns_at(self, agent: AgentRecord) -> float:
        """When the ordinary time is over."""
        rule = self.rule(agent)
        return agent.wrap_up_since + rule.seconds + agent.extensions * rule.extension

    def ends_at(self, agent: AgentRecord) -> float | None:
        """When it ends by itself; None when only the agent or a supervisor ends it."""
        rule = self.rule(agent)
        if rule.mode == "until_done" or (rule.code_required and not agent.codes):
            return max(agent.wrap_up_since + rule.limit, self.warns_at(agent)) if rule.limit else None
        return self.warns_at(agent)

    def is_over(self, agent: AgentRecord) -> bool:
        end = self.ends_at(agent)
        return end is not None and end <= self._frame.now

    def due(self, agent: AgentRecord) -> float | None:
        """When to look again."""
        end, warning = self.ends_at(agent), self.warns_at(agent)
        if not agent.overdue and (end is None or warning < end):
            return warning
        return end

    def time_passed(self, agent: AgentRecord, now: float) -> None:
        end = self.ends_at(agent)
        if end is not None and end <= now:
            self._end(agent, forced=self.warns_at(agent) < end or self.rule(agent).mode == "until_done")
        elif not agent.overdue and self.warns_at(agent) <= now:
            self.agents.note(agent, "overdue", "wrap_up", queue=agent.queue)

    # ------------------------------------------------------------------ orders

    def done(self, agent: AgentRecord, codes: tuple[str, ...] = ()) -> None:
        """The agent says so."""
        self.check_may_end(agent, codes)
        agent.codes = codes or agent.codes
        self._end(agent)

    def check_may_end(self, agent: AgentRecord, codes: tuple[str, ...] = ()) -> None:
        """Raises Conflict when the mode has no early end, or asks for a code that is missing."""
        rule = self.rule(agent)
        if rule.mode == "timed_no_exit":
            raise Conflict(f"the wrap-up of agent {agent.login} ends by itself", Refusal.WRAP_UP_FIXED)
        if rule.code_required and not (codes or agent.codes):
            raise Conflict(f"agent {agent.login} has to store a result code first", Refusal.CODE_REQUIRED)

    def disposed(self, agent: AgentRecord, codes: tuple[str, ...]) -> None:
        """Codes are kept for the wrap-up; where it waits for them it is over."""
        agent.codes = codes
        if agent.state is not _S.WRAP_UP or not codes:
            return
        rule = self.rule(agent)
        if rule.mode == "until_done" or (rule.code_required and agent.overdue):
            self._end(agent)

    def extend(self, command: c.WrapUpExtend) -> None:
        agent = self._frame.present(command.agent, _S.WRAP_UP)
        if agent.extensions >= self.rule(agent).extensions:
            raise Conflict(f"the wrap-up of agent {agent.login} cannot be extended any more", Refusal.WRAP_UP_NO_MORE)
        self.agents.note(agent, "extended", command.reason, queue=agent.queue)

    def pull(self, agent: AgentRecord) -> None:
        """Mode optional: within a few seconds after the release, unless something else has begun."""
        rule = self._frame.config.wrap_up_rule(agent.login, agent.released_from)
        late = self._frame.now > agent.released_at + self._frame.config.rules.pull_wrap_up
        if agent.state is not _S.READY or rule.mode != "optional" or not agent.released_at or late:
            raise Conflict(f"agent {agent.login} is {agent.state}: there is no wrap-up to be begun", Refusal.WRAP_UP_NONE)
        self.agents.change(agent, Trigger.PULLED, _S.WRAP_UP, queue=agent.released_from)

    # ------------------------------------------------------------------ its end

    def follow(self, agent: AgentRecord, trigger: Trigger, *, none: bool = False) -> None:
        """The contact is over: wrap-up, or what comes after it. `none`: this contact has none."""
        rule = self.rule(agent)
        waits_for_code = rule.code_required and rule.mode != "none" and not agent.codes
        already_done = rule.mode == "until_done" and bool(agent.codes)
        if not none and not already_done and (rule.follows or waits_for_code):
            self.agents.change(agent, trigger, _S.WRAP_UP)
        else:
            agent.codes = ()
            self.agents.go_back(agent, trigger)

    def note(self, agent: AgentRecord) -> None:
        """Says that a running or suspended wrap-up is over."""
        if agent.lives is not _S.WRAP_UP and not agent.suspended:
            return
        ms = round((self._frame.now - agent.wrap_up_since) * 1000)
        codes, agent.codes = agent.codes, ()
        self._frame.emit(AgentWrapupDone(agent=agent.login, queue=agent.queue, ms=ms, codes=codes, extensions=agent.extensions))

    def _end(self, agent: AgentRecord, *, forced: bool = False) -> None:
        then_not_ready = forced and self.rule(agent).then == "not_ready"
        self.note(agent)
        if then_not_ready and not agent.pending:
            self.agents.change(agent, Trigger.DONE, _S.NOT_READY, THEN_NOT_READY)
        else:
            self.agents.go_back(agent, Trigger.DONE)
