"""What the engine measured of a party's line, as an event of the call's timeline."""

from __future__ import annotations

from softswitch.legs.base import Leg
from softswitch.model import events as ev


def leg_quality(leg: Leg) -> ev.LegQuality | None:
    """The newest figures of the leg, at most five seconds old; None for a leg too short to have any."""
    stats = leg.quality
    if stats is None:
        return None
    return ev.LegQuality(
        leg=leg.id, party=leg.facts.kind.value, codec=stats.codec,
        packets_received=stats.packets_received, packets_sent=stats.packets_sent, lost=stats.lost,
        jitter_ms=round(stats.jitter_ms, 1), round_trip_ms=round(stats.round_trip_ms, 1), concealed_ms=stats.concealed_ms,
        mos=round(stats.mos, 2), r_factor=round(stats.r_factor, 1), one_way=stats.one_way, one_way_detail=stats.one_way_detail,
    )  # fmt: skip
