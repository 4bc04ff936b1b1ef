"""10,000 phones that refresh every 60 s: the signalling core in memory, then a running switch by real sockets (REG-5)."""

from __future__ import annotations

import secrets
import tempfile
import time
from pathlib import Path

from signalling.auth import DigestClient
from signalling.commands import Login
from signalling.endpoint import Endpoint, EndpointConfig, Limits
from signalling.events import Flow
from signalling.message import Response, parse
from signalling.testing import Book
from tests.bench.figures import Figure, cpu_seconds, load_average, rss_kib
from tests.support.registrants import Registrants
from tests.support.switch import Switch

PHONES, EVERY, GOAL = 10_000, 60.0, 40.0
ROUNDS = 5
URI = "sip:pbx.example.com"
LOCAL = ("192.0.2.9", 5060)


class Phone:
    """Keeps its nonce as long as the server takes it, and answers a new one."""

    def __init__(self, number: int) -> None:
        self.name, self.flow = f"u{number}", Flow("udp", LOCAL, (f"10.0.{number >> 8}.{number & 255}", 5060))
        self.client = DigestClient(Login(self.name, "secret"), lambda: secrets.token_hex(8))
        self.challenge: list[str] = []
        self.cseq = 0

    def request(self) -> bytes:
        self.cseq += 1
        host = self.flow.remote[0]
        value = (
            self.client.answer([f"{line}, stale=true" for line in self.challenge], "REGISTER", URI) if self.challenge else None
        )
        line = f"Authorization: {value}\r\n" if value else ""
        own = f"sip:{self.name}@pbx.example.com"
        return (
            f"REGISTER {URI} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:5060;rport;branch=z9hG4bK{self.name}x{self.cseq}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{own}>;tag={self.name}\r\nTo: <{own}>\r\n"
            f"Call-ID: {self.name}\r\nCSeq: {self.cseq} REGISTER\r\nContact: <sip:{self.name}@{host}:5060>\r\n"
            f"Expires: 60\r\n{line}"
            "User-Agent: bench phone 1.0\r\nContent-Length: 0\r\n\r\n"
        ).encode()


class Bench:
    def __init__(self) -> None:
        book = Book()
        self.phones = [Phone(number) for number in range(PHONES)]
        for phone in self.phones:
            book.add_phone(phone.name, "secret")
        # all arrive in one go here, which no network does: the budget of all strangers together is not what is measured
        limits = Limits(strangers_rate=1e9, strangers_burst=1e9)
        self.endpoint = Endpoint(EndpointConfig(limits=limits), book, lambda: secrets.token_hex(8))
        self.now = 100.0
        self.spent = 0.0
        self.slowest: list[float] = []

    def send(self, phone: Phone) -> int:
        data = phone.request()
        began = time.thread_time()
        output = self.endpoint.receive(data, phone.flow, self.now)
        spent = time.thread_time() - began
        self.spent += spent
        answer = parse(output.transmits[0].data)
        assert isinstance(answer, Response)
        self.slowest.append(spent)
        if answer.status == 401:
            phone.challenge = answer.headers["www-authenticate"]
        return answer.status

    def register(self) -> int:
        """Every phone once, spread over a minute; how many got in."""
        done = 0
        for phone in self.phones:
            self.now += EVERY / PHONES
            began = time.thread_time()
            self.endpoint.handle_timeout(self.now)
            self.spent += time.thread_time() - began
            done += self.send(phone) == 200 or self.send(phone) == 200
        return done


def over_sockets() -> list[Figure]:
    """The same against a running switch: a socket for each phone, a first minute, and a minute of refreshes."""
    users = [(f"{20_000 + number}", f"password-of-{number}") for number in range(PHONES)]
    text = "".join(f'[[extension]]\nnumber = "{name}"\npassword = "{password}"\n' for name, password in users)
    with (
        tempfile.TemporaryDirectory() as folder,
        Switch(Path(folder), text) as switch,
        Registrants(switch.sip_port, users) as phones,
    ):
        assert switch.process is not None
        pid = switch.process.pid
        first = phones.register(EVERY)
        granted = [phone.granted for phone in phones.phones]
        spent, began = cpu_seconds(pid), time.monotonic()
        steady = phones.register(EVERY)
        load = (cpu_seconds(pid) - spent) / (time.monotonic() - began) * 100
        memory = rss_kib(pid) / 1024
    note = f"{first.repeated + steady.repeated} sent again; {memory:.0f} MiB; {load_average()}"
    spread = f"granted {min(granted)} to {max(granted)} s of 600"
    name, registered, refreshed = "registrations", len(first.spent), len(steady.spent)
    logins, refreshes = (round(minute.percentile(0.95) * 1000, 1) for minute in (first, steady))
    return [
        Figure(name, "sockets: registered in the first minute", registered, "phones", PHONES, note=note, more_is_better=True),
        Figure(name, "sockets: 401, login and 200, p95", logins, "ms", 100.0, note=spread),
        Figure(name, "sockets: refreshed in the next minute", refreshed, "phones", PHONES, more_is_better=True),
        Figure(name, "sockets: refresh, p95", refreshes, "ms", 100.0),
        Figure(
            name, f"sockets: refresh each {EVERY:.0f} s, whole switch", round(load, 1), "% of a core", GOAL, note=load_average()
        ),
    ]


def bench() -> list[Figure]:
    return [*in_memory(), *over_sockets()]


def in_memory() -> list[Figure]:
    run = Bench()
    first = run.register()
    loads = []
    for _ in range(ROUNDS):
        run.spent, run.slowest = 0.0, []
        assert run.register() == PHONES
        loads.append(run.spent / EVERY * 100)
    p95 = sorted(run.slowest)[int(len(run.slowest) * 0.95)] * 1000
    return [
        Figure("registrations", "registered in the first minute", first, "phones", PHONES, more_is_better=True),
        Figure(
            "registrations", f"{PHONES} phones, refresh each {EVERY:.0f} s, core", round(min(loads), 1), "% of a core", GOAL,
            note=f"worst round {max(loads):.1f}; without sockets; {load_average()}",
        ),
        Figure("registrations", "one REGISTER, p95", round(p95, 3), "ms", 100.0),
    ]  # fmt: skip
