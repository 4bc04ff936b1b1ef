"""Ring groups for pages, and the lamps of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.groups.service import RingGroups
from softswitch.model.events import Event, QueueEntered, QueueLeft
from softswitch.watching.bodies import DIALOG
from softswitch.watching.sources import QUEUE

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> RingGroups:
    """After the call distribution stands: phones that watch `queue-NAME` see that somebody waits."""
    switch = node.switch
    switch.sources.waiting = node.acd.waiting

    def note(event: Event) -> None:
        switch.watching.touch(f"{QUEUE}{event.queue}", DIALOG)

    node.on_close(node.bus.subscribe(note, (QueueEntered, QueueLeft)).close)
    return switch.groups
