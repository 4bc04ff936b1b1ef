"""The indicators: ratios and means of sums. A ratio with denominator 0 has no value (None, shown "-"), it is never 0.

Per cents have two decimals, means of ms none, both rounded half up; sums are rounded after adding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from softswitch.model.states import AgentState

Value = str | int | float | None
Values = dict[str, Value]

_S = AgentState
STATE_CLASSES: Mapping[str, frozenset[str]] = {
    "ready_ms": frozenset({_S.READY}),
    "ring_ms": frozenset({_S.RESERVED, _S.RINGING}),
    "talk_ms": frozenset({_S.TALKING, _S.CONFERENCE}),
    "hold_ms": frozenset({_S.HOLDING, _S.CONSULTING}),
    "dial_ms": frozenset({_S.DIALLING, _S.PREVIEW}),
    "wrap_up_ms": frozenset({_S.WRAP_UP}),
    "away_ms": frozenset({_S.NOT_READY, _S.NOT_RESPONDING}),
    "offline_ms": frozenset({_S.OFFLINE}),
}
"""Column → the states whose time it is (call-centre.md §2.1)."""
CLASS_OF = {state: name for name, states in STATE_CLASSES.items() for state in states}


def percent(part: int, whole: int) -> float | None:
    return (20_000 * part + whole) // (2 * whole) / 100 if whole else None


def mean(total: int, count: int) -> int | None:
    return (2 * total + count) // (2 * count) if count else None


def quotient(total: float, count: float, decimals: int = 2) -> float | None:
    scale = 10**decimals
    return int(total / count * scale + 0.5) / scale if count else None


def added(rows: Sequence[Sequence[int]], longest: int = -1) -> list[int]:
    """The sum of several; at the place `longest` the largest."""
    return [max(column) if place == longest else sum(column) for place, column in enumerate(zip(*rows, strict=True))]


def queue_figures(sums: Sequence[int]) -> Values:
    (off, ans, abd, sab, xkey, xvm, xto, xov, xcb, xcl, xsup, in_time, abd_in_time, wtd, wtd_wait, wait, ans_wait, predicted,
     error, abs_error, covered, longest, still) = sums  # fmt: skip
    return {
        "off": off, "ans": ans, "abd": abd, "xkey": xkey, "xvm": xvm, "xto": xto, "xov": xov, "xcb": xcb, "xcl": xcl,
        "xsup": xsup, "open": still, "sab": sab,
        "connect_rate": percent(ans, off), "sl1": percent(in_time, off), "sl2": percent(in_time, off - sab),
        "sl3": percent(in_time, ans), "sl4": percent(in_time + abd_in_time, ans + abd),
        "abandon_rate": percent(abd - sab, off - sab), "abandon_strict": percent(abd, off), "asa_ms": mean(ans_wait, ans),
        "avg_wait_ms": mean(wtd_wait, wtd), "avg_wait_all_ms": mean(wait, off), "longest_ms": longest if off else None,
        "wtd": wtd, "left": abd + xkey, "predicted": predicted, "bias_ms": mean(error, predicted),
        "mae_ms": mean(abs_error, predicted), "coverage": percent(covered, predicted),
    }  # fmt: skip


EXITS = ("ans", "abd", "xkey", "xvm", "xto", "xov", "xcb", "xcl", "xsup", "open")
"""Where a visit ends: OFF is their sum."""


def contact_figures(sums: Sequence[int]) -> Values:
    (total, answered, missed, no_answer, refused, device, _given_up, ring, talk, hold, wrap_up, held, transferred) = sums
    return {
        "total": total, "answered": answered, "missed": missed, "missed_rate": percent(missed, total), "talk_ms": talk,
        "net_talk_ms": talk - hold, "avg_talk_per_offer": mean(talk, total), "avg_talk": mean(talk, answered), "ring_ms": ring,
        "avg_ring_ms": mean(ring, total), "hold_ms": hold, "wrap_up_ms": wrap_up, "aht": mean(talk + wrap_up, answered),
        "aht_wfm": mean(ring + talk + wrap_up, answered), "rona_rate": percent(no_answer + refused + device, total + device),
        "transfer_rate": percent(transferred, answered), "hold_rate": percent(held, answered),
    }  # fmt: skip


def handling_figures(sums: Sequence[int]) -> Values:
    """What agents did for a queue: a few of `contact_figures`, for tables of many rows."""
    _, answered, *_, talk, hold, wrap_up, _, _ = sums
    return {"talk_ms": talk, "hold_ms": hold, "wrap_up_ms": wrap_up, "aht": mean(talk + wrap_up, answered)}


def state_figures(times: Mapping[str, int]) -> Values:
    """From ms per state."""
    by_class = dict.fromkeys(STATE_CLASSES, 0)
    for state, ms in times.items():
        if state in CLASS_OF:
            by_class[CLASS_OF[state]] += ms
    handle = sum(by_class[name] for name in ("ring_ms", "talk_ms", "hold_ms", "dial_ms", "wrap_up_ms"))
    signed_in = sum(by_class.values())
    return {
        **by_class,
        "handle_ms": handle,
        "signed_in_ms": signed_in,
        "occupancy": percent(handle, handle + by_class["ready_ms"]),
        "utilisation": percent(handle, signed_in),
    }
