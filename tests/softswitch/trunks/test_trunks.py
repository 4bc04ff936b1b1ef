"""The trunk book: whose address it is, where calls go, which addresses are avoided, registration with the carrier."""

from __future__ import annotations

from typing import Any

import pytest

from signalling import commands as sip
from signalling.events import RegistrationState
from softswitch.directory.model import Kind, Trunk
from softswitch.directory.snapshot import Snapshot
from softswitch.model.address import Address
from softswitch.model.clock import ManualClock
from softswitch.model.events import Event
from softswitch.trunks.service import TrunkBook


class Book:
    def __init__(self, *trunks: Trunk) -> None:
        self.clock = ManualClock()
        self.events: list[Event] = []
        self.sent: list[Any] = []
        self.book = TrunkBook(self.clock, self.events.append, self.sent.append)
        self.book.configure(Snapshot.of([(Kind.TRUNK, trunk) for trunk in trunks]))


def _trunk(name: str = "t", *addresses: str, **more: Any) -> Trunk:
    return Trunk(name=name, addresses=tuple(map(Address.parse, addresses)), **more)


def test_a_source_matches_by_host_whatever_its_port() -> None:
    book = Book(_trunk("a", "192.0.2.1"), _trunk("b", "192.0.2.2:5080")).book
    assert book.of_source("192.0.2.1", 40000) == book.of_source("192.0.2.1", 5060)
    found = book.of_source("192.0.2.2", 1)
    assert found is not None
    assert found.name == "b"
    assert book.of_source("192.0.2.3") is None


def test_of_two_trunks_at_one_host_the_one_with_the_port() -> None:
    book = Book(_trunk("a", "127.0.0.1:5070"), _trunk("b", "127.0.0.1:5080")).book
    found = book.of_source("127.0.0.1", 5080)
    assert found is not None
    assert found.name == "b"


@pytest.mark.parametrize(
    ("address", "uri", "remote"),
    [
        ("192.0.2.1", "sip:0123@192.0.2.1", ("192.0.2.1", 5060)),
        ("192.0.2.1:5080", "sip:0123@192.0.2.1:5080", ("192.0.2.1", 5080)),
        ("[2001:db8::1]:5080", "sip:0123@[2001:db8::1]:5080", ("2001:db8::1", 5080)),
    ],
)
def test_where_a_number_is_called(address: str, uri: str, remote: tuple[str, int]) -> None:
    (target,) = Book(_trunk("t", address)).book.targets(["t"], "0123")
    assert (target.uri, target.flow.remote, target.flow.transport) == (uri, remote, "udp")
    assert target.first_response == 4.0


def test_an_address_that_failed_is_avoided_longer_each_time() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    first = world.book.targets(["t"], "0")[0]
    for wait in (30.0, 60.0, 120.0):
        world.book.report(first, alive=False)
        assert [target.address for target in world.book.targets(["t"], "0")] == ["192.0.2.2:5060"]
        world.clock.advance(wait - 1)
        assert len(world.book.targets(["t"], "0")) == 1
        world.clock.advance(1)
        assert len(world.book.targets(["t"], "0")) == 2
    world.book.report(first, alive=True)
    world.book.report(first, alive=False)
    world.clock.advance(30.0)
    assert len(world.book.targets(["t"], "0")) == 2


def test_a_trunk_is_down_when_all_its_addresses_are() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    both = world.book.targets(["t"], "0")
    world.book.report(both[0], alive=False)
    assert world.book.views()[0]["state"] == "up"
    world.book.report(both[1], alive=False)
    assert world.book.views()[0]["state"] == "down"
    assert [event.state for event in world.events] == ["up", "down"]  # type: ignore[attr-defined]


def test_registration_with_the_carrier() -> None:
    trunk = _trunk("t", "192.0.2.1", username="acct", password="pw", register=True)
    world = Book(trunk)
    (register,) = world.sent
    assert isinstance(register, sip.Register)
    assert (register.registrar, register.aor_user, register.login.password) == ("sip:192.0.2.1", "acct", "pw")
    world.book.heard(RegistrationState("t", "registered", 200))
    assert world.book.views()[0]["state"] == "registered"
    world.book.configure(Snapshot.of([(Kind.TRUNK, trunk)]))
    assert len(world.sent) == 1, "an unchanged trunk is left alone"
    world.book.configure(Snapshot.of([]))
    assert world.sent[-1].expires == 0


def test_a_trunk_that_cannot_be_used_leaves_the_others_alone() -> None:
    world = Book(_trunk("bad", "192.0.2.9", profile="nobody"), _trunk("good", "192.0.2.1"))
    assert [view["name"] for view in world.book.views()] == ["good"]


async def test_names_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Book(_trunk("t", "localhost"))
    assert world.book.targets(["t"], "0") == ()
    await world.book.resolve()
    (target,) = world.book.targets(["t"], "0")
    assert target.flow.remote[0] in ("127.0.0.1", "::1")
    assert target.uri == "sip:0@localhost"


def test_an_open_bench_is_this_machine_unless_it_has_addresses() -> None:
    book = Book(_trunk("lab", profile="open"), _trunk("carrier", "192.0.2.1")).book
    found = [book.of_source(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "192.0.2.1", "192.0.2.9")]
    assert [trunk.name if trunk else "" for trunk in found] == ["lab", "lab", "lab", "carrier", ""]
    assert (book.registers_any("lab"), book.registers_any("carrier")) == (True, False)
    assert Book(_trunk("lab", "192.0.2.7", profile="open")).book.of_source("127.0.0.1") is None
