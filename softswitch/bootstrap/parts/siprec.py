"""Recording servers: the switch has made their client, because calls drive it; REST asks for it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.siprec.service import Siprec

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Siprec:
    return node.switch.siprec
