"""What lists make of a new call (call-centre.md §8): inbound by the caller's number, outbound by the called one."""

from __future__ import annotations

from dataclasses import replace

from softswitch.calls import direct
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.lists.order import EMERGENCY, Rule
from softswitch.lists.service import Lists, refuses
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.routing.service import Admission

ANNOUNCEMENT = "list_announcement"
LISTED = "list"
"""Variables of the call: the prompt of an entry; which list the caller is on."""


def screened(lists: Lists, facts: LegFacts, admission: Admission) -> Admission:
    """The admission as routing decided it, or what the lists make of it."""
    if admission.destination is None or facts.called in EMERGENCY:
        return admission
    outbound = facts.kind in (PartyKind.PHONE, PartyKind.AGENT)
    if outbound and admission.destination.kind is not DestinationKind.OUTSIDE:
        return admission
    verdict = lists.screened(facts.called, "out") if outbound else lists.screened(facts.caller, "in")
    if (entry := refuses(verdict)) is None:
        if verdict.entry is None:
            return admission
        return replace(admission, values={**admission.values, LISTED: verdict.entry.kind})
    if entry.action == "announcement":
        return Admission(
            Destination(DestinationKind.HANGUP, Cause.REJECTED.word), rule=Rule.BLACKLIST,
            values={ANNOUNCEMENT: entry.announcement, LISTED: "black"},
        )  # fmt: skip
    cause = Cause.BUSY if entry.action == "busy" else Cause.REJECTED
    return Admission(None, cause, Rule.BLACKLIST)


async def announced_hang_up(call: Call, destination: Destination) -> Outcome:
    """`hangup:CAUSE`, after the announcement that a list's entry names: as early media, so that nobody is charged."""
    if prompt := call.variables.pop(ANNOUNCEMENT, ""):
        await call.play([prompt])
    return await direct.hang_up(call, destination)
