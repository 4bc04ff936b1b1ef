"""The real SIP messages that were collected for comparing parsers, see tests/vectors/sip/README.md."""

from __future__ import annotations

import re
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
_MARK = re.compile(rb"(?m)^==== (.*)\n")


def collected() -> dict[str, bytes]:
    """Name to octets: every message of `tests/vectors/sip/*.messages` and the torture messages."""
    found = {
        f"{folder} {path.stem}": path.read_bytes()
        for folder in ("rfc4475", "rfc5118")
        for path in sorted((VECTORS / folder).glob("*.dat"))
    }
    for path in sorted((VECTORS / "sip").glob("*.messages")):
        parts = _MARK.split(path.read_bytes())[1:]
        for name, data in zip(parts[::2], parts[1::2], strict=True):
            found[f"{path.stem} {name.decode()}"] = data.removesuffix(b"\n")
    return found
