"""Phones that are logged in: their bindings by extension, and where to ring them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from signalling.events import Binding, BindingsChanged, Flow
from signalling.message import parse_name_addr, parse_uri, presentable
from signalling.policy import PeerKind, PeerPolicy
from softswitch.model.clock import Clock
from softswitch.model.events import Event, RegistrationChanged
from softswitch.model.identity import PHONES
from softswitch.model.target import Target

DEFAULT_PORT = 5060
FIRST_RESPONSE = 4.0
"""Seconds until a phone that says nothing counts as gone: killed phones stay registered until their time is over."""

_PHONE = Target("", "", Flow("udp", ("", 0), ("", 0)), "", ring=180.0, first_response=FIRST_RESPONSE, manners=PHONES)


class Registrar:
    """Owned by the loop; written by `heard` alone. `on_change(extension)` is told when a phone logs in or out."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None]) -> None:
        self.on_change: Callable[[str], None] = _ignore
        self._clock = clock
        self._emit = emit
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._flows: dict[tuple[str, tuple[str, int]], set[str]] = {}

    def heard(self, event: BindingsChanged) -> None:
        """The bindings of one extension as they are now."""
        before = self._bindings.get(event.aor, ())
        for binding in before:
            self._flows.get(_source(binding.flow), set()).discard(event.aor)
        if event.bindings:
            self._bindings[event.aor] = event.bindings
        else:
            self._bindings.pop(event.aor, None)
        for binding in event.bindings:
            self._flows.setdefault(_source(binding.flow), set()).add(event.aor)
        if len(before) != len(event.bindings):
            self._emit(
                RegistrationChanged(at=self._clock.utc(), actor=event.aor, extension=event.aor, contacts=len(event.bindings))
            )
            self.on_change(event.aor)

    def is_registered(self, extension: str) -> bool:
        return extension in self._bindings

    def is_phone(self, flow: Flow, extension: str = "") -> bool:
        """Whether a phone is logged in from exactly this address (and as this extension, when given)."""
        here = self._flows.get((flow.transport, flow.remote), ())  # `_source`, asked for each message
        return extension in here if extension else bool(here)

    def targets(self, extension: str) -> tuple[Target, ...]:
        """Every device of an extension; they ring together. The call's own limit says how long.

        Of several ways to one device (RFC 5626) the newest is rung; the others are its spares.
        """
        usual = replace(_PHONE, name=extension, number=extension, policy=PeerPolicy(PeerKind.PHONE, extension))
        bindings = self._bindings.get(extension, ())
        if any(binding.reg_id for binding in bindings):
            return tuple(_with_spares(usual, ways) for ways in _by_device(bindings))
        return tuple(_way(usual, binding) for binding in bindings)

    def __len__(self) -> int:
        """Bindings of all extensions together."""
        return sum(map(len, self._bindings.values()))

    def views(self) -> list[Mapping[str, Any]]:
        """{extension, contacts: [{contact, address, user_agent, expires_at}]}, `expires_at` as UTC epoch seconds."""
        offset = self._clock.utc() - self._clock.now()
        return [
            {
                "extension": extension,
                "contacts": [
                    {
                        "contact": presentable(binding.contact),
                        "address": f"{binding.flow.transport}:{binding.flow.remote[0]}:{binding.flow.remote[1]}",
                        "user_agent": binding.user_agent,
                        "expires_at": binding.expires_at + offset,
                    }
                    for binding in bindings
                ],
            }
            for extension, bindings in sorted(self._bindings.items())
        ]


def _by_device(bindings: tuple[Binding, ...]) -> list[list[Binding]]:
    """The ways to each device, the newest first."""
    ways: dict[str, list[Binding]] = {}
    for binding in bindings:
        ways.setdefault(binding.instance if binding.reg_id and binding.instance else binding.contact, []).append(binding)
    return [sorted(each, key=lambda binding: binding.since, reverse=True) for each in ways.values()]


def _with_spares(usual: Target, ways: list[Binding]) -> Target:
    first, *others = (_way(usual, way) for way in ways)
    return replace(first, spares=tuple(others))


def _way(usual: Target, way: Binding) -> Target:
    return replace(usual, uri=way.contact, flow=next_hop(way), routes=way.path, user_agent=way.user_agent)


def next_hop(binding: Binding) -> Flow:
    """Where a phone is reached: the path it registered over, for that is the way through a NAT (sip.md §3, fix_contact).

    A Contact (or a proxy that put itself into the path) of the very host that the REGISTER came from stands behind no NAT:
    over UDP its own port counts.
    """
    flow = binding.flow
    uri = parse_name_addr(binding.path[0]).uri if binding.path else parse_uri(binding.contact)
    if flow.transport != "udp" or uri.host != flow.remote[0]:
        return flow
    return flow._replace(remote=(flow.remote[0], uri.port or DEFAULT_PORT))


def _source(flow: Flow) -> tuple[str, tuple[str, int]]:
    return flow.transport, flow.remote


def _ignore(_extension: str) -> None:
    """Nobody asked."""
