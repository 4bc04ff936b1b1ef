"""The guard against toll fraud: asked by routing, told by the journal, kept over a restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from softswitch.config.settings import TollSettings
from softswitch.defence.files import read, write
from softswitch.defence.rules import NOTHING, Own, TollRules
from softswitch.defence.tolls import HEARS, TollGuard
from softswitch.model.errors import NotFound

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node

log = structlog.get_logger("tolls")

LOOK_SECONDS = 5.0
SAVE_SECONDS = 30.0


def toll_rules(settings: TollSettings) -> TollRules:
    """As the settings say. Raises ValueError."""
    allow = tuple((who, prefix) for who, _, prefix in (text.partition("=") for text in settings.allow))
    return TollRules(
        country=settings.country, premium=settings.premium, allow=allow, calls=settings.calls,
        international_calls=settings.international_calls, per_second=settings.per_second,
        minutes=settings.international_minutes, cost=settings.cost_per_day, trunk_minutes=settings.trunk_minutes,
        trunk_cost=settings.trunk_cost_per_day, hours=TollRules.window(settings.international_hours),
        calendar=settings.international_calendar, hold=settings.hold_new_country,
        countries=frozenset(code.lstrip("+") for code in settings.countries), cut=settings.cut_on_cap,
    )  # fmt: skip


async def build(node: Node) -> TollGuard:
    switch = node.switch

    def is_open(calendar: str) -> bool:
        return switch.routing.is_open(calendar)  # which is set by the part of the queues, after this

    guard = TollGuard(
        toll_rules(node.settings.tolls), node.clock, node.alarms, journal=node.journal.append,
        own=lambda account: _own(node, account), rate=lambda number, trunk: _rate(node, number, trunk),
        is_open=is_open, is_emergency=switch.routing.is_emergency,
    )  # fmt: skip
    file = node.settings.data_dir / "tolls.json"
    kept = await asyncio.to_thread(read, file)
    try:
        if kept:
            guard.read(kept)
    except ValueError as fault:
        log.error("! tolls file unreadable", file=str(file), error=str(fault))

    async def cut(call: str) -> None:
        try:
            await switch.calls.hang_up(call, "system", "toll limit")
        except NotFound:
            return  # it ended by itself meanwhile

    guard.hang_up = lambda call: node.run(cut(call), "toll limit")

    async def save() -> None:
        nonlocal kept
        if (text := guard.text()) != kept:
            kept = text
            await asyncio.to_thread(write, file, text)

    async def look() -> None:
        saved_at = node.clock.now()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            guard.tick()
            if node.clock.now() - saved_at >= SAVE_SECONDS:
                saved_at = node.clock.now()
                await save()

    switch.tolls = guard
    switch.forwarding.forbids = lambda caller, destination: guard.forbids(caller.account, destination)
    node.on_close(node.bus.subscribe(guard.note, HEARS).close)
    node.on_close_async(save)
    node.run(look(), "tolls")
    return guard


def _own(node: Node, account: str) -> Own:
    """What an extension or a trunk has instead of the rules for all."""
    kind, _, name = account.partition(":")
    if kind == "extension" and (extension := node.directory.current().extensions.get(name)) is not None:
        return Own(
            calls=extension.outside_calls, international_calls=extension.international_calls,
            minutes=extension.international_minutes, cost=extension.cost_per_day, premium=extension.premium,
        )  # fmt: skip
    if kind == "trunk" and (profile := node.switch.trunks.profile(name)) is not None:
        return Own(minutes=profile.limits.international_minutes, cost=profile.limits.cost_per_day)
    return NOTHING


def _rate(node: Node, number: str, trunk: str) -> float:
    """The price of a minute to a number over a trunk, by the ways of its route; 0 where nothing is said."""
    route = node.directory.current().route_for(number)
    return next((way.cost for way in route.ways if way.trunk == trunk), 0.0) if route is not None else 0.0
