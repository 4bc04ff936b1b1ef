"""Where flows send calls: the doors that the composition root opens, so that verbs know nothing of queues and mailboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.ivr.verbs.base import QueueOptions
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import Unreachable
from softswitch.voicemail.taking import Take, Taken, take


class Enter(Protocol):
    """`AcdService.enter`: waits in a queue; the outcome has an ending when the call is over."""

    async def __call__(self, call: Call, name: str) -> Outcome: ...


class EnterWith(Protocol):
    """The same with what the flow says about this stay."""

    async def __call__(self, call: Call, name: str, options: QueueOptions, /) -> Outcome: ...


_RUNG = frozenset({DestinationKind.EXTENSION, DestinationKind.AGENT, DestinationKind.OUTSIDE})


async def _go(call: Call, to: Destination, seconds: float) -> Outcome:
    """Through the destination's handler; a person with a ring time of the flow's own is rung here."""
    if not seconds or to.kind not in _RUNG:
        return await call.go(to)
    agent = to.name if to.kind is DestinationKind.AGENT else ""
    try:
        async with call.dialling(to, timeout=seconds) as leg:
            return Outcome.ended(await call.bridge(leg, agent=agent, other=str(to)))
    except Unreachable as fault:
        return Outcome.failed(fault.cause)


async def _voicemail(call: Call, mailbox: str, greeting: str) -> Outcome:
    return await call.go(Destination(DestinationKind.VOICEMAIL, f"{mailbox}/{greeting}"))


async def _replay(call: Call, taken: Taken) -> None:
    """Plays a recording; its sound is not kept in memory afterwards."""
    name = taken.file.removesuffix(".wav")
    try:
        await call.sound.play((name,), "recordings", stop_on_key=True)
    finally:
        call.board.media.prompts.forget(name, "recordings")


def _control(call: Call, action: str) -> None:
    """Conflict, when there is nothing to pause, is the flow's business (`on_error`)."""
    recorder = call.conversation.recorder
    match action:
        case "off":
            call.refuse_recording()
        case "pause":
            recorder.pause("system", "flow")
        case "resume":
            recorder.resume("system")
        case _:
            call.variables["record"] = "on"


@dataclass(slots=True)
class Doors:
    """Where flows send calls: what the composition root knows and verbs must not."""

    enter: EnterWith
    go: Callable[[Call, Destination, float], Awaitable[Outcome]] = _go
    leave: Callable[[Call, str, str], Awaitable[Outcome]] = _voicemail
    take: Callable[[Call, Take], Awaitable[Taken]] = take
    replay: Callable[[Call, Taken], Awaitable[None]] = _replay
    control: Callable[[Call, str], None] = _control


def plain(enter: Enter) -> EnterWith:
    """For queues that know nothing of options."""

    async def entered(call: Call, name: str, _options: QueueOptions) -> Outcome:
        return await enter(call, name)

    return entered


async def no_queues(_call: Call, _name: str, _options: QueueOptions) -> Outcome:
    """For switches without call distribution."""
    return Outcome.failed(Cause.UNALLOCATED)
