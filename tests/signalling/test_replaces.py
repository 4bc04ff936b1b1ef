"""Dialogs that other requests name: Replaces, Join, Target-Dialog; REFER from outside and REFER of ours (sip.md §4.5, §4.6)."""

from __future__ import annotations

import pytest

from signalling.commands import Answer, HangUp, Refer, RejectTransfer, Ring, TransferResult
from signalling.errors import LocalProtocolError
from signalling.events import (
    Ended,
    IncomingCall,
    TransferDone,
    TransferFailed,
    TransferProgress,
    TransferRequested,
)
from tests.signalling.flows import ANSWER
from tests.signalling.scripted import SDP, Bench, trunk_flow
from tests.signalling.test_forks import Proxy


class Standing:
    """A call that is answered, and a second INVITE beside it."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.feed(self.bench.request("INVITE", body=SDP, call_id="old"), trunk_flow())
        self.leg = self.bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
        ok = self.bench.order(Answer(self.leg, ANSWER))[0]
        self.tag = ok.split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
        self.bench.feed(self.bench.request("ACK", call_id="old", to_tag=self.tag), trunk_flow())

    def invite(self, headers: str, call_id: str) -> int:
        answers = self.bench.feed(self.bench.request("INVITE", body=SDP, call_id=call_id, headers=headers), trunk_flow())
        return answers[0].status

    def names(self, **changes: str) -> str:
        values = {"call": "old", "to": self.tag, "from": "peer", "more": "", **changes}
        return f"{values['call']};to-tag={values['to']};from-tag={values['from']}{values['more']}"


@pytest.mark.acceptance("XFR-4")
def test_replaces_is_matched_and_refused_by_the_table() -> None:
    call = Standing()
    assert call.invite(f"Replaces: {call.names()}\r\n", "new") == 100
    named = call.bench.told(IncomingCall)[-1].replaces  # type: ignore[attr-defined]
    assert (named.leg, named.early_only) == (call.leg, False)
    assert call.invite(f"Replaces: {call.names(more=';early-only')}\r\n", "b") == 486
    assert call.invite(f"Replaces: {call.names(call='none')}\r\n", "c") == 481
    assert call.invite(f"Replaces: {call.names(to='x' * 16)}\r\n", "d") == 481
    assert call.invite(f"Replaces: {call.names()}\r\nReplaces: {call.names()}\r\n", "e") == 400
    assert call.invite(f"Replaces: {call.names()}\r\nJoin: {call.names()}\r\n", "f") == 400
    assert call.invite("Replaces: old\r\n", "g") == 400
    assert call.invite(f"Join: {call.names()}\r\n", "h") == 100
    assert call.bench.told(IncomingCall)[-1].join.leg == call.leg  # type: ignore[attr-defined]
    bye = call.bench.request("BYE", call_id="old", to_tag=call.tag, cseq=5, headers=f"Replaces: {call.names()}\r\n")
    assert call.bench.feed(bye, trunk_flow())[0].status == 400
    call.bench.order(HangUp(call.leg))
    assert call.invite(f"Replaces: {call.names()}\r\n", "i") == 603


def test_replaces_of_a_ringing_call_only_when_we_started_it() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, call_id="old"), trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    tag = bench.order(Ring(leg))[0].split(b"To: ")[1].split(b"tag=")[1].split(b"\r\n")[0].decode()
    names = f"Replaces: old;to-tag={tag};from-tag=peer\r\n"
    assert bench.feed(bench.request("INVITE", body=SDP, call_id="new", headers=names), trunk_flow())[0].status == 481

    pickup = Proxy()
    pickup.answers(180, "phone")
    ours = pickup.invite
    taker = Bench.request(Bench(), "INVITE", body=SDP, call_id="p", headers=(
        f"Replaces: {ours.call_id};to-tag={ours.from_.tag};from-tag=phone;early-only\r\n"))  # fmt: skip
    octets = taker.encode() if isinstance(taker, str) else taker
    pickup.note(pickup.endpoint.receive(octets, trunk_flow()._replace(remote=("198.51.100.1", 5060)), 0.0))
    assert pickup.told(IncomingCall)[0].replaces.leg == "L"  # type: ignore[attr-defined]


@pytest.mark.acceptance("XFR-4")
def test_refer_is_judged_and_reported_in_its_states() -> None:
    call = Standing()
    bench = call.bench
    cseq = iter(range(10, 99))

    def refer(headers: str) -> int:
        return bench.feed(
            bench.request("REFER", call_id="old", to_tag=call.tag, cseq=next(cseq), headers=headers), trunk_flow()
        )[0].status

    assert refer("") == 400
    assert refer("Refer-To: <sip:1@x>, <sip:2@x>\r\n") == 400
    assert refer("Refer-To: <mailto:a@x>\r\n") == 416
    assert refer("Refer-To: <sip:1@x;method=BYE>\r\n") == 603
    assert refer("Refer-To: <sip:1@x>\r\nRefer-Sub: false\r\n") == 202
    assert len(bench.sent) == 1, "no NOTIFY"
    escaped = call.names().replace(";", "%3B").replace("=", "%3D")
    assert refer(f"Refer-To: <sip:1@x?Replaces={escaped}&X-Note=a>\r\nReferred-By: <sip:me@x>\r\n") == 202
    asked = bench.told(TransferRequested)[-1]
    assert isinstance(asked, TransferRequested)
    assert asked.replaced is not None
    assert (asked.replaced.leg, asked.refer_to, asked.referred_by) == (call.leg, "sip:1@x", "<sip:me@x>")
    assert asked.headers["x-note"] == "a"
    assert refer("Refer-To: <sip:2@x>\r\n") == 491
    bench.order(TransferResult(call.leg, 180))
    assert not bench.sent, "not closer than 200 ms to the first report"
    (ringing,) = [data for data in bench.wait(0.5) if b"180 Ringing" in data]
    assert b"Subscription-State: active;expires=60\r\n" in ringing
    (final,) = bench.order(RejectTransfer(call.leg, 486))
    assert final.endswith(b"SIP/2.0 486 Busy Here\r\n")
    assert b"Subscription-State: terminated;reason=noresource\r\n" in final
    assert refer("Refer-To: <sip:3@x>\r\n") == 202, "the next one is welcome"


def test_refer_beside_its_call_needs_a_target_dialog() -> None:
    call = Standing()
    bench = call.bench
    refer = bench.request("REFER", call_id="beside", headers="Refer-To: <sip:1@x>\r\n")
    assert bench.feed(refer, trunk_flow())[0].status == 403
    names = f"Target-Dialog: old;local-tag=peer;remote-tag={call.tag}\r\n"
    refer = bench.request("REFER", call_id="beside", cseq=2, headers="Refer-To: <sip:1@x>\r\n" + names)
    assert bench.feed(refer, trunk_flow())[0].status == 202
    assert bench.told(TransferRequested)[0].leg == call.leg  # type: ignore[attr-defined]
    assert b"Call-ID: beside" in bench.sent[1][0], "reported in the dialog of the REFER"


class Referring:
    """A call of ours that is answered and referred."""

    def __init__(self) -> None:
        self.call = Proxy()
        self.call.answers(200, "far", ANSWER.content)
        (self.refer,) = self.call.order(Refer("L", "sip:300@x", "a@b;to-tag=1;from-tag=2", "sip:me@x"))

    def notify(self, cseq: int, line: str, state: str = "active;expires=60", event: str = "refer") -> int:
        ours = self.call.invite
        head = (
            f"NOTIFY {ours.get('contact').strip('<>')} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKn{cseq}\r\n"
            f"From: <sip:100@x>;tag=far\r\nTo: {ours.headers['from'][0]}\r\nCall-ID: {ours.call_id}\r\nCSeq: {cseq} NOTIFY\r\n"
            f"Event: {event}\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n"
            f"Content-Length: {len(line)}\r\n\r\n{line}"
        )
        output = self.call.endpoint.receive(head.encode(), trunk_flow()._replace(local=("192.0.2.200", 5060)), self.call.now)
        self.call.events += output.events
        return int(output.transmits[0].data.split()[1])


@pytest.mark.acceptance("XFR-5")
def test_only_a_report_of_success_counts() -> None:
    sent = Referring()
    assert sent.refer.get("refer-to") == "<sip:300@x?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2>"
    assert sent.refer.get("referred-by") == "<sip:me@x>"
    sent.call.answers(202, "far", to=sent.refer)
    assert not sent.call.told(TransferDone)
    assert sent.notify(1, "SIP/2.0 180 Ringing\r\n") == 200
    assert sent.call.told(TransferProgress)[0].status == 180  # type: ignore[attr-defined]
    assert sent.notify(2, "SIP/2.0 503 No\r\n", "terminated;reason=noresource") == 200
    assert sent.call.told(TransferFailed)[0].status == 503  # type: ignore[attr-defined]
    assert not sent.call.told(Ended), "the leg is kept"
    assert sent.notify(3, "SIP/2.0 200 OK\r\n") == 481
    assert sent.notify(4, "x", event="dialog") == 489
    (again,) = sent.call.order(Refer("L", "sip:301@x"))
    assert sent.notify(5, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource") == 200
    assert again.method == "REFER"
    assert len(sent.call.told(TransferDone)) == 1


@pytest.mark.acceptance("XFR-5")
def test_silence_after_202_is_a_failure_at_45_seconds() -> None:
    sent = Referring()
    sent.call.answers(202, "far", to=sent.refer)
    sent.call.note(sent.call.endpoint.handle_timeout(44.9))
    assert not sent.call.told(TransferFailed)
    sent.call.note(sent.call.endpoint.handle_timeout(45.0))
    assert sent.call.told(TransferFailed)[0].status == 408  # type: ignore[attr-defined]
    with pytest.raises(LocalProtocolError):
        sent.call.order(Refer("none", "sip:1@x"))


def test_refused_refer_is_a_failure_and_a_bye_means_what_the_profile_says() -> None:
    sent = Referring()
    sent.call.answers(603, "far", to=sent.refer)
    assert sent.call.told(TransferFailed)[0].status == 603  # type: ignore[attr-defined]
    sent = Referring()
    ours = sent.call.invite
    bye = (
        f"BYE {ours.get('contact').strip('<>')} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKb\r\n"
        f"From: <sip:100@x>;tag=far\r\nTo: {ours.headers['from'][0]}\r\nCall-ID: {ours.call_id}\r\nCSeq: 9 BYE\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    sent.call.note(sent.call.endpoint.receive(bye.encode(), trunk_flow()._replace(local=("192.0.2.200", 5060)), 0.0))
    assert len(sent.call.told(TransferDone)) == len(sent.call.told(Ended)) == 1
