"""Looks the caller up in the lists of the centre: black, white, VIP. A list without its own target goes to `else`."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.desk import Desk, Listed
from softswitch.ivr.verbs.base import Example, Line, Target, Verb, filled, names


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCheck:
    number: str = "{{caller}}"
    black: Target = ""
    white: Target = ""
    vip: Target = ""
    else_: Target = ""


async def run(node: ListCheck, line: Line) -> Outcome:
    found = line.desk.lists.check(filled(node.number, names(line)), line.utc())
    if found is None:
        return Outcome("none")
    if found.importance:
        line.variables["importance"] = str(found.importance)
    return Outcome(found.kind, value=found.action)


def next_node(node: ListCheck, outcome: Outcome) -> str:
    return {"black": node.black, "white": node.white, "vip": node.vip}.get(outcome.result, "") or node.else_


class _Lists:
    def check(self, number: str, at: float) -> Listed | None:
        return Listed("vip", importance=90) if number == "13800138000" else None


_DESK = Desk(lists=_Lists())
VERB = Verb(
    schema=ListCheck,
    run=run,
    next_node=next_node,
    needs_caller=False,
    examples=(
        Example(ListCheck(vip="gold", else_="menu"), desk=_DESK, expect=Outcome("vip"), next="gold", sets={"importance": "90"}),
        Example(ListCheck(number="110", vip="gold", else_="menu"), desk=_DESK, expect=Outcome("none"), next="menu"),
    ),
)
