"""What a verb is, and what it may do to the call.

A verb is a frozen dataclass (its fields are the fields of the node), a coroutine that carries it out, and a pure function that
says which node comes next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.model.destination import Destination

Target = Annotated[str, "target"]
"""The name of a node; "" where the flow may end."""
Prompts = Annotated[tuple[str, ...], "prompts"]
Language = Annotated[str, "language"]
Languages = Annotated[tuple[str, ...], "language"]

INPUT = frozenset({"key", "digits", "no_match"})
"""Results that show a caller at work; they restart the loop guard."""


class Line(Protocol):
    """The call as verbs see it. Every wait ends when the caller hangs up: the task that runs the flow is cancelled."""

    language: str

    @property
    def variables(self) -> MutableMapping[str, str]: ...

    async def answer(self) -> None: ...

    async def play(self, prompts: Sequence[str], *, languages: Sequence[str] = (), stop_on_key: bool = True) -> None:
        """Plays prompts in the caller's language, or in each of `languages` in turn. Keys pressed meanwhile are kept."""

    async def collect(self, max_digits: int, *, seconds: float, inter_digit: float, finish_on: str = "") -> str:
        """The next keys, those already pressed first; "" when none came within `seconds`."""

    def forget_digits(self) -> None:
        """Drops keys pressed ahead: they were meant for something else."""

    async def queue(self, name: str) -> Outcome: ...

    async def transfer(self, to: Destination) -> Outcome: ...

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
    plays: tuple[str, ...] = ()
    outcome: Outcome | None = None  # of the queue or transfer, where the verb starts one
    utc: float = 0.0


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


def filled(text: str, variables: MutableMapping[str, str]) -> str:
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
