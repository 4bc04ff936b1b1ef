"""Leaves the caller with music in a slot until somebody picks it up; nobody came: `on_failed`."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Ending, Outcome
from softswitch.ivr.verbs.base import Example, Line, Prompts, Target, Verb, filled, names
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    slot: str
    prompts: Prompts = ()
    on_failed: Target = ""


async def run(node: Park, line: Line) -> Outcome:
    if node.prompts:
        await line.play(node.prompts)
    return await line.transfer(Destination(DestinationKind.PARK, filled(node.slot, names(line))))


_PICKED = Outcome.ended(Ending("callee", Cause.NORMAL))
VERB = Verb(
    schema=Park,
    run=run,
    next_node=lambda node, _outcome: node.on_failed,
    final=True,
    listens=True,
    examples=(
        Example(Park(slot="701"), outcome=_PICKED, expect=_PICKED),
        Example(Park(slot="701", on_failed="menu"), outcome=Outcome("timeout"), expect=Outcome("timeout"), next="menu"),
    ),
)
