"""Offers, reliable 18x and session timers with a real peer: SIPp as the carrier and as the phone of one running switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apply import extensions
from tests.support.raw_sip import register
from tests.support.sipp import Caller, Sipp, answering
from tests.support.sipp_steps import BODY, HEAD, OK, expect, has, scenario, send
from tests.support.switch import Switch, free_sip_port

CARRIER = free_sip_port()
APPLY = (
    extensions("1001", "1002")
    + f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1:{CARRIER}"]
[[number]]
number = "7000"
to = "echo"
[[number]]
number = "4001"
to = "extension:1001"
[[number]]
number = "4002"
to = "extension:1002"
"""
)


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("dialogs"), APPLY) as running:
        yield running


def call(switch: Switch, folder: Path, service: str, *steps: str) -> Sipp:
    """One call of the carrier, until its scenario has ended as written."""
    sipp = Sipp(folder, scenario(*steps), f"127.0.0.1:{switch.sip_port}", service, port=CARRIER, seconds=15)
    with sipp:
        sipp.succeed(15)
    return sipp


@pytest.mark.acceptance("DLG-1")
def test_delayed_offer_in_is_answered_in_the_ack_or_the_call_ends_with_cause_111(switch: Switch, tmp_path: Path) -> None:
    offered = [send("INVITE", 1, inside=False), expect(100, optional=True), expect(180, optional=True)]
    ok = expect(200, action=has("Content-Type:", "application/sdp"))
    sipp = call(
        switch, tmp_path, "7000", *offered, ok, send("ACK", 1, body=BODY),
        '<pause milliseconds="500"/>', send("BYE", 2), expect(200), '<Reference variables="1"/>',
    )  # fmt: skip
    assert "m=audio" in sipp.messages().partition("SIP/2.0 200")[2], "our own offer"
    bye = f'<recv request="BYE" timeout="5000">{has("Reason:", "cause=111", "2")}</recv>'
    call(switch, tmp_path / "empty", "7000", *offered, ok, send("ACK", 1), bye, OK, '<Reference variables="1,2"/>')


@pytest.mark.acceptance("DLG-3")
def test_reliable_ringing_is_a_matter_of_each_leg(switch: Switch, tmp_path: Path) -> None:
    """A requires 100rel, B knows none; then B sends a reliable 183, A knows none."""
    with Sipp(tmp_path / "plain", answering(ring_ms=400)) as phone:
        assert register(switch.sip_port, "1001", "secret-1001", phone.port) == 200
        rseq = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="1"/></action>'
        caller = call(
            switch, tmp_path / "requiring", "4001",
            send("INVITE", 1, "Require: 100rel\n", BODY, inside=False), expect(100, optional=True), expect(180, action=rseq),
            send("PRACK", 2, "RAck: [$1] 9 INVITE\n"), expect(481),
            send("PRACK", 3, "RAck: [$1] 1 INVITE\n"), expect(200), expect(200), send("ACK", 1), send("BYE", 4), expect(200),
        )  # fmt: skip
        phone.succeed(10)
    assert "PRACK" not in phone.messages().replace("Allow: ", "\0").partition("\nPRACK ")[2]
    assert "Require: 100rel" in caller.messages()
    with Sipp(tmp_path / "reliable", reliable_phone()) as phone:
        assert register(switch.sip_port, "1002", "secret-1002", phone.port) == 200
        caller = call(
            switch, tmp_path / "without", "4002",
            send("INVITE", 1, "", BODY, inside=False), expect(100, optional=True), expect(180, optional=True),
            expect(183, optional=True), expect(200), send("ACK", 1), send("BYE", 2), expect(200),
        )  # fmt: skip
        phone.succeed(10)
    assert "RSeq" not in caller.messages()


def reliable_phone() -> str:
    """A phone that answers with a reliable 183 and waits for its PRACK; the 200 of the call carries no body then."""
    dialog = "[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n"
    contact = "Contact: <sip:[local_ip]:[local_port]>\n"
    early = "SIP/2.0 183 Session Progress\n[last_Via:]\n" + dialog.format(tag=";tag=[pid]R[call_number]")
    content = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{BODY}"
    keep = (
        '<action><ereg regexp=".*" search_in="hdr" header="Via:" assign_to="1"/>'
        '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="2"/></action>'
    )
    final = f"SIP/2.0 200 OK\nVia:[$1]\n{dialog.format(tag='')}CSeq:[$2]\n{contact}Content-Length: 0\n\n"
    return scenario(
        f'<recv request="INVITE">{keep}</recv>',
        f"<send><![CDATA[\n{early}[last_CSeq:]\n{contact}Require: 100rel\nRSeq: 4711\n{content}]]></send>",
        f'<recv request="PRACK" timeout="5000">{has("RAck:", "4711 1 INVITE", "3")}</recv>',
        OK,
        f"<send><![CDATA[\n{final}]]></send>",
        '<recv request="ACK" timeout="5000"/>',
        '<recv request="BYE" timeout="10000"/>',
        OK,
        '<Reference variables="3"/>',
    )


@pytest.mark.acceptance("DLG-6", missing="the silent refresher is in virtual time")
def test_session_interval_below_90_is_refused_and_90_kept_by_update(switch: Switch, tmp_path: Path) -> None:
    brief, fair = (f"Supported: timer\nSession-Expires: {seconds};refresher=uac\n" for seconds in (30, 90))
    call(
        switch, tmp_path, "7000",
        send("INVITE", 1, brief, BODY, inside=False), expect(100, optional=True), expect(422, action=has("Min-SE:", "90")),
        Caller().acknowledge().steps[0].replace("[next_url]", "sip:[service]@[remote_ip]:[remote_port]"),
        send("INVITE", 2, fair, BODY, inside=False), expect(100, optional=True),
        expect(200, action=has("Session-Expires:", "90;refresher=uac", "2")), send("ACK", 2),
        send("UPDATE", 3, fair), expect(200, action=has("Session-Expires:", "90;refresher=uac", "3")),
        send("BYE", 4), expect(200), '<Reference variables="1,2,3"/>',
    )  # fmt: skip


@pytest.mark.acceptance("TXN-5")
def test_cancel_after_180_ends_both_legs(switch: Switch, tmp_path: Path) -> None:
    with Sipp(tmp_path / "phone", answering(ring_ms=8000)) as phone:
        assert register(switch.sip_port, "1001", "secret-1001", phone.port) == 200
        head = HEAD.format(to="", cseq=1, method="CANCEL")
        target = "sip:[service]@[remote_ip]:[remote_port]"
        caller = call(
            switch, tmp_path, "4001",
            send("INVITE", 1, "", BODY, inside=False).replace(";branch=[branch]", ";branch=z9hG4bKd[call_id]"),
            expect(100, optional=True), expect(180),
            f"<send><![CDATA[\nCANCEL {target} SIP/2.0\n{head}Content-Length: 0\n\n]]></send>".replace(
                ";branch=[branch]", ";branch=z9hG4bKd[call_id]"
            ),
            expect(200), expect(487), send("ACK", 1, inside=True).replace(";branch=[branch]", ";branch=z9hG4bKd[call_id]"),
        )  # fmt: skip
        assert caller.messages().count("SIP/2.0 487") == 1
    assert "\nCANCEL sip:" in phone.messages()
