"""RFC 4475 and RFC 5118 against the running switch: the answer to every message, and OPTIONS answered at once after each."""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.apply import extensions
from tests.support.raw_sip import RawSip, authorization, header, offer, status
from tests.support.switch import Switch, wait_for
from tests.support.torture import ALL, CLOSING, WAITING, Torture, agree, octets

BENCH = (
    extensions("1001", "1002")
    + """
[[trunk]]
name = "bench"
profile = "open"
[[number]]
number = "9196"
to = "echo"
[[route]]
pattern = "138*"
trunks = ["bench"]
"""
)
SWIFT = 0.05  # seconds until OPTIONS is answered
STEADY = [case for case in ALL if case.name not in {"dblreq", *WAITING, *CLOSING}]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch to which everybody on this machine is a test bench."""
    with Switch(tmp_path_factory.mktemp("bench"), BENCH) as running:
        yield running


def delay_of_options(switch: Switch) -> float:
    """Seconds until OPTIONS is answered. The best of three: a slow scheduler is not the switch's."""
    best = 9.0
    for _ in range(3):
        with RawSip(switch.sip_port) as peer:
            started = time.monotonic()
            peer.send(peer.request("OPTIONS", f"sip:127.0.0.1:{switch.sip_port}"))
            assert status(peer.final()) == 200
            best = min(best, time.monotonic() - started)
        if best <= SWIFT:
            break
    return best


class Stream:
    """A TCP connection to the switch that collects its answers."""

    def __init__(self, switch: Switch) -> None:
        self.socket = socket.create_connection(("127.0.0.1", switch.sip_port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.is_closed = False

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes, portion: int = 0) -> None:
        try:
            for at in range(0, len(data), portion or len(data)):
                self.socket.sendall(data[at : at + (portion or len(data))])
        except ConnectionError:  # it is closed as soon as nothing more can be understood
            self.is_closed = True

    def read(self, seconds: float) -> bool:
        """Reads what comes within some time; whether anything did, an end included."""
        if self.is_closed or not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            got = self.socket.recv(65536)
        except ConnectionError:
            got = b""
        self.is_closed = not got
        self.data += got
        return True

    def statuses(self, count: int, seconds: float = 3.0) -> list[int]:
        """Final answers, when `count` have come and nothing follows them."""
        deadline = time.monotonic() + seconds
        while len(found := self.finals()) < count and time.monotonic() < deadline and not self.is_closed:
            self.read(deadline - time.monotonic())
        while self.read(0.02):
            found = self.finals()
        return found

    def finals(self) -> list[int]:
        """Each transaction once: an answer to INVITE is repeated until its ACK."""
        answers = self.data.split(b"SIP/2.0 ")[1:]
        known: dict[bytes, int] = {}
        for answer in answers:
            if answer[:1] != b"1":
                key = answer.partition(b"\r\n\r\n")[0]
                known.setdefault(key, int(answer[:3]))
        return list(known.values())


@pytest.mark.acceptance("PAR-1")
def test_verdicts_over_udp(bench: Switch) -> None:
    wrong, slow = [], []
    for number, case in enumerate(ALL):
        with RawSip(bench.sip_port) as peer:
            peer.send(case.named(b"%02du" % number))
            delay = delay_of_options(bench)
            answer = peer.final(2.0 if case.verdict is not None else 0.02)
            answered = case.fits(status(answer)) if case.verdict is not None else answer is None
            if not answered:
                wrong.append((case.name, case.verdict, answer))
            if delay > SWIFT:
                slow.append((case.name, round(delay, 3)))
    assert (wrong, slow) == ([], [])
    healthy(bench)


@pytest.mark.acceptance("PAR-1")
def test_verdicts_over_tcp_whole_and_octet_by_octet(bench: Switch) -> None:
    """The two that are never complete are opened first: they have 10 s to say the rest."""
    waiting = {case.name: Stream(bench) for case in ALL if case.name in WAITING}
    started = time.monotonic()
    for name, stream in waiting.items():
        stream.send(octets("rfc4475", name))
    wrong = []
    for number, case in enumerate(ALL):
        for letter, portion in ((b"w", 0), (b"o", 1)):
            statuses, is_closed = answered(bench, case, b"%02d" % number + letter, portion)
            if not agree(statuses, expected_of(case)) or is_closed != (case.name in {"dblreq", *CLOSING}):
                wrong.append((case.name, portion, statuses, is_closed))
    assert wrong == []
    for name, stream in waiting.items():
        while not stream.is_closed and time.monotonic() < started + 13:
            stream.read(1)
        assert 9.5 < time.monotonic() - started < 13
        assert (stream.is_closed, stream.finals()) == (True, []), name
        stream.socket.close()
    healthy(bench)


def answered(bench: Switch, case: Torture, token: bytes, portion: int) -> tuple[list[int], bool]:
    expected = expected_of(case)
    with Stream(bench) as stream:
        stream.send(case.named(token), portion)
        if not expected:
            assert delay_of_options(bench) < 1
        return stream.statuses(len(expected)), stream.is_closed


def expected_of(case: Torture) -> list[int | str]:
    """Behind the second request of dblreq five octets are left, so the stream is closed before its call is refused."""
    return [200] if case.name == "dblreq" else case.over_stream()


@pytest.mark.acceptance("PAR-1")
def test_ten_messages_in_one_write(bench: Switch) -> None:
    for first in range(0, len(STEADY), 10):
        batch = STEADY[first : first + 10]
        expected = [answer for case in batch for answer in case.over_stream()]
        with Stream(bench) as stream:
            stream.send(b"".join(case.named(b"%02db" % (first + number)) for number, case in enumerate(batch)))
            statuses = stream.statuses(len(expected))
            assert agree(statuses, expected), ([case.name for case in batch], statuses, expected)
            assert not stream.is_closed
    assert delay_of_options(bench) <= SWIFT
    healthy(bench)


def healthy(switch: Switch) -> None:
    assert switch.process is not None and switch.process.poll() is None
    assert not re.search("Traceback|! call failed|! task", switch.log)
    wait_for(lambda: not switch.api("GET", "/calls?state=live")["items"], 5, "all calls to be over")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("mult-ip-in-sdp", [r"c=IN IP4 127\.0\.0\.1", r"m=audio [1-9]\d* RTP/AVP 0", r"m=video 0 RTP/AVP 107"]),
        ("ipv6-in-sdp", []),
        ("ipv4-mapped-ipv6", []),
    ],
)
def test_offers_of_two_address_families(bench: Switch, name: str, lines: list[str]) -> None:
    """An audio line that can be used is answered, the video line is refused; without a common codec or family 488."""
    _, _, body = octets("rfc5118", name).partition(b"\r\n\r\n")
    with RawSip(bench.sip_port) as peer:
        peer.send(peer.request("INVITE", "sip:9196@127.0.0.1", body=body.decode()))
        answer = peer.final()
        assert status(answer) == (200 if lines else 488), answer
        for line in lines:
            assert re.search(rf"^{line}", answer or "", re.MULTILINE), answer
        if lines:
            peer.hang_up(answer or "")


@pytest.mark.acceptance("PAR-4")
def test_descriptions_beyond_their_limits_are_not_acceptable(bench: Switch) -> None:
    """More than 500 lines, 16 media lines, 128 attributes of one, a line beyond 4 KiB; at the limit the call is answered."""
    media, attribute = "m=audio 0 RTP/AVP 0\r\n", "a=x\r\n"
    with RawSip(bench.sip_port) as peer:
        for extra, expected in (
            (attribute * 126, 200),
            (attribute * 128, 488),
            (media * 16, 488),
            (f"a=x:{'y' * 4093}\r\n", 488),
            ((media + attribute * 60) * 9, 488),
        ):
            peer.send(peer.request("INVITE", "sip:9196@127.0.0.1", body=offer(extra=extra)))
            answer = peer.final()
            assert status(answer) == expected, extra[:40]
            if expected == 200:
                peer.hang_up(answer or "")
            else:
                peer.send(acknowledged(answer or ""))


def acknowledged(answer: str) -> str:
    """The ACK to a refusal; its Via is that of the request without what the switch has added."""
    via = header(answer, "Via").partition(";received")[0]
    kept = "".join(f"{name}: {header(answer, name)}\n" for name in ("From", "To", "Call-ID"))
    return f"ACK sip:9196@127.0.0.1 SIP/2.0\nVia: {via}\n{kept}CSeq: 1 ACK\nContent-Length: 0\n\n"


def test_an_open_bench_registers_nobody_else(bench: Switch) -> None:
    """A name that is no extension gets its bindings back and is nobody here; an extension needs its password."""
    with RawSip(bench.sip_port) as peer:
        peer.send(peer.request("REGISTER", "sip:127.0.0.1", to="sip:lab-7@127.0.0.1"))
        answer = peer.final()
        assert status(answer) == 200
        assert header(answer, "Contact").startswith(f"<sip:alice@127.0.0.1:{peer.address[1]}>")
        peer.send(peer.request("REGISTER", "sip:127.0.0.1", to="sip:1001@127.0.0.1"))
        assert status(peer.final()) == 401
        peer.send(peer.request("INVITE", "sip:00123456@127.0.0.1"))
        assert status(peer.final()) == 404, "nor does it reach anything but declared numbers"
    assert bench.api("GET", "/registrations")["items"] == []


def as_phone(
    peer: RawSip,
    method: str,
    uri: str,
    number: str,
    *,
    headers: str = "",
    to: str = "",
    edit: tuple[str, str] = ("", ""),
    wait: float = 3,
) -> str | None:
    """The final answer to a request of an extension that takes the challenge; `edit` changes the text that is sent."""
    call_id, more, answer = uuid4().hex, "", None
    for cseq in (1, 2):
        body = offer() if method == "INVITE" else ""
        text = peer.request(method, uri, caller=number, call_id=call_id, cseq=cseq, headers=headers + more, to=to, body=body)
        peer.send(text.replace(*edit) if edit[0] else text)
        answer = peer.final(wait)
        while answer is not None and header(answer, "Call-ID") != call_id:  # repeated until its ACK
            answer = peer.final(wait)
        if status(answer) != 401:
            break
        more = authorization(answer or "", method, uri, number, f"secret-{number}")
    return answer


def log_in(peer: RawSip, number: str) -> None:
    assert status(as_phone(peer, "REGISTER", "sip:127.0.0.1", number, to=f"sip:{number}@127.0.0.1")) == 200


@pytest.mark.acceptance("PAR-4")
def test_limits_of_a_logged_in_user(bench: Switch) -> None:
    with RawSip(bench.sip_port) as peer:
        log_in(peer, "1001")
        head = peer.request("OPTIONS", "sip:127.0.0.1").replace("\n", "\r\n").removesuffix("Content-Length: 0\r\n\r\n")
        line = "X-Filler: " + "y" * 1000 + "\r\n"
        cases = [
            (head + line * 66 + "Content-Length: 0\r\n\r\n", 513, True),
            (head + "X: y\r\n" * (130 - head.count("\n")) + "Content-Length: 0\r\n\r\n", 400, False),
            (head.replace("sip:127.0.0.1 ", f"sip:{'u' * 2100}@127.0.0.1 ", 1) + "Content-Length: 0\r\n\r\n", 414, False),
            (head + f"Content-Length: {129 * 1024}\r\n\r\n" + "x" * 129 * 1024, 413, True),
            (head + f"Content-Length: {127 * 1024}\r\n\r\n" + "x" * 127 * 1024, 200, False),
        ]
        for number, (text, expected, is_closed) in enumerate(cases):
            with Stream(bench) as stream:
                stream.send(text.replace("z9hG4bK", f"z9hG4bK{number}").replace("Call-ID: ", f"Call-ID: {number}").encode())
                assert stream.statuses(1) == [expected]
                assert stream.is_closed == is_closed, expected
    assert delay_of_options(bench) < 1


@pytest.mark.acceptance("PAR-5")
def test_codes_names_and_line_ends_of_real_phones(bench: Switch) -> None:
    with RawSip(bench.sip_port) as caller, RawSip(bench.sip_port) as callee:
        log_in(caller, "1001")
        log_in(callee, "1002")
        for code, number in (("*57*13800138000#", "13800138000"), ("%2A57%2A13800138001%23", "13800138001")):
            answer = as_phone(caller, "INVITE", f"sip:{code}@127.0.0.1", "1001")
            assert status(answer) == 200
            caller.hang_up(answer or "")
            assert bench.api("GET", "/extensions/1001/services")["forward_always"] == number
        assert as_phone(caller, "INVITE", "sip:1002@127.0.0.1", "1001", edit=("From: <", f"From: {GBK} <"), wait=0.4) is None
        ringing = callee.receive()
        assert header(ringing, "From").startswith('"王小明" <sip:1001@'), "the other side reads it, in UTF-8"
        callee.send(response_to(ringing or "", 486))
    wait_for(lambda: {call["called"] for call in bench.ended_calls()} >= {"*57*13800138000#", "1002"}, 5)
    calls = bench.ended_calls()
    assert "王小明" in {call["caller_name"] for call in calls}
    with RawSip(bench.sip_port) as peer:  # line ends are bare here
        peer.socket.sendto(
            peer.request("INVITE", "sip:9196@127.0.0.1", body=offer().replace("\r\n", "\n")).encode(), peer.switch
        )
        answer = peer.final()
        assert status(answer) == 200
        peer.hang_up(answer or "")


GBK = '"' + "王小明".encode("gbk").decode("utf-8", "surrogateescape") + '"'


def response_to(request: str, code: int) -> str:
    kept = "".join(f"{name}: {header(request, name)}\n" for name in ("Via", "From", "Call-ID", "CSeq"))
    return f"SIP/2.0 {code} x\n{kept}To: {header(request, 'To')};tag=raw\nContent-Length: 0\n\n"
