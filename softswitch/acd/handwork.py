"""Waiting callers handled by people: picked by an agent, ranked or moved to another queue by a supervisor."""

from __future__ import annotations

from softswitch.acd import commands as c
from softswitch.acd.model import Visit
from softswitch.acd.overflow import Exit
from softswitch.acd.service import AcdService
from softswitch.acd.visit import Stay
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Forbidden, NotFound, Refusal


class Handwork:
    """Each order raises NotFound when the call does not wait (in that queue), Conflict when the state forbids it."""

    def __init__(self, acd: AcdService) -> None:
        self._acd = acd

    def pick(self, login: str, call: str, *, queue: str = "") -> None:
        """An offer to this agent alone. Raises Forbidden without the right, or for a queue that the agent does not serve."""
        agent = self._acd.known(login)
        visit = self._visit(call, queue)
        if "pick" not in agent.rights:
            raise Forbidden(f"agent {login} may not pick calls", Refusal.NO_PICK)
        if login not in self._acd.members(visit.queue):
            raise Forbidden(f"agent {login} does not serve queue {visit.queue}", Refusal.NO_PICK)
        self._acd.submit(c.Pick(login, visit.id))

    def rank(self, call: str, actor: str, *, importance: int | None = None, front: bool = False, queue: str = "") -> None:
        """Other importance, or the head of the line."""
        visit = self._visit(call, queue)
        self._acd.submit(c.Rekey(visit.id, importance=importance, front=front, why="supervisor", actor=actor))

    def move(self, call: str, to: str, actor: str, *, queue: str = "") -> None:
        """To another queue with the time already waited. Raises Conflict for a callback, whose queue is part of its promise."""
        visit = self._visit(call, queue)
        if to not in self._acd.snapshot.queues:
            raise NotFound(f"there is no queue {to}")
        if to == visit.queue:
            raise Conflict(f"the call waits in queue {to} already")
        stay = self._acd.stay_of(visit.id)
        if not isinstance(stay, Stay):
            raise Conflict("a callback cannot be moved; cancel it and make another one")
        stay.leave(Exit("supervisor", Destination(DestinationKind.QUEUE, to), f"moved by {actor}"))

    def _visit(self, call: str, queue: str) -> Visit:
        for visit in self._acd.core.state.visits.values():
            if visit.call == call and queue in ("", visit.queue):
                return visit
        raise NotFound("this call does not wait" + (f" in queue {queue}" if queue else ""))
