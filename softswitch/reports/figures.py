"""The indicators: ratios and means of sums. A ratio with denominator 0 has no value (None, shown "-"), it is never 0.

Per cents have two decimals, means of ms none, both rounded half up; sums are rounded after adding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from softswitch.model.states import AgentState
from softswitch.store.fact_tables import CONTACT_SUMS, QUEUE_SUMS

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
    s = dict(zip((*QUEUE_SUMS, "longest_ms", "open"), sums, strict=True))
    off, ans, abd, sab = s["off"], s["ans"], s["abd"], s["sab"]
    return {
        **{name: s[name] for name in COUNTS},
        "connect_rate": percent(ans, off),
        "sl1": percent(s["in_time"], off),
        "sl2": percent(s["in_time"], off - sab),
        "sl3": percent(s["in_time"], ans),
        "sl4": percent(s["in_time"] + s["abd_in_time"], ans + abd),
        "abandon_rate": percent(abd - sab, off - sab),
        "abandon_strict": percent(abd, off),
        "asa_ms": mean(s["ans_wait_ms"], ans),
        "avg_wait_ms": mean(s["wtd_wait_ms"], s["wtd"]),
        "avg_wait_all_ms": mean(s["wait_ms"], off),
        "longest_ms": s["longest_ms"] if off else None,
        "wtd": s["wtd"],
        "left": abd + s["xkey"],
        "predicted": s["predicted"],
        "bias_ms": mean(s["error_ms"], s["predicted"]),
        "mae_ms": mean(s["abs_error_ms"], s["predicted"]),
        "coverage": percent(s["covered"], s["predicted"]),
    }


EXITS = ("ans", "abd", "xkey", "xvm", "xto", "xov", "xcb", "xcl", "xsup", "open")
"""Where a visit ends: OFF is their sum."""
COUNTS = ("off", *EXITS, "sab")


def contact_figures(sums: Sequence[int]) -> Values:
    s = dict(zip(CONTACT_SUMS, sums, strict=True))
    total, answered, talk = s["total"], s["answered"], s["talk_ms"]
    return {
        "total": total,
        "answered": answered,
        "missed": s["missed"],
        "missed_rate": percent(s["missed"], total),
        "talk_ms": talk,
        "net_talk_ms": talk - s["hold_ms"],
        "avg_talk_per_offer": mean(talk, total),
        "avg_talk": mean(talk, answered),
        "ring_ms": s["ring_ms"],
        "avg_ring_ms": mean(s["ring_ms"], total),
        "hold_ms": s["hold_ms"],
        "wrap_up_ms": s["wrap_ms"],
        "aht": mean(talk + s["wrap_ms"], answered),
        "aht_wfm": mean(s["ring_ms"] + talk + s["wrap_ms"], answered),
        "rona_rate": percent(s["no_answer"] + s["refused"] + s["device"], total + s["device"]),
        "transfer_rate": percent(s["transferred"], answered),
        "hold_rate": percent(s["held"], answered),
    }


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
