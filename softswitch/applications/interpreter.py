"""Carries out what an application answers, verb after verb, until it says something else or the call is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from softswitch.applications import model as m
from softswitch.applications.client import Answer, NoAnswer, resolved
from softswitch.calls.outcome import Ending, Outcome
from softswitch.directory.model import Application
from softswitch.ivr.verbs.base import Line, QueueOptions
from softswitch.model.cause import Cause
from softswitch.model.destination import Destination, DestinationKind
from softswitch.model.errors import SwitchError, Unreachable
from softswitch.prompts.words import spoken
from softswitch.voicemail.taking import Take

log = structlog.get_logger("applications")

MOST_ANSWERS = 100
"""Answers of one call that the caller did nothing between."""
_LANGUAGES = {"zh": "zh-CN", "cmn": "zh-CN", "en": "en"}
_STATUS = {"busy": "busy", "no_answer": "no-answer", "timeout": "no-answer", "rejected": "busy", "ended": "completed"}
_OTHERS = ("callee", "agent")
"""Who may hang up and leave the caller to the application."""


class Asker(Protocol):
    """`client.Webhooks`."""

    async def ask(self, application: Application, url: str, method: str, values: Mapping[str, str]) -> Answer: ...


class Streaming(Protocol):
    """The streams of this call: `service.CallStreams`. All raise SwitchError."""

    def start(self, wanted: m.Stream) -> None: ...
    async def connect(self, wanted: m.Stream) -> str:
        """Until it is over; why it is."""

    def stop(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Next:
    """Ask again: where, how, and what came of the verb."""

    url: str
    method: str
    values: Mapping[str, str] = field(default_factory=dict)
    active: bool = False
    """The caller did something."""


@dataclass(slots=True)
class Interpreter:
    """One call at one application. `answered` tells whether the caller has been answered; `number` makes a destination of
    a dialled number (None: not allowed); `press` sends digits to the caller; `limit` bounds the call in seconds."""

    application: Application
    line: Line
    asker: Asker
    facts: Mapping[str, str]
    answered: Callable[[], bool]
    number: Callable[[str], Destination | None]
    press: Callable[[str], None]
    limit: Callable[[float], None]
    streams: Streaming
    _base: str = ""

    async def run(self) -> Outcome:
        """Until the call is over. An application that cannot be asked ends it with the prompt "error"."""
        following: _Next | None = _Next(self.application.url, "POST")
        quiet = 0
        while following is not None:
            quiet = 0 if following.active else quiet + 1
            if quiet > MOST_ANSWERS:
                return await self._broken("the application answers in a circle")
            try:
                answer = await self.asker.ask(
                    self.application, following.url, following.method, {**self._values(), **following.values}
                )
            except NoAnswer as fault:
                return await self._broken(str(fault))
            self._base = answer.url
            try:
                outcome, following = await self._follow(answer.verbs)
            except Unreachable:
                raise  # the call's own affair: it has been sent on too often
            except SwitchError as fault:
                return await self._broken(str(fault))
            if outcome is not None:
                return outcome
        return Outcome.ended(Ending("system", Cause.NORMAL))

    def _values(self) -> dict[str, str]:
        status = "in-progress" if self.answered() else "ringing"
        return {**self.facts, "CallStatus": status}

    async def _broken(self, why: str) -> Outcome:
        log.error("! application cannot go on", name=self.application.name, call=self.line.call, why=why)
        await self.line.play(("error",))
        return Outcome.ended(Ending("system", Cause.TEMPORARY_FAILURE))

    async def _follow(self, verbs: tuple[m.Verb, ...]) -> tuple[Outcome | None, _Next | None]:
        """The outcome that ends the call, or where to ask next; (None, None): nothing is left to do."""
        for place, verb in enumerate(verbs):
            if place == 0 and isinstance(verb, m.Reject):
                cause = Cause.BUSY if verb.reason == "busy" else Cause.REJECTED
                return Outcome.ended(Ending("system", cause)), None
            if not isinstance(verb, m.Pause | m.Redirect) or place:
                await self.line.answer()
            result = await self._carry_out(verb)
            if isinstance(result, Outcome):
                return result, None
            if isinstance(result, _Next):
                return None, result
        return None, None

    async def _carry_out(self, verb: m.Verb) -> Outcome | _Next | None:
        match verb:
            case m.Say() | m.Play() | m.Pause():
                await self._speak(verb, stop_on_key=False)
            case m.Gather():
                return await self._gather(verb)
            case m.Record():
                return await self._record(verb)
            case m.Dial():
                return await self._dial(verb)
            case m.Enqueue():
                return await self._enqueue(verb)
            case m.Refer():
                return await self._refer(verb)
            case m.Redirect():
                return _Next(resolved(self._base, verb.url), verb.method)
            case m.Reject():
                return Outcome.ended(Ending("system", Cause.BUSY if verb.reason == "busy" else Cause.REJECTED))
            case m.Hangup():
                return Outcome.ended(Ending("system", Cause.NORMAL))
            case m.Stream() | m.StopStream():
                return await self._stream(verb)
            case m.Leave():
                self.line.desk.queues.leave(self.line.call)
        return None

    # sound

    async def _speak(self, verb: m.Say | m.Play | m.Pause, *, stop_on_key: bool) -> None:
        match verb:
            case m.Pause():
                await self.line.wait(verb.length)
            case m.Say():
                language = _LANGUAGES.get(verb.language.partition("-")[0].lower(), self.line.language)
                for _ in range(verb.loop or 1000):
                    await self.line.play(spoken(verb.text, language), languages=(language,), stop_on_key=stop_on_key)
            case m.Play(digits=""):
                for _ in range(verb.loop or 1000):
                    await self.line.play((verb.name,), stop_on_key=stop_on_key)
            case m.Play():
                self.press(verb.digits.lower().replace("w", ""))

    async def _gather(self, verb: m.Gather) -> _Next | None:
        for prompt in verb.prompts:
            await self._speak(prompt, stop_on_key=True)
        pressed = await self.line.collect(
            verb.num_digits or 64, seconds=verb.timeout, inter_digit=verb.timeout, finish_on=verb.finish_on_key
        )
        if not pressed and not verb.action_on_empty:
            return None
        return _Next(resolved(self._base, verb.action), verb.method, {"Digits": pressed}, active=bool(pressed))

    async def _record(self, verb: m.Record) -> _Next | None:
        taken = await self.line.record(Take(verb.max_length, verb.timeout, verb.finish_on_key, verb.play_beep))
        if taken.why == "failed" or taken.duration_ms < 1000:
            return None
        values = {"RecordingSid": taken.recording, "RecordingDuration": str(round(taken.duration_ms / 1000)),
                  "Digits": "" if taken.why != "key" else verb.finish_on_key[:1]}  # fmt: skip
        return _Next(resolved(self._base, verb.action), verb.method, values, active=True)

    async def _stream(self, verb: m.Stream | m.StopStream) -> _Next | None:
        if isinstance(verb, m.StopStream):
            self.streams.stop(verb.name)
            return None
        if not verb.speaks:
            self.streams.start(verb)
            return None
        reason = await self.streams.connect(verb)
        if not verb.action:
            return None
        values = {"StreamName": verb.name, "StreamResult": "failed" if reason in ("unreachable", "media") else "completed"}
        return _Next(resolved(self._base, verb.action), verb.method, values, active=True)

    # others

    async def _dial(self, verb: m.Dial) -> Outcome | _Next | None:
        """One after the other until somebody answers. When the other side hangs up first, the caller goes on here."""
        outcome, started = Outcome.failed(Cause.UNALLOCATED), self.line.utc()
        self.limit(verb.time_limit)
        for target in verb.targets:
            to = self._destination(target)
            if to is None:
                continue
            if to.kind is DestinationKind.QUEUE:
                outcome = await self.line.queue(to.name)
            else:
                outcome = await self.line.transfer(to, seconds=verb.timeout)
            if outcome.ending is not None:
                break
        if outcome.ending is not None and outcome.ending.who not in _OTHERS:
            return outcome
        if not verb.action:
            return None
        values = {"DialCallStatus": _STATUS.get(outcome.result, "failed")}
        if outcome.ending is not None:
            values["DialCallDuration"] = str(round(self.line.utc() - started))
        return _Next(resolved(self._base, verb.action), verb.method, values, active=outcome.ending is not None)

    def _destination(self, target: m.Target) -> Destination | None:
        match target.kind:
            case "number":
                return self.number(target.name)
            case "client":
                return self._known(DestinationKind.AGENT, target.name)
            case "sip":
                return self._known(DestinationKind.EXTENSION, target.name.removeprefix("sip:").partition("@")[0])
            case "queue":
                return self._known(DestinationKind.QUEUE, target.name)
            case _:
                return Destination(DestinationKind.CONFERENCE, target.name)

    def _known(self, kind: DestinationKind, name: str) -> Destination | None:
        to = Destination(kind, name)
        return to if self.line.snapshot.has(to) else None

    async def _enqueue(self, verb: m.Enqueue) -> Outcome | _Next | None:
        options = QueueOptions(importance=int(verb.importance) if verb.importance else None)
        outcome = await self.line.queue(verb.queue, options)
        if outcome.ending is not None and outcome.ending.who not in _OTHERS:
            return outcome
        if not verb.action:
            return None
        result = "bridged" if outcome.ending is not None else outcome.value or outcome.result
        return _Next(resolved(self._base, verb.action), verb.method, {"QueueResult": result})

    async def _refer(self, verb: m.Refer) -> Outcome | _Next | None:
        text = verb.to.removeprefix("sip:").partition("@")[0]
        to = self._known(DestinationKind.EXTENSION, text) or self.number(text)
        outcome = await self.line.transfer(to) if to is not None else Outcome.failed(Cause.UNALLOCATED)
        if outcome.ending is not None or not verb.action:
            return outcome if outcome.ending is not None else None
        return _Next(resolved(self._base, verb.action), verb.method, {"ReferCallStatus": _STATUS.get(outcome.result, "failed")})
