"""The guard against toll fraud: asked by routing, told by the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from softswitch.config.settings import TollSettings
from softswitch.defence.tolls import TollGuard, TollRules
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model.errors import NotFound
from softswitch.model.events import CallConnected, CallEnded, LegStarted

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

LOOK_SECONDS = 5.0


def toll_rules(settings: TollSettings) -> TollRules:
    """As the settings say. Raises ValueError."""
    allow = tuple((who, prefix) for who, _, prefix in (text.partition("=") for text in settings.allow))
    return TollRules(
        country=settings.country, premium=settings.premium, allow=allow, calls=settings.calls,
        international_calls=settings.international_calls, per_second=settings.per_second,
        minutes=settings.international_minutes, trunk_minutes=settings.trunk_minutes,
        hours=TollRules.window(settings.international_hours), cut=settings.cut_on_cap,
    )  # fmt: skip


def account_of(caller: LegFacts) -> str:
    """Who pays: `extension:1001`, `agent:li`, `trunk:carrier`, `widget:`."""
    word: Mapping[PartyKind, str] = {PartyKind.PHONE: "extension", PartyKind.AGENT: "agent", PartyKind.TRUNK: "trunk"}
    return f"{word.get(caller.kind, 'widget')}:{caller.party}"


async def build(node: Node) -> TollGuard:
    guard = TollGuard(toll_rules(node.settings.tolls), node.clock, node.alarms)

    async def cut(call: str) -> None:
        try:
            await node.switch.calls.hang_up(call, "system", "toll limit")
        except NotFound:
            return  # it ended by itself meanwhile

    guard.hang_up = lambda call: node.run(cut(call), "toll limit")

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            guard.tick()

    node.switch.toll = lambda caller, destination: guard.may(account_of(caller), destination)
    node.on_close(node.bus.subscribe(guard.note, (LegStarted, CallConnected, CallEnded)).close)
    node.run(look(), "tolls")
    return guard
