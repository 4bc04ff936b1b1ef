"""Fax in a description (T.38 Annex D, RFC 7345 for the words): one `m=image … udptl t38` line in place of the audio line.

What one end says of its fax goes to the other end as it is: the datagrams are passed on unchanged, so both must mean the same.
A line that turns from audio to image stays in its place (RFC 3264 §8.3.3).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from media.errors import BadDescription, NoCommonCodec, NoCommonFamily
from media.sdp import Description, Line, Media, connection, is_unspecified

MAX_LINES = 16
_ATTRIBUTE = re.compile(r"T38[A-Za-z]{1,32}(?::[\w .:/+-]{1,64})?")


@dataclass(frozen=True, slots=True)
class Fax:
    """What an end says of its fax: the T.38 attributes of its line, in order ("T38FaxVersion:0", "T38MaxBitRate:14400")."""

    attributes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaxLine:
    """The fax line of a peer: its place in the description, what it says, where its datagrams go (None: nowhere yet)."""

    index: int
    fax: Fax
    remote: tuple[str, int] | None


def fax_in(theirs: Description, *, family: int = 0) -> FaxLine | None:
    """The fax line of a description that wants a fax and no sound; None for every other.

    Whoever has an audio line in use beside it goes on talking. Raises NoCommonFamily for an address that we cannot reach.
    """
    if any(media.kind == "audio" and media.port for media in theirs.media):
        return None
    for index, media in enumerate(theirs.media):
        if _is_fax(media):
            return FaxLine(index, _said(media), _remote(theirs, media, family))
    return None


def accepted_fax(ours: Description, answer: Description, *, family: int = 0) -> FaxLine:
    """Reads the answer to a fax line of ours. Raises NoCommonCodec when it was refused, BadDescription for another line."""
    index = next(number for number, media in enumerate(ours.media) if _is_fax(media))
    if index >= len(answer.media):
        raise BadDescription("the answer has no m-line for the offered fax")
    media = answer.media[index]
    if not _is_fax(media):
        raise NoCommonCodec("the peer refused the fax")
    return FaxLine(index, _said(media), _remote(answer, media, family))


def fax_offer(before: Description, index: int, fax: Fax, where: tuple[str, int]) -> Description:
    """Our offer of a fax: the line at `index` of our last body turns into it, all others stay unused."""
    media = tuple(_line(fax, where[1]) if number == index else _unused(part) for number, part in enumerate(before.media))
    return Description(tuple(_session(where[0], "0 0")), media or (_line(fax, where[1]),))


def fax_answer(theirs: Description, index: int, fax: Fax, where: tuple[str, int]) -> Description:
    """Our answer to an offer of a fax: its line with our port and what the other end has said, all others refused."""
    media = tuple(_line(fax, where[1]) if number == index else _unused(part) for number, part in enumerate(theirs.media))
    return Description(tuple(_session(where[0], theirs.value("t") or "0 0")), media)


def _is_fax(media: Media) -> bool:
    transport, formats = media.profile.lower(), [each.lower() for each in media.formats]
    return media.kind == "image" and media.port > 0 and transport == "udptl" and "t38" in formats


def _said(media: Media) -> Fax:
    """Only T.38's own attributes: everything else in the line is between the peer and us."""
    values = (line.value.strip() for line in media.lines if line.kind == "a")
    return Fax(tuple(value for value in values if _ATTRIBUTE.fullmatch(value))[:MAX_LINES])


def _remote(description: Description, media: Media, family: int) -> tuple[str, int] | None:
    where = connection(description, media)
    if where is None or where.family == 0 or is_unspecified(where):
        return None
    if family and where.family != family:
        raise NoCommonFamily(f"fax at an IPv{where.family} address, ours is IPv{family}")
    return where.address, media.port


def _line(fax: Fax, port: int) -> Media:
    return Media(tuple(Line("a", value) for value in fax.attributes), "image", port, "udptl", ("t38",))


def _unused(media: Media) -> Media:
    return Media((), media.kind, 0, media.profile, media.formats[:1])


def _session(address: str, times: str) -> Sequence[Line]:
    where = f"IN IP{6 if ':' in address else 4} {address}"
    return Line("v", "0"), Line("o", f"- 0 0 {where}"), Line("s", "-"), Line("c", where), Line("t", times)
