"""The answer to a browser's offer, pure: ICE-lite, passive DTLS, one audio stream, bundled, RTP and RTCP on one port.

The client always offers and has gathered (`interfaces.md` §4); nothing trickles from here. What Chromium, Firefox, Safari
and aiortc insist on beyond RFC 8829 is noted at the line that serves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from media import negotiation
from media.commands import Direction
from media.errors import BadDescription, NoCommonSecurity
from media.negotiation import Agreement, Capabilities, Credentials, DtlsIdentity, IceCredentials, Srtp
from media.sdp import Description, Line, Media, fingerprint, ice_credentials

PREFERRED_CODECS: tuple[str, ...] = ("PCMA", "PCMU", "OPUS", "G722")
"""For a browser that faces the PSTN: G.711 is relayed for nothing, an Opus encoder costs; RFC 7874 §3 makes G.711 mandatory.
A-law first, as for SIP legs: whoever agreed on both sends the first, and two legs that send the same need no transcoding."""

STREAM = "softswitch"
TRACK = "audio"


@dataclass(frozen=True, slots=True)
class BrowserPort:
    """Our end of a browser leg: where it is, who we are. `addresses` are the advertised ones, best first."""

    addresses: tuple[str, ...]
    port: int
    ice: IceCredentials
    identity: DtlsIdentity
    codecs: tuple[str, ...] = PREFERRED_CODECS
    ssrc: int = 0  # of the reservation; 0 leaves the a=ssrc line out
    cname: str = "softswitch"
    tcp_port: int = 0  # of passive TCP candidates; 0 = none

    @property
    def capabilities(self) -> Capabilities:
        """The same in the words of negotiation."""
        return Capabilities(
            self.codecs, self.addresses[0], self.port, srtp=Srtp.DTLS, also_at=self.addresses[1:], tcp_port=self.tcp_port
        )

    @property
    def credentials(self) -> Credentials:
        """ICE and DTLS secrets; SDES is never agreed with a browser (RFC 8827 §6.5)."""
        return Credentials(ice=self.ice, dtls=self.identity)


def answer(
    offer: Description,
    ours: BrowserPort,
    *,
    wish: Direction = Direction.SENDRECV,
    previous: Agreement | None = None,
) -> tuple[Description, Agreement]:
    """Answers a browser's offer (RFC 8829 §5.3); video, data and further audio m-lines are refused with port 0.

    Raises BadDescription when bundling, rtcp-mux, ICE or a fingerprint is missing, NotAcceptable when no codec is shared.
    """
    used = next((media for media in offer.media if media.kind == "audio" and media.port), None)
    if used is not None:
        _require(offer, used)
    body, agreement = negotiation.answer(offer, ours.capabilities, credentials=ours.credentials, wish=wish, previous=previous)
    if agreement.media_index >= len(body.media) or not body.media[agreement.media_index].port:
        return body, agreement
    # The signalled address of a browser is a candidate at best, often 0.0.0.0:9: ICE alone says where it is.
    agreement = replace(agreement, remote=None, remote_rtcp=None)
    return _completed(body, agreement.media_index, ours), agreement


def offer(ours: BrowserPort, *, wish: Direction = Direction.SENDRECV) -> Description:
    """Our own offer to a browser that signals by SIP over WebSocket: it takes the active part of DTLS and controls ICE."""
    body = negotiation.offer(ours.capabilities, credentials=ours.credentials, wish=wish)
    return _completed(body, 0, ours)


def accept_answer(ours: Description, theirs: Description, port: BrowserPort) -> Agreement:
    """Reads its answer. Raises BadDescription or NotAcceptable as `negotiation.accept_answer` does."""
    agreement = negotiation.accept_answer(ours, theirs, credentials=port.credentials)
    if agreement.ice is None:
        raise BadDescription("a browser's answer needs a=ice-ufrag and a=ice-pwd")
    return replace(agreement, remote=None, remote_rtcp=None)


def _require(offer: Description, media: Media) -> None:
    if ice_credentials(offer, media) is None:
        raise BadDescription("a browser's offer needs a=ice-ufrag and a=ice-pwd")
    if fingerprint(offer, media) is None:
        raise NoCommonSecurity("a browser's offer needs a=fingerprint")
    if not media.has("rtcp-mux"):
        raise BadDescription("a browser's offer needs a=rtcp-mux")
    mid = media.attribute("mid")
    bundled = any(group.split()[:1] == ["BUNDLE"] and mid in group.split()[1:] for group in offer.attributes("group"))
    if len(offer.media) > 1 and not bundled:
        raise BadDescription("a browser's offer with several m-lines needs a=group:BUNDLE")


def _completed(body: Description, index: int, ours: BrowserPort) -> Description:
    """Adds what only browsers want: a stream for the track event, and the SSRC it arrives with."""
    lines: list[Line] = [Line("a", f"msid:{STREAM} {TRACK}")]
    if ours.ssrc:
        lines.append(Line("a", f"ssrc:{ours.ssrc} cname:{ours.cname}"))
    media = body.media[index]
    media = media.with_lines((*media.lines, *lines))
    session = (*body.lines, Line("a", "msid-semantic: WMS *"))
    return replace(body, lines=session, media=(*body.media[:index], media, *body.media[index + 1 :]))


def remote_candidates(lines: Sequence[str]) -> tuple[str, ...]:
    """Candidates from a client's JSON (`candidate:…`, with or without `a=`), UDP only, at most 64; others are left out."""
    taken: list[str] = []
    for line in lines[:64]:
        text = line.removeprefix("a=").strip()
        words = text.split()
        if text.startswith("candidate:") and len(words) >= 8 and words[2].lower() == "udp" and words[6] == "typ":
            taken.append(text)
    return tuple(taken)
