"""An office with two agents at pages and one at a phone, and a customer who talks to the first of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from softswitch.calls.call import Call
from softswitch.directory.model import Agent, Queue
from tests.support.office import Office, Party

AGENTS = (
    Agent(login="li", name="李", queues=("sales",), team="east"),
    Agent(login="zhao", name="赵", team="east"),
    Agent(login="wen", name="文", station="extension:1001", team="east"),
    Agent(login="sun", name="孙", queues=("repair",), rights=(), dial_from=("ready",)),
)
QUEUES = (Queue(name="sales", wrap_up=30, ring_timeout=20), Queue(name="repair"))
CUSTOMER = "caller 13800138000"


@dataclass
class Desk:
    office: Office
    customer: Party
    call: Call

    def hears(self) -> dict[str, set[str]]:
        """Who of the parties hears whom; music and tones by their names."""
        found = {}
        for party in self.call.mix.parties:
            label = "customer" if party.leg is self.customer else party.agent or party.name
            found[label] = {_short(name) for name in self.office.engine.hears(party.port)}
        return found

    async def act(self, login: str, command: str, **values: object) -> dict[str, object]:
        return dict(await self.office.floor.act(login, command, values))

    def states(self) -> dict[str, str]:
        return {view.party: view.state for view in self.office.calls.view(self.call.id).participants}  # type: ignore[union-attr]

    def recorded(self) -> tuple[set[str], ...]:
        return tuple({_short(name) for name in channel} for channel in self.office.engine.records(self.call.mix.recorder))


def _short(name: str) -> str:
    return "customer" if name == CUSTOMER else "ringback" if name.startswith("tone") else name


@asynccontextmanager
async def office_of(tmp_path: Path) -> AsyncIterator[Office]:
    office = Office(tmp_path, agents=AGENTS, queues=QUEUES)
    office.hold_music = await office.media.prompts.load("default", "music") or 0
    try:
        yield office
    finally:
        await office.close()


async def talking(office: Office) -> Desk:
    """The customer has come through the queue to li, who was ready; zhao and wen are ready as well."""
    for login in ("li", "zhao"):
        office.page(login)
    await office.ready("li", "zhao", "wen")
    customer, call = office.call("queue:sales")
    await asyncio.sleep(0.1)
    office.stations.accept("li")
    await asyncio.sleep(0.5)
    assert office.state("li") == "talking"
    return Desk(office, customer, call)
