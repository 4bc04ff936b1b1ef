"""Where a request goes (RFC 3263), decided without I/O: questions out, records in, an order by weight, a memory of failures."""

from signalling.location.dead import DeadTargets
from signalling.location.lookup import Wanted, locate
from signalling.location.memory import Answer, Memory
from signalling.location.pace import Pace
from signalling.location.values import NOWHERE, Hop, Member, Naptr, Query, Record, Route, Srv, direct, ordered

__all__ = [
    "NOWHERE",
    "Answer",
    "DeadTargets",
    "Hop",
    "Member",
    "Memory",
    "Naptr",
    "Pace",
    "Query",
    "Record",
    "Route",
    "Srv",
    "Wanted",
    "direct",
    "locate",
    "ordered",
]
