"""Which number goes where: exact beats patterns, patterns by prefix, trunks by host."""

import pytest

from softswitch.directory.model import Kind, Number, Route, Trunk
from softswitch.directory.snapshot import Snapshot, best_match
from softswitch.model.address import Address
from softswitch.model.destination import Destination


@pytest.mark.parametrize(
    ("number", "patterns", "best"),
    [
        ("1001", ["1001", "1XXX", "1*", "*"], "1001"),
        ("1002", ["1001", "1XXX", "1*", "*"], "1XXX"),
        ("10025", ["1001", "1XXX", "1*", "10*", "*"], "10*"),
        ("1002", ["1NXX", "1XXX"], "1XXX"),
        ("1202", ["1NXX", "1XXX"], "1NXX"),
        ("1202", ["12XX", "1NXX"], "12XX"),
        ("0", ["0*"], "0*"),
        ("*97", ["*97", "*"], "*97"),
        ("sales", ["sales"], "sales"),
        ("2", ["1*", "N1"], None),
        ("1", ["N"], None),
        ("10", ["1."], None),
        ("٣", ["X"], None),
        ("0*", ["0*", "0X"], "0*"),
    ],
)
def test_the_best_pattern(number: str, patterns: list[str], best: str | None) -> None:
    assert best_match(number, dict.fromkeys(patterns)) == best


def test_the_number_as_received_beats_its_canonical_form() -> None:
    numbers = {"4008": "flow:a", "+864008": "flow:b"}
    snapshot = Snapshot.of((Kind.NUMBER, Number(number=n, to=Destination.parse(to))) for n, to in numbers.items())
    assert snapshot.number_for("4008", "+864008") == Destination.parse("flow:a")
    assert snapshot.number_for("004008", "+864008") == Destination.parse("flow:b")
    assert snapshot.number_for("9") is None


def test_a_route_by_pattern() -> None:
    snapshot = Snapshot.of(
        [(Kind.ROUTE, Route(pattern="0*", trunks=("a",))), (Kind.ROUTE, Route(pattern="00*", trunks=("b",)))]
    )
    found = snapshot.route_for("0049")
    assert found is not None and found.trunks == ("b",)


def test_a_trunk_is_known_by_host_whatever_its_source_port() -> None:
    trunks = [
        Trunk(name="a", addresses=(Address("192.0.2.1"),)),
        Trunk(name="b", addresses=(Address("192.0.2.2", 5080),)),
        Trunk(name="c", addresses=(Address("192.0.2.1", 5090),)),
    ]
    snapshot = Snapshot.of((Kind.TRUNK, trunk) for trunk in trunks)
    found = [
        (host, port, snapshot.trunk_by_source(host, port))
        for host, port in (("192.0.2.1", 5060), ("192.0.2.1", 5090), ("192.0.2.2", 49000))
    ]
    assert [trunk and trunk.name for _, _, trunk in found] == ["a", "c", "b"]
    assert snapshot.trunk_by_source("192.0.2.9", 5060) is None
