"""A place for an emergency announcement: plays the one that is on the air for this slot and the called number, if any."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Announcement, Desk
from softswitch.ivr.verbs.base import Example, Fault, Languages, Line, Target, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceSlot:
    slot: str
    languages: Languages = ()
    next: Target = ""


async def run(node: AnnounceSlot, line: Line) -> Outcome:
    found = line.desk.slots.on_air(node.slot)
    if found is None or not found.covers(line.called, line.utc()):
        return Outcome("none")
    line.variables["announced"] = node.slot
    try:
        await line.play(found.prompts, languages=node.languages)
    except asyncio.CancelledError:
        line.desk.slots.heard(node.slot, left=True)
        raise
    line.desk.slots.heard(node.slot, left=False)
    return Outcome("played")


def check(node: AnnounceSlot, _snapshot: Snapshot) -> Iterator[Fault]:
    if not node.slot:
        yield Fault("slot", "expected the name of the slot")


class _Slots:
    def on_air(self, slot: str) -> Announcement | None:
        return Announcement(slot, ("emergency",), until=10.0) if slot == "top" else None

    def heard(self, slot: str, *, left: bool) -> None:
        pass


_DESK = Desk(slots=_Slots())
VERB = Verb(
    schema=AnnounceSlot,
    run=run,
    next_node=lambda node, _outcome: node.next,
    check=check,
    examples=(
        Example(
            AnnounceSlot(slot="top", next="menu"), desk=_DESK, expect=Outcome("played"), next="menu", plays=("zh-CN/emergency",)
        ),
        Example(AnnounceSlot(slot="top", next="menu"), desk=_DESK, utc=10.0, expect=Outcome("none"), next="menu"),
        Example(AnnounceSlot(slot="other"), desk=_DESK, expect=Outcome("none")),
    ),
)
