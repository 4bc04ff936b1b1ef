"""Sets a PIN. Who has none may set the first one only from the own line: the network vouches for the calling number, and the
number is the customer's service number. Who has one must know it. The new PIN is typed twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.verbs.auth_pin import Pins, asked_customer, asked_pin
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, within


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPin:
    ok: Target
    failed: Target
    forbidden: Target = ""
    customer: str = ""
    first: bool = False
    min_digits: int = 4
    prompts: Prompts = ("customer-enter",)
    old_prompts: Prompts = ("pin-old",)
    new_prompts: Prompts = ("pin-new",)
    again_prompts: Prompts = ("pin-again",)
    timeout: float = 8.0


async def run(node: SetPin, line: Line) -> Outcome:
    customer = await asked_customer(node.customer, node.prompts, line, node.timeout, 20)
    if not customer:
        return Outcome("failed", value="no_input")
    old = "" if node.first else await asked_pin(node.old_prompts, line, node.timeout)
    new = await asked_pin(node.new_prompts, line, node.timeout)
    if len(new) < node.min_digits:
        return Outcome("failed", value="short")
    if await asked_pin(node.again_prompts, line, node.timeout) != new:
        return Outcome("failed", value="different")
    result = await line.desk.pins.change(customer, new, old=old, caller=line.caller, certain=line.caller_is_certain)
    return Outcome(result) if result in ("ok", "forbidden") else Outcome("failed", value=result)


def next_node(node: SetPin, outcome: Outcome) -> str:
    match outcome.result:
        case "ok":
            return node.ok
        case "forbidden":
            return node.forbidden or node.failed
        case _:
            return node.failed


def check(node: SetPin, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("min_digits", node.min_digits, 4, 16)
    yield from within("timeout", node.timeout, 1, 60)


_DESK = Desk(pins=Pins())
_NODE = SetPin(ok="done", failed="sorry", forbidden="agent", customer="{{id}}")
_FIRST = SetPin(ok="done", failed="sorry", forbidden="agent", customer="11", first=True)
VERB = Verb(
    schema=SetPin,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(_NODE, desk=_DESK, variables={"id": "7"}, later=("1234#", "5678#", "5678#"), expect=Outcome("ok"), next="done"),
        Example(
            _NODE,
            desk=_DESK,
            variables={"id": "7"},
            later=("1234#", "5678#", "5679#"),
            expect=Outcome("failed", value="different"),
            next="sorry",
        ),
        Example(_FIRST, desk=_DESK, later=("5678#", "5678#"), expect=Outcome("forbidden"), next="agent"),
    ),
)
