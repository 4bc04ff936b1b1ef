"""Settings of phones: their files and the logins of devices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from softswitch.registrar.devices import Device
from softswitch.registrar.provisioning import Provisioning
from softswitch.registrar.tables import read_devices, write_device
from softswitch.store.spool import Spool

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

_BEST = ("tls", "udp", "tcp")


async def build(node: Node) -> Provisioning:
    """After `spool`."""
    listeners = {listen.transport: listen.port for listen in reversed(node.settings.sip.listen)}
    transport = next((name for name in _BEST if name in listeners), "udp")
    made = Provisioning(
        node.directory.current, node.switch.registrar, node.submit, node.directory.cipher.derived,
        (listeners.get(transport, 5060), transport), node.clock, node.settings.sip.realm,
    )  # fmt: skip
    node.switch.peers.device = made.credentials
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)

    def save(mac: str, device: Device) -> None:
        spool.put(partial(write_device, mac=mac, device=device))

    made.devices.restore(await node.store.read(read_devices))
    made.devices.save = save
    return made
