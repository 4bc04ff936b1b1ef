"""Thousands of phones that register: a UDP socket each, at an address of its own in 127.0.0.0/8, in one loop."""

from __future__ import annotations

import hashlib
import heapq
import re
import resource
import select
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

T1 = 0.5
NEW = (0, 0)
_CHALLENGE = re.compile(r'(?im)^WWW-Authenticate:[^\r\n]*realm="([^"]*)"[^\r\n]*nonce="([^"]*)"[^\r\n]*MD5')
_EXPIRES = re.compile(r"(?im)^Contact:[^\r\n]*;expires=(\d+)")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class Registrant:
    """One phone. It keeps its nonce as long as the switch takes it, and repeats what is not answered (RFC 3261 §17.1.2)."""

    name: str
    password: str
    host: str
    target: tuple[str, int]
    expires: int
    socket: socket.socket = field(init=False)
    granted: int = 0
    tries: int = 0  # of the request that waits for its answer; 0: none does
    began: float = 0.0
    challenges: int = 0  # since `began`
    _cseq: int = 0
    _count: int = 0
    _realm: str = ""
    _nonce: str = ""
    _request: bytes = b""

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((self.host, 0))

    @property
    def attempt(self) -> tuple[int, int]:
        """Which request waits, and how often it was sent; (…, 0) when none does."""
        return self._cseq, self.tries

    def write(self) -> None:
        """A new REGISTER."""
        self._cseq += 1
        self.tries = 0
        uri, line = f"sip:{self.target[0]}", ""
        if self._nonce:
            self._count += 1
            middle = f"{self._nonce}:{self._count:08x}:abc:auth"
            digest = _md5(f"{_md5(f'{self.name}:{self._realm}:{self.password}')}:{middle}:{_md5(f'REGISTER:{uri}')}")
            line = (
                f'Authorization: Digest username="{self.name}", realm="{self._realm}", nonce="{self._nonce}", uri="{uri}", '
                f'response="{digest}", algorithm=MD5, qop=auth, nc={self._count:08x}, cnonce="abc"\r\n'
            )
        host, port = self.socket.getsockname()
        own = f"sip:{self.name}@{self.target[0]}"
        self._request = (
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{self.name}x{self._cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{own}>;tag={self.name}\r\nTo: <{own}>\r\nCall-ID: {self.name}\r\n"
            f"CSeq: {self._cseq} REGISTER\r\nContact: <sip:{self.name}@{host}:{port}>\r\nExpires: {self.expires}\r\n{line}"
            "User-Agent: bench phone 1.0\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def send(self) -> float:
        """Once more; seconds until it is to be repeated."""
        self.tries += 1
        self.socket.sendto(self._request, self.target)
        return min(T1 * 2.0 ** (self.tries - 1), 4.0)

    def take(self, answer: str) -> int:
        """The status of an answer to what was sent last, 0 for any other; a challenge is kept for the next request."""
        if f"CSeq: {self._cseq} REGISTER" not in answer or not self.tries:
            return 0
        status = int(answer[8:11])
        if status == 401 and (found := _CHALLENGE.search(answer)) is not None:
            self._realm, self._nonce, self._count = found[1], found[2], 0
            self.challenges += 1
        if status == 200 and (granted := _EXPIRES.search(answer)) is not None:
            self.granted = int(granted[1])
        self.tries = 0
        return status


@dataclass(slots=True)
class Outcome:
    """`spent`: seconds from the first REGISTER to its 200, in order of size. `late` are left without an answer."""

    spent: list[float]
    repeated: int
    refused: int
    late: int

    def percentile(self, part: float) -> float:
        return self.spent[min(len(self.spent) - 1, int(len(self.spent) * part))] if self.spent else float("inf")


class Registrants:
    """The phones of `users` (name → password). Use as a context manager."""

    def __init__(self, port: int, users: Iterable[tuple[str, str]], *, expires: int = 600) -> None:
        least = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (least[1], least[1]))
        self.phones = [
            Registrant(name, password, f"127.{16 + (n >> 16)}.{n >> 8 & 255}.{n & 255}", ("127.0.0.1", port), expires)
            for n, (name, password) in enumerate(users, 1)
        ]
        self._poll = select.epoll()
        self._of = {phone.socket.fileno(): phone for phone in self.phones}
        for number in self._of:
            self._poll.register(number, select.EPOLLIN)

    def __enter__(self) -> Registrants:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for phone in self.phones:
            phone.socket.close()

    def register(self, seconds: float, *, patience: float = 16.0) -> Outcome:
        """Every phone once, spread evenly over `seconds`; each is waited for, but not longer than `patience` after that."""
        start = time.monotonic()
        gap = seconds / len(self.phones)
        due: list[tuple[float, int, tuple[int, int]]] = [(start + n * gap, n, NEW) for n in range(len(self.phones))]
        numbers = {id(phone): n for n, phone in enumerate(self.phones)}
        outcome, left = Outcome([], 0, 0, 0), len(self.phones)
        while left and time.monotonic() < start + seconds + patience:
            now = time.monotonic()
            while due and due[0][0] <= now:
                _, n, attempt = heapq.heappop(due)
                phone = self.phones[n]
                if attempt is NEW:
                    phone.began, phone.challenges = now, 0
                    phone.write()
                elif attempt != phone.attempt:
                    continue  # answered meanwhile
                outcome.repeated += attempt is not NEW
                heapq.heappush(due, (now + phone.send(), n, phone.attempt))
            for number, _ in self._poll.poll(max(0.0, min(0.05, due[0][0] - time.monotonic() if due else 0.05))):
                phone = self._of[number]
                status = phone.take(phone.socket.recv(4096).decode())
                if status == 401 and phone.challenges < 3:  # once for the first nonce, once more for one that is too old
                    phone.write()
                    heapq.heappush(due, (time.monotonic() + phone.send(), numbers[id(phone)], phone.attempt))
                elif status >= 200:
                    left -= 1
                    outcome.refused += status != 200
                    if status == 200:
                        outcome.spent.append(time.monotonic() - phone.began)
        outcome.late = left
        outcome.spent.sort()
        return outcome
