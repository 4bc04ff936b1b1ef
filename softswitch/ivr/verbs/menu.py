"""Says what can be chosen and waits for a key. Keys pressed ahead count; a key stops the prompts.

The menu is said again up to `retries` times after silence or a wrong key (`no_match_prompts` first); then the last of the two
decides: `no_input` or `no_match`. Keys may have several digits; a key that begins a longer one waits for the next digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import Example, Fault, Languages, Line, Prompts, Target, Verb

_DIGITS = frozenset("0123456789*#")


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    prompts: Prompts
    keys: Mapping[str, Target]
    languages: Languages = ()
    timeout: float = 5.0
    inter_digit: float = 3.0
    retries: int = 3
    no_input: Target = ""
    no_match: Target = ""
    no_input_prompts: Prompts = ()
    no_match_prompts: Prompts = field(default=("invalid",))


async def run(node: Menu, line: Line) -> Outcome:
    outcome = Outcome("no_input")
    for attempt in range(node.retries + 1):
        if attempt:
            again = node.no_match_prompts if outcome.result == "no_match" else node.no_input_prompts
            await line.play(again, languages=node.languages)
        await line.play(node.prompts, languages=node.languages)
        pressed = await _key(node, line)
        if pressed in node.keys:
            return Outcome("key", value=pressed)
        outcome = Outcome("no_match", value=pressed) if pressed else Outcome("no_input")
        line.forget_digits()
    return outcome


async def _key(node: Menu, line: Line) -> str:
    """Digits until they are a key that begins no longer one, or begin no key at all, or nothing more comes."""
    pressed = ""
    while True:
        digit = await line.collect(1, seconds=node.inter_digit if pressed else node.timeout, inter_digit=node.inter_digit)
        pressed += digit
        longer = any(key.startswith(pressed) and key != pressed for key in node.keys)
        if not digit or not longer:
            return pressed


def next_node(node: Menu, outcome: Outcome) -> str:
    match outcome.result:
        case "key":
            return node.keys[outcome.value]
        case "no_match":
            return node.no_match or node.no_input
        case _:
            return node.no_input or node.no_match


def check(node: Menu, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.keys:
        yield Fault("keys", "expected at least one key")
    for key in node.keys:
        if not key or not set(key) <= _DIGITS:
            yield Fault(f"keys.{key}", f'expected digits, * or #, got "{key}"')
    if node.timeout <= 0:
        yield Fault("timeout", f"expected more than 0 seconds, got {node.timeout}")
    if node.retries < 0:
        yield Fault("retries", f"expected 0 or more, got {node.retries}")


_KEYS = {"1": "sales", "2": "english"}
VERB = Verb(
    schema=Menu,
    run=run,
    next_node=next_node,
    check=check,
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
    ),
)
