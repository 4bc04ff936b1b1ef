"""A carrier written by hand that forks: one INVITE, answers with any To tag and any description."""

from __future__ import annotations

from signalling.message import Request, ResponseTemplate, parse
from tests.flows.world import SWITCH, World


class Forking:
    """At the address of the world's carrier, in its place."""

    def __init__(self, world: World) -> None:
        self.address = (world.carrier.host, 5060)
        self.requests: list[Request] = []
        self._world = world
        world.network.add(self)  # type: ignore[arg-type]  # it has an address and receives, no more is asked of a node

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        message = parse(data)
        if not isinstance(message, Request):
            return
        self.requests.append(message)
        if message.method in ("BYE", "CANCEL", "PRACK"):
            self._send(ResponseTemplate(message, SWITCH).render(200, "", "", "", b""))

    def answers(self, status: int, tag: str, body: bytes = b"", headers: str = "") -> None:
        """A response to the last INVITE."""
        invite = next(request for request in reversed(self.requests) if request.method == "INVITE")
        contact = f"Contact: <sip:{tag}@{self.address[0]}>\r\n"
        kind = "application/sdp" if body else ""
        self._send(ResponseTemplate(invite, SWITCH).render(status, tag, contact + headers, kind, body))

    def _send(self, data: bytes) -> None:
        self._world.network.send(data, self.address, SWITCH)
