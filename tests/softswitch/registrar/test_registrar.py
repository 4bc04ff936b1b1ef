"""Where a phone is rung: over the path it registered, or at its own Contact when no NAT is between."""

from __future__ import annotations

import pytest

from signalling.events import Binding, BindingsChanged, Flow
from softswitch.model.clock import ManualClock
from softswitch.model.events import Event
from softswitch.registrar.service import Registrar


def _binding(contact: str, remote: tuple[str, int], transport: str = "udp") -> Binding:
    return Binding("1001", contact, Flow(transport, ("192.0.2.100", 5060), remote, 0), 5000.0, "id", 1, user_agent="Desk 1")


@pytest.mark.parametrize(
    ("contact", "source", "transport", "rung"),
    [
        ("sip:1001@10.0.0.5:5060", ("203.0.113.9", 31000), "udp", ("203.0.113.9", 31000)),  # behind a NAT
        ("sip:1001@192.0.2.7:5080", ("192.0.2.7", 40000), "udp", ("192.0.2.7", 5080)),
        ("sip:1001@192.0.2.7", ("192.0.2.7", 40000), "udp", ("192.0.2.7", 5060)),
        ("sip:1001@192.0.2.7:5080;transport=tcp", ("192.0.2.7", 40000), "tcp", ("192.0.2.7", 40000)),
        ("sip:1001@abc.invalid", ("192.0.2.7", 40000), "udp", ("192.0.2.7", 40000)),
    ],
)
def test_where_a_phone_is_rung(contact: str, source: tuple[str, int], transport: str, rung: tuple[str, int]) -> None:
    registrar = Registrar(ManualClock(), lambda _event: None)
    registrar.heard(BindingsChanged("1001", (_binding(contact, source, transport),)))
    (target,) = registrar.targets("1001")
    assert (target.uri, target.flow.remote, target.flow.transport) == (contact, rung, transport)


def test_log_in_and_out_are_told_once() -> None:
    events: list[Event] = []
    changed: list[str] = []
    registrar = Registrar(ManualClock(), events.append)
    registrar.on_change = changed.append
    binding = _binding("sip:1001@192.0.2.7", ("192.0.2.7", 5060))
    registrar.heard(BindingsChanged("1001", (binding,)))
    registrar.heard(BindingsChanged("1001", (binding,)))  # a refresh
    assert registrar.is_registered("1001")
    assert registrar.is_phone(binding.flow, "1001")
    assert not registrar.is_phone(binding.flow, "1002")
    assert registrar.views()[0]["contacts"][0]["user_agent"] == "Desk 1"
    registrar.heard(BindingsChanged("1001", ()))
    assert not registrar.is_registered("1001")
    assert not registrar.is_phone(binding.flow)
    assert changed == ["1001", "1001"]
    assert [event.contacts for event in events] == [1, 0]  # type: ignore[attr-defined]
