"""What crosses on the way, with SIPp as two carriers and a phone: CANCEL and 200, two re-INVITEs, what comes too early."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.apply import extensions
from tests.support.pjsua import Pjsua
from tests.support.raw_sip import register
from tests.support.sipp import OFFER, Caller, Sipp, answering
from tests.support.sipp_steps import BODY, HEAD, OK, expect, has, scenario, send
from tests.support.switch import Switch, free_sip_port, wait_for

NEAR, FAR = free_sip_port(), free_sip_port()
CROSSINGS = 99
SLACK = 1.5
"""Seconds that a busy machine may be late."""
APPLY = (
    extensions("1001", "1003")
    + f"""
[[trunk]]
name = "near"
addresses = ["127.0.0.1:{NEAR}"]
[[trunk]]
name = "far"
addresses = ["127.0.0.1:{FAR}"]
[trunk.media]
hold = "signal"
[[route]]
pattern = "09*"
trunks = ["far"]
[[number]]
number = "4050"
to = "outside:0912345"
[[number]]
number = "4001"
to = "extension:1001"
[[number]]
number = "4003"
to = "extension:1003"
"""
)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("crossings"), APPLY) as running:
        yield running


def near(switch: Switch, folder: Path, service: str, *steps: str, calls: int = 1, rate: float = 1.0) -> Sipp:
    target = f"127.0.0.1:{switch.sip_port}"
    return Sipp(folder, scenario(*steps), target, service, calls, rate, calls, port=NEAR, seconds=40)


@contextmanager
def raw_times(port: int, begin: bytes) -> Iterator[list[float]]:
    """When datagrams that begin so left a port: SIPp itself does not tell of repeats."""
    times: list[float] = []
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    ear.bind(("lo", 0))
    ear.settimeout(0.2)
    running = [True]

    def listen() -> None:
        while running:
            try:
                frame, address = ear.recvfrom(4096)
            except TimeoutError:
                continue
            udp = frame[14 + (frame[14] & 0x0F) * 4 :]
            outgoing = address[2] == socket.PACKET_OUTGOING  # the loopback shows each packet twice
            if not outgoing and int.from_bytes(udp[:2], "big") == port and udp[8:].startswith(begin):
                times.append(time.monotonic())

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        running.clear()
        thread.join(2)
        ear.close()


class Seen(NamedTuple):
    at: float  # epoch seconds
    received: bool
    first_line: str
    cseq: str


def log(sipp: Sipp) -> dict[str, list[Seen]]:
    """What SIPp sent and received, by Call-ID; its repeats of a message are not there."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for block in re.split(r"-{20,} (?=\d{4}-)", sipp.messages()):
        name = re.search(r"^Call-ID: (\S+)", block, re.MULTILINE)
        if name is None:
            continue
        when, what, _, text = block.split("\n", 3)
        at = datetime.strptime(when.strip(), "%Y-%m-%d %H:%M:%S.%f").timestamp()
        cseq = re.search(r"^CSeq: *(\d+)", text, re.MULTILINE)
        found[name[1]].append(Seen(at, " received " in what, text.partition("\n")[0].strip(), cseq[1] if cseq else ""))
    return found


def pause(ms: int) -> str:
    return f'<pause milliseconds="{ms}"/>'


def answer(status: str, *, body: str = "", tag: str = ";tag=[pid]F[call_number]") -> str:
    """To the request that came last."""
    head = (
        f"[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:[local_ip]:[local_port]>\n"
    )
    tail = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    return f"<send><![CDATA[\nSIP/2.0 {status}\n{head}{tail}]]></send>"


def request(what: str, *, ms: int = 20_000, action: str = "") -> str:
    return f'<recv request="{what}" timeout="{ms}" rrs="true">{action}</recv>'


KEEP = (
    '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>'
    '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="2"/>'
    '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="3"/>'
    '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="4"/></action>'
)
OLD = "Via:[$3]\nFrom:[$1]\nTo:[$2];tag=[pid]F[call_number]\n[last_Call-ID:]\nCSeq:[$4]\n"
"""The head of an answer to the INVITE that was kept."""


@pytest.mark.acceptance("TXN-5")
def test_cancel_before_1xx_and_crossing_the_200(switch: Switch, tmp_path: Path) -> None:
    head = HEAD.format(to="", cseq=1, method="CANCEL")
    cancel = f"<send><![CDATA[\nCANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{head}Content-Length: 0\n\n]]></send>"

    def caller(*before: str) -> list[str]:
        steps = [
            send("INVITE", 1, "", BODY, inside=False),
            *before,
            pause(600),
            cancel,
            expect(200),
            expect(487),
            send("ACK", 1),
        ]
        return [step.replace(";branch=[branch]", ";branch=z9hG4bKd[call_id]") for step in steps]

    head = f"SIP/2.0 200 OK\n{OLD}Contact: <sip:[local_ip]:[local_port]>\nContent-Type: application/sdp\nContent-Length: [len]"
    ok = f"<send><![CDATA[\n{head}\n\n{BODY}]]></send>"
    crossing = scenario(
        request("INVITE", action=KEEP), answer("180 Ringing"), request("CANCEL"), OK, ok,
        request("ACK"), request("BYE"), OK,
    )  # fmt: skip
    far = Sipp(tmp_path / "crossing", crossing, port=FAR)
    with far, near(switch, tmp_path / "a", "4050", *caller(expect(100, optional=True), expect(180))) as first:
        first.succeed(15)
        far.succeed(15)
    (seen,) = log(far).values()
    sent = next(each.at for each in seen if not each.received and "200 OK" in each.first_line)
    ended = next(each.at for each in seen if each.received and each.first_line.startswith("BYE"))
    assert ended - sent <= 0.2
    assert first.messages().count("SIP/2.0 487") == 1
    timer = 'timeout="700" ontimeout="2"'
    silence = (
        f'<label id="1"/><recv request="INVITE" optional="true" next="1" {timer}/><recv request="CANCEL" next="9" {timer}/>'
        '<label id="2"/>'
    )
    late = scenario(
        request("INVITE", action=KEEP), silence, answer("180 Ringing"), request("CANCEL"), OK,
        f"<send><![CDATA[\nSIP/2.0 487 Terminated\n{OLD}Content-Length: 0\n\n]]></send>", request("ACK"), '<label id="9"/>',
    )  # fmt: skip
    far = Sipp(tmp_path / "late", late, port=FAR, extra=("-nr",))
    with far, near(switch, tmp_path / "b", "4050", *caller(expect(100))) as second:
        second.succeed(15)
        far.succeed(15)
    (seen,) = log(far).values()
    order = [each.first_line.split()[0 if each.received else 1] for each in seen]
    assert order.index("180") < order.index("CANCEL"), "no CANCEL before a first answer"


@pytest.mark.acceptance("DLG-3")
def test_a_lost_prack_has_the_ringing_repeated(switch: Switch, tmp_path: Path) -> None:
    """183 and 180 alike at 0 0.5 1.5 3.5 s until a PRACK names it; one that names another is 481."""
    rseq = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="1"/></action>'
    with Sipp(tmp_path / "phone", answering(ring_ms=4500)) as phone:
        assert register(switch.sip_port, "1001", "secret-1001", phone.port) == 200
        caller = near(
            switch, tmp_path / "near", "4001",
            send("INVITE", 1, "Require: 100rel\n", BODY, inside=False), expect(100, optional=True), expect(180, action=rseq),
            pause(3900), send("PRACK", 2, "RAck: 4711 1 INVITE\n"), expect(481),
            send("PRACK", 3, "RAck: [$1] 1 INVITE\n"), expect(200), expect(200), send("ACK", 1), send("BYE", 4), expect(200),
        )  # fmt: skip
        with raw_times(switch.sip_port, b"SIP/2.0 180 ") as times, caller:
            caller.succeed(20)
        phone.succeed(10)
    gaps = [round(at - times[0], 1) for at in times]
    assert len(gaps) == 4 and all(abs(gap - due) <= 0.3 for gap, due in zip(gaps, (0.0, 0.5, 1.5, 3.5), strict=True)), gaps


@pytest.mark.acceptance("DLG-5")
def test_a_second_request_before_the_answer_to_the_first(switch: Switch, tmp_path: Path) -> None:
    later = has("Retry-After:", "^ *(10|[0-9])$")
    second = send("INVITE", 2, "", BODY).replace(";branch=[branch]", ";branch=z9hG4bKs[call_id]")
    with Sipp(tmp_path / "phone", answering(ring_ms=1500)) as phone:
        assert register(switch.sip_port, "1001", "secret-1001", phone.port) == 200
        caller = near(
            switch, tmp_path / "near", "4001",
            send("INVITE", 1, "", BODY, inside=False), expect(100, optional=True), expect(180), second,
            expect(500, action=later), send("ACK", 2).replace(";branch=[branch]", ";branch=z9hG4bKs[call_id]"),
            send("UPDATE", 3, "", BODY), expect(500, action=later), expect(200), send("ACK", 1),
            send("UPDATE", 4, "", BODY), expect(200), send("BYE", 5), expect(200), '<Reference variables="1"/>',
        )  # fmt: skip
        with caller:
            caller.succeed(20)
        phone.succeed(10)


OWN = "From:[$2];tag=[pid]F[call_number]\nTo:[$1]\nCall-ID: [call_id]\n"
"""The head of a request of the called party, from what was kept of the INVITE."""
USED = '<Reference variables="1,2,3,4,5,6,7"/>'
CALLER = (
    "From: <sip:13800138000@[local_ip]:[local_port]>;tag=[pid]D[call_number]\n"
    "To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]\nCall-ID: [call_id]\n"
)
PEER = {False: "From:[$1]\nTo:[$2];tag=[pid]F[call_number]\n", True: "From:[$1]\nTo:[$2]\n"}
"""Who a request of the switch is from and to: as kept of its INVITE, or of its answer."""


def own(method: str, cseq: int, head: str, *, branch: str = "[branch]", body: str = "") -> str:
    via = f"Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}\n"
    rest = f"CSeq: {cseq} {method}\nContact: <sip:[local_ip]:[local_port]>\nMax-Forwards: 70\n"
    tail = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    return f"<send><![CDATA[\n{method} [next_url] SIP/2.0\n{via}{head}{rest}{tail}]]></send>"


def crossing(head: str, first: int, *, is_owner: bool) -> list[str]:
    """Sends a re-INVITE before it answers the one that has come with 491, and again after its wait (RFC 3261 §14.1)."""
    branch = "z9hG4bKc[call_number]"
    sendonly = '<ereg regexp="a=sendonly" search_in="body" check_it="true" assign_to="5"/>'
    parties = KEEP.removeprefix("<action>").partition('<ereg regexp=".*" search_in="hdr" header="Via:"')[0] if is_owner else ""
    keep = (
        f'<action>{sendonly}{parties}<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="6"/>'
        '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="7"/></action>'
    )
    refusal = f"SIP/2.0 491 Request Pending\nVia:[$6]\n{PEER[is_owner]}Call-ID: [call_id]\nCSeq:[$7]\nContent-Length: 0\n\n"
    again_refused = '<recv request="INVITE" optional="true" next="1"/>'
    refused = [f'<label id="1"/><send><![CDATA[\n{refusal}]]></send>', again_refused, request("ACK")]
    held = OFFER.format(formats="0 101", direction="recvonly")
    retried = [request("INVITE", action=f"<action>{sendonly}</action>"), answer("200 OK", body=held, tag=""), request("ACK")]
    resumed = [request("INVITE"), answer("200 OK", body=BODY, tag=""), request("ACK")]
    again = [own("INVITE", first + 1, head, body=BODY), expect(100, optional=True), expect(200), own("ACK", first + 1, head)]
    return [
        request("INVITE", action=keep), own("INVITE", first, head, branch=branch, body=BODY), expect(100, optional=True),
        expect(491), own("ACK", first, head, branch=branch), *refused,
        *([*retried, pause(200), *again, *resumed] if is_owner else [pause(1000), *again, *retried]), request("BYE"), OK,
    ]  # fmt: skip


def waits(sipp: Sipp) -> list[float]:
    """Seconds from each 491 that SIPp gave until the next INVITE came."""
    found = []
    for seen in log(sipp).values():
        refused = next(each for each in seen if not each.received and " 491 " in each.first_line)
        asked = [each for each in seen if each.received and each.first_line.startswith("INVITE") and each.at > refused.at]
        found.append(next(each.at for each in asked if each.cseq != refused.cseq) - refused.at)
    return found


@pytest.mark.acceptance("DLG-4")
def test_a_hundred_crossing_changes(switch: Switch, tmp_path: Path) -> None:
    """99 that the switch has called, one that has called a PJSIP phone: each change is refused, waits its time and is done."""
    hold = Caller().invite().answered().pause(1.0).invite(direction="sendonly", in_dialog=True)
    holder = hold.expect(100, optional=True).expect(200).acknowledge().pause(9).hang_up().xml()
    called = scenario(
        request("INVITE", action=KEEP), answer("200 OK", body=BODY), request("ACK"), *crossing(OWN, 1, is_owner=False), USED
    )
    far = Sipp(tmp_path / "far", called, calls=CROSSINGS, limit=CROSSINGS, port=FAR, seconds=60)
    target = f"127.0.0.1:{switch.sip_port}"
    with far, Sipp(tmp_path / "near", holder, target, "4050", CROSSINGS, 20, CROSSINGS, port=NEAR, seconds=60) as near_side:
        near_side.succeed(60)
        far.succeed(20)
    found = waits(far)
    assert len(found) == CROSSINGS and min(found) >= 2.0 and max(found) <= 4.0 + SLACK
    heard = [each.first_line for seen in log(near_side).values() for each in seen if each.received]
    assert all(line.startswith("SIP/2.0 ") for line in heard), "the other side knows nothing of it"
    caller = [
        send("INVITE", 1, "", BODY, inside=False), expect(100, optional=True), expect(180, optional=True), expect(200),
        send("ACK", 1), *crossing(CALLER, 2, is_owner=True), USED.replace("3,4,", ""),
    ]  # fmt: skip
    with Pjsua("1003", "secret-1003", target, 440.0) as phone:
        phone.do("register")
        one = Sipp(tmp_path / "one", scenario(*caller), target, "4003", port=FAR, seconds=40)
        with one:
            phone.do("ringing")
            phone.do("answer")
            phone.do("established")
            phone.do("hold")
            wait_for(lambda: "CSeq: 3 ACK" in one.messages(), 15, "both changes to be done")
            assert phone.do("state")["modifications"] == 0
            phone.do("resume")
            wait_for(lambda: "CSeq: 3 ACK" in one.messages().rpartition("CSeq: 3 INVITE")[2], 15, "the end of the hold")
            phone.do("hangup")
            one.succeed(10)
        assert waits(one)[0] <= 2.0 + SLACK
