"""What carriers and phones do, as SIPp scenarios whose branches are thrown by dice.

A caller presses keys (SIP INFO), speaks all the time and hangs up when its patience or its question is over; whoever is hung up
on says so. A phone rings, answers, refuses, or rings on until the switch gives up; some end the call themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.sipp import OFFER

_BYE = 90
"""The label where the other side's BYE is answered."""
_UAC = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]D[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:{caller}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{routes}"""
_REPLY = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
{cseq}
{more}Content-Length: {length}

{body}"""


def sdp() -> str:
    return OFFER.format(formats="0 101", direction="sendrecv").replace("[media_port]", "[rtpstream_audio_port]")


def _send(text: str, *, retransmit: bool = True) -> str:
    again = ' retrans="500"' if retransmit else ""
    return f"<send{again}><![CDATA[\n{text}\n]]></send>"


def _reply(status: str, *, tag: str = "", cseq: str = "[last_CSeq:]", body: str = "", retransmit: bool = False) -> str:
    contact = "Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n"
    more = contact + ("Content-Type: application/sdp\n" if body else "")
    return _send(_REPLY.format(status=status, tag=tag, cseq=cseq, more=more, length="[len]" if body else "0", body=body),
                 retransmit=retransmit)  # fmt: skip


def _document(name: str, steps: Sequence[str]) -> str:
    head = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="{name}">\n'
    return head + "\n".join(steps) + "\n</scenario>\n"


class Customer:
    """A calling party; `caller` may hold SIPp's keywords."""

    def __init__(self, caller: str, voice: Path) -> None:
        self.caller = caller
        self._cseq = 1
        self._label = 0
        self.steps = [
            self._request("INVITE", body=sdp()),
            *(f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183)),
            '<recv response="480" optional="true" next="95"/>',  # closed
            '<recv response="200" rrs="true" timeout="30000"/>',
            self._request("ACK"),
            f'<nop><action><exec rtp_stream="{voice},-1,0"/></action></nop>',
        ]

    def _request(self, method: str, body: str = "", kind: str = "application/sdp", *, in_dialog: bool = True) -> str:
        in_dialog = in_dialog and method != "INVITE"
        tag = "" if method == "INVITE" else "[peer_tag_param]"
        routes = "[routes]\n" if in_dialog else ""
        target = "[next_url]" if in_dialog else "sip:[service]@[remote_ip]:[remote_port]"
        number = 1 if method == "ACK" else self._cseq
        head = _UAC.format(caller=self.caller, cseq=number, method=method, tag=tag, routes=routes)
        tail = f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n"
        return _send(f"{method} {target} SIP/2.0\n{head}{tail}", retransmit=method != "ACK")

    def listen(self, seconds: float) -> Customer:
        """Waits; when the other side hangs up meanwhile, that is the end."""
        self._label += 1
        self.steps += [
            f'<recv request="BYE" timeout="{int(seconds * 1000)}" ontimeout="{self._label}" next="{_BYE}"/>',
            f'<label id="{self._label}"/>',
        ]
        return self

    def press(self, digit: str) -> Customer:
        self._cseq += 1
        body = f"Signal={digit}\nDuration=120\n"
        self.steps += [
            self._request("INFO", body, "application/dtmf-relay"),
            f'<recv request="BYE" optional="true" next="{_BYE}"/>',
            '<recv response="200" timeout="15000"/>',
        ]
        return self

    def hang_up_after_one_of(self, *seconds: float) -> str:
        """Each is as likely as another. The whole scenario."""
        others = list(enumerate(seconds))[1:]
        self.steps += [f'<nop next="{20 + n}" chance="{1 / (len(seconds) - n + 1):.3f}"/>' for n, _ in others]
        self._patience(seconds[0])
        for n, one in others:
            self.steps.append(f'<label id="{20 + n}"/>')
            self._patience(one)
        self._cseq += 1
        self.steps += [
            '<label id="80"/>',
            self._request("BYE"),
            '<recv request="BYE" optional="true" next="91"/>',  # both at once
            '<recv response="481" optional="true" next="99"/>',
            '<recv response="200" timeout="15000" next="99"/>',
            '<label id="91"/>',
            _reply("200 OK"),
            '<recv response="481" optional="true" next="99"/>',
            '<recv response="200" timeout="15000" next="99"/>',
            '<label id="95"/>',
            self._request("ACK", in_dialog=False),
            '<nop next="99"/>',
            f'<label id="{_BYE}"/>',
            _reply("200 OK"),
            '<label id="99"/>',
            '<nop/>',
        ]  # fmt: skip
        return _document("customer", self.steps)

    def _patience(self, seconds: float) -> None:
        self.steps.append(f'<recv request="BYE" timeout="{int(seconds * 1000)}" ontimeout="80" next="{_BYE}"/>')


def phone(voice: Path, *, ring_ms: int, refuse: float, ignore: float, end_early: float, talk_ms: int) -> str:
    """All phones of the agents, on one port. Chances are of 1."""
    remember = (
        '<action><ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/>'
        '<ereg regexp=".*" search_in="hdr" header="From:" assign_to="theirs"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="ours"/></action>'
    )
    tag = ";tag=[pid]P[call_number]"
    bye = (
        "BYE [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        f"From:[$ours]{tag}\nTo:[$theirs]\nCall-ID: [call_id]\nCSeq: 900 BYE\nMax-Forwards: 70\nContent-Length: 0\n"
    )
    return _document("phone", [
        f'<recv request="INVITE" rrs="true">{remember}</recv>',
        _reply("180 Ringing", tag=tag),
        f'<nop next="30" chance="{refuse}"/>' if refuse else "",
        f'<nop next="40" chance="{ignore}"/>' if ignore else "",
        f'<recv request="CANCEL" timeout="{ring_ms}" ontimeout="10" next="50"/>',
        '<label id="10"/>',
        _reply("200 OK", tag=tag, cseq="CSeq:[$cseq]", body=sdp(), retransmit=True),
        '<recv request="CANCEL" optional="true" next="60"/>',
        '<recv request="ACK" timeout="15000"/>',
        '<label id="11"/>',
        f'<nop><action><exec rtp_stream="{voice},-1,0"/></action></nop>',
        f'<nop next="20" chance="{end_early}"/>' if end_early else "",
        '<recv request="BYE" timeout="90000"/>',
        '<label id="12"/>',
        _reply("200 OK"),
        '<nop next="99"/>',
        '<label id="20"/>',
        f'<recv request="BYE" timeout="{talk_ms}" ontimeout="21" next="12"/>',
        '<label id="21"/>',
        _send(bye),
        '<recv request="BYE" optional="true" next="12"/>',
        '<recv response="481" optional="true" next="99"/>',
        '<recv response="200" timeout="15000" next="99"/>',
        '<label id="30"/>',
        _reply("486 Busy Here", tag=tag, cseq="CSeq:[$cseq]", retransmit=True),
        '<recv request="ACK" timeout="15000" next="99"/>',
        '<label id="40"/>',
        '<recv request="CANCEL" timeout="60000"/>',
        '<label id="50"/>',
        _reply("200 OK"),
        _reply("487 Request Terminated", tag=tag, cseq="CSeq:[$cseq]", retransmit=True),
        '<recv request="ACK" timeout="15000" next="99"/>',
        '<label id="60"/>',  # it was answered an instant before: the switch ends it by BYE
        _reply("200 OK"),
        '<recv request="ACK" timeout="15000" next="11"/>',
        '<label id="99"/>',
        '<nop/>',
    ])  # fmt: skip
