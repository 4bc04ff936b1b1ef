"""Bytes to `Description`, with the limits of `sip.md` §2.2 and the tolerance of §2.3."""

from __future__ import annotations

from string import ascii_letters

from media.errors import BadDescription
from media.sdp.model import Description, Line, Media

MAX_LINES = 500
MAX_MEDIA = 16
MAX_LINE = 4096  # octets
MAX_ATTRIBUTES = 128  # per m-line, and for the session

_MAX_PORT = 65535
_LETTERS = frozenset(ascii_letters)

_Header = tuple[str, int, str, tuple[str, ...], int]
"""The fields of `Media` after its lines."""


def parse(body: bytes | str) -> Description:
    """Parses a description (RFC 8866 §5 and §9).

    Accepted beyond the grammar: bare LF, blank lines, unknown line letters, missing `v=` `o=` `s=` `t=`, lines in any order
    within their section, `;` comment lines of test corpora, octets that are not UTF-8 (kept by surrogate escape).
    Addresses and attributes are not looked at here; whoever uses one judges it.

    Raises BadDescription with the number of the offending line.
    """
    text = _checked(body) if isinstance(body, str) else body.decode("utf-8", "surrogateescape")
    raw = text.split("\n")
    if len(raw) > MAX_LINES + 1:
        raise BadDescription(f"more than {MAX_LINES} lines")
    is_plain = len(text) <= MAX_LINE // 4 and "\0" not in text  # no line of it can be too long
    session: list[Line] = []
    media: list[Media] = []
    header: _Header | None = None
    lines = session
    for number, entry in enumerate(raw, 1):
        stripped = entry.rstrip("\r")
        if is_plain and stripped[1:2] == "=" and stripped[0] in _LETTERS and "\r" not in stripped:
            line = Line(stripped[0], stripped[2:])
        elif not stripped or stripped.isspace():
            continue
        else:
            line = _line(stripped, number)
        if line[0] == "m":
            if header is not None:
                media.append(Media(tuple(lines), *header))
            header, lines = _media(line.value, number), []
            if len(media) >= MAX_MEDIA:
                raise BadDescription(f"more than {MAX_MEDIA} media lines", number)
        else:
            lines.append(line)
            if len(lines) > MAX_ATTRIBUTES:
                _check_attributes(lines, number)
    if header is not None:
        media.append(Media(tuple(lines), *header))
    _check_session(session, media)
    return Description(tuple(session), tuple(media))


def _checked(text: str) -> str:
    """JSON can carry lone surrogates, which no octets stand for."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadDescription("text with lone surrogates") from None
    return text


def _line(text: str, number: int) -> Line:
    if len(text) > MAX_LINE // 4 and len(text.encode("utf-8", "surrogateescape")) > MAX_LINE:
        raise BadDescription(f"line longer than {MAX_LINE} octets", number)
    if "\0" in text or "\r" in text:
        raise BadDescription("NUL or CR inside a line", number)
    if text[1:2] == "=" and text[0] in _LETTERS:
        return Line(text[0], text[2:])
    if text[0] == ";":
        return Line("", text)
    raise BadDescription("expected <letter>=<value>", number)


def _media(value: str, number: int) -> _Header:
    """m=<media> <port>[/<number>] <proto> <fmt>… (RFC 8866 §5.14)."""
    words = value.split()
    if len(words) < 4:
        raise BadDescription("m-line needs media, port, profile and at least one format", number)
    port, slash, count = words[1].partition("/")
    if not is_number(port, _MAX_PORT) or (slash and not is_number(count, _MAX_PORT)):
        raise BadDescription("m-line port is not a number from 0 to 65535", number)
    return words[0], int(port), words[2], tuple(words[3:]), int(count) if slash else 1


def is_number(text: str, highest: int) -> bool:
    """Whether `text` is ASCII digits with a value up to `highest`; `int()` alone also takes signs, blanks and other scripts."""
    return text.isascii() and text.isdigit() and len(text) <= 20 and int(text) <= highest


def _check_attributes(lines: list[Line], number: int) -> None:
    if sum(line.kind == "a" for line in lines) > MAX_ATTRIBUTES:
        raise BadDescription(f"more than {MAX_ATTRIBUTES} attributes", number)


def _check_session(session: list[Line], media: list[Media]) -> None:
    version = next((value for kind, value in session if kind == "v"), None)
    if version is None and not media:
        raise BadDescription("neither v= nor m= line: not a session description")
    if version is not None and version.strip() != "0":
        raise BadDescription("protocol version is not 0", 1)
