"""Callers in line: taking a place, memory of agents, relaxation, re-keying, the ways out (call-centre.md §3.1, §5, §7)."""

from __future__ import annotations

from collections import OrderedDict

from softswitch.acd import commands as c
from softswitch.acd.config import place_key
from softswitch.acd.figures import BUSY
from softswitch.acd.fold import STICKY_OVER
from softswitch.acd.frame import Frame
from softswitch.acd.free import is_free
from softswitch.acd.model import AgentRecord, Line, Visit
from softswitch.acd.offers import Offers
from softswitch.directory.centre import Need, Queue
from softswitch.model.errors import Conflict, NotFound
from softswitch.model.events import QueueEntered, QueueRekeyed, QueueRelaxed
from softswitch.model.states import AgentState

LIVE_CHANNELS = ("voice",)
"""Those whose caller listens and may be sent elsewhere by the clock; a callback waits until it is done."""
_REMEMBERED = 10_000  # abandoned places


class Callers:
    def __init__(self, frame: Frame, offers: Offers) -> None:
        self._frame = frame
        self._offers = offers
        self._numbers: dict[str, str] = {}  # visit → caller's number
        self._abandoned: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        """(queue, number) → (first entry, until): places that wait for their caller to ring again."""
        self.empty_since: dict[str, float] = {}
        """Queue without anybody signed in → since when."""

    # ------------------------------------------------------------------ entering and leaving

    def enter(self, command: c.Enqueue) -> None:
        queue = self._frame.config.queues.get(command.queue)
        if queue is None:
            raise NotFound(f"there is no queue {command.queue}")
        if command.visit in self._frame.state.visits:
            raise Conflict(f"visit {command.visit} is in a queue already")
        waited_ms = round(max(command.waited, self._waited_before(queue, command.number)) * 1000)
        entered_at = self._frame.now - waited_ms / 1000
        importance = clamped(queue.importance + command.importance)
        probe = Visit(
            command.visit, command.call, queue.name, entered_at, self._frame.now, key=place_key(queue, importance, entered_at),
            front=command.front,
        )  # fmt: skip
        sticky = self._in_order(queue, command)
        if command.number:
            self._numbers[command.visit] = command.number
        self._frame.emit(
            QueueEntered(
                at=self._frame.now, call=command.call, queue=queue.name, visit=command.visit, waited_ms=waited_ms,
                channel=command.channel,
                position=self._frame.state.waiting.get(queue.name, _NOBODY).position(probe), importance=importance,
                points=command.importance, front=command.front, key=probe.key, site=command.site,
                held_for=self._held_for(queue, sticky), sticky=tuple(f"{kind}:{login}" for kind, login in sticky),
                needs=_levels(command.needs), weights=_weights(command.needs),
            )
        )  # fmt: skip
        visit = self._frame.state.visits[command.visit]
        self.time_passed(visit)
        if visit.id in self._frame.state.visits:
            self.arm(visit)

    def _waited_before(self, queue: Queue, number: str) -> float:
        """Of a caller who gave up a moment ago; the place is given back once."""
        found = self._abandoned.pop((queue.name, number), None) if number else None
        return self._frame.now - found[0] if found is not None and found[1] >= self._frame.now else 0.0

    def leave(self, visit: Visit, result: str, *, to: str = "", rule: str = "", actor: str = "") -> None:
        number, queue = self._numbers.pop(visit.id, ""), self._frame.config.queues.get(visit.queue)
        self._offers.withdraw(visit, result)
        self._offers.left(visit, result, to=to, rule=rule, actor=actor)
        if result == "abandoned" and number and queue is not None and queue.return_within:
            self._abandoned[queue.name, number] = (visit.entered_at, self._frame.now + queue.return_within)
            if len(self._abandoned) > _REMEMBERED:
                self._abandoned.popitem(last=False)

    def forget(self, visit: str) -> None:
        """The visit was answered."""
        self._numbers.pop(visit, None)

    # ------------------------------------------------------------------ memory (§5.2)

    @staticmethod
    def _in_order(queue: Queue, command: c.Enqueue) -> list[tuple[str, str]]:
        return [entry for kind in queue.sticky for entry in command.sticky if entry[0] == kind]

    def _held_for(self, queue: Queue, sticky: list[tuple[str, str]]) -> str:
        """The first who is free, or busy and expected back within the queue's sticky wait."""
        for _, login in sticky:
            agent = self._frame.state.agents.get(login)
            if agent is None or self._frame.staff.membership(login, queue.name) is None or not self._has_share(agent):
                continue
            if is_free(agent, self._frame.config, self._frame.now) or self._is_back_soon(agent, queue):
                return login
        return ""

    def _has_share(self, agent: AgentRecord) -> bool:
        share = agent.figures.memory_share(agent.lives, agent.lived_since, self._frame.now)
        return share <= self._frame.config.rules.sticky_share

    def _is_back_soon(self, agent: AgentRecord, queue: Queue) -> bool:
        """By the mean handling time of what the agent is in."""
        if agent.state not in BUSY or agent.pending:
            return False
        if agent.state is AgentState.WRAP_UP:
            rule = self._frame.config.wrap_up_rule(agent.login, agent.queue)
            rest = agent.wrap_up_since + rule.seconds + agent.extensions * rule.extension - self._frame.now
        else:
            mean = agent.figures.mean_handling(agent.queue or queue.name, self._frame.state.handling)
            rest = mean - agent.figures.contact - (self._frame.now - agent.lived_since)
        return rest <= queue.sticky_wait

    def release_hold(self, visit: Visit) -> None:
        """Everybody may serve the caller now."""
        self._rekeyed(visit, visit.importance, visit.points, visit.needs, why=STICKY_OVER)

    # ------------------------------------------------------------------ the place in line

    def rekey(self, command: c.Rekey) -> None:
        visit = self._frame.visit(command.visit)
        queue = self._frame.config.queues[visit.queue]
        points = visit.points if command.importance is None else command.importance
        needs = visit.needs if command.needs is None else command.needs
        importance = clamped(queue.importance + points)
        front = command.front or visit.front
        self._rekeyed(visit, importance, points, needs, front=front, why=command.why, actor=command.actor)

    def reweigh(self, visit: Visit) -> None:
        """The queue's coefficients may have changed."""
        queue = self._frame.config.queues[visit.queue]
        importance = clamped(queue.importance + visit.points)
        if place_key(queue, importance, visit.entered_at) != visit.key:
            self._rekeyed(visit, importance, visit.points, visit.needs, front=visit.front, why="config")

    def _rekeyed(
        self, visit: Visit, importance: int, points: int, needs: tuple[Need, ...], *, why: str, front: bool = False,
        actor: str = "",
    ) -> None:  # fmt: skip
        new = place_key(self._frame.config.queues[visit.queue], importance, visit.entered_at)
        self._frame.emit(
            QueueRekeyed(
                call=visit.call, queue=visit.queue, visit=visit.id, old=visit.key, new=new,
                why=why, importance=importance, points=points, front=front, actor=actor, needs=_levels(needs),
                weights=_weights(needs),
            )
        )  # fmt: skip

    # ------------------------------------------------------------------ what time brings

    def arm(self, visit: Visit) -> None:
        """Sets the next deadline of the caller."""
        if (due := self._next(visit)) is not None:
            self._frame.alarm(due, "visit", visit.id)

    def _next(self, visit: Visit) -> float | None:
        now, queue = self._frame.now, self._frame.config.queues[visit.queue]
        times = [visit.since + wait for wait, _, _ in self._exits(visit, queue)]
        if visit.held_for:
            times.append(visit.since + queue.sticky_wait)
        if self._may_be_guarded(visit, queue):
            times.append(visit.entered_at + queue.max_wait_guard)
        if (step := self._frame.pools.next_step(visit, now)) is not None:
            times.append(step)
        if len(visit.offers) and queue.strategy == "progressive_ring" and queue.ring_step > 0 and not visit.rings_one:
            passed = int((now - visit.wave_at) / queue.ring_step + 1e-6)
            times.append(visit.wave_at + (passed + 1) * queue.ring_step)
        return min((time for time in times if time > now), default=None)

    def _exits(self, visit: Visit, queue: Queue) -> list[tuple[float, str, str]]:
        """(seconds of waiting here, rule, destination or "") by which the caller is sent elsewhere."""
        if visit.channel not in LIVE_CHANNELS:
            return []
        exits = [(rule.threshold, "wait", str(rule.to)) for rule in queue.overflows if rule.when == "wait"]
        if queue.max_wait:
            exits.append((queue.max_wait, "max_wait", str(queue.overflow or "")))
        return exits

    @staticmethod
    def _may_be_guarded(visit: Visit, queue: Queue) -> bool:
        return not visit.front and queue.max_wait_guard > 0 and queue.choice != "fcfs"

    def time_passed(self, visit: Visit) -> None:
        """Carries out what is due for the caller now."""
        now, queue = self._frame.now, self._frame.config.queues[visit.queue]
        exits = [exit for exit in self._exits(visit, queue) if visit.since + exit[0] <= now]
        if exits:
            self._sent_away(visit, *exits[0][1:])
            return
        if visit.held_for and visit.since + queue.sticky_wait <= now and not visit.offers:
            self.release_hold(visit)
        if self._may_be_guarded(visit, queue) and visit.entered_at + queue.max_wait_guard <= now:
            self._rekeyed(visit, visit.importance, visit.points, visit.needs, front=True, why="guard")
        stage = self._frame.pools.step(visit, now).stage
        if stage != visit.stage:
            self._frame.emit(QueueRelaxed(call=visit.call, queue=visit.queue, visit=visit.id, stage=stage))
        self._frame.pools.seat(visit, now)
        self._frame.hungry_visits[visit.id] = None

    def _sent_away(self, visit: Visit, rule: str, to: str) -> None:
        """While a device alerts, its answer or the end of its ring time comes first."""
        if visit.offers:
            ends = max(self._offers.end_of(self._frame.state.offers[offer]) for offer in visit.offers)
            self._frame.alarm(ends, "visit", visit.id)
        else:
            self.leave(visit, "overflow" if to else "timeout", to=to, rule=rule)

    # ------------------------------------------------------------------ queues without agents

    def staffing_changed(self, queue: str) -> None:
        """Notes since when nobody is signed in, and sets the deadlines that follow from it."""
        if queue not in self._frame.config.queues:
            return
        if self._frame.staff.signed_in(queue):
            self.empty_since.pop(queue, None)
        elif queue not in self.empty_since:
            self.empty_since[queue] = self._frame.now
            self.arm_empty(queue)

    def arm_empty(self, queue: str) -> None:
        for wait, _, _ in self._empty_exits(self._frame.config.queues[queue]):
            self._frame.alarm(self._frame.now + wait, "empty", queue)

    @staticmethod
    def _empty_exits(queue: Queue) -> list[tuple[float, str, str]]:
        exits = [(rule.threshold, "no_agents", str(rule.to)) for rule in queue.overflows if rule.when == "no_agents"]
        if queue.leave_empty:
            exits.append((queue.leave_empty, "leave_empty", str(queue.empty or "")))
        return sorted(exits, key=lambda exit: exit[0])

    def still_empty(self, name: str) -> None:
        """A deadline of an empty queue: callers who have waited so long beside nobody leave."""
        queue, since = self._frame.config.queues.get(name), self.empty_since.get(name)
        if queue is None or since is None:
            return
        now = self._frame.now
        for visit in self._frame.state.waiting.get(name, _NOBODY):
            for wait, rule, to in self._empty_exits(queue):
                due = max(since, visit.since) + wait
                if visit.channel not in LIVE_CHANNELS or visit.offers:
                    break
                if due <= now:
                    self.leave(visit, "overflow" if to else "timeout", to=to, rule=rule)
                    break
                self._frame.alarm(due, "empty", name)


_NOBODY: Line[Visit] = Line()


def clamped(importance: int) -> int:
    return max(0, min(100, importance))


def _levels(needs: tuple[Need, ...]) -> dict[str, int]:
    """Needs as events tell them, see `fold.needs_of`."""
    return {need.skill: need.level for need in needs}


def _weights(needs: tuple[Need, ...]) -> dict[str, int]:
    return {need.skill: need.weight if need.mandatory else -need.weight for need in needs}
