"""One dialog (RFC 3261 §12): who, in what order, by which way. It renders the requests that are sent inside it."""

from __future__ import annotations

from signalling.dialog.next_hop import next_hop
from signalling.errors import RemoteProtocolError
from signalling.events import Flow
from signalling.message import Message, Outgoing, Request, Response, parse_name_addr
from signalling.policy import PeerPolicy


class Dialog:
    """Owned by one leg. `flow` is where requests go, `source` where the peer's last identified request came from."""

    __slots__ = (
        "call_id",
        "contact",
        "flow",
        "local",
        "local_seq",
        "local_tag",
        "policy",
        "recorded",
        "remote",
        "remote_seq",
        "remote_tag",
        "routes",
        "source",
        "target",
    )

    def __init__(
        self,
        *,
        call_id: str,
        local: str,
        local_tag: str,
        remote: str,
        remote_tag: str,
        target: str,
        flow: Flow,
        contact: str,
        policy: PeerPolicy | None = None,
        local_seq: int = 1,
        remote_seq: int = -1,
    ) -> None:
        self.call_id = call_id
        self.local = local  # From value of our requests, with our tag
        self.local_tag = local_tag
        self.remote = remote  # To value of our requests, with the peer's tag once there is one
        self.remote_tag = remote_tag
        self.target = target
        self.routes: tuple[str, ...] = ()
        self.recorded = ""  # Record-Route lines that our answers to the INVITE repeat
        self.flow = flow
        self.source = flow
        self.contact = contact  # whole Contact line of our messages, ending in CRLF
        self.policy = policy
        self.local_seq = local_seq
        self.remote_seq = remote_seq

    @classmethod
    def accepting(
        cls, request: Request, *, local: str, local_tag: str, flow: Flow, contact: str, policy: PeerPolicy | None
    ) -> Dialog:
        """The UAS side, from an INVITE (§12.1.1). Raises RemoteProtocolError(400) for an unreadable Contact or Record-Route."""
        dialog = cls(
            call_id=request.call_id,
            local=local,
            local_tag=local_tag,
            remote=request.headers["from"][0],
            remote_tag=request.from_.tag,
            target="",
            flow=flow,
            contact=contact,
            policy=policy,
            local_seq=0,
            remote_seq=request.cseq.number,
        )
        if "record-route" in request.headers:
            dialog.routes = tuple(address.render() for address in request.addresses("record-route"))
            dialog.recorded = "".join(f"Record-Route: {value}\r\n" for value in request.headers["record-route"])
        dialog.refresh_target(request)
        return dialog

    def fork(self, response: Response) -> Dialog:
        """The UAC side once more, for one of several answers to the INVITE that this dialog has sent (§12.1.2)."""
        dialog = Dialog(
            call_id=self.call_id,
            local=self.local,
            local_tag=self.local_tag,
            remote=self.remote,
            remote_tag="",
            target=self.target,
            flow=self.source,
            contact=self.contact,
            policy=self.policy,
            local_seq=self.local_seq,
        )
        dialog.confirm(response)
        return dialog

    def confirm(self, response: Response) -> None:
        """The UAC side: take tag, route set and target from a 2xx (§12.1.2, §13.2.2.4)."""
        self.remote = response.headers["to"][0]
        self.remote_tag = response.to.tag
        self.routes = ()  # those that the request was sent by end here
        if "record-route" in response.headers:
            try:
                self.routes = tuple(address.render() for address in reversed(response.addresses("record-route")))
            except RemoteProtocolError:
                self.routes = ()
        self.confirm_target(response)

    def confirm_target(self, response: Response) -> None:
        """Take the Contact of a 2xx; an unreadable one cannot be refused any more, so the target stays as it was."""
        try:
            self.refresh_target(response)
        except RemoteProtocolError:
            return

    def refresh_target(self, message: Message) -> None:
        """Take the peer's Contact; without one the target stays, or is the source itself (§2.3 tolerance)."""
        values = message.headers.get("contact")
        if values:
            uri = parse_name_addr(values[0]).uri if "," not in values[0] else message.addresses("contact")[0].uri
            if not uri.is_sip:
                raise RemoteProtocolError(400, "Bad Contact")
            self.target = uri.text.partition("?")[0]
        elif not self.target:
            host, port = self.source.remote
            self.target = f"sip:[{host}]:{port}" if ":" in host else f"sip:{host}:{port}"
        self.flow = next_hop(self.target, self.routes, self.source, self.policy)

    def retarget(self, target: str) -> None:
        """Back to an earlier target: the request that had changed it has failed (RFC 6141)."""
        self.target = target
        self.flow = next_hop(target, self.routes, self.source, self.policy)

    def follow(self, source: Flow) -> None:
        """The peer is reached by another path from now on (rebound NAT, new connection)."""
        if source != self.source:
            self.source = source
            self.flow = next_hop(self.target, self.routes, source, self.policy)

    def in_order(self, request: Request) -> bool:
        """Whether the CSeq rises (§12.2.2); gaps are fine."""
        if request.cseq.number <= self.remote_seq:
            return False
        self.remote_seq = request.cseq.number
        return True

    def request(
        self,
        method: str,
        via: str,
        headers: str = "",
        content_type: str = "",
        body: bytes = b"",
        cseq: int = 0,
    ) -> Outgoing:
        """A request inside this dialog. `cseq` 0 takes the next number; an ACK passes that of its INVITE."""
        if not cseq:
            self.local_seq += 1
            cseq = self.local_seq
        uri, routes = self._way()
        return Outgoing(method, uri, via, routes, self.local, self.remote, self.call_id, cseq, headers, content_type, body)

    def _way(self) -> tuple[str, str]:
        """Request-URI and Route lines; a strict router gets itself as Request-URI (§12.2.1.1)."""
        if not self.routes:
            return self.target, ""
        first = parse_name_addr(self.routes[0])
        routes, uri = self.routes, self.target
        if first.uri.param("lr") is None:
            uri, routes = first.uri_text.partition("?")[0], (*self.routes[1:], f"<{self.target}>")
        return uri, "".join(f"Route: {route}\r\n" for route in routes)
