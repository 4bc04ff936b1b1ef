"""The archive of recordings, the nightly look at every file, and the forecast of the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.recordings.archive import Archive
from softswitch.recordings.mover import Mover
from softswitch.recordings.watch import Watch

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Archive:
    keeper = node.switch.keeper
    watch = Watch(node.store, keeper, node.clock, node.alarms)
    archive = Archive(node.store, keeper, node.clock, node.bus.publish, watch)
    await archive.finish_removals()
    node.run(watch.run(), "recordings check")
    if keeper.depot is not None:
        node.run(Mover(node.store, keeper, keeper.depot, node.clock, node.alarms).run(), "recordings store")
    return archive
