"""The services that people set for themselves, and wake-up calls, kept in the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from softswitch.features.personal import Personal, PersonalServices
from softswitch.features.tables import read_services, read_wake_ups, write_services, write_wake_up
from softswitch.features.wake_up import WakeUp, WakeUps
from softswitch.store.spool import Spool

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


async def personal(node: Node) -> PersonalServices:
    """After `queues.spool`."""
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    services = node.switch.personal
    services.restore(await node.store.read(read_services))

    def save(extension: str, kept: Personal) -> None:
        spool.put(partial(write_services, extension=extension, services=kept))

    services.save = save
    return services


async def wake_ups(node: Node) -> WakeUps:
    """After `queues.spool`."""
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    switch = node.switch
    made = WakeUps(node.clock, switch.calls, switch.codes, node.alarms, node.settings.features.zone)

    def save(extension: str, kept: WakeUp | None) -> None:
        spool.put(partial(write_wake_up, extension=extension, wake_up=kept))

    made.save = save
    made.restore(await node.store.read(read_wake_ups))
    node.on_close(made.close)
    return made
