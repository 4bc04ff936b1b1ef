"""From a destination to the devices that ring for it: phones and trunks by the plan of routing, pages by the stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from softswitch.calls.dialling import Device
from softswitch.calls.stations import agent_facts
from softswitch.calls.switchboard import Switchboard
from softswitch.legs.base import Leg, LegFacts, Listener
from softswitch.legs.browser import BrowserSession
from softswitch.legs.rtp import DEFAULT_CODECS
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Busy, Unreachable
from softswitch.model.identity import Diversion
from softswitch.model.target import Target


def devices(
    board: Switchboard, caller: LegFacts, destination: Destination, *, group: int, prefer: tuple[str, ...],
    answers: bool = False,
) -> Sequence[Sequence[Device]]:  # fmt: skip
    """The stages to ring. `answers`: an agent's phone is to answer by itself. Raises Unreachable when nothing can be rung."""
    wanted = destination
    if destination.kind is DestinationKind.AGENT:
        device = board.stations.device(destination.name)
        if device.session is not None and caller.fax is not None:
            raise Unreachable(Cause.INCOMPATIBLE)
        if device.session is not None:
            return ((Device(str(destination), partial(_ring_page, device.session, caller)),),)
        if device.to is None:
            raise Unreachable(Cause.UNREACHABLE)
        wanted, answers = device.to, answers or device.answers
    plan = board.plan(caller, wanted)

    def start(target: Target, listener: Listener) -> Leg:
        asked = answers and not target.trunk
        if asked != target.answers:
            target = replace(target, answers=asked)
        leg = board.dial(target, caller, group=group, prefer=prefer, listener=listener)
        if target.trunk:
            board.spends(caller, leg, target, wanted.name)
        return leg

    def elsewhere(target: Target, place: str) -> Device | None:
        """Where a trunk's 3xx sends the call: what the caller may call itself, told with who has sent it on."""
        there = board.redirected(target, place)
        if there is None:
            return None
        number = target.manners.canonical(there.number)
        try:
            board.plan(caller, Destination(DestinationKind.OUTSIDE, number))
        except Unreachable:
            return None
        sent_on = replace(caller, diverted=(*caller.diverted, Diversion(wanted.name)))

        def follow(listener: Listener) -> Leg:
            leg = board.dial(there, sent_on, group=group, prefer=prefer, listener=listener)
            board.spends(caller, leg, there, number)
            return leg

        return Device(f"outside:{number}", follow, there, None, partial(elsewhere, there))

    def by_sip(target: Target) -> Device:
        """With a second try for a trunk that is offered fewer codecs than there are."""
        fuller = tuple(dict.fromkeys((*target.codecs, *DEFAULT_CODECS)))
        may_widen = target.trunk and caller.fax is None and set(fuller) != set(target.codecs or fuller)
        wider = replace(target, codecs=fuller) if may_widen else None
        again = partial(start, wider) if wider is not None else None
        onward = partial(elsewhere, target) if target.trunk else None
        spares = tuple(map(by_sip, target.spares)) if target.spares else ()
        return Device(str(destination), partial(start, target), target, again, onward, spares)

    return tuple(tuple(map(by_sip, stage)) for stage in plan.stages)


def _ring_page(session: BrowserSession, caller: LegFacts, listener: Listener) -> Leg:
    try:
        leg = session.new_leg(agent_facts(session, caller))
    except Busy as fault:
        raise Unreachable(Cause.BUSY) from fault
    leg.listener = listener
    return leg
