"""Offer and answer (RFC 3264, RFC 6337): three pure functions and one that turns a body of ours to another direction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from media.commands import Direction, Ice, PayloadMap
from media.errors import BadDescription, NoCommonCodec, NoCommonFamily, NotAcceptable
from media.negotiation import payloads
from media.negotiation.security import (
    NOTHING,
    PROFILES,
    Before,
    Security,
    accepted_security,
    agreed_ice,
    answer_security,
    ice_lines,
    offered_lines,
)
from media.negotiation.values import Agreement, Capabilities, Credentials, Srtp
from media.sdp import (
    Description,
    Line,
    Media,
    connection,
    direction,
    is_unspecified,
    packet_time,
    rtcp_address,
)

_WAYS: dict[str, tuple[bool, bool]] = {
    "sendrecv": (True, True),
    "sendonly": (True, False),
    "recvonly": (False, True),
    "inactive": (False, False),
}
"""(sends, receives) of whoever wrote the word."""

_WORDS = {ways: Direction(word) for word, ways in _WAYS.items()}
NO_SECRETS = Credentials()


@dataclass(frozen=True, slots=True)
class _Terms:
    """What we bring to an exchange. `family` is 4, 6 or 0 for any."""

    codecs: tuple[PayloadMap, ...]
    security: Security
    family: int
    ptime: int
    rtcp_mux: bool
    wish: Direction


@dataclass(frozen=True, slots=True)
class _Remote:
    """Where the peer is. `zero` is the hold signal of RFC 2543."""

    rtp: tuple[str, int] | None
    rtcp: tuple[str, int] | None
    zero: bool = False


def answer(
    offer: Description,
    capabilities: Capabilities,
    *,
    credentials: Credentials = NO_SECRETS,
    wish: Direction = Direction.SENDRECV,
    previous: Agreement | None = None,
) -> tuple[Description, Agreement]:
    """Answers an SDP offer (RFC 3264 §6, hold as `sip.md` §4.7).

    The answer has one m-line per offered m-line in the same order: the first audio line that fits is used, all others get
    port 0. Codecs keep the offerer's payload types and stand in our order. `wish` is what we would like to do; the result
    is never more than the offer allows. `previous` is the agreement in force when this is a re-offer: only then may the
    audio line have port 0, which means held without media. Stamp the result with `SdpSession.publish` before sending.

    Raises BadDescription when the offer makes no sense, NotAcceptable (NoCommonCodec, …) when nothing fits; both map to 488.
    """
    try:
        agreement, way, security = _first_agreed(offer, capabilities, credentials, wish, _before(previous))
    except NotAcceptable:
        if previous is not None and any(media.kind == "audio" and not media.port for media in offer.media):
            held = replace(previous, remote=None, remote_rtcp=None, direction=Direction.INACTIVE, held=True)
            return Description(tuple(_session_lines(offer, capabilities)), tuple(map(_refused, offer.media))), held
        raise
    media = offer.media[agreement.media_index]
    used = [
        *_media_lines(agreement.codecs, capabilities, agreement.ptime, way, rtcp_mux=agreement.rtcp_mux),
        *_identification(media),
        *_reports(media),
        *security.lines,
        *(ice_lines(capabilities, credentials, rtcp_mux=agreement.rtcp_mux) if agreement.ice else ()),
    ]
    return _answer_body(offer, agreement, used, capabilities), agreement


def agreed(offer: Description, capabilities: Capabilities, *, credentials: Credentials = NO_SECRETS) -> Agreement:
    """What `answer` would agree on, without the body: whether an offer can be taken at all. Raises what `answer` raises."""
    return _first_agreed(offer, capabilities, credentials, Direction.SENDRECV, NOTHING)[0]


def _first_agreed(
    offer: Description, capabilities: Capabilities, credentials: Credentials, wish: Direction, before: Before
) -> tuple[Agreement, Direction, Security]:
    """Of the first audio m-line that fits; raises NotAcceptable when none does."""
    refusal: NotAcceptable = NoCommonCodec("no audio m-line in use")
    for index, media in enumerate(offer.media):
        if media.kind != "audio" or not media.port:
            continue
        try:
            return _agree(offer, index, capabilities, credentials, wish, before)
        except NotAcceptable as reason:
            refusal = reason
    raise refusal


def _agree(
    offer: Description, index: int, capabilities: Capabilities, credentials: Credentials, wish: Direction, before: Before
) -> tuple[Agreement, Direction, Security]:
    """The agreement about one offered m-line, the direction that our body states, and its key lines."""
    media = offer.media[index]
    if media.profile not in PROFILES:
        raise NoCommonCodec(f"transport {media.profile!r} is not RTP over UDP")
    codecs = payloads.common(media, capabilities)
    if not codecs:
        raise NoCommonCodec(f"none of {', '.join(capabilities.codecs)} is offered")
    security = answer_security(offer, media, capabilities.srtp, credentials, before)
    terms = _Terms(codecs, security, capabilities.family, capabilities.ptime, capabilities.rtcp_mux, wish)
    return *_settle(terms, offer, index, credentials), security


def _before(previous: Agreement | None) -> Before:
    return NOTHING if previous is None else Before(previous.secured, previous.fingerprint, previous.setup)


def offer(
    capabilities: Capabilities, *, credentials: Credentials = NO_SECRETS, wish: Direction = Direction.SENDRECV
) -> Description:
    """Our own offer: one audio m-line with all codecs of `capabilities`. Raises NoCommonSecurity without the keys it needs."""
    codecs = payloads.proposed(capabilities)
    profile, keys = offered_lines(capabilities, credentials)
    # Two sockets would be two DTLS associations (RFC 5764 §4): with DTLS there is one.
    rtcp_mux = capabilities.rtcp_mux and (not capabilities.rtcp_port or capabilities.srtp is Srtp.DTLS)
    lines = [
        *_media_lines(codecs, capabilities, capabilities.ptime, wish, rtcp_mux=rtcp_mux),
        *keys,
        *ice_lines(capabilities, credentials, rtcp_mux=rtcp_mux),
    ]
    session = _session_lines(None, capabilities)
    if credentials.ice is not None:
        session.append(Line("a", "ice-lite"))
    return Description(tuple(session), (_audio(lines, capabilities, profile, codecs),))


def accept_answer(offer: Description, answer: Description, *, credentials: Credentials = NO_SECRETS) -> Agreement:
    """Reads the peer's answer to an offer of ours (RFC 3264 §7).

    Raises BadDescription for an answer that fits no offer, NotAcceptable when the peer refused audio or left nothing common.
    """
    index = next(number for number, media in enumerate(offer.media) if media.kind == "audio" and media.port)
    ours = offer.media[index]
    if index >= len(answer.media) or answer.media[index].kind != "audio":
        raise BadDescription("the answer has no m-line for the offered audio")
    media = answer.media[index]
    if not media.port:
        raise NoCommonCodec("the peer refused the audio stream")
    codecs = payloads.answered(ours, media)
    if not payloads.has_audio(codecs):
        raise NoCommonCodec("the answer has no codec of the offer")
    security = accepted_security(ours, answer, media)
    mine = connection(offer, ours)
    terms = _Terms(
        codecs,
        security,
        family=mine.family if mine else 0,
        ptime=packet_time(ours.attribute("ptime")) or 20,
        rtcp_mux=ours.has("rtcp-mux"),
        wish=Direction(direction(offer, ours)),
    )
    return _settle(terms, answer, index, credentials)[0]


def turned(description: Description, wish: Direction) -> Description:
    """A body of ours with another direction and nothing else changed: hold, resume, or (same direction) a session refresh."""
    media = tuple(
        part.with_lines(Line("a", wish.value) if line.kind == "a" and line.value in _WAYS else line for line in part.lines)
        if part.port
        else part
        for part in description.media
    )
    return replace(description, media=media)


def meet(left: Direction, right: Direction) -> Direction:
    """The most that both allow."""
    (send_left, receive_left), (send_right, receive_right) = _WAYS[left], _WAYS[right]
    return _WORDS[send_left and send_right, receive_left and receive_right]


def _settle(terms: _Terms, theirs: Description, index: int, credentials: Credentials) -> tuple[Agreement, Direction]:
    """Puts our terms and the peer's m-line together; also returns the direction that our body states.

    Nothing is sent to `0.0.0.0` (RFC 3264 §8.4), although our body may go on saying sendrecv.
    """
    media = theirs.media[index]
    ice = agreed_ice(theirs, media, credentials)
    rtcp_mux = terms.rtcp_mux and media.has("rtcp-mux")
    remote = _remote(theirs, media, terms.family, ice, rtcp_mux=rtcp_mux)
    sends, receives = _WAYS[direction(theirs, media)]
    way = meet(_WORDS[receives, sends], terms.wish)
    asked, highest = packet_time(media.attribute("ptime")), packet_time(media.attribute("maxptime"))
    agreement = Agreement(
        codecs=terms.codecs,
        remote=remote.rtp,
        remote_rtcp=remote.rtcp,
        ptime=payloads.agreed_ptime(asked, highest, terms.ptime),
        direction=meet(way, Direction.RECVONLY) if remote.zero else way,
        held=_WAYS[terms.wish][0] and (remote.zero or not receives),
        rtcp_mux=rtcp_mux,
        sdes=terms.security.sdes,
        ice=ice,
        fingerprint=terms.security.fingerprint,
        setup=terms.security.setup,
        rtcp_xr=_wants_metrics(media),
        profile=media.profile,
        media_index=index,
    )
    return agreement, way


def _remote(description: Description, media: Media, family: int, ice: Ice | None, *, rtcp_mux: bool) -> _Remote:
    where = connection(description, media)
    if where is None or where.family == 0:
        return _Remote(None, None)
    if is_unspecified(where):
        # With ICE, 0.0.0.0 port 9 only says that trickling goes on (RFC 8838 §4.1.1).
        return _Remote(None, None, zero=ice is None)
    if family and where.family != family:
        if ice is not None:
            return _Remote(None, None)
        raise NoCommonFamily(f"media at an IPv{where.family} address, ours is IPv{family}")
    if rtcp_mux:
        return _Remote((where.address, media.port), None)
    rtcp = rtcp_address(description, media)
    if rtcp is None:
        return _Remote((where.address, media.port), (where.address, media.port + 1) if media.port < 65535 else None)
    port, other = rtcp
    usable = other is not None and other.family == where.family and not is_unspecified(other)
    return _Remote((where.address, media.port), (other.address if usable and other else where.address, port))


def _answer_body(offer: Description, agreement: Agreement, lines: list[Line], capabilities: Capabilities) -> Description:
    index = agreement.media_index
    offered = offer.media[index]
    used = _audio(lines, capabilities, offered.profile, agreement.codecs)
    session = _session_lines(offer, capabilities)
    if agreement.ice is not None:
        session.append(Line("a", "ice-lite"))
    mid = offered.attribute("mid")
    if mid is not None and any(mid in group.split()[1:] for group in offer.attributes("group") if group.startswith("BUNDLE")):
        session.append(Line("a", f"group:BUNDLE {mid}"))  # RFC 9143 §7.3: only what is accepted
    media = tuple(used if number == index else _refused(part) for number, part in enumerate(offer.media))
    return Description(tuple(session), media)


def _session_lines(offer: Description | None, capabilities: Capabilities) -> list[Line]:
    """`o=` is a placeholder until `SdpSession.publish`; `t=` repeats the offer's (RFC 3264 §6)."""
    where = f"IN IP{capabilities.family} {capabilities.address}"
    times = (offer.value("t") if offer is not None else None) or "0 0"
    return [Line("v", "0"), Line("o", f"- 0 0 {where}"), Line("s", "-"), Line("c", where), Line("t", times)]


def _media_lines(
    codecs: Iterable[PayloadMap], capabilities: Capabilities, ptime: int, way: Direction, *, rtcp_mux: bool
) -> list[Line]:
    lines = [*payloads.lines(tuple(codecs)), Line("a", f"ptime:{ptime}"), Line("a", way.value)]
    if rtcp_mux:
        lines.append(Line("a", "rtcp-mux"))
    elif capabilities.rtcp_port != capabilities.rtp_port + 1:
        lines.append(Line("a", f"rtcp:{capabilities.rtcp_port or capabilities.rtp_port}"))  # RFC 3605
    return lines


def _audio(lines: Iterable[Line], capabilities: Capabilities, profile: str, codecs: Iterable[PayloadMap]) -> Media:
    formats = tuple([str(entry.payload_type) for entry in codecs])
    return Media(tuple(lines), "audio", capabilities.rtp_port, profile, formats)


def _identification(media: Media) -> list[Line]:
    mid = media.attribute("mid")
    return [] if mid is None else [Line("a", f"mid:{mid}")]


def _wants_metrics(media: Media) -> bool:
    """`a=rtcp-xr:voip-metrics` (RFC 3611 §5.1): whoever writes it wants to be sent the block."""
    if not media.has("rtcp-xr"):
        return False
    return any(word.split("=")[0] == "voip-metrics" for value in media.attributes("rtcp-xr") for word in value.split())


def _reports(media: Media) -> list[Line]:
    """What of the offered RTCP extensions we do as well: VoIP metrics, and packets without a report in front (RFC 5506)."""
    lines = [Line("a", "rtcp-xr:voip-metrics")] if _wants_metrics(media) else []
    return [*lines, Line("a", "rtcp-rsize")] if media.has("rtcp-rsize") else lines


def _refused(media: Media) -> Media:
    """An m-line with port 0 (RFC 3264 §6); its formats mean nothing then, but the grammar wants one."""
    return Media(tuple(_identification(media)), media.kind, 0, media.profile, media.formats[:1])
