"""Feature codes that set, end and ask a person's own services: 200, the spoken result, BYE."""

from __future__ import annotations

from functools import partial

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.features.codes import FeatureCodes, say
from softswitch.features.forwarding import Forwarding
from softswitch.features.personal import PersonalServices
from softswitch.model.cause import Cause
from softswitch.model.errors import Invalid, Unreachable
from softswitch.prompts import spoken

_FORWARDS = ("forward_always", "forward_busy", "forward_no_answer", "forward_unreachable", "hotline")
_SWITCHES = {"dnd": "dnd", "waiting": "call_waiting", "anonymous": "reject_anonymous", "forward_rules": "rules_on"}


class PersonalCodes:
    """Adds its actions to the book of handlers."""

    def __init__(self, codes: FeatureCodes, services: PersonalServices, forwarding: Forwarding) -> None:
        self._services = services
        self._forwarding = forwarding
        for name in _FORWARDS:
            codes.handlers[name] = partial(self._forward, name)
            codes.handlers[f"{name}_off"] = partial(self._forward_off, name)
            codes.handlers[f"{name}_ask"] = partial(self._forward_ask, name)
        for action, name in _SWITCHES.items():
            codes.handlers[action] = partial(self._switch, name, True)
            codes.handlers[f"{action}_off"] = partial(self._switch, name, False)
            codes.handlers[f"{action}_ask"] = partial(self._switch_ask, name)
        codes.handlers |= {
            "short": self._short, "short_off": self._short_off, "short_dial": self._short_dial,
            "short_dial_2": self._short_dial, "lock": self._lock, "unlock": self._unlock,
        }  # fmt: skip

    def _set(self, call: Call, **values: object) -> None:
        extension = call.caller.facts.party
        self._services.change(extension, extension, values)

    async def _forward(self, name: str, call: Call, argument: str) -> Outcome:
        self._set(call, **{name: argument.rstrip("#")})
        return await say(call, "service-set")

    async def _forward_off(self, name: str, call: Call, _argument: str) -> Outcome:
        self._set(call, **{name: ""})
        return await say(call, "service-off")

    async def _forward_ask(self, name: str, call: Call, _argument: str) -> Outcome:
        to: str = getattr(self._services.of(call.caller.facts.party), name)
        return await say(call, *(("service-is-on", *spoken.digits(to)) if to else ("service-is-off",)))

    async def _switch(self, name: str, on: bool, call: Call, _argument: str) -> Outcome:
        self._set(call, **{name: on})
        return await say(call, "service-set" if on else "service-off")

    async def _switch_ask(self, name: str, call: Call, _argument: str) -> Outcome:
        on = getattr(self._services.of(call.caller.facts.party), name)
        return await say(call, "service-is-on" if on else "service-is-off")

    async def _short(self, call: Call, argument: str) -> Outcome:
        """`k*N#`."""
        key, star, number = argument.rstrip("#").partition("*")
        if not star or not number:
            raise Invalid("short", "expected a short number, a star and a number")
        known = self._services.of(call.caller.facts.party).short
        try:
            self._set(call, short={**known, key: number})
        except Unreachable as fault:
            raise Invalid("short", fault.cause.sentence) from fault
        return await say(call, "service-set")

    async def _short_off(self, call: Call, argument: str) -> Outcome:
        known = dict(self._services.of(call.caller.facts.party).short)
        known.pop(argument.rstrip("#"), None)
        self._set(call, short=known)
        return await say(call, "service-off")

    async def _short_dial(self, call: Call, argument: str) -> Outcome:
        extension = call.caller.facts.party
        number = self._services.of(extension).short.get(argument)
        if number is None:
            return Outcome.failed(Cause.UNALLOCATED)
        return await call.go(self._forwarding.reach(extension, number))

    async def _lock(self, call: Call, argument: str) -> Outcome:
        self._services.lock(call.caller.facts.party, argument.rstrip("#"))
        return await say(call, "service-set")

    async def _unlock(self, call: Call, argument: str) -> Outcome:
        self._services.unlock(call.caller.facts.party, argument.rstrip("#"))
        return await say(call, "service-off")
