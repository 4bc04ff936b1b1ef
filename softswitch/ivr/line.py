"""A call as the line that verbs work on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace

from softswitch.calls.call import Call
from softswitch.calls.outcome import Outcome
from softswitch.calls.sound import FREELY, Steering
from softswitch.directory.snapshot import Snapshot
from softswitch.ivr.desk import Desk
from softswitch.ivr.doors import Doors
from softswitch.ivr.verbs.base import DEFAULT, QueueOptions
from softswitch.legs.base import PartyKind
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.events import Event, SurveyAnswered, SurveySkipped
from softswitch.voicemail.taking import Take, Taken


class CallLine:
    """`verbs.base.Line` over a call. The caller's language and variables stay with the call when it leaves the flow."""

    def __init__(self, call: Call, clock: Clock, directory: Callable[[], Snapshot], desk: Desk, doors: Doors) -> None:
        self._call = call
        self._clock = clock
        self._directory = directory
        self._doors = doors
        self._secrets: dict[str, str] = {}
        self.desk = desk

    @property
    def call(self) -> str:
        return self._call.id

    @property
    def caller(self) -> str:
        return self._call.facts.caller

    @property
    def caller_is_certain(self) -> bool:
        """Only a trunk's network can vouch for a number; a phone or page is who it logged in as, a widget is nobody."""
        facts = self._call.facts
        return facts.kind is PartyKind.TRUNK and facts.asserted

    @property
    def called(self) -> str:
        return self._call.facts.called

    @property
    def language(self) -> str:
        return self._call.language

    @language.setter
    def language(self, language: str) -> None:
        self._call.language = language

    @property
    def variables(self) -> MutableMapping[str, str]:
        return self._call.variables

    @property
    def secrets(self) -> MutableMapping[str, str]:
        return self._secrets

    @property
    def snapshot(self) -> Snapshot:
        return self._directory()

    def emit(self, event: Event) -> None:
        """Answers of a survey bear the agent and the queue they are about."""
        if isinstance(event, SurveyAnswered | SurveySkipped):
            tally = self._call.tally()
            event = replace(event, agent=tally.agent, queue=tally.queue)
        self._call.emit(event)

    def utc(self) -> float:
        return self._clock.utc()

    async def answer(self) -> None:
        await self._call.answer()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def play(
        self, prompts: Sequence[str], *, languages: Sequence[str] = (), stop_on_key: bool = True, volume: float = 0.0,
        start: float = 0.0, stop_on_voice: bool = False, steering: Steering = FREELY,
    ) -> None:  # fmt: skip
        for language in languages or (self.language,):
            if not prompts:
                return
            self._call.caller.open_early()
            why = await self._call.sound.play(
                prompts, language, stop_on_key=stop_on_key, gain=volume, offset=round(start * 1000),
                stop_on_voice=stop_on_voice, steering=steering,
            )  # fmt: skip
            if why in ("digit", "talk"):
                return

    async def music(self, name: str, seconds: float, *, stop_on_key: bool = False) -> None:
        await self._call.music(name)
        try:
            if stop_on_key:
                await self._call.sound.key_pressed(seconds)
            else:
                await asyncio.sleep(seconds)
        finally:
            if not self._call.is_over:
                self._call.stop_music()

    async def collect(
        self, max_digits: int, *, seconds: float, inter_digit: float, finish_on: str = "",
        enough: Callable[[str], bool] | None = None,
    ) -> str:  # fmt: skip
        if enough is None:
            return await self._call.collect(max_digits, seconds=seconds, inter_digit=inter_digit, finish_on=finish_on)
        pressed = ""
        while len(pressed) < max_digits:
            digit = await self._call.collect(
                1, seconds=inter_digit if pressed else seconds, inter_digit=inter_digit, finish_on=finish_on
            )
            pressed += digit
            if not digit or enough(pressed):
                break
        return pressed

    def forget_digits(self) -> None:
        self._call.forget_digits()

    def conceal(self, *, hidden: bool) -> None:
        self._call.timeline.concealed = hidden
        recorder = self._call.conversation.recorder
        if recorder.is_live and recorder.paused != hidden:
            (recorder.pause if hidden else recorder.resume)("system")

    async def record(self, take: Take) -> Taken:
        return await self._doors.take(self._call, take)

    async def replay(self, taken: Taken) -> None:
        await self._doors.replay(self._call, taken)

    def control_recording(self, action: str) -> None:
        self._doors.control(self._call, action)

    async def queue(self, name: str, options: QueueOptions = DEFAULT) -> Outcome:
        return await self._doors.enter(self._call, name, options)

    async def transfer(self, to: Destination, *, seconds: float = 0.0) -> Outcome:
        return await self._doors.go(self._call, to, seconds)

    async def voicemail(self, mailbox: str, greeting: str) -> Outcome:
        return await self._doors.leave(self._call, mailbox, greeting)
