"""The 49 messages of RFC 4475 and the 12 of RFC 5118 with the answers of sip.md §2.4, given to a peer of profile "open"."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
ROUTE = "route"
"""The ordinary answer where no number exists: 404 to calls, 403 to what is for phones only, 501 where a method is not offered;
never 400 or 500."""
ORDINARY = frozenset({200, 202, 403, 404, 405, 480, 481, 488, 489, 501})

RFC4475: dict[str, int | str | None] = {
    "wsinv": 481, "intmeth": 501, "esc01": ROUTE, "escnull": 200, "esc02": 501, "lwsdisp": 200, "longreq": ROUTE,
    "dblreq": 200, "semiuri": 200, "transports": 200, "mpart01": ROUTE, "unreason": None, "noreason": None, "badinv01": 400,
    "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": None, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400,
    "lwsstart": 400, "trws": 200, "escruri": 400, "baddate": ROUTE, "regbadct": 400, "badaspec": 200, "baddn": 400,
    "badvers": 505, "mismatch01": 400, "mismatch02": 501, "bigcode": None, "badbranch": 200, "insuf": 400, "unkscm": 416,
    "novelsc": 416, "unksm2": 400, "bext01": 420, "invut": 415, "regaut01": 200, "multi01": 400, "mcl01": 400,
    "bcast": None, "zeromf": 200, "cparam01": 200, "cparam02": 200, "regescrt": 200, "sdp01": 406, "inv2543": ROUTE,
}  # fmt: skip
RFC5118: dict[str, int | str | None] = {
    "ipv6-good": 200, "ipv6-bad": 400, "port-ambiguous": 200, "port-unambiguous": 200,
    "via-received-param-with-delim": 481, "via-received-param-no-delim": 200, "mult-ip-in-header": 481,
    "ipv6-in-sdp": ROUTE, "mult-ip-in-sdp": ROUTE, "ipv4-mapped-ipv6": ROUTE, "ipv6-bug-abnf-3-colons": 200,
    "ipv6-correct-abnf-2-colons": 200,
}  # fmt: skip
CLOSING = {"ncl": 400, "mcl01": 400, "inv2543": 400}
"""No usable Content-Length: over a stream 400, and nothing behind it can be found."""
WAITING = {"clerr", "baddn"}
"""Never complete on a stream: it is closed when the time of a message is over."""


class Torture(NamedTuple):
    folder: str
    name: str
    verdict: int | str | None

    @property
    def octets(self) -> bytes:
        return octets(self.folder, self.name)

    def named(self, token: bytes) -> bytes:
        """The same message as another transaction: the last characters of Call-ID and of the first branch are `token`.

        For one switch that gets the message several times, and for those of RFC 5118 that share their names.
        """
        data, size = self.octets, len(token)
        for pattern in (
            rb"(?im)^((?:call-id|i)[ \t]*:[ \t\r\n]*\S+?)\S{%d}(?=\r?\n)",
            rb"(branch\s*=\s*z9hG4bK[^;,\s]*?)[^;,\s]{%d}(?=[;,\s])",
        ):
            data = re.sub(pattern % size, rb"\g<1>" + token, data, count=1)
        return data

    def fits(self, status: int) -> bool:
        """Whether a final answer over UDP is the one of the specification."""
        return status in ORDINARY if self.verdict == ROUTE else status == self.verdict

    def over_stream(self) -> list[int | str]:
        """The final answers when the octets arrive on a stream."""
        if self.name in WAITING or self.verdict is None:
            return []
        if self.name in CLOSING:
            return [CLOSING[self.name]]
        if self.name == "dblreq":  # the second request is one of its own there
            return [200, ROUTE]
        return [self.verdict]


ALL = [Torture("rfc4475", *case) for case in RFC4475.items()] + [Torture("rfc5118", *case) for case in RFC5118.items()]


def octets(folder: str, name: str) -> bytes:
    return (VECTORS / folder / f"{name}.dat").read_bytes()


def agree(statuses: list[int], expected: list[int | str]) -> bool:
    """Whether these are the answers, in whatever order: calls are refused by the layer above, after the rest of a portion."""
    left = Counter(statuses)
    left.subtract(status for status in expected if isinstance(status, int))
    return len(statuses) == len(expected) and all(
        count == 0 or (count > 0 and status in ORDINARY) for status, count in left.items()
    )
