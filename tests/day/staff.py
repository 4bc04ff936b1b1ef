"""The people of the day: agents at browsers with a peer connection of their own, agents at phones, and how they work."""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from aiortc import MediaStreamTrack
from av import AudioFrame

from tests.day.configuration import CODES, Person
from tests.support.audio import Samples
from tests.support.web_client import ToneTrack, WebClient

RATE = 8000
RESULT_CODES = {"sales": CODES, "service": ("solved", "call_again"), "vip": ("solved", "ordered")}


@dataclass(frozen=True, slots=True)
class Habits:
    """Shares of 1, seconds."""

    refuse: float = 0.05
    ignore: float = 0.04
    end_early: float = 0.25
    talk: tuple[float, float] = (3.0, 9.0)
    result: tuple[float, float] = (0.5, 2.5)
    back_after: float = 4.0


class Rest:
    """REST as the administrator's program."""

    def __init__(self, url: str, token: str) -> None:
        self._http = aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"})

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON reply. Raises AssertionError with the problem."""
        async with self._http.request(method, "/api/v1" + path, json=body) as reply:
            content = await reply.read()
            assert reply.status < 400, f"{method} {path}: {reply.status} {content[:400]!r}"
            return await reply.json() if content else None

    async def file(self, path: str) -> bytes:
        async with self._http.get("/api/v1" + path) as reply:
            assert reply.status == 200, await reply.text()
            return await reply.read()

    async def close(self) -> None:
        await self._http.close()


class Voice(ToneTrack):
    """Speech in a loop while somebody listens; silence is not sent, as many pages with fifteen peers are one process here."""

    def __init__(self, frames: list[bytes], talks: asyncio.Event) -> None:
        super().__init__(0.0)
        self._frames = frames
        self._talks = talks
        self._paced = 0.0

    async def recv(self) -> AudioFrame:
        await self._talks.wait()
        loop = asyncio.get_running_loop()
        self._paced = max(self._paced + 0.02, loop.time() - 0.1)
        await asyncio.sleep(max(0.0, self._paced - loop.time()))
        frame = AudioFrame(format="s16", layout="mono", samples=RATE // 50)
        frame.planes[0].update(self._frames[self._index % len(self._frames)])
        frame.sample_rate = RATE
        frame.pts = self._index * (RATE // 50)
        frame.time_base = fractions.Fraction(1, RATE)
        self._index += 1
        return frame


def frames_of(samples: Samples) -> list[bytes]:
    whole = samples[: len(samples) // 160 * 160]
    return [part.tobytes() for part in (np.clip(whole, -1, 1) * 32767).astype("<i2").reshape(-1, 160)]


@dataclass
class Desk(WebClient):
    """An agent's page: WebSocket and aiortc, working by habits until it is told to stop."""

    person: Person | None = None
    frames: list[bytes] = field(default_factory=list)
    habits: Habits = Habits()
    dice: random.Random = field(default_factory=random.Random)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    on_break: bool = False

    async def open(self) -> None:
        await self.__aenter__()
        self._talks = asyncio.Event()
        self._state, self._queue = "", ""
        await self.ask("subscribe", topics=["agent"])
        self._track = Voice(self.frames, self._talks)
        await self.connect_media()
        self._doing: set[asyncio.Task[None]] = set()
        self._work = asyncio.create_task(self._live())

    def voice(self) -> MediaStreamTrack:
        return self._track

    async def settled(self) -> None:
        """Until what this person began is done."""
        while self._doing:
            await asyncio.gather(*self._doing)

    async def close(self) -> None:
        self._work.cancel()
        for task in self._doing:
            task.cancel()
        await self.__aexit__()

    async def _hear(self, track: MediaStreamTrack) -> None:
        """Counts what comes and what of it is no silence; no ear is needed here."""
        with contextlib.suppress(Exception):  # aiortc's MediaStreamError at the end of the track
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self.counts["frames"] += 1
                if self._talks.is_set() and self.counts["frames"] % 10 == 0:
                    self.counts["loud"] += int(np.abs(frame.to_ndarray()).max() > 300)

    async def _live(self) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self.events)
                event = self.events.pop(0)
            match event["type"]:
                case "offer.made":
                    self._do(self._answer(event["offer"]))
                case "agent.state":
                    self._seen(event["agent"])

    def _seen(self, agent: dict[str, Any]) -> None:
        state = agent["state"]
        talks = state in ("talking", "holding", "consulting", "conference")
        if talks and not self._talks.is_set() and self.dice.random() < self.habits.end_early:
            self._do(self._end_early(agent["call"]))
        self._talks.set() if talks else self._talks.clear()
        before, self._state = self._state, state
        if state == before:
            return
        if state == "wrap_up":
            self._do(self._write_result())
        if state == "not_responding":
            self._do(self._come_back())

    def _do(self, work: Any) -> None:
        async def tried() -> None:
            try:
                await work
            except (TimeoutError, AssertionError) as fault:
                self.faults.append(f"{self.login}: {fault}")

        task = asyncio.create_task(tried())
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _answer(self, offer: dict[str, Any]) -> None:
        self._queue = offer["queue"]
        fate = self.dice.random()
        if fate < self.habits.ignore:
            self.counts["ignored"] += 1
            return
        await asyncio.sleep(self.dice.uniform(0.2, 1.2))
        refuses = fate < self.habits.ignore + self.habits.refuse
        kind = "offer.reject" if refuses else "offer.accept"
        reply = await self.ask_raw(kind, offer=offer["id"])
        gone = "error" in reply  # the caller was faster
        self.counts["too_late" if gone else "refused" if refuses else "accepted"] += 1

    async def _end_early(self, call: str | None) -> None:
        await asyncio.sleep(self.dice.uniform(*self.habits.talk))
        if self._talks.is_set():
            reply = await self.ask_raw("call.hangup")
            self.counts["ended" if "ok" in reply else "too_late"] += 1

    async def _write_result(self) -> None:
        await asyncio.sleep(self.dice.uniform(*self.habits.result))
        codes = RESULT_CODES[self._queue]
        reply = await self.ask_raw("wrapup.done", codes=[self.dice.choice(codes)], note="")
        if "ok" in reply:
            self.counts["results"] += 1
        elif reply["error"]["status"] != 409:  # 409: it was over by itself
            self.faults.append(f"{self.login}: {reply['error']}")

    async def _come_back(self) -> None:
        await asyncio.sleep(self.habits.back_after)
        if not self.on_break and self._state == "not_responding":
            await self.ask("agent.state", state="ready")


@dataclass
class PhoneAgents:
    """Those with a phone only: a colleague's program signs them in and finds out who did not respond."""

    rest: Rest
    people: tuple[Person, ...]
    back_after: float = 4.0
    on_break: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held for each look at all of them: whoever is sent away meanwhile would be called back by what was seen before."""

    async def live(self, dice: random.Random) -> None:
        since: dict[str, float] = {}
        while True:
            async with self.looking:
                for agent in (await self.rest("GET", "/agents"))["items"]:
                    await self._attend(agent["login"], agent["state"], since, dice)
            await asyncio.sleep(1)

    async def _attend(self, login: str, state: str, since: dict[str, float], dice: random.Random) -> None:
        if login in self.on_break or login not in {person.login for person in self.people}:
            return
        now = asyncio.get_running_loop().time()
        if state == "wrap_up" and dice.random() < 0.4:
            self.counts["results"] += 1
            with contextlib.suppress(AssertionError):  # it was over by itself
                await self.rest("PUT", f"/agents/{login}/state", {"state": "wrap_up_done"})
        elif state != "not_responding":
            since.pop(login, None)
        elif now - since.setdefault(login, now) >= self.back_after:
            self.counts["back"] += 1
            await self.rest("PUT", f"/agents/{login}/state", {"state": "ready"})
