"""The media half of a SIP leg: one reserved RTP port, our side of offer and answer, and the port's events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from media import negotiation, sdp
from media.commands import (
    ClosePort,
    Command,
    Detect,
    Direction,
    Jitter,
    Listen,
    MovePort,
    OpenPort,
    PortKind,
    Sample,
    SendDtmf,
    UpdatePort,
)
from media.credentials import ice_credentials, sdp_session
from media.digits import DigitMerger
from media.errors import BadDescription, NoCommonCodec
from media.events import DtlsState, Dtmf, Event, MediaStarted, PortFailed, PortStats, Reservation, Stats
from media.negotiation import Agreement, Capabilities, DtlsIdentity, Srtp, payloads
from softswitch.legs import base, encryption
from softswitch.legs.studio import Studio, family_of

DEFAULT_CODECS = ("PCMA", "PCMU", "G722", "OPUS")
"""What every machine can do; of phones and carriers the setting `media.codecs` decides."""


class Sound(NamedTuple):
    """How a party's line is wanted: codecs in order (none: all), packet time in ms, bounds of the jitter buffer in ms
    (0: the node's), whether silence may be told by comfort noise."""

    codecs: tuple[str, ...] = ()
    ptime: int = 20
    jitter: tuple[int, int] = (0, 0)
    comfort_noise: bool = False
    dtmf: str = "auto"
    """How keys are told: auto (what is negotiated), rfc4733, inband (tones alone), info (by INFO, never in the sound)."""
    hold: str = "music"
    """signal: the party's network is told when the party is put on hold."""
    srtp: str = encryption.USUAL
    """The policy of encryption, a word of `encryption.POLICIES`."""
    t38: str = "off"
    """Whether the party's network takes fax by T.38: off, accept, gateway."""
    ice: bool = False
    """Our descriptions bear candidates (ICE lite)."""


USUAL = Sound()
_NO_ONE: dict[int, float] = {}


class RtpPort:
    """Owned by its leg. Bodies are bytes, errors are `MediaError`; a port exists from `reserve` to `close`."""

    kind = PortKind.RTP

    def __init__(
        self, studio: Studio, group: int, peer: str, tell: base.Listener, *, sound: Sound = USUAL, srtp: Srtp = Srtp.OFF
    ) -> None:
        self._studio, self._pump = studio, studio.pump
        self.group = group
        self._peer = peer
        self._wanted = sound.codecs or studio.codecs
        missing = studio.missing
        self._codecs = tuple([name for name in self._wanted if name not in missing]) if missing else self._wanted
        self._ptime = sound.ptime
        least, most = sound.jitter
        self._jitter = Jitter(least or studio.jitter.min, most or studio.jitter.max)
        self._comfort_noise = sound.comfort_noise
        self.dtmf = sound.dtmf
        self.hold = sound.hold
        self.has_line = True
        """The peer has not put its only audio line to port 0."""
        self.on_packets: Callable[[int], None] = _uncounted
        """Told the packets received so far, whenever the engine counts."""
        self._tell = tell
        self._reservation: Reservation | None = None
        self._reserved_in = group
        self._srtp = srtp
        self._credentials = encryption.credentials(srtp, studio.identity)
        if sound.ice:
            self._credentials = replace(self._credentials, ice=ice_credentials())
        self._handshaken = ""  # the suite that DTLS has found
        self._session = sdp_session()
        self._theirs: sdp.Description | None = None  # the peer's offer that waits for our answer
        self._theirs_raw = b""
        self._ours: sdp.Description | None = None  # our offer that waits for the peer's answer
        self._open = False
        self._forget: Callable[[], None] | None = None
        self._merger = DigitMerger()
        self._inband = False
        self._way = Direction.SENDRECV  # of our body before we have put the party on hold
        self.agreement: Agreement | None = None
        self.quality: PortStats | None = None
        self.id = 0

    @property
    def node(self) -> int:
        """The engine's id while the port is open, else 0."""
        return self.id if self._open else 0

    @property
    def codec(self) -> str:
        return self.agreement.codecs[0].name if self.agreement is not None else ""

    @property
    def codecs(self) -> tuple[str, ...]:
        """Names of the audio codecs the peer can do, best first; used to offer the same to the other side."""
        if self.agreement is None:
            return ()
        known = self._codecs
        return tuple([entry.name for entry in self.agreement.codecs if entry.name in known])

    @property
    def secured(self) -> str:
        """The crypto-suite that protects the sound; "" for plain RTP and while keys are still agreed on by DTLS."""
        if self.agreement is None:
            return ""
        return self.agreement.sdes.profile if self.agreement.sdes is not None else self._handshaken

    def take_offer(self, body: bytes, *, prefer: str = "") -> None:
        """Reads the peer's first offer and finds what both can do. Nothing is sent or opened yet."""
        if self._theirs is None or body != self._theirs_raw:
            self._theirs = sdp.parse(body)
            self._theirs_raw = body
        self._ours, self.agreement = None, self._judge(self._theirs, prefer)

    def first_answer(self, *, prefer: str = "") -> bytes:
        """Our answer to the offer taken before; opens the port. A repeat gives the same body (early media, then 200)."""
        if self._open and self._session.body:
            return self._session.body
        if self._theirs is None:
            raise BadDescription("no offer was taken")
        if prefer and prefer != self.codec and prefer in self.codecs:
            self._ours, self.agreement = self._make_answer(self._theirs, prefer)
        elif self._ours is None:
            self._ours, self.agreement = self._make_answer(self._theirs)
        if self._ours is None or self.agreement is None:
            raise BadDescription("no offer was taken")
        self._session, body = self._session.publish(self._ours)
        self._ours = None
        self._open_with(self.agreement)
        return body

    def offer(self, *, prefer: tuple[str, ...] = ()) -> bytes:
        """Our own offer, with `prefer`red codecs first; the port is open from now on, so early sound is heard."""
        self._ours, capabilities = self._make_offer(*prefer)
        self._session, body = self._session.publish(self._ours)
        if not self._open:
            self._open_offered(capabilities)
        return body

    def take_answer(self, body: bytes) -> None:
        """Reads the peer's answer to our offer; a repeat (183, then 200) changes nothing."""
        if self._ours is None or body == self._theirs_raw:
            return
        agreement = self._read_answer(self._ours, sdp.parse(body))
        self._theirs_raw = body
        self._update(agreement)

    @property
    def is_waiting(self) -> bool:
        """Whether an offer of ours is not settled."""
        return self._ours is not None

    @property
    def published(self) -> bytes:
        """Our last body, b"" before the first."""
        return self._session.body

    def turn(self, *, held: bool) -> bytes:
        """Our last body as an offer that holds the party, or takes it back as it was before."""
        before = sdp.parse(self._session.body)
        line = before.media[self.agreement.media_index if self.agreement is not None else 0]
        if held:
            self._way = Direction(sdp.direction(before, line))
        wish = negotiation.meet(self._way, Direction.SENDONLY) if held else self._way
        self._ours = negotiation.turned(before, wish)
        self._session, body = self._session.publish(self._ours)
        return body

    def is_carried(self, way: str) -> bool:
        """Whether the sound brings a key that came by `way` to this party, which understands it there.

        Events go where events are agreed, tones where they are not: only between two of one kind nothing is to be done.
        """
        return way == ("inband" if self._inband else "rfc4733")

    def sample(self) -> None:
        """Asks the engine for its counters now."""
        if self._open:
            self._pump.submit([Sample(self.id)])

    def finish_offer(self) -> None:
        """The offer is settled: an answer that comes from now on belongs to another one."""
        self._ours = None

    def reanswer(self, body: bytes, *, holding: bool = False) -> tuple[bytes, bool]:
        """Answers a re-offer; returns the body and whether the peer holds us now. `holding`: we hold it still, and say so."""
        theirs = sdp.parse(body)
        answer, agreement = self._make_answer(theirs, self.codec, previous=self.agreement)
        if holding:
            self._way = Direction(sdp.direction(answer, answer.media[agreement.media_index]))
            answer = negotiation.turned(answer, negotiation.meet(self._way, Direction.SENDONLY))
        self.has_line = any(media.kind == "audio" and media.port for media in theirs.media)
        self._session, ours = self._session.publish(answer)
        self._theirs_raw = body
        self._update(agreement)
        return ours, agreement.held

    def reoffer(self) -> bytes:
        """Our offer when the peer asks for one (a re-INVITE without a body): what is in force comes first."""
        return self.offer(prefer=(self.codec,) if self.codec else ())

    def send_digits(self, digits: str) -> None:
        self._pump.submit([SendDtmf(self.id, digits)])

    def move(self, group: int) -> None:
        if group != self.group:
            self.group = group
            if self._open:
                self._pump.submit([MovePort(self.id, group)])

    def close(self) -> None:
        """Gives the port back. Idempotent."""
        if self._forget is not None:
            self._forget()
            self._forget = None
        if self._open:
            self._open = False
            self._pump.submit([Listen(self.id, _NO_ONE), ClosePort(self.id)])

    # A fax instead of sound (fax.py).

    @property
    def where(self) -> tuple[str, int]:
        """Our address and port, as descriptions tell them."""
        return self._studio.address_for(self._peer), self._reserved().port

    @property
    def line(self) -> int:
        """The place of our line in descriptions."""
        return self.agreement.media_index if self.agreement is not None else 0

    def publish(self, description: sdp.Description) -> bytes:
        """A body of ours that is no offer or answer of sound."""
        self._session, body = self._session.publish(description)
        self._ours, self._theirs_raw = None, b""
        return body

    def revert(self, body: bytes) -> None:
        """A body of ours was refused: an earlier one is in force."""
        self._session = replace(self._session, body=body)

    def carry_fax(self, remote: tuple[str, int] | None) -> None:
        """The port takes and gives fax datagrams from now on; it is opened for them when nothing was heard before."""
        batch: list[Command] = []
        if not self._open:
            codecs, token = payloads.proposed(self._capabilities()), self._reserved().token
            self._subscribe()
            self._open = True
            batch.append(OpenPort(self.id, token, codecs, remote=remote, jitter=self._jitter))
            if self._reserved_in != self.group:
                batch.append(MovePort(self.id, self.group))
        self._pump.submit([*batch, UpdatePort(self.id, remote=remote, udptl=True)])

    def carry_voice(self) -> None:
        """The port is one for sound again."""
        self._pump.submit([UpdatePort(self.id, udptl=False)])

    def voice_offer(self, index: int) -> bytes:
        """Our offer of sound in the place where the fax was; no other line is in use."""
        fresh, _ = self._make_offer(*((self.codec,) if self.codec else ()))
        before = sdp.parse(self._session.body).media
        self._ours = replace(fresh, media=tuple(
            fresh.media[0] if number == index else replace(part, lines=(), port=0) for number, part in enumerate(before)
        ))  # fmt: skip
        self._session, body = self._session.publish(self._ours)
        return body

    # What a peer of another kind does otherwise (webrtc.py).

    @property
    def _identity(self) -> DtlsIdentity | None:
        return self._credentials.dtls

    def _judge(self, theirs: sdp.Description, *prefer: str) -> Agreement:
        """What an answer would agree on; the body is written when the caller is told something."""
        return negotiation.agreed(theirs, self._capabilities(*prefer), credentials=self._credentials)

    def _make_answer(
        self, theirs: sdp.Description, *prefer: str, previous: Agreement | None = None
    ) -> tuple[sdp.Description, Agreement]:
        capabilities = self._capabilities(*prefer)
        return negotiation.answer(theirs, capabilities, credentials=self._credentials, previous=previous)

    def _make_offer(self, *prefer: str) -> tuple[sdp.Description, Capabilities]:
        capabilities = self._capabilities(*prefer)
        return negotiation.offer(capabilities, credentials=self._credentials), capabilities

    def _read_answer(self, ours: sdp.Description, theirs: sdp.Description) -> Agreement:
        return negotiation.accept_answer(ours, theirs, credentials=self._credentials)

    def _open_offered(self, capabilities: Capabilities) -> None:
        """The port hears from now on, early sound may come before the answer; what is encrypted waits for the peer's key."""
        if self._srtp not in (Srtp.OFF, Srtp.KEYLESS):
            return
        token, codecs = self._reserved().token, payloads.proposed(capabilities)
        self._subscribe()
        self._open = True
        self._pump.submit([OpenPort(self.id, token, codecs, ptime=self._ptime, jitter=self._jitter)])

    def _capabilities(self, *prefer: str) -> Capabilities:
        if not self._codecs:
            raise NoCommonCodec("; ".join(self._studio.missing[name] for name in self._wanted))
        reservation = self._reserved()
        first = [name for name in prefer if name in self._codecs]
        order = (*first, *[name for name in self._codecs if name not in first]) if first else self._codecs
        return Capabilities(
            codecs=order,
            address=self._studio.address_for(self._peer),
            rtp_port=reservation.port,
            rtcp_port=reservation.rtcp_port,
            ptime=self._ptime,
            comfort_noise=self._comfort_noise,
            dtmf=self.dtmf in ("auto", "rfc4733"),
            srtp=self._srtp,
        )

    def _reserved(self) -> Reservation:
        if self._reservation is None:
            self._reserved_in = self.group
            self._reservation = self._pump.reserve(self.kind, self.group, family_of(self._peer))
            self.id = self._studio.ids.next()
        return self._reservation

    def _open_with(self, agreement: Agreement) -> None:
        self._subscribe()
        self._open = True
        opening = agreement.open_port(self.id, self._reserved().token, identity=self._identity, jitter=self._jitter)
        self._pump.submit([opening, *self._listening(agreement)])
        if self._reserved_in != self.group:
            self._pump.submit([MovePort(self.id, self.group)])

    def _update(self, agreement: Agreement) -> None:
        before, self.agreement = self.agreement, agreement
        if not self._open:
            self._open_with(agreement)
            return
        if before is None or before.fingerprint != agreement.fingerprint:
            self._handshaken = ""
        command: UpdatePort = agreement.update_port(self.id, before=before, identity=self._identity)
        self._pump.submit([command, *self._listening(agreement)])

    def _listening(self, agreement: Agreement) -> list[Detect]:
        """Who has no telephone events presses keys in-band: there the tones themselves are listened to."""
        inband = "telephone-event" not in [each.name for each in agreement.codecs]
        changed, self._inband = inband != self._inband, inband
        return [Detect(self.id, dtmf_inband=inband)] if changed else []

    def _subscribe(self) -> None:
        if self._forget is None:
            self._forget = self._pump.subscribe(self.id, self._heard)

    def _heard(self, event: Event) -> None:
        translated = from_engine(event)
        if isinstance(event, DtlsState) and event.state == "connected":
            self._handshaken = event.profile
        if isinstance(event, Stats):
            before, self.quality = self.quality, event.stats
            self.on_packets(event.stats.packets_received)
            if (before.one_way if before is not None else "") != event.stats.one_way:
                translated = base.AudioChanged()
        if translated is not None:
            if isinstance(event, Dtmf) and not self.counts(event.digit, event.way, event.duration):
                return
            self._tell(translated)

    def counts(self, digit: str, way: str, duration: int = 0) -> bool:
        """Whether a digit is a key of its own, not one that was already heard by another way."""
        return self._merger.counts(digit, way, asyncio.get_running_loop().time(), duration)


def _uncounted(_packets: int) -> None:
    """Nobody listens for silence."""


def from_engine(event: Event) -> base.LegEvent | None:
    """What an event of the engine means to a leg; None for those that do not concern it."""
    if isinstance(event, Dtmf):
        return base.DigitPressed(event.digit, event.way, event.duration)
    if isinstance(event, MediaStarted):
        return base.MediaFlows(event.codec, event.as_signalled, event.remote)
    if isinstance(event, PortFailed):
        return base.PortFailed(event.reason)
    if isinstance(event, DtlsState) and event.state == "connected":
        return base.Secured(event.profile)
    if isinstance(event, DtlsState) and event.state == "failed":
        return base.PortFailed(f"dtls: {event.error}")
    return None
