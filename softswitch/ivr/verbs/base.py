"""What a verb is, and what it may do to the call.

A verb is a frozen dataclass (its fields are the fields of the node), a coroutine that carries it out, and a pure function that
says which node comes next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar

from softswitch.calls.outcome import Outcome
from softswitch.calls.sound import FREELY, Steering
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.model.destination import Destination
from softswitch.model.events import Event
from softswitch.voicemail.taking import Take, Taken

Target = Annotated[str, "target"]
"""The name of a node; "" where the flow may end."""
Prompt = Annotated[str, "prompts"]
Prompts = Annotated[tuple[str, ...], "prompts"]
Language = Annotated[str, "language"]
Languages = Annotated[tuple[str, ...], "language"]
Expression = Annotated[str, "expression"]
Expressions = Annotated[Mapping[str, str], "expression"]

INPUT = frozenset({"key", "digits", "no_match", "extension", "marks", "recorded"})
"""Results that show a caller at work; they restart the loop guard."""

DIGITS = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """What a flow says about one stay in a queue. None and empty: as the queue has it."""

    importance: int | None = None
    needs: Mapping[str, int] = field(default_factory=dict)
    """Skill → level, in addition to the queue's."""
    music: str = ""
    welcome: tuple[str, ...] = ()


DEFAULT = QueueOptions()


class Line(Protocol):
    """The call as verbs see it. Every wait ends when the caller hangs up: the task that runs the flow is cancelled."""

    language: str

    @property
    def call(self) -> str:
        """The call's id."""

    @property
    def caller(self) -> str: ...

    @property
    def caller_is_certain(self) -> bool:
        """Whether the network vouches for the calling number, so that it may stand for the subscriber's own line."""

    @property
    def called(self) -> str: ...

    @property
    def variables(self) -> MutableMapping[str, str]:
        """They stay with the call and are shown to agents."""

    @property
    def secrets(self) -> MutableMapping[str, str]:
        """Masked input: for look-ups and conditions of this flow, in no event, record or screen."""

    @property
    def snapshot(self) -> Snapshot: ...

    @property
    def desk(self) -> Desk: ...

    def emit(self, event: Event) -> None: ...

    async def answer(self) -> None: ...

    async def wait(self, seconds: float) -> None: ...

    async def play(
        self,
        prompts: Sequence[str],
        *,
        languages: Sequence[str] = (),
        stop_on_key: bool = True,
        volume: float = 0.0,
        start: float = 0.0,
        stop_on_voice: bool = False,
        steering: Steering = FREELY,
    ) -> None:
        """Plays prompts in the caller's language, or in each of `languages` in turn. Keys pressed meanwhile are kept.

        `volume` is dB, `start` seconds into the first prompt. `stop_on_voice`: also the caller's voice ends them.
        `steering`: keys that go back, on, or pause.
        """  # fmt: skip

    async def music(self, name: str, seconds: float, *, stop_on_key: bool = False) -> None: ...

    async def collect(
        self,
        max_digits: int,
        *,
        seconds: float,
        inter_digit: float,
        finish_on: str = "",
        enough: Callable[[str], bool] | None = None,
    ) -> str:
        """The next keys, those already pressed first; "" when none came within `seconds`.

        `enough` may end it before `max_digits`: asked after each key.
        """  # fmt: skip

    def forget_digits(self) -> None:
        """Drops keys pressed ahead: they were meant for something else."""

    def conceal(self, *, hidden: bool) -> None:
        """From here on keys are (not) written into the timeline and a running recording is silent (or not)."""

    async def record(self, take: Take) -> Taken:
        """Records the caller alone."""

    async def replay(self, taken: Taken) -> None:
        """Plays a recording of this call to the caller; a key stops it and is kept."""

    def control_recording(self, action: str) -> None:
        """on, off: of the conversations that follow; pause, resume: of what is recorded now."""

    async def queue(self, name: str, options: QueueOptions = DEFAULT) -> Outcome: ...

    async def transfer(self, to: Destination, *, seconds: float = 0.0) -> Outcome:
        """`seconds` is the longest ringing; 0 = the usual."""

    async def voicemail(self, mailbox: str, greeting: str) -> Outcome:
        """Takes a message: done, empty (nothing was said), failed."""

    def utc(self) -> float:
        """Epoch seconds."""


class Fault(NamedTuple):
    """What is wrong with a field of a node."""

    field: str
    text: str


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Example(Generic[S]):
    """A node, the keys the caller presses, and what comes of it; executed by a test."""

    given: S
    expect: Outcome
    next: str = ""
    presses: str = ""
    """One string of keys without a pause; `later` are those after each further pause."""
    later: tuple[str, ...] = ()
    plays: tuple[str, ...] = ()
    outcome: Outcome | None = None  # of the queue or transfer, where the verb starts one
    utc: float = 0.0
    variables: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    """Variables that must have these values afterwards."""
    desk: Desk | None = None


def no_faults(_node: Any, _snapshot: Snapshot) -> Iterator[Fault]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Verb(Generic[S]):
    schema: type[S]
    run: Callable[[S, Line], Awaitable[Outcome]]
    next_node: Callable[[S, Outcome], str]
    """The node after this outcome; "" ends the flow. Not asked when the outcome has an ending."""
    examples: tuple[Example[S], ...]
    check: Callable[[S, Snapshot], Iterator[Fault]] = no_faults
    """What the types cannot say: unknown queues, causes, zones."""
    needs_caller: bool = True
    """False: may also run after the caller has hung up (`on_hangup`)."""
    listens: bool = False
    """Waits for the caller's keys or voice, so that a loop through it is none of the machine alone."""
    final: bool = False
    """The flow is meant to end here when there is no next node."""


def names(line: Line) -> Mapping[str, str]:
    """What `{{name}}` may stand for: the call's variables, and caller, called and language."""
    return {"caller": line.caller, "called": line.called, "language": line.language, "call": line.call, **line.variables}


def all_names(line: Line) -> Mapping[str, str]:
    """The same with masked input: for look-ups and conditions only."""
    return {**names(line), **line.secrets}


def filled(text: str, variables: Mapping[str, str]) -> str:
    """`{{name}}` replaced by the variable's value, by nothing when it is not set."""
    parts = text.split("{{")
    out = [parts[0]]
    for part in parts[1:]:
        name, closed, rest = part.partition("}}")
        out.append(variables.get(name.strip(), "") + rest if closed else "{{" + part)
    return "".join(out)


def is_variable(text: str) -> bool:
    """Whether the text is known only while the flow runs."""
    return "{{" in text


def filled_number(text: str, line: Line, least: int, most: int) -> int:
    """A whole number written as text or variable, kept within limits; `least` when it is none."""
    found = filled(text, names(line)).strip()
    return max(least, min(most, int(found))) if found.lstrip("-").isdecimal() else least


def within(name: str, value: float, least: float, most: float) -> Iterator[Fault]:
    if not least <= value <= most:
        yield Fault(name, f"expected {least:g} to {most:g}, got {value:g}")


BARGE_IN = ("", "voice")
"""What ends prompts besides a key: nothing, or the caller's voice."""


def one_of(name: str, value: str, *words: str) -> Iterator[Fault]:
    if value not in words and not is_variable(value):
        yield Fault(name, f'expected one of {" ".join(words)}, got "{value}"')


def known(name: str, kind: str, value: str, among: Mapping[str, object]) -> Iterator[Fault]:
    """The object must exist, unless it is only known while the flow runs."""
    if not is_variable(value) and value not in among:
        yield Fault(name, f'there is no {kind} "{value}"')


VARIABLE_HELP = "expected a name of letters, digits and _"


def variable_name(field_name: str, value: str) -> Iterator[Fault]:
    if not value.isidentifier():
        yield Fault(field_name, f"{VARIABLE_HELP}, got {value!r}")
