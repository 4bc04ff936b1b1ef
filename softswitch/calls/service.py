"""The calls of the node: takes them in, places them, finds them for whoever watches, ends them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import structlog

from media.errors import MediaError
from softswitch.calls import direct
from softswitch.calls.call import Call, Step
from softswitch.calls.errand import Errand, StandIn
from softswitch.calls.mix import Party
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.ringing import devices
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.calls.transfer import CONFERENCE, blind, replace_party, send_away
from softswitch.calls.views import view
from softswitch.legs import base
from softswitch.legs.base import Leg, LegFacts, PartyKind
from softswitch.legs.browser import BrowserSession
from softswitch.legs.forked import ForkedLeg
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Busy, Conflict, Invalid, NotFound, Refusal, Unreachable
from softswitch.model.release import Release
from softswitch.model.views import CallView
from softswitch.routing.service import LONGEST_CALL, Admission

log = structlog.get_logger("calls")

Handler = Callable[[Call, Destination], Awaitable[Outcome]]
Handlers = Mapping[DestinationKind, Handler]

ENDING_SECONDS = 2.0
"""How long the calls of a node that goes down have for their BYE; recordings need a while after it."""


def _no_place(_code: str) -> Destination:
    """Without feature codes nobody can be sent to one."""
    raise Unreachable(Cause.UNALLOCATED)


_Watcher = tuple[Callable[[CallView], None], Callable[[], bool]]


def _always() -> bool:
    return True


def _some_seconds() -> int:
    """After which a refused caller may try again: not all at once (sip.md §3)."""
    return 5 + secrets.randbelow(11)


class CallService:
    """Owned by the loop. `handlers` is the table kind → coroutine that the composition root fills."""

    def __init__(
        self,
        board: Switchboard,
        admit: Callable[[LegFacts], Admission],
        handlers: Handlers,
        *,
        max_calls: int = 0,
        retry_after: Callable[[], int] = _some_seconds,
    ) -> None:
        self._board = board
        self._admit = admit
        self._handlers = handlers
        self._max_calls = max_calls
        self._retry_after = retry_after
        self.circling: Callable[[Leg], Cause | None] = lambda _leg: None
        """Whether a new call has been here before too often; the cause that refuses it then."""
        self.on_over: Callable[[Call], None] | None = None
        self.conference: Callable[[Call, Party], None] | None = None
        """A phone sends the other side to the conference: its other calls come to this one. Raises Conflict."""
        self.place_of_code: Callable[[str], Destination] = _no_place
        """Where a phone sends a call that it transfers to a feature code. Raises Unreachable when that is no place."""
        self._live: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self._watchers: list[_Watcher] = []
        self._dirty: dict[str, Call] = {}

    def __len__(self) -> int:
        return len(self._live)

    # new calls

    def admit(self, facts: LegFacts) -> Admission:
        """Where a call with these facts would go; what numbers, rights and lists say."""
        return self._admit(facts)

    def incoming(self, leg: Leg, destination: Destination | None = None, max_duration: float = LONGEST_CALL) -> Call | None:
        """A new inbound leg. Refused ones get their answer here; None for them.

        `destination` skips routing: a widget's token is bound to one, and to a `max_duration` (seconds).
        """
        bound = Admission(destination, max_duration=max_duration) if destination is not None else None
        admission = bound or self._admit(leg.facts)
        full = None if admission.is_emergency else self._full()
        cause = admission.cause if admission.destination is None else full or self.circling(leg) or leg.refusal()
        if cause is not None or admission.destination is None:
            self.refuse(leg, cause or admission.cause, admission.rule)
            return None
        agent = self._agent_behind(leg.facts, admission.destination)
        created = _created(leg, admission.destination, agent)
        return self._begin(leg, created, admission.destination, admission.max_duration, values=admission.values)

    def _agent_behind(self, facts: LegFacts, to: Destination) -> str:
        """The agent who dials: at its page, or with the keys of the phone it works at. A feature code is no call of its own."""
        if facts.kind is PartyKind.AGENT:
            return facts.party
        if facts.kind is not PartyKind.PHONE or to.kind is DestinationKind.FEATURE:
            return ""
        return self._board.desks.agent_at(f"extension:{facts.party}")

    async def originate(self, source: str, to: Destination, actor: str, *, how: str = "api") -> str:
        """Rings `source` ("agent:LOGIN" or "extension:N") first; when it answers, sends it to `to`. Returns the id at once.

        Raises Invalid for another kind of source, Conflict when it cannot be rung, Busy when the node is full or drains.
        """
        try:
            from_ = Destination.parse(source)
            if from_.kind is DestinationKind.OUTSIDE:
                raise Invalid("from", f"a call starts at an agent or an extension, not at {from_}")
            return self.place(from_, to, actor=actor, source=how).id
        except ValueError as fault:
            raise Invalid("from", str(fault)) from fault
        except Unreachable as fault:
            raise Conflict(str(fault)) from fault

    def place(
        self, from_: Destination, to: Destination, *, actor: str, source: str = "api", ring: float = 30.0, shown: str = "",
        alert: bool = False,
    ) -> Call:  # fmt: skip
        """The same for callers inside: the call itself, and Unreachable(cause) when `from_` cannot be rung.

        `from_` may also be an outside number: the switch calls somebody back. `shown` is the number that the first party sees.
        `alert`: a page rings, because the agent did not ask for this call.
        """
        if self._full() is not None:
            raise Busy("the switch takes no more calls", Refusal.FULL)
        if from_.kind not in (DestinationKind.AGENT, DestinationKind.EXTENSION, DestinationKind.OUTSIDE):
            raise Invalid("from", f"a call starts at an agent, an extension or an outside number, not at {from_}")
        leg = self._first_leg(from_, to, shown or to.name, alert=alert)
        back = from_.kind is DestinationKind.OUTSIDE
        created = ev.CallCreated(
            direction="out" if back or to.kind is DestinationKind.OUTSIDE or alert else "internal",
            caller=shown if back else from_.name, caller_name=leg.facts.caller_name,
            called=from_.name if back else shown or to.name or str(to), source=source, actor=actor, leg=leg.id,
            agent=from_.name if from_.kind is DestinationKind.AGENT else "",
        )  # fmt: skip
        return self._begin(leg, created, to, LONGEST_CALL, answer_within=ring)

    async def dial(self, login: str, text: str) -> str:
        """An agent dials at its page: a number as from a phone, or a written destination. Raises Invalid, Conflict, Busy."""
        if text and set(text) <= set("0123456789+*#"):
            admission = self._admit(LegFacts(inbound=True, kind=PartyKind.AGENT, party=login, caller=login, called=text))
            if admission.destination is None:
                raise Conflict(admission.cause.sentence)
            return await self.originate(f"agent:{login}", admission.destination, login, how="browser")
        try:
            to = Destination.parse(text)
        except ValueError as fault:
            raise Invalid("to", str(fault)) from fault
        return await self.originate(f"agent:{login}", to, login, how="browser")

    async def start_widget(
        self, session: BrowserSession, to: Destination, context: Mapping[str, str], name: str = "",
        max_duration: float = LONGEST_CALL,
    ) -> str:  # fmt: skip
        """A customer's page, whose media is up, calls a destination. Raises Busy, Conflict when it is refused."""
        facts = LegFacts(
            inbound=True, kind=PartyKind.WIDGET, party="", caller="web", caller_name=name, called=str(to), context=dict(context)
        )
        if self._full() is not None:
            raise Busy("the switch takes no more calls", Refusal.FULL)
        call = self.incoming(session.new_leg(facts), to, max_duration)
        if call is None:
            raise Conflict("the call was refused")
        return call.id

    def _first_leg(self, from_: Destination, to: Destination, shown: str, *, alert: bool) -> Leg:
        facts = LegFacts(inbound=False, kind=PartyKind.PHONE, party=from_.name, caller=shown, called=from_.name)
        if from_.kind is DestinationKind.AGENT and not alert:
            device = self._board.stations.device(from_.name)
            if device.session is not None:
                return self._page_leg(device.session, to)
        stages = devices(self._board, facts, from_, group=self._board.media.new_group(), prefer=())
        starts = [device.start for device in stages[0]]
        return starts[0](base.ignore) if len(starts) == 1 else ForkedLeg(starts, skips=(MediaError, Unreachable))

    def _page_leg(self, session: BrowserSession, to: Destination) -> Leg:
        """The agent asked for the call at this very page, so nothing rings: it is answered already."""
        leg = session.new_leg(
            LegFacts(inbound=True, kind=PartyKind.AGENT, party=session.login, caller=session.login, caller_name=session.name,
                     called=to.name)
        )  # fmt: skip
        leg.answer()
        return leg

    def _fetch(self, call: Call, to: Destination) -> Errand:
        """A place in a queue for somebody whom an agent wants to ask. Raises Busy when the node is full or drains."""
        if self._full() is not None:
            raise Busy("the switch takes no more calls", Refusal.FULL)
        facts = replace(call.facts, called=str(to), inbound=True)
        leg = StandIn(self._board.ids.leg(), facts, call.mix.group)
        created = ev.CallCreated(
            direction="internal", caller=facts.caller, caller_name=facts.caller_name, called=str(to), source="consult",
            leg=leg.id, actor=call.id, context=facts.context,
        )  # fmt: skip
        errand = Errand(self._begin(leg, created, to, LONGEST_CALL), call)
        errand.begin()
        return errand

    def _begin(
        self, leg: Leg, created: ev.CallCreated, to: Destination, max_duration: float, *, answer_within: float = 0.0,
        values: Mapping[str, str] = MappingProxyType({}),
    ) -> Call:  # fmt: skip
        call = Call(self._board, self._board.ids.call(), leg, self.visit)
        call.first = to.kind
        call.variables.update(values)
        call.seat(created.agent, outside=to.kind is DestinationKind.OUTSIDE)
        call.resolve_transfer = self._resolve_transfer
        call.join_calls = self._join_calls
        call.fetch = self._fetch
        task = asyncio.get_running_loop().create_task(self._serve(call, to, answer_within))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._live[call.id] = call
        call.on_event = self._changed
        call.begin(created, task, max_duration=max_duration)
        return call

    def _full(self) -> Cause | None:
        if self._draining:
            return Cause.SHUTDOWN
        if self._max_calls and len(self._live) >= self._max_calls:
            return Cause.CONGESTION
        return None

    def refuse(self, leg: Leg, cause: Cause, rule: str, release: Release | None = None) -> None:
        """Answers an identified caller that gets no call.

        It has a record all the same: created, rejected, ended. Only refusals of a full or draining switch leave one event
        each, because they come in floods.
        """
        limited = cause in (Cause.CONGESTION, Cause.SHUTDOWN)
        leg.hang_up(cause, retry_after=self._retry_after() if limited else 0, release=release)
        log.info("x refused", caller=leg.facts.caller, called=leg.facts.called, cause=cause.word, rule=rule)
        board = self._board
        rejected = ev.CallRejected(leg=leg.id, status=cause.sip, rule=rule or cause.word)
        if limited:
            board.journal(replace(rejected, at=board.clock.utc(), actor=leg.facts.party))
            return
        timeline = Timeline(board.ids.call(), board.journal, board.clock)
        timeline.emit(_created(leg, None))
        timeline.emit(rejected)
        timeline.emit(ev.CallEnded(who="system", cause=cause.word, q850=cause.q850, sip_status=cause.sip, actor="system"))

    # the task of a call

    async def visit(self, call: Call, destination: Destination) -> Outcome:
        """Runs the handler of a destination; `Call.go` counts and calls this."""
        return await self._handlers[destination.kind](call, destination)

    async def _serve(self, call: Call, destination: Destination, answer_within: float) -> None:
        call.started = True
        ending, step = call.ending, Step(destination)
        while ending is None:
            try:
                if answer_within:
                    wait, answer_within = answer_within, 0.0
                    await call.caller_answered(wait)
                outcome = await call.follow(step)
                ending = outcome.ending or Ending("system", outcome.cause)
                if call.conversation.is_live:  # the one that the handler waited for has left, others go on
                    ending = await call.conversation.rest()
                if (back := _deserted(call)) is not None:
                    ending, step = None, back
            except asyncio.CancelledError:
                ending, step = self._interrupted(call, step)
            except Unreachable as fault:
                ending = Ending("system", fault.cause)
            except Exception:  # the task supervisor of architecture.md §12: one broken call must not harm the others
                log.exception("! call failed", call=call.id)
                ending = Ending("system", Cause.TEMPORARY_FAILURE)
        self._over(call, call.ending or ending)

    def _interrupted(self, call: Call, step: Step) -> tuple[Ending | None, Step]:
        """A cancelled task: the call is over, or goes on elsewhere, or the loop is being closed."""
        task = asyncio.current_task()
        onward = call.take_onward()
        if onward is not None and task is not None:
            task.uncancel()
            return None, onward
        return call.ending or Ending("system", Cause.SHUTDOWN), step

    def _over(self, call: Call, ending: Ending) -> None:
        call.finish(ending)
        del self._live[call.id]
        if self.on_over is not None:
            self.on_over(call)

    def _resolve_transfer(self, by: LegFacts, number: str) -> Destination:
        """Where a party may send the other one: where it could call itself.

        A phone reaches the outside, somebody behind a trunk only the declared numbers: he must not call at our expense.
        """
        admission = self._admit(LegFacts(inbound=True, kind=by.kind, party=by.party, caller=by.caller, called=number))
        if admission.destination is None:
            raise Unreachable(admission.cause)
        to = admission.destination
        if by.kind is PartyKind.TRUNK and to.kind is DestinationKind.OUTSIDE:
            raise Unreachable(Cause.REJECTED)  # not even by a declared number that leads there
        if to.kind is DestinationKind.HANGUP:
            raise Unreachable(Cause.from_word(to.name))
        return self.place_of_code(to.name) if to.kind is DestinationKind.FEATURE else to

    def _join_calls(self, call: Call, party: Party, wanted: base.TransferWanted) -> None:
        """Attended transfer by a phone that has two calls: the other side of the second takes the phone's place in the first.

        Raises NotFound without such a dialog, Unreachable when it is another person's. One that only rings goes on ringing.
        """
        if wanted.number == CONFERENCE and self.conference is not None:
            self.conference(call, party)
            party.leg.report_transfer(200)
            return
        dialog = wanted.replaces.partition(";")[0]
        found = [
            (other, own)
            for other in self._live.values()
            for own in other.mix.parties
            if other is not call
            and own.leg.facts.party == party.leg.facts.party
            and (own.leg.id == wanted.leg if wanted.leg else own.leg.facts.sip_call_id == dialog)
        ]
        if not found and any(own.leg.id == wanted.leg for other in self._live.values() for own in other.mix.parties):
            raise Unreachable(Cause.FORBIDDEN)
        if not found or not dialog:
            raise NotFound("no call of this phone has that dialog")
        other, own = found[0]
        others = [third for third in other.mix.parties if third is not own]
        if len(others) != 1:
            self._join_ringing(call, party, other, wanted.number)
            return
        party.leg.report_transfer(200)
        third = others[0]
        if third.agent:
            self._board.desks.joined(third.agent, call.id, call.tally().queue)
        name, actor = third.name, party.agent or "callee"
        replace_party(call, party, other.give(third), name=name, agent=third.agent, actor=actor)

    def _join_ringing(self, call: Call, party: Party, other: Call, number: str) -> None:
        """The second call has not been answered: what rings there rings for the first call, without a message to it."""
        rings = next((dialling for dialling in other.alerting if dialling.ringing), None)
        actor = party.agent or "callee"
        if rings is None:
            other.hang_up(Cause.CANCELLED, "caller")
            blind(call, party, self._resolve_transfer(party.leg.facts, number), actor=actor, by_device=True)
            return
        to, back = Destination.parse(min(rings.ringing)), send_away(call, party, by_device=True)
        dialling = call.goes_on_ringing(rings, self._board.transfer_ring)
        other.hang_up(Cause.CANCELLED, "caller")
        call.emit(ev.CallTransferred(kind="attended", target=str(to), actor=actor))
        call.divert(lambda own: direct.reach(own, to, lambda: dialling), back=back)

    # who watches and steers

    def get(self, call_id: str) -> Call:
        """A live call. Raises NotFound."""
        call = self._live.get(call_id)
        if call is None:
            raise NotFound("no live call has this id")
        return call

    def find(self, call_id: str) -> Call | None:
        """A live call, None when there is none of this id."""
        return self._live.get(call_id)

    def all(self) -> list[Call]:
        """All live calls, oldest first."""
        return list(self._live.values())

    def each(self) -> Iterable[Call]:
        """The live calls, oldest first; take a copy before changing any."""
        return self._live.values()

    def live(self) -> list[CallView]:
        """All live calls, oldest first."""
        return [self._view(call) for call in self._live.values()]

    def view(self, call: str) -> CallView | None:
        """One live call, None when it is not live."""
        found = self._live.get(call)
        return self._view(found) if found is not None else None

    def watch(self, handler: Callable[[CallView], None], is_wanted: Callable[[], bool] = _always) -> Callable[[], None]:
        """Told of each change of a live call, several at once as one. Returns the function that stops it.

        `is_wanted`: whether there is anybody for whom the handler listens now; while nobody has any, no view is made.
        """
        watcher = (handler, is_wanted)
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def _view(self, call: Call) -> CallView:
        return view(call, self._board.clock.utc())

    def _changed(self, call: Call) -> None:
        if call.id in self._dirty:
            return
        for _, is_wanted in self._watchers:
            if is_wanted():
                break
        else:
            return
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self._tell)
        self._dirty[call.id] = call

    def _tell(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for call in dirty.values():
            if call.is_over:
                continue
            seen = self._view(call)
            for handler, _ in tuple(self._watchers):
                handler(seen)

    async def hang_up(self, call: str, actor: str, reason: str = "") -> None:
        """A supervisor or a program ends a call for everybody. Raises NotFound."""
        found = self.get(call)
        found.emit(ev.SupervisionReleased(actor=actor, reason=reason))
        found.hang_up(Cause.SUPERVISOR, "supervisor", actor)

    # the end

    def refuse_new(self) -> None:
        """From now on every new call gets 503."""
        self._draining = True

    async def drain(self, seconds: float) -> None:
        """Lets live calls go on for a while, then ends them; returns when all are over."""
        self._draining = True
        if self._tasks and seconds > 0:
            await asyncio.wait(self._tasks, timeout=seconds)
        for call in tuple(self._live.values()):
            call.hang_up(Cause.SHUTDOWN, "system")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=ENDING_SECONDS)


def _deserted(call: Call) -> Step | None:
    """The customer of an agent whose page was lost goes back to the head of the queue it came from."""
    queue = call.tally().queue
    if not call.deserted or not queue or call.ending is not None or call.caller.is_ended:
        return None
    call.deserted, call.front = False, True
    return Step(Destination(DestinationKind.QUEUE, queue))


def _created(leg: Leg, to: Destination | None, agent: str = "") -> ev.CallCreated:
    facts = leg.facts
    return ev.CallCreated(
        direction=_direction(facts, to), caller=facts.caller, caller_name=facts.caller_name, called=facts.called,
        trunk=facts.party if facts.kind is PartyKind.TRUNK else "", channel=facts.channel, source=facts.source,
        sip_call_id=facts.sip_call_id,
        context=facts.context, leg=leg.id, agent=agent or (facts.party if facts.kind is PartyKind.AGENT else ""),
    )  # fmt: skip


def _direction(facts: LegFacts, to: Destination | None) -> str:
    if facts.kind in (PartyKind.TRUNK, PartyKind.WIDGET):
        return "in"
    return "out" if to is not None and to.kind is DestinationKind.OUTSIDE else "internal"
