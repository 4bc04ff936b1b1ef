"""A call: one caller, whoever it is joined to, and the timeline. Handlers drive it as coroutines in its task.

Everything here is in the words of legs and media; SIP, the database and agents' states are others' business. When the caller
is gone (or a supervisor ends the call) the task is cancelled, so `finally` blocks of handlers release what they hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from media.commands import Command
from softswitch.calls import fax
from softswitch.calls.bridge import Conversation
from softswitch.calls.cdr import Tally, step
from softswitch.calls.dialling import Device, Dialling, Watch
from softswitch.calls.early import EarlySound
from softswitch.calls.guests import Guests
from softswitch.calls.journey import Journey
from softswitch.calls.mix import Mix, Party
from softswitch.calls.monitor import Monitors
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.referral import Referrals
from softswitch.calls.ringing import devices
from softswitch.calls.roles import first_party, heir, role_beside
from softswitch.calls.scene import PartyRole
from softswitch.calls.sound import Sound
from softswitch.calls.switchboard import Switchboard
from softswitch.calls.timeline import Timeline
from softswitch.calls.transfer import Return, come_back
from softswitch.legs import base
from softswitch.legs.base import Leg, LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, Refusal, Unreachable
from softswitch.model.identity import Diversion
from softswitch.model.ids import CallId
from softswitch.model.release import Release
from softswitch.model.states import CallState
from softswitch.recordings.rules import NOT_RECORDED, Contact, Decision, RecordingMode

if TYPE_CHECKING:
    from softswitch.calls.errand import Errand

log = structlog.get_logger("calls")

MAX_VISITS = 20
"""Destinations one call may be sent to, one after another, before it counts as a loop."""

_STATES: dict[type[ev.Event], CallState] = {
    ev.IvrEntered: CallState.IVR, ev.QueueEntered: CallState.WAITING, ev.CallConnected: CallState.TALKING,
    ev.ConferenceJoined: CallState.TALKING, ev.CallParked: CallState.HELD, ev.CallUnparked: CallState.IVR,
    ev.CallHeld: CallState.HELD, ev.CallResumed: CallState.TALKING,
    ev.CallEnded: CallState.ENDED,
}  # fmt: skip

Visit = Callable[["Call", Destination], Awaitable[Outcome]]
Work = Callable[["Call"], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Step:
    """What the call's task does next, and where the caller goes when nobody is reached there."""

    to: Destination | Work
    back: Return | None = None
    ring: float = 0.0


class Call:
    """Written by its task and by its legs' events, all on one loop. `visit` runs the handler of a destination."""

    def __init__(self, board: Switchboard, call_id: CallId, caller: Leg, visit: Visit) -> None:
        self.id, self.board = call_id, board
        self.language, self.recording_refused = "zh-CN", False
        self.variables: dict[str, str] = {}
        self.state, self.created_at = CallState.RINGING, board.clock.utc()
        self.ending: Ending | None = None
        self.first: DestinationKind | None = None
        """What kind of destination it came for."""
        self.started = False
        self.on_event: Callable[[Call], None] | None = None
        self.on_finished: Callable[[Cause], None] = lambda _cause: None
        self.before_end: list[Callable[[Call], None]] = []
        """Told when the call ends, before its last event."""
        self.fetch: Callable[[Call, Destination], Errand] | None = None
        """Fetches an agent out of a queue for this call."""
        self.journey = Journey()
        self.timeline = Timeline(call_id, board.journal, board.clock)
        self.mix = Mix(board.media, caller.group, caller)
        self.mix.anchor.name, self.mix.anchor.agent, self.mix.anchor.role = first_party(self.facts)
        self.sound = Sound(board.media, self.mix, self.timeline)
        self.early = EarlySound(self.mix, self.sound, self.emit)
        self.conversation = Conversation(board, self.mix, self.timeline, self.sound, self.emit)
        self.referrals = Referrals(self)
        self.monitors = Monitors(self.mix, self.timeline, self.conversation)
        self.conversation.on_recording = self.monitors.refresh
        self.conversation.on_left = self._left
        self.guests = Guests(self)
        self.alerting: list[Dialling] = []
        """What rings for the caller now; any number of devices together."""
        self._visit, self._visits = visit, 0
        self._progress: set[tuple[int, bool]] = set()
        self._tally: Tally | None = None
        self._tallied = 0
        self._onward: Step | None = None
        self.back: Return | None = None
        """Where it goes when nobody takes it: set while a transfer is on its way or parked."""
        self.ring_within = 0.0
        """Seconds that people are rung at most; 0 = what is usual for the destination."""
        self.deserted = False
        """The agent who left last has not hung up: its connection was lost for good."""
        self.slot = ""
        """Where it is parked."""
        self.front = False
        """The next queue takes the caller at its head (a transfer came back, an agent was lost)."""
        self._given: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._answer_waiter: asyncio.Future[None] | None = None
        self.join_calls: Callable[[Call, Party, base.TransferWanted], None] | None = None
        """An attended transfer by a phone that has two calls: the other call is named by its dialog."""
        self.resolve_transfer: Callable[[LegFacts, str], Destination] = _nowhere

    # what it is

    @property
    def caller(self) -> Leg:
        """The party that the task serves: who called, or the customer whom an agent has called and left to somebody else."""
        return self.mix.anchor.leg

    @property
    def facts(self) -> LegFacts:
        """Who calls. A party that the switch rang first (an originated call) is the caller all the same."""
        facts = self.caller.facts
        if not facts.inbound:
            facts = replace(facts, inbound=True, caller=facts.called, called=facts.caller)
        facts = self.journey.told(facts)
        return replace(facts, hidden=True) if self.variables.get("clir") == "on" else facts

    @property
    def is_answered(self) -> bool:
        return self.caller.is_answered

    @property
    def is_internal(self) -> bool:
        """Between people of the house."""
        return self.tally().created.direction == "internal"

    @property
    def is_over(self) -> bool:
        return self.state is CallState.ENDED

    def emit(self, event: ev.Event) -> None:
        """Adds a fact to the timeline; number, time and call are stamped here."""
        self.state = _STATES.get(type(event), self.state)
        self.timeline.emit(event)
        if self.on_event is not None:
            self.on_event(self)

    def tally(self) -> Tally:
        """What the timeline says so far; only what is new is folded."""
        events = self.timeline.events
        if self._tally is None:
            created = events[0]
            if not isinstance(created, ev.CallCreated):
                raise TypeError("a timeline starts with call.created")
            self._tally, self._tallied = Tally(created, trunk=created.trunk, agent=created.agent), 1
        while self._tallied < len(events):
            step(self._tally, events[self._tallied])
            self._tallied += 1
        return self._tally

    # life

    def begin(self, created: ev.CallCreated, task: asyncio.Task[None], *, max_duration: float) -> None:
        """The first event, and from here on the caller's leg is listened to."""
        self._task = task
        self.emit(created)
        self.caller.listener = self._caller_heard
        self.limit(max_duration)

    def seat(self, agent: str, *, outside: bool) -> None:
        """Whose call it is: an agent's who has placed it. Whom it calls outside is the customer then."""
        if agent:
            self.mix.anchor.agent = agent
            self.mix.anchor.role = PartyRole.AGENT if outside else self.mix.anchor.role

    def limit(self, seconds: float) -> None:
        """The call ends this much from now at the latest; a limit that is nearer stays. 0 changes nothing."""
        if not seconds:
            return
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        if self._limit is None or ends < self._limit.when():
            if self._limit is not None:
                self._limit.cancel()
            self._limit = loop.call_at(ends, self.hang_up, Cause.MAX_DURATION, "system")

    async def go(self, destination: Destination) -> Outcome:
        """Sends the caller to a destination and returns when that is over. Raises Unreachable(LOOP) after too many."""
        self._visits += 1
        if self._visits > MAX_VISITS:
            log.warning("! call goes round in circles", call=self.id, to=str(destination))
            raise Unreachable(Cause.LOOP)
        self.referrals.goes_to(destination)
        return await self._visit(self, destination)

    def hang_up(self, cause: Cause = Cause.NORMAL, who: str = "system", actor: str = "") -> None:
        """Ends the call from outside of its task. The first one who ends it counts."""
        if self.ending is None:
            self.ending = Ending(who, cause)
            if actor:
                self.variables["ended_by"] = actor
            self._interrupt()

    def redirect(
        self, destination: Destination, *, kind: str = "blind", actor: str = "", back: Return | None = None, ring: float = 0.0
    ) -> None:
        """Takes the caller away from where it is and sends it elsewhere. `ring`: seconds that people may be rung there.

        When nobody is reached it goes `back`, or the call ends.
        """
        if self.ending is None:
            self.emit(ev.CallTransferred(kind=kind, target=str(destination), actor=actor))
            self._onward = Step(destination, back, ring)
            self.guests.dismiss()
            self._interrupt()

    def divert(self, work: Work, *, back: Return | None = None) -> None:
        """Takes the caller away from where it is; the call's task does this instead (a pick-up). `back`: see `redirect`."""
        if self.ending is None:
            self._onward = Step(work, back)
            self.guests.dismiss()
            self._interrupt()

    def take_onward(self) -> Step | None:
        """Where an interrupted task has to go on; None when the interruption is the end."""
        step, self._onward = self._onward, None
        return step if self.ending is None else None

    async def follow(self, step: Step) -> Outcome:
        """One step of the call's task. Raises Unreachable when there is no way back."""
        self.back, self.ring_within = step.back, step.ring
        try:
            if self.referrals.waiting is not None and isinstance(step.to, Destination):
                await self.music()
            outcome = await (self.go(step.to) if isinstance(step.to, Destination) else step.to(self))
        except Unreachable as fault:
            if step.back is None:
                raise
            outcome = Outcome.failed(fault.cause)
        if outcome.ending is None and self.back is not None and not self.conversation.is_live:
            self.ring_within = 0.0
            return await come_back(self, self.back, outcome)
        return outcome

    def _interrupt(self) -> None:
        # A task that has not run yet would vanish without a trace when cancelled; it looks at `ending` first.
        if self.started and self._task is not None and not self._task.done():
            self._task.cancel()

    def finish(self, ending: Ending) -> None:
        """The last act of the task: legs and media are released, the record is closed."""
        self.ending = ending
        if self._limit is not None:
            self._limit.cancel()
        self.guests.dismiss()
        for told in self.before_end:
            told(self)
        self.conversation.dismiss(ending)
        self.sound.silence()
        self.conversation.end_recording()
        self.monitors.dismiss()
        answered = self.tally().answered_at is not None
        if not self.has_given(self.caller):  # else another call listens to it
            self.caller.listener = base.ignore
        release = self.conversation.told(ending.cause)
        if not self.caller.is_ended and not self.has_given(self.caller):
            self.caller.hang_up(ending.cause, release=release)
        if answered:
            self.conversation.judge(self.caller)
        refused, q850 = (release.status, release.q850) if release is not None else (ending.cause.sip, ending.cause.q850)
        status = 200 if answered else 487 if ending.cause is Cause.CANCELLED else refused
        self.emit(ev.CallEnded(
            who=ending.who, cause=ending.cause.word, q850=q850, sip_status=status,
            actor=self.variables.get("ended_by", ending.who),
        ))  # fmt: skip
        self.on_finished(ending.cause)

    # the caller

    async def ring(self) -> None:
        """Tells the caller that somebody is being alerted."""
        if not self.caller.is_answered:
            self.caller.ring()

    async def answer(self, *, prefer: str = "") -> None:
        """The switch takes the call; nothing when it did already."""
        self._answer(prefer)

    def _answer(self, prefer: str = "") -> None:
        if not self.caller.is_answered:
            self.caller.answer(prefer=prefer)
            self._note_answer()

    def _note_answer(self) -> None:
        if self.caller.is_answered:
            self.emit(ev.CallAnswered(party="caller", leg=self.caller.id))
            self.conversation.note_secured(self.caller)
            if self.state is CallState.RINGING:
                self.state = CallState.IVR

    async def caller_answered(self, timeout: float) -> None:  # noqa: ASYNC109
        """For a call that the switch itself places: waits until the first party takes it. Raises Unreachable."""
        if not self.caller.is_answered:
            self._answer_waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._answer_waiter
            except TimeoutError:
                raise Unreachable(Cause.NO_ANSWER) from None
        self._note_answer()

    async def play(self, prompts: Sequence[str], *, language: str = "", stop_on_key: bool = False) -> str:
        """Plays prompts; returns why they ended: done, digit, stopped, error. Before the answer they are early media."""
        self.caller.open_early()
        return await self.sound.play(prompts, language or self.language, stop_on_key=stop_on_key)

    async def collect(
        self, max_digits: int = 1, *, seconds: float = 5.0, inter_digit: float = 3.0, finish_on: str = "#"
    ) -> str:
        """The caller's next keys, those pressed ahead first; "" when none came within `seconds`."""
        return await self.sound.collect(max_digits, seconds=seconds, finish_on=finish_on, inter_digit=inter_digit)

    def forget_digits(self) -> None:
        """Drops keys that were pressed ahead."""
        self.sound.forget_digits()

    async def music(self, name: str = "default") -> None:
        """Music for the caller until it is bridged, hears something else, or `stop_music`."""
        self.caller.open_early()
        await self.sound.music(name)

    def stop_music(self) -> None:
        self.sound.silence()
        self.mix.apply()

    # others

    def dialling(self, destination: Destination, *, timeout: float = 0.0, quiet: bool = False, answers: bool = False,
                 on_ringing: Callable[[], None] | None = None) -> Dialling:  # fmt: skip
        """Rings a destination: `async with call.dialling(to) as leg`. `timeout` is seconds, 0 for the trunk's own.

        `quiet` leaves the caller's ears alone (music in a queue); otherwise it hears ringing or the far end's early media.
        `answers`: an agent's phone is asked to answer by itself. The block raises Unreachable(cause) when nobody answers.
        """

        quiet = quiet or self.referrals.waiting is not None  # who is being transferred has its music
        stages = devices(
            self.board,
            self.calling(destination),
            destination,
            group=self.mix.group,
            prefer=self.caller.codecs,
            answers=answers,
        )
        return self._dialling(stages, timeout, quiet=quiet, on_ringing=on_ringing)

    def goes_on_ringing(self, other: Dialling, seconds: float) -> Dialling:
        """What rings for another call rings for this one from here on, and its caller hears so."""
        dialling = self._dialling(((),), seconds, quiet=False)
        dialling.take_over(other, self.mix.group)
        return dialling

    def _dialling(self, stages: Sequence[Sequence[Device]], timeout: float, *, quiet: bool,
                  on_ringing: Callable[[], None] | None = None) -> Dialling:  # fmt: skip
        def progress(leg: Leg | None, status: int) -> None:
            if on_ringing is not None:
                on_ringing()
            self.referrals.rings()
            self.early.progress(leg, status, quiet=quiet)

        end_early = _leave_as_it_is if quiet else self.early.end
        self.alerting = [other for other in self.alerting if other.ringing]
        watch = Watch(progress, self.board.report, _leave_as_it_is if quiet else self.early.tone)
        dialling = Dialling(
            self.timeline, stages, timeout, watch, end_early=end_early, is_in_call=self.keeps,
            on_failed=self._far_end_failed, on_moved=self.journey.move, is_taken=self.is_picked_up,
            taken_back=lambda: self.conversation.said,
        )  # fmt: skip
        self.alerting.append(dialling)
        return dialling

    def calling(self, destination: Destination) -> LegFacts:
        """Who calls, for the devices that are rung. A caller who is sent outside is announced as forwarded by its number."""
        facts = self.facts
        if told := self.variables.get("user_to_user", ""):
            facts = replace(facts, headers={**facts.headers, "User-To-User": told})
        shown = self.variables.get("outside_number", "")
        if shown and destination.kind is DestinationKind.OUTSIDE and facts.kind is not PartyKind.TRUNK:
            return replace(facts, caller=shown)
        if destination.kind is not DestinationKind.OUTSIDE or facts.kind is not PartyKind.TRUNK or not facts.called:
            return facts
        if self.journey.diverted:
            return facts  # a person has sent it on and stands there already
        return replace(facts, diverted=(*facts.diverted, Diversion(facts.called)))

    def _far_end_failed(self, release: Release | None) -> None:
        self.conversation.said = release

    async def bridge(self, leg: Leg, *, record: bool = False, agent: str = "", queue: str = "", other: str = "") -> Ending:
        """Joins caller and leg until one of them goes; returns who went when it was not the caller (that ends the task).

        What is recorded (stereo, from here to the end) is for the rules to say, or `record` where neither a rule nor a queue
        says anything. `other` is the written destination, for the record. Whoever else was brought
        into the conversation meanwhile goes on after this leg has left (`conversation.is_live`); the service waits for them.
        """
        self.early.joined()
        self.caller.shows(leg.person)
        is_fax = fax.meet(self.caller, leg)
        self._answer(leg.codec)
        name = other or (f"agent:{agent}" if agent else f"{leg.facts.kind}:{leg.facts.party}")
        self.limit(leg.facts.max_duration)
        self.emit(ev.CallConnected(other=name, leg=leg.id, agent=agent, queue=queue))
        self.referrals.taken()
        party = Party(leg, role_beside(self.mix.anchor, agent), name=name, agent=agent)
        if is_fax:
            self.conversation.fax.begins(self.mix.anchor, party)
        try:
            decision = self.recording_decision(agent, queue, record=record) if not is_fax else NOT_RECORDED
            return await self.conversation.talk(party, decision)
        finally:
            if not self.conversation.is_live:
                self.monitors.stop_recordings()
                if self.ending is None:
                    self.state = CallState.IVR

    # recording

    def contact(self, *, agent: str = "", queue: str = "") -> Contact:
        """What the rules of recording look at."""
        created = self.tally().created
        number = {"in": created.caller, "out": created.called}.get(created.direction, "")
        return Contact(
            call=self.id, queue=queue, agent=agent or self.mix.anchor.agent, number=number, direction=created.direction,
            trunk=self.tally().trunk, refused=self.recording_refused,
        )  # fmt: skip

    def recording_decision(self, agent: str, queue: str, *, record: bool = False) -> Decision:
        """What becomes of a conversation with this agent; `record`, or what a flow said, counts when nobody else decides."""
        decision = self.board.recording.decide(self.contact(agent=agent, queue=queue))
        wanted = record or self.variables.get("record") == "on"
        return Decision(RecordingMode.ALWAYS) if wanted and not decision.rule else decision

    def consent_prompt(self, queue: str) -> str:
        """The prompt with which a waiting caller is asked before it is joined; "" for none. `REFUSE_KEY` means no."""
        return self.board.recording.consent_prompt(self.contact(queue=queue))

    def refuse_recording(self) -> None:
        """The caller does not consent: whatever rules say, nothing of this call is recorded from now on."""
        if not self.recording_refused:
            self.recording_refused = True
            self.emit(ev.CallData(values={"recording": "refused"}, actor="caller"))

    def hold(self, *, actor: str = "agent") -> None:
        """The customer hears music. Raises Conflict when there is no conversation."""
        self._hold(held=True, actor=actor)

    def resume(self, *, actor: str = "agent") -> None:
        """The customer is back. Raises Conflict when there is no conversation."""
        self._hold(held=False, actor=actor)

    def _hold(self, *, held: bool, actor: str) -> None:
        if not self.conversation.is_live:
            raise Conflict(f"there is no conversation to {'hold' if held else 'resume'}", Refusal.NO_CONVERSATION)
        for party in [party for party in self.mix.parties if party.role is PartyRole.CUSTOMER] or [self.mix.anchor]:
            self.conversation.hold(party, held=held, actor=actor)

    def is_picked_up(self) -> bool:
        return self._onward is not None and not isinstance(self._onward.to, Destination)

    def move_anchor(self, party: Party) -> Party:
        """From now on the call serves this party; returns the one it served before, which goes on as a party like any other."""
        former = self.conversation.move_anchor(party)
        party.leg.listener = self._caller_heard
        return former

    def part(self, party: Party, ending: Ending, *, hang_up: bool = True, before: Sequence[Command] = ()) -> None:
        """A party leaves and the others go on; who is served is another one when this party was it."""
        if party is self.mix.anchor:
            next_one = heir(self.conversation.others)
            if next_one is None:
                raise Conflict("nobody else is in the call")
            self.move_anchor(next_one)
        self.conversation.leave(party, ending, hang_up=hang_up, before=before)

    def keep(self, leg: Leg) -> None:
        """A leg that is no party for now lives on; `takes_back` ends that."""
        self._given.add(leg.id)

    def takes_back(self, leg: Leg) -> None:
        self._given.discard(leg.id)

    def note(self, values: dict[str, str], *, actor: str) -> None:
        """Data of the call: goes with it through every transfer and into the record."""
        self.variables.update(values)
        self.emit(ev.CallData(values=values, actor=actor))

    def give(self, party: Party) -> Leg:
        """Takes a party's leg out of this call alive, for another call; without anybody left this call ends."""
        self._given.add(party.leg.id)
        if party is self.mix.anchor:
            party.leg.listener = base.ignore
            self.hang_up(Cause.NORMAL, "system")
        else:
            self.conversation.leave(party, Ending("system", Cause.NORMAL), hang_up=False)
        return party.leg

    def has_given(self, leg: Leg) -> bool:
        """Whether the leg lives on in another call."""
        return leg.id in self._given

    def keeps(self, leg: Leg) -> bool:
        """Whether a leg goes on without whoever has dialled it: a party of this call, or given to another one."""
        return self.mix.party_of(leg) is not None or self.has_given(leg)

    def touched(self) -> None:
        """Something that views show has changed without an event."""
        if self.on_event is not None:
            self.on_event(self)

    def _left(self, party: Party, _ending: Ending) -> None:
        """An agent whom no handler waits for is released here; the others by the handler that has brought them in."""
        if party.agent and party.parted is None:
            self.board.desks.released(party.agent, self.id)
        self.deserted = bool(party.agent) and self.board.desks.is_lost(party.agent)
        if self.ending is None and self._onward is None:  # else the call goes elsewhere, and the guests with it
            self.guests.left(party)
            self.touched()

    # the caller's leg

    def _caller_heard(self, event: base.LegEvent) -> None:
        match event:
            case base.Ended(cause=cause, release=release):
                self.conversation.said = release
                self._caller_gone(cause)
            case base.Answered():
                if self._answer_waiter is not None and not self._answer_waiter.done():
                    self._answer_waiter.set_result(None)
            case base.DigitPressed():
                self.conversation.digit(self.mix.anchor, event)
                if not self.mix.talking:
                    self.sound.pressed(event.digit)
                    self.early.press(event.digit)
            case base.HeldByPeer() | base.ResumedByPeer():
                self.conversation.device_held(self.mix.anchor, held=isinstance(event, base.HeldByPeer))
            case base.MediaFlows() | base.AudioChanged():
                self.conversation.flowing(self.caller, event)
            case base.TransferWanted():
                self.referrals.wanted(self.mix.anchor, event)
            case base.PortFailed():
                self.hang_up(Cause.MEDIA_FAILURE)
            case _:
                self.conversation.noticed(self.mix.anchor, event)

    def _caller_gone(self, cause: Cause) -> None:
        if self._answer_waiter is not None and not self._answer_waiter.done():
            self._answer_waiter.set_exception(Unreachable(cause))
            return
        others = self.conversation.others
        asks = self.guests.consulted is not None and self.guests.consulted.by is self.mix.anchor
        if len(others) > 1 or (others and asks):
            self.part(self.mix.anchor, Ending("caller", cause))
            return
        who = "agent" if self.facts.kind is PartyKind.AGENT else "caller"
        self.hang_up(cause, who)


def _nowhere(_facts: LegFacts, _number: str) -> Destination:
    """A call outside of a service has nobody to ask."""
    raise Unreachable(Cause.NO_ROUTE)


def _leave_as_it_is() -> None:
    """What a waiting caller hears goes on when an agent's device did not answer."""
