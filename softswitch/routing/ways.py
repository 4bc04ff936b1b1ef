"""Which trunks of a route a call tries, in which order: priority, then cost, then weight; and which are left out (sip.md §7).

Pure: what is open, how well a trunk does and the dice are asked of the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from softswitch.directory.model import Route, Way
from softswitch.directory.snapshot import best_match
from softswitch.trunks.quality import Quality

IsOpen = Callable[[str], bool]
QualityOf = Callable[[str], Quality | None]
Draw = Callable[[int], int]
"""`draw(n)` is a random whole number of 0 to n."""


def trunks_of(route: Route, caller: str, is_open: IsOpen, quality: QualityOf, draw: Draw) -> list[str]:
    """The names in the order of trial. Those that miss a quality come after all others: better a bad line than none."""
    usable = [way for way in route.ways if _is_for(way, caller) and (not way.calendar or is_open(way.calendar))]
    good = [way for way in usable if _is_good(way, quality(way.trunk))]
    bad = [way for way in usable if way not in good]
    names = [way.trunk for group in (good, bad) for way in in_order(group, draw)]
    return list(dict.fromkeys((*names, *route.trunks)))


def in_order(ways: list[Way], draw: Draw) -> list[Way]:
    """By priority, then cost; among equals by weight, each as often first as its weight says."""
    ordered = sorted(ways, key=_rank)
    found: list[Way] = []
    for _, same in groupby(ordered, key=_rank):
        left = list(same)
        while len(left) > 1 and any(way.weight for way in left):
            mark, run, index = draw(sum(way.weight for way in left) - 1), 0, 0
            for index, way in enumerate(left):  # noqa: B007 - the index is what is wanted
                run += way.weight
                if mark < run:
                    break
            found.append(left.pop(index))
        found += left
    return found


def _rank(way: Way) -> tuple[int, float]:
    return way.priority, way.cost


def _is_for(way: Way, caller: str) -> bool:
    return not way.callers or best_match(caller, dict.fromkeys(way.callers)) is not None


def _is_good(way: Way, quality: Quality | None) -> bool:
    if quality is None:
        return True
    slow = way.most_pdd and quality.pdd > way.most_pdd
    return quality.asr >= way.least_asr and (not quality.acd or quality.acd >= way.least_acd) and not slow
