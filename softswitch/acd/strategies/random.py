"""Any eligible agent, each with the same probability; the lot depends on the decision's seed and the login alone."""

from __future__ import annotations

from zlib import crc32

from softswitch.acd.strategies.base import Candidate, Strategy, Waiting

_RANGE = 1 << 32
_MIX = 0x9E3779B1


def lot(seed: int, login: str) -> float:
    """Uniform between 0 and 1, equal for equal arguments; the multiplications spread the checksum's linear pattern."""
    mixed = (crc32(login.encode(), seed & 0xFFFFFFFF) * _MIX) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 0x85EBCA77 + seed) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 0xC2B2AE3D) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 16)) + 0.5) / _RANGE


def key(waiting: Waiting, agent: Candidate, _now: float) -> float:
    """The agent's lot."""
    return lot(waiting.seed, agent.login)


STRATEGY = Strategy(key, dice=True)
