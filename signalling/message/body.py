"""Bodies: find the session description, also inside multipart/mixed (RFC 3261 §7.4, RFC 5621)."""

from __future__ import annotations

from signalling.errors import RemoteProtocolError
from signalling.message.headers import parse_params

MAX_PARTS = 8
MAX_DEPTH = 2
SDP = "application/sdp"


def sdp_part(content_type: str, content: bytes, depth: int = 0) -> bytes | None:
    """The SDP of a body of the given Content-Type, None when there is none.

    Raises RemoteProtocolError(415) for a type that carries no session, 400 for a multipart that is broken or too deep.
    """
    if not content:
        return None
    kind, semicolon, tail = content_type.partition(";")
    kind = kind.strip().lower()
    if kind in {SDP, ""}:
        return content
    if not kind.startswith("multipart/"):
        raise RemoteProtocolError(415, "Unsupported Media Type")
    if depth >= MAX_DEPTH:
        raise RemoteProtocolError(400, "Multipart Too Deep")
    boundary = parse_params(semicolon + tail).get("boundary", "").strip('"')
    if not boundary:
        raise RemoteProtocolError(400, "Missing Boundary")
    for part_type, part in _parts(content, boundary.encode("utf-8", "surrogateescape")):
        if part_type.startswith(SDP):
            return part
        if part_type.startswith("multipart/"):
            return sdp_part(part_type, part, depth + 1)
    return None


def _parts(content: bytes, boundary: bytes) -> list[tuple[str, bytes]]:
    pieces = (b"\r\n" + content).split(b"\r\n--" + boundary)
    if len(pieces) < 2 or len(pieces) > MAX_PARTS + 2:
        raise RemoteProtocolError(400, "Bad Multipart")
    parts = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, _, body = piece.partition(b"\r\n\r\n")
        kind = "text/plain"
        for line in head.decode("utf-8", "surrogateescape").split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() in {"content-type", "c"}:
                kind = value.strip().lower() if "boundary" not in value.lower() else value.strip()
        parts.append((kind, body))
    return parts
