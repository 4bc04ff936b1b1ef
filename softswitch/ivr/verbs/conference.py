"""Brings the caller into a room until it leaves. With `pin` the caller has to know it; wrong `tries` times: `on_failed`."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.verbs.base import DIGITS, Example, Fault, Line, Prompts, Target, Verb, filled, names, within
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Conference:
    room: str
    pin: str = ""
    tries: int = 3
    prompts: Prompts = ("pin-enter",)
    on_failed: Target = ""


async def run(node: Conference, line: Line) -> Outcome:
    if node.pin and not await _knows(node, line):
        return Outcome("failed", Cause.REJECTED)
    return await line.transfer(Destination(DestinationKind.CONFERENCE, filled(node.room, names(line))))


async def _knows(node: Conference, line: Line) -> bool:
    for attempt in range(node.tries):
        if attempt:
            await line.play(("pin-wrong",))
        await line.play(node.prompts)
        line.conceal(hidden=True)
        try:
            pressed = await line.collect(16, seconds=8.0, inter_digit=4.0, finish_on="#")
        finally:
            line.conceal(hidden=False)
        if hmac.compare_digest(pressed, node.pin):
            return True
    return False


def check(node: Conference, _snapshot: Snapshot) -> Iterator[Fault]:
    if not set(node.pin) <= DIGITS - {"#"}:
        yield Fault("pin", "expected digits")
    yield from within("tries", node.tries, 1, 10)


_LEFT = Outcome.ended(Ending("caller", Cause.NORMAL))
VERB = Verb(
    schema=Conference,
    run=run,
    next_node=lambda node, _outcome: node.on_failed,
    check=check,
    final=True,
    listens=True,
    examples=(
        Example(Conference(room="monday"), outcome=_LEFT, expect=_LEFT),
        Example(Conference(room="monday", pin="12"), presses="12#", outcome=_LEFT, expect=_LEFT),
        Example(
            Conference(room="monday", pin="12", tries=1, on_failed="bye"),
            presses="13#",
            expect=Outcome("failed", Cause.REJECTED),
            next="bye",
        ),
    ),
)
