"""What a call knows of a party: the `Leg` protocol, its facts and its events. No SIP header and no SDP passes this border.

Commands (`ring`, `answer`, `hang_up`) are synchronous and idempotent; what happens is told to `listener`, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from media.events import PortStats
from media.negotiation import Fax
from softswitch.model.cause import Cause
from softswitch.model.identity import Diversion, Person
from softswitch.model.ids import LegId
from softswitch.model.release import Release


class PartyKind(StrEnum):
    """What sort of device or person is at the far end."""

    TRUNK = "trunk"
    PHONE = "phone"
    AGENT = "agent"  # an agent's or supervisor's browser
    WIDGET = "widget"  # a customer's browser


@dataclass(frozen=True, slots=True)
class LegFacts:
    """Who is at the other end; fixed for the life of the leg."""

    inbound: bool
    kind: PartyKind
    party: str  # trunk name, extension number, login; "" for a widget
    caller: str
    caller_name: str = ""
    called: str = ""
    sip_call_id: str = ""
    hops: int = 70  # how many more switches the call may pass (Max-Forwards)
    context: Mapping[str, str] = field(default_factory=dict)
    max_duration: float = 0.0  # seconds a conversation with this party may last; 0 = no limit
    channel: int = 0  # which of the trunk's channels the leg occupies, from 1
    lines: tuple[int, int] = (1, 0)  # first and last channel of its trunk group; (1, 0): no group
    hidden: bool = False  # the calling number is withheld from the called party (CLIR)
    withheld: str = ""  # that number, for peers that are trusted with it and for a trace; in no view and no record
    diverted: tuple[Diversion, ...] = ()  # who has sent the call on before, the first one first
    session_id: str = ""  # of the party's end (RFC 7989)
    headers: Mapping[str, str] = field(default_factory=dict)  # what its profile lets in
    may_refer: bool = False  # its device may send the other side elsewhere (REFER)
    sends_refer: bool = False  # its network can be asked to send it elsewhere
    early_two_way: bool = False  # the party hears the caller before it has answered
    identities: tuple[str, ...] = ()  # signed calling numbers (RFC 8224) that came with it and are not known to be wrong
    fax: Fax | None = None  # the call is a fax from its first message: no sound is offered (T.38)
    asserted: bool = False  # the trunk's network vouches for the calling number (P-Asserted-Identity of a trusted peer)

    @property
    def source(self) -> str:
        """The word of `CallCreated.source`."""
        return _SOURCE[self.kind]

    @property
    def account(self) -> str:
        """Who pays for what it calls outside: `extension:1001`, `agent:li`, `trunk:carrier`, `widget:`."""
        return f"{_ACCOUNT[self.kind]}:{self.party}"


_ACCOUNT = {
    PartyKind.PHONE: "extension", PartyKind.AGENT: "agent", PartyKind.TRUNK: "trunk", PartyKind.WIDGET: "widget",
}  # fmt: skip
_SOURCE = {PartyKind.TRUNK: "sip", PartyKind.PHONE: "sip", PartyKind.AGENT: "browser", PartyKind.WIDGET: "widget"}


@dataclass(frozen=True, slots=True)
class Ringing:
    status: int = 180
    tone: bool = False
    """The caller is to hear a tone of ours as early sound, whatever the far end sends (trunk `early_media = always_tone`)."""


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """The far end sends sound before it answers; the port is ready to be heard."""

    status: int = 183


@dataclass(frozen=True, slots=True)
class Answered:
    pass


@dataclass(frozen=True, slots=True)
class HeldByPeer:
    """The party pressed hold on its device. The other side hears music and is told nothing."""


@dataclass(frozen=True, slots=True)
class ResumedByPeer:
    pass


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A digit, by whatever means it came: `way` is rfc4733, inband, info or browser."""

    digit: str
    way: str
    duration: int = 0


@dataclass(frozen=True, slots=True)
class TransferWanted:
    """The party asks that the other side be sent to `number`, or joined to another call of its own.

    `replaces` names that call's dialog (RFC 3891): "call-id;to-tag=…;from-tag=…"; empty for a blind transfer. `user_to_user` is
    what the party wants told to whoever takes over (RFC 7433).
    """

    number: str
    replaces: str = ""
    user_to_user: str = ""
    leg: str = ""
    """The leg of ours that `replaces` names, when signalling has looked it up."""
    referred_by: str = ""
    """Who says that it sends the other side on (RFC 3892)."""


@dataclass(frozen=True, slots=True)
class TransferReported:
    """What became of a transfer that the party's network was asked for (`Leg.refer`): done with a status of 2xx alone."""

    status: int


@dataclass(frozen=True, slots=True)
class IdentityChanged:
    """The party is somebody else now: its network says so (a transfer on its side, RFC 4916). `Leg.person` tells who."""


@dataclass(frozen=True, slots=True)
class MediaFlows:
    """The first packet of the party was heard."""

    codec: str
    as_signalled: bool = True
    remote: str = ""  # where it came from, "ip:port"


@dataclass(frozen=True, slots=True)
class Secured:
    """The party's sound is encrypted from here on (the end of a DTLS handshake). `Leg.secured` tells it as well."""

    suite: str


@dataclass(frozen=True, slots=True)
class AudioChanged:
    """The party is not heard although it should be, or is heard again; `Leg.quality` says why."""


@dataclass(frozen=True, slots=True)
class PortFailed:
    """The engine lost the port; the leg cannot be heard any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class FaxWanted:
    """The party wants to turn the call into a fax (T.38). Whoever can pass it on says so at once: `FaxSide.take`."""

    fax: Fax


@dataclass(frozen=True, slots=True)
class FaxOver:
    """The party's network has gone back to voice by itself."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The far end is gone, or never came; nothing more comes from the leg. `status` is the final SIP status, 200 for a BYE."""

    cause: Cause
    status: int = 0
    retry_after: int = 0
    release: Release | None = None
    """What the peer said exactly, for the other side; None when it said nothing of its own."""
    reason: int = 0
    """The Q.850 cause that the peer wrote itself and is trusted with, 0 for none."""
    moved: str = ""
    """The number that it sends the caller to instead (a 3xx)."""
    places: tuple[str, ...] = ()
    """All addresses of a 3xx, as they came, the most wanted first."""


@dataclass(frozen=True, slots=True)
class PortReplaced:
    """The party came back with a new media port (a reloaded page): everybody has to be routed again."""

    old: int


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing is heard of the party any more, but it may come back: a page that reloads, a network that changes."""

    reason: str  # silent: its sound stopped; unreachable: ICE lost it; closed: its page went away


@dataclass(frozen=True, slots=True)
class Returned:
    """The absent party is heard again."""


LegEvent = (
    Ringing | EarlyMedia | Answered | HeldByPeer | ResumedByPeer | DigitPressed | TransferWanted | TransferReported
    | IdentityChanged | MediaFlows | Secured | PortReplaced | AudioChanged | PortFailed | Absent | Returned | FaxWanted
    | FaxOver | Ended
)  # fmt: skip

Listener = Callable[[LegEvent], None]


class FaxSide(Protocol):
    """The fax of one party: datagrams that pass through unchanged, to another party with a fax and to nobody else."""

    @property
    def is_on(self) -> bool:
        """The party sends and hears fax datagrams now."""

    @property
    def said(self) -> Fax:
        """What the party has said of its fax."""

    def take(self) -> None:
        """`FaxWanted` is answered later, by `accept` or `refuse`."""

    def accept(self, theirs: Fax) -> None:
        """The other end agrees, in these words. Before the answer of a call the words wait for it."""

    def refuse(self) -> None:
        """There is no fax (488); the voice goes on."""

    def offer(self, theirs: Fax, answered: Callable[[Fax | None], None]) -> None:
        """Asks the party for a fax; `answered` gets what it says of its own, None when it wants none."""

    def to_voice(self) -> None:
        """Brings the party back to voice. Nothing when it is there."""


class Leg(Protocol):
    """One party of a call. Owned by one call at a time, which is its `listener`."""

    listener: Listener

    @property
    def id(self) -> LegId: ...

    @property
    def facts(self) -> LegFacts: ...

    @property
    def port(self) -> int:
        """The engine's id of the media port; 0 while there is none."""

    @property
    def group(self) -> int:
        """The engine group that the port is in."""

    @property
    def announces(self) -> int:
        """The Q.850 cause that the far end's early sound explains, 0 for none."""

    @property
    def codec(self) -> str:
        """The agreed audio codec, '' before there is one."""

    @property
    def codecs(self) -> tuple[str, ...]:
        """Audio codecs that the party can do, best first, as far as known."""

    @property
    def secured(self) -> str:
        """The crypto-suite agreed on with a SIP peer; "" for plain RTP, and for pages, whose media is encrypted always."""

    @property
    def fax(self) -> FaxSide | None:
        """None where a fax is out of the question: pages, encrypted sound, networks that take none."""

    @property
    def quality(self) -> PortStats | None:
        """The engine's newest figures of the party's line, None before the first; they stay when the leg has ended."""

    @property
    def person(self) -> Person:
        """Who the party is to the other side; the number is "" for one that has none to show."""

    @property
    def is_answered(self) -> bool: ...

    @property
    def is_ended(self) -> bool: ...

    def ring(self, *, forwarded: bool = False) -> None:
        """Tells the party that the other side is alerting, or that it is being sent on (181). Nothing after an answer or early
        media."""

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        """Gives the party sound before the answer (183 with a body). `prefer` is the codec that saves transcoding, `q850` the
        cause that the sound explains (an announcement of the network), 0 for none.
        """

    def refusal(self) -> Cause | None:
        """Why an inbound leg cannot be served at all (no common codec), before anybody is rung; None when it can."""

    def answer(self, *, prefer: str = "") -> None:
        """Answers an inbound leg; a second call does nothing."""

    def press(self, digits: str, *, carried: str = "") -> None:
        """Sends digits to the party's device, in the way that it takes.

        `carried`: how the sound brings them already ("rfc4733", "inband"), so that none is sent twice.
        """

    def hold(self, *, held: bool) -> None:
        """Tells the party's network that it is on hold, or is back, where that wants to know. A repeat changes nothing."""

    def shows(self, person: Person) -> None:
        """Tells the party whom it talks to, with its answer or, when it has that, by itself. A repeat changes nothing."""

    def report_transfer(self, status: int, slot: str = "") -> None:
        """Tells a party that wanted a transfer what became of it (a SIP status), and the slot that its call is parked in."""

    def refer(self, target: str, by: str) -> None:
        """Asks the party's network to send it to a URI; `TransferReported` follows. `by`: the number of who sends it on."""

    def join(self, group: int) -> None:
        """Brings the port into an engine group, so that it can be heard there."""

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        """Ends the leg whatever its state and closes its media; the listener hears nothing more.

        `release` tells the party more exactly than `cause` can: what the other side's network has said.
        """


def ignore(_event: LegEvent) -> None:
    """The listener of a leg that nobody listens to yet."""
