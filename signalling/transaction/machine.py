"""The interpreter of the tables. A transaction owns its timers and the last message; its user owns everything else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from signalling.events import Flow
from signalling.message import Outgoing, Request, Response, ResponseTemplate
from signalling.timers import LONG, T1, T2, T4, TIMER_D, Deadline, Deadlines
from signalling.transaction.tables import (
    INVITE_CLIENT,
    INVITE_SERVER,
    OTHER_CLIENT,
    OTHER_SERVER,
    Action,
    Input,
    Row,
    State,
    Table,
)

ClientUser = Callable[[int, Response | None, float], None]
"""Told each response as (status, response, now); (408, None, now) is a timeout, (503, None, now) a broken flow."""

ServerUser = Callable[[Input, float], None]
"""Told Input.H (no ACK came for a refusal) or Input.ERROR (the flow broke)."""


class Host(Protocol):
    """What a transaction needs of the endpoint that holds it."""

    @property
    def deadlines(self) -> Deadlines: ...

    def transmit(self, data: bytes, flow: Flow) -> None: ...

    def forget_client(self, key: tuple[str, str]) -> None: ...

    def forget_server(self, transaction: ServerTransaction) -> None: ...


class Transaction:
    """State, last message, timers; `step` is the only way to change them."""

    __slots__ = ("_host", "_interval", "_last", "_reliable", "_table", "_timers", "flow", "state")

    def __init__(self, table: Table, host: Host, flow: Flow) -> None:
        self._table = table
        self._host = host
        self.flow = flow
        self._reliable = flow.transport != "udp"
        self._last = b""
        self._interval = T1
        self._timers: tuple[Deadline, ...] = ()  # three at most; most of the time one, for half a minute
        self.state = table.start.state

    def fire(self, name: str, now: float) -> None:
        """A deadline has passed (called by Deadlines)."""
        self._timers = tuple([timer for timer in self._timers if timer.name != name])
        self.step(Input(name), now)

    def step(self, event: Input, now: float, message: Response | bytes | None = None) -> None:
        """Feed one input; unlisted ones are ignored."""
        row = self._table.rows.get((self.state, event))
        if row is not None:
            self._enter(row, now, message)

    def arm(self, name: Input, at: float) -> None:
        """Set a timer, in place of an earlier one of that name."""
        deadline, timers = self._host.deadlines.set(self, name, at), self._timers
        if not timers:
            self._timers = (deadline,)
            return
        for timer in timers:
            if timer.name == name:
                timer.cancel()
        self._timers = (*[timer for timer in timers if timer.name != name], deadline)

    def _enter(self, row: Row, now: float, message: Response | bytes | None) -> None:
        changed = row.state is not self.state
        if changed:
            self.state = row.state
            self._drop_timers()
        for action in row.actions:
            self._act(action, now, message)
        if row.state is State.TERMINATED:
            self._forget()
        elif changed and self.state in _LINGERING:
            self._let_go()

    def _let_go(self) -> None:
        """From now on there are only repeats to absorb, for half a minute: what else is held can go (its user has heard it)."""

    def _drop_timers(self) -> None:
        """Keep only the timers that the new state listens to."""
        timers = self._timers
        if timers:
            rows, state = self._table.rows, self.state
            for timer in timers:
                if (state, timer.name) not in rows:
                    timer.cancel()
            self._timers = tuple([timer for timer in timers if timer.owner is not None])

    def _drop_all(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = ()

    def _act(self, action: Action, now: float, message: Response | bytes | None) -> None:
        if action is Action.RESEND:
            self._host.transmit(self._last, self.flow)
        elif action is Action.FORGET_REQUEST:
            self._last = b""
        else:
            name, delay = _LINGER[action]
            if self._reliable and name in _UNRELIABLE_ONLY:
                delay = 0.0
            self.arm(name, now + delay)

    def _forget(self) -> None:
        raise NotImplementedError


_LINGER: dict[Action, tuple[Input, float]] = {
    Action.ARM_B: (Input.B, LONG),
    Action.ARM_D: (Input.D, TIMER_D),
    Action.ARM_F: (Input.F, LONG),
    Action.ARM_H: (Input.H, LONG),
    Action.ARM_I: (Input.I, T4),
    Action.ARM_J: (Input.J, LONG),
    Action.ARM_K: (Input.K, T4),
    Action.ARM_L: (Input.L, LONG),
    Action.ARM_M: (Input.M, LONG),
}
_LINGERING = frozenset({State.ACCEPTED, State.COMPLETED, State.CONFIRMED})
_UNRELIABLE_ONLY = frozenset({Input.D, Input.I, Input.J, Input.K})  # RFC 3261 table 4: zero on streams


class ClientTransaction(Transaction):
    """A request of ours and its responses. Register it under `key` before `start`."""

    __slots__ = ("_user", "key", "request", "spare")

    def __init__(self, host: Host, flow: Flow, request: Outgoing, key: tuple[str, str], user: ClientUser) -> None:
        super().__init__(INVITE_CLIENT if request.method == "INVITE" else OTHER_CLIENT, host, flow)
        self.request = request
        self.key = key
        self._user = user
        self._last = request.render()
        self.spare: Flow | None = None  # where the request goes when its connection cannot be made

    @property
    def size(self) -> int:
        """Octets of the request."""
        return len(self._last)

    def shorten(self, how: Callable[[bytes], bytes]) -> int:
        """Write the request shorter; returns its size then."""
        self._last = how(self._last)
        return len(self._last)

    def reroute(self, flow: Flow, via: str, spare: Flow | None = None) -> None:
        """Before it is started, or again: the request takes another way under a new branch (RFC 3261 §18.1.1)."""
        self._drop_all()
        self.flow, self.spare = flow, spare
        self.request = self.request._replace(via=via)
        self.key = (via.rpartition("branch=")[2], self.request.method)
        self._last = self.request.render()
        self._reliable = flow.transport != "udp"
        self._interval = T1
        self.state = self._table.start.state

    def start(self, now: float) -> None:
        for action in self._table.start.actions:
            self._act(action, now, None)

    def receive(self, response: Response, now: float) -> None:
        self.spare = None
        status = response.status
        event = Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE
        self.step(event, now, response)

    def _act(self, action: Action, now: float, message: Response | bytes | None) -> None:
        if action is Action.UP:
            assert isinstance(message, Response)
            self._user(message.status, message, now)
        elif action is Action.ARM_A or action is Action.ARM_E:
            # Timer A doubles without limit, E up to T2 (§17.1.1.2, §17.1.2.2); streams never resend.
            if not self._reliable:
                self.arm(Input(action[-1]), now + self._interval)
                self._interval *= 2
                if action is Action.ARM_E:
                    self._interval = min(self._interval, T2)
        elif action is Action.ARM_E_T2:
            if not self._reliable:
                self.arm(Input.E, now + T2)
        elif action is Action.ACK:
            assert isinstance(message, Response)
            self._host.transmit(self.request.ack(message.headers["to"][0]), self.flow)
        elif action is Action.TIMEOUT:
            self._user(408, None, now)
        elif action is Action.BROKEN:
            self._user(503, None, now)
        else:
            super()._act(action, now, message)

    def _let_go(self) -> None:
        if self.state is State.COMPLETED:  # a repeated 2xx to INVITE is the user's to acknowledge, all else is ours
            self._user = _deaf

    def _forget(self) -> None:
        self._host.forget_client(self.key)


class ServerTransaction(Transaction):
    """A request of the peer and our responses. `respond` is the user's side, `step(REQUEST | ACK)` the wire's."""

    __slots__ = ("_user", "key", "merge_key", "on_cancel", "template")

    def __init__(self, host: Host, flow: Flow, request: Request, key: Hashable, merge_key: Hashable) -> None:
        super().__init__(INVITE_SERVER if request.method == "INVITE" else OTHER_SERVER, host, flow)
        self.key = key
        self.merge_key = merge_key
        self.template = ResponseTemplate(request, flow.remote)
        self._user: ServerUser | None = None
        self.on_cancel: Callable[[Request, float], None] | None = None  # told of a CANCEL for this INVITE

    def start(self, now: float) -> None:
        for action in self._table.start.actions:
            self._act(action, now, None)

    def watch(self, user: ServerUser) -> None:
        """Tell `user` when the transaction fails."""
        self._user = user

    def respond(
        self,
        status: int,
        now: float,
        tag: str,
        headers: str = "",
        content_type: str = "",
        body: bytes = b"",
        reason: str = "",
    ) -> bytes:
        """Send a response of the user; returns its octets for those who must repeat them (2xx to INVITE)."""
        data = self.template.render(status, tag, headers, content_type, body, reason)
        event = Input.PROVISIONAL if status < 200 else Input.SUCCESS if status < 300 else Input.FAILURE
        self.step(event, now, data)
        return data

    def _act(self, action: Action, now: float, message: Response | bytes | None) -> None:
        if action is Action.SEND:
            assert isinstance(message, bytes)
            self._last = message
            self._host.transmit(message, self.flow)
        elif action is Action.RESEND:
            if self._last:
                self._host.transmit(self._last, self.flow)
        elif action is Action.TRYING:
            self._last = self.template.render(100, "")
            self._host.transmit(self._last, self.flow)
        elif action is Action.ARM_STALL:
            self.arm(Input.STALL, now + T2 - T1)
        elif action is Action.ARM_G:
            if not self._reliable:
                self.arm(Input.G, now + self._interval)
                self._interval = min(self._interval * 2, T2)
        elif action is Action.TIMEOUT or action is Action.BROKEN:
            if self._user is not None:
                self._user(Input.H if action is Action.TIMEOUT else Input.ERROR, now)
        elif action is not Action.UP:  # ACK to a 2xx reaches the dialog by itself: it is no part of this transaction
            super()._act(action, now, message)

    def _let_go(self) -> None:
        self.on_cancel = None
        if self._table is OTHER_SERVER or self.state is not State.COMPLETED:  # timer H is told
            self._user = None

    def _forget(self) -> None:
        self._host.forget_server(self)


def _deaf(status: int, response: Response | None, now: float) -> None:
    """The user of a request that has had its final answer."""
