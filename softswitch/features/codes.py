"""Feature codes of phones: `feature:CODE` is read by the book of routing and handed to the action's handler.

Other packages add their actions: `codes.handlers["voicemail"] = handler`. A handler is a coroutine over the phone's own call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from softswitch.calls.call import Call
from softswitch.calls.control import CallControl
from softswitch.calls.outcome import Outcome
from softswitch.calls.parking import ANY
from softswitch.calls.three_way import ThreeWay
from softswitch.legs.base import PartyKind
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Conflict, SwitchError, Unreachable
from softswitch.prompts import spoken
from softswitch.routing.codes import CodeBook

log = structlog.get_logger("features")

_PARKS = frozenset({"park", "park_code", "park_number", "park_at", "unpark"})
"""Codes that a call can be transferred to: it is parked, at the slot's own number in that slot."""

Handler = Callable[[Call, str], Awaitable[Outcome]]
"""Called with the phone's call, not answered yet, and the code's argument. A SwitchError is spoken as a refusal."""


class AgentOrders(Protocol):
    """What codes for agents need of the floor."""

    def login_at(self, extension: str) -> str:
        """The login that works at this phone, or would by the directory; "" for none."""

    async def set_state(self, login: str, state: str, reason: str, actor: str, station: str = "") -> object: ...


class FeatureCodes:
    """Owned by the loop. `agents` is set once call distribution stands."""

    def __init__(self, control: CallControl, book: Callable[[], CodeBook]) -> None:
        self._control = control
        self._book = book
        self.agents: AgentOrders | None = None
        self.three_way: ThreeWay | None = None
        self.inner: dict[str, Handler] = {}
        """Of calls that the switch places itself, by the name of the destination; nobody can dial them."""
        self.handlers: dict[str, Handler] = {
            "park": self._park, "park_code": self._park, "park_number": self._park, "park_at": self._park,
            "unpark": self._unpark, "pickup": self._pickup, "pickup_at": self._pickup,
            "pickup_group": self._pickup_group, "sign_in": self._sign_in,
            "sign_in_as": self._sign_in_as, "ready": self._ready, "not_ready": self._not_ready, "sign_out": self._sign_out,
            "wrap_up_done": self._wrap_up_done, "conference": self._conference, "conference_with": self._conference,
            "conference_address": self._conference,
        }  # fmt: skip

    @property
    def book(self) -> CodeBook:
        """The codes in force now."""
        return self._book()

    async def run(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `feature:CODE`."""
        if (inner := self.inner.get(destination.name)) is not None:
            return await inner(call, "")
        code = self.book.read(destination.name)
        handler = self.handlers.get(code.action) if code is not None else None
        if code is None or handler is None or call.caller.facts.kind is not PartyKind.PHONE:
            return Outcome.failed(Cause.UNALLOCATED)
        try:
            return await handler(call, code.argument)
        except SwitchError as fault:
            log.info("x code refused", code=destination.name, phone=call.facts.caller, why=str(fault))
            return await say(call, "invalid")

    # parked and ringing calls

    def place(self, dialled: str) -> Destination:
        """Where a phone sends a call that it transfers to a code: a slot. Raises Unreachable for every other code."""
        code = self.book.read(dialled)
        if code is None or code.action not in _PARKS:
            raise Unreachable(Cause.UNALLOCATED)
        slot = self._control.lot.slot_like(code.argument)
        if code.argument and not slot:
            raise Unreachable(Cause.UNALLOCATED)
        return Destination(DestinationKind.PARK, slot or ANY)

    async def _park(self, call: Call, argument: str) -> Outcome:
        """The phone's other call is parked; the phone hears where."""
        hand = self._control.of_phone(call.caller.facts.party, but=call)
        slot = self._control.park(hand, self._control.lot.slot_like(argument))
        return await say(call, "parked-at", *spoken.digits(slot))

    async def _unpark(self, call: Call, argument: str) -> Outcome:
        return await self._take(call, self._control.pickup.parked(self._control.lot.slot_like(argument)))

    async def _pickup(self, call: Call, argument: str) -> Outcome:
        return await self._take(call, self._control.pickup.ringing_at(argument))

    async def _pickup_group(self, call: Call, _argument: str) -> Outcome:
        extension = call.caller.facts.party
        login = self.agents.login_at(extension) if self.agents is not None else ""
        return await self._take(call, self._control.pickup.ringing_in_group(login, extension))

    async def _conference(self, call: Call, argument: str) -> Outcome:
        """The phone's calls become one conversation; with a number, the one and whom it names."""
        third = None
        if argument:
            third = self._control.destination(argument.strip("*#"), extension=call.caller.facts.party)
        if self.three_way is None:
            raise Conflict("there are no conferences here")
        await call.answer()
        self.three_way.dialled(call, third)
        return Outcome("done")

    async def _take(self, call: Call, wanted: Call) -> Outcome:
        await call.answer(prefer=wanted.caller.codec)
        self._control.pickup.by_caller(wanted, call)
        return Outcome("done")

    # agents on phones

    async def _sign_in(self, call: Call, _argument: str) -> Outcome:
        return await self._order(call, "ready", "signed-in")

    async def _sign_in_as(self, call: Call, argument: str) -> Outcome:
        """Hot-desking: the agent whose login is dialled works at this phone from now on."""
        return await self._order(call, "ready", "signed-in", login=argument)

    async def _ready(self, call: Call, _argument: str) -> Outcome:
        return await self._order(call, "ready", "agent-ready")

    async def _not_ready(self, call: Call, _argument: str) -> Outcome:
        return await self._order(call, "not_ready", "agent-not-ready")

    async def _sign_out(self, call: Call, _argument: str) -> Outcome:
        return await self._order(call, "logged_out", "signed-out")

    async def _wrap_up_done(self, call: Call, _argument: str) -> Outcome:
        return await self._order(call, "wrap_up_done", "agent-ready")

    async def _order(self, call: Call, state: str, prompt: str, *, login: str = "") -> Outcome:
        extension = call.caller.facts.party
        if self.agents is None or not (login := login or self.agents.login_at(extension)):
            return await say(call, "invalid")
        station = f"extension:{extension}" if state in ("ready", "not_ready") else ""
        await self.agents.set_state(login, state, "phone", login, station)
        return await say(call, prompt)


async def say(call: Call, *prompts: str) -> Outcome:
    """Answers the phone, says it, and ends the call."""
    await call.answer()
    await call.play(prompts)
    return Outcome("done")
