"""python -m tests.bench [NAME…]"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.bench import (
    acd,
    board,
    first_audio,
    flood,
    journal_cost,
    load,
    media,
    offer,
    overload,
    registrations,
    replay,
    reports,
    signalling,
    speech,
    start,
    transcode,
    webrtc,
)
from tests.bench.figures import Figure, report

BENCHES: dict[str, Callable[[], list[Figure]]] = {
    "acd": acd.bench,
    "replay": replay.bench,
    "board": board.bench,
    "start": start.bench,
    "signalling": signalling.bench,
    "media": media.bench,
    "first_audio": first_audio.bench,
    "offer": offer.bench,
    "journal_cost": journal_cost.bench,
    "prf1": load.prf1,
    "rate": load.rate,
    "endurance": load.endurance,
    "flood": flood.bench,
    "overload": overload.bench,
    "registrations": registrations.bench,
    "reports": reports.bench,
    "webrtc": webrtc.bench,
    "transcode": transcode.bench,
    "speech": speech.bench,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHES)
    unknown = set(wanted) - set(BENCHES)
    if unknown:
        sys.exit(f"error: no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    figures: list[Figure] = []
    for name in wanted:
        print(f"== {name}", file=sys.stderr, flush=True)
        figures += BENCHES[name]()
    report(figures)


if __name__ == "__main__":
    main()
