"""A node's journal and webhooks in a process of its own, to be killed: `python -m … DATABASE URL CALLS`."""

from __future__ import annotations

import asyncio
import sys

from softswitch.calls.cdr import fold
from softswitch.cluster.bus import Bus
from softswitch.directory.centre import Webhook
from softswitch.directory.model import Kind
from softswitch.directory.snapshot import Snapshot
from softswitch.model.events import CallCreated, CallEnded
from softswitch.observe.alarms import Alarms
from softswitch.observe.clock import SystemClock
from softswitch.store.database import Store
from softswitch.store.journal import Journal
from softswitch.webhooks.service import Webhooks
from softswitch.webhooks.tables import SCHEMA
from softswitch.webhooks.wire import Wire


async def main(database: str, url: str, calls: int) -> None:
    clock, bus = SystemClock(), Bus()
    store = await Store.open(f"sqlite:///{database}", (SCHEMA,))
    journal = Journal(store, bus.publish, clock, fold)
    await journal.recover()
    journal.start()
    alarms = Alarms(journal.append, clock)
    snapshot = Snapshot.of([(Kind.WEBHOOK, Webhook(name="crm", url=url))], version=1)
    hooks = Webhooks(store, clock, lambda: snapshot, alarms.raise_, alarms.clear, Wire(clock, "0"))
    bus.subscribe(lambda _: hooks.note())
    await hooks.start()
    while not hooks._begun:
        await asyncio.sleep(0.01)
    for number in range(calls):
        at = clock.utc()
        journal.append(CallCreated(call=f"c{number}", seq=1, at=at, direction="in", caller="1", called="2", source="sip"))
        journal.append(CallEnded(call=f"c{number}", seq=2, at=at, who="caller", cause="normal", q850=16, sip_status=200))
        await asyncio.sleep(0.001)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
