"""The one agent of the mock with a scripted call, the board, and everybody who is connected."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import data
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack

Json = dict[str, Any]
CROWD = 500
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = (
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "艳",
    "勇",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
    "建国",
    "晓东",
)
STATES = ("ready", "talking", "talking", "talking", "wrap_up", "not_ready", "holding", "ringing", "logged_out", "consulting")


class Seat:
    """What the pages see; `sockets` are the server's clients with `event`."""

    def __init__(self) -> None:
        self.sockets: list[Any] = []
        self.peers: list[RTCPeerConnection] = []
        self.task: asyncio.Task[None] | None = None
        self.reset()

    def reset(self) -> None:
        if self.task:
            self.task.cancel()
            self.task = None
        self.mode = "timed"
        self.agent = data.agent("agent1", "李静", "logged_out", 0, queues=["sales", "service"])
        self.offer: Json | None = None
        self.call: Json | None = None
        self.board: dict[str, list[Json]] = {
            "agents": data.board_agents(), "queues": data.board_queues(), "calls": data.board_calls(), "trunks": data.trunks(),
        }  # fmt: skip

    async def tell(self, event: Json) -> None:
        for client in list(self.sockets):
            await client.event(event)

    async def become(self, state: str, **more: Any) -> Json:
        self.agent = {
            **self.agent,
            "state": state,
            "since": data.ago(0),
            "reason": "",
            "wrap_up_until": None,
            "wrap_up": None,
            **more,
        }
        await self.tell({"type": "agent.state", "agent": self.agent})
        await self.tell({"type": "board.agent", "agent": self.agent})
        return self.agent

    async def show_call(self, call: Json) -> Json:
        self.call = None if call["state"] == "ended" else call
        await self.tell({"type": "call.state", "call": call})
        return call

    async def ring(self, kind: str) -> None:
        self.offer = data.offer("c9", kind)
        await self.become("ringing")
        await self.tell({"type": "offer.made", "offer": self.offer})

    async def withdraw(self, reason: str) -> None:
        self.offer = None
        await self.tell({"type": "offer.withdrawn", "reason": reason})
        await self.become("ready")

    async def connect_call(self, **more: Any) -> None:
        offer = self.offer or data.offer("c9", "unknown")
        self.offer = None
        taken = {key: offer[key] for key in ("caller", "caller_name", "customer", "context", "variables")}
        people = [data.member("p1", "customer", "customer"), data.member("p2", "agent:agent1", "agent")]
        call = data.call(
            "c9", "talking", 0, agent="agent1", agent_name="李静", recording_live=True, participants=people, **taken
        )
        await self.show_call({**call, **more})
        await self.become("talking", call="c9")

    async def end_call(self, state: str = "wrap_up") -> None:
        if self.call:
            ended = {"state": "ended", "result": "answered", "ended": data.ago(0), "recording": data.recording("r9")}
            await self.show_call({**self.call, **ended})
        if state != "wrap_up":
            await self.become(state, call=None)
            return
        wrap_up = {"mode": self.mode, "codes_required": self.mode == "until_done", "extensions_left": 2}
        until = None if self.mode == "until_done" else data.ago(-30)
        await self.become("wrap_up", call=None, wrap_up_until=until, wrap_up=wrap_up)

    async def people(self, state: str, members: list[Json]) -> None:
        """The call goes on with these participants."""
        if self.call:
            await self.become(state, call=self.call["id"])
            await self.show_call({**self.call, "participants": members})

    async def force(self, login: str, state: str, reason: str) -> Json:
        rows = self.board["agents"]
        for index, row in enumerate(rows):
            if row["login"] == login:
                rows[index] = {**row, "state": state, "reason": reason, "since": data.ago(0)}
                await self.tell({"type": "board.agent", "agent": rows[index]})
                return rows[index]
        return await self.become(state, reason=reason)

    async def ask_help(self, login: str) -> None:
        for index, row in enumerate(self.board["agents"]):
            if row["login"] == login:
                self.board["agents"][index] = {**row, "help": "asked"}
                await self.tell({"type": "board.agent", "agent": self.board["agents"][index]})
        await self.tell({"type": "help", "agent": login, "state": "asked"})

    async def end_help(self, login: str) -> str | None:
        """The call of the agent who is helped."""
        for index, row in enumerate(self.board["agents"]):
            if row["login"] == login:
                self.board["agents"][index] = {**row, "help": ""}
                await self.tell({"type": "board.agent", "agent": self.board["agents"][index]})
        await self.tell({"type": "help", "agent": login, "state": "accepted"})
        return next((row["call"] for row in self.board["agents"] if row["login"] == login), None)

    async def emergency(self, name: str, body: Json) -> Json:
        for index, row in enumerate(self.board["queues"]):
            if row["name"] == name:
                value = (
                    {"on": True, "announcement": body.get("announcement", ""), "until": body.get("until")}
                    if body["on"]
                    else None
                )
                self.board["queues"][index] = {**row, "emergency": value}
                await self.tell({"type": "board.queue", "queue": self.board["queues"][index]})
        return {}

    async def move(self, name: str, call: str, body: Json) -> None:
        for index, row in enumerate(self.board["queues"]):
            if row["name"] != name:
                continue
            calls = [
                {**one, **({"importance": body["importance"]} if one["call"] == call and "importance" in body else {})}
                for one in row["calls"]
            ]
            if body.get("front"):
                calls.sort(key=lambda one: one["call"] != call)
            if body.get("queue"):
                calls = [one for one in calls if one["call"] != call]
            self.board["queues"][index] = {**row, "calls": calls, "waiting": len(calls)}
            await self.tell({"type": "board.queue", "queue": self.board["queues"][index]})

    def crowd(self) -> None:
        """500 agents, 40 of whom change every second."""
        dice = random.Random(5)
        teams = ("一组", "二组", "夜班")
        self.board["agents"] = [
            data.agent(f"a{i:03d}", dice.choice(SURNAMES) + dice.choice(GIVEN), dice.choice(STATES), dice.randint(1, 900), team=teams[i % 3],
                       occupancy=dice.random(), queues=dice.sample(["sales", "service", "vip"], 2))
            for i in range(CROWD)
        ]  # fmt: skip
        self.board["calls"] += [
            data.call(f"x{i}", "talking", dice.randint(5, 600), agent=f"a{i:03d}", agent_name=f"座席{i}") for i in range(150)
        ]
        self.task = asyncio.get_running_loop().create_task(self.churn(dice))

    async def churn(self, dice: random.Random) -> None:
        while True:
            await asyncio.sleep(1)
            for index in dice.sample(range(CROWD), 40):
                row = {**self.board["agents"][index], "state": dice.choice(STATES), "since": data.ago(0)}
                self.board["agents"][index] = row
                await self.tell({"type": "board.agent", "agent": row})

    async def answer(self, sdp: str) -> str:
        peer = RTCPeerConnection()
        self.peers.append(peer)
        peer.addTrack(AudioStreamTrack())
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp


def party_of(to: str) -> str:
    return to if ":" in to else f"outside:{to}"


async def serve(seat: Seat, kind: str, ask: Json) -> Json:
    """What an agent asks by WebSocket or as a command by REST."""
    call, people = seat.call, list(seat.call["participants"]) if seat.call else []
    name = kind.removeprefix("call.")
    if name in ("hold", "resume") and call:
        held = name == "hold"
        await seat.become("holding" if held else "talking", call=call["id"])
        await seat.show_call({**call, "state": "held" if held else "talking"})
    elif name == "consult":
        await seat.people(
            "consulting", [{**people[0], "state": "held"}, *people[1:], data.member("p3", party_of(ask["to"]), "consulted")]
        )
    elif name in ("consult.merge", "invite", "mute_member", "remove", "consult.cancel"):
        await conference(seat, name, ask, people)
    elif name in ("transfer", "consult.complete"):
        await seat.end_call()
    elif name == "park":
        await seat.end_call("ready")
        return {"slot": "701"}
    elif name in ("pickup", "queue.pick"):
        await seat.connect_call()
    elif name == "record" and call:
        paused = ask["action"] == "pause"
        await seat.show_call({**call, "recording_live": not paused, "recording_paused": paused})
    elif name == "help.ask":
        await seat.become(seat.agent["state"], call=seat.agent["call"], help="asked")
        await seat.tell({"type": "help", "agent": "agent1", "state": "asked"})
    elif name == "agent.station":
        await seat.become(seat.agent["state"], station=ask["station"])
    elif name.startswith("wrapup."):
        return await wrap_up(seat, name, ask)
    return {}


async def conference(seat: Seat, name: str, ask: Json, people: list[Json]) -> None:
    if name == "consult.cancel":
        people = [{**one, "state": "talking"} for one in people if one["role"] != "consulted"]
    elif name == "consult.merge":
        people = [
            {**one, "state": "talking", "role": "member" if one["role"] == "consulted" else one["role"]} for one in people
        ]
    elif name == "invite":
        people.append(data.member(f"p{len(people) + 2}", party_of(ask["to"]), "member"))
    elif name == "mute_member":
        people = [
            {**one, "state": "muted" if ask["on"] else "talking"} if one["id"] == ask["participant"] else one for one in people
        ]
    else:
        people = [one for one in people if one["id"] != ask["participant"]]
    await seat.people("conference" if len(people) > 2 else "talking", people)


async def wrap_up(seat: Seat, name: str, ask: Json) -> Json:
    if name == "wrapup.done":
        return await seat.become("ready")
    if name == "wrapup.start":
        await seat.end_call()
        return {}
    state = {**seat.agent["wrap_up"], "extensions_left": seat.agent["wrap_up"]["extensions_left"] - 1}
    since = seat.agent["since"]
    await seat.become("wrap_up", wrap_up_until=data.ago(-60), wrap_up=state)
    seat.agent["since"] = since
    return {}
