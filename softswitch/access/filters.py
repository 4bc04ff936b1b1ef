"""A scope as a condition of SQL, for lists of calls and recordings."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, or_, true

from softswitch.access.scope import Scope


def within(scope: Scope, agent: ColumnElement[str], queue: ColumnElement[str]) -> ColumnElement[bool]:
    """True for the rows that `Scope.may_see_call` allows; `agent` and `queue` are the columns, `''` for none."""
    if scope.everything:
        return true()
    seen = agent.in_(sorted({*scope.agents, scope.login}))
    unanswered = and_(agent == "", queue.in_(sorted(scope.queues | scope.served)))
    return or_(seen, unanswered, queue.in_(sorted(scope.queues)))
