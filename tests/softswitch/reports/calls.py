"""Random timelines of a call centre as the switch makes them: waits, offers, RONA, transfers, overflow, callbacks, crashes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from softswitch.model import events as ev
from softswitch.model.cause import Cause

DAY = 1_763_740_800.0  # 2025-11-21 16:00 UTC, midnight in Shanghai
QUEUES = ("sales", "repair", "vip")
AGENTS = ("li", "wang", "zhao", "chen")
EXITS = ("abandoned", "key", "mailbox", "timeout", "overflow", "callback", "closed", "supervisor")


class Maker:
    """One call at a time: `events` in order, stamped."""

    def __init__(self, dice: random.Random, number: int, at: float) -> None:
        self.dice = dice
        self.call = f"{int(at):08x}{number:06}"
        self.at = at
        self.events: list[ev.Event] = []
        self._number = 0

    def emit(self, event: ev.Event) -> None:
        self.events.append(ev.stamped(event, call=self.call, seq=len(self.events) + 1, at=self.at))

    def later(self, least: float, most: float) -> None:
        self.at = round(self.at + self.dice.uniform(least, most), 3)

    def name(self, kind: str) -> str:
        self._number += 1
        return f"{kind}-{self.call}-{self._number}"

    # parts of calls

    def arrive(self) -> None:
        self.emit(ev.CallCreated(direction="in", caller=str(self.dice.randint(13800000000, 13899999999)), called="4008001000",
                                 trunk=self.dice.choice(["carrier", "second"]), channel=self.dice.randint(0, 4)))  # fmt: skip
        self.emit(ev.CallAnswered(leg="l1"))
        self.emit(ev.IvrEntered(flow="main"))
        for node in ("hello", "menu"):
            began = self.at
            self.later(0.5, 9)
            ms = round((self.at - began) * 1000)
            self.emit(ev.IvrNode(flow="main", node=node, verb="menu", result=self.dice.choice("12"), ms=ms))
            if self.dice.random() < 0.05:
                return
        if int(self.call[-1]) % 5 == 0:
            self.emit(ev.IvrNode(flow="main", node="told", verb="label", result="goal", ms=0))

    def wait(self, queue: str) -> str:
        """A visit; returns its result. Some offers fail before."""
        visit, entered, predicted = self.name("v"), self.at, self.dice.choice([-1, 20_000])
        self.emit(ev.QueueEntered(queue=queue, visit=visit, position=1, predicted_ms=predicted, p80_ms=predicted * 2))
        at_once = self.dice.random() < 0.3
        offers = self.dice.randint(0, 2)
        for number in range(offers):
            if not (at_once and number == 0):
                self.later(0.2, 40)
            if not self._fails(queue, visit, entered):
                return "answered"
        self.later(0.1, 60)
        result = self.dice.choice(EXITS)
        self.emit(ev.QueueLeft(queue=queue, visit=visit, result=result, wait_ms=round((self.at - entered) * 1000)))
        if result == "callback":
            self.emit(ev.CallbackCreated(queue=queue, callback=self.name("cb"), number="138", visit=visit))
        return result

    def _fails(self, queue: str, visit: str, entered: float) -> bool:
        """One offer: True when the caller waits on."""
        agent, offer = self.dice.choice(AGENTS), self.name("o")
        waited = round((self.at - entered) * 1000)
        common: dict[str, Any] = {"agent": agent, "queue": queue, "offer": offer}
        self.emit(ev.OfferMade(**common, visit=visit, wait_ms=waited))
        self.emit(ev.OfferRinging(**common))
        rang = self.at
        self.later(0.5, 22)
        ring_ms = round((self.at - rang) * 1000)
        fate = self.dice.random()
        if fate < 0.25:
            self.emit(ev.OfferFailed(**common, reason=self.dice.choice(["no_answer", "reject", "busy", "device", "lost"]),
                                     ring_ms=ring_ms))  # fmt: skip
            return True
        wait_ms = round((self.at - entered) * 1000)
        if fate < 0.35:
            self.emit(ev.OfferWithdrawn(**common, reason="abandoned"))
            self.emit(ev.QueueLeft(queue=queue, visit=visit, result="abandoned", wait_ms=wait_ms))
            self.end("caller")
            return False
        self.emit(ev.OfferAnswered(**common, ring_ms=ring_ms))
        self.emit(ev.QueueLeft(queue=queue, visit=visit, agent=agent, result="answered", wait_ms=wait_ms))
        self.talk(agent, queue)
        return False

    def talk(self, agent: str, queue: str) -> None:
        leg = self.name("l")
        self.emit(ev.CallConnected(agent=agent, queue=queue, leg=leg, other=f"agent:{agent}"))
        self.later(5, 200)
        if self.dice.random() < 0.3:
            self.emit(ev.CallHeld(actor=agent))
            self.later(1, 50)
            self.emit(ev.CallResumed(actor=agent))
            self.later(1, 50)
        if int(self.call[-1]) % 5 == 0:
            self._transfer(agent, leg)
        elif self.dice.random() < 0.1:
            self.emit(ev.LegEnded(leg=leg, cause="normal", by="peer"))  # the agent was lost: back to the line
            self.wait(queue)

    def _transfer(self, agent: str, leg: str) -> None:
        other = self.dice.choice([name for name in AGENTS if name != agent])
        self.emit(ev.ConsultStarted(target=f"agent:{other}", agent=agent))
        self.later(1, 30)
        if self.dice.random() < 0.5:
            self.emit(ev.ConsultEnded(target=f"agent:{other}", agent=agent, result="transferred"))
            self.emit(ev.LegEnded(leg=leg, cause="normal", by="us"))
            self.emit(ev.CallConnected(agent=other, leg=self.name("l"), other=f"agent:{other}"))
        else:
            self.emit(ev.ConsultEnded(target=f"agent:{other}", agent=agent, result="failed"))
        self.later(1, 60)

    def outbound(self) -> None:
        agent = self.dice.choice(AGENTS)
        self.emit(ev.CallCreated(direction="out", caller=agent, called="01012345678", agent=agent, source="browser"))
        self.later(0.1, 1)
        leg = self.name("l")
        self.emit(ev.LegStarted(leg=leg, target="carrier", trunk="carrier", channel=self.dice.randint(0, 4)))
        self.later(1, 30)
        if self.dice.random() < 0.6:
            self.emit(ev.CallConnected(other="outside:010", leg=leg))
            self.later(3, 300)
            self.emit(ev.LegEnded(leg=leg, cause="normal", by="peer"))
            self.end("callee")
        else:
            self.emit(ev.LegEnded(leg=leg, cause="busy", by="peer"))
            self.end("system", Cause.BUSY)

    def end(self, who: str, cause: Cause = Cause.NORMAL) -> None:
        if not any(isinstance(event, ev.CallEnded) for event in self.events):
            self.emit(ev.CallEnded(who=who, cause=cause.word, q850=cause.q850, sip_status=cause.sip))


def one_call(dice: random.Random, number: int, at: float) -> list[ev.Event]:
    maker = Maker(dice, number, at)
    if dice.random() < 0.2:
        maker.outbound()
    else:
        maker.arrive()
        for _ in range(dice.randint(0, 2)):  # overflow: one queue after the other
            result = maker.wait(dice.choice(QUEUES))
            if result not in ("overflow", "timeout", "key"):
                break
        maker.end(dice.choice(["caller", "agent", "system"]))
    events = maker.events
    ended = next(index for index, event in enumerate(events) if isinstance(event, ev.CallEnded))
    events = events[: ended + 1]
    if dice.random() < 0.05:  # the node died in the middle of it
        cut = dice.randint(1, len(events) - 1)
        lost = Cause.NODE_LOST
        end = ev.CallEnded(who="system", cause=lost.word, q850=lost.q850, sip_status=lost.sip, actor="system")
        events = [*events[:cut], ev.stamped(end, call=maker.call, seq=cut + 1, at=events[cut - 1].at)]
    return events


def agent_states(dice: random.Random, agent: str, since: float, count: int) -> Iterator[ev.Event]:
    """A day of one agent: not connected with the calls, which is all the same for sums of states."""
    at, old = since, "logged_out"
    for _ in range(count):
        new, reason = dice.choice([
            ("ready", ""), ("not_ready", "lunch"), ("not_ready", "break"), ("reserved", ""), ("ringing", ""), ("talking", ""),
            ("holding", ""), ("wrap_up", ""), ("not_responding", "no_answer"), ("offline", ""), ("logged_out", ""),
        ])  # fmt: skip
        queue = dice.choice(("", *QUEUES)) if new in ("talking", "wrap_up") else ""
        yield ev.AgentStateChanged(agent=agent, at=at, old=old, new=new, reason=reason, queue=queue)
        old = new
        at = round(at + dice.uniform(0.5, 3000), 3)


def a_day(seed: int, calls: int, *, since: float = DAY, seconds: float = 20_000.0) -> list[ev.Event]:
    """Events of many calls and of agents in the order of their times. The last calls are not over."""
    dice = random.Random(seed)
    found: list[ev.Event] = []
    for number in range(calls):
        found += one_call(dice, number, round(since + dice.uniform(0, seconds), 3))
    for agent in AGENTS:
        found += agent_states(dice, agent, since + dice.uniform(0, 900), 40)
    for state in ("up", "down", "up"):
        found.append(ev.TrunkStateChanged(trunk="carrier", state=state, at=round(since + dice.uniform(0, seconds), 3)))
    found.sort(key=lambda event: (event.at, event.call, event.seq))
    return [replace(event) for event in found]
