"""A hundred calls over links that lose a fifth of all datagrams and mix up the rest (TXN-3): SIPp on both sides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bad_link import BadLink
from tests.support.sipp import Sipp
from tests.support.sipp_steps import BODY, scenario, send
from tests.support.switch import Switch, free_sip_port, wait_for

CALLS, RATE = 100, 20
CARRIER = free_sip_port()
PATIENT = ("-nr", "-default_behaviors", "all,-abortunexp")
"""Without repeats of its own, and what comes while SIPp is about to send is left to the next repeat: a fault of no call."""
APPLY = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[trunk]]
name = "far"
addresses = ["127.0.0.1:{far}"]
[[route]]
pattern = "0*"
trunks = ["far"]
[[number]]
number = "4001"
to = "outside:0123"
"""


def _send(label: int, text: str, attributes: str = "") -> str:
    return f'<label id="{label}"/><send {attributes}><![CDATA[\n{text}]]></send>'


def _wait(label: int, ms: int, at_end: int, *jumps: tuple[str, int]) -> str:
    """One of several messages, each with the label that comes next, or the time."""
    timer = f'timeout="{ms}" ontimeout="{at_end}" rrs="true"'
    *others, (last, after) = jumps
    optional = "".join(f'<recv {what} optional="true" next="{to}" {timer}/>' for what, to in others)
    return f'<label id="{label}"/>{optional}<recv {last} next="{after}" {timer}/>'


def patient_server(contact: int) -> str:
    """A called party with the server transactions of RFC 3261 written out: SIPp's own forget a 200 for a repeated INVITE."""
    head = "[last_Via:]\n[last_From:]\n[last_To:]{tag}\n[last_Call-ID:]\n[last_CSeq:]\n"
    own = head.format(tag=";tag=[pid]T[call_number]") + f"Contact: <sip:127.0.0.1:{contact}>\n"
    ok = f"SIP/2.0 200 OK\n{own}Content-Type: application/sdp\nContent-Length: [len]\n\n{BODY}"
    bye_ok = f"SIP/2.0 200 OK\n{head.format(tag='')}Content-Length: 0\n\n"
    invite, ack, bye, cancel = (f'request="{method}"' for method in ("INVITE", "ACK", "BYE", "CANCEL"))
    return scenario(
        f"<recv {invite}/>",
        _send(1, f"SIP/2.0 180 Ringing\n{own}Content-Length: 0\n\n"),
        _wait(10, 300, 2, (invite, 1), (cancel, 9)),
        _send(2, ok),
        _wait(11, 500, 2, (invite, 2), (bye, 4), (ack, 3)),
        _wait(3, 60_000, 9, (ack, 3), (invite, 3), (bye, 4)),
        _send(4, bye_ok),
        _wait(5, 8000, 9, (bye, 4), (ack, 5), (invite, 5)),
        '<label id="9"/>',
    )


def patient_caller() -> str:
    """A caller likewise: SIPp's own take a repeated 200 of the INVITE for that of the BYE."""
    way = 'start_txn="{0}"'.format
    texts = [step.removeprefix("<send><![CDATA[\n").removesuffix("]]></send>") for step in (
        send("INVITE", 1, body=BODY, inside=False), send("ACK", 1), send("BYE", 2))]  # fmt: skip
    trying, ringing = (f'response="{code}" response_txn="invite"' for code in (100, 180))
    ok, ended = (f'response="200" response_txn="{name}"' for name in ("invite", "bye"))
    return scenario(
        _send(1, texts[0], way("invite")),
        _wait(10, 500, 1, (trying, 2), (ringing, 2), (ok, 3)),
        _wait(2, 60_000, 9, (trying, 2), (ringing, 2), (ok, 3)),
        _send(3, texts[1], 'ack_txn="invite"'),
        _wait(4, 1000, 5, (trying, 4), (ringing, 4), (ok, 3)),
        _send(5, texts[2], way("bye")),
        _wait(7, 500, 5, (trying, 7), (ringing, 7), (ok, 6), (ended, 9)),
        _send(6, texts[1], 'ack_txn="invite"'),
        '<nop next="7"/>',
        '<label id="9"/>',
    )


@pytest.mark.timeout(150)
@pytest.mark.acceptance("TXN-3")
def test_a_hundred_calls_over_a_bad_link(tmp_path: Path) -> None:
    port = free_sip_port()
    to_switch = BadLink(port, loss=0.2, jitter=0.1, seed=3)
    far_port = free_sip_port()
    to_far = BadLink(far_port, loss=0.2, jitter=0.1, seed=4)
    with Switch(tmp_path, APPLY.format(far=to_far.port), sip_port=port) as switch, to_switch, to_far:
        caller = patient_caller()
        far = Sipp(tmp_path / "far", patient_server(to_far.port), calls=CALLS, limit=CALLS, port=far_port, extra=PATIENT)
        carrier = Sipp(
            tmp_path / "carrier", caller, f"127.0.0.1:{to_switch.port}", "4001", CALLS, RATE, CALLS, port=CARRIER, extra=PATIENT
        )
        with far, carrier:
            carrier.succeed(60)
        assert to_switch.lost > 100 and to_far.lost > 100, "the link was bad"
        wait_for(lambda: not switch.api("GET", "/calls?state=live")["items"], 10, "no call to be left")
        calls = switch.ended_calls(CALLS)
        assert len(calls) == CALLS, "no repeat is taken for another call"
        assert {call["result"] for call in calls} == {"answered"}
    rung = set(_call_ids(far.messages()))
    assert len(rung) == CALLS, "each call rang once"


def _call_ids(messages: str) -> list[str]:
    invites = [part for part in messages.split("\n----------") if "INVITE sip:" in part.partition("Via:")[0]]
    return [line.partition(":")[2].strip() for part in invites for line in part.splitlines() if line.startswith("Call-ID")]
