"""Two simple estimators, kept to show by how much the real one is better: the classic list of elapsed times, and average hold.

`seed` follows the published algorithm for two classes on `m` seats (call-centre.md §6.1) with its known defects mended: the
index is one higher, rounded and clamped, and the result is not negative.
"""

from __future__ import annotations

from collections.abc import Sequence


def seed(
    occupied: float, elapsed: Sequence[float], important: int, ordinary: int, *, is_important: bool, important_rate: float
) -> float:
    """Seconds. `occupied`: mean service time; `elapsed`: of all seats, 0 for an idle one; then the callers who wait.

    Example (three seats, 180 s, elapsed 150, 100, 40): an empty line gives 30.
    """
    seats = sorted(elapsed, reverse=True)
    if not seats:
        return occupied
    if important + ordinary == 0:
        return 0.0 if seats[-1] <= 0 else _until(occupied, seats, 1)
    if is_important:
        return _until(occupied, seats, important + 1)
    base = _until(occupied, seats, important + ordinary + 1)
    return _until(occupied, seats, important + ordinary + 1 + base * important_rate)


def _until(occupied: float, seats: Sequence[float], place: float) -> float:
    """When the seat at this place of the list becomes free; places are from 1."""
    index = min(max(1, int(place + 0.5)), len(seats))
    return max(0.0, occupied - seats[index - 1])


def average_hold(waits: Sequence[float]) -> float:
    """The mean of the last callers' waits: what many switches announce."""
    return sum(waits) / len(waits) if waits else 0.0
