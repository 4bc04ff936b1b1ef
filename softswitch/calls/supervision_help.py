"""Words between supervisors and agents: messages to one, a team or all, and an agent's call for help (§9)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from softswitch.calls.supervision import Follow, Supervision, WatchView, Wish
from softswitch.directory.snapshot import Snapshot
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound, Refusal
from softswitch.model.events import AgentHelp, AgentMessage, Event
from softswitch.model.states import MonitorMode

ESCALATE_SECONDS = 15.0
MOST_TEXT = 1000


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """`state`: asked (leaders of the agent know), escalated (everybody who supervises knows), accepted."""

    agent: str
    call: str
    since: float
    state: str = "asked"
    supervisor: str = ""


class HelpDesk:
    """Owned by the loop. `call_of(agent)` is the agent's live call, "" for none; `sees` as in `Supervision`.

    Whoever is to be told reads `AgentHelp` and `AgentMessage` from the bus.
    """

    def __init__(
        self, supervision: Supervision, journal: Callable[[Event], None], clock: Clock, directory: Callable[[], Snapshot],
        call_of: Callable[[str], str], sees: Callable[[str, str, str], bool] = lambda *_: True,
    ) -> None:  # fmt: skip
        self._supervision = supervision
        self._journal = journal
        self._clock = clock
        self._directory = directory
        self._call_of = call_of
        self._sees = sees
        self._requests: dict[str, HelpRequest] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # help

    def open(self) -> list[HelpRequest]:
        """Requests that nobody has ended, oldest first."""
        return list(self._requests.values())

    def state(self, agent: str) -> str:
        """asked, escalated, accepted, or ""."""
        found = self._requests.get(agent)
        return found.state if found is not None else ""

    def ask(self, agent: str) -> HelpRequest:
        """The agent's help key. A repeat changes nothing; without a call it is a request all the same."""
        known = self._requests.get(agent)
        if known is not None and known.state != "accepted":
            return known
        request = HelpRequest(agent, self._call_of(agent), self._clock.utc())
        self._requests[agent] = request
        self._emit(request, "asked")
        self._timers[agent] = asyncio.get_running_loop().call_later(ESCALATE_SECONDS, self._escalate, agent)
        return request

    def cancel(self, agent: str, actor: str) -> None:
        """The agent needs nobody any more, or its call is over. Nothing when there is no request."""
        request = self._requests.pop(agent, None)
        self._stop_timer(agent)
        if request is not None:
            self._emit(request, "ended", actor)

    def accept(self, agent: str, supervisor: str, *, device: str = "browser") -> WatchView | None:
        """A supervisor comes: it whispers to the agent at once. None when the agent is in no call.

        Raises NotFound when nobody asked, Forbidden outside the scope, Conflict when another one was faster or the supervisor's
        device is not ready; the request stays open then.
        """
        request = self._requests.get(agent)
        if request is None:
            raise NotFound(f"agent {agent} has not asked for help")
        if request.state == "accepted":
            raise Conflict(f"{request.supervisor} is helping already")
        if request.state != "escalated" and not self._sees(supervisor, agent, ""):
            raise Forbidden("this agent is not in your scope", Refusal.OUT_OF_SCOPE)
        view = None
        if self._call_of(agent):
            wish = Wish(supervisor=supervisor, actor=supervisor, mode=MonitorMode.WHISPER, device=device, agent=agent,
                        follow=Follow.AGENT)  # fmt: skip
            view = self._supervision.start(wish)
        self._stop_timer(agent)
        self._requests[agent] = replace(request, state="accepted", supervisor=supervisor)
        self._emit(self._requests[agent], "accepted", supervisor)
        return view

    def call_over(self, call: str) -> None:
        """What was asked for during a call ends with it."""
        for request in tuple(self._requests.values()):
            if request.call == call:
                self.cancel(request.agent, "system")

    def _escalate(self, agent: str) -> None:
        self._timers.pop(agent, None)
        request = self._requests.get(agent)
        if request is not None and request.state == "asked":
            self._requests[agent] = replace(request, state="escalated")
            self._emit(request, "escalated", "system")

    def _stop_timer(self, agent: str) -> None:
        timer = self._timers.pop(agent, None)
        if timer is not None:
            timer.cancel()

    def _emit(self, request: HelpRequest, state: str, actor: str = "") -> None:
        self._journal(
            AgentHelp(
                at=self._clock.utc(),
                agent=request.agent,
                actor=actor or request.agent,
                state=state,
                supervisor=request.supervisor,
            )
        )

    # messages

    def send(self, to: str, text: str, *, actor: str, sender: str = "") -> tuple[str, ...]:
        """A message to `agent:LOGIN`, `team:NAME` or `all`; the logins it went to. `sender`: whose scope counts ("": all).

        Raises Invalid, NotFound, Forbidden.
        """
        text = text.strip()
        if not text or len(text) > MOST_TEXT:
            raise Invalid("text", f"expected 1 to {MOST_TEXT} signs")
        addressed = people = self.addressed(to)
        if sender:
            people = tuple(login for login in addressed if self._sees(sender, login, ""))
            if not people:
                raise Forbidden("nobody of these is in your scope", Refusal.OUT_OF_SCOPE)
        some = people if people != addressed else ()
        self._journal(AgentMessage(at=self._clock.utc(), actor=actor, text=text, to=to, people=some))
        return people

    def addressed(self, to: str) -> tuple[str, ...]:
        """The agents that a message is for. Raises Invalid, NotFound."""
        agents, teams = self._directory().agents, self._directory().teams
        kind, _, name = to.partition(":")
        if to == "all":
            return tuple(agents)
        if kind == "agent":
            if name not in agents:
                raise NotFound(f"there is no agent {name}")
            return (name,)
        if kind == "team":
            if name not in teams:
                raise NotFound(f"there is no team {name}")
            return tuple(login for login, agent in agents.items() if agent.team == name)
        raise Invalid("to", 'expected "agent:LOGIN", "team:NAME" or "all"')
