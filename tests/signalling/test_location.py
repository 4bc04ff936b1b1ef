"""Where a request goes (RFC 3263): the questions, the order by weight, what is remembered. No sockets, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from signalling.location import (
    Answer,
    DeadTargets,
    Hop,
    Member,
    Memory,
    Naptr,
    Pace,
    Query,
    Record,
    Route,
    Srv,
    Wanted,
    locate,
    ordered,
)

ZONE: Mapping[tuple[str, str], tuple[Record, ...]] = {
    ("carrier.example", "NAPTR"): (
        Naptr(20, 10, "s", "SIP+D2U", "_sip._udp.carrier.example"),
        Naptr(10, 10, "S", "SIPS+D2T", "_sips._tcp.carrier.example"),
        Naptr(5, 10, "s", "SIP+D2S", "_sip._sctp.carrier.example"),
        Naptr(1, 10, "u", "E2U+sip", "ignored"),
    ),
    ("_sips._tcp.carrier.example", "SRV"): (Srv(10, 1, 5061, "a.carrier.example"),),
    ("_sip._udp.carrier.example", "SRV"): (Srv(20, 0, 5062, "b.carrier.example"), Srv(10, 0, 5060, "a.carrier.example")),
    ("a.carrier.example", "A"): ("192.0.2.1", "192.0.2.2"),
    ("a.carrier.example", "AAAA"): ("2001:db8::1",),
    ("b.carrier.example", "A"): ("192.0.2.3",),
    ("plain.example", "A"): ("192.0.2.9",),
    ("_sip._udp.closed.example", "SRV"): (Srv(0, 0, 0, "."),),
}


def asked(wanted: Wanted, transports: tuple[str, ...], families: tuple[str, ...] = ("ipv4",)) -> tuple[Route, list[Query]]:
    """The route by ZONE, and what was asked on the way."""
    questions: list[Query] = []
    asking = locate(wanted, transports, families)
    try:
        query = next(asking)
        while True:
            questions.append(query)
            query = asking.send(ZONE.get((query.name, query.kind), ()))
    except StopIteration as end:
        return end.value, questions


def hops(wanted: Wanted, *transports: str, families: tuple[str, ...] = ("ipv4",)) -> list[tuple[str, str, int]]:
    route, _ = asked(wanted, transports or ("udp",), families)
    return [(hop.transport, *hop.address) for hop in ordered(route, lambda most: most)]


def test_a_number_is_asked_nowhere() -> None:
    route, questions = asked(Wanted("2001:DB8::1", 0, "tls"), ("udp",))
    assert questions == []
    assert ordered(route, lambda most: 0) == [Hop("tls", ("2001:db8::1", 5061), "2001:db8::1")]


def test_a_port_skips_naptr_and_srv_a_transport_skips_naptr() -> None:
    assert asked(Wanted("plain.example", 5080), ("udp",))[1] == [Query("plain.example", "A")]
    assert hops(Wanted("plain.example", 5080)) == [("udp", "192.0.2.9", 5080)]
    assert asked(Wanted("carrier.example", 0, "tls"), ("udp",))[1][0] == Query("_sips._tcp.carrier.example", "SRV")
    assert hops(Wanted("carrier.example", 0, "tls")) == [("tls", "192.0.2.1", 5061), ("tls", "192.0.2.2", 5061)]


def test_naptr_decides_the_transport_among_those_we_have() -> None:
    everything = hops(Wanted("carrier.example"), "udp", "tcp", "tls")
    assert everything == [
        ("tls", "192.0.2.1", 5061), ("tls", "192.0.2.2", 5061),
        ("udp", "192.0.2.1", 5060), ("udp", "192.0.2.2", 5060), ("udp", "192.0.2.3", 5062),
    ]  # fmt: skip
    assert {transport for transport, _, _ in hops(Wanted("carrier.example"), "udp")} == {"udp"}


def test_without_srv_the_name_itself_and_never_a_service_that_is_refused() -> None:
    assert hops(Wanted("plain.example")) == [("udp", "192.0.2.9", 5060)]
    assert hops(Wanted("closed.example")) == [] and hops(Wanted("nobody.example")) == []


def test_families_take_turns_the_preferred_one_first() -> None:
    found = hops(Wanted("a.carrier.example", 5060), families=("ipv6", "ipv4"))
    assert [address for _, address, _ in found] == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]


def test_weights_share_the_load_and_priority_comes_first() -> None:
    def member(name: str, weight: int) -> Member:
        return Member(weight, (Hop("udp", (name, 5060), name),))

    route = ((member("heavy", 60), member("light", 20), member("never", 0)), (member("spare", 100),))
    random = Random(7)
    orders = [[hop.host for hop in ordered(route, lambda most: random.randint(0, most))] for _ in range(4000)]
    first = Counter(order[0] for order in orders)
    assert all(order[3] == "spare" for order in orders)
    assert 2.6 < first["heavy"] / first["light"] < 3.4
    assert first["never"] < 4000 * 0.03


def test_answers_live_as_long_as_they_say_and_serve_an_hour_longer_in_need() -> None:
    memory, query = Memory(), Query("a", "A")
    for ttl, life in ((1.0, 5.0), (60.0, 60.0), (86_400.0, 3600.0)):
        memory.put(query, Answer(("192.0.2.1",), ttl), 100.0)
        assert memory.fresh(query, 100.0 + life - 0.1) == ("192.0.2.1",) and memory.fresh(query, 100.0 + life) is None
        assert (
            memory.stale(query, 100.0 + life + 3599.0) == ("192.0.2.1",) and memory.stale(query, 100.0 + life + 3600.0) is None
        )
    memory.put(query, Answer((), 900.0), 100.0)
    assert memory.fresh(query, 129.0) == () and memory.fresh(query, 130.0) is None


def test_dead_targets_rest_longer_each_time_and_no_call_meets_one() -> None:
    dead: DeadTargets[str] = DeadTargets()
    now = 0.0
    for pause in (30.0, 60.0, 120.0, 240.0, 300.0, 300.0):
        dead.failed("a", now)
        assert dead.pick(["a", "b"], now) == ["b"] and dead.due(now + pause - 0.1) == []
        now += pause
        assert dead.due(now) == ["a"] and dead.due(now) == [], "one probe"
        assert dead.pick(["a", "b"], now) == ["b"]
    assert dead.probed("a", True, now) and dead.pick(["a", "b"], now) == ["a", "b"]
    dead.failed("b", now)
    dead.failed("a", now + 1)
    assert dead.pick(["a", "b"], now + 2) == ["b"], "the one that failed longest ago"
    assert dead.pick([], now) == []
    dead.keep(["b"])
    assert dead.pick(["a", "b"], now + 2) == ["a"]


@pytest.mark.parametrize(("asked_for", "pause"), [(45.0, 45.0), (5.0, 5.0), (9000.0, 300.0)])
def test_retry_after_is_obeyed_up_to_five_minutes(asked_for: float, pause: float) -> None:
    dead: DeadTargets[str] = DeadTargets()
    dead.failed("a", 0.0, retry_after=asked_for)
    assert dead.due(pause - 0.1) == [] and dead.due(pause) == ["a"]


def test_a_peer_with_too_many_calls_gets_half_and_then_a_tenth_more_each_ten_seconds() -> None:
    pace, now = Pace(), 100.0
    for _ in range(400):
        assert pace.may(now)
        pace.sent(now)
        now += 0.025
    pace.refused(now)
    assert pace.limit(now) == pytest.approx(20.0, abs=1.0)
    pace.refused(now + 1)
    assert pace.limit(now + 1) == pytest.approx(20.0, abs=1.0), "one flood of refusals counts once"
    assert pace.limit(now + 10) == pytest.approx(22.0, abs=1.1)
    assert pace.limit(now + 90) == 0.0, "nothing is limited any more"
