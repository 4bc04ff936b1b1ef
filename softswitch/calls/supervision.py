"""Supervision across calls: who supervises whom, by page, by program and by phone; it stays while calls come and go (§9).

A `Watching` is one supervisor's work: on a call, on an agent with whatever call it has, or on the next call of a queue. What
a mode means for the ears of a call is `monitor.py` and `scene.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

import structlog

from softswitch.calls.call import Call
from softswitch.calls.ears import Ear, PhoneEar
from softswitch.calls.mix import Party, party_name
from softswitch.calls.outcome import Ending
from softswitch.calls.scene import PartyRole
from softswitch.calls.service import CallService
from softswitch.calls.supervision_devices import KEYS, PhoneRing, as_leg, page_of, phone_of
from softswitch.calls.switchboard import Switchboard
from softswitch.legs import base
from softswitch.legs.base import Leg
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, Unreachable
from softswitch.model.states import MonitorMode
from softswitch.model.views import CallView

log = structlog.get_logger("supervision")

Sees = Callable[[str, str, str], bool]
"""(supervisor, agent, queue) → whether the supervisor may supervise them; texts may be ""."""


class Follow(StrEnum):
    """With whom a supervisor stays when a call is transferred."""

    CUSTOMER = "customer"  # with the call, whoever has it
    AGENT = "agent"  # with the agent, in the next calls too


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a supervisor asks for: one of `call`, `agent`, `queue`, or (all empty) a conversation at random."""

    supervisor: str
    actor: str
    mode: MonitorMode
    device: str = ""
    """"browser" or "extension:N"; empty: where the supervisor listens now, else the browser."""
    call: str = ""
    agent: str = ""
    queue: str = ""
    follow: Follow = Follow.CUSTOMER


@dataclass(eq=False, slots=True)
class Watching:
    """One supervisor at work. `call` is None while it waits for one."""

    wish: Wish
    mode: MonitorMode
    since: float
    agent: str = ""
    call: Call | None = None
    ear: Ear | None = None
    taken: Party | None = None
    """Its part in the call that it has taken over."""
    ring: PhoneRing | None = None
    over: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def login(self) -> str:
        return self.wish.supervisor


@dataclass(frozen=True, slots=True)
class WatchView:
    """`state`: ringing (the supervisor's phone), waiting (for a call), supervising, talking (has taken over)."""

    supervisor: str
    mode: str
    state: str
    call: str
    agent: str
    queue: str
    device: str
    follow: str
    since: float


class Supervision:
    """Owned by the loop; one per node. `sees` says who may supervise whom, `choose` picks one of several at random."""

    def __init__(
        self, calls: CallService, board: Switchboard, choose: Callable[[Sequence[Call]], Call], sees: Sees = lambda *_: True
    ) -> None:
        self._calls = calls
        self._board = board
        self._choose = choose
        self._sees = sees
        self._watching: dict[str, Watching] = {}
        self._unwatch: Callable[[], None] | None = None
        self.on_change: Callable[[WatchView], None] = lambda _: None
        """Told of every change of a supervisor's work, its end too (mode "off")."""
        board.stations.on_change(self._device_changed)

    # orders

    def start(self, wish: Wish) -> WatchView:
        """Begins, or changes the mode of what goes on. One supervisor supervises one call at a time: the former one is left.

        Raises NotFound, Forbidden outside the supervisor's scope, Conflict when its device is not ready or nobody talks yet.
        """
        if wish.mode is MonitorMode.OFF:
            return self.stop(wish.supervisor, wish.actor)
        known = self._watching.get(wish.supervisor)
        if not wish.device:
            wish = replace(wish, device=known.wish.device if known is not None else "browser")
        if known is not None and self._is_same(known, wish):
            self._set_mode(known, wish.mode, wish.actor)
            return self.view(known)
        watching = self._planned(wish)
        if wish.mode is MonitorMode.TAKE_OVER and watching.call is None:
            raise Conflict("there is no conversation to take over", Refusal.NO_CONVERSATION)
        ear = self._ear(wish, known)
        if known is not None:
            self._end(known, wish.actor, keep=ear)
        self._watching[wish.supervisor] = watching
        if ear is None:
            watching.ring = PhoneRing(self._board, phone_of(wish.device))
            watching.ring.begin(partial(self._answered, watching), partial(self._unanswered, watching))
        else:
            self._adopt(watching, ear)
        self._follow_calls()
        return self._told(watching)

    def stop(self, supervisor: str, actor: str) -> WatchView:
        """Ends whatever this supervisor does, nothing too; who has taken or intercepted a call leaves it."""
        watching = self._watching.get(supervisor)
        if watching is None:
            for call in tuple(self._calls.each()):
                for party in [party for party in call.mix.parties if party.name == party_name(supervisor)]:
                    _leave(call, party, actor)
            return WatchView(supervisor, MonitorMode.OFF, "off", "", "", "", "browser", Follow.CUSTOMER, 0.0)
        self._end(watching, actor)
        return self.view(watching)

    def check(self, wish: Wish) -> None:
        """Whether the wish could be fulfilled now. Raises as `start`; nothing changes."""
        if self._planned(wish).call is None and wish.mode is MonitorMode.TAKE_OVER:
            raise Conflict("there is no conversation to take over", Refusal.NO_CONVERSATION)

    def on_phone(self, wish: Wish, ear: PhoneEar) -> Watching:
        """Begins with a phone that is connected already (a feature code). Raises as `start`; `over` is resolved at the end."""
        watching = self._planned(wish)
        known = self._watching.get(wish.supervisor)
        if known is not None:
            self._end(known, wish.actor)
        self._watching[wish.supervisor] = watching
        self._adopt(watching, ear)
        self._follow_calls()
        self._told(watching)
        return watching

    def of(self, supervisor: str) -> Watching | None:
        """What this supervisor does now."""
        return self._watching.get(supervisor)

    def views(self) -> list[WatchView]:
        return [self.view(watching) for watching in self._watching.values()]

    def view(self, watching: Watching) -> WatchView:
        state = "talking" if watching.taken else "ringing" if watching.ring else "supervising" if watching.call else "waiting"
        gone = self._watching.get(watching.login) is not watching
        return WatchView(
            supervisor=watching.login, mode=MonitorMode.OFF if gone else watching.mode.value, state="off" if gone else state,
            call=watching.call.id if watching.call else "", agent=watching.agent, queue=watching.wish.queue,
            device=watching.wish.device, follow=watching.wish.follow.value, since=watching.since,
        )  # fmt: skip

    # what is wanted

    def _is_same(self, known: Watching, wish: Wish) -> bool:
        """The wish only changes the mode of what goes on."""
        if known.wish.device != wish.device or known.taken is not None:
            return False
        if wish.call:
            return known.call is not None and known.call.id == wish.call
        return (wish.agent, wish.queue) == (known.wish.agent, known.wish.queue) and bool(wish.agent or wish.queue)

    def _planned(self, wish: Wish) -> Watching:
        """What the wish comes to now. Raises NotFound, Forbidden, Conflict."""
        watching = Watching(wish, wish.mode, self._board.clock.utc(), agent=wish.agent)
        if wish.call:
            watching.call = self._talking(self._calls.get(wish.call))
        elif wish.agent:
            self._check(wish, wish.agent, "")
            watching.call = next((call for call in self._conversations() if call.mix.agent(wish.agent)), None)
        elif wish.queue:
            self._check(wish, "", wish.queue)
        else:
            watching.call = self._at_random(wish)
        if watching.call is not None:
            watching.agent = wish.agent or watching.call.conversation.agent
            self._check(wish, watching.agent, watching.call.tally().queue)
        return watching

    def _talking(self, call: Call) -> Call:
        if not call.conversation.is_live:
            raise Conflict("nobody talks in this call yet", Refusal.NO_CONVERSATION)
        return call

    def _at_random(self, wish: Wish) -> Call:
        candidates = [
            call for call in self._conversations()
            if call.conversation.agent and self._sees(wish.supervisor, call.conversation.agent, call.tally().queue)
        ]  # fmt: skip
        if not candidates:
            raise Conflict("no agent of your scope talks now")
        return self._choose(candidates)

    def _conversations(self) -> Iterable[Call]:
        return (call for call in self._calls.each() if call.conversation.is_live)

    def _check(self, wish: Wish, agent: str, queue: str) -> None:
        if not self._sees(wish.supervisor, agent, queue):
            raise Forbidden("this conversation is not in your scope", Refusal.OUT_OF_SCOPE)

    # devices

    def _ear(self, wish: Wish, known: Watching | None) -> Ear | None:
        """The device that is ready, or None for a phone that has to be rung first. Raises Conflict, Invalid."""
        if known is not None and known.wish.device == wish.device and known.taken is None and known.ear is not None:
            return known.ear
        if phone_of(wish.device):
            return None
        return page_of(self._board, wish.supervisor)

    def _answered(self, watching: Watching, leg: Leg) -> None:
        """The supervisor's phone is there; the call may be over by now."""
        watching.ring = None
        if self._watching.get(watching.login) is not watching:
            leg.hang_up(Cause.NORMAL)
            return
        if watching.call is not None and not watching.call.conversation.is_live:
            watching.call = None
        ear = PhoneEar(watching.login, leg, self._board.media.pump.submit)
        self._adopt(watching, ear)
        if watching.call is None and not self._waits(watching):
            self._end(watching, watching.login)
            return
        self._told(watching)

    def _unanswered(self, watching: Watching, fault: Unreachable) -> None:
        watching.ring = None
        log.info("x supervisor's phone", login=watching.login, device=watching.wish.device, cause=fault.cause.word)
        if self._watching.get(watching.login) is watching:
            self._end(watching, watching.login)

    def _adopt(self, watching: Watching, ear: Ear) -> None:
        watching.ear = ear
        if isinstance(ear, PhoneEar):
            former = ear.leg.listener
            ear.leg.listener = partial(self._phone_heard, ear, former)
        if watching.call is not None:
            self._attach(watching, watching.call)

    def _phone_heard(self, ear: PhoneEar, former: base.Listener, event: base.LegEvent) -> None:
        watching = self._watching.get(ear.login)
        mine = watching is not None and watching.ear is ear
        if isinstance(event, base.DigitPressed) and watching is not None and mine:
            self._key(watching, event.digit)
            return
        if isinstance(event, base.Ended) and watching is not None and mine:
            self._end(watching, ear.login)
        former(event)

    def _key(self, watching: Watching, digit: str) -> None:
        """4 listen, 5 whisper, 6 barge, 7 take over, # end; other keys mean nothing."""
        mode = KEYS.get(digit)
        if mode is MonitorMode.OFF:
            self._end(watching, watching.login)
        elif mode is not None:
            try:
                self._set_mode(watching, mode, watching.login)
            except Conflict as fault:
                log.info("x key", login=watching.login, digit=digit, why=str(fault))

    def _device_changed(self, login: str) -> None:
        """A page has gone for good: nobody listens there any more."""
        watching = self._watching.get(login)
        if watching is None or watching.ear is None or isinstance(watching.ear, PhoneEar):
            return
        if self._board.stations.browsers.of(login) is not watching.ear:
            self._end(watching, login)

    # calls come and go

    def _attach(self, watching: Watching, call: Call) -> None:
        ear = watching.ear
        if ear is None:
            return
        watching.call = call
        call.monitors.on_left = self._call_over
        wish = watching.wish
        if watching.mode is MonitorMode.TAKE_OVER:
            call.monitors.set(ear, MonitorMode.LISTEN, target=watching.agent, actor=wish.actor, device=wish.device)
            self._take_over(watching, call, ear, wish.actor)
        else:
            call.monitors.set(ear, watching.mode, target=watching.agent, actor=wish.actor, device=wish.device)
        call.touched()

    def _detach(self, watching: Watching, actor: str) -> None:
        call, watching.call = watching.call, None
        if call is not None and watching.ear is not None:
            call.monitors.end(watching.ear, actor)
            call.touched()

    def _set_mode(self, watching: Watching, mode: MonitorMode, actor: str) -> None:
        """Raises Conflict."""
        if mode is MonitorMode.TAKE_OVER and watching.call is None:
            raise Conflict("there is no conversation to take over", Refusal.NO_CONVERSATION)
        if watching.taken is not None:
            raise Conflict("the call is taken over already", Refusal.TAKEN_ALREADY)
        watching.mode = mode
        if watching.call is not None and watching.ear is not None:
            if mode is MonitorMode.TAKE_OVER:
                self._take_over(watching, watching.call, watching.ear, actor)
            else:
                watching.call.monitors.set(watching.ear, mode, target=watching.agent, actor=actor)
            watching.call.touched()
        self._told(watching)

    def _call_over(self, ear: Ear) -> None:
        """The supervised call has ended."""
        for watching in tuple(self._watching.values()):
            if watching.ear is ear and watching.taken is None:
                watching.call = None
                if self._waits(watching):
                    self._told(watching)
                else:
                    self._end(watching, watching.login)

    def _waits(self, watching: Watching) -> bool:
        """Without a call it waits for the next one."""
        wish = watching.wish
        return wish.follow is Follow.AGENT or bool(wish.queue and not watching.agent) or (bool(wish.agent) and not wish.call)

    def _follow_calls(self) -> None:
        """Looks at changes of calls only while somebody needs it."""
        needed = any(self._waits(watching) for watching in self._watching.values())
        if needed and self._unwatch is None:
            self._unwatch = self._calls.watch(self._changed)
        elif not needed and self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _changed(self, view: CallView) -> None:
        """A call has changed: its agent may have left, or be the one somebody waits for."""
        try:
            call = self._calls.get(view.id)
        except NotFound:
            return
        for watching in tuple(self._watching.values()):
            if watching.call is call:
                if watching.wish.follow is Follow.AGENT and call.mix.agent(watching.agent) is None and watching.taken is None:
                    self._detach(watching, watching.login)
                    self._told(watching)
            elif watching.call is None and watching.ear is not None and self._fits(watching, call):
                watching.agent = watching.wish.agent or call.conversation.agent
                self._attach(watching, call)
                self._told(watching)

    def _fits(self, watching: Watching, call: Call) -> bool:
        if not call.conversation.is_live or not self._waits(watching):
            return False
        if watching.agent:
            return call.mix.agent(watching.agent) is not None
        tally = call.tally()
        return tally.queue == watching.wish.queue and (tally.connected_at or 0.0) >= watching.since

    def _end(self, watching: Watching, actor: str, *, keep: Ear | None = None) -> None:
        """The supervisor's work is over; its phone hangs up unless the next work needs it."""
        if self._watching.get(watching.login) is not watching:
            return
        del self._watching[watching.login]
        if watching.ring is not None:
            watching.ring.give_up()
        if watching.taken is not None and watching.call is not None:
            _leave(watching.call, watching.taken, actor)
        else:
            self._detach(watching, actor)
            if isinstance(watching.ear, PhoneEar) and watching.ear is not keep:
                watching.ear.leg.hang_up(Cause.NORMAL)
        if not watching.over.done():
            watching.over.set_result(None)
        self._follow_calls()
        self._told(watching)

    def _told(self, watching: Watching) -> WatchView:
        view = self.view(watching)
        self.on_change(view)
        return view

    # taking over

    def _take_over(self, watching: Watching, call: Call, ear: Ear, actor: str) -> None:
        """The supervisor is the agent party from now on, the agent leaves. Raises Conflict when there is no agent."""
        agent = call.mix.agent(watching.agent) or next((p for p in call.mix.parties if p.role is PartyRole.AGENT), None)
        if agent is None:
            raise Conflict("no agent is in this call")
        consulted = call.guests.consulted
        if consulted is not None and consulted.by is agent:
            call.guests.cancel(agent) if consulted.party is None else call.guests.merge(agent)
        leg = as_leg(ear, call.facts)
        call.monitors.become_party(ear, actor)
        party = watching.taken = Party(leg, PartyRole.AGENT, name=party_name(watching.login))
        party.parted = asyncio.get_running_loop().create_future()
        party.parted.add_done_callback(lambda _: self._end(watching, watching.login))
        call.conversation.join(party)
        call.part(agent, Ending("supervisor", Cause.SUPERVISOR))
        for held in [other for other in call.mix.parties if other.held and other.role is PartyRole.CUSTOMER]:
            call.conversation.hold(held, held=False, actor=actor)
        watching.mode = MonitorMode.TAKE_OVER

    # forced release

    def release_party(self, call_id: str, identity: str, *, reason: str, actor: str) -> None:
        """Ends one leg; when only one party would be left, the call ends. Raises NotFound, Invalid without a reason."""
        if not reason:
            raise Invalid("reason", "a forced release needs its reason")
        call = self._calls.get(call_id)
        guest = next((guest for guest in call.guests.ringing if guest.id == identity), None)
        if guest is not None:
            call.emit(ev.SupervisionReleased(actor=actor, reason=reason, agent=guest.agent))
            call.guests.remove(identity, actor="supervisor")
            return
        party = call.guests.party(identity)
        call.emit(ev.SupervisionReleased(actor=actor, reason=reason, leg=party.leg.id, agent=party.agent))
        if len(call.mix.parties) > 2:
            call.part(party, Ending("supervisor", Cause.SUPERVISOR))
        else:
            call.hang_up(Cause.SUPERVISOR, "supervisor", actor)


def _leave(call: Call, party: Party, actor: str) -> None:
    """Out of a call that was taken over or intercepted; with nobody else for the other party it ends."""
    if call.is_over:
        return
    call.monitors.part_over(party.name.partition(":")[2], actor)
    if party not in call.mix.parties:
        return
    if len(call.mix.parties) > 2:
        call.part(party, Ending("supervisor", Cause.NORMAL))
    else:
        call.hang_up(Cause.NORMAL, "supervisor", actor)
