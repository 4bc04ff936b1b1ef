"""Asks for a customer number and its PIN. Three wrong tries in a row, over all calls, lock the customer for a day.

The customer number may be known already: `customer` is a text such as `{{customer_id}}`; else it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Checked, Desk
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, filled, names, within
from softswitch.model.events import CustomerIdentified, IvrAuth


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthPin:
    ok: Target
    failed: Target
    locked: Target = ""
    unset: Target = ""
    customer: str = ""
    prompts: Prompts = ("customer-enter",)
    pin_prompts: Prompts = ("pin-enter",)
    wrong_prompts: Prompts = ("pin-wrong",)
    tries: int = 3
    timeout: float = 8.0
    max_digits: int = 20


async def run(node: AuthPin, line: Line) -> Outcome:
    customer = await asked_customer(node.customer, node.prompts, line, node.timeout, node.max_digits)
    if not customer:
        return Outcome("failed", value="no_input")
    found = Checked("wrong")
    for attempt in range(node.tries):
        if attempt:
            await line.play(node.wrong_prompts)
        pin = await asked_pin(node.pin_prompts, line, node.timeout)
        found = await line.desk.pins.check(customer, pin) if pin else Checked("wrong", attempt + 1)
        line.emit(IvrAuth(ok=found.result == "ok", customer=customer, tries=found.tries, locked=found.result == "locked"))
        if found.result != "wrong":
            break
    if found.result == "ok":
        line.variables["customer_id"] = customer
        line.emit(CustomerIdentified(customer=customer, how="pin"))
    return Outcome("failed" if found.result == "wrong" else found.result)


async def asked_customer(known: str, prompts: Prompts, line: Line, timeout: float, most: int) -> str:  # noqa: ASYNC109 - silence
    """The customer number: what the flow knows, else what the caller types."""
    given = filled(known, names(line))
    if given:
        return given
    await line.play(prompts)
    return await line.collect(most, seconds=timeout, inter_digit=5.0, finish_on="#")


async def asked_pin(prompts: Prompts, line: Line, timeout: float) -> str:  # noqa: ASYNC109 - silence, not a deadline
    """A PIN, in no event and no record."""
    line.forget_digits()
    line.conceal(hidden=True)
    try:
        await line.play(prompts)
        return await line.collect(16, seconds=timeout, inter_digit=5.0, finish_on="#")
    finally:
        line.conceal(hidden=False)


def next_node(node: AuthPin, outcome: Outcome) -> str:
    match outcome.result:
        case "ok":
            return node.ok
        case "locked":
            return node.locked or node.failed
        case "unset":
            return node.unset or node.failed
        case _:
            return node.failed


def check(node: AuthPin, _snapshot: Snapshot) -> Iterator[Fault]:
    yield from within("tries", node.tries, 1, 3)
    yield from within("timeout", node.timeout, 1, 60)
    yield from within("max_digits", node.max_digits, 1, 32)


class Pins:
    """For the examples: customer 7 has the PIN 1234, customer 9 is locked, 11 has none."""

    async def check(self, customer: str, pin: str) -> Checked:
        if customer in ("9", "11"):
            return Checked("locked" if customer == "9" else "unset", 3)
        return Checked("ok" if (customer, pin) == ("7", "1234") else "wrong", 1)

    async def change(self, customer: str, new: str, *, old: str = "", caller: str = "", certain: bool = False) -> str:
        return ("ok" if certain else "forbidden") if customer == "11" else "ok" if old == "1234" else "wrong"


_DESK = Desk(pins=Pins())
_NODE = AuthPin(ok="bill", failed="agent", locked="sorry", tries=2)
VERB = Verb(
    schema=AuthPin,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(
            _NODE, desk=_DESK, presses="7#", later=("1234#",), expect=Outcome("ok"), next="bill", sets={"customer_id": "7"}
        ),
        Example(_NODE, desk=_DESK, presses="7#", later=("1#", "2#"), expect=Outcome("failed"), next="agent"),
        Example(_NODE, desk=_DESK, presses="9#", later=("1234#",), expect=Outcome("locked"), next="sorry"),
        Example(_NODE, desk=_DESK, expect=Outcome("failed", value="no_input"), next="agent"),
    ),
)
