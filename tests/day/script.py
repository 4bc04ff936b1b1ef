"""The day itself: signing in, six hours of callers, a supervisor who listens, an emergency, the end; then the proof."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.day.calls import phone
from tests.day.carriers import STATISTICS, Carriers, free_port_of
from tests.day.configuration import CARRIERS, PASSWORD, apply_file, people, zone_of_morning
from tests.day.measuring import Meter, Usage
from tests.day.pictures import Camera
from tests.day.plan import PHASES, Phase, Plan
from tests.day.staff import Desk, Habits, PhoneAgents, Rest, frames_of
from tests.support.audio import at_rate, read_wav
from tests.support.raw_sip import register
from tests.support.sipp import Sipp, ulaw
from tests.support.switch import Switch, free_sip_port
from tests.support.web_client import WebClient

SPEECH = Path(__file__).parents[1] / "vectors" / "speech"
RATE = 8000


@dataclass
class Outcome:
    """What the day left behind, before anybody judged it."""

    switch: Switch
    began: datetime
    ended: datetime
    sent: int
    called_back: int
    usages: list[Usage]
    desks: list[Desk]
    phones: PhoneAgents
    supervised: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class Day:
    """One run. `pictures`: the folder for them, or None."""

    def __init__(self, plan: Plan, folder: Path, pictures: Path | None, seed: int = 20261122) -> None:
        self.plan, self.folder, self.pictures = plan, folder, pictures
        self.dice = random.Random(seed)
        self.staff = people(plan.agents)
        self.ports = {name: free_port_of(host) for name, host in CARRIERS.items()}
        self.switch = Switch(folder, apply_file(self.staff, self.ports))
        self.desks: list[Desk] = []
        self.faults: list[str] = []
        self.supervised: list[str] = []

    @asynccontextmanager
    async def lived(self) -> AsyncIterator[Outcome]:
        """The whole day; the switch still runs, for the proof."""
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self.switch.start)
            stack.callback(self.switch.stop)
            self.rest = Rest(self.switch.url, self.switch.token)
            stack.push_async_callback(self.rest.close)
            began = datetime.now(UTC) - timedelta(seconds=1)
            assert self.switch.process is not None
            self.meter = Meter(self.switch.process.pid, self.rest)
            stack.enter_context(_running(self.meter.run()))
            self.carriers = Carriers(self.folder / "carriers", f"127.0.0.1:{self.switch.sip_port}", self._speech("customer"),
                                     self.ports)  # fmt: skip
            stack.callback(self.carriers.stop)
            self.camera = await self._camera(stack)
            await self._sign_in(stack)
            for number, phase in enumerate(PHASES):
                await self._hour(number, phase)
            await self._finish()
            yield Outcome(
                self.switch, began, datetime.now(UTC) + timedelta(seconds=1), self.carriers.sent(), self.carriers.called_back(),
                self.meter.usages, self.desks, self.phones, self.supervised, [], self.faults,
            )  # fmt: skip

    async def show_reports(self, outcome: Outcome) -> None:
        if self.camera is not None:
            await asyncio.to_thread(self.camera.report)
            outcome.pictures, outcome.faults = self.camera.taken, outcome.faults + self.camera.faults

    def _speech(self, who: str) -> Path:
        file = self.folder / f"{who}.ulaw"
        if not file.exists():
            rate, (samples,) = read_wav(SPEECH / f"{who}.wav")
            file.write_bytes(ulaw(at_rate(samples, rate, RATE)))
        return file

    async def _link(self, login: str) -> str:
        """A fresh sign-in link, from the running switch: a command of its own costs seconds on a busy machine."""
        made = await self.rest("POST", f"/users/{login}/invite", {})
        return f"{self.switch.url}/login#code={made['link'].split('#code=')[1]}"

    async def _camera(self, stack: AsyncExitStack) -> Camera | None:
        if self.pictures is None:
            return None
        camera = Camera(self.switch.url, await self._link("director"), self.pictures)
        await asyncio.to_thread(camera.open)
        stack.callback(camera.close)
        return camera

    # --- 08:45

    async def _sign_in(self, stack: AsyncExitStack) -> None:
        self.meter.phase("sign-in", "08:45")
        habits = Habits()
        at_phones = tuple(person for person in self.staff if person.extension)
        ear = free_sip_port()
        scenario = phone(self._speech("agent"), ring_ms=700, refuse=habits.refuse, ignore=habits.ignore,
                         end_early=habits.end_early, talk_ms=6000)  # fmt: skip
        process = Sipp(self.folder / "phones", scenario, port=ear, calls=100_000, limit=60, seconds=3600, trace=False,
                       extra=STATISTICS)  # fmt: skip
        process.start()
        stack.callback(process.stop)
        for person in at_phones:
            status = await asyncio.to_thread(register, self.switch.sip_port, person.extension, PASSWORD, ear)
            assert status == 200, f"{person.extension} was not registered: {status}"
            await self.rest("PUT", f"/agents/{person.login}/state", {"state": "ready"})
        self.phones = PhoneAgents(self.rest, at_phones)
        stack.enter_context(_running(self.phones.live(self.dice)))
        rate, (samples,) = read_wav(SPEECH / "agent.wav")
        frames = frames_of(at_rate(samples, rate, RATE))
        for person in self.staff:
            if not person.extension:
                desk = Desk(self.switch, person.login, person=person, frames=frames, dice=random.Random(person.login))
                desk.login_link = await self._link(person.login)
                await desk.open()
                stack.push_async_callback(desk.close)
                await desk.ask("agent.state", state="ready")
                self.desks.append(desk)
        self.ear = WebClient(self.switch, "ear", login_link=await self._link("ear"))
        await stack.enter_async_context(self.ear)
        await self.ear.ask("subscribe", topics=["calls"])
        await self.ear.connect_media()
        await self._all({"ready"}, "everybody to be ready")

    # --- 09:00 to 18:00

    async def _hour(self, number: int, phase: Phase) -> None:
        self.meter.phase(phase.name, phase.clock)
        began, length = time.monotonic(), self.plan.length(phase)
        begin = asyncio.create_task(asyncio.to_thread(self.carriers.begin, self.plan, number, phase))
        match phase.name:
            case "lunch":
                await self._meal(True)
            case "emergency":
                await self.rest("PUT", "/queues/service/emergency", {"on": True, "announcement": "emergency"})
            case "closing":
                await begin
                await asyncio.sleep(length * 0.4)
                await self._close()
            case _:
                pass
        await begin
        await self._until(began + length * 0.6)
        if phase.name == "morning peak":
            await asyncio.gather(self._photograph("morning", True), self._supervise())
        elif phase.name == "emergency":
            await self._photograph("emergency", False)
        await self._until(began + length)
        if phase.name == "lunch":
            await self._meal(False)
        elif phase.name == "emergency":
            await self.rest("PUT", "/queues/service/emergency", {"on": False})

    async def _photograph(self, moment: str, wallboard: bool) -> None:
        if self.camera is not None:
            await asyncio.to_thread(self.camera.board, moment)
            if wallboard:
                await asyncio.to_thread(self.camera.wallboard, moment)

    async def _meal(self, away: bool) -> None:
        """A third of the agents eats, whatever they were doing: the state comes when the call is over."""
        state = {"state": "not_ready", "reason": "meal"} if away else {"state": "ready"}
        for desk in self.desks[::3]:
            desk.on_break = away
            await desk.ask("agent.state", **state)
        async with self.phones.looking:
            for person in self.phones.people[::3]:
                (self.phones.on_break.add if away else self.phones.on_break.discard)(person.login)
                await self.rest("PUT", f"/agents/{person.login}/state", state)

    async def _supervise(self) -> None:
        """Listens to three conversations, whispers in the second, one after the other."""
        for mode in ("listen", "whisper", "listen"):
            talking = [call for call in (await self.rest("GET", "/calls?state=talking"))["items"] if call["agent"]]
            if not talking:
                continue
            call = self.dice.choice(talking)["id"]
            reply = await self.ear.ask_raw("monitor.set", call=call, mode=mode)
            if "ok" not in reply:
                continue  # it was over
            self.supervised.append(call)
            await asyncio.sleep(2.0)
            await self.ear.ask_raw("monitor.set", call=call, mode="off")

    async def _close(self) -> None:
        """From now on the centre is closed: who calls hears so, who waits is still served."""
        here = datetime.now(ZoneInfo(zone_of_morning()))
        day = {"kind": "special", "open": [f"00:00-{here - timedelta(minutes=1):%H:%M}"], "title": "closing"}
        await self.rest("PUT", f"/calendars/office/days/{here.date()}", day)

    # --- 18:00

    async def _finish(self) -> None:
        """Calls end, callbacks too; then everybody goes home."""
        self.meter.phase("sign-out", "18:00")
        self.faults += await asyncio.to_thread(self.carriers.finish, 60)
        for callback in (await self.rest("GET", "/callbacks?state=open"))["items"]:
            if callback["state"] != "dialling":
                await self.rest("PUT", f"/callbacks/{callback['id']}", {"state": "cancelled"})
        try:
            await self._eventually(self._is_quiet, 60, "every call to end")
        except TimeoutError as fault:
            self.faults.append(f"waited in vain for {fault}")
        for desk in self.desks:
            desk.on_break = True
            await desk.settled()
            await desk.ask("agent.state", state="logged_out")
        async with self.phones.looking:
            for person in self.phones.people:
                self.phones.on_break.add(person.login)
                await self.rest("PUT", f"/agents/{person.login}/state", {"state": "logged_out"})
        await self._all({"logged_out"}, "everybody to be signed out")
        self.meter.close()
        self.faults += [fault for desk in self.desks for fault in desk.faults]

    async def _is_quiet(self) -> bool:
        live = (await self.rest("GET", "/calls?state=live"))["items"]
        opened = (await self.rest("GET", "/callbacks?state=open"))["items"]
        return not live and not opened

    async def _all(self, states: set[str], why: str) -> None:
        async def reached() -> bool:
            return {agent["state"] for agent in (await self.rest("GET", "/agents"))["items"]} == states

        try:
            await self._eventually(reached, 60, why)
        except TimeoutError:
            found = Counter((a["state"], a["reason"]) for a in (await self.rest("GET", "/agents"))["items"])
            self.faults.append(f"{why}: {dict(found)}")

    async def _eventually(self, reached: Any, seconds: float, why: str) -> None:
        deadline = time.monotonic() + seconds
        while not await reached():
            if time.monotonic() > deadline:
                raise TimeoutError(why)
            await asyncio.sleep(0.5)

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))


@contextlib.contextmanager
def _running(work: Any) -> Any:
    """A task for as long as this lasts; what it failed of is raised at the end."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        if task.done() and not task.cancelled():
            task.result()
        task.cancel()


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="softswitch-day-"))
