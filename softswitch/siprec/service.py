"""The recording sessions of all calls: begun by rules and by hand, heard of by signalling, ended with their conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from signalling import events as sig
from softswitch.calls.call import Call
from softswitch.calls.mix import Mix
from softswitch.calls.timeline import Timeline
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.siprec.model import Desk, SiprecView
from softswitch.siprec.session import Session


class Siprec:
    """Owned by the loop. `outpost` is asked once by each call; `trunks` are the names that may be given."""

    def __init__(self, desk: Desk, trunks: Callable[[], Sequence[str]]) -> None:
        self._desk = desk
        self._trunks = trunks
        self._by_leg: dict[str, Session] = {}
        self._by_call: dict[str, Session] = {}

    def outpost(self, mix: Mix, timeline: Timeline) -> SiprecOutpost:
        """What the recorder of a call drives."""
        return SiprecOutpost(self, mix, timeline)

    def heard(self, event: sig.Event) -> bool:
        """Takes an event of signalling that is about a recording session; False for all others."""
        session = self._by_leg.get(getattr(event, "leg", ""))
        if session is None:
            return False
        session.heard(event)
        return True

    # orders by hand

    def start(self, call: Call, servers: Sequence[str], actor: str) -> SiprecView:
        """Records what goes on in the call now, to its end. The same servers again change nothing.

        Raises Conflict (nobody talks), Forbidden (the caller did not consent), Invalid (no such trunk).
        """
        unknown = [name for name in servers if name not in self._trunks()]
        if unknown or not servers:
            raise Invalid("servers", f"expected trunks, got {' '.join(unknown) or 'none'}")
        if call.recording_refused:
            raise Forbidden("the caller did not consent to being recorded")
        if not call.conversation.is_live:
            raise Conflict("nobody talks in this call")
        call.conversation.recorder.outpost.begin(servers, actor)
        return self.view(call)

    def stop(self, call: Call) -> None:
        """Raises NotFound when there is none."""
        self.view(call)
        call.conversation.recorder.outpost.part()

    def view(self, call: Call) -> SiprecView:
        """Raises NotFound."""
        session = self._by_call.get(call.id)
        if session is None:
            raise NotFound("no recording server records this call")
        return session.view()

    # for outposts

    def begin(self, mix: Mix, timeline: Timeline, servers: Sequence[str], actor: str) -> Session:
        """A new session, which tries its servers at once."""
        session = Session(self._desk.ids.siprec(), self._desk, mix, timeline, servers, actor)

        def moved(former: str, leg: str) -> None:
            self._by_leg.pop(former, None)
            if leg:
                self._by_leg[leg] = session

        session.on_leg = moved
        self._by_call[timeline.call] = session
        session.begin()
        return session

    def forget(self, session: Session, call: str) -> None:
        if self._by_call.get(call) is session:
            del self._by_call[call]


class SiprecOutpost:
    """The `calls.recorder.Outpost` of one call."""

    def __init__(self, siprec: Siprec, mix: Mix, timeline: Timeline) -> None:
        self._siprec = siprec
        self._mix = mix
        self._timeline = timeline
        self._session: Session | None = None

    @property
    def id(self) -> str:
        return self._session.id if self._session is not None else ""

    def begin(self, servers: Sequence[str], actor: str) -> None:
        if self._session is not None and self._session.servers == tuple(servers):
            return
        self.part()
        self._session = self._siprec.begin(self._mix, self._timeline, servers, actor)
        self._mix.sending = self._session.follow

    def pause(self, *, paused: bool) -> None:
        if self._session is not None:
            self._session.pause(paused=paused)

    def part(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._mix.sending = tuple
            self._siprec.forget(session, self._timeline.call)
            session.end("ended")
