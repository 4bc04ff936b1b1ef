"""One recording session: an INVITE to a server, re-INVITEs when the picture changes, other servers when one fails.

Nothing of it ever waits in the call: the recorded parties hear no difference whether a server is there or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from media.commands import Command
from media.errors import MediaError
from signalling import commands as sip
from signalling import events as sig
from signalling.errors import LocalProtocolError, TransportError
from softswitch.calls.mix import Mix, Party, party_name
from softswitch.calls.timeline import Timeline
from softswitch.legs import encryption
from softswitch.model.cause import Cause
from softswitch.model.events import SiprecEnded, SiprecFailed, SiprecStarted
from softswitch.model.target import Target
from softswitch.siprec.lines import LABELS, Lines
from softswitch.siprec.metadata import CONTENT_TYPE, Participant, Picture, body
from softswitch.siprec.model import ALARM, Desk, SiprecView

log = structlog.get_logger("siprec")

USER = "recorder"
"""Of the Request-URI; a trunk's `outbound.prefix` goes in front."""
REQUIRE = {"Require": "siprec"}
CONTACT = ";+sip.src"
RETRY_SECONDS = 30.0
"""Between two rounds through all servers when none takes the session."""
FIRST_RESPONSE = 2.0
"""A server that says nothing for so long is passed over, unless its trunk says otherwise."""
RING = 10.0
"""And one that does not answer."""
MOST_PARTICIPANTS = 64


class Session:
    """Owned by its outpost, on the loop: `begin`, `follow` at each change of the picture, `end`."""

    def __init__(self, session: str, desk: Desk, mix: Mix, timeline: Timeline, servers: Sequence[str], actor: str) -> None:
        self.id = session
        self.servers = tuple(servers)
        self.since = desk.clock.utc()
        self._desk = desk
        self._mix = mix
        self._timeline = timeline
        self._actor = actor
        self._lines = Lines(desk.studio, mix.group, self._port_lost)
        self._plan: list[Target] = []
        self._target: Target | None = None
        self._leg = ""
        self._answered = False
        self._paused = False
        self._over = False
        self._why = ""
        self._told: Picture | None = None
        self._telling: asyncio.Handle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._known: dict[str, Participant] = {}
        self._loop = asyncio.get_running_loop()
        self.on_leg: Callable[[str, str], None] = lambda _former, _leg: None
        """Told when the dialog changes: the former id and the new one, "" for none."""

    # orders

    def begin(self) -> None:
        """Tries the servers, one after another."""
        self._retry = None
        self._plan = list(self._desk.targets(self.servers, USER))
        if not self._plan:
            self._why = self._why or "no address of a recording server is known"
        self._next()

    def pause(self, *, paused: bool) -> None:
        """The lines fall silent, and are said to (a=inactive)."""
        if paused != self._paused:
            self._paused = self._lines.paused = paused
            self._told = None
            self._mix.submit(self.follow())

    def follow(self) -> list[Command]:
        """The batch part that lets the lines hear what the recorder would hear now; the server is told of changes soon."""
        picture = self._picture()
        if not self._answered:
            return []
        if picture != self._told and self._telling is None:
            self._telling = self._loop.call_soon(self._tell)
        return self._lines.hear(self._mix.channels)

    def end(self, reason: str) -> None:
        """It is over for good. Idempotent."""
        if self._over:
            return
        self._over = True
        for handle in (self._retry, self._telling):
            if handle is not None:
                handle.cancel()
        if self._leg:
            self._submit(sip.HangUp(self._leg))
        was = self._answered
        self._drop()
        self._timeline.emit(SiprecEnded(session=self.id, reason=reason if was else "unreached"))

    # the dialog

    def heard(self, event: sig.Event) -> None:
        """One event of signalling about its dialog."""
        match event:
            case sig.Answered(body=content) | sig.Modified(body=content):
                self._settle(content.content if content is not None else b"")
            case sig.ModifyRequested():
                self._asked(event)
            case sig.TransferRequested():
                self._submit(sip.TransferResult(self._leg, Cause.REJECTED.sip))
            case sig.Ended():
                self._lost(event)

    def _next(self) -> None:
        while self._plan:
            self._target = target = self._plan.pop(0)
            leg = str(self._desk.ids.leg())
            try:
                srtp = encryption.required(target.srtp, target.flow.transport)
                self._lines.open(target.flow.remote[0], target.codecs, target.ptime, srtp)
                self._invite(leg, target)
            except (MediaError, TransportError, LocalProtocolError) as fault:
                self._why = str(fault)
                log.warning("! recording server", session=self.id, server=target.address, why=self._why)
                self._lines.close()
                continue
            self._become(leg)
            return
        self._target = None
        self._failed()

    def _invite(self, leg: str, target: Target) -> None:
        self._told = picture = self._picture()
        host = self._host(target)
        self._desk.submit(
            sip.Invite(
                leg, target.uri, target.flow, sig.Identity(target.manners.sender or "softswitch", host), target.number,
                sig.Body(body(self._lines.offer(), picture), CONTENT_TYPE), login=target.login,
                timeout=RING, first_response=target.first_response or FIRST_RESPONSE, headers=REQUIRE, contact_params=CONTACT,
            )
        )  # fmt: skip

    def _become(self, leg: str) -> None:
        former, self._leg = self._leg, leg
        self.on_leg(former, leg)

    def _settle(self, content: bytes) -> None:
        target = self._target
        if self._over or target is None:
            return
        try:
            self._lines.take_answer(content)
        except MediaError as fault:
            self._why = str(fault)
            leg = self._leg
            self._drop()
            self._submit(sip.HangUp(leg))
            self._next()
            return
        if not self._answered:
            self._answered = True
            self._why = ""
            self._desk.report(target, True)
            self._desk.alarms.clear(ALARM, " ".join(self.servers))
            self._timeline.emit(
                SiprecStarted(session=self.id, server=target.address, trunk=target.name, labels=LABELS, actor=self._actor)
            )
        self._mix.submit(self.follow())

    def _asked(self, event: sig.ModifyRequested) -> None:
        """The server wants less, or its sound elsewhere; afterwards it gets the whole picture again."""
        if event.body is None:
            offer = body(self._lines.offer(), self._picture())
            self._submit(sip.AcceptModify(self._leg, sig.Body(offer, CONTENT_TYPE)))
            return
        try:
            answer = self._lines.reanswer(event.body.content)
        except MediaError as fault:
            log.info("! re-offer refused", session=self.id, why=str(fault))
            self._submit(sip.RejectModify(self._leg, Cause.INCOMPATIBLE.sip))
            return
        self._submit(sip.AcceptModify(self._leg, sig.Body(answer)))

    def _tell(self) -> None:
        """A re-INVITE with the picture as it is now; signalling keeps only the newest while one is under way."""
        self._telling = None
        if self._over or not self._answered:
            return
        self._told = picture = self._picture()
        self._submit(sip.Modify(self._leg, sig.Body(body(self._lines.offer(), picture), CONTENT_TYPE), REQUIRE))

    def _lost(self, event: sig.Ended) -> None:
        if self._over or event.by_us:
            return
        was, target = self._answered, self._target
        self._why = f"{event.status} {event.reason}".strip()
        log.warning("! recording server", session=self.id, server=target.address if target else "", why=self._why, lost=was)
        self._drop()
        if target is not None and (event.status == 408 or event.status >= 500):
            self._desk.report(target, False)
        if was:
            self._timeline.emit(SiprecEnded(session=self.id, reason="server" if event.status == 200 else "lost"))
            there = target.address if target is not None else ""
            self._plan = [one for one in self._desk.targets(self.servers, USER) if one.address != there]
        self._next()

    def _failed(self) -> None:
        """Nobody takes it: said once, tried again from time to time while the call lives."""
        text = f"no recording server of {' '.join(self.servers)} takes the session: {self._why}"
        self._desk.alarms.raise_(ALARM, "major", text, " ".join(self.servers))
        self._timeline.emit(SiprecFailed(session=self.id, servers=self.servers, why=self._why))
        self._retry = self._loop.call_later(RETRY_SECONDS, self.begin)

    def _port_lost(self) -> None:
        if not self._over and self._leg:
            self._why = "media"
            leg = self._leg
            self._drop()
            self._submit(sip.HangUp(leg))
            self._next()

    def _drop(self) -> None:
        self._answered = False
        self._told = None
        self._lines.close()
        if self._leg:
            self._become("")

    def _submit(self, command: sip.Command) -> None:
        try:
            self._desk.submit(command)
        except (LocalProtocolError, TransportError) as fault:
            log.warning("! command crossed the end of its session", command=type(command).__name__, why=str(fault))

    # what it shows

    def view(self) -> SiprecView:
        state = "waiting" if self._target is None else "connecting"
        if self._answered:
            state = "paused" if self._paused else "recording"
        return SiprecView(
            id=self.id, call=self._timeline.call, servers=self.servers, server=self._target.address if self._target else "",
            state=state, since=self.since, why=self._why,
        )  # fmt: skip

    def _host(self, target: Target) -> str:
        return self._desk.studio.address_for(target.flow.remote[0])

    def _picture(self) -> Picture:
        mix = self._mix
        channels = mix.channels
        now = self._desk.clock.utc()
        present = [
            self._participant(party.id, _user(party), _shown(party), party.port, channels, now, hears=not party.held)
            for party in mix.parties
        ]
        present += [
            self._participant(party_name(ear.login), ear.login, ear.login, ear.port, channels, now, hears=True)
            for ear in mix.supervisors
            if any(ear.port in channel for channel in channels)
        ]
        here = {one.id for one in present}
        for one in tuple(self._known.values()):
            if one.id not in here and not one.left:
                self._known[one.id] = replace(one, left=now, sends=(), hears=())
        self._known |= {one.id: one for one in present}
        while len(self._known) > MOST_PARTICIPANTS:
            del self._known[next(iter(self._known))]
        host = self._host(self._target) if self._target is not None else ""
        return Picture(
            call=self._timeline.call, host=host, since=self.since, labels=LABELS, participants=tuple(self._known.values())
        )

    def _participant(
        self, key: str, user: str, name: str, port: int, channels: Sequence[Mapping[int, float]], now: float, *, hears: bool
    ) -> Participant:
        known = self._known.get(key)
        joined = known.joined if known is not None and not known.left else now
        sends = () if self._paused else tuple(label for label, heard in zip(LABELS, channels, strict=False) if port in heard)
        others = tuple(label for label, heard in zip(LABELS, channels, strict=False) if heard.keys() - {port})
        return Participant(
            id=key, user=user, name=name, joined=joined, sends=sends, hears=others if hears and not self._paused else ()
        )


def _user(party: Party) -> str:
    """The user part of its address: the agent, the number, or what little is known."""
    facts = party.leg.facts
    return party.agent or (facts.caller if facts.inbound else facts.called) or "anonymous"


def _shown(party: Party) -> str:
    facts = party.leg.facts
    return (facts.caller_name if facts.inbound else "") or party.name
