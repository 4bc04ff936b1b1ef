"""THE core: one endpoint, messages in arrival order, three inputs (octets, commands, time), one Output each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple

from signalling.auth import Verifier
from signalling.commands import (
    AcceptModify,
    AcceptSubscription,
    Acknowledge,
    Answer,
    AnswerMessage,
    AnswerPublish,
    Command,
    Drain,
    DropBindings,
    HangUp,
    Invite,
    Modify,
    Notify,
    Options,
    Refer,
    Register,
    Reject,
    RejectModify,
    RejectSubscription,
    RejectTransfer,
    Ring,
    SendInfo,
    SendMessage,
    SendNotify,
    Subscribe,
    TransferResult,
    Unsubscribe,
    Update,
)
from signalling.endpoint.bans import Bans, GuessGuard
from signalling.endpoint.budget import Budget
from signalling.endpoint.inbound import Inbound
from signalling.endpoint.keepalive import KeepAlives
from signalling.endpoint.overload import Overload
from signalling.endpoint.sizes import MOST_COMPACTED, MOST_DATAGRAM, UdpOnly, compacted
from signalling.endpoint.streams import Connections
from signalling.endpoint.stun import answer as answer_stun
from signalling.endpoint.stun import is_stun
from signalling.errors import LocalProtocolError
from signalling.events import Event, Flow, NamedDialog, Overloaded
from signalling.message import Outgoing, Response
from signalling.message.framing import Cut
from signalling.message.uri import format_host
from signalling.policy import PeerBook
from signalling.timers import LONG, Deadlines
from signalling.transaction import ClientTransaction, Input, ServerTransaction, client_key
from signalling.transaction.machine import ClientUser, Transaction
from signalling.usage import accept, bye, change, info, invite, messages, modify, options, refer, transfer
from signalling.usage.config import EndpointConfig
from signalling.usage.core import allow_line, jitter, later
from signalling.usage.ending import finish
from signalling.usage.leg import Leg, Wish
from signalling.usage.notifier import Notifiers
from signalling.usage.publish import Publications
from signalling.usage.register import Registrations
from signalling.usage.registrar import Registrar
from signalling.usage.subscriber import Subscriptions
from signalling.usage.watch import Watch

STREAMS = frozenset({"tcp", "tls"})
SOCKETS = frozenset({"ws", "wss"})
TOLD_FOR = 1.0
"""Seconds for which the address that a peer is told is kept: a call asks for it six times."""


class Transmit(NamedTuple):
    data: bytes
    flow: Flow


class Output(NamedTuple):
    """What has to be done after an input, in this order; `deadline` is when `handle_timeout` is due, None for never."""

    transmits: list[Transmit]
    events: list[Event]
    deadline: float | None
    close_flows: list[Flow]


class Endpoint:
    """A SIP user agent and registrar for many peers.

    `token` returns unguessable text of at least 64 random bits (letters and digits). Not thread-safe: one owner feeds it.
    Attributes without underscore are those of `usage.core.Core`; the layer above uses only the methods.
    """

    def __init__(self, config: EndpointConfig, peers: PeerBook, token: Callable[[], str]) -> None:
        self.config = config
        self.peers = peers
        self.token = token
        self.deadlines = Deadlines()
        self.legs: dict[str, Leg] = {}
        self.dialogs: dict[str, Leg] = {}
        self.watches: dict[str, Watch] = {}
        self.messages: dict[str, ServerTransaction] = {}
        self.ended: dict[str, tuple[str, str]] = {}
        self.calls: set[str] = set()
        self.traffic: Counter[tuple[str, str]] = Counter()  # ("in" | "out", method or status) -> messages
        self.allow_line = allow_line(config)
        self.agent_line = f"User-Agent: {config.user_agent}\r\n" if config.user_agent else ""
        self.server_line = f"Server: {config.user_agent}\r\n" if config.user_agent else ""
        self.is_draining = self.is_elsewhere = self.unheard = False
        self.retry_after = config.retry_after
        self.registrar = Registrar(self)
        self.registrations = Registrations(self)
        self.subscriptions = Subscriptions(self)
        self.notifiers = Notifiers(self)
        self.publications = Publications(self)
        self.verifier = Verifier(config.realm, (token() + token()).encode(), token, config.digest)
        self.budget = Budget(config.limits)
        self.bans = Bans(config.bans)
        self.guesses = GuessGuard()
        self.connections = Connections(self, config.limits.streams_per_source)
        self.load = Overload(config.overload_lag)
        self.keepalives = KeepAlives(self, partial(jitter, self))
        self._udp_only = UdpOnly()
        self.clients: dict[tuple[str, str], ClientTransaction] = {}
        self.servers: dict[Hashable, ServerTransaction] = {}
        self.merges: dict[Hashable, Hashable] = {}
        self._on_streams: dict[Flow, set[Transaction]] = {}
        self._inbound = Inbound(self)
        self._transmits: list[Transmit] = []
        self._events: list[Event] = []
        self._closing: list[Flow] = []
        self._told: dict[Flow, tuple[str, str]] = {}
        self._told_until = 0.0

    # The public door: every input comes through one of these five.

    def receive(self, data: bytes, flow: Flow, now: float) -> Output:
        """Octets from the wire: a datagram or WebSocket message as a whole, a stream in any portions. Never raises."""
        if now >= self._told_until:
            self._forget_told(now)
        self.unheard = False
        self.keepalives.heard(flow)
        if flow.transport in STREAMS:
            self._receive_stream(data, flow, now)
        elif flow.transport in SOCKETS:
            self._receive_frame(data, flow, now)
        elif is_stun(data):
            self._receive_stun(data, flow)
        else:
            self._inbound.message(data, flow, now)
        return self._output()

    def submit(self, command: Command, now: float) -> Output:
        """A command from the layer above. Raises LocalProtocolError when the state forbids it; nothing has changed then."""
        if now >= self._told_until:
            self._forget_told(now)
        perform = _COMMANDS.get(type(command))
        if perform is None:
            raise LocalProtocolError(f"unknown command {command!r}")
        perform(self, command, now)
        return self._output()

    def dialog_of(self, name: str) -> NamedDialog | None:
        """The dialog of a leg as another request may name it: our tag in `to_tag`, the peer's (the newest early one) behind."""
        leg = self.legs.get(name)
        if leg is None:
            return None
        theirs = leg.dialog.remote_tag or next(reversed(leg.early), "")
        return NamedDialog(name, leg.dialog.call_id, leg.dialog.local_tag, theirs)

    def handle_timeout(self, now: float) -> Output:
        """Call at the deadline of the last Output, or any time."""
        self.deadlines.run(now)
        return self._output()

    def flow_opened(self, flow: Flow, now: float) -> Output:
        """A peer has connected; only needed so that silent connections are bounded too."""
        if flow.transport != "udp" and (self._is_shut_out(flow, now) or not self.connections.opened(flow, now)):
            self.close(flow)
        return self._output()

    def flow_closed(self, flow: Flow, now: float) -> Output:
        """A connection is gone or could not be made: what waits on it fails now, dialogs get 32 s to be resumed."""
        self.connections.closed(flow)
        self.keepalives.closed(flow)
        for transaction in list(self._on_streams.pop(flow, ())):
            if isinstance(transaction, ClientTransaction) and transaction.spare is not None:
                self._fall_back(transaction, transaction.spare, now)
            else:
                transaction.step(Input.ERROR, now)
        self.registrar.flow_closed(flow, now)
        self.registrations.flow_closed(flow, now)
        for leg in list(self.legs.values()):
            if leg.dialog.source == flow and leg.unreachable is None:
                leg.unreachable = later(self, partial(self._lost, leg), "unreachable", now + LONG)
        return self._output()

    def call_id_of(self, leg: str) -> str:
        """The Call-ID of a leg that lives, "" for any other: what an observer of the wire finds its messages by."""
        found = self.legs.get(leg)
        return found.dialog.call_id if found is not None else ""

    @property
    def leftovers(self) -> dict[str, int]:
        """What is alive in here, for leak checks and status pages."""
        return {
            "legs": len(self.legs), "dialogs": len(self.dialogs), "calls": len(self.calls), "clients": len(self.clients),
            "servers": len(self.servers), "merges": len(self.merges), "streams": sum(map(len, self._on_streams.values())),
            "subscriptions": len(self.watches), "messages": len(self.messages), "publications": len(self.publications),
        }  # fmt: skip

    # What the usages see (usage.core.Core).

    def emit(self, event: Event) -> None:
        self._events.append(event)

    def transmit(self, data: bytes, flow: Flow) -> None:
        self._transmits.append(Transmit(data, flow))

    def advertised(self, flow: Flow) -> str:
        return (self._told.get(flow) or self._tell(flow))[0]

    def _forget_told(self, now: float) -> None:
        self._told.clear()
        self._told_until = now + TOLD_FOR

    def _tell(self, flow: Flow) -> tuple[str, str]:
        """Our address as the peer sees it, and what our Via says besides: remembered for a second."""
        advertise = self.config.advertise
        host, port = flow.local if advertise is None else advertise(flow) if callable(advertise) else advertise
        more, policy = "", self.peers.trunk(flow)
        if policy is not None:
            host = policy.advertise or host
            more = (";alias" if policy.alias and flow.transport == "tls" else "") + (';oc;oc-algo="loss"' if policy.oc else "")
        told = self._told[flow] = f"{format_host(host)}:{port}", more
        return told

    def via(self, flow: Flow) -> str:
        address, more = self._told.get(flow) or self._tell(flow)
        return f"SIP/2.0/{flow.transport.upper()} {address};rport{more};branch=z9hG4bK{self.token()}"

    def owners(self, flow: Flow) -> frozenset[str]:
        return self.registrar.owners(flow)

    def moved(self, former: Flow, flow: Flow) -> None:
        for leg in self.legs.values():
            if leg.dialog.source == former:
                leg.dialog.follow(flow)
                if leg.unreachable is not None:
                    leg.unreachable.cancel()
                    leg.unreachable = None

    def retry_seconds(self) -> int:
        return self.retry_after or round(jitter(self, 5, 15))

    def is_registered(self, flow: Flow) -> bool:
        return self.registrations.keeps(flow)

    def resume(self, leg: Leg, now: float) -> None:
        accept.release(self, leg, now)
        modify.pursue(self, leg, now)

    def wish(self, leg: Leg, wish: Wish, now: float) -> None:
        modify.wish(self, leg, wish, now)

    def send(self, request: Outgoing, flow: Flow, user: ClientUser, now: float) -> ClientTransaction:
        key = (request.via.rpartition("branch=")[2], request.method)
        transaction = ClientTransaction(self, flow, request, key, user)
        if flow.transport == "udp":
            self._fit(transaction, now)
        self.clients[transaction.key] = transaction
        if transaction.flow.transport != "udp":
            self._on_streams.setdefault(transaction.flow, set()).add(transaction)
        if request.method == "REGISTER":
            self.keepalives.keep(flow, now)
        self.traffic["out", request.method] += 1
        transaction.start(now)
        return transaction

    def _fit(self, transaction: ClientTransaction, now: float) -> None:
        """What is too long for a datagram is shortened, else sent by TCP to the same address (RFC 3261 §18.1.1)."""
        if transaction.size <= MOST_DATAGRAM:
            return
        flow = transaction.flow
        policy = self.peers.trunk(flow)
        if self._udp_only.holds(flow.remote, now) or (policy is not None and not policy.mtu_switch):
            return
        if transaction.size <= MOST_COMPACTED and transaction.shorten(compacted) <= MOST_DATAGRAM:
            return
        stream = self.config.stream_for(flow) if self.config.stream_for is not None else None
        if stream is not None:
            transaction.reroute(stream, self.via(stream), spare=flow)

    def _fall_back(self, transaction: ClientTransaction, flow: Flow, now: float) -> None:
        """The peer takes no TCP after all: by UDP, at once, and so for the next hour."""
        self._udp_only.remember(flow.remote, now)
        self.clients.pop(transaction.key, None)
        transaction.reroute(flow, self.via(flow))
        self.clients[transaction.key] = transaction
        transaction.start(now)

    # What transactions need (transaction.machine.Host).

    def forget_client(self, key: tuple[str, str]) -> None:
        transaction = self.clients.pop(key)
        self._off_stream(transaction)

    def forget_server(self, transaction: ServerTransaction) -> None:
        self.servers.pop(transaction.key, None)
        self.merges.pop(transaction.merge_key, None)
        self._off_stream(transaction)

    # What connections ask (endpoint.streams.Judge).

    def is_known(self, flow: Flow) -> bool:
        return self.peers.trunk(flow) is not None or self.registrar.knows_host(flow.remote[0])

    def is_used(self, flow: Flow) -> bool:
        return (
            bool(self.registrar.owners(flow))
            or flow in self._on_streams
            or self.registrations.uses(flow)
            or any(leg.dialog.flow == flow for leg in self.legs.values())
        )

    def close(self, flow: Flow) -> None:
        self._closing.append(flow)

    # Inside.

    def serve(self, transaction: ServerTransaction) -> None:
        """Register a server transaction that the inbound side has made."""
        self.servers[transaction.key] = transaction
        self.merges[transaction.merge_key] = transaction.key
        if transaction.flow.transport != "udp":
            self._on_streams.setdefault(transaction.flow, set()).add(transaction)

    def respond(self, response: Response, now: float) -> None:
        """Hand a response to the request it answers; strays are dropped."""
        transaction = self.clients.get(client_key(response))
        if transaction is not None:
            self.traffic["in", str(response.status)] += 1
            if "oc" in response.via.params:
                self._told_overload(response.via.params, transaction.flow)
            transaction.receive(response, now)

    def _told_overload(self, params: Mapping[str, str], flow: Flow) -> None:
        """A peer says which part of our requests is too much (RFC 7339 §5); 0 or what cannot be read says nothing."""
        loss = params["oc"]
        if loss.isdigit() and 0 < int(loss) <= 100 and params.get("oc-validity") != "0":
            self.emit(Overloaded(flow, int(loss)))

    def _is_shut_out(self, flow: Flow, now: float) -> bool:
        return self.bans.is_banned(flow.remote[0], now) and self.peers.trunk(flow) is None

    def _receive_stream(self, data: bytes, flow: Flow, now: float) -> None:
        if not self.connections.opened(flow, now):
            self.close(flow)
            return
        for piece in self.connections.feed(flow, data, now):
            if piece.kind is Cut.MESSAGE:
                self._inbound.message(piece.data, flow, now)
            elif piece.kind is Cut.PING:
                self.transmit(b"\r\n", flow)
            else:
                self._inbound.broken_stream(piece.data, piece.status, flow, now)
                self.close(flow)

    def _receive_frame(self, data: bytes, flow: Flow, now: float) -> None:
        """A WebSocket message is one SIP message (RFC 7118 §5); a ping of CRLF may stand alone too."""
        if not self.connections.opened(flow, now):
            self.close(flow)
            return
        self.connections.touch(flow, now)
        if data == b"\r\n\r\n":
            self.transmit(b"\r\n", flow)
        else:
            self._inbound.message(data, flow, now)

    def _receive_stun(self, data: bytes, flow: Flow) -> None:
        reply = answer_stun(data, flow.remote) if self.config.stun else None
        if reply is not None and not self.peers.silent(flow):
            self.transmit(reply, flow)

    def _off_stream(self, transaction: Transaction) -> None:
        flow = transaction.flow
        if flow.transport != "udp" and (alive := self._on_streams.get(flow)) is not None:
            alive.discard(transaction)
            if not alive:
                del self._on_streams[flow]

    def _lost(self, leg: Leg, now: float) -> None:
        """The peer did not come back after its connection closed."""
        leg.unreachable = None
        bye.say_bye(self, leg, "", now)
        finish(self, leg, 408, reason="connection lost", keep_dialog=True)

    def _output(self) -> Output:
        output = Output(self._transmits, self._events, self.deadlines.next_at, self._closing)
        self._transmits, self._events, self._closing = [], [], []
        return output

    def _drain(self, command: Drain, now: float) -> None:
        self.is_draining, self.is_elsewhere = True, command.elsewhere
        self.retry_after = command.retry_after
        self.notifiers.deactivate(now)


_COMMANDS: dict[type[Any], Callable[[Endpoint, Any, float], None]] = {
    Invite: invite.place,
    Acknowledge: invite.acknowledge,
    Ring: accept.ring,
    Answer: accept.answer,
    Reject: accept.reject,
    Modify: modify.modify,
    Update: modify.update,
    AcceptModify: change.accept_modify,
    RejectModify: change.reject_modify,
    SendInfo: info.send_info,
    TransferResult: refer.transfer_result,
    RejectTransfer: refer.reject_transfer,
    Refer: transfer.send_refer,
    HangUp: bye.hang_up,
    Subscribe: lambda core, command, now: core.subscriptions.subscribe(command, now),
    Unsubscribe: lambda core, command, now: core.subscriptions.unsubscribe(command, now),
    AcceptSubscription: lambda core, command, now: core.notifiers.accept(command, now),
    RejectSubscription: lambda core, command, now: core.notifiers.reject(command, now),
    Notify: lambda core, command, now: core.notifiers.notify(command, now),
    SendNotify: messages.send_notify,
    SendMessage: messages.send_message,
    AnswerMessage: messages.answer_message,
    AnswerPublish: lambda core, command, now: core.publications.answer(command, now),
    Options: options.probe,
    Register: lambda core, command, now: core.registrations.submit(command, now),
    DropBindings: lambda core, command, now: core.registrar.drop(command.aor, now),
    Drain: Endpoint._drain,
}
