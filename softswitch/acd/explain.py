"""Why did this call wait, why this agent: a pure fold of a call's timeline into visits, decisions and plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from softswitch.acd.sayings import Sentence, say
from softswitch.model import events as ev
from softswitch.model.events.queue import ENDLESS_MS


@dataclass(slots=True)
class Decision:
    """One attempt to give the call to an agent. `result`: answered, withdrawn, or why the offer failed; "" while it is open."""

    at: float
    chosen: str
    rule: str
    strategy: str
    stage: int
    priority: float
    candidates: tuple[tuple[str, float | None], ...]
    excluded: tuple[tuple[str, str], ...]
    offer: str = ""
    result: str = ""
    ring_ms: int | None = None


@dataclass(slots=True)
class VisitStory:
    """One stay in one queue. `left` None: it goes on. `to`: where the call went from here."""

    visit: str
    queue: str
    entered: float
    position: int = 0
    channel: str = "voice"
    left: float | None = None
    result: str = ""
    wait_ms: int = 0
    to: str = ""
    stages: list[tuple[float, int]] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    text: list[Sentence] = field(default_factory=list)


def explain(events: Iterable[ev.Event]) -> list[VisitStory]:
    """The visits of a call in order; also of one that is still under way."""
    told = _Telling()
    for event in events:
        told.step(event)
    return list(told.visits.values())


class _Telling:
    """The fold's state."""

    def __init__(self) -> None:
        self.visits: dict[str, VisitStory] = {}
        self._offers: dict[str, tuple[VisitStory, Decision]] = {}

    def step(self, event: ev.Event) -> None:
        match event:
            case ev.QueueEntered():
                self._entered(event)
            case ev.QueueRelaxed() if story := self.visits.get(event.visit):
                story.stages.append((event.at, event.stage))
                _add(story, event.at, "relaxed", stage=event.stage)
            case ev.QueueRekeyed() if story := self.visits.get(event.visit):
                _add(story, event.at, "rekeyed", why=event.why or "identified")
            case ev.QueueAnnounced() if (story := self.visits.get(event.visit)) and event.what == "offer":
                _add(story, event.at, "keys")
            case ev.AcdDecision() if story := self.visits.get(event.visit):
                self._decided(story, event)
            case ev.OfferMade() if story := self.visits.get(event.visit):
                self._offered(story, event)
            case ev.OfferAnswered() if event.offer in self._offers:
                self._settled(event, "answered")
            case ev.OfferFailed() | ev.OfferWithdrawn() if event.offer in self._offers:
                self._settled(event, event.reason if isinstance(event, ev.OfferFailed) else f"withdrawn: {event.reason}")
            case ev.QueueLeft() if story := self.visits.get(event.visit):
                self._left(story, event)
            case _:
                pass

    def _entered(self, event: ev.QueueEntered) -> None:
        story = VisitStory(event.visit, event.queue, event.at, event.position, event.channel)
        self.visits[event.visit] = story
        if not event.position:
            return  # refused at the door: the next event says why
        _add(story, event.at, "entered", queue=event.queue, position=event.position, importance=event.importance)
        if event.needs:
            needs = ", ".join(f"{skill} ≥ {level}" for skill, level in event.needs.items())
            _add(story, event.at, "needs", needs=needs)
        if event.waited_ms >= 1000:
            _add(story, event.at, "kept", seconds=_seconds(event.waited_ms))
        if event.held_for:
            _add(story, event.at, "held", agent=event.held_for)
        if event.predicted_ms >= ENDLESS_MS:
            _add(story, event.at, "endless")
        elif event.predicted_ms >= 0:
            _add(story, event.at, "predicted", seconds=_seconds(event.predicted_ms))

    def _decided(self, story: VisitStory, event: ev.AcdDecision) -> None:
        candidates = tuple((login, event.keys.get(login)) for login in event.candidates)
        decision = Decision(
            event.at, event.chosen, event.rule or event.strategy, event.strategy, event.stage, event.priority, candidates,
            tuple(event.excluded.items()), event.offer,
        )  # fmt: skip
        if not story.decisions and event.at - story.entered >= 1:
            _add(story, event.at, "nobody_free", seconds=round(event.at - story.entered))
        story.decisions.append(decision)
        if event.offer:
            self._offers[event.offer] = (story, decision)
        key = event.keys.get(event.chosen)
        _add(
            story, event.at, "chosen", agent=event.chosen, strategy=event.strategy, rule=decision.rule,
            ready=event.ready or len(event.candidates), key="" if key is None else f"{key:g}",
        )  # fmt: skip
        if event.excluded:
            _add(story, event.at, "excluded", groups=_groups(event.excluded))

    def _offered(self, story: VisitStory, event: ev.OfferMade) -> None:
        fitting = (d for d in reversed(story.decisions) if not d.offer and event.agent in (d.chosen, ""))
        if event.offer not in self._offers:
            decision = next(fitting, None)
            if decision is None:
                decision = Decision(event.at, event.agent, event.rule, event.rule, 0, 0.0, ((event.agent, None),), ())
                story.decisions.append(decision)
            decision.offer = event.offer
            self._offers[event.offer] = (story, decision)

    def _settled(self, event: ev.OfferAnswered | ev.OfferFailed | ev.OfferWithdrawn, result: str) -> None:
        story, decision = self._offers.pop(event.offer)
        decision.result, decision.ring_ms = result, event.ring_ms
        what = "answered" if result == "answered" else "withdrawn" if result.startswith("withdrawn") else "failed"
        reason = event.reason if not isinstance(event, ev.OfferAnswered) else ""
        _add(story, event.at, f"offer_{what}", agent=event.agent, seconds=_seconds(event.ring_ms), reason=reason)

    def _left(self, story: VisitStory, event: ev.QueueLeft) -> None:
        story.left, story.result, story.wait_ms, story.to = event.at, event.result, event.wait_ms, event.to
        name = f"left_{event.result}"
        if not story.position:
            name = "refused"
        _add(story, event.at, name, seconds=_seconds(event.wait_ms), to=event.to, why=event.rule, result=event.result)


def _add(story: VisitStory, at: float, what: str, **values: object) -> None:
    story.text.append(say(what, after=round(max(0.0, at - story.entered)), **values))


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.0f}" if ms >= 10_000 else f"{ms / 1000:.1f}".removesuffix(".0")


def _groups(excluded: Mapping[str, str]) -> list[tuple[str, int]]:
    """Reasons and how many agents each kept out, the most frequent first."""
    return Counter(excluded.values()).most_common()
