"""The states of an agent as one table (call-centre.md §2.2). The core refuses any change that is not in it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from softswitch.model.states import AgentState

S = AgentState


class Trigger(StrEnum):
    """What moves an agent from one state to the next."""

    LOGIN = "login"
    LOGOUT = "logout"
    READY = "ready"
    NOT_READY = "not_ready"
    BREAK_OVER = "break over"  # the reason's longest time, or a wrap-up that ends so
    UNREACHABLE = "unreachable"  # the device went away while ready; ready again by itself when it is back
    PREVIEW = "preview"
    PREVIEW_OVER = "preview over"
    OFFER = "offer"
    ALERTED = "device alerted"
    WITHDRAWN = "offer withdrawn"
    FAILED = "offer failed"
    ANSWER = "answer"
    DIRECT = "alerted beside the queues"
    GONE = "caller beside the queues gone"
    DIAL = "dial"
    DIAL_ANSWERED = "dial answered"
    DIAL_FAILED = "dial failed"
    HOLD = "hold"
    RESUME = "resume"
    CONSULT = "consult"
    CONSULT_OVER = "consult over"
    CONFERENCE = "conference"
    CONFERENCE_OVER = "conference over"
    RELEASED = "last leg released"
    PULLED = "wrap-up pulled"
    DONE = "wrap-up over"
    LOST = "connection lost"
    RETURNED = "connection back"
    GRACE_OVER = "grace over"
    FORCE = "force_state"


SETTLED = frozenset({S.READY, S.NOT_READY, S.LOGGED_OUT})
"""Where an agent goes when READY is due: a pending flag or an unreachable device may make it another one."""
BACK = SETTLED | {S.NOT_RESPONDING}
"""Or to where the agent was before a call of its own, a call beside the queues or a picked one."""

SIGNED_IN = frozenset(S) - {S.LOGGED_OUT}
IN_CONTACT = frozenset({S.DIALLING, S.TALKING, S.HOLDING, S.CONSULTING, S.CONFERENCE})
ALERTING = frozenset({S.RESERVED, S.RINGING})
FREE = frozenset({S.READY, S.NOT_READY, S.NOT_RESPONDING})

TRANSITIONS: Mapping[tuple[AgentState, Trigger], frozenset[AgentState]] = {
    (S.LOGGED_OUT, Trigger.LOGIN): frozenset({S.NOT_READY}),
    (S.NOT_READY, Trigger.READY): frozenset({S.READY}),
    (S.NOT_RESPONDING, Trigger.READY): frozenset({S.READY}),
    (S.WRAP_UP, Trigger.READY): SETTLED,
    (S.READY, Trigger.NOT_READY): frozenset({S.NOT_READY}),
    (S.NOT_READY, Trigger.NOT_READY): frozenset({S.NOT_READY}),
    (S.NOT_RESPONDING, Trigger.NOT_READY): frozenset({S.NOT_READY}),
    (S.NOT_READY, Trigger.BREAK_OVER): frozenset({S.READY, S.NOT_READY}),
    (S.READY, Trigger.UNREACHABLE): frozenset({S.NOT_READY}),
    (S.READY, Trigger.PREVIEW): frozenset({S.PREVIEW}),
    (S.PREVIEW, Trigger.PREVIEW_OVER): BACK,
    **{(state, Trigger.OFFER): frozenset({S.RESERVED}) for state in (S.READY, S.NOT_READY, S.WRAP_UP)},
    (S.RESERVED, Trigger.ALERTED): frozenset({S.RINGING}),
    (S.RESERVED, Trigger.WITHDRAWN): BACK | {S.WRAP_UP},
    (S.RINGING, Trigger.WITHDRAWN): BACK | {S.WRAP_UP},
    (S.RESERVED, Trigger.FAILED): BACK | {S.WRAP_UP},
    (S.RINGING, Trigger.FAILED): BACK | {S.WRAP_UP},
    (S.RINGING, Trigger.ANSWER): frozenset({S.TALKING}),
    **{(state, Trigger.DIRECT): frozenset({S.RINGING}) for state in (*sorted(FREE), S.WRAP_UP)},
    (S.RINGING, Trigger.GONE): BACK | {S.WRAP_UP},
    **{(state, Trigger.DIAL): frozenset({S.DIALLING}) for state in (*sorted(FREE), S.WRAP_UP, S.PREVIEW)},
    (S.DIALLING, Trigger.DIAL_ANSWERED): frozenset({S.TALKING}),
    (S.DIALLING, Trigger.DIAL_FAILED): BACK | {S.WRAP_UP},
    (S.TALKING, Trigger.HOLD): frozenset({S.HOLDING}),
    (S.HOLDING, Trigger.RESUME): frozenset({S.TALKING}),
    (S.TALKING, Trigger.CONSULT): frozenset({S.CONSULTING}),
    (S.HOLDING, Trigger.CONSULT): frozenset({S.CONSULTING}),
    (S.CONSULTING, Trigger.CONSULT_OVER): frozenset({S.TALKING, S.CONFERENCE}),
    (S.TALKING, Trigger.CONFERENCE): frozenset({S.CONFERENCE}),
    (S.HOLDING, Trigger.CONFERENCE): frozenset({S.CONFERENCE}),
    (S.CONSULTING, Trigger.CONFERENCE): frozenset({S.CONFERENCE}),
    (S.CONFERENCE, Trigger.CONFERENCE_OVER): frozenset({S.TALKING}),
    **{
        (state, Trigger.RELEASED): BACK | {S.WRAP_UP, S.TALKING} for state in (S.TALKING, S.HOLDING, S.CONSULTING, S.CONFERENCE)
    },
    (S.READY, Trigger.PULLED): frozenset({S.WRAP_UP}),
    (S.WRAP_UP, Trigger.DONE): BACK,
    **{(state, Trigger.LOGOUT): frozenset({S.LOGGED_OUT}) for state in (*sorted(FREE), S.PREVIEW, S.WRAP_UP, S.OFFLINE)},
    **{(state, Trigger.LOST): frozenset({S.OFFLINE}) for state in sorted(SIGNED_IN - {S.OFFLINE})},
    (S.OFFLINE, Trigger.RETURNED): SETTLED | {S.NOT_RESPONDING, S.WRAP_UP, S.RINGING} | IN_CONTACT,
    (S.OFFLINE, Trigger.GRACE_OVER): frozenset({S.LOGGED_OUT}),
    **{(state, Trigger.FORCE): SETTLED for state in (*sorted(FREE), S.PREVIEW, S.WRAP_UP)},
    (S.OFFLINE, Trigger.FORCE): frozenset({S.LOGGED_OUT}),
}


def allows(old: AgentState, trigger: Trigger, new: AgentState) -> bool:
    return new in TRANSITIONS.get((old, trigger), frozenset())


def table() -> str:
    """The table as Markdown, in the order of the states; a test compares it with the README."""
    lines = ["| from | trigger | to |", "|---|---|---|"]
    for old in S:
        for trigger in Trigger:
            if targets := TRANSITIONS.get((old, trigger)):
                lines.append(f"| {old} | {trigger} | {' · '.join(state for state in S if state in targets)} |")
    return "\n".join(lines)
