"""Offers to call back: one key takes the calling number, another asks for a number, anything else refuses.

The place in line is kept by the queue's callback task; `accepted` says goodbye. A number that may not be called, or a second
task for the same number, goes to `on_failed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, filled, known, names, within
from softswitch.model.errors import Conflict, Invalid
from softswitch.prompts import spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackOffer:
    queue: str
    accepted: Target
    refused: Target
    on_failed: Target = ""
    prompts: Prompts = ("callback-number",)
    question: Prompts = ("callback-confirm",)
    timeout: float = 8.0
    other_number: bool = True


async def run(node: CallbackOffer, line: Line) -> Outcome:
    queue, number = filled(node.queue, names(line)), line.caller
    await line.play((*node.prompts, *spoken.digits(number), *node.question))
    pressed = await line.collect(1, seconds=node.timeout, inter_digit=node.timeout)
    if pressed == "2" and node.other_number:
        await line.play(("callback-enter",))
        number = await line.collect(20, seconds=10.0, inter_digit=5.0, finish_on="#")
    elif pressed != "1":
        return Outcome("refused", value=pressed)
    try:
        task = await line.desk.callbacks.create(queue, number, source="queue", call=line.call)
    except (Invalid, Conflict):
        await line.play(("callback-refused",))
        return Outcome("failed", value=number)
    line.variables["callback"] = task
    await line.play(("callback-accepted",), stop_on_key=False)
    return Outcome("accepted", value=number)


def next_node(node: CallbackOffer, outcome: Outcome) -> str:
    match outcome.result:
        case "accepted":
            return node.accepted
        case "failed":
            return node.on_failed or node.refused
        case _:
            return node.refused


def check(node: CallbackOffer, snapshot: Snapshot) -> Iterator[Fault]:
    yield from known("queue", "queue", node.queue, snapshot.queues)
    yield from within("timeout", node.timeout, 1, 60)


class _Callbacks:
    async def create(self, queue: str, number: str, *, source: str, call: str = "", note: str = "") -> str:
        if len(number) < 3:
            raise Invalid("number", "too short")
        return "b1"


_DESK = Desk(callbacks=_Callbacks())
_NODE = CallbackOffer(queue="sales", accepted="bye", refused="wait", on_failed="menu")
VERB = Verb(
    schema=CallbackOffer,
    run=run,
    next_node=next_node,
    check=check,
    listens=True,
    examples=(
        Example(_NODE, desk=_DESK, presses="1", expect=Outcome("accepted", value="13800138000"), next="bye"),
        Example(
            _NODE, desk=_DESK, presses="2", later=("13900139000#",), expect=Outcome("accepted", value="13900139000"), next="bye"
        ),
        Example(_NODE, desk=_DESK, presses="2", later=("1#",), expect=Outcome("failed", value="1"), next="menu"),
        Example(_NODE, desk=_DESK, presses="*", expect=Outcome("refused", value="*"), next="wait"),
    ),
)
