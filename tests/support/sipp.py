"""SIPp as carrier or phone: scenarios as steps, voice as RTP streams, digits by RFC 4733 (raw sockets: needs root)."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.support.audio import Samples
from tests.support.switch import free_sip_port

_BIAS = 0x84


def ulaw(samples: Samples) -> bytes:
    """G.711 µ-law of samples in −1..1 at 8 kHz (ITU-T G.711, the segment form)."""
    linear = np.clip(np.asarray(samples) * 32768, -32635, 32635).astype(np.int32)
    sign = np.where(linear < 0, 0x80, 0)
    magnitude = np.abs(linear) + _BIAS
    exponent = np.maximum(np.floor(np.log2(magnitude)).astype(np.int32) - 7, 0)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()


OFFER = """v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP {formats}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
a=ptime:20
a={direction}
"""

_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "{name}" <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]SIPp[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{to_tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:{caller}@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
"""

_OK = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

"""


@dataclass
class Caller:
    """A scenario of a calling party, step by step. `file_`: voice as raw µ-law."""

    caller: str = "13800138000"
    name: str = "Customer"
    formats: str = "0 8 101"
    steps: list[str] = field(default_factory=list)
    _cseq: int = 0

    def _request(
        self, method: str, *, body: str = "", in_dialog: bool = True, uri: str = "sip:[service]@[remote_ip]:[remote_port]"
    ) -> str:
        if method != "ACK":
            self._cseq += 1
        head = _HEAD.format(
            name=self.name, caller=self.caller, cseq=self._cseq, method=method, to_tag="[peer_tag_param]" if in_dialog else ""
        )
        target = "[next_url]" if in_dialog and method != "CANCEL" else uri
        tail = f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
        routes = "[routes]\n" if in_dialog else ""
        retransmit = "" if method == "ACK" else ' retrans="500"'
        return f"<send{retransmit}><![CDATA[\n{method} {target} SIP/2.0\n{head}{routes}{tail}]]></send>"

    def invite(self, *, direction: str = "sendrecv", in_dialog: bool = False) -> Caller:
        body = OFFER.format(formats=self.formats, direction=direction)
        self.steps.append(self._request("INVITE", body=body, in_dialog=in_dialog))
        return self

    def expect(self, code: int, *, optional: bool = False, timeout_ms: int = 30_000) -> Caller:
        extra = ' optional="true"' if optional else f' timeout="{timeout_ms}"'
        self.steps.append(f'<recv response="{code}"{extra} rrs="true"/>')
        return self

    def answered(self) -> Caller:
        """100, 180, 183 in any number, then 200 and ACK."""
        for code in (100, 180, 183):
            self.expect(code, optional=True)
        self.expect(200)
        self.steps.append(self._request("ACK"))
        return self

    def acknowledge(self) -> Caller:
        """ACK of the final response that came last."""
        self.steps.append(self._request("ACK"))
        return self

    def speak(self, file: Path | str, loops: int = 1) -> Caller:
        """Streams a raw µ-law file; -1 loops for ever."""
        self.steps.append(f'<nop><action><exec rtp_stream="{file},{loops},0"/></action></nop>')
        return self

    def press(self, digit: str) -> Caller:
        name = {"#": "pound", "*": "star"}.get(digit, digit)
        self.steps.append(f'<nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_{name}.pcap"/></action></nop>')
        return self

    def pause(self, seconds: float) -> Caller:
        self.steps.append(f'<pause milliseconds="{int(seconds * 1000)}"/>')
        return self

    def hang_up(self) -> Caller:
        self.steps.append(self._request("BYE"))
        return self.expect(200)

    def cancel(self) -> Caller:
        head = _HEAD.format(name=self.name, caller=self.caller, cseq=self._cseq, method="CANCEL", to_tag="")
        self.steps.append(
            f"<send><![CDATA[\nCANCEL sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{head}Content-Length: 0\n\n]]></send>"
        )
        self.expect(200)
        return self.expect(487)

    def wait_bye(self, timeout_ms: int = 60_000) -> Caller:
        """The other side hangs up."""
        self.steps.append(f'<recv request="BYE" timeout="{timeout_ms}"/>')
        self.steps.append(f"<send><![CDATA[\n{_OK}]]></send>")
        return self

    def xml(self) -> str:
        return (
            '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="caller">\n'
            + "\n".join(self.steps)
            + "\n</scenario>\n"
        )


_ANSWER = """[last_Via:]
[last_From:]
[last_To:];tag=[pid]T[call_number]
[last_Call-ID:]
[last_CSeq:]
"""
ANSWERING = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="called">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]T[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<pause milliseconds="{ring_ms}"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]T[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Type: application/sdp
Content-Length: [len]

{body}]]></send>
<recv request="ACK"/>
{during}
<recv request="BYE" timeout="120000"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""

REFUSING = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="refusing">
<recv request="INVITE"/>
<send retrans="500"><![CDATA[
SIP/2.0 {status} Refused
[last_Via:]
[last_From:]
[last_To:];tag=[pid]T[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<recv request="ACK"/>
</scenario>
"""


CANCELLED = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="cancelled">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
{head}Contact: <sip:[local_ip]:[local_port];transport=[transport]>
Content-Length: 0

]]></send>
<recv request="CANCEL" timeout="60000"/>
<send><![CDATA[
SIP/2.0 200 OK
{head}Content-Length: 0

]]></send>
<send retrans="500"><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:];tag=[pid]T[call_number]
[last_Call-ID:]
CSeq: [last_cseq_number] INVITE
Content-Length: 0

]]></send>
<recv request="ACK" timeout="10000"/>
</scenario>
"""


def cancelled() -> str:
    """A called party that rings and is cancelled."""
    return CANCELLED.format(head=_ANSWER)


def answering(*, ring_ms: int = 100, voice: Path | str | None = None) -> str:
    """A called party that rings, answers, perhaps speaks, and waits for BYE."""
    body = OFFER.format(formats="0 101", direction="sendrecv")
    during = f'<nop><action><exec rtp_stream="{voice},-1,0"/></action></nop>' if voice else ""
    return ANSWERING.format(ring_ms=ring_ms, body=body, during=during)


def refusing(status: int) -> str:
    return REFUSING.format(status=status)


@dataclass
class Sipp:
    """One SIPp process. `target` is host:port of the switch; as called party it is not needed."""

    folder: Path
    scenario: str
    target: str = ""
    service: str = "1000"
    calls: int = 1
    rate: float = 1.0
    limit: int = 1
    transport: str = "u1"
    seconds: int = 120
    port: int = field(default_factory=free_sip_port)
    media_port: int = 0
    trace: bool = True
    """Whether every message is kept; a load run spares itself that."""
    host: str = "127.0.0.1"
    """Where it stands; a trunk is known by it."""
    extra: tuple[str, ...] = ()
    """Further arguments."""
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        while not self.media_port or self.media_port % 2:
            self.media_port = free_sip_port()

    def __enter__(self) -> Sipp:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Sipp:
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"sipp-{self.port}.xml"
        file.write_text(self.scenario, encoding="latin-1")
        arguments = [
            "sipp", *([self.target] if self.target else []), "-sf", str(file), "-i", self.host, "-p", str(self.port),
            "-mi", self.host, "-mp", str(self.media_port), "-s", self.service, "-m", str(self.calls), "-r", str(self.rate),
            "-l", str(self.limit), "-t", self.transport, "-timeout", str(self.seconds), "-nostdin", "-trace_err",
            "-error_file", str(self.folder / f"sipp-{self.port}.err"),
            *(["-trace_msg", "-message_file", str(self.folder / f"sipp-{self.port}.msg")] if self.trace else []),
            *self.extra,
        ]  # fmt: skip
        log = (self.folder / f"sipp-{self.port}.out").open("w")
        self.process = subprocess.Popen(arguments, stdout=log, stderr=log, cwd=self.folder, text=True)
        time.sleep(0.15)  # SIPp binds its socket without telling anybody
        return self

    def wait(self, seconds: float = 60) -> int:
        """Until all calls are over; SIPp's exit status (0: every call as the scenario says)."""
        assert self.process is not None
        return self.process.wait(seconds)

    def succeed(self, seconds: float = 60) -> None:
        status = self.wait(seconds)
        assert status == 0, f"SIPp ended with {status}\n{self.errors()}\n{self.messages()[-6000:]}"

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)

    def _text(self, suffix: str) -> str:
        file = self.folder / f"sipp-{self.port}.{suffix}"
        return file.read_text(errors="replace") if file.is_file() else ""

    def errors(self) -> str:
        return self._text("err")

    def messages(self) -> str:
        return self._text("msg")
