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
    match event:
        case ev.CallDisposed():
            return [_of_call(event, "disposition", str(n), code, n, event.note) for n, code in enumerate(event.codes, 1)]
        case ev.SurveyInvited() | ev.SurveyAnswered() | ev.SurveySkipped():
            return _of_survey(event)
        case ev.CallbackCreated() | ev.CallbackAttempt() | ev.CallbackDone() | ev.CallbackCancelled():
            return _of_callback(event)
        case ev.AlarmRaised():
            return [_of_alarm(event, event.level, event.text)]
        case ev.AlarmCleared():
            return [_of_alarm(event, "cleared")]
        case ev.AlarmAcknowledged():
            return [_of_alarm(event, "acked", event.note)._replace(agent=event.actor)]
        case _:
            return []


def _of_call(event: ev.Event, kind: str, name: str, code: str, value: int = 0, note: str = "") -> Outcome:
    return Outcome(event.call, kind, name, event.agent, event.queue, event.at, code, value, note)


def _of_survey(event: ev.SurveyInvited | ev.SurveyAnswered | ev.SurveySkipped) -> list[Outcome]:
    match event:
        case ev.SurveyInvited():
            return [_of_call(event, "survey", event.survey, "invited")]
        case ev.SurveySkipped():
            return [_of_call(event, "survey", event.survey, "skipped", note=event.why)]
        case ev.SurveyAnswered():
            given = _of_call(event, "survey", event.survey, "answered", note=event.reason)
            return [given, *(_of_call(event, "mark", f"{event.survey}/{key}", key, mark) for key, mark in event.marks.items())]


def _of_callback(
    event: ev.CallbackCreated | ev.CallbackAttempt | ev.CallbackDone | ev.CallbackCancelled,
) -> list[Outcome]:
    """A callback belongs to its queue: it has calls of its own, and whichever agent."""

    def made(state: str, note: str) -> Outcome:
        return Outcome("", "callback", event.callback, "", event.queue, event.at, state, 0, note)

    match event:
        case ev.CallbackCreated():
            return [made("waiting", event.number)]
        case ev.CallbackAttempt():
            name = f"{event.callback}/{event.attempt}"
            tried = Outcome("", "attempt", name, "", event.queue, event.at, event.result, 1, "")
            return [made("waiting" if event.result else "dialling", event.number), tried]  # a result: it was in vain
        case ev.CallbackDone():
            return [made("failed" if event.result.startswith("failed") else "done", event.result)]
        case ev.CallbackCancelled():
            return [made("cancelled", event.why)]


def _of_alarm(event: ev.AlarmRaised | ev.AlarmCleared | ev.AlarmAcknowledged, code: str, note: str = "") -> Outcome:
    """Of no call: its time tells it from the others of its object."""
    name = f"{event.code} {event.object}"
    return Outcome(f"{event.at:.6f}", "alarm", name, event.agent, event.queue, event.at, code, 0, note)
