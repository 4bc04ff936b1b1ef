"""The services that people set for themselves, and wake-up calls, kept in the database."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from softswitch.calls.call import Call
from softswitch.calls.parking import ParkingLot
from softswitch.features.call_back import CallBacks, Wish
from softswitch.features.malicious import Evidence, MaliciousCalls
from softswitch.features.personal import Personal, PersonalServices
from softswitch.features.tables import (
    read_call_backs,
    read_malicious,
    read_services,
    read_wake_ups,
    write_call_back,
    write_malicious,
    write_services,
    write_wake_up,
)
from softswitch.features.wake_up import WakeUp, WakeUps
from softswitch.store.spool import Spool
from softswitch.trace.service import Traces

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


async def call_backs(node: Node) -> CallBacks:
    """After `queues.callbacks` and `spool`."""
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    switch = node.switch
    phones, state = switch.sip.phones, switch.groups.state
    made = CallBacks(
        node.clock, switch.calls, switch.codes, lambda extension: state(extension) == "free" and not phones.calls(extension)
    )  # fmt: skip
    made.exists = lambda extension: extension in node.directory.current().extensions
    former, told = switch.calls.on_over, phones.on_change

    def over(call: Call) -> None:
        if former is not None:
            former(call)
        made.call_over(call)

    def changed(extension: str) -> None:
        told(extension)
        made.changed(extension)

    def save(wish: Wish, kept: bool) -> None:
        spool.put(partial(write_call_back, wish=wish, kept=kept))

    made.save = save
    switch.calls.on_over, phones.on_change = over, changed
    made.restore(await node.store.read(read_call_backs))
    node.on_close(made.close)
    return made


async def parking(node: Node) -> ParkingLot:
    """The slots, for who asks what is in them."""
    return node.switch.lot


MESSAGES_SECONDS, MESSAGES_TRIES = 30.0, 480
"""How often and how many times the messages of a reported call are looked for: they are written some time after its end."""


async def malicious(node: Node) -> MaliciousCalls:
    """After `queues.callbacks`, `trace` and `spool`."""
    spool = node.parts[Spool]
    assert isinstance(spool, Spool)
    made = MaliciousCalls(node.clock, node.switch.calls, node.switch.codes, node.alarms)
    made.reports = partial(node.store.read, read_malicious)
    former = node.switch.calls.on_over

    def over(call: Call) -> None:
        if former is not None:
            former(call)
        made.call_over(call)

    def keep(evidence: Evidence) -> None:
        spool.put(partial(write_malicious, evidence=evidence))
        node.run(_freeze(node, evidence), "evidence")

    made.keep = keep
    node.switch.calls.on_over = over
    return made


async def _freeze(node: Node, evidence: Evidence) -> None:
    """Keeps the messages of a reported call from being cleared away."""
    traces = node.parts.get(Traces)
    if not isinstance(traces, Traces):
        return
    for _ in range(MESSAGES_TRIES):
        if await traces.hold(evidence.call, node.store):
            return
        await asyncio.sleep(MESSAGES_SECONDS)
