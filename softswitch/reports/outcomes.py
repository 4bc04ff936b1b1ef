"""What came of calls as somebody said: dispositions, surveys, callbacks. The newest word counts."""

from __future__ import annotations

from typing import NamedTuple

from softswitch.model import events as ev

OUTCOMES = (
    ev.CallDisposed, ev.SurveyInvited, ev.SurveyAnswered, ev.SurveySkipped, ev.CallbackCreated, ev.CallbackAttempt,
    ev.CallbackDone, ev.CallbackCancelled, ev.AlarmRaised, ev.AlarmCleared, ev.AlarmAcknowledged,
)  # fmt: skip


class Outcome(NamedTuple):
    """By `kind`: disposition (`name` is the place in the list of codes), survey (`name` the survey, `code` invited, answered or
    skipped), mark (`name` survey and question, `value` the mark), callback (`name` its id, `code` its state, of no agent),
    attempt (`name` callback and number, one row for its beginning and its end),
    alarm (`name` code and object, `code` its level, cleared or acked, one row per event: `call` has the time).
    """

    call: str
    kind: str
    name: str
    agent: str
    queue: str
    at: float
    code: str
    value: int
    note: str


def outcomes_of(event: ev.Event) -> list[Outcome]:
    def made(kind: str, name: str, code: str, value: int = 0, note: str = "") -> Outcome:
        call = f"{event.at:.6f}" if kind == "alarm" else "" if kind in ("callback", "attempt") else event.call
        agent = "" if kind in ("callback", "attempt") else event.agent
        return Outcome(call, kind, name, agent, event.queue, event.at, code, value, note)

    match event:
        case ev.CallDisposed():
            return [made("disposition", str(place), code, place, event.note) for place, code in enumerate(event.codes, 1)]
        case ev.SurveyInvited():
            return [made("survey", event.survey, "invited")]
        case ev.SurveyAnswered():
            marks = [made("mark", f"{event.survey}/{question}", question, mark) for question, mark in event.marks.items()]
            return [made("survey", event.survey, "answered", note=event.reason), *marks]
        case ev.SurveySkipped():
            return [made("survey", event.survey, "skipped", note=event.why)]
        case ev.CallbackCreated():
            return [made("callback", event.callback, "waiting", note=event.number)]
        case ev.CallbackAttempt():
            state = "waiting" if event.result else "dialling"  # an attempt that told its result was in vain
            tried = made("attempt", f"{event.callback}/{event.attempt}", event.result, 1)
            return [made("callback", event.callback, state, note=event.number), tried]
        case ev.CallbackDone():
            state = "failed" if event.result.startswith("failed") else "done"
            return [made("callback", event.callback, state, note=event.result)]
        case ev.CallbackCancelled():
            return [made("callback", event.callback, "cancelled", note=event.why)]
        case ev.AlarmRaised():
            return [made("alarm", f"{event.code} {event.object}", event.level, note=event.text)]
        case ev.AlarmCleared():
            return [made("alarm", f"{event.code} {event.object}", "cleared")]
        case ev.AlarmAcknowledged():
            return [made("alarm", f"{event.code} {event.object}", "acked", note=event.note)._replace(agent=event.actor)]
        case _:
            return []
