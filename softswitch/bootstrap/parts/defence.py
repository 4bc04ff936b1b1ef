"""Bans and what is remembered of them; built before the SIP listeners open."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import TYPE_CHECKING

from signalling.usage.offences import BanRules
from softswitch.config.settings import SecuritySettings
from softswitch.defence.nftables import PacketFilter
from softswitch.defence.service import Defence

if TYPE_CHECKING:
    from softswitch.bootstrap.node import Node


def ban_rules(settings: SecuritySettings, edges: Sequence[str] = ()) -> BanRules:
    """As the settings say; `edges`: addresses of proxies that speak for many. Raises ValueError for a network that is none."""
    never = tuple(ip_network(text, strict=False) for text in (*settings.never_ban, *edges))
    return BanRules(limit=settings.ban_points, first=settings.ban_seconds, longest=settings.ban_longest, never=never)


async def build(node: Node) -> Defence:
    endpoint, name = node.driver.endpoint, node.settings.security.nftables
    packets = PacketFilter(name) if name else None
    defence = Defence(
        endpoint.bans, endpoint.budget, node.clock, node.journal.append, node.alarms, node.settings.data_dir / "defence.json",
        packets, node.settings.security.never_ban,
    )  # fmt: skip
    await defence.restore()
    node.switch.on_offence = defence.heard
    node.on_counted = defence.counted
    node.on_close_async(defence.save)
    node.run(defence.run(), "defence")
    if packets is not None:
        node.run(packets.run(), "packet filter")
    return defence
