"""Payload types: what a peer lists, what is left of it, and the lines that say so."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from media.codecs import CODECS, EVENTS, LIBRARY, NOISE, STATIC, Codec, Role, audio, by_encoding
from media.commands import PayloadMap
from media.negotiation import formats
from media.negotiation.values import Capabilities
from media.sdp import Line, Media, rtpmap

MIN_PTIME = 10
MAX_PTIME = 60


_STATIC = {str(number): row for number, row in STATIC.items()}


class Listed(NamedTuple):
    """One format of an m-line that the codec table knows."""

    codec: Codec
    payload_type: int
    fmtp: str


_Told = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""What an m-line says of payload types: its formats, its rtpmap values, its fmtp values."""

_REMEMBERED = 512
_LONGEST_REMEMBERED = 2048  # octets of a `_Told`: the few that devices send all day, not what somebody sends to fill memory


def _told(media: Media) -> _Told:
    return media.formats, tuple(media.attributes("rtpmap")), tuple(media.attributes("fmtp"))


def _is_usual(told: _Told) -> bool:
    return sum(map(len, told[1])) + sum(map(len, told[2])) + sum(map(len, told[0])) <= _LONGEST_REMEMBERED


def listed(media: Media) -> tuple[Listed, ...]:
    """The known formats of an m-line in its order; a codec that is listed twice counts once, at its first place."""
    told = _told(media)
    return _known_listed(told) if _is_usual(told) else _listed(told)


def _listed(told: _Told) -> tuple[Listed, ...]:
    numbers, maps_told, parameters_told = told
    maps: dict[str, Codec | None] = {}
    for entry in filter(None, map(rtpmap, maps_told)):
        maps[str(entry.payload_type)] = by_encoding(entry.name, entry.clock, entry.channels)
    parameters: dict[str, str] = {}
    for value in parameters_told:
        number, _, text = value.strip().partition(" ")
        parameters[number] = text.strip()
    found: dict[tuple[str, int], Listed] = {}
    for number in numbers:
        # RFC 3551 §6: static types need no rtpmap. An rtpmap that says something else wins.
        codec = maps[number] if number in maps else _STATIC.get(number)
        if codec is not None and formats.agreed(codec.name, parameters.get(number, ""), silence=False) is not None:
            found.setdefault((codec.name, codec.clock), Listed(codec, int(number), parameters.get(number, "")))
    return tuple(found.values())


_known_listed = lru_cache(maxsize=_REMEMBERED)(_listed)


def common(offered: Media, capabilities: Capabilities) -> tuple[PayloadMap, ...]:
    """What is left of an offer: audio in our order with the offerer's payload types, then noise and events."""
    told = _told(offered)
    meet = _known_common if _is_usual(told) else _common
    return meet(told, capabilities.codecs, noise=capabilities.comfort_noise, dtmf=capabilities.dtmf)


def _common(told: _Told, codecs: tuple[str, ...], *, noise: bool, dtmf: bool) -> tuple[PayloadMap, ...]:
    offered = _listed(told)
    by_name = {entry.codec.name: entry for entry in offered if entry.codec.role is Role.AUDIO}
    chosen = [by_name[name] for name in codecs if name in by_name]
    if not chosen:
        return ()
    clocks = {entry.codec.clock for entry in chosen}
    if noise:
        chosen += [entry for entry in offered if entry.codec is NOISE and NOISE.clock in clocks]
    if dtmf:
        chosen += _events(offered, clocks)
    return tuple(_agreed(entry, silence=noise) for entry in chosen)


_known_common = lru_cache(maxsize=_REMEMBERED)(_common)


def _agreed(entry: Listed, *, silence: bool) -> PayloadMap:
    codec, payload_type, theirs = entry
    fmtp = formats.agreed(codec.name, theirs, silence=silence)
    return PayloadMap(codec.name, payload_type, codec.clock, codec.channels, fmtp=fmtp or "")


def _events(offered: Sequence[Listed], clocks: set[int]) -> list[Listed]:
    """telephone-event of the clocks in use (RFC 4733 §2.1).

    Deviation: with none of those, any offered clock is taken; Grandstream phones list Opus beside telephone-event/8000 only.
    """
    events = [entry for entry in offered if entry.codec.role is Role.EVENTS]
    return [entry for entry in events if entry.codec.clock in clocks] or events[:1]


def proposed(capabilities: Capabilities) -> tuple[PayloadMap, ...]:
    """The payload map of our own offer, with the table's payload types."""
    return _all_proposed(capabilities.codecs, noise=capabilities.comfort_noise, dtmf=capabilities.dtmf)


@lru_cache(maxsize=_REMEMBERED)
def _all_proposed(codecs: tuple[str, ...], *, noise: bool, dtmf: bool) -> tuple[PayloadMap, ...]:
    rows = [audio(name) for name in codecs]
    clocks = {row.clock for row in rows}
    if noise and NOISE.clock in clocks:
        rows.append(NOISE)
    if dtmf:
        rows += [EVENTS[clock] for clock in sorted(clocks) if clock in EVENTS]
    return tuple(_proposed(row, silence=noise) for row in rows)


def _proposed(row: Codec, *, silence: bool) -> PayloadMap:
    fmtp = formats.offered(row.name, row.fmtp, silence=silence) if row.library else ""
    return PayloadMap(row.name, row.payload_type, row.clock, row.channels, fmtp=fmtp)


def answered(ours: Media, theirs: Media) -> tuple[PayloadMap, ...]:
    """Reads the answer to our offer: the answerer's order, our payload type to receive and theirs to send.

    A format without rtpmap is taken as ours of the same number; some answers leave the rtpmap of dynamic types out.
    """
    told = _told(theirs)
    return _known_answered(_told(ours), told) if _is_usual(told) else _answered(_told(ours), told)


def _answered(offered: _Told, told: _Told) -> tuple[PayloadMap, ...]:
    ours = _listed(offered)
    mine = {(entry.codec.name, entry.codec.clock): entry for entry in ours}
    by_number = {str(entry.payload_type): entry for entry in ours}
    known = {str(entry.payload_type): entry for entry in _listed(told)}
    named = {entry.payload_type for entry in map(rtpmap, told[1]) if entry is not None}
    maps: dict[tuple[str, int], PayloadMap] = {}
    for text in told[0]:
        entry = known.get(text)
        if entry is None and text in by_number and int(text) not in named:
            entry = by_number[text]
        if entry is None or (entry.codec.name, entry.codec.clock) not in mine:
            continue
        codec, own = entry.codec, mine[entry.codec.name, entry.codec.clock]
        payload_type = own.payload_type
        send = -1 if entry.payload_type == payload_type else entry.payload_type
        fmtp = formats.met(codec.name, own.fmtp, known[text].fmtp if text in known else "")
        if fmtp is None:
            continue
        maps.setdefault(
            (codec.name, codec.clock), PayloadMap(codec.name, payload_type, codec.clock, codec.channels, send, fmtp)
        )
    return tuple(sorted(maps.values(), key=lambda entry: _ORDER[entry.name]))


_known_answered = lru_cache(maxsize=_REMEMBERED)(_answered)


_ORDER = {row.name: (Role.AUDIO, Role.NOISE, Role.EVENTS).index(row.role) for row in CODECS}
"""Audio before noise before events, whatever the peer's order; `sorted` keeps the peer's order inside each."""

_ENCODING = {(row.name, row.clock): row for row in CODECS}


def has_audio(codecs: Sequence[PayloadMap]) -> bool:
    """Whether at least one entry carries speech; the first one does then."""
    return bool(codecs) and _ORDER[codecs[0].name] == 0


def lines(codecs: Sequence[PayloadMap]) -> list[Line]:
    """The rtpmap and fmtp lines of a body of ours; fmtp says what *our* receiver takes."""
    found: list[Line] = []
    for entry in codecs:
        agreed = formats.written(entry.fmtp) if entry.name in LIBRARY else None
        found += _lines(entry.name, entry.payload_type, entry.clock, entry.channels, agreed)
    return found


@lru_cache(maxsize=512)
def _lines(name: str, payload_type: int, clock: int, channels: int, agreed: str | None) -> tuple[Line, ...]:
    row = _ENCODING[name, clock]
    suffix = f"/{channels}" if channels > 1 else ""
    mapping = Line("a", f"rtpmap:{payload_type} {row.sdp_name}/{clock}{suffix}")
    fmtp = row.fmtp if agreed is None else agreed
    return (mapping, Line("a", f"fmtp:{payload_type} {fmtp}")) if fmtp else (mapping,)


def agreed_ptime(asked: int | None, highest: int | None, ours: int) -> int:
    """Packet time that we send: what the peer asked for, else ours, in 10…60 ms and not above its `maxptime`."""
    wanted = min(asked or ours, highest or MAX_PTIME)
    return min(max(wanted // 10 * 10, MIN_PTIME), MAX_PTIME)
