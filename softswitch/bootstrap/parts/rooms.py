"""Conference rooms for pages and programs: who is invited is rung by the switch, under the rules of who invites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.calls.call import Call
from softswitch.features.conference import Conferences
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Forbidden, Invalid, Unreachable

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

_PEOPLE = (DestinationKind.EXTENSION, DestinationKind.AGENT, DestinationKind.OUTSIDE)


async def build(node: Node) -> Conferences:
    switch = node.switch

    def ring(to: str, room: Destination, actor: str) -> Call:
        login = actor if actor in node.directory.current().agents else ""
        target = switch.control.destination(to, login=login)
        if target.kind not in _PEOPLE:
            raise Invalid("to", "expected an extension, an agent or an outside number")
        inviting = LegFacts(inbound=True, kind=PartyKind.AGENT, party=actor, caller=actor, called=target.name)
        tolls = switch.tolls
        if target.kind is DestinationKind.OUTSIDE and tolls is not None and (why := tolls.may(inviting.account, target)):
            raise Forbidden(f"this call may not go out: {why}")
        try:
            return switch.calls.place(target, room, actor=actor, shown=_shown(node, room), alert=True)
        except Unreachable as fault:
            raise Conflict(fault.cause.sentence) from fault

    switch.conferences.ring = ring
    return switch.conferences


def _shown(node: Node, room: Destination) -> str:
    """The number that who is rung sees."""
    declared = node.directory.current().conferences.get(room.name)
    return declared.number if declared is not None and declared.number else room.name
