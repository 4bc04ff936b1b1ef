"""Everybody at once (群振): the first answer wins, the other offers are withdrawn. Of too many the longest idle."""

from __future__ import annotations

from softswitch.acd.strategies import longest_idle
from softswitch.acd.strategies.base import Ringing, Strategy


def at_once(ringing: Ringing) -> int:
    return ringing.most


STRATEGY = Strategy(longest_idle.key, at_once=at_once, joins=True)
