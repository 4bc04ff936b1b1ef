"""What queues stand on: writes that wait for the database, calendars, lists, emergency switches, callbacks, predictions."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from softswitch.acd.callbacks import Callbacks
from softswitch.acd.earlier import next_half_hour, priors
from softswitch.acd.forecast import demand
from softswitch.acd.foresight import Foresight
from softswitch.acd.handwork import Handwork
from softswitch.acd.sticky import last_agents
from softswitch.acd.store import recent_events
from softswitch.acd.switches import EmergencySwitches, Invitations
from softswitch.bootstrap.parts.screening import announced_hang_up, screened
from softswitch.bootstrap.switch import random_token
from softswitch.calendar.model import ALWAYS_OPEN
from softswitch.calendar.service import Calendars
from softswitch.calls.call import Call
from softswitch.lists.service import Lists
from softswitch.model.destination import DestinationKind
from softswitch.model.events import AgentStateChanged, QueueEntered, QueueLeft
from softswitch.prediction.service import Predictor
from softswitch.store.spool import Spool

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

log = structlog.get_logger("queues")

LEARNED_SECONDS = 1800.0
T = TypeVar("T")
ZONE = "Asia/Shanghai"
"""Civil time of queues without a calendar."""


async def spool(node: Node) -> Spool:
    made = Spool(node.store)
    node.on_close_async(made.close)
    node.run(made.run(), "spool")
    return made


async def calendars(node: Node) -> Calendars:
    made = Calendars(
        directory=node.directory.current, store=node.store, spool=_part(node, Spool), journal=node.journal.append,
        clock=node.clock,
    )  # fmt: skip
    await made.load()
    node.switch.routing.is_open = lambda name: name not in node.directory.current().calendars or made.state(name).open
    node.acd.around.calendar = lambda name: made.state(name) if name in node.directory.current().calendars else ALWAYS_OPEN
    node.acd.around.local_minute = partial(_minute, node)
    return made


async def lists(node: Node) -> Lists:
    made = Lists(store=node.store, spool=_part(node, Spool), journal=node.journal.append, clock=node.clock, token=random_token)
    await made.load()
    node.acd.around.lists = made
    node.switch.screen = partial(screened, made)
    node.switch.handlers[DestinationKind.HANGUP] = announced_hang_up
    node.run(made.run(), "list hits")
    return made


async def handwork(node: Node) -> Handwork:
    return Handwork(node.acd)


async def emergencies(node: Node) -> EmergencySwitches:
    made = EmergencySwitches(
        store=node.store, spool=_part(node, Spool), journal=node.journal.append, clock=node.clock, changed=node.acd.changed,
        exists=lambda queue: queue in node.directory.current().queues,
    )  # fmt: skip
    await made.load()
    node.acd.around.emergencies = made.of
    return made


async def surveys(node: Node) -> Invitations:
    made = Invitations(store=node.store, spool=_part(node, Spool), clock=node.clock)
    await made.load()
    around = node.acd.around
    around.surveyed, around.invited, around.dice = made.asked, made.note, random.SystemRandom().random
    around.acquaintances = partial(last_agents, node.store, node.clock)
    return made


async def predictions(node: Node) -> Predictor:
    """Begins with what the last half hour has taught, so that a restart does not make it forget."""
    made = Predictor()
    made.believe(await node.store.read(lambda connection: priors(connection, node.clock.utc())))
    node.run(_remembered(node, made), "earlier weeks")
    hear = demand(made.handle)
    since = node.clock.utc() - LEARNED_SECONDS
    for event in await node.store.read(lambda connection: recent_events(connection, since)):
        hear(event)
    node.bus.subscribe(hear, (QueueEntered, QueueLeft, AgentStateChanged))
    node.acd.forecast.oracle = made
    return made


async def _remembered(node: Node, predictor: Predictor) -> None:
    """Each half hour what the same one was like in earlier weeks."""
    while True:
        await asyncio.sleep(next_half_hour(node.clock.utc()) - node.clock.utc())
        try:
            predictor.believe(await node.store.study(lambda connection: priors(connection, node.clock.utc())))
        except (SQLAlchemyError, OSError) as fault:
            log.warning("! earlier weeks are not known", error=str(fault))


async def foresight(node: Node) -> Foresight:
    """After `predictions`."""

    def dice() -> random.Random:
        return random.Random(random_token())  # noqa: S311 - waits are played forward, nothing is kept secret

    made = Foresight(node.acd, _part(node, Predictor), node.alarms, dice)
    node.run(made.run(), "foresight")
    return made


async def callbacks(node: Node) -> Callbacks:
    listed = _part(node, Lists)
    made = Callbacks(
        acd=node.acd, calls=node.switch.calls, store=node.store, spool=_part(node, Spool), journal=node.journal.append,
        token=random_token, judge=lambda number: listed.judge(number, "out"), zone_of=partial(_zone, node),
    )  # fmt: skip
    node.acd.around.callbacks = made
    node.switch.handlers[DestinationKind.CALLBACK] = lambda call, to: made.handle(call, to, node.acd.reception.to_callback)
    node.switch.calls.on_over = _both(node.switch.calls.on_over, made.call_over)
    await made.load()
    node.run(made.run(), "callbacks")
    return made


def _both(former: Callable[[Call], None] | None, later: Callable[[Call], None]) -> Callable[[Call], None]:
    def over(call: Call) -> None:
        if former is not None:
            former(call)
        later(call)

    return over


def _part(node: Node, kind: type[T]) -> T:
    found = node.parts[kind]
    assert isinstance(found, kind)
    return found


def _zone(node: Node, queue: str) -> str:
    """The civil time of a queue: that of its calendar."""
    snapshot = node.directory.current()
    found = snapshot.queues.get(queue)
    calendar = snapshot.calendars.get(found.calendar) if found is not None else None
    return calendar.zone if calendar is not None else ZONE


def _minute(node: Node, name: str) -> int:
    """The civil minute of the day in a calendar's zone."""
    calendar = node.directory.current().calendars.get(name)
    civil = datetime.fromtimestamp(node.clock.utc(), UTC).astimezone(ZoneInfo(calendar.zone if calendar is not None else ZONE))
    return civil.hour * 60 + civil.minute
