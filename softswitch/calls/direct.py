"""Handlers of the destinations that need nothing but a call: a person to ring, and hanging up."""

from __future__ import annotations

from collections.abc import Callable

from softswitch.calls.call import Call
from softswitch.calls.dialling import Dialling
from softswitch.calls.outcome import Ending, Outcome
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Unreachable

PHONE_RING = 20.0
"""Seconds that a phone or page rings (sip.md §4.2); a trunk has its own limit."""


async def to_party(call: Call, destination: Destination) -> Outcome:
    """Rings an extension, an outside number or an agent and joins whoever answers. The agent's state follows."""
    ring = call.ring_within or (0.0 if destination.kind is DestinationKind.OUTSIDE else PHONE_RING)
    return await reach(call, destination, lambda: call.dialling(destination, timeout=ring))


async def reach(call: Call, destination: Destination, dialled: Callable[[], Dialling]) -> Outcome:
    """The same with a dialling of any kind; it is asked for once the agent has been told."""
    agent, desks = call.board.stations.agent_of(destination), call.board.desks
    try:
        if agent:
            desks.alert(agent, call.id, internal=call.is_internal)
        async with dialled() as leg:
            if agent:
                desks.answered(agent, call.id, internal=call.is_internal)
            return Outcome.ended(await call.bridge(leg, agent=agent, other=str(destination)))
    except Conflict:
        return Outcome.failed(Cause.BUSY)
    except Unreachable as fault:
        return Outcome.failed(fault.cause)
    finally:
        if agent:
            desks.released(agent, call.id)


async def hang_up(_call: Call, destination: Destination) -> Outcome:
    """`hangup:CAUSE`: refuses the caller, or ends an answered call, with that cause."""
    return Outcome.ended(Ending("system", Cause.from_word(destination.name)))
