"""A day once more: its acts through the real core in virtual time, offers answered as they were or as is usual. Pure."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from softswitch.acd import commands as c
from softswitch.acd.core import AcdCore
from softswitch.acd.model import AcdConfig
from softswitch.model.errors import SwitchError
from softswitch.model.events import (
    AcdDecision,
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferMade,
    OfferRinging,
    QueueEntered,
    QueueLeft,
)
from softswitch.model.states import AgentState
from softswitch.replay.day import Answer, Day, Talk

SAME_MOMENT = 0.005
"""Seconds: an offer made so close to the recorded one is the recorded one."""
ANSWER_DELAY, TALK_TIME = 3.0, 180.0
"""Seconds, where the day has none to learn from."""


@dataclass(slots=True)
class Outcome:
    """What happened this time."""

    decisions: list[AcdDecision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)  # of callers and offers
    refused: int = 0  # acts that made no sense any more


@dataclass(slots=True)
class _Habits:
    """Medians of the day, for offers and conversations that it did not see."""

    delay: dict[str, float]
    talk: dict[str, float]


class Replay:
    def __init__(self, day: Day, config: AcdConfig, base: AcdConfig) -> None:
        """`config`: to be tried; `base`: under which the day was recorded."""
        numbers = itertools.count(1)
        self.core = AcdCore(config, lambda: f"offer-{next(numbers)}")
        self.outcome = Outcome()
        self._day = day
        self._base = base
        self._habits = habits_of(day)
        self._due: list[tuple[float, int, c.Command]] = []
        self._serial = itertools.count(1)
        self._asked: dict[tuple[str, str], int] = defaultdict(int)  # offers of this visit to this agent so far
        self._offers: dict[str, tuple[OfferMade, Answer | None]] = {}
        self._talks: dict[str, str] = {}  # agent → visit, until the wrap-up is over
        self._results: dict[str, str] = {}  # visit → result
        self._entered: set[str] = set()

    def run(self) -> Outcome:
        for act in self._day.acts:
            self._at(act.at, act.command)
        self._look(self.core.adopt(self._day.before, self._day.begins))
        while True:
            deadline, planned = self.core.deadline(), self._due[0][0] if self._due else None
            if planned is None and (deadline is None or not self.core.state.visits):
                return self.outcome
            if planned is None or (deadline is not None and deadline <= planned):
                self._look(self.core.handle_timeout(deadline or 0.0))
            else:
                at, _, command = heapq.heappop(self._due)
                self._submit(command, at)

    def _at(self, when: float, command: c.Command) -> None:
        heapq.heappush(self._due, (when, next(self._serial), command))

    def _submit(self, command: c.Command, now: float) -> None:
        if isinstance(command, c.Enqueue) and not self._comes(command.visit):
            return
        try:
            self._look(self.core.submit(command, now))
        except SwitchError:
            self.outcome.refused += 1

    def _comes(self, visit: str) -> bool:
        """A caller who came back from an earlier stay comes only if that stay is over this time too, and not for good."""
        earlier = self._day.earlier.get(visit)
        return earlier is None or earlier not in self._entered or earlier in self._results

    # ------------------------------------------------------------------ what follows

    def _look(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case AcdDecision():
                    self.outcome.decisions.append(event)
                    continue
                case QueueEntered():
                    self._entered.add(event.visit)
                case QueueLeft():
                    self._results[event.visit] = event.result
                case OfferMade():
                    self._made(event)
                case OfferAnswered():
                    self._answered(event)
                case AgentStateChanged():
                    self._wraps_up(event)
                    continue
                case _:
                    pass
            if isinstance(event, OfferMade | OfferAnswered | OfferRinging | QueueEntered | QueueLeft):
                self.outcome.events.append(event)

    def _made(self, event: OfferMade) -> None:
        """Answered as the day saw it; an offer that it did not see after the agent's usual time."""
        seen = self._day.answers.get((event.visit, event.agent), [])
        index = self._asked[event.visit, event.agent]
        self._asked[event.visit, event.agent] += 1
        answer = seen[index] if index < len(seen) else None
        self._offers[event.offer] = event, answer
        usual = self._habits.delay.get(event.agent, self._habits.delay[""])
        if answer is None or not answer.ended:
            self._at(event.at, c.OfferAlerting(event.offer))
            self._at(event.at + usual, c.OfferAccepted(event.offer))
            return
        if answer.rang:
            self._at(_like(event.at, answer.made, answer.rang), c.OfferAlerting(event.offer))
        ended = _like(event.at, answer.made, answer.ended)
        if answer.result == "answered":
            self._at(ended, c.OfferAccepted(event.offer))
        elif answer.result == "withdrawn":
            self._at(max(ended + 1.0, event.at + usual), c.OfferAccepted(event.offer))
        elif answer.result not in ("no_answer", "lost"):
            self._at(ended, c.OfferFailed(event.offer, answer.result))

    def _answered(self, event: OfferAnswered) -> None:
        made, _ = self._offers.pop(event.offer)
        self._talks[event.agent] = made.visit
        talk = self._day.talks.get(made.visit)
        if talk is not None and talk.released:
            released = _like(event.at, talk.answered, talk.released)
        else:
            released = event.at + self._habits.talk.get(event.queue, self._habits.talk[""])
        self._at(released, c.Released(event.agent, event.call))

    def _wraps_up(self, event: AgentStateChanged) -> None:
        lives = AgentState(event.saved or event.new)
        if lives is not AgentState.WRAP_UP:
            if lives in (AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT):
                self._talks.pop(event.agent, None)
            return
        talk = self._day.talks.get(self._talks.get(event.agent, ""))
        if event.old == event.new or talk is None or not talk.wrapped or self._ended_by_clock(talk, event.queue):
            return
        self._at(_like(event.at, talk.released, talk.wrapped), c.WrapUpDone(event.agent, ("replayed",)))

    def _ended_by_clock(self, talk: Talk, queue: str) -> bool:
        """Whether the wrap-up lasted as long as it was set to; then the setting tried decides, not the agent."""
        rule = self._base.wrap_up_rule(talk.agent, queue)
        return rule.mode != "until_done" and abs(talk.wrapped - talk.released - rule.seconds) < SAME_MOMENT


def _like(now: float, recorded: float, then: float) -> float:
    """The moment that lies as far from `now` as `then` from `recorded`; the very same one where these are the same."""
    return then if abs(now - recorded) < SAME_MOMENT else now + max(0.0, then - recorded)


def habits_of(day: Day) -> _Habits:
    delays: dict[str, list[float]] = defaultdict(list)
    for (_, agent), answers in day.answers.items():
        delays[agent] += [answer.ended - answer.made for answer in answers if answer.result == "answered"]
    talks: dict[str, list[float]] = defaultdict(list)
    for visit, talk in day.talks.items():
        if talk.released:
            talks[day.queue_of.get(visit, "")].append(talk.released - talk.answered)
    return _Habits(_medians(delays, ANSWER_DELAY), _medians(talks, TALK_TIME))


def _medians(found: dict[str, list[float]], default: float) -> dict[str, float]:
    """By name, and of all under ""."""
    everything = [value for values in found.values() for value in values]
    medians = {name: median(values) for name, values in found.items() if values}
    return {**medians, "": median(everything) if everything else default}
