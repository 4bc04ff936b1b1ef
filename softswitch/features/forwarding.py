"""An extension rung as its person wants it: DND, rules by caller and time, always, busy, ring, no answer, unreachable.

The handler of `extension:N`. Queues ring their agents without it: members' own forwards do not count there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from softswitch.calls import direct
from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.directory.snapshot import Snapshot, best_match
from softswitch.features.personal import DEFAULT, ForwardRule, Personal, PersonalServices
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination
from softswitch.model.errors import Forbidden, Unreachable
from softswitch.model.identity import MAX_DIVERSIONS, Diversion
from softswitch.model.number import ANONYMOUS
from softswitch.routing.service import Admission, forms

EMERGENCY = ("110", "112", "119", "120", "122", "911", "999")
"""Who calls back from there breaks through do-not-disturb; a locked phone reaches them."""

_AFTER = {
    Cause.BUSY: ("forward_busy", "user-busy"),
    Cause.NO_ANSWER: ("forward_no_answer", "no-answer"),
    Cause.NO_USER_RESPONSE: ("forward_no_answer", "no-answer"),
    Cause.UNREACHABLE: ("forward_unreachable", "unavailable"),
}


class Forwarding:
    """Owned by the loop. `at_phone` counts the calls of an extension's devices."""

    def __init__(
        self, services: PersonalServices, directory: Callable[[], Snapshot], admit: Callable[[LegFacts], Admission],
        at_phone: Callable[[str], int],
    ) -> None:  # fmt: skip
        self._services = services
        self._directory = directory
        self._admit = admit
        self._at_phone = at_phone
        self.is_open: Callable[[str], bool] = lambda _calendar: True
        """Whether a calendar is open now."""
        self.forbids: Callable[[LegFacts, Destination], bool] = lambda _caller, _destination: False
        """Whether an extension may not send calls to a number; set by the part that guards against toll fraud."""
        self.with_mobile: Callable[[Call, Destination, float], Awaitable[Outcome]] | None = None
        """Rings an extension together with the mobile that is bound to it; set by the part that hunts."""

    async def to_extension(self, call: Call, destination: Destination) -> Outcome:
        """Rings it, or goes where its person wants its calls to go."""
        number = destination.name
        own = self._services.of(number)
        if own is DEFAULT:
            return await self._ring(call, destination, own)
        if own.reject_anonymous and (call.facts.hidden or call.facts.caller in ("", ANONYMOUS)):
            return Outcome.failed(Cause.ANONYMOUS)
        if own.dnd and call.facts.caller not in EMERGENCY:
            return Outcome.failed(Cause.DO_NOT_DISTURB)
        if own.rules_on and (rule := self._rule(call, own)) is not None:
            timed = rule.calendar and not rule.callers
            return await self._forward(call, number, rule.to, "time-of-day" if timed else "unconditional")
        if own.forward_always:
            return await self._forward(call, number, own.forward_always, "unconditional")
        outcome = await self._ring(call, destination, own)
        if outcome.ending is not None or (after := _AFTER.get(outcome.cause)) is None:
            return outcome
        to: str = getattr(own, after[0])
        return await self._forward(call, number, to, after[1]) if to else outcome

    def _rule(self, call: Call, own: Personal) -> ForwardRule | None:
        """The person's rule for this caller at this time."""
        return next((rule for rule in own.forward_rules if self._fits(rule, call)), None)

    def _fits(self, rule: ForwardRule, call: Call) -> bool:
        if rule.calendar and self.is_open(rule.calendar) is rule.closed:
            return False
        caller = call.facts.caller or ANONYMOUS
        named = f"list:{call.variables.get('list', '')}"
        patterns = dict.fromkeys(rule.callers)
        return not patterns or named in patterns or any(best_match(form, patterns) is not None for form in forms(caller))

    async def _ring(self, call: Call, destination: Destination, own: Personal) -> Outcome:
        busy = self._at_phone(destination.name)
        if busy and (not own.call_waiting or (own.max_calls and busy >= own.max_calls)):
            return Outcome.failed(Cause.BUSY)
        if own.forward_no_answer and not call.ring_within:
            call.ring_within = float(own.no_answer_after)
            try:
                outcome = await self._devices(call, destination)
            finally:
                call.ring_within = 0.0
        else:
            outcome = await self._devices(call, destination)
        moved = call.journey.take_moved()
        if outcome.ending is None and moved:
            return await self._forward(call, destination.name, moved, "unconditional")
        return outcome

    async def _devices(self, call: Call, destination: Destination) -> Outcome:
        extension = self._directory().extensions.get(destination.name)
        if extension is not None and extension.mobile and self.with_mobile is not None:
            return await self.with_mobile(call, destination, call.ring_within or direct.PHONE_RING)
        return await direct.to_party(call, destination)

    async def _forward(self, call: Call, number: str, to: str, reason: str) -> Outcome:
        """Sends the caller on for this extension, which answers for where it may call."""
        if number in call.journey.by:
            return Outcome.failed(Cause.LOOP)
        shown = self._shown(call, number)
        diverted = (*call.facts.diverted, Diversion(shown, reason))
        if sum(each.counter for each in diverted) > MAX_DIVERSIONS:
            return Outcome.failed(Cause.UNREACHABLE)
        try:
            target = self.reach(number, to)
        except (Unreachable, Forbidden) as fault:
            return Outcome.failed(fault.cause if isinstance(fault, Unreachable) else Cause.FORBIDDEN)
        call.journey.goes_on(number, Diversion(shown, reason))
        call.emit(ev.CallForwarded(by=f"extension:{number}", target=str(target), reason=reason))
        if not call.is_answered:
            call.caller.ring(forwarded=True)
        try:
            return await call.go(target)
        except Unreachable as fault:
            return Outcome.failed(fault.cause)

    def _shown(self, call: Call, number: str) -> str:
        """The number that the next switch is told: what was dialled from outside, else the extension's outside number."""
        own = self._directory().extensions.get(number)
        if own is not None and own.outside_number:
            return own.outside_number
        facts = call.facts
        return facts.called if facts.kind is PartyKind.TRUNK and not call.journey.diverted and facts.called else number

    def reach(self, extension: str, text: str) -> Destination:
        """Where a number leads for an extension. Raises Unreachable, Forbidden."""
        if ":" in text or text == "echo":
            to = Destination.parse(text)
            if to.kind != "outside":
                return to
            text = to.name
        facts = LegFacts(inbound=True, kind=PartyKind.PHONE, party=extension, caller=extension, called=text)
        admission = self._admit(facts)
        if admission.destination is None:
            raise Unreachable(admission.cause)
        if admission.destination.kind in ("feature", "hangup"):
            raise Forbidden(Cause.FORBIDDEN.sentence)
        if admission.destination == Destination.parse(f"extension:{extension}"):
            raise Unreachable(Cause.LOOP)
        if self.forbids(facts, admission.destination):
            raise Forbidden(Cause.FORBIDDEN.sentence)
        return admission.destination
