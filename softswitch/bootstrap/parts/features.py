"""The services that people set for themselves, kept in the database."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from softswitch.features.personal import Personal, PersonalServices
from softswitch.features.tables import read_services, write_services
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
