"""Customers, what belongs to their calls, and the screen pop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from softswitch.bootstrap.switch import random_token
from softswitch.customers import place
from softswitch.customers.book import CustomerBook
from softswitch.features.screen_pop import ScreenPops
from softswitch.model.destination import DestinationKind
from softswitch.model.events import (
    CallCreated,
    CallEnded,
    CallForwarded,
    CallTransferred,
    CustomerIdentified,
    IvrEntered,
    QueueEntered,
)
from softswitch.store.spool import Spool

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


PLACES_AFTER = 5.0
"""Seconds after the start: not in its way, and before anybody who calls would wait for it."""


async def build(node: Node) -> CustomerBook:
    book = CustomerBook(node.store, node.clock, node.directory.current, node.journal.append, random_token)
    await book.load()
    node.run(book.index_numbers(), "numbers of customers")
    return book


async def build_pops(node: Node) -> ScreenPops:
    """After `build`."""
    book = node.parts[CustomerBook]
    assert isinstance(book, CustomerBook)
    spool = Spool(node.store)
    node.run(spool.run(), "customers of calls")
    pops = ScreenPops(book, node.switch.calls, node.directory.current, node.clock, spool)
    node.bus.subscribe(
        pops.note, (CallCreated, CallEnded, CustomerIdentified, IvrEntered, QueueEntered, CallForwarded, CallTransferred)
    )
    handlers = node.switch.handlers
    handlers[DestinationKind.AGENT] = pops.introducing(handlers[DestinationKind.AGENT])
    node.run(load_places(), "places of numbers")
    node.acd.around.introduced = lambda call: pops.ready(call.id)
    node.acd.around.acquaintances = pops.acquaintances
    return pops


async def load_places() -> None:
    await asyncio.sleep(PLACES_AFTER)
    await asyncio.to_thread(place.load)
