"""Mail to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.mail.service import Mailer

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def build(node: Node) -> Mailer:
    mailer = Mailer(node.store, node.clock, node.settings.mail, node.alarms)
    node.run(mailer.run(), "mail")
    return mailer
