"""Try-outs: a flow walked by a simulated caller. Nothing is called, asked or written; time is virtual.

A caller is a list of key strings: each is pressed when the flow listens and nothing pressed before is left; "" is silence, and
so is everything after the last. What outside parts would do is told by `given` (node → outcome word), else: conversations end
the call, look-ups find nothing, PINs are right, messages are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.sound import FREELY, Steering
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Announcement, Checked, Desk, Found, Hours, Listed, QueueInfo
from softswitch.ivr.engine import FlowRun
from softswitch.ivr.flow import Flow
from softswitch.ivr.verbs.base import DEFAULT, QueueOptions
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.events import Event, IvrNode
from softswitch.voicemail.taking import Take, Taken

PROMPT_SECONDS = 3.0
"""How long a prompt counts as when its length is not known."""
MESSAGE_MS = 5000


@dataclass(frozen=True, slots=True)
class Caller:
    """The simulated caller."""

    number: str = "13800138000"
    called: str = "4008001000"
    keys: tuple[str, ...] = ()
    talks: bool = False  # over the first prompt wherever the voice may end it
    variables: Mapping[str, str] = field(default_factory=dict)
    at: float = 0.0
    given: Mapping[str, str] = field(default_factory=dict)
    certain: bool = True


@dataclass(frozen=True, slots=True)
class TrialStep:
    """One node of the way. `at` is epoch seconds of its begin."""

    flow: str
    node: str
    verb: str
    heard: tuple[str, ...]
    pressed: str
    result: str
    at: float


@dataclass(frozen=True, slots=True)
class Trial:
    steps: tuple[TrialStep, ...]
    outcome: str
    """The last result; "ended" with where the caller went, such as "queue:sales"."""
    to: str
    variables: Mapping[str, str]
    seconds: float


class TrialLine:
    """`verbs.base.Line` without a call."""

    def __init__(self, caller: Caller, snapshot: Snapshot, desk: Desk) -> None:
        self.language = "zh-CN"
        self.call = "trial"
        self.caller = caller.number
        self.talks = caller.talks
        self.called = caller.called
        self.caller_is_certain = caller.certain
        self.snapshot = snapshot
        self.desk = desk
        self.to = ""
        self.heard: list[str] = []
        self.pressed = ""
        self.events: list[Event] = []
        self.hidden = False
        self.outcome = Outcome.ended(Ending("callee", Cause.NORMAL))
        """Of every conversation."""
        self._variables = dict(caller.variables)
        self._secrets: dict[str, str] = {}
        self._script = list(caller.keys)
        self._ahead = ""
        self._now = caller.at
        self._recordings = 0

    @property
    def variables(self) -> MutableMapping[str, str]:
        return self._variables

    @property
    def secrets(self) -> MutableMapping[str, str]:
        return self._secrets

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def utc(self) -> float:
        return self._now

    async def answer(self) -> None:
        self.heard.append("answer")

    async def wait(self, seconds: float) -> None:
        self._now += seconds

    def press_ahead(self, keys: str) -> None:
        """Keys that are pressed before the flow listens."""
        self._ahead += keys

    async def play(
        self, prompts: Sequence[str], *, languages: Sequence[str] = (), stop_on_key: bool = True, volume: float = 0.0,
        start: float = 0.0, stop_on_voice: bool = False, steering: Steering = FREELY,
    ) -> None:  # fmt: skip
        if stop_on_key and self._ahead:
            return
        del steering  # nobody presses keys in the midst of a prompt here
        heard = [f"{language}/{prompt}" for language in languages or (self.language,) for prompt in prompts]
        if stop_on_voice and self.talks:
            del heard[1:]
        self.heard += heard
        self._now += PROMPT_SECONDS * len(heard)

    async def music(self, name: str, seconds: float, *, stop_on_key: bool = False) -> None:
        self.heard.append(f"music/{name}")
        self._now += 0.0 if stop_on_key and self._ahead else seconds

    async def collect(
        self, max_digits: int, *, seconds: float, inter_digit: float, finish_on: str = "",
        enough: Callable[[str], bool] | None = None,
    ) -> str:  # fmt: skip
        if not self._ahead and self._script:
            self._ahead = self._script.pop(0)
        taken = ""
        while len(taken) < max_digits:
            if not self._ahead:
                self._now += inter_digit if taken else seconds
                break
            key, self._ahead = self._ahead[0], self._ahead[1:]
            self.pressed += "x" if self.hidden else key
            if key in finish_on:
                break
            taken += key
            if enough is not None and enough(taken):
                break
        return taken

    def forget_digits(self) -> None:
        self._ahead = ""

    def conceal(self, *, hidden: bool) -> None:
        self.hidden = hidden

    async def record(self, take: Take) -> Taken:
        self._recordings += 1
        self.heard.append("beep")
        self._now += MESSAGE_MS / 1000
        return Taken(f"r{self._recordings}", f"{self._recordings}.wav", MESSAGE_MS, "key")

    async def replay(self, taken: Taken) -> None:
        self.heard.append(f"recording/{taken.recording}")

    def control_recording(self, action: str) -> None:
        self.heard.append(f"recording {action}")

    async def queue(self, name: str, options: QueueOptions = DEFAULT) -> Outcome:
        return self._went(f"queue:{name}")

    async def transfer(self, to: Destination, *, seconds: float = 0.0) -> Outcome:
        return self._went(str(to))

    async def voicemail(self, mailbox: str, greeting: str) -> Outcome:
        self.heard += [f"greeting/{mailbox}/{greeting}", "beep"]
        self._now += MESSAGE_MS / 1000
        return Outcome("recorded") if self.outcome.ending is not None else self._went(f"voicemail:{mailbox}")

    def _went(self, to: str) -> Outcome:
        if self.outcome.ending is not None:
            self.to = to
        return self.outcome


async def try_flow(flow: Flow, caller: Caller, snapshot: Snapshot, desk: Desk, subflows: Callable[[str], Flow | None]) -> Trial:
    """Walks through a flow; always ends: the loop guard counts silence."""
    line = TrialLine(caller, snapshot, _harmless(desk))
    line.language = flow.languages[0]
    steps: list[TrialStep] = []
    mark = [caller.at]

    def emit(event: Event) -> None:
        line.emit(event)
        if isinstance(event, IvrNode):
            steps.append(TrialStep(event.flow, event.node, event.verb, tuple(line.heard), line.pressed, event.result, mark[0]))
            line.heard, line.pressed, mark[0] = [], "", line.utc()

    run = FlowRun(flow, line, emit, line.utc, subflows=subflows, given=caller.given)
    await run.run()
    return Trial(tuple(steps), run.result, line.to, dict(line.variables), line.utc() - caller.at)


# what outside parts do in a try-out


def _harmless(desk: Desk) -> Desk:
    """Reading is real (calendars, lists, queues, announcements); asking others and writing is not."""
    nothing = _Nothing(desk)
    return replace(desk, lookups=nothing, pins=nothing, callbacks=nothing, queues=_Still(desk), slots=_Silent(desk))


class _Nothing:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
        return Found("none")

    async def check(self, customer: str, pin: str) -> Checked:
        return Checked("ok", 1)

    async def change(self, customer: str, new: str, *, old: str = "", caller: str = "", certain: bool = False) -> str:
        return "ok" if old or certain else "forbidden"

    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        return "trial"


class _Still:
    """Queues are looked at and left alone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def info(self, name: str) -> QueueInfo:
        return self._desk.queues.info(name)

    def leave(self, call: str) -> bool:
        return False


class _Silent:
    """Announcements are played and not counted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_air(self, slot: str) -> Announcement | None:
        return self._desk.slots.on_air(slot)

    def heard(self, slot: str, *, left: bool) -> None:
        pass


class NoLists:
    """For checks without a running switch: nobody is listed, every calendar is open, no announcement is on the air."""

    def check(self, number: str, at: float) -> Listed | None:
        return None

    def state(self, name: str, at: float) -> Hours:
        return Hours(open=True, why="open")

    def on_air(self, slot: str) -> Announcement | None:
        return None

    def heard(self, slot: str, *, left: bool) -> None:
        pass

    def info(self, name: str) -> QueueInfo:
        return QueueInfo()

    def leave(self, call: str) -> bool:
        return False


def empty_desk() -> Desk:
    nothing = NoLists()
    return Desk(calendars=nothing, lists=nothing, slots=nothing, queues=nothing)
