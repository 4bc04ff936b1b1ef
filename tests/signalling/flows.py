"""Builders for the call tests: the usual call between the two sides of an EndpointPair, and raw requests of a scripted peer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from signalling.commands import AcceptModify, Answer, Command, Invite, Ring
from signalling.events import Body, Event, Identity, IncomingCall, ModifyRequested
from signalling.testing import EndpointPair, Side

OFFER, ANSWER = Body(b"v=0 offer\r\n"), Body(b"v=0 answer\r\n")
HOLD, HELD = Body(b"v=0 sendonly\r\n"), Body(b"v=0 recvonly\r\n")
T = TypeVar("T")


def one(side: Side, kind: type[T]) -> T:
    """The only event of a type."""
    found = [event for event in side.events if isinstance(event, kind)]
    assert len(found) == 1, (kind.__name__, side.events)
    return found[0]


def count(side: Side, kind: type) -> int:
    return len(side.told(kind))


def ringing(event: Event) -> Iterable[Command]:
    """A phone that rings and is never answered."""
    if isinstance(event, IncomingCall):
        yield Ring(event.leg)


def answering(event: Event) -> Iterable[Command]:
    """A phone that answers at once and agrees to everything."""
    if isinstance(event, IncomingCall):
        yield Ring(event.leg)
        yield Answer(event.leg, ANSWER)
    elif isinstance(event, ModifyRequested):
        yield AcceptModify(event.leg, HELD)


def invite(pair: EndpointPair, leg: str = "L", **changes: object) -> Invite:
    values: dict[str, object] = {
        "leg": leg,
        "target": "sip:100@192.0.2.2",
        "flow": pair.a.flow,
        "caller": Identity("200", "example.com", "Ann"),
        "to_user": "100",
        "body": OFFER,
    }
    return Invite(**{**values, **changes})  # type: ignore[arg-type] - keywords of a test


def established(**options: object) -> tuple[EndpointPair, str, str]:
    """A pair in a call, with the leg ids of both sides."""
    pair = EndpointPair(**options)  # type: ignore[arg-type] - keywords of a test
    pair.b.on_event = answering
    pair.submit(pair.a, invite(pair))
    pair.run(1)
    return pair, "L", one(pair.b, IncomingCall).leg


def statuses(pair: EndpointPair) -> list[str]:
    """The ladder without times: '> INVITE', '< 200' ..."""
    seen = []
    for line in pair.ladder:
        if "──▶" in line or "◀──" in line:
            words = line.split()
            start = words[words.index("B") + 1 :]
            name = start[1] if start[0] == "SIP/2.0" else start[0]
            seen.append(("> " if "──▶" in line else "< ") + name + (" lost" if line.endswith("✗") else ""))
    return seen


def nothing_left(pair: EndpointPair) -> None:
    """After 64*T1 and a bit no transaction, dialog, leg or deadline is alive."""
    pair.run(80 if pair.a.flow.transport == "udp" else 240)  # idle streams are closed after 120 s
    for side in (pair.a, pair.b):
        assert set(side.endpoint.leftovers.values()) == {0}, pair.show()
        assert side.deadline is None, pair.show()
