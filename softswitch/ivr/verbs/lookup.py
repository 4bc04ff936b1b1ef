"""Asks a named query of the directory (HTTP or SQL) or the customer store (`customers`, by `number` or `id`).

`parameters` are filled in, masked input included. What is found becomes the variables `INTO_FIELD`; a nested answer is
flattened with `_`. The query's own time-out ends it; nothing that the other side does breaks the call: that is `error`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk, Found
from softswitch.ivr.verbs.base import Example, Fault, Line, Prompts, Target, Verb, all_names, filled, known, variable_name
from softswitch.model.events import IvrLookup

CUSTOMERS = "customers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    name: str
    found: Target
    none: Target = ""
    error: Target = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    into: str = ""
    prompts: Prompts = ()


async def run(node: Lookup, line: Line) -> Outcome:
    if node.prompts:
        await line.play(node.prompts, stop_on_key=False)
    parameters = {name: filled(text, all_names(line)) for name, text in node.parameters.items()}
    found = await line.desk.lookups.find(node.name, parameters)
    line.emit(IvrLookup(name=node.name, ms=found.ms, found=found.is_found, result=found.result))
    for name, value in found.values.items():
        line.variables[f"{node.into or node.name}_{name}"] = value
    return Outcome("found" if found.is_found else found.result)


def next_node(node: Lookup, outcome: Outcome) -> str:
    match outcome.result:
        case "found":
            return node.found
        case "none":
            return node.none or node.error
        case _:
            return node.error or node.none


def check(node: Lookup, snapshot: Snapshot) -> Iterator[Fault]:
    if node.name != CUSTOMERS:
        yield from known("name", "look-up", node.name, snapshot.lookups)
    elif not set(node.parameters) <= {"number", "id"}:
        yield Fault("parameters", "expected number or id")
    yield from variable_name("into", node.into or node.name.replace("-", "_"))


class _Book:
    async def find(self, name: str, parameters: Mapping[str, str]) -> Found:
        known_number = parameters.get("number") == "13800138000"
        return Found("found", {"name": "王"}) if known_number else Found("none")


_DESK = Desk(lookups=_Book())
_BY_NUMBER = {"number": "{{caller}}"}
VERB = Verb(
    schema=Lookup,
    run=run,
    next_node=next_node,
    check=check,
    needs_caller=False,
    examples=(
        Example(
            Lookup(name="customers", parameters=_BY_NUMBER, into="customer", found="hello", none="new"),
            desk=_DESK,
            expect=Outcome("found"),
            next="hello",
            sets={"customer_name": "王"},
        ),
        Example(
            Lookup(name="customers", parameters={"id": "7"}, found="hello", none="new"),
            desk=_DESK,
            expect=Outcome("none"),
            next="new",
        ),
    ),
)
