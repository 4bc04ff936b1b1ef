"""The trunk book: whose address it is, where calls go, which addresses are avoided, registration with the carrier."""

from __future__ import annotations

from typing import Any

import pytest

from signalling import commands as sip
from signalling.events import OptionsAnswered, RegistrationState
from signalling.transports.tls import ClientTls
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

    def probes(self) -> list[sip.Options]:
        """OPTIONS that are sent now."""
        before = len(self.sent)
        self.book.probe()
        return [command for command in self.sent[before:] if isinstance(command, sip.Options)]


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


def test_a_silent_address_is_given_up_early_only_while_another_is_left() -> None:
    targets = Book(_trunk("t", "192.0.2.1", "192.0.2.2")).book.targets(["t"], "0123")
    assert [target.first_response for target in targets] == [4.0, 0.0]


def test_an_address_that_failed_is_avoided_longer_each_time() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    first = world.book.targets(["t"], "0")[0]
    for wait in (30.0, 60.0, 120.0):
        world.book.report(first, alive=False)
        assert [target.address for target in world.book.targets(["t"], "0")] == ["192.0.2.2:5060"]
        world.clock.advance(wait - 1)
        assert world.probes() == []
        world.clock.advance(1)
        assert [target.address for target in world.book.targets(["t"], "0")] == ["192.0.2.2:5060"], "no call finds out"
        (probe,) = world.probes()
        assert probe.flow.remote == ("192.0.2.1", 5060)
        assert world.probes() == [], "one probe, not one a second"
    world.book.probed(OptionsAnswered(probe.tag, 404))
    assert len(world.book.targets(["t"], "0")) == 2
    world.book.report(first, alive=False)
    world.clock.advance(30.0)
    assert len(world.probes()) == 1, "who was back begins anew"


@pytest.mark.acceptance("TRA-6")
def test_retry_after_of_a_503_is_obeyed_and_its_end_is_found_by_one_probe() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    first = world.book.targets(["t"], "0")[0]
    world.book.report(first, alive=False, status=503, retry_after=45)
    world.clock.advance(44.0)
    assert world.probes() == [] and len(world.book.targets(["t"], "0")) == 1
    world.clock.advance(1.0)
    (probe,) = world.probes()
    world.book.probed(OptionsAnswered(probe.tag, 200))
    assert [target.address for target in world.book.targets(["t"], "0")] == ["192.0.2.1:5060", "192.0.2.2:5060"]
    world.book.report(first, alive=False, status=503, retry_after=86_400)
    world.clock.advance(300.0)
    assert len(world.probes()) == 1, "nobody is left alone for longer than 300 s"


def test_who_never_answers_a_probe_is_tried_by_a_call_again() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    world.book.report(world.book.targets(["t"], "0")[0], alive=False)
    for wait in (30.0, 60.0):
        world.clock.advance(wait)
        (probe,) = world.probes()
        world.book.probed(OptionsAnswered(probe.tag, 408))
    world.clock.advance(120.0)
    assert len(world.book.targets(["t"], "0")) == 2


def test_when_all_are_dead_the_one_that_failed_longest_ago_is_tried() -> None:
    world = Book(_trunk("t", "192.0.2.1", "192.0.2.2"))
    for target in world.book.targets(["t"], "0"):
        world.book.report(target, alive=False)
        world.clock.advance(1.0)
    assert [target.address for target in world.book.targets(["t"], "0")] == ["192.0.2.1:5060"]


def test_a_trunk_that_says_503_gets_half_the_calls() -> None:
    world = Book(_trunk("t", "192.0.2.1"), _trunk("spare", "192.0.2.9"))

    def second() -> int:
        taken = 0
        for _ in range(20):
            target = world.book.targets(["t", "spare"], "0")[0]
            taken += target.name == "t"
            world.book.seize(target)
            world.book.report(target, alive=True)
            world.clock.advance(0.05)
        return taken

    for _ in range(10):
        assert second() == 20
    target = world.book.targets(["t"], "0")[0]
    world.book.report(target, alive=False, status=503)
    world.book.report(target, alive=True)
    assert 8 <= second() <= 11
    for _ in range(150):
        second()
    assert second() == 20


def test_a_certificate_says_which_trunk_it_is_and_how_it_is_reached() -> None:
    tls = {"transport": {"protocol": "tls"}, "tls": {"peer_names": ("SBC.carrier.example",), "ca": "/ca.pem"}}
    book = Book(_trunk("t", "sip.carrier.example", overrides=tls), _trunk("u", "192.0.2.1", overrides=tls | {"tls": {}})).book
    found = book.of_certificate(frozenset({"x", "sbc.carrier.example"}))
    assert found is not None and found.name == "t"
    assert book.of_certificate(frozenset()) is None and book.of_certificate(frozenset({"carrier.example"})) is None
    assert book.tls_for("sip.carrier.example") == ClientTls("sip.carrier.example", "/ca.pem")
    (target,) = book.targets(["u"], "0")
    assert (target.uri, target.flow.transport) == ("sip:0@192.0.2.1;transport=tls", "tls")
    assert target.flow.remote == ("192.0.2.1", 5061)


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
    assert (book.policy("lab").registers_any, book.policy("carrier").registers_any) == (True, False)
    assert Book(_trunk("lab", "192.0.2.7", profile="open")).book.of_source("127.0.0.1") is None
