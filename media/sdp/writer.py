"""`Description` to bytes: CRLF line ends, lines in the order of the model."""

from __future__ import annotations

from media.sdp.model import Description, Line


def write(description: Description) -> bytes:
    """Writes a description; `parse(write(d)) == d` for every `d` that came from `parse`."""
    parts = [_text(line) for line in description.lines]
    for media in description.media:
        parts.append("m=" + media.header())
        parts.extend(_text(line) for line in media.lines)
    parts.append("")
    return "\r\n".join(parts).encode("utf-8", "surrogateescape")


def _text(line: Line) -> str:
    return f"{line.kind}={line.value}" if line.kind else line.value
