"""Voice applications that answer by webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.applications.service import Applications
from softswitch.ivr.service import IvrService
from softswitch.model.destination import DestinationKind

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Applications:
    """After flows: both work on the same line."""
    ivr = node.parts[IvrService]
    assert isinstance(ivr, IvrService)
    found = Applications(directory=node.directory.current, clock=node.clock, doors=ivr.doors, desk=ivr.desk)
    node.switch.handlers[DestinationKind.APPLICATION] = found.to_application
    node.on_close_async(found.close)
    return found
