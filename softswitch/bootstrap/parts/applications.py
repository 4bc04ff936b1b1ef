"""Voice applications that answer by webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.applications.service import Applications
from softswitch.ivr.service import IvrService
from softswitch.model.destination import DestinationKind
from softswitch.streams.service import Streams

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Applications:
    """After flows: both work on the same line."""
    ivr = node.parts[IvrService]
    assert isinstance(ivr, IvrService)
    streams = node.parts[Streams]
    assert isinstance(streams, Streams)
    found = Applications(
        directory=node.directory.current, clock=node.clock, doors=ivr.doors, desk=ivr.desk, streams=streams
    )  # fmt: skip
    node.switch.handlers[DestinationKind.APPLICATION] = found.to_application
    node.on_close_async(found.close)
    return found
