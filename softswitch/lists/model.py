"""One entry of a list: whom it means, for which direction, how long, why, and what follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ListKind = Literal["black", "white", "vip"]
Direction = Literal["in", "out", "both"]
Action = Literal["", "reject", "busy", "announcement", "ivr", "lowest"]
"""What a blacklisted caller meets; "" counts as reject. ivr: flows only, no queue. lowest: waits behind everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`pattern`: a number, a prefix `0755*`, a pattern with X (a digit) and N (2 to 9), or `anonymous`.

    It takes effect once it is approved and until `expires` (epoch seconds, 0 = never). `importance` and `queue` are for VIPs.
    """

    id: str
    kind: ListKind
    pattern: str
    direction: Direction = "in"
    action: Action = ""
    announcement: str = ""
    importance: int = 0
    queue: str = ""
    expires: float = 0.0
    reason: str = ""
    proposer: str = ""
    approver: str = ""
    approved: bool = True
    hits: int = 0
    created: float = 0.0

    def applies(self, direction: str, at: float) -> bool:
        return self.approved and self.direction in (direction, "both") and (not self.expires or at < self.expires)
