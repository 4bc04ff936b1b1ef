"""Supervision from a phone: a feature code puts the phone that dials it beside an agent's conversations."""

from __future__ import annotations

from softswitch.calls.call import Call
from softswitch.calls.ears import PhoneEar
from softswitch.calls.outcome import Ending, Outcome
from softswitch.calls.supervision import Follow, Supervision, Wish
from softswitch.model.cause import Cause
from softswitch.model.states import MonitorMode


async def supervise(supervision: Supervision, call: Call, *, supervisor: str, agent: str, mode: MonitorMode) -> Outcome:
    """The handler of the code: stays with the agent, between its calls too. Raises as `Supervision.start`, then unanswered.

    It ends with key #, when the phone hangs up, or by the supervisor's order elsewhere. The keys 4 listen, 5 whisper, 6 barge,
    7 take over change the mode meanwhile.
    """
    device = f"extension:{call.facts.party}"
    wish = Wish(supervisor=supervisor, actor=supervisor, mode=mode, device=device, agent=agent, follow=Follow.AGENT)
    supervision.check(wish)
    await call.answer()
    call.mix.own_routes = _elsewhere
    watching = supervision.on_phone(wish, PhoneEar(supervisor, call.caller, call.board.media.pump.submit))
    try:
        await watching.over
    finally:
        if supervision.of(supervisor) is watching:
            supervision.stop(supervisor, supervisor)
    return Outcome.ended(Ending("caller", Cause.NORMAL))


def _elsewhere() -> tuple[()]:
    """The phone's ears are set by the call that it supervises."""
    return ()
