"""One person speaks to loudspeakers: intercom to a phone (`*80N`), paging to a group (`*85N`, `page:NAME`).

The phones answer by themselves, in the form that their maker knows. Intercom is two-way; a page is heard by all members and
hears nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from media.commands import Listen
from media.errors import MediaError
from softswitch.calls.call import Call
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.ringing import devices
from softswitch.directory.model import PageGroup
from softswitch.directory.snapshot import Snapshot, best_match
from softswitch.features.codes import FeatureCodes
from softswitch.legs import base
from softswitch.legs.base import Leg, PartyKind
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Unreachable

ANSWER_WITHIN = 8.0
"""Seconds after which a phone that rings instead of answering by itself is let go."""
REFUSED = "not-allowed"
_INSIDE = (PartyKind.PHONE, PartyKind.AGENT)


class Paging:
    """Owned by the loop. `state(extension)`: free, busy, dnd, offline."""

    def __init__(self, directory: Callable[[], Snapshot], state: Callable[[str], str], codes: FeatureCodes) -> None:
        self._directory = directory
        self._state = state
        codes.handlers |= {"intercom": self._intercom, "page": self._dialled}

    async def _intercom(self, call: Call, argument: str) -> Outcome:
        own = self._directory().extensions.get(argument.rstrip("#"))
        if own is None:
            return Outcome.failed(Cause.UNALLOCATED)
        if not _is_named(call.caller.facts.party, own.intercom):
            return await _refuse(call)
        if (cause := _CAUSES.get(self._state(own.number))) is not None:
            return Outcome.failed(cause)
        to = Destination(DestinationKind.EXTENSION, own.number)
        try:
            async with call.dialling(to, timeout=ANSWER_WITHIN, answers=True) as leg:
                return Outcome.ended(await call.bridge(leg, other=str(to)))
        except Unreachable as fault:
            return Outcome.failed(fault.cause)

    async def _dialled(self, call: Call, argument: str) -> Outcome:
        wanted = argument.rstrip("#")
        groups = self._directory().page_groups
        name = next((group.name for group in groups.values() if group.number == wanted), wanted)
        return await self.to_page(call, Destination(DestinationKind.PAGE, name))

    async def to_page(self, call: Call, destination: Destination) -> Outcome:
        """The handler of `page:NAME`: until the caller hangs up, or no phone is left."""
        group = self._directory().page_groups.get(destination.name)
        if group is None:
            return Outcome.failed(Cause.UNALLOCATED)
        if not self._may(call, group):
            return await _refuse(call)
        own = call.facts.party if call.facts.kind is PartyKind.PHONE else ""
        members = [number for number in group.members if number != own and self._state(number) == "free"][: group.most]
        page = Page(call)
        page.ring(members)
        if not page.legs:
            return Outcome.failed(Cause.UNREACHABLE)
        call.emit(ev.PageStarted(group=group.name, members=tuple(members)))
        try:
            await call.answer()
            await call.play(("beep",), language="music")
            return Outcome.ended(await page.over)
        finally:
            page.close()

    def _may(self, call: Call, group: PageGroup) -> bool:
        facts = call.facts
        if not group.callers:
            return facts.kind in _INSIDE
        return _is_named(facts.party if facts.kind is PartyKind.PHONE else facts.caller, group.callers)


@dataclass(slots=True)
class Page:
    """The phones of one page. They hear the caller and are heard by nobody."""

    call: Call
    legs: dict[str, Leg] = field(default_factory=dict)
    over: asyncio.Future[Ending] = field(init=False)
    _late: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def ring(self, members: Sequence[str]) -> None:
        call = self.call
        for number in members:
            to = Destination(DestinationKind.EXTENSION, number)
            try:
                stages = devices(
                    call.board, call.calling(to), to, group=call.mix.group, prefer=call.caller.codecs, answers=True
                )  # fmt: skip
                for device in stages[0]:
                    self._add(f"extension:{number}", device.start)
            except (Unreachable, MediaError):
                continue  # whoever cannot be rung now is left out
        call.mix.own_routes = self._routes
        self._late = asyncio.get_running_loop().call_later(ANSWER_WITHIN, self._let_go)

    def _add(self, name: str, start: Callable[[base.Listener], Leg]) -> None:
        leg = start(base.ignore)
        leg.listener = partial(self._heard, leg)
        self.legs[leg.id] = leg
        self.call.emit(ev.LegStarted(leg=leg.id, target=name))

    def _routes(self) -> list[Listen]:
        caller, player = self.call.caller.port, self.call.mix.player
        routes = [Listen(leg.port, {caller: 0.0}) for leg in self.legs.values() if leg.is_answered]
        return [*routes, Listen(caller, {player: 0.0} if player else {})]

    def _heard(self, leg: Leg, event: base.LegEvent) -> None:
        match event:
            case base.Answered():
                self.call.mix.apply()
            case base.Ended(cause=cause):
                self._gone(leg, cause)
            case base.PortFailed():
                leg.hang_up(Cause.MEDIA_FAILURE)
                self._gone(leg, Cause.MEDIA_FAILURE)

    def _gone(self, leg: Leg, cause: Cause) -> None:
        if self.legs.pop(leg.id, None) is not None:
            self.call.emit(ev.LegEnded(leg=leg.id, cause=cause.word, by="peer"))
        if not self.legs and not self.over.done():
            self.over.set_result(Ending("callee", cause))

    def _let_go(self) -> None:
        for leg in [leg for leg in self.legs.values() if not leg.is_answered]:
            leg.hang_up(Cause.NO_ANSWER)
            self._gone(leg, Cause.NO_ANSWER)

    def close(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self.call.mix.own_routes = None
        for leg in self.legs.values():
            leg.listener = base.ignore
            leg.hang_up(Cause.NORMAL)
            self.call.emit(ev.LegEnded(leg=leg.id, cause=Cause.NORMAL.word, by="us"))
        self.legs.clear()


_CAUSES = {"busy": Cause.BUSY, "dnd": Cause.DO_NOT_DISTURB, "offline": Cause.UNREACHABLE}


def _is_named(number: str, patterns: Sequence[str]) -> bool:
    return best_match(number, dict.fromkeys(patterns)) is not None


async def _refuse(call: Call) -> Outcome:
    """Said as early sound, so that nobody is charged; then 403."""
    await call.play((REFUSED,))
    return Outcome.failed(Cause.FORBIDDEN)
