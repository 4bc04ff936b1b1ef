"""What the outside (`web`, the command line) may use of the running switch, and the values it shows.

The composition root fills `Services`; `web` sees nothing else of the product. The views are those of `model.views`, named here
once more. Durations are ms, times UTC epoch seconds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from softswitch.cluster.bus import Bus
from softswitch.config.settings import Settings
from softswitch.directory.service import Directory
from softswitch.directory.users import Users
from softswitch.legs.browser import BrowserSessions
from softswitch.model.clock import Clock
from softswitch.model.destination import Destination
from softswitch.model.views import AgentView, CallView, MonitorView, OfferView, QueueView, WaitingView
from softswitch.observe.alarms import Alarms
from softswitch.observe.health import Readiness
from softswitch.store.database import Store

P = TypeVar("P")

__all__ = [
    "AgentView",
    "CallView",
    "Calls",
    "Clicks",
    "Demo",
    "Floor",
    "MonitorView",
    "OfferView",
    "QueueView",
    "Recordings",
    "Registrar",
    "Services",
    "Trunks",
    "WaitingView",
]


class Calls(Protocol):
    """softswitch.calls.service.CallService"""

    def live(self) -> list[CallView]: ...
    def view(self, call: str) -> CallView | None: ...
    async def originate(self, source: str, to: Destination, actor: str) -> str:
        """`source` is "agent:LOGIN" or "extension:N". Returns the call id at once. Raises NotFound, Conflict, Busy."""

    async def hang_up(self, call: str, actor: str, reason: str = "") -> None:
        """Raises NotFound."""

    def watch(self, handler: Callable[[CallView], None], is_wanted: Callable[[], bool] = ...) -> Callable[[], None]:
        """Told of each change of a live call's view; returns the function that stops it. The end is `CallEnded` on the bus.

        While nobody's `is_wanted` says yes no view is made.
        """

    async def start_widget(
        self, session: Any, to: Destination, context: Mapping[str, str], name: str = "", max_duration: float = 14_400.0
    ) -> str:
        """A customer's browser session (media is up) calls a destination for so many seconds at most; the call id."""


class Floor(Protocol):
    """softswitch.acd.service.AcdService: agents and queues."""

    def agents(self) -> list[AgentView]: ...
    def agent(self, login: str) -> AgentView: ...
    def queues(self) -> list[QueueView]: ...
    def queue(self, name: str) -> QueueView: ...
    def offer_of(self, login: str) -> OfferView | None: ...
    async def set_state(self, login: str, state: str, reason: str, actor: str, station: str = "") -> AgentView:
        """`state`: ready, not_ready, logged_out, wrap_up, wrap_up_done. Raises NotFound, Conflict, Invalid."""

    async def choose_station(self, login: str, station: str) -> AgentView: ...
    async def set_skills(
        self, login: str, skills: Mapping[str, int] | None, queues: tuple[str, ...] | None, until: float, actor: str
    ) -> AgentView: ...
    async def wrap_up(self, login: str, action: str, *, codes: tuple[str, ...] = (), reason: str = "") -> AgentView:
        """`action`: start, extend, done."""

    def last_call(self, login: str) -> str:
        """The call that the agent is or was in last."""

    def disposed(self, login: str, call: str, codes: tuple[str, ...]) -> None:
        """Result codes of the agent's call were stored."""

    async def pick(self, login: str, call: str) -> None: ...
    async def act(self, login: str, command: str, values: Mapping[str, Any], actor: str = "") -> Mapping[str, Any]:
        """An order about the agent's own call by name (acd/orders.py)."""

    async def act_in(
        self, call: str, command: str, values: Mapping[str, Any], actor: str, agent: str = ""
    ) -> Mapping[str, Any]:
        """The same in a call that is named."""

    def desk_connected(self, login: str) -> None:
        """The agent's page is connected (again)."""

    def desk_lost(self, login: str) -> None:
        """The agent's page is gone; the grace time runs."""

    async def accept(self, login: str, offer: str) -> None: ...
    async def reject(self, login: str, offer: str) -> None: ...
    async def hold(self, login: str) -> None: ...
    async def resume(self, login: str) -> None: ...
    async def hang_up(self, login: str) -> None: ...
    async def dial(self, login: str, to: str) -> str: ...
    async def press(self, login: str, digits: str) -> None: ...
    def watch(
        self,
        *,
        agent: Callable[[AgentView], None],
        queue: Callable[[QueueView], None],
        offer: Callable[[str, OfferView | None, str], None],
    ) -> Callable[[], None]:
        """`offer(login, view, reason)`: an offer was made, or (None) withdrawn. Returns the function that stops it."""


class Ticket(Protocol):
    """What a token of the widget says."""

    @property
    def to(self) -> Destination: ...
    @property
    def max_duration(self) -> float: ...


class Clicks(Protocol):
    """softswitch.features.click_to_call: tokens for one call, bound to an origin and a destination. All raise Forbidden."""

    def issue(
        self, to: Destination, origin: str, address: str = "", max_duration: float = 1800.0, seconds: float = 120.0
    ) -> tuple[str, float]: ...
    def verify(self, token: str, origin: str, address: str = "") -> Ticket: ...
    def redeem(self, token: str, origin: str, address: str, wanted: str = "") -> Ticket: ...
    async def check_person(self, said: str, address: str) -> None: ...


class Trunks(Protocol):
    """softswitch.trunks.service"""

    def views(self) -> list[Mapping[str, Any]]:
        """{name, profile, addresses, state, detail, calls}"""


class Registrar(Protocol):
    """softswitch.registrar.service"""

    def views(self) -> list[Mapping[str, Any]]:
        """{extension, contacts: [{contact, address, user_agent, expires_at}]}"""


class Recordings(Protocol):
    """softswitch.recordings.keeper: files below data_dir/recordings."""

    def path(self, file: str) -> Any:
        """The absolute path of a recording row's file. Raises NotFound when it is outside the folder or gone."""

    async def sound(self, file: str) -> Any:
        """The sound of a recording row's file, decrypted, from the store if need be. Raises NotFound."""

    async def peaks(self, file: str, points: int = 800) -> list[list[float]]: ...
    def accessed(self, recording: str, call: str, how: str, actor: str) -> None:
        """Writes the access log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Set only in `softswitch demo`: what the demo page shows."""

    to: str  # destination of the widget
    links: Mapping[str, str]  # role -> one-time sign-in link


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    settings: Settings
    clock: Clock
    bus: Bus
    store: Store
    directory: Directory
    users: Users
    alarms: Alarms
    readiness: Readiness
    calls: Calls
    floor: Floor
    browsers: BrowserSessions
    clicks: Clicks
    trunks: Trunks
    registrar: Registrar
    recordings: Recordings
    metrics: Callable[[], bytes]
    apply: Callable[[str, str, bool, str], Any]
    """`await apply(text, filename, dry_run, actor)` → {"plan": [...], "errors": [...], "secrets": {...}}"""
    status: Callable[[], Any]
    """`await status()` → the mapping of GET /status"""
    started_at: float
    version: str
    listeners: tuple[str, ...] = ()
    sip_socket: Callable[[Any], Awaitable[Any]] | None = None
    """`await sip_socket(request)` serves an aiohttp request that asks for SIP over WebSocket; None: this node has no SIP."""
    demo: Demo | None = None
    parts: Mapping[type, Any] = field(default_factory=dict)

    def part(self, kind: type[P]) -> P:
        """The part of the call centre that is of this class. Raises KeyError when the composition root did not build it."""
        found: P = self.parts[kind]
        return found
