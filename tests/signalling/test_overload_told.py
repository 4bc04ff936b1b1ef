"""A peer that is asked for it tells how much is too much (RFC 7339, loss)."""

from __future__ import annotations

import pytest

from signalling.commands import Invite
from signalling.endpoint import Endpoint, EndpointConfig
from signalling.events import Body, Flow, Identity, Overloaded
from signalling.policy import PeerKind, PeerPolicy
from signalling.testing import Book, counting_token

FLOW = Flow("udp", ("192.0.2.100", 5060), ("192.0.2.1", 5060))


@pytest.mark.parametrize(
    ("told", "loss"),
    [('oc=20;oc-algo="loss";oc-validity=500;oc-seq=1.1', 20), ("oc=0", 0), ("oc=20;oc-validity=0", 0), ("oc", 0), ("oc=x", 0)],
)
def test_what_a_peer_tells_of_its_load(told: str, loss: int) -> None:
    policy = PeerPolicy(PeerKind.TRUNK, "carrier", oc=True)
    core = Endpoint(EndpointConfig(), Book({"192.0.2.1": policy}), counting_token("t"))
    output = core.submit(Invite("leg", "sip:1@192.0.2.1", FLOW, Identity("2", "pbx"), "1", Body(b"v=0")), 0.0)
    lines = output.transmits[0].data.decode().split("\r\n")
    via, *kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    assert ';oc;oc-algo="loss";' in via
    answer = ["SIP/2.0 100 Trying", via.replace(';oc;oc-algo="loss"', f";{told}"), *kept, "Content-Length: 0", "", ""]
    events = core.receive("\r\n".join(answer).encode(), FLOW, 0.1).events
    assert [event for event in events if isinstance(event, Overloaded)] == ([Overloaded(FLOW, loss)] if loss else [])


def test_nobody_is_asked_without_a_wish() -> None:
    core = Endpoint(EndpointConfig(), Book({"192.0.2.1": PeerPolicy(PeerKind.TRUNK, "carrier")}), counting_token("t"))
    output = core.submit(Invite("leg", "sip:1@192.0.2.1", FLOW, Identity("2", "pbx"), "1", Body(b"v=0")), 0.0)
    assert b";oc" not in output.transmits[0].data
