"""`Description` to bytes: CRLF line ends, lines in the order of the model."""

from __future__ import annotations

from media.sdp.model import Description


def write(description: Description) -> bytes:
    """Writes a description; `parse(write(d)) == d` for every `d` that came from `parse`."""
    parts = [f"{kind}={value}" if kind else value for kind, value in description.lines]
    for media in description.media:
        parts.append("m=" + media.header())
        parts += [f"{kind}={value}" if kind else value for kind, value in media.lines]
    parts.append("")
    return "\r\n".join(parts).encode("utf-8", "surrogateescape")
