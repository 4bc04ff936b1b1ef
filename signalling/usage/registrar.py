"""The registrar (RFC 3261 §10.3, sip.md §6): bindings of the extensions, their order and their expiry."""

from __future__ import annotations

from collections import Counter, OrderedDict
from functools import partial
from typing import NamedTuple

from signalling.errors import RemoteProtocolError
from signalling.events import Binding, BindingsChanged, Flow
from signalling.message import NameAddr, Request, presentable, same_uri
from signalling.message.headers import parse_number
from signalling.message.uri import parse_uri
from signalling.policy import PeerPolicy
from signalling.timers import Deadline
from signalling.transaction import ServerTransaction
from signalling.usage.core import Core, jitter, later

MAX_CONTACTS = 10
GRACE = 32.0  # a binding is kept this long behind its expiry
NAT_EXPIRES = 120
LAST_EXPIRES = 60  # of a node that goes down: devices look for it, or for another, soon after
FLOW_TIME = 120  # seconds within which a client with several flows shows that it is alive
MAX_HOMES = 100_000


class Entry(NamedTuple):
    binding: Binding
    reg_id: str


class Registrar:
    """Owns all bindings; a REGISTER changes all of its Contacts or none."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._entries: dict[str, list[Entry]] = {}
        self._deadlines: dict[str, Deadline] = {}
        self._hosts: Counter[str] = Counter()
        self._flows: dict[Flow, set[str]] = {}
        self._homes: OrderedDict[tuple[str, str], Flow] = OrderedDict()

    def bindings(self, aor: str) -> tuple[Binding, ...]:
        return tuple(entry.binding for entry in self._entries.get(aor, ()))

    def knows_host(self, host: str) -> bool:
        """Whether any live binding came from this address."""
        return host in self._hosts

    def is_bound(self, flow: Flow) -> bool:
        """Whether anything is registered over this flow."""
        return flow in self._flows

    def owners(self, flow: Flow) -> frozenset[str]:
        """The addresses-of-record that are registered over this flow."""
        return frozenset(self._flows.get(flow, ()))

    def register(
        self, request: Request, transaction: ServerTransaction, flow: Flow, policy: PeerPolicy, aor: str, now: float
    ) -> None:
        """Handle a REGISTER whose sender may act for `aor`. Raises RemoteProtocolError(400 | 403 | 423 | 500)."""
        entries = list(self._entries.get(aor, ()))
        contacts = request.headers.get("contact", [])
        if contacts:
            _check_first_hop(request)
            if any(value.strip() == "*" for value in contacts):
                entries = self._clear(request, entries)
            else:
                entries = self._merge(request, flow, policy, aor, entries, now)
            self._store(aor, entries, now)
            self._follow(aor, entries)
        lines = "".join(_contact_line(entry, now) for entry in entries)
        lines += "".join(f"Path: {value}\r\n" for value in self._path(request, flow))
        if flow.transport != "udp" and any(entry.reg_id for entry in entries) and "outbound" in request.tokens("supported"):
            lines += f"Require: outbound\r\nFlow-Timer: {FLOW_TIME}\r\n"  # RFC 5626 §6
        transaction.respond(200, now, self._core.token(), lines + self._core.server_line)
        if contacts:
            self._core.emit(BindingsChanged(aor, tuple(entry.binding for entry in entries)))

    def _follow(self, aor: str, entries: list[Entry]) -> None:
        """Dialogs of a device that has come back by a new connection go on there (RFC 5626 §5.3)."""
        for binding, reg_id in entries:
            if binding.flow.transport == "udp":
                continue
            home = (aor, f"{binding.instance};{reg_id}" if binding.instance else binding.contact)
            former = self._homes.pop(home, None)
            self._homes[home] = binding.flow
            if len(self._homes) > MAX_HOMES:
                self._homes.popitem(last=False)
            if former is not None and former != binding.flow:
                self._core.moved(former, binding.flow)

    def drop(self, aor: str, now: float) -> None:
        """Forget all bindings of an extension."""
        if aor in self._entries:
            self._store(aor, [], now)
            self._core.emit(BindingsChanged(aor, ()))

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A stream is gone: what was registered over it cannot be reached until it registers again."""
        for aor in self.owners(flow):
            left = [entry for entry in self._entries[aor] if entry.binding.flow != flow]
            self._store(aor, left, now)
            self._core.emit(BindingsChanged(aor, self.bindings(aor)))

    def _clear(self, request: Request, entries: list[Entry]) -> list[Entry]:
        if len(request.tokens("contact")) != 1 or request.number("expires") != 0:
            raise RemoteProtocolError(400, "Bad Wildcard")
        for entry in entries:
            _check_order(request, entry)
        return []

    def _path(self, request: Request, flow: Flow) -> tuple[str, ...]:
        """The way back that proxies of ours have noted (RFC 3327 §5.3); anybody else could lead calls astray by it."""
        if "path" not in request.headers or flow.remote[0] not in self._core.config.edges:
            return ()
        return tuple(address.render() for address in request.addresses("path"))

    def _merge(
        self,
        request: Request,
        flow: Flow,
        policy: PeerPolicy,
        aor: str,
        entries: list[Entry],
        now: float,
    ) -> list[Entry]:
        header = request.number("expires")
        fallback = policy.expires_default if header is None or header > 2**32 - 1 else header
        agent, path = presentable(request.get("user-agent")[:200]), self._path(request, flow)
        made: list[Binding] = []  # a Contact that stands twice in one REGISTER is no repeated request; the last one counts
        for address in request.addresses("contact"):
            uri = address.uri
            if not uri.is_sip:
                raise RemoteProtocolError(400, "Bad Contact")
            place = _find(entries, address)
            if place is not None and entries[place].binding not in made:
                _check_order(request, entries[place])
            seconds = self._granted(address, flow, policy, fallback)
            if not seconds:
                if place is not None:
                    del entries[place]
                continue
            entry = Entry(
                Binding(
                    aor,
                    uri.text,
                    flow,
                    now + seconds,
                    request.call_id,
                    request.cseq.number,
                    address.params.get("+sip.instance", ""),
                    agent,
                    path,
                    address.params.get("reg-id", ""),
                    now,
                ),
                address.params.get("reg-id", ""),
            )
            made.append(entry.binding)
            if place is None:
                entries.append(entry)
            else:
                entries[place] = entry  # a refreshed binding keeps its place
        if len(entries) > MAX_CONTACTS:
            raise RemoteProtocolError(403, "Too Many Contacts")
        return entries

    def _granted(self, address: NameAddr, flow: Flow, policy: PeerPolicy, fallback: int) -> int:
        """Seconds for one Contact. Short wishes are refused, long ones cut, others spread so that refreshes do not meet."""
        asked = parse_number(address.params["expires"]) if "expires" in address.params else None
        if asked is None or asked > 2**32 - 1:
            asked = fallback
        if not asked:
            return 0
        if asked < policy.expires_min:
            raise RemoteProtocolError(423, "Interval Too Brief")
        seconds = min(asked, policy.expires_max)
        if flow.transport == "udp" and address.uri.host != flow.remote[0]:
            seconds = min(seconds, max(NAT_EXPIRES, policy.expires_min))
        if asked <= policy.expires_max and seconds > NAT_EXPIRES:
            seconds = int(seconds * jitter(self._core, 0.9, 1.0))
        return min(seconds, LAST_EXPIRES) if self._core.is_draining else seconds

    def _store(self, aor: str, entries: list[Entry], now: float) -> None:
        for entry in self._entries.pop(aor, ()):
            host = entry.binding.flow.remote[0]
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]
            owners = self._flows.get(entry.binding.flow, set())
            owners.discard(aor)
            if not owners:
                self._flows.pop(entry.binding.flow, None)
        deadline = self._deadlines.pop(aor, None)
        if deadline is not None:
            deadline.cancel()
        if not entries:
            return
        self._entries[aor] = entries
        for entry in entries:
            self._hosts[entry.binding.flow.remote[0]] += 1
            self._flows.setdefault(entry.binding.flow, set()).add(aor)
        first = min(entry.binding.expires_at for entry in entries) + GRACE
        self._deadlines[aor] = later(self._core, partial(self._expire, aor), "binding", first)

    def _expire(self, aor: str, now: float) -> None:
        self._deadlines.pop(aor, None)
        left = [entry for entry in self._entries.get(aor, ()) if entry.binding.expires_at + GRACE > now]
        self._store(aor, left, now)
        self._core.emit(BindingsChanged(aor, tuple(entry.binding for entry in left)))


def _find(entries: list[Entry], address: NameAddr) -> int | None:
    """The binding a Contact renews: same instance and reg-id, else the same URI (RFC 5626 §6, RFC 3261 §10.3)."""
    instance, reg_id = address.params.get("+sip.instance", ""), address.params.get("reg-id", "")
    for place, (binding, known_id) in enumerate(entries):
        if instance and binding.instance:
            if instance == binding.instance and reg_id == known_id:
                return place
        elif same_uri(parse_uri(binding.contact), address.uri):
            return place
    return None


def _check_first_hop(request: Request) -> None:
    """RFC 5626 §6: a second way to a device is none behind a proxy that keeps no flows. Raises RemoteProtocolError(439)."""
    if "supported" not in request.headers or "outbound" not in request.tokens("supported") or len(request.tokens("via")) < 2:
        return
    asks = any("reg-id" in address.params for address in request.addresses("contact"))
    keeps = any(path.uri.param("ob") is not None for path in request.addresses("path")[-1:])
    if asks and not keeps:
        raise RemoteProtocolError(439, "First Hop Lacks Outbound Support")


def _check_order(request: Request, entry: Entry) -> None:
    binding = entry.binding
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise RemoteProtocolError(500, "Out Of Order")


def _contact_line(entry: Entry, now: float) -> str:
    binding = entry.binding
    instance = f";+sip.instance={binding.instance}" if binding.instance else ""
    reg_id = f";reg-id={entry.reg_id}" if entry.reg_id else ""
    return f"Contact: <{binding.contact}>{instance}{reg_id};expires={max(0, round(binding.expires_at - now))}\r\n"
