"""Malicious call trace: the called person reports a call while it lasts or within a minute after it (sip.md §8.1).

The record holds the caller's number even where it is withheld, and is never changed or removed. Reading needs the
permission `trace`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.service import CallService
from softswitch.features.codes import FeatureCodes, say
from softswitch.model import events as ev
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Refusal
from softswitch.recordings.keeper import AlarmSink

AFTER = 60.0
"""Seconds after the end of a call in which it may still be reported."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a reported call. `number` is the network's, also when the caller withholds it."""

    call: str
    extension: str
    at: float
    number: str
    withheld: bool
    shown_name: str
    called: str
    trunk: str
    sip_call_id: str
    session_id: str
    began_at: float
    recordings: tuple[str, ...]


class MaliciousCalls:
    """Owned by the loop. `keep(evidence)` stores a record, `reports()` gives all of them, the newest first."""

    def __init__(self, clock: Clock, calls: CallService, codes: FeatureCodes, alarms: AlarmSink) -> None:
        self._clock = clock
        self._calls = calls
        self._alarms = alarms
        self._last: dict[str, tuple[float, Call]] = {}
        self.keep: Callable[[Evidence], object] = lambda _evidence: None
        self.reports: Callable[[], Awaitable[list[Evidence]]] = _none
        codes.handlers["trace"] = self._dialled

    def call_over(self, call: Call) -> None:
        """Remembers who was called last at each extension; a minute later that is forgotten."""
        now = self._clock.utc()
        self._last = {number: known for number, known in self._last.items() if now - known[0] <= AFTER}
        for extension in _called(call):
            self._last[extension] = (now, call)

    def report(self, extension: str) -> Evidence:
        """Reports the call that the extension has, or had until a minute ago. Raises Conflict when there is none."""
        call = next((call for call in reversed(self._calls.all()) if extension in _called(call)), None)
        if call is None:
            ended, call = self._last.get(extension, (0.0, None))
            if call is None or self._clock.utc() - ended > AFTER:
                raise Conflict("there is no call to report", Refusal.NO_CALL)
        evidence = self._evidence(call, extension)
        self.keep(evidence)
        self._alarms.raise_("malicious_call", "major", f"extension {extension} reports a malicious call", f"call:{call.id}")
        return evidence

    def _evidence(self, call: Call, extension: str) -> Evidence:
        facts = call.facts
        recordings = (event.recording for event in call.timeline.events if isinstance(event, ev.RecordingStarted))
        return Evidence(
            call=call.id, extension=extension, at=self._clock.utc(), number=facts.withheld or facts.caller,
            withheld=facts.hidden, shown_name=facts.caller_name, called=facts.called, trunk=call.tally().trunk,
            sip_call_id=facts.sip_call_id, session_id=facts.session_id, began_at=call.created_at,
            recordings=tuple(recordings),
        )  # fmt: skip

    async def _dialled(self, call: Call, _argument: str) -> Outcome:
        self.report(call.caller.facts.party)
        return await say(call, "call-traced")


async def _none() -> list[Evidence]:
    """Nothing is kept."""
    return []


def _called(call: Call) -> set[str]:
    """The extensions that were rung in a call, whether they have answered or not."""
    targets = (event.target for event in call.timeline.events if isinstance(event, ev.LegStarted))
    return {target.removeprefix("extension:") for target in targets if target.startswith("extension:")}
