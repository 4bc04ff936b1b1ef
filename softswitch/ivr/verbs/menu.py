"""Says what can be chosen and waits for a key. Keys pressed ahead count; a key stops the prompts.

The menu is said again up to `retries` times after silence or a wrong key (`no_match_prompts` first); then the last of the two
decides: `no_input` or `no_match`. Keys may have several digits; a key that begins a longer one waits for the next digit.
`barge_in = "voice"`: the prompts stop when the caller speaks.
With `direct_dial` the caller may also dial the number of an extension; nobody there: `on_failed`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import (
    BARGE_IN,
    DIGITS,
    Example,
    Fault,
    Languages,
    Line,
    Prompts,
    Target,
    Verb,
    one_of,
    within,
)
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    prompts: Prompts
    keys: Mapping[str, Target]
    languages: Languages = ()
    timeout: float = 5.0
    inter_digit: float = 3.0
    retries: int = 3
    direct_dial: bool = False
    barge_in: str = ""
    no_input: Target = ""
    no_match: Target = ""
    on_failed: Target = ""
    no_input_prompts: Prompts = ()
    no_match_prompts: Prompts = field(default=("invalid",))


async def run(node: Menu, line: Line) -> Outcome:
    outcome = Outcome("no_input")
    by_voice = node.barge_in == "voice"
    extensions = frozenset(line.snapshot.extensions) if node.direct_dial else frozenset[str]()
    for attempt in range(node.retries + 1):
        if attempt:
            again = node.no_match_prompts if outcome.result == "no_match" else node.no_input_prompts
            await line.play(again, languages=node.languages, stop_on_voice=by_voice)
        await line.play(node.prompts, languages=node.languages, stop_on_voice=by_voice)
        pressed = await _pressed(node, line, extensions)
        if pressed in node.keys:
            return Outcome("key", value=pressed)
        if pressed in extensions:
            return await _dialled(line, pressed)
        outcome = Outcome("no_match", value=pressed) if pressed else Outcome("no_input")
        line.forget_digits()
    return outcome


async def _pressed(node: Menu, line: Line, extensions: frozenset[str]) -> str:
    """Digits until they are a choice that begins no longer one, or begin no choice at all, or nothing more comes."""
    choices = extensions | set(node.keys)

    def enough(pressed: str) -> bool:
        return not any(choice.startswith(pressed) and choice != pressed for choice in choices)

    return await line.collect(64, seconds=node.timeout, inter_digit=node.inter_digit, enough=enough)


async def _dialled(line: Line, number: str) -> Outcome:
    outcome = await line.transfer(Destination(DestinationKind.EXTENSION, number))
    return outcome if outcome.ending is not None else Outcome("extension", outcome.cause, value=number)


def next_node(node: Menu, outcome: Outcome) -> str:
    match outcome.result:
        case "key":
            return node.keys[outcome.value]
        case "extension":
            return node.on_failed
        case "no_match":
            return node.no_match or node.no_input
        case _:
            return node.no_input or node.no_match


def check(node: Menu, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.keys and not node.direct_dial:
        yield Fault("keys", "expected at least one key")
    for key in node.keys:
        if not key or not set(key) <= DIGITS or len(key) > 8:
            yield Fault(f"keys.{key}", f'expected digits, * or #, got "{key}"')
    yield from within("inter_digit", node.inter_digit, 0.5, 60)
    if node.timeout <= 0:
        yield Fault("timeout", f"expected more than 0 seconds, got {node.timeout}")
    yield from one_of("barge_in", node.barge_in, *BARGE_IN)
    if node.retries < 0:
        yield Fault("retries", f"expected 0 or more, got {node.retries}")


_KEYS = {"1": "sales", "2": "english"}
_SPOKE = Outcome.ended(Ending("callee", Cause.NORMAL))
VERB = Verb(
    schema=Menu,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(
            Menu(prompts=("main-menu",), keys=_KEYS),
            presses="1",
            expect=Outcome("key", value="1"),
            next="sales",
            plays=(),  # the caller knows the menu: a key pressed ahead leaves nothing to say
        ),
        Example(
            Menu(prompts=("main-menu",), keys=_KEYS, retries=1, no_input="bye"),
            expect=Outcome("no_input"),
            next="bye",
            plays=("zh-CN/main-menu", "zh-CN/main-menu"),
        ),
        Example(
            Menu(prompts=("main-menu",), keys=_KEYS, retries=0, no_match="again"),
            presses="9",
            expect=Outcome("no_match", value="9"),
            next="again",
        ),
        Example(Menu(prompts=(), keys={"1": "a", "12": "b"}), presses="12", expect=Outcome("key", value="12"), next="b"),
        Example(Menu(prompts=(), keys={"1": "a", "12": "b"}), presses="1", expect=Outcome("key", value="1"), next="a"),
        Example(Menu(prompts=(), keys=_KEYS, direct_dial=True), presses="1001", outcome=_SPOKE, expect=_SPOKE),
        Example(
            Menu(prompts=(), keys=_KEYS, direct_dial=True, on_failed="nobody"),
            presses="1001",
            outcome=Outcome.failed(Cause.BUSY),
            expect=Outcome("extension", Cause.BUSY, value="1001"),
            next="nobody",
        ),
    ),
)
