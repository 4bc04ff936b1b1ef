"""The media half of a SIP leg whose peer is a browser (SIP over WebSocket): ICE, DTLS-SRTP, RTP and RTCP on one port."""

from __future__ import annotations

from media import browser, sdp
from media.commands import PortKind
from media.credentials import ice_credentials
from media.negotiation import Agreement, Capabilities, DtlsIdentity, Srtp
from media.sdp import Description
from softswitch.legs import base
from softswitch.legs.rtp import USUAL, RtpPort, Sound
from softswitch.legs.studio import Studio


def is_browser(transport: str, offer: bytes) -> bool:
    """Whether the peer of a call speaks as browsers do: by its description, else by how it signals (RFC 7118)."""
    if offer:
        return b"UDP/TLS/RTP/SAVP" in offer and b"a=ice-ufrag:" in offer
    return transport in {"ws", "wss"}


class WebRtcPort(RtpPort):
    """As `RtpPort`. With an offer of ours the port opens when the answer is there: before, nobody could be let in."""

    kind = PortKind.WEBRTC

    def __init__(
        self, studio: Studio, group: int, peer: str, tell: base.Listener, *, sound: Sound = USUAL, srtp: Srtp = Srtp.DTLS
    ) -> None:
        super().__init__(studio, group, peer, tell, sound=sound, srtp=Srtp.DTLS)
        self._ice = ice_credentials()

    @property
    def _identity(self) -> DtlsIdentity | None:
        return self._studio.identity

    def _port(self, *prefer: str) -> browser.BrowserPort:
        """Our end, with `prefer`red codecs first."""
        reservation, capabilities = self._reserved(), self._capabilities(*prefer)
        return browser.BrowserPort(
            self._studio.addresses(), reservation.port, self._ice, self._studio.identity, capabilities.codecs, reservation.ssrc,
            tcp_port=self._studio.tcp_port,
        )  # fmt: skip

    def _judge(self, theirs: Description, *prefer: str) -> Agreement:
        return self._make_answer(theirs, *prefer)[1]

    def _make_answer(
        self, theirs: Description, *prefer: str, previous: Agreement | None = None
    ) -> tuple[Description, Agreement]:
        if previous is not None and _restarts_ice(theirs, previous):
            # Who answers a restart takes new credentials as well (RFC 8839 §4.4.1.1); media goes on by the old path meanwhile.
            self._ice = ice_credentials()
        return browser.answer(theirs, self._port(*prefer), previous=previous)

    def _make_offer(self, *prefer: str) -> tuple[Description, Capabilities]:
        port = self._port(*prefer)
        return browser.offer(port), port.capabilities

    def _read_answer(self, ours: Description, theirs: Description) -> Agreement:
        return browser.accept_answer(ours, theirs, self._port())


def _restarts_ice(theirs: Description, before: Agreement) -> bool:
    media = next((part for part in theirs.media if part.kind == "audio"), None)
    credentials = sdp.ice_credentials(theirs, media) if media is not None else None
    return credentials is not None and before.ice is not None and credentials[0] != before.ice.remote_ufrag
