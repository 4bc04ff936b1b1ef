"""A peer written out as text, for everything that a well-behaved endpoint would never send."""

from __future__ import annotations

from signalling.auth import DigestClient
from signalling.commands import Command, Login
from signalling.endpoint import Endpoint, EndpointConfig
from signalling.events import Event, Flow
from signalling.message import Response, parse
from signalling.policy import PeerKind, PeerPolicy
from signalling.testing import Book, counting_token

LOCAL, PHONE, TRUNK = ("192.0.2.200", 5060), ("203.0.113.7", 5062), ("198.51.100.1", 5060)
SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"


def phone_flow(host: str = PHONE[0], port: int = PHONE[1]) -> Flow:
    return Flow("udp", LOCAL, (host, port))


def trunk_flow(port: int = TRUNK[1]) -> Flow:
    return Flow("udp", LOCAL, (TRUNK[0], port))


class Bench:
    """An endpoint with one trunk and two phones, fed with text; `now` is moved by hand."""

    def __init__(self, config: EndpointConfig | None = None) -> None:
        self.book = Book(trunks={TRUNK[0]: PeerPolicy(PeerKind.TRUNK, "carrier")})
        self.book.add_phone("1001", "s3cret")
        self.book.add_phone("1002", "other")
        self.endpoint = Endpoint(config or EndpointConfig(), self.book, counting_token())
        self.now = 100.0
        self.events: list[Event] = []
        self.sent: list[tuple[bytes, Flow]] = []
        self.number = 0

    def feed(self, data: str | bytes, flow: Flow) -> list[Response]:
        """Responses that come back at once, in order."""
        octets = data.encode() if isinstance(data, str) else data
        output = self.endpoint.receive(octets, flow, self.now)
        self.events += output.events
        self.sent = [(sent.data, sent.flow) for sent in output.transmits]
        return [answer for sent in output.transmits if isinstance(answer := parse(sent.data), Response)]

    def order(self, command: Command) -> list[bytes]:
        output = self.endpoint.submit(command, self.now)
        self.events += output.events
        self.sent = [(sent.data, sent.flow) for sent in output.transmits]
        return [sent.data for sent in output.transmits]

    def wait(self, seconds: float) -> list[bytes]:
        """Let time pass in small steps; the messages that were sent meanwhile (keep-alives left out)."""
        sent: list[bytes] = []
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + 0.25)
            output = self.endpoint.handle_timeout(self.now)
            self.events += output.events
            sent += [transmit.data for transmit in output.transmits if transmit.data.strip()]
        return sent

    def told(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    def request(
        self,
        method: str,
        uri: str = "sip:100@pbx.example.com",
        *,
        user: str = "1001",
        to: str = "",
        to_tag: str = "",
        call_id: str = "",
        cseq: int = 1,
        branch: str = "",
        headers: str = "",
        body: str = "",
        kind: str = "application/sdp",
        from_tag: str = "peer",
        contact: str | None = None,
    ) -> str:
        self.number += 1
        branch = branch or f"z9hG4bKscript{self.number}"
        tail = f";tag={to_tag}" if to_tag else ""
        contact = f"<sip:{user}@{PHONE[0]}:{PHONE[1]}>" if contact is None else contact
        contact_line = f"Contact: {contact}\r\n" if contact else ""
        type_line = f"Content-Type: {kind}\r\n" if body else ""
        return (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5:5060;rport;branch={branch}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{user}@pbx.example.com>;tag={from_tag}\r\nTo: <{to or uri}>{tail}\r\n"
            f"Call-ID: {call_id or f'call{self.number}'}\r\nCSeq: {cseq} {method}\r\n{contact_line}{headers}{type_line}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def authorized(
        self,
        method: str,
        uri: str,
        flow: Flow,
        *,
        user: str = "1001",
        password: str = "s3cret",
        **parts: object,
    ) -> list[Response]:
        """Send, take the challenge, send again with credentials; the answers to the second."""
        call_id = f"auth{self.number}"
        options = {"user": user, "call_id": call_id, **parts}
        (challenge,) = self.feed(self.request(method, uri, cseq=1, **options), flow)  # type: ignore[arg-type]
        assert challenge.status == 401, challenge.status
        client = DigestClient(Login(user, password), counting_token("c"))
        value = client.answer(challenge.headers["www-authenticate"], method, uri)
        extra = str(options.pop("headers", ""))
        return self.feed(
            self.request(method, uri, cseq=2, headers=f"Authorization: {value}\r\n{extra}", **options),
            flow,  # type: ignore[arg-type]
        )

    def register(self, flow: Flow, *, user: str = "1001", password: str = "s3cret", **parts: object) -> list[Response]:
        return self.authorized(
            "REGISTER", "sip:pbx.example.com", flow, user=user, password=password, to=f"sip:{user}@pbx.example.com", **parts
        )
