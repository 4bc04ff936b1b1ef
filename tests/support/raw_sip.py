"""Raw SIP over a UDP socket: for messages that no well-behaved peer sends, and for binding numbers to a SIPp process."""

from __future__ import annotations

import hashlib
import re
import socket
import time
from uuid import uuid4


class RawSip:
    """A UDP socket toward the switch. Responses are parsed just enough for assertions."""

    def __init__(self, switch_port: int, source: str = "127.0.0.1", port: int = 0) -> None:
        self.switch = ("127.0.0.1", switch_port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, port))
        self.address: tuple[str, int] = self.socket.getsockname()

    def __enter__(self) -> RawSip:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, text: str | bytes) -> None:
        if isinstance(text, str):  # octets that are no UTF-8 stay what they were when they were received
            text = text.replace("\r\n", "\n").replace("\n", "\r\n").encode(errors="surrogateescape")
        self.socket.sendto(text, self.switch)

    def receive(self, seconds: float = 2.0) -> str | None:
        """The next message, or None when nothing came."""
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(65536).decode(errors="surrogateescape")
        except TimeoutError:
            return None

    def final(self, seconds: float = 3.0) -> str | None:
        """The next final response; provisional ones are skipped."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None or not message.startswith("SIP/2.0 1"):
                return message
        return None

    def request(self, method: str, uri: str, *, headers: str = "", body: str = "", caller: str = "alice", call_id: str = "",
                cseq: int = 1, to: str = "") -> str:  # fmt: skip
        """A well-formed request outside a dialog."""
        host, port = self.address
        content = f"Content-Type: application/sdp\n{headers}" if body else headers
        return (
            f"{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid4().hex};rport\n"
            f"From: <sip:{caller}@{host}>;tag={uuid4().hex[:12]}\nTo: <{to or uri}>\nCall-ID: {call_id or uuid4().hex}\n"
            f"CSeq: {cseq} {method}\nContact: <sip:{caller}@{host}:{port}>\nMax-Forwards: 70\n{content}"
            f"Content-Length: {len(body)}\n\n{body}"
        )

    def acknowledge(self, answer: str) -> None:
        """ACK for a call that got this 200."""
        self._within(answer, "ACK", 0)

    def _within(self, answer: str, method: str, later: int) -> None:
        """A request of the dialog that this 200 has made."""
        contact = re.search(r"<([^>]*)>", header(answer, "Contact"))
        assert contact is not None, answer
        host, port = self.address
        self.send(
            f"{method} {contact[1]} SIP/2.0\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid4().hex};rport\n"
            f"From: {header(answer, 'From')}\nTo: {header(answer, 'To')}\nCall-ID: {header(answer, 'Call-ID')}\n"
            f"CSeq: {int(header(answer, 'CSeq').split()[0]) + later} {method}\nMax-Forwards: 70\nContent-Length: 0\n\n"
        )

    def hang_up(self, answer: str) -> None:
        """ACK and BYE for a call that got this 200."""
        self.acknowledge(answer)
        self._within(answer, "BYE", 1)
        ended = self.final()
        assert status(ended) == 200, f"{answer}\n{ended}"


def status(message: str | None) -> int:
    """The status of a response; 0 for none."""
    return int(message.split(" ", 2)[1]) if message and message.startswith("SIP/2.0 ") else 0


def header(message: str | None, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", message or "", re.IGNORECASE | re.MULTILINE)
    return found[1].strip() if found else ""


def offer(address: str = "127.0.0.1", port: int = 40000, formats: str = "0 101", extra: str = "") -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\n{extra}"
    )


def _hash(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def authorization(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The digest answer (MD5, qop=auth) to the MD5 challenge of a 401."""
    line = next(found for found in re.findall(r"^WWW-Authenticate:\s*(.*)$", challenge, re.MULTILINE) if "SHA-256" not in found)
    realm, nonce = (re.search(rf'{key}="([^"]*)"', line)[1] for key in ("realm", "nonce"))  # type: ignore[index]
    response = _hash(f"{_hash(f'{user}:{realm}:{password}')}:{nonce}:00000001:abc:auth:{_hash(f'{method}:{uri}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", '
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="abc"\n'
    )


def register(switch_port: int, number: str, password: str, contact_port: int) -> int:
    """Binds a number to a port of this machine; the final status."""
    uri = f"sip:127.0.0.1:{switch_port}"
    with RawSip(switch_port) as peer:
        contact = f"Contact: <sip:{number}@127.0.0.1:{contact_port}>\nExpires: 600\n"
        call_id = uuid4().hex

        def build(cseq: int, more: str) -> str:
            text = peer.request("REGISTER", uri, headers=contact + more, caller=number, call_id=call_id, cseq=cseq,
                                to=f"sip:{number}@127.0.0.1")  # fmt: skip
            return re.sub(r"Contact: <sip:\d+@127\.0\.0\.1:\d+>\n(?=Max-Forwards)", "", text)

        peer.send(build(1, ""))
        challenge = peer.final()
        if status(challenge) != 401:
            return status(challenge)
        assert challenge is not None
        peer.send(build(2, authorization(challenge, "REGISTER", uri, number, password)))
        return status(peer.final())


class RawStream:
    """A TCP connection from an address of one's choice."""

    def __init__(self, switch_port: int, source: str = "127.0.0.1", user_agent: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", switch_port), 5, (source, 0))
        self.address: tuple[str, int] = self.socket.getsockname()
        self._agent = f"User-Agent: {user_agent}\n" if user_agent else ""
        self._cseq = 0
        self._read = b""

    def __enter__(self) -> RawStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(self, method: str, name: str, headers: str = "", *, contact: str = "", call_id: str = "") -> str:
        self._cseq += 1
        host, port = self.address
        return (
            f"{method} sip:127.0.0.1 SIP/2.0\nVia: SIP/2.0/TCP {host}:{port};branch=z9hG4bK{uuid4().hex}\n"
            f"From: <sip:{name}@127.0.0.1>;tag=a{uuid4().hex[:8]}\nTo: <sip:{name}@127.0.0.1>\n"
            f"Call-ID: {call_id or uuid4().hex}\nCSeq: {self._cseq} {method}\nMax-Forwards: 70\n{self._agent}"
            f"Contact: {contact or f'<sip:{name}@{host}:{port};transport=tcp>'}\n{headers}Content-Length: 0\n\n"
        )

    def send(self, text: str) -> None:
        self.socket.sendall(text.replace("\r\n", "\n").replace("\n", "\r\n").encode())

    def receive(self, seconds: float = 3.0) -> str:
        """The next message without its body; "" when the connection is closed or nothing came."""
        self.socket.settimeout(seconds)
        try:
            while b"\r\n\r\n" not in self._read:
                if not (piece := self.socket.recv(65536)):
                    return ""
                self._read += piece
        except (TimeoutError, ConnectionError):
            return ""
        head, _, rest = self._read.partition(b"\r\n\r\n")
        text = head.decode() + "\r\n\r\n"
        self._read = rest[int(header(text, "Content-Length") or 0) :]
        return text

    def ask(self, text: str) -> str:
        """The answer; "" when the connection is closed."""
        try:
            self.send(text)
        except ConnectionError:
            return ""
        return self.receive()

    def answer(self, request: str, status_line: str) -> None:
        """A response without a body."""
        kept = "".join(f"{name}: {header(request, name)}\n" for name in ("Via", "From", "Call-ID", "CSeq"))
        to = header(request, "To")
        tag = "" if ";tag=" in to or status_line.startswith("100") else f";tag={uuid4().hex[:8]}"
        self.send(f"SIP/2.0 {status_line}\n{kept}To: {to}{tag}\nContact: <sip:x@{self.address[0]}>\nContent-Length: 0\n\n")
