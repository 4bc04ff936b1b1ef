"""A browser as a leg. One peer connection per session (`BrowserSession`) serves one call after another (`BrowserLeg`).

The page always offers (interfaces.md §4); between calls the port stays open in a group of its own, then moves into a call's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from media import browser, sdp
from media.commands import ClosePort, Listen, MovePort, PortKind, SendDtmf
from media.credentials import ice_credentials
from media.errors import BadDescription, MediaError, NotAcceptable
from media.events import DtlsState, Event, IceState, MediaLost, MediaResumed, MediaStarted, PortStats, Stats
from media.negotiation import Agreement
from softswitch.legs import base
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.rtp import from_engine
from softswitch.legs.studio import Studio
from softswitch.model.cause import Cause
from softswitch.model.errors import Busy, Invalid
from softswitch.model.identity import Person
from softswitch.model.ids import Ids, LegId
from softswitch.model.release import Release

_NO_ONE: dict[int, float] = {}


class BrowserSession:
    """The media of one page: `offer` from the first ready to sign-out, then `close`. Owned by the WebSocket's handler."""

    def __init__(self, studio: Studio, ids: Ids, *, kind: PartyKind, login: str = "", name: str = "") -> None:
        self.login = login
        self.name = name
        self.kind = kind
        self.idle_group = studio.ids.next()
        self.group = self.idle_group
        self.port = 0
        self.leg: BrowserLeg | None = None
        self.quality: PortStats | None = None
        self.on_moved: Callable[[int], None] | None = None
        """Told the old port when a reloaded page got a new one; set by who listens in without a leg (supervision)."""
        self._studio = studio
        self._ids = ids
        self._ice = ice_credentials()
        self._agreement: Agreement | None = None
        self._ours = browser.BrowserPort(studio.addresses(), 0, self._ice, studio.identity)
        self._forget: Callable[[], None] | None = None
        self._heard_now = False
        self._silenced_by = ""  # why nothing is heard in the present call; "" while something is, or nobody told

    @property
    def may_be_back(self) -> bool:
        """Whether the call needs nothing done about a lost connection: the person is heard, or the other side hears music."""
        return self._heard_now or bool(self._silenced_by)

    @property
    def ready(self) -> bool:
        """Whether the page has media and can be given a call."""
        return self.port != 0

    @property
    def codec(self) -> str:
        return self._agreement.codecs[0].name if self._agreement is not None else ""

    async def offer(self, text: str) -> str:
        """Answers the page's SDP offer. A second peer connection (a reloaded page) replaces the first, also during a call.

        Raises Invalid("sdp") for an offer that cannot be used, Busy when no port can be had.
        """
        try:
            theirs = sdp.parse(text)
            if self._agreement is not None and self._same_connection(theirs):
                return self._renegotiate(theirs)
            return self._connect(theirs)
        except (BadDescription, NotAcceptable) as fault:
            raise Invalid("sdp", str(fault)) from fault
        except MediaError as fault:
            raise Busy(f"the media engine takes nobody more: {fault}") from fault

    def _same_connection(self, theirs: sdp.Description) -> bool:
        media = next((part for part in theirs.media if part.kind == "audio"), None)
        return (
            media is not None and self._agreement is not None and sdp.fingerprint(theirs, media) == self._agreement.fingerprint
        )

    def _renegotiate(self, theirs: sdp.Description) -> str:
        before = self._agreement
        if before is not None and self._restarts_ice(theirs, before):
            # Who answers a restart takes new credentials as well (RFC 8839 §4.4.1.1); media goes on by the old path meanwhile.
            self._ours = replace(self._ours, ice=ice_credentials())
        answer, agreement = browser.answer(theirs, self._ours, previous=before)
        self._agreement = agreement
        self._studio.pump.submit([agreement.update_port(self.port, before=before, identity=self._studio.identity)])
        return sdp.write(answer).decode()

    @staticmethod
    def _restarts_ice(theirs: sdp.Description, before: Agreement) -> bool:
        media = next(part for part in theirs.media if part.kind == "audio")
        credentials = sdp.ice_credentials(theirs, media)
        return credentials is not None and before.ice is not None and credentials[0] != before.ice.remote_ufrag

    def _connect(self, theirs: sdp.Description) -> str:
        reservation = self._studio.pump.reserve(PortKind.WEBRTC, self.group)
        ours = browser.BrowserPort(
            self._studio.addresses(), reservation.port, ice_credentials(), self._studio.identity, ssrc=reservation.ssrc,
            tcp_port=self._studio.tcp_port,
        )  # fmt: skip
        answer, agreement = browser.answer(theirs, ours)
        old, self._ours, self._agreement, self._heard_now = self.port, ours, agreement, False
        self._drop_port()
        self.port = self._studio.ids.next()
        self.follow_port()
        self._studio.pump.submit(
            [agreement.open_port(self.port, reservation.token, identity=self._studio.identity, jitter=self._studio.jitter)]
        )
        if old and self.leg is not None:
            self.leg.listener(base.PortReplaced(old))
        if old and self.on_moved is not None:
            self.on_moved(old)
        return sdp.write(answer).decode()

    def follow_port(self) -> None:
        """Hears of the present port from now on."""
        self._forget = self._studio.pump.subscribe(self.port, self._heard)

    def close(self) -> None:
        """The page is gone for good: a call it was in sees its leg end. Idempotent."""
        leg = self.leg
        self._drop_port()
        self.port = 0
        self._agreement = None
        if leg is not None:
            leg.leave()

    def move(self, group: int) -> None:
        """Takes the port into another engine group and lets it hear nobody until it is told."""
        if group != self.group:
            self.group = group
            if self.port:
                self._studio.pump.submit([MovePort(self.port, group), Listen(self.port, _NO_ONE)])

    def go_idle(self) -> None:
        """Back to the session's own group, hearing nobody."""
        if self.port:
            self._studio.pump.submit([Listen(self.port, _NO_ONE)])
        self.move(self.idle_group)

    def send_digits(self, digits: str) -> None:
        if self.port:
            self._studio.pump.submit([SendDtmf(self.port, digits)])

    def quality_since(self, before: PortStats | None) -> PortStats | None:
        """The figures of one call on a port that stays through many: what was counted before it is taken off.

        The rating needs no such care: the engine judges anew when the port comes into a call.
        """
        now = self.quality
        if now is None or now is before or before is None or now.packets_received < before.packets_received:
            return now if now is not before else None
        return replace(
            now, packets_received=now.packets_received - before.packets_received,
            packets_sent=now.packets_sent - before.packets_sent, lost=max(0, now.lost - before.lost),
            concealed_ms=max(0, now.concealed_ms - before.concealed_ms),
        )  # fmt: skip

    def new_leg(self, facts: LegFacts) -> BrowserLeg:
        """The use of this session by one call. Raises Busy when it is in one already."""
        if self.leg is not None:
            raise Busy("this browser is in a call already")
        self._silenced_by = ""
        self.leg = BrowserLeg(self, self._ids.leg(), facts)
        return self.leg

    def _drop_port(self) -> None:
        if self._forget is not None:
            self._forget()
            self._forget = None
        if self.port:
            self._studio.pump.submit([Listen(self.port, _NO_ONE), ClosePort(self.port)])

    def _heard(self, event: Event) -> None:
        translated: base.LegEvent | None = from_engine(event)
        if isinstance(event, Stats):
            known, self.quality = self.quality, event.stats
            if (known.one_way if known is not None else "") != event.stats.one_way:
                translated = base.AudioChanged()
        if translated is not None and self.leg is not None:
            self.leg.listener(translated)
        match event:
            case MediaStarted() | MediaResumed():
                self._present(heard=True)
            case IceState(state="connected") if self._silenced_by == "unreachable":
                self._present(heard=False)
            case DtlsState(state="connected"):
                self._present(heard=False)
            case MediaLost():
                self._missing("silent")
            case IceState(state="disconnected"):
                self._missing("unreachable")
            case DtlsState(state="closed"):
                self._heard_now = False  # the page goes away; its silence says so soon, unless it was only reloaded

    def _present(self, *, heard: bool) -> None:
        self._heard_now = self._heard_now or heard
        was, self._silenced_by = self._silenced_by, ""
        if was and self.leg is not None and self.leg.is_answered:
            self.leg.listener(base.Returned())

    def _missing(self, reason: str) -> None:
        self._heard_now = False
        if not self._silenced_by and self.leg is not None and self.leg.is_answered:
            self._silenced_by = reason
            self.leg.listener(base.Absent(reason))


class BrowserLeg:
    """Use of a session by one call. An agent's leg is offered and accepted, that of a widget or dialling agent is inbound."""

    def __init__(self, session: BrowserSession, leg_id: LegId, facts: LegFacts) -> None:
        self.id = leg_id
        self.facts = facts
        self.listener: base.Listener = base.ignore
        self._session = session
        self._before = session.quality
        self._answered = False
        self._ended = False

    @property
    def port(self) -> int:
        return self._session.port

    @property
    def secured(self) -> str:
        return ""

    @property
    def quality(self) -> PortStats | None:
        return self._session.quality_since(self._before)

    @property
    def group(self) -> int:
        return self._session.group

    @property
    def fax(self) -> None:
        """A page has none."""
        return None

    @property
    def announces(self) -> int:
        return 0

    @property
    def codec(self) -> str:
        return self._session.codec

    @property
    def codecs(self) -> tuple[str, ...]:
        return (self._session.codec,) if self._session.codec else ()

    @property
    def is_answered(self) -> bool:
        return self._answered

    @property
    def is_ended(self) -> bool:
        return self._ended

    def refusal(self) -> Cause | None:
        return None if self._session.ready else Cause.MEDIA_FAILURE

    def ring(self, *, forwarded: bool = False) -> None:
        """The page is told by the call's events."""

    def open_early(self, *, prefer: str = "", q850: int = 0) -> None:
        """The page's media is up already."""

    def answer(self, *, prefer: str = "") -> None:
        self._answered = True

    def press(self, digits: str, *, carried: str = "") -> None:
        if not carried:
            self._session.send_digits(digits)

    def hold(self, *, held: bool) -> None:
        """Pages are told by the call's events."""

    @property
    def person(self) -> Person:
        return Person("")

    def shows(self, person: Person) -> None:
        """Pages are told by the call's events."""

    def report_transfer(self, status: int, slot: str = "") -> None:
        """A page asks for no transfers."""

    def refer(self, target: str, by: str) -> None:
        """A page has no network behind it; its facts say so."""

    def join(self, group: int) -> None:
        self._session.move(group)

    def hang_up(self, cause: Cause = Cause.NORMAL, *, retry_after: int = 0, release: Release | None = None) -> None:
        if not self._ended:
            self._ended = True
            self._session.leg = None
            self._session.go_idle()

    # what the page does

    def alerting(self) -> None:
        """The page rings."""
        if not self._answered and not self._ended:
            self.listener(base.Ringing())

    def accept(self) -> None:
        """The person takes the offered call. Nothing when it is over or taken already."""
        if not self._answered and not self._ended:
            self._answered = True
            self.listener(base.Answered())

    def reject(self) -> None:
        self._end(Cause.REJECTED)

    def leave(self) -> None:
        """The person hangs up, or the page is gone."""
        self._end(Cause.NORMAL if self._answered else Cause.CANCELLED if self.facts.inbound else Cause.UNREACHABLE)

    def dial_digits(self, digits: str) -> None:
        """Keys pressed on the page's keypad."""
        for digit in digits:
            if not self._ended:
                self.listener(base.DigitPressed(digit, "browser"))

    def _end(self, cause: Cause) -> None:
        if not self._ended:
            self.hang_up(cause)
            self.listener(base.Ended(cause))


class BrowserSessions:
    """The pages that are connected, by login; a widget's session belongs to nobody and is not listed."""

    def __init__(self, studio: Studio, ids: Ids) -> None:
        self._studio = studio
        self._ids = ids
        self._by_login: dict[str, BrowserSession] = {}
        self.on_change: Callable[[str], None] | None = None

    def of(self, login: str) -> BrowserSession | None:
        return self._by_login.get(login)

    def open(self, login: str, name: str = "") -> BrowserSession:
        """The session of a person; a page that connects again finds its former one."""
        session = self._by_login.get(login)
        if session is None:
            session = BrowserSession(self._studio, self._ids, kind=PartyKind.AGENT, login=login, name=name)
            self._by_login[login] = session
        return session

    async def offer(self, login: str, text: str, name: str = "") -> str:
        """`media.offer` of a person's page; see `BrowserSession.offer`."""
        answer = await self.open(login, name).offer(text)
        self._changed(login)
        return answer

    def widget(self) -> BrowserSession:
        """A session for one call of a customer's page."""
        return BrowserSession(self._studio, self._ids, kind=PartyKind.WIDGET)

    def close(self, login: str) -> None:
        """Sign-out, or the page did not come back in time."""
        session = self._by_login.pop(login, None)
        if session is not None:
            session.close()
            self._changed(login)

    def _changed(self, login: str) -> None:
        if self.on_change is not None:
            self.on_change(login)
