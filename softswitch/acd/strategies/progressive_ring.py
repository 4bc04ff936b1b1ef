"""One agent first, by the member order, and one more every step without stopping the earlier ones."""

from __future__ import annotations

from softswitch.acd.strategies import linear
from softswitch.acd.strategies.base import Ringing, Strategy


def at_once(ringing: Ringing) -> int:
    """1, one more per step."""
    if not ringing.live or ringing.step <= 0:
        return 1
    return min(ringing.most, 1 + int(ringing.for_seconds / ringing.step + 1e-6))


STRATEGY = Strategy(linear.key, at_once=at_once, joins=True)
