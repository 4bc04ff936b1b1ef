"""Webhooks: filled from what the journal has committed, whenever something was journaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch import __version__
from softswitch.directory.snapshot import Snapshot
from softswitch.webhooks.service import Webhooks
from softswitch.webhooks.wire import Wire

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Webhooks:
    hooks = Webhooks(
        node.store, node.clock, node.directory.current, node.alarms.raise_, node.alarms.clear, Wire(node.clock, __version__)
    )

    def changed(_snapshot: Snapshot) -> None:
        hooks.configure()

    await hooks.start()
    node.bus.subscribe(hooks.note)
    node.on_close(node.directory.on_change(changed))
    node.on_close_async(hooks.close)
    return hooks
