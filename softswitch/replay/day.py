"""What happened on a day, taken apart: what came from outside (callers, agents' acts) and what answers offers got. Pure.

The decisions of the ACD are left out on purpose: they are made once more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from softswitch.acd import commands as c
from softswitch.acd.core import UNREACHABLE
from softswitch.acd.figures import SPEAKING
from softswitch.acd.fold import STICKY_OVER, apply, needs_of
from softswitch.acd.machine import FREE
from softswitch.acd.model import AcdState, Rules
from softswitch.model.events import (
    AcdDecision,
    AgentLogin,
    AgentLogout,
    AgentSkillsChanged,
    AgentStateChanged,
    Event,
    OfferAnswered,
    OfferFailed,
    OfferMade,
    OfferRinging,
    OfferWithdrawn,
    QueueEntered,
    QueueLeft,
    QueueRekeyed,
)
from softswitch.model.states import AgentState

S = AgentState
BY_ITSELF = ("guard", STICKY_OVER, "config")
"""Why of a re-keying that the core does without being asked."""
TYPES: tuple[type[Event], ...] = (
    AcdDecision, AgentLogin, AgentLogout, AgentSkillsChanged, AgentStateChanged, OfferAnswered, OfferFailed, OfferMade,
    OfferRinging, OfferWithdrawn, QueueEntered, QueueLeft, QueueRekeyed,
)  # fmt: skip
"""What the journal is read for."""


@dataclass(slots=True)
class Answer:
    """What became of one offer. `result`: answered, withdrawn, or a reason of OfferFailed; times are epoch seconds."""

    made: float
    rang: float = 0.0
    ended: float = 0.0
    result: str = "withdrawn"


@dataclass(slots=True)
class Talk:
    """An answered caller's conversation and the wrap-up after it; 0.0 = not seen."""

    agent: str
    answered: float
    released: float = 0.0
    wrapped: float = 0.0


@dataclass(frozen=True, slots=True)
class Act:
    """Something that came from outside."""

    at: float
    command: c.Command


@dataclass(slots=True)
class Day:
    before: list[Event] = field(default_factory=list)  # of agents, before the first second
    acts: list[Act] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=lambda: defaultdict(list))  # visit, agent
    talks: dict[str, Talk] = field(default_factory=dict)
    earlier: dict[str, str] = field(default_factory=dict)  # visit → the visit of the same call before it
    decisions: list[AcdDecision] = field(default_factory=list)
    queue_of: dict[str, str] = field(default_factory=dict)  # visit → queue
    events: list[Event] = field(default_factory=list)  # of callers and offers, as they happened

    @property
    def begins(self) -> float:
        return self.acts[0].at if self.acts else 0.0


def take_apart(events: Iterable[Event], begin: float, rules: Rules) -> Day:
    """`events`: of the types above, in the order of the journal; what lies before `begin` says who was signed in."""
    reader = _Reader(rules)
    for event in events:
        if event.at < begin:
            reader.before(event)
        else:
            reader.read(event)
    reader.day.acts.sort(key=lambda act: act.at)
    return reader.day


class _Reader:
    def __init__(self, rules: Rules) -> None:
        self.day = Day()
        self._rules = rules
        self._agents = AcdState()
        self._offers: dict[str, tuple[OfferMade, Answer]] = {}
        self._talks: dict[str, Talk] = {}  # agent → the conversation with a caller of a queue, until its wrap-up is over
        self._own: dict[str, str] = {}  # agent → call beside the queues
        self._last: dict[str, str] = {}  # call → its last visit
        self._refused: set[str] = set()
        self._serial = 0
        self._would_rest = False  # whether the end of a wrap-up would not have led to READY by itself

    def before(self, event: Event) -> None:
        if isinstance(event, AgentLogin | AgentLogout | AgentStateChanged | AgentSkillsChanged):
            self.day.before.append(event)
            apply(self._agents, event, self._rules)

    def read(self, event: Event) -> None:
        match event:
            case AgentLogin():
                self._act(event, c.Login(event.agent, event.station))
                apply(self._agents, event, self._rules)
            case AgentLogout():
                apply(self._agents, event, self._rules)
            case AgentSkillsChanged():
                self._skills(event)
            case AgentStateChanged():
                self._state(event)
            case AcdDecision():
                self.day.decisions.append(event)
            case QueueEntered(position=0):
                self._refused.add(event.visit)  # turned away at the door: the distribution never saw it
            case QueueLeft() if event.visit in self._refused:
                pass
            case _:
                self.day.events.append(event)
                self._caller(event)

    def _act(self, event: Event, command: c.Command) -> None:
        self.day.acts.append(Act(event.at, command))

    # ------------------------------------------------------------------ callers and offers

    def _caller(self, event: Event) -> None:
        match event:
            case QueueEntered():
                self._entered(event)
            case QueueLeft(rule="", result=result) if result not in ("answered", "timeout"):
                self._act(event, c.Leave(event.visit, result, event.to))
            case QueueRekeyed(why=why) if why not in BY_ITSELF:
                needs = needs_of(event.needs, event.weights)
                self._act(event, c.Rekey(event.visit, event.points, needs, event.front, event.why, event.actor))
            case OfferMade():
                answer = Answer(event.at)
                self._offers[event.offer] = event, answer
                self.day.answers[event.visit, event.agent].append(answer)
                if event.rule == "picked":
                    self._act(event, c.Pick(event.agent, event.visit))
            case OfferRinging() if event.offer in self._offers:
                self._offers[event.offer][1].rang = event.at
            case OfferAnswered() if event.offer in self._offers:
                made, answer = self._offers.pop(event.offer)
                answer.ended, answer.result = event.at, "answered"
                self._talks[event.agent] = self.day.talks[made.visit] = Talk(event.agent, event.at)
            case OfferFailed() | OfferWithdrawn() if event.offer in self._offers:
                _, answer = self._offers.pop(event.offer)
                answer.ended = event.at
                answer.result = event.reason if isinstance(event, OfferFailed) else "withdrawn"
            case _:
                pass

    def _entered(self, event: QueueEntered) -> None:
        if event.call in self._last:
            self.day.earlier[event.visit] = self._last[event.call]
        self._last[event.call] = event.visit
        self.day.queue_of[event.visit] = event.queue
        known: list[tuple[str, str]] = []
        for entry in event.sticky:
            kind, _, login = entry.partition(":")
            known.append((kind, login))
        self._act(
            event,
            c.Enqueue(
                event.visit, event.call, event.queue, event.waited_ms / 1000, event.points,
                needs_of(event.needs, event.weights), event.channel, "", tuple(known), event.front, event.site,
            ),
        )  # fmt: skip

    # ------------------------------------------------------------------ agents

    def _skills(self, event: AgentSkillsChanged) -> None:
        if event.actor != "system":
            queues = event.queues or None
            self._act(event, c.SetSkills(event.agent, event.skills, queues, event.until, event.actor, event.reset))
        apply(self._agents, event, self._rules)

    def _state(self, event: AgentStateChanged) -> None:
        agent = self._agents.agents.get(event.agent)
        lived, state, reason = (agent.lives, agent.state, agent.reason) if agent else (S.LOGGED_OUT, S.LOGGED_OUT, "")
        self._would_rest = agent is not None and (bool(agent.pending) or agent.before in (S.NOT_READY, S.NOT_RESPONDING))
        apply(self._agents, event, self._rules)
        agent = self._agents.agents[event.agent]
        if event.what or (event.old == event.new and agent.lives is lived and agent.reason == reason):
            self._flag(event)
            return
        if (state is S.OFFLINE) is not (agent.state is S.OFFLINE) and agent.state is not S.LOGGED_OUT:
            lost = agent.state is S.OFFLINE
            self._act(event, c.ConnectionLost(event.agent) if lost else c.ConnectionBack(event.agent))
        if agent.lives is not lived or agent.reason != reason:
            self._lives(event, lived, agent.lives, reason)

    def _flag(self, event: AgentStateChanged) -> None:
        if event.what == "ready":
            self._act(event, c.Ready(event.agent))
        elif event.what == "extended":
            self._act(event, c.WrapUpExtend(event.agent, event.reason))
        elif not event.what and event.pending == S.NOT_READY:
            self._rest(event, event.reason)
        elif not event.what and event.pending == S.LOGGED_OUT:
            self._act(event, c.Logout(event.agent, event.reason))

    def _rest(self, event: Event, reason: str) -> None:
        self._act(event, c.NotReady(event.agent, reason))
        self._act(event, c.DecideReason(event.agent, granted=True, actor="replay"))

    def _lives(self, event: AgentStateChanged, lived: AgentState, lives: AgentState, reason: str) -> None:
        """A change of state, lost connections put aside: what of it was an act from outside."""
        login = event.agent
        if lived in SPEAKING and lives not in SPEAKING:
            self._talked(event)
        elif lived is S.WRAP_UP and lives is not S.WRAP_UP:
            self._wrapped(event, lives)
        elif lived is S.DIALLING and lives not in SPEAKING:
            self._act(event, c.Released(login, self._own.pop(login, "")))
        elif lived is S.RINGING and lives in FREE | {S.WRAP_UP} and login in self._own:
            self._act(event, c.Released(login, self._own.pop(login)))
        if lives is S.LOGGED_OUT:
            self._act(event, c.Logout(login, event.reason))
        elif lives is S.DIALLING:
            self._act(event, c.Dial(login, self._new_call(login), placed=True, internal=event.direction == "internal"))
        elif lives is S.RINGING and lived is not S.RESERVED:
            self._act(event, c.Alerted(login, self._new_call(login), event.direction == "internal"))
        elif lives in SPEAKING and lived not in SPEAKING and login in self._own:
            self._talks.pop(login, None)  # a wrap-up that waited under the call is over
            answered = c.Answered(login, self._own[login], event.direction == "internal")
            self._act(event, c.DialAnswered(login) if lived is S.DIALLING else answered)
        elif lived in FREE | {S.LOGGED_OUT}:
            self._rested(event, lived, lives, reason)

    def _rested(self, event: AgentStateChanged, lived: AgentState, lives: AgentState, reason: str) -> None:
        """Between READY, NOT_READY and NOT_RESPONDING, or just signed in."""
        login = event.agent
        if lives is S.READY:
            self._act(event, c.DeviceChanged(login, reachable=True))
            self._act(event, c.Ready(login))
        elif lives is S.NOT_READY and event.reason == UNREACHABLE:
            self._act(event, c.DeviceChanged(login, reachable=False))
        elif lives is S.NOT_READY and lived is S.LOGGED_OUT:
            self._act(event, c.DeviceChanged(login, reachable=True))
        elif lives is S.NOT_READY:
            if reason == UNREACHABLE:
                self._act(event, c.DeviceChanged(login, reachable=True))
            self._rest(event, event.reason)

    def _new_call(self, login: str) -> str:
        self._serial += 1
        self._own[login] = f"own-{self._serial}"
        return self._own[login]

    def _talked(self, event: AgentStateChanged) -> None:
        login = event.agent
        if (talk := self._talks.get(login)) is not None:
            talk.released = event.at
            if self._agents.agents[login].lives is not S.WRAP_UP:
                del self._talks[login]
        elif login in self._own:
            self._act(event, c.Released(login, self._own.pop(login)))

    def _wrapped(self, event: AgentStateChanged, lives: AgentState) -> None:
        if lives in FREE or lives is S.LOGGED_OUT:
            talk = self._talks.pop(event.agent, None)
            if self._would_rest and lives is S.READY:  # said ready, which takes the break back
                self._act(event, c.Ready(event.agent))
            elif talk is not None:
                talk.wrapped = event.at
            elif lives in FREE:
                self._act(event, c.WrapUpDone(event.agent, ("replayed",)))
