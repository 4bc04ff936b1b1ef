"""`echo`: the caller hears itself, for testing a line."""

from __future__ import annotations

import asyncio

from media import routes
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.model.destination import Destination
from softswitch.model.states import CallState


async def echo(call: Call, _destination: Destination) -> Outcome:
    """Until the caller hangs up."""
    await call.answer()
    call.state = CallState.TALKING
    call.mix.own_routes = lambda: routes.echo(call.caller.port)
    call.mix.apply()
    try:
        await asyncio.get_running_loop().create_future()
        return Outcome("done")
    finally:
        call.mix.own_routes = None
