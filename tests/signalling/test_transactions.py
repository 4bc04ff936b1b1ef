"""The four machines as tables: every row once, and what a table must obey."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from signalling.events import Flow
from signalling.message import Outgoing, Request, Response, parse
from signalling.timers import LONG, Deadlines
from signalling.transaction import (
    INVITE_CLIENT,
    INVITE_SERVER,
    OTHER_CLIENT,
    OTHER_SERVER,
    ClientTransaction,
    Input,
    ServerTransaction,
    State,
    client_key,
    server_key,
)
from signalling.transaction.tables import Table

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 1)
TABLES = {
    "invite client": INVITE_CLIENT,
    "invite server": INVITE_SERVER,
    "other client": OTHER_CLIENT,
    "other server": OTHER_SERVER,
}


class Host:
    """Collects what transactions do."""

    def __init__(self) -> None:
        self.deadlines = Deadlines()
        self.sent: list[bytes] = []
        self.forgotten = 0

    def transmit(self, data: bytes, flow: Flow) -> None:
        self.sent.append(data)

    def forget_client(self, key: tuple[str, str]) -> None:
        self.forgotten += 1

    def forget_server(self, transaction: ServerTransaction) -> None:
        self.forgotten += 1

    def starts(self) -> list[str]:
        words = [data.split(b"\r\n")[0].split(b" ") for data in self.sent]
        return [(word[1] if word[0] == b"SIP/2.0" else word[0]).decode() for word in words]


def text(method: str) -> bytes:
    return (
        f"{method} sip:b@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx\r\nFrom: <sip:a@x>;tag=f\r\n"
        f"To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def response(status: int, method: str) -> Response:
    data = (
        f"SIP/2.0 {status} x\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKc\r\nFrom: <sip:a@x>;tag=f\r\n"
        f"To: <sip:b@x>;tag=t\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    parsed = parse(data.encode())
    assert isinstance(parsed, Response)
    return parsed


class Client:
    def __init__(self, method: str, flow: Flow = UDP) -> None:
        self.host = Host()
        self.told: list[int] = []
        outgoing = Outgoing(
            method, "sip:b@x", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc", "", "<sip:a@x>;tag=f", "<sip:b@x>", "c", 1
        )
        self.method = method
        self.transaction = ClientTransaction(
            self.host, flow, outgoing, ("z9hG4bKc", method), lambda status, _, __: self.told.append(status)
        )
        self.transaction.start(0.0)

    def feed(self, status: int, now: float) -> None:
        self.transaction.receive(response(status, self.method), now)


class Server:
    def __init__(self, method: str, flow: Flow = UDP) -> None:
        self.host = Host()
        parsed = parse(text(method))
        assert isinstance(parsed, Request)
        self.told: list[Input] = []
        self.transaction = ServerTransaction(self.host, flow, parsed, server_key(parsed, flow), "m")
        self.transaction.watch(lambda event, _: self.told.append(event))
        self.transaction.start(0.0)


class Case(NamedTuple):
    """Inputs as (time, what); a number is a response, a word an input, "run" only lets time pass."""

    inputs: tuple[tuple[float, int | str], ...]
    state: State
    sent: list[str]
    told: list[int | str]


CLIENT_INVITE = [
    Case(((31.9, "run"),), State.CALLING, ["INVITE"] * 7, []),
    Case(((32.1, "run"),), State.TERMINATED, ["INVITE"] * 7, [408]),
    Case(((0.1, 100), (60.0, "run")), State.PROCEEDING, ["INVITE"], [100]),
    Case(((0.1, 180), (0.2, 183), (0.3, 200)), State.ACCEPTED, ["INVITE"], [180, 183, 200]),
    Case(((0.1, 200), (0.2, 200), (0.3, 180), (0.4, 486)), State.ACCEPTED, ["INVITE"], [200, 200]),
    Case(((0.1, 200), (32.2, "run")), State.TERMINATED, ["INVITE"], [200]),
    Case(((0.1, 486), (0.2, 486), (0.3, 200)), State.COMPLETED, ["INVITE", "ACK", "ACK"], [486]),
    Case(((0.1, 180), (0.2, 486), (32.3, "run")), State.TERMINATED, ["INVITE", "ACK"], [180, 486]),
    Case(((0.1, "transport error"),), State.TERMINATED, ["INVITE"], [503]),
    Case(((0.1, 180), (0.2, "transport error")), State.TERMINATED, ["INVITE"], [180, 503]),
    Case(((0.1, "C"),), State.CALLING, ["INVITE"], []),
    Case(((0.1, 180), (0.2, "C")), State.TERMINATED, ["INVITE"], [180, 408]),
]
CLIENT_OTHER = [
    Case(((31.9, "run"),), State.TRYING, ["BYE"] * 11, []),
    Case(((32.1, "run"),), State.TERMINATED, ["BYE"] * 11, [408]),
    Case(((0.1, 100), (9.0, "run")), State.PROCEEDING, ["BYE"] * 3, []),
    Case(((0.1, 100), (32.1, "run")), State.TERMINATED, ["BYE"] * 8, [408]),
    Case(((0.1, 200), (0.2, 200), (5.0, "run")), State.COMPLETED, ["BYE"], [200]),
    Case(((0.1, 481), (5.2, "run")), State.TERMINATED, ["BYE"], [481]),
    Case(((0.1, 100), (0.2, 200)), State.COMPLETED, ["BYE"], [200]),
    Case(((0.1, "transport error"),), State.TERMINATED, ["BYE"], [503]),
]
SERVER_INVITE = [
    Case(((0.1, "request"),), State.PROCEEDING, ["100", "100"], []),
    Case(((0.1, 180), (0.2, "request")), State.PROCEEDING, ["100", "180", "180"], []),
    Case(((0.1, 200), (0.2, "request"), (0.3, "ack")), State.ACCEPTED, ["100", "200"], []),
    Case(((0.1, 200), (32.2, "run")), State.TERMINATED, ["100", "200"], []),
    Case(((0.0, 486), (3.4, "run")), State.COMPLETED, ["100", "486", "486", "486"], []),
    Case(((0.0, 486), (0.1, "request"), (0.2, "ack"), (0.3, "request")), State.CONFIRMED, ["100", "486", "486"], []),
    Case(((0.0, 486), (0.2, "ack"), (0.3, "ack"), (5.3, "run")), State.TERMINATED, ["100", "486"], []),
    Case(((0.0, 486), (32.1, "run")), State.TERMINATED, ["100"] + ["486"] * 11, ["H"]),
    Case(((0.0, "transport error"),), State.TERMINATED, ["100"], ["transport error"]),
]
SERVER_OTHER = [
    Case(((0.1, "request"), (3.4, "run")), State.TRYING, [], []),
    Case(((3.6, "run"), (4.0, "request")), State.PROCEEDING, ["100", "100"], []),
    Case(((60.0, "run"),), State.PROCEEDING, ["100"], []),
    Case(((0.1, 200), (0.2, "request"), (32.0, "run")), State.COMPLETED, ["200", "200"], []),
    Case(((0.1, 481), (32.2, "run")), State.TERMINATED, ["481"], []),
    Case(((4.0, 200),), State.COMPLETED, ["100", "200"], []),
]


def pass_time(host: Host, until: float) -> None:
    """Fire each deadline at its own time."""
    while (at := host.deadlines.next_at) is not None and at <= until:
        host.deadlines.run(at)


def play_client(client: Client, case: Case) -> None:
    for at, what in case.inputs:
        pass_time(client.host, at)
        if isinstance(what, int):
            client.feed(what, at)
        elif what != "run":
            client.transaction.step(Input(what), at)


@pytest.mark.parametrize("case", CLIENT_INVITE)
def test_invite_client(case: Case) -> None:
    client = Client("INVITE")
    play_client(client, case)
    assert (client.transaction.state, client.host.starts(), client.told) == (case.state, case.sent, case.told)


@pytest.mark.parametrize("case", CLIENT_OTHER)
def test_other_client(case: Case) -> None:
    client = Client("BYE")
    play_client(client, case)
    assert (client.transaction.state, client.host.starts(), client.told) == (case.state, case.sent, case.told)


@pytest.mark.parametrize(("method", "case"), [("INVITE", c) for c in SERVER_INVITE] + [("BYE", c) for c in SERVER_OTHER])
def test_server(method: str, case: Case) -> None:
    server = Server(method)
    for at, what in case.inputs:
        pass_time(server.host, at)
        if isinstance(what, int):
            server.transaction.respond(what, at, "t")
        elif what != "run":
            server.transaction.step(Input(what), at)
    assert (server.transaction.state, server.host.starts(), server.told) == (case.state, case.sent, case.told)


@pytest.mark.parametrize("method", ["INVITE", "BYE"])
def test_streams_never_resend_and_linger_not(method: str) -> None:
    client = Client(method, TCP)
    client.host.deadlines.run(31.0)
    client.feed(486 if method == "INVITE" else 200, 31.0)
    client.host.deadlines.run(31.0)
    assert client.transaction.state is State.TERMINATED
    assert client.host.starts() == (["INVITE", "ACK"] if method == "INVITE" else ["BYE"])
    server = Server(method, TCP)
    server.transaction.respond(486, 1.0, "t")
    server.host.deadlines.run(20.0)
    assert server.host.starts() == (["100", "486"] if method == "INVITE" else ["486"])


@pytest.mark.parametrize("name", TABLES)
def test_table_is_closed_and_can_be_left(name: str) -> None:
    table: Table = TABLES[name]
    states = {state for state, _ in table.rows} | {row.state for row in table.rows.values()}
    reached, frontier = {table.start.state}, [table.start.state]
    while frontier:
        state = frontier.pop()
        for (source, _), row in table.rows.items():
            if source is state and row.state not in reached:
                reached.add(row.state)
                frontier.append(row.state)
    assert reached == states
    assert State.TERMINATED in reached
    assert not [state for state, _ in table.rows if state is State.TERMINATED]


def test_final_transaction_leaves_no_deadline() -> None:
    client = Client("INVITE")
    client.feed(200, 0.1)
    client.host.deadlines.run(0.1 + LONG)
    assert client.host.forgotten == 1
    assert len(client.host.deadlines) == 0


def test_ack_finds_its_invite_and_cancel_by_method() -> None:
    invite, ack = parse(text("INVITE")), parse(text("ACK"))
    assert isinstance(invite, Request)
    assert isinstance(ack, Request)
    assert server_key(invite, UDP) == server_key(ack, UDP)
    cancel = parse(text("CANCEL"))
    assert isinstance(cancel, Request)
    assert server_key(cancel, UDP) != server_key(invite, UDP) == server_key(cancel, UDP, "INVITE")
    assert client_key(response(200, "INVITE")) == ("z9hG4bKc", "INVITE")


def test_ack_of_a_refusal_repeats_the_request() -> None:
    client = Client("INVITE")
    client.feed(404, 0.1)
    ack = parse(client.host.sent[-1])
    assert isinstance(ack, Request)
    assert (ack.method, ack.cseq, ack.to.tag, ack.via.branch, ack.uri_text) == ("ACK", (1, "ACK"), "t", "z9hG4bKc", "sip:b@x")
