"""Settings of phones: their files and the logins of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.registrar.provisioning import Provisioning

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

_BEST = ("tls", "udp", "tcp")


async def build(node: Node) -> Provisioning:
    listeners = {listen.transport: listen.port for listen in reversed(node.settings.sip.listen)}
    transport = next((name for name in _BEST if name in listeners), "udp")
    made = Provisioning(
        node.directory.current, node.switch.registrar, node.submit, node.directory.cipher.derived,
        (listeners.get(transport, 5060), transport), node.clock, node.settings.sip.realm,
    )  # fmt: skip
    node.switch.peers.device = made.credentials
    return made
