"""The sound of calls to programs over WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.streams.service import Streams

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Streams:
    found = Streams(node.switch.board.media, node.clock, node.switch.ids.stream, node.switch.calls.get)
    node.on_close_async(found.close)
    return found
