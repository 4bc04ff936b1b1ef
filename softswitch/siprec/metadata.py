"""What a recording server is told about a conversation, pure: metadata (RFC 7865) and the body that carries it (RFC 7866 §9.1).

Each body is a complete picture. Who has left stays in it with the time of leaving, so that the last one tells it all.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from signalling.message.uri import escape_user, format_host
from softswitch.model.events import rfc3339

NAMESPACE = "urn:ietf:params:xml:ns:recording:1"
CALL_NAMESPACE = "urn:softswitch:call:1"
BOUNDARY = "softswitch-siprec"
CONTENT_TYPE = f"multipart/mixed;boundary={BOUNDARY}"
_IDS = uuid.UUID("6b1f3b0e-6a8e-5d0c-9c53-3f1e0d1f7866")
"""All ids are made from those of the call and its legs: the same party has the same id on every server and in every session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One party. `sends` are the labels of the streams with its voice, `hears` those that it listens to. Times are UTC."""

    id: str
    user: str
    name: str
    joined: float
    left: float = 0.0
    sends: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The conversation as the server is to know it now."""

    call: str
    host: str
    since: float
    labels: tuple[str, ...]
    participants: tuple[Participant, ...]


def body(sdp: bytes, picture: Picture) -> bytes:
    """The two parts of an INVITE; its type is `CONTENT_TYPE`."""
    parts = (
        ("Content-Type: application/sdp", sdp),
        (
            "Content-Type: application/rs-metadata+xml\r\nContent-Disposition: recording-session",
            document(picture).encode("utf-8"),
        ),
    )
    written = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join([*written, f"--{BOUNDARY}--\r\n".encode()])


def document(picture: Picture) -> str:
    """The XML document (RFC 7865 §10)."""
    return "\n".join(_lines(picture)) + "\n"


def unique(*names: str) -> str:
    """The id of something by its names: a UUID in base64, as the schema wants it."""
    return base64.b64encode(uuid.uuid5(_IDS, "/".join(names)).bytes).decode("ascii")


def _lines(picture: Picture) -> Iterator[str]:
    call, since = picture.call, rfc3339(picture.since)
    session, group = unique(call, "session"), unique(call, "group")
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<recording xmlns="{NAMESPACE}">'
    yield "<datamode>complete</datamode>"
    yield f'<group group_id="{group}"><associate-time>{since}</associate-time></group>'
    yield f'<session session_id="{session}"><group-ref>{group}</group-ref><start-time>{since}</start-time>'
    yield f'<call xmlns="{CALL_NAMESPACE}" id="{_text(call)}"/></session>'
    for one in picture.participants:
        aor = _text(f"sip:{escape_user(one.user)}@{format_host(picture.host)}")
        name = f"<name>{_text(one.name)}</name>" if one.name else ""
        yield f'<participant participant_id="{unique(call, one.id)}"><nameID aor="{aor}">{name}</nameID></participant>'
    for label in picture.labels:
        yield f'<stream stream_id="{unique(call, "stream", label)}" session_id="{session}"><label>{label}</label></stream>'
    yield f'<sessionrecordingassoc session_id="{session}"><associate-time>{since}</associate-time></sessionrecordingassoc>'
    for one in picture.participants:
        gone = f"<disassociate-time>{rfc3339(one.left)}</disassociate-time>" if one.left else ""
        yield (
            f'<participantsessionassoc participant_id="{unique(call, one.id)}" session_id="{session}">'
            f"<associate-time>{rfc3339(one.joined)}</associate-time>{gone}</participantsessionassoc>"
        )
    for one in picture.participants:
        if one.sends or one.hears:
            sends = "".join(f"<send>{unique(call, 'stream', label)}</send>" for label in one.sends)
            hears = "".join(f"<recv>{unique(call, 'stream', label)}</recv>" for label in one.hears)
            yield (
                f'<participantstreamassoc participant_id="{unique(call, one.id)}">{sends}{hears}'
                f"<associate-time>{rfc3339(one.joined)}</associate-time></participantstreamassoc>"
            )
    yield "</recording>"


def _text(value: str) -> str:
    """As it may stand in XML: escaped, without the signs that XML has no way to write."""
    return escape("".join(sign for sign in value if sign.isprintable()), quote=True)
