"""The two lines of a recording session: ports of the call's group that only send, one per side of the conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from media import negotiation, sdp
from media.commands import ClosePort, Command, Direction, Listen, OpenPort, PortKind
from media.credentials import sdp_session
from media.errors import BadDescription, MediaError, NoCommonCodec
from media.events import Event, PortFailed, Reservation
from media.negotiation import Agreement, Capabilities, Credentials, Srtp, payloads
from media.negotiation.values import SdpSession
from media.sdp import Description, Line, Media
from softswitch.legs import encryption
from softswitch.legs.rtp import DEFAULT_CODECS
from softswitch.legs.studio import Studio, family_of

LABELS = ("1", "2")
"""`a=label` (RFC 4574) of the customer's side and of everybody else's."""
NOBODY: Mapping[int, float] = {}


@dataclass(slots=True)
class _Port:
    label: str
    id: int
    reservation: Reservation
    credentials: Credentials
    """Keys of its own: they last for the session with one server."""
    agreement: Agreement | None = None
    hears: Mapping[int, float] = field(default_factory=dict)
    forget: Callable[[], None] = lambda: None


class Lines:
    """Owned by its session: from `open` to `close`. `failed` is told when the engine loses a port."""

    def __init__(self, studio: Studio, group: int, failed: Callable[[], None]) -> None:
        self._studio = studio
        self._group = group
        self._failed = failed
        self._ports: list[_Port] = []
        self._session: SdpSession = sdp_session()
        self._offered: list[Description] = []
        self._codecs: Sequence[str] = ()
        self._ptime = 20
        self._address = ""
        self._srtp = Srtp.OFF
        self.paused = False

    def open(self, peer: str, codecs: Sequence[str], ptime: int, srtp: Srtp = Srtp.OFF) -> None:
        """Ports for one server. They send nothing before it has answered. Raises MediaError, and holds nothing then."""
        self._srtp = srtp
        missing = self._studio.missing
        self._codecs = [name for name in codecs or DEFAULT_CODECS if name not in missing]
        if not self._codecs:
            raise NoCommonCodec("; ".join(missing[name] for name in codecs))
        self._ptime, self._address = ptime, self._studio.address_for(peer)
        self._session = sdp_session()
        pump = self._studio.pump
        try:
            for label in LABELS:
                reserved = pump.reserve(PortKind.RTP, self._group, family_of(peer))
                keys = encryption.credentials(srtp, self._studio.identity)
                port = _Port(label, self._studio.ids.next(), reserved, keys)
                port.forget = pump.subscribe(port.id, self._heard)
                proposed = payloads.proposed(self._capabilities(port))
                pump.submit([OpenPort(port.id, port.reservation.token, proposed, direction=Direction.INACTIVE, ptime=ptime)])
                self._ports.append(port)
        except MediaError:
            self.close()
            raise

    def close(self) -> None:
        """Gives the ports back. Idempotent."""
        ports, self._ports = self._ports, []
        for port in ports:
            port.forget()
            self._studio.pump.submit([Listen(port.id, NOBODY), ClosePort(port.id)])

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(port.id for port in self._ports)

    def hear(self, channels: Sequence[Mapping[int, float]]) -> list[Command]:
        """The batch part that lets each line hear its side; nobody while it is paused."""
        batch: list[Command] = []
        for port, sources in zip(self._ports, channels, strict=False):
            port.hears = NOBODY if self.paused else dict(sources)
            batch.append(Listen(port.id, port.hears))
        return batch

    def offer(self) -> bytes:
        """Our description, as it stands now."""
        wish = Direction.INACTIVE if self.paused else Direction.SENDONLY
        self._offered = [
            _labelled(negotiation.offer(self._capabilities(port), credentials=port.credentials, wish=wish), 0, port.label)
            for port in self._ports
        ]
        return self._publish(self._offered)

    def take_answer(self, content: bytes) -> None:
        """What the server makes of the offer. A line that it refuses stays silent. Raises MediaError when it wants none."""
        answer = sdp.parse(content)
        refused: MediaError = NoCommonCodec("the server refused both lines")
        agreed = 0
        for index, (port, offered) in enumerate(zip(self._ports, self._offered, strict=False)):
            if index >= len(answer.media):
                raise BadDescription("the answer has fewer m-lines than the offer")
            try:
                only = replace(answer, media=(answer.media[index],))
                self._agree(port, negotiation.accept_answer(offered, only, credentials=port.credentials))
                agreed += 1
            except MediaError as fault:
                refused = fault
        if not agreed:
            raise refused

    def reanswer(self, content: bytes) -> bytes:
        """Our answer to a re-offer of the server, which may want less or from elsewhere. Raises MediaError."""
        theirs = sdp.parse(content)
        wish = Direction.INACTIVE if self.paused else Direction.SENDONLY
        answers: list[Description] = []
        for index, port in enumerate(self._ports[: len(theirs.media)]):
            only = replace(theirs, media=(theirs.media[index],))
            made, agreement = negotiation.answer(
                only, self._capabilities(port), credentials=port.credentials, wish=wish, previous=port.agreement
            )
            self._agree(port, agreement)
            answers.append(_labelled(made, 0, port.label))
        if len(answers) != len(theirs.media):
            raise BadDescription("a re-offer with other m-lines")
        return self._publish(answers)

    def _agree(self, port: _Port, agreement: Agreement) -> None:
        before, port.agreement = port.agreement, agreement
        self._studio.pump.submit([agreement.update_port(port.id, before=before, identity=port.credentials.dtls)])

    def _publish(self, described: Sequence[Description]) -> bytes:
        media: tuple[Media, ...] = tuple(one for each in described for one in each.media)
        self._session, body = self._session.publish(replace(described[0], media=media))
        return body

    def _capabilities(self, port: _Port) -> Capabilities:
        return Capabilities(
            codecs=tuple(self._codecs), address=self._address, rtp_port=port.reservation.port,
            rtcp_port=port.reservation.rtcp_port, ptime=self._ptime, dtmf=False, srtp=self._srtp,
        )  # fmt: skip

    def _heard(self, event: Event) -> None:
        if isinstance(event, PortFailed):
            self._failed()


def _labelled(description: Description, index: int, label: str) -> Description:
    media = list(description.media)
    media[index] = media[index].with_lines([*media[index].lines, Line("a", f"label:{label}")])
    return replace(description, media=tuple(media))
