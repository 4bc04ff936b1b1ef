"""Marks the call for reports and for the agent's page; a call may have many tags."""

from __future__ import annotations

from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import Example, Line, Target, Verb, filled, names
from softswitch.model.events import CallData

MOST = 500
"""Signs of all tags together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    tag: str
    next: Target = ""


async def run(node: Tag, line: Line) -> Outcome:
    tag = filled(node.tag, names(line)).strip()
    tags = [entry for entry in line.variables.get("tags", "").split(",") if entry]
    if tag and tag not in tags:
        tags.append(tag)
        line.variables["tags"] = ",".join(tags)[:MOST]
        line.emit(CallData(values={"tags": line.variables["tags"]}))
    return Outcome("done")


VERB = Verb(
    schema=Tag,
    run=run,
    next_node=lambda node, _outcome: node.next,
    needs_caller=False,
    examples=(
        Example(Tag(tag="bill", next="q"), expect=Outcome("done"), next="q", sets={"tags": "bill"}),
        Example(Tag(tag="bill"), variables={"tags": "vip,bill"}, expect=Outcome("done"), sets={"tags": "vip,bill"}),
    ),
)
