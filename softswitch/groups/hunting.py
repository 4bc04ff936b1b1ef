"""Hunting: which lines of a group ring when, and who gets the call (sip.md §4.2). Pure: time and what happens are arguments.

A line is one device number to ring: a member's phone, its mobile, an outside number. Lines that ring together are a step; a
step may follow another one (a mobile that rings after its seat). An input that the table does not list is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from softswitch.model.cause import Cause
from softswitch.model.destination import Destination

ASK = 15.0
"""Seconds that who answers with `confirm` has for pressing the key."""


class Pace(StrEnum):
    TOGETHER = "together"
    CASCADE = "cascade"  # one step more each `stagger` seconds
    ONE_BY_ONE = "one_by_one"


@dataclass(frozen=True, slots=True)
class Line:
    """`member` is whom the line belongs to, as written in the group. `confirm`: a key is asked of who answers."""

    to: Destination
    member: str
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Lines that ring together, and what rings when all of them have failed (or have rung for `ring_time`)."""

    lines: tuple[Line, ...]
    then: Step | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds. `timeout` is that of the whole hunt."""

    pace: Pace
    stagger: float = 5.0
    ring_time: float = 20.0
    timeout: float = 60.0


class Input(Enum):
    """What happens to a line."""

    RUNG = auto()
    ANSWERED = auto()
    CONFIRMED = auto()
    FAILED = auto()
    TIME = auto()
    LOST = auto()  # another one has the call


class Phase(Enum):
    """Where a line stands."""

    IDLE = auto()
    RINGING = auto()
    ASKING = auto()
    OVER = auto()


class Act(Enum):
    """What is to be done with a line."""

    RING = auto()
    ASK = auto()
    WIN = auto()
    CANCEL = auto()
    NOTHING = auto()


TABLE: Mapping[tuple[Phase, Input], tuple[Phase, Act]] = {
    (Phase.IDLE, Input.RUNG): (Phase.RINGING, Act.RING),
    (Phase.IDLE, Input.LOST): (Phase.OVER, Act.NOTHING),
    (Phase.RINGING, Input.ANSWERED): (Phase.OVER, Act.WIN),
    (Phase.RINGING, Input.FAILED): (Phase.OVER, Act.NOTHING),
    (Phase.RINGING, Input.TIME): (Phase.OVER, Act.CANCEL),
    (Phase.RINGING, Input.LOST): (Phase.OVER, Act.CANCEL),
    (Phase.ASKING, Input.CONFIRMED): (Phase.OVER, Act.WIN),
    (Phase.ASKING, Input.FAILED): (Phase.OVER, Act.CANCEL),
    (Phase.ASKING, Input.TIME): (Phase.OVER, Act.CANCEL),
    (Phase.ASKING, Input.LOST): (Phase.OVER, Act.CANCEL),
}
_ASKED = (Phase.ASKING, Act.ASK)
"""Of an answer by a line with `confirm`, in place of the table's."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to do with the line of this number; `cause` is why it is cancelled."""

    act: Act
    line: int
    cause: Cause = Cause.NORMAL


@dataclass(slots=True)
class _State:
    line: Line
    step: int
    phase: Phase = Phase.IDLE
    until: float = 0.0  # 0: no limit of its own


@dataclass(slots=True)
class Hunt:
    """One call's. `orders` of each method are to be carried out in their order; whatever comes of them is told afterwards."""

    steps: Sequence[Step]
    rules: Rules
    winner: int = -1
    verdict: Cause | None = None
    """Why nobody took the call, once that is so."""
    lines: list[_State] = field(default_factory=list)
    _chains: list[tuple[int, Step | None]] = field(default_factory=list)  # of each begun step: its number, what follows
    _next: int = 0
    _due: float = 0.0
    _until: float = 0.0
    _causes: list[Cause] = field(default_factory=list)

    def start(self, now: float) -> list[Order]:
        self._until = now + self.rules.timeout
        orders: list[Order] = []
        if self.rules.pace is Pace.TOGETHER:
            while self._next < len(self.steps):
                orders += self._begin_next(now)
        elif self.steps:
            orders += self._begin_next(now)
        self._look()
        return orders

    @property
    def is_over(self) -> bool:
        return self.winner >= 0 or self.verdict is not None

    @property
    def deadline(self) -> float:
        """When `tick` is due. Only while it is not over."""
        limits = [state.until for state in self.lines if state.until and state.phase in (Phase.RINGING, Phase.ASKING)]
        due = [self._due] if self._due and self._next < len(self.steps) else []
        return min([self._until, *limits, *due])

    def heard(self, line: int, what: Input, now: float, cause: Cause = Cause.NO_ANSWER) -> list[Order]:
        """Something has happened to a line."""
        if self.is_over:
            return []
        orders = self._turn(line, what, now, cause)
        if what is Input.FAILED and cause is Cause.REJECTED:
            orders += self._refused(self.lines[line].line.member, now)
        return orders + self._go_on(now)

    def tick(self, now: float) -> list[Order]:
        """Time has passed."""
        if self.is_over:
            return []
        orders: list[Order] = []
        late = now >= self._until
        for number, state in enumerate(self.lines):
            if late or (state.until and now >= state.until):
                orders += self._turn(number, Input.TIME, now, Cause.NO_ANSWER)
        if late:
            self.verdict = verdict(self._causes)
            return orders
        if self._due and now >= self._due and self._next < len(self.steps):
            orders += self._begin_next(now)
        return orders + self._go_on(now)

    # one line

    def _turn(self, number: int, what: Input, now: float, cause: Cause) -> list[Order]:
        state = self.lines[number]
        found = TABLE.get((state.phase, what))
        if found is None:
            return []
        if state.line.confirm and (state.phase, what) == (Phase.RINGING, Input.ANSWERED):
            found, state.until = _ASKED, now + ASK
        state.phase, act = found
        if what in (Input.FAILED, Input.TIME):
            self._causes.append(cause)
        if act is Act.WIN:
            self.winner = number
            return [Order(act, number), *self._drop_others(number, now)]
        return [Order(act, number, cause)] if act is not Act.NOTHING else []

    def _drop_others(self, winner: int, now: float) -> list[Order]:
        """The claim: from here on nobody else can have the call."""
        orders: list[Order] = []
        for number in range(len(self.lines)):
            if number != winner:
                orders += self._turn(number, Input.LOST, now, Cause.ANSWERED_ELSEWHERE)
        return orders

    def _refused(self, member: str, now: float) -> list[Order]:
        """A person who has refused is not rung elsewhere; the other members are."""
        orders: list[Order] = []
        for number, state in enumerate(self.lines):
            if state.line.member == member:
                orders += self._turn(number, Input.LOST, now, Cause.ANSWERED_ELSEWHERE)
        self._chains = [
            (number, None if then is not None and then.lines[0].member == member else then) for number, then in self._chains
        ]
        return orders

    # steps

    def _begin_next(self, now: float) -> list[Order]:
        self._next += 1
        self._due = now + self.rules.stagger if self.rules.pace is Pace.CASCADE else 0.0
        return self._begin(self.steps[self._next - 1], now)

    def _begin(self, step: Step, now: float) -> list[Order]:
        limited = self.rules.pace is Pace.ONE_BY_ONE or step.then is not None
        until = now + self.rules.ring_time if limited else 0.0
        number, first = len(self._chains), len(self.lines)
        self._chains.append((number, step.then))
        self.lines += [_State(line, number, until=until) for line in step.lines]
        orders: list[Order] = []
        for index in range(first, len(self.lines)):
            orders += self._turn(index, Input.RUNG, now, Cause.NORMAL)
        return orders

    def _go_on(self, now: float) -> list[Order]:
        """What follows a step that is over; the next member when there is nobody left to wait for."""
        orders: list[Order] = []
        if self.is_over:
            return orders
        for index, (number, then) in enumerate(self._chains):
            if then is not None and not self._is_live(number):
                self._chains[index] = (number, None)
                orders += self._begin(then, now)
        if not self._is_live() and self._next < len(self.steps):
            orders += self._begin_next(now)
        self._look()
        return orders

    def _is_live(self, step: int = -1) -> bool:
        return any(state.phase is not Phase.OVER for state in self.lines if step in (-1, state.step))

    def _look(self) -> None:
        """It is over when nothing rings and nothing is left to ring."""
        done = not self._is_live() and self._next >= len(self.steps) and all(then is None for _, then in self._chains)
        if done and not self.is_over:
            self.verdict = verdict(self._causes)


_RANKING = (
    (Cause.BUSY,), (Cause.NO_ANSWER, Cause.DO_NOT_DISTURB, Cause.UNREACHABLE), (Cause.NO_USER_RESPONSE,),
)  # fmt: skip


def verdict(causes: Sequence[Cause]) -> Cause:
    """What the caller is told: busy if any was busy, else 480, 408, another 4xx or a refusal, 5xx, 503 last (sip.md §4.2)."""
    for ranked in _RANKING:
        for cause in ranked:
            if cause in causes:
                return cause
    others = sorted(set(causes), key=lambda cause: (_class(cause.sip), causes.index(cause)))
    return others[0] if others else Cause.UNREACHABLE


def _class(status: int) -> int:
    if status == Cause.CONGESTION.sip:
        return 2
    return 1 if 500 <= status < 600 else 0
