"""The ladder of a call: who is a column, which message is an arrow between two of them, what the media did meanwhile.

Columns from left to right: the caller's side, the switch, then each party that was tried, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from softswitch.model import events as ev
from softswitch.trace.messages import Message
from softswitch.trace.service import Kept
from softswitch.trace.words import Words

SWITCH = "switch"
_KINDS = ("trunk", "extension", "agent", "outside", "widget", "browser")


@dataclass(frozen=True, slots=True)
class Party:
    """A column. `leg` is its id in the timeline, "" for the caller's; `name` is the trunk, number or login."""

    id: str
    role: str  # "caller" | "switch" | "callee"
    kind: str  # "trunk" | "extension" | "agent" | "browser" | "peer" | "switch"
    name: str
    address: str = ""
    transport: str = ""
    leg: str = ""
    started: float = 0.0


class Step:
    """An arrow: one message with what it says."""

    def __init__(self, number: int, message: Message, party: Party, *, repeat: bool) -> None:
        self.number = number
        self.message = message
        self.party = party
        self.repeat = repeat  # the same octets once more: the other side did not answer in time
        self.words = Words(message.data)

    @property
    def at(self) -> float:
        return self.message.at

    @property
    def sent(self) -> bool:
        """By the switch."""
        return self.message.sent


@dataclass(frozen=True)
class Ladder:
    """Facts of one call, of which pages and verdicts are made."""

    call: str
    parties: tuple[Party, ...]
    steps: tuple[Step, ...]
    events: tuple[ev.Event, ...]
    dropped: int = 0
    is_live: bool = False

    @cached_property
    def caller(self) -> Party:
        return self.parties[0]

    def party_of(self, leg: str) -> Party:
        """The column of a leg of the timeline; what nobody was rung as is the caller."""
        return next((party for party in self.parties if party.leg and party.leg == leg), self.caller)

    def of(self, party: Party) -> list[Step]:
        return [step for step in self.steps if step.party.id == party.id]

    @cached_property
    def callees(self) -> tuple[Party, ...]:
        return tuple(party for party in self.parties if party.role == "callee")


def ladder(call: str, events: Sequence[ev.Event], kept: Kept | None) -> Ladder:
    """Of the timeline and of what is kept of the wire, either of which may be missing."""
    kept = kept or Kept({}, {})
    parties, of_dialog = _parties(events, kept)
    steps: list[Step] = []
    seen: set[tuple[bool, str, bytes]] = set()
    found = [(message, name) for name, dialog in kept.dialogs.items() for message in dialog.messages]
    for message, name in sorted(found, key=lambda one: one[0].at):
        same = (message.sent, name, message.data)
        steps.append(Step(len(steps) + 1, message, of_dialog[name], repeat=same in seen))
        seen.add(same)
    return Ladder(call, tuple(parties), tuple(steps), tuple(events), kept.dropped, kept.is_live)


def _parties(events: Sequence[ev.Event], kept: Kept) -> tuple[list[Party], dict[str, Party]]:
    created = next((event for event in events if isinstance(event, ev.CallCreated)), None)
    started = [event for event in events if isinstance(event, ev.LegStarted)]
    of_dialog: dict[str, Party] = {}
    callers = [_placed(_caller(created), kept, kept.legs.get("", ""), of_dialog)]
    callees: list[Party] = []
    for event in started:
        party = Party(f"p{len(callees) + 2}", "callee", *_who(event.target, event.trunk), leg=event.leg, started=event.at)
        callees.append(_placed(party, kept, kept.legs.get(event.leg, ""), of_dialog))
    for name, dialog in kept.dialogs.items():
        if name not in of_dialog and dialog.messages:  # another device of somebody, rung at the same time
            target = Words(dialog.messages[0].data).target
            party = Party(f"p{len(callees) + 2}", "callee", "peer", target, started=dialog.messages[0].at)
            callees.append(_placed(party, kept, name, of_dialog))
    return [*callers, Party(SWITCH, "switch", "switch", ""), *callees], of_dialog


def _caller(created: ev.CallCreated | None) -> Party:
    if created is None:
        return Party("p1", "caller", "peer", "")
    if created.source != "sip":
        return Party("p1", "caller", "browser" if created.source in ("widget", "browser") else "peer", created.caller)
    kind = "trunk" if created.trunk and created.direction == "in" else "extension"
    return Party("p1", "caller", kind, created.trunk if kind == "trunk" else created.caller)


def _who(target: str, trunk: str) -> tuple[str, str]:
    kind, _, name = target.partition(":")
    if trunk:
        return "trunk", trunk
    return (kind if kind in _KINDS else "peer"), name


def _placed(party: Party, kept: Kept, name: str, of_dialog: dict[str, Party]) -> Party:
    """With the address of its first message; an agent without one sits in a browser."""
    dialog = kept.dialogs.get(name)
    if dialog is None or not dialog.messages:
        return replace(party, kind="browser") if party.kind == "agent" and not name and kept.dialogs else party
    flow = dialog.messages[0].flow
    host, port = flow.remote
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    placed = replace(party, address=address, transport=flow.transport)
    of_dialog[name] = placed
    return placed
