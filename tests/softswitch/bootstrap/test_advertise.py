"""Which address of ours a peer is told."""

from __future__ import annotations

from signalling.events import Flow
from softswitch.bootstrap.node import by_interface


def test_each_interface_shows_its_own_address() -> None:
    route = {"8.8.8.8": "10.0.0.5", "192.168.1.20": "192.168.1.2"}
    of = by_interface("10.0.0.5=203.0.113.7, 10.0.9.9=198.51.100.1", lambda flow: (route[flow.remote[0]], 5060))
    flow = Flow("udp", ("0.0.0.0", 5060), ("8.8.8.8", 5060))
    assert of(flow) == ("203.0.113.7", 5060)
    assert of(flow._replace(remote=("192.168.1.20", 5060))) == ("192.168.1.2", 5060)
