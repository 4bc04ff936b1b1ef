"""The file `queue_log` as Asterisk writes it, so that report programs made for it can be used.

    EPOCH|CALL|QUEUE|AGENT|EVENT|DATA1|DATA2|…      empty fields are NONE, times in data are seconds

| event | data |
|---|---|
| ENTERQUEUE | URL, caller, position |
| CONNECT | wait, call id of the agent's leg, ring time |
| COMPLETEAGENT, COMPLETECALLER | wait, talk, position at entry |
| TRANSFER | target, context, wait, talk, position at entry |
| ABANDON | position, position at entry, wait |
| EXITWITHKEY | key, position, position at entry, wait |
| EXITWITHTIMEOUT, EXITEMPTY | position, position at entry, wait |
| RINGNOANSWER | ring time in ms |
| PAUSE, UNPAUSE | reason |
| ADDMEMBER, REMOVEMEMBER | of the agent's queues, as it signs in and out |
| AGENTLOGIN, AGENTLOGOFF | channel; channel and time signed in |

`Lines` is pure: events in, lines out. `QueueLog` writes them and rotates the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import structlog

from softswitch.model import events as ev
from softswitch.model.states import AgentState

log = structlog.get_logger("queue_log")

NONE = "NONE"
CONTEXT = "softswitch"
_BREAK = frozenset({AgentState.NOT_READY, AgentState.NOT_RESPONDING, AgentState.OFFLINE})


@dataclass(slots=True)
class _Caller:
    number: str
    queue: str = ""
    visit: str = ""
    place: int = 1
    wait_ms: int = 0
    ring_ms: int = 0
    agent: str = ""
    answered: float = 0.0
    """When the agent took the offer; what is logged of it waits for the end of the visit."""
    since: float = 0.0
    """When the agent took the call, once that is logged; 0: nobody talks."""


class Lines:
    """What the log needs to remember of live calls and of who is signed in. `queues_of(login)` are an agent's queues."""

    def __init__(self, queues_of: Callable[[str], Iterable[str]]) -> None:
        self._queues_of = queues_of
        self._calls: dict[str, _Caller] = {}
        self._signed_in: dict[str, tuple[float, str, tuple[str, ...]]] = {}
        self._paused: set[str] = set()

    def of(self, event: ev.Event) -> list[str]:
        return [_line(event.at, *fields) for fields in self._fields(event)]

    def _fields(self, event: ev.Event) -> Iterator[tuple[str, ...]]:
        match event:
            case ev.CallCreated():
                self._calls[event.call] = _Caller(event.caller)
            case ev.QueueEntered():
                yield from self._entered(event)
            case ev.QueueLeft():
                yield from self._left(event)
            case ev.OfferAnswered():
                self._connected(event)
            case ev.OfferFailed():
                yield event.call, event.queue, event.agent, "RINGNOANSWER", str(event.ring_ms)
            case ev.CallTransferred(result="" | "answered") | ev.ConsultEnded(result="transferred"):
                yield from self._transferred(event.call, event.target, event.at)
            case ev.CallEnded():
                yield from self._ended(event)
            case ev.AgentLogin():
                yield from self._login(event)
            case ev.AgentLogout():
                yield from self._logout(event)
            case ev.AgentStateChanged():
                yield from self._state(event)
            case _:
                pass

    # callers

    def _entered(self, event: ev.QueueEntered) -> Iterator[tuple[str, ...]]:
        caller = self._calls.setdefault(event.call, _Caller(""))
        yield from self._complete(event.call, "COMPLETECALLER", event.at)  # the agent was lost, the caller goes back
        caller.queue, caller.visit, caller.place, caller.wait_ms = event.queue, event.visit, event.position, 0
        yield event.call, event.queue, NONE, "ENTERQUEUE", "", caller.number, str(event.position)

    def _connected(self, event: ev.OfferAnswered) -> None:
        """The line itself follows with the end of the visit, which knows the wait."""
        caller = self._calls.get(event.call)
        if caller is not None:
            caller.agent, caller.answered, caller.ring_ms = event.agent, event.at, event.ring_ms

    def _left(self, event: ev.QueueLeft) -> Iterator[tuple[str, ...]]:
        caller = self._calls.get(event.call)
        if caller is None:
            return
        wait, place = _seconds(event.wait_ms), str(caller.place)
        caller.wait_ms = event.wait_ms
        match event.result:
            case "answered":
                caller.since = caller.answered
                yield event.call, event.queue, event.agent, "CONNECT", wait, event.call, _seconds(caller.ring_ms)
            case "abandoned":
                yield event.call, event.queue, NONE, "ABANDON", place, place, wait
            case "key" | "mailbox" | "callback":
                yield event.call, event.queue, NONE, "EXITWITHKEY", event.to or event.result, place, place, wait
            case "closed" | "supervisor":
                yield event.call, event.queue, NONE, "EXITEMPTY", place, place, wait
            case _:
                yield event.call, event.queue, NONE, "EXITWITHTIMEOUT", place, place, wait

    def _transferred(self, call: str, target: str, at: float) -> Iterator[tuple[str, ...]]:
        caller = self._calls.get(call)
        if caller is not None and caller.since:
            kind, _, name = target.partition(":")
            talk = _seconds((at - caller.since) * 1000)
            yield (call, caller.queue, caller.agent, "TRANSFER", name or kind, CONTEXT, _seconds(caller.wait_ms), talk,
                   str(caller.place))  # fmt: skip
            caller.since = 0.0

    def _complete(self, call: str, word: str, at: float) -> Iterator[tuple[str, ...]]:
        caller = self._calls[call]
        if caller.since:
            talk = _seconds((at - caller.since) * 1000)
            yield call, caller.queue, caller.agent, word, _seconds(caller.wait_ms), talk, str(caller.place)
            caller.since = 0.0

    def _ended(self, event: ev.CallEnded) -> Iterator[tuple[str, ...]]:
        if event.call in self._calls:
            yield from self._complete(event.call, "COMPLETECALLER" if event.who == "caller" else "COMPLETEAGENT", event.at)
            del self._calls[event.call]

    # agents

    def _login(self, event: ev.AgentLogin) -> Iterator[tuple[str, ...]]:
        if event.agent in self._signed_in:
            return  # only the station changed
        queues = tuple(self._queues_of(event.agent))
        self._signed_in[event.agent] = (event.at, event.station, queues)
        yield NONE, NONE, event.agent, "AGENTLOGIN", event.station
        for queue in queues:
            yield NONE, queue, event.agent, "ADDMEMBER", ""

    def _logout(self, event: ev.AgentLogout) -> Iterator[tuple[str, ...]]:
        known = self._signed_in.pop(event.agent, None)
        self._paused.discard(event.agent)
        if known is not None:
            since, station, queues = known
            for queue in queues:
                yield NONE, queue, event.agent, "REMOVEMEMBER", ""
            yield NONE, NONE, event.agent, "AGENTLOGOFF", station, _seconds((event.at - since) * 1000)

    def _state(self, event: ev.AgentStateChanged) -> Iterator[tuple[str, ...]]:
        if event.old == event.new and (event.new != AgentState.NOT_READY or event.pending):
            return
        queues = self._signed_in.get(event.agent, (0.0, "", (NONE,)))[2] or (NONE,)
        if event.new in _BREAK:
            self._paused.add(event.agent)
            for queue in queues:
                yield NONE, queue, event.agent, "PAUSE", event.reason or str(event.new)
        elif event.agent in self._paused and event.new != AgentState.LOGGED_OUT:
            self._paused.discard(event.agent)
            for queue in queues:
                yield NONE, queue, event.agent, "UNPAUSE", ""


def _seconds(ms: float) -> str:
    return str(int(ms / 1000 + 0.5))


def _line(at: float, *fields: str) -> str:
    cleaned = (field.replace("|", "_").replace("\n", " ").replace("\r", " ") for field in fields)
    return "|".join([str(int(at)), *cleaned])


class QueueLog:
    """Takes the bus's events; lines are written in order by a thread of its own, so that a slow disk holds up no call.

    A file that exceeds `most_bytes` becomes `NAME.1` and so on; `keep` old ones stay.
    """

    def __init__(self, path: Path, lines: Lines, *, most_bytes: int = 50_000_000, keep: int = 10) -> None:
        self._path = path
        self._lines = lines
        self._most_bytes = most_bytes
        self._keep = keep
        self._file: TextIO | None = None
        self._waiting: list[str] = []
        self._pool = ThreadPoolExecutor(1, "queue-log")
        self._due: asyncio.TimerHandle | None = None

    def note(self, event: ev.Event) -> None:
        """For the bus."""
        self._waiting += self._lines.of(event)
        if self._waiting and self._due is None:
            self._due = asyncio.get_running_loop().call_later(0.2, self._hand_over)

    def _hand_over(self) -> None:
        self._due = None
        lines, self._waiting = self._waiting, []
        self._pool.submit(self._write, lines)

    def _write(self, lines: list[str]) -> None:
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("a", encoding="utf-8")
            self._file.write("".join(f"{line}\n" for line in lines))
            self._file.flush()
            if self._file.tell() > self._most_bytes:
                self._rotate()
        except OSError as error:
            log.error("! queue_log cannot be written", path=str(self._path), error=str(error), lost=len(lines))

    def _rotate(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        for number in range(self._keep - 1, 0, -1):
            old = self._path.with_name(f"{self._path.name}.{number}")
            if old.exists():
                old.replace(self._path.with_name(f"{self._path.name}.{number + 1}"))
        self._path.replace(self._path.with_name(f"{self._path.name}.1"))

    async def close(self) -> None:
        """Everything noted is in the file."""
        if self._due is not None:
            self._due.cancel()
            self._hand_over()
        await asyncio.to_thread(self._pool.shutdown)
        if self._file is not None:
            self._file.close()
