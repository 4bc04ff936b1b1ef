"""The first n of the member order together; when none of them answered, the next n, and round again.

Who failed is passed over for this caller until everybody has failed, so the next n follow by themselves.
"""

from __future__ import annotations

from softswitch.acd.strategies import linear
from softswitch.acd.strategies.base import Ringing, Strategy


def at_once(ringing: Ringing) -> int:
    return 0 if ringing.live else max(1, ringing.together)


STRATEGY = Strategy(linear.key, at_once=at_once)
