"""Those who watch (REG-6): SIPp as 500 busy lamps of ten consoles, PJSIP as a phone with presence and a message lamp."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.apply import extensions
from tests.support.pjsua import Pjsua
from tests.support.raw_sip import register
from tests.support.sipp import Caller, Sipp, answering
from tests.support.switch import Switch, free_sip_port, wait_for

CONSOLES = [str(number) for number in range(1011, 1021)]
LAMPS = 50
CARRIER = free_sip_port()
APPLY = (
    extensions("1001", "1002", *CONSOLES)
    + f"""
[[trunk]]
name = "carrier"
addresses = ["127.0.0.2:{CARRIER}"]
[[number]]
number = "4001"
to = "extension:1001"
[[number]]
number = "4002"
to = "voicemail:wen"
[[agent]]
login = "wen"
station = "extension:1002"
[[mailbox]]
name = "wen"
owner = "agent:wen"
"""
)
SUBSCRIBE = """<send retrans="500"><![CDATA[
SUBSCRIBE sip:1001@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:{number}@[remote_ip]>;tag=[pid]W[call_number]
To: <sip:1001@[remote_ip]>
Call-ID: [call_id]
CSeq: {cseq} SUBSCRIBE
Contact: <sip:{number}@[local_ip]:[local_port]>
{login}Event: dialog
Accept: application/dialog-info+xml
Expires: 600
Max-Forwards: 70
Content-Length: 0

]]></send>"""
OK = """<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("watchers"), APPLY) as running:
        yield running


def lamp(number: str) -> str:
    """One busy lamp of a console through one call: each document with the version that comes next and the state that is due."""
    steps = [SUBSCRIBE.format(cseq=1, number=number, login=""), '<recv response="401" auth="true"/>']
    login = f"[authentication username={number} password=secret-{number}]\n"
    steps += [SUBSCRIBE.format(cseq=2, number=number, login=login), '<recv response="200" timeout="10000"/>']
    for version, state in enumerate(("state=.full.", "state>early", "state>confirmed", "state>terminated")):
        check = (
            f'<action><ereg regexp="version=.{version}. " search_in="body" check_it="true" assign_to="1"/>'
            f'<ereg regexp="{state}" search_in="body" check_it="true" assign_to="2"/></action>'
        )
        steps += [f'<recv request="NOTIFY" timeout="20000">{check}</recv>', OK]
    body = "\n".join([*steps, '<Reference variables="1,2"/>'])
    return f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="lamp">\n{body}\n</scenario>\n'


def moments(sipp: Sipp, what: str) -> list[float]:
    """When SIPp saw messages that contain a text, epoch seconds."""
    found = []
    for block in re.split(r"-{20,} (?=\d{4}-)", sipp.messages()):
        if " received [" in block.partition("\n\n")[0] and what in block:
            found.append(datetime.strptime(block[:26], "%Y-%m-%d %H:%M:%S.%f").timestamp())
    return found


@pytest.mark.timeout(120)
@pytest.mark.acceptance("REG-6")
def test_five_hundred_lamps_follow_a_phone(switch: Switch, tmp_path: Path) -> None:
    target, count = f"127.0.0.1:{switch.sip_port}", len(CONSOLES) * LAMPS
    with ExitStack() as stack:
        consoles = [
            stack.enter_context(
                Sipp(tmp_path / number, lamp(number), target, "1001", LAMPS, 25, LAMPS, host=f"127.0.1.{at}", seconds=60)
            )
            for at, number in enumerate(CONSOLES, 1)
        ]
        phone = stack.enter_context(Sipp(tmp_path / "phone", answering(ring_ms=1500)))
        assert register(switch.sip_port, "1001", "secret-1001", phone.port) == 200
        for console in consoles:
            wait_for(lambda console=console: console.messages().count('version="0"') == LAMPS, 20, "all lamps to be told")
        caller = Caller().invite().answered().pause(1.5).hang_up().xml()
        with Sipp(tmp_path / "caller", caller, target, "4001", port=CARRIER, host="127.0.0.2", seconds=30) as carrier:
            carrier.succeed(30)
        for console in consoles:
            console.succeed(30)  # every version in its turn, every state
        (rung,) = moments(phone, "INVITE sip:1001")
        delays = sorted(moment - rung for console in consoles for moment in moments(console, "<state>early<"))
    assert len(delays) == count and delays[int(count * 0.95)] <= 0.2


@pytest.mark.acceptance("REG-6")
def test_presence_and_a_message_lamp(switch: Switch) -> None:
    """PJSIP is told who is there, who talks, who left; and of a message that somebody leaves it."""
    domain = f"127.0.0.1:{switch.sip_port}"
    with (
        Pjsua("1002", "secret-1002", domain, 440.0, mwi=True) as watcher,
        Pjsua("1011", "secret-1011", domain, 620.0) as other,
    ):
        watcher.do("register")
        watcher.watch("1011")

        def told(text: str) -> None:
            wait_for(lambda: watcher.watched("1011")[-1:] and text in watcher.watched("1011")[-1], 8, f"to be told {text}")

        told("Offline")
        other.do("register")
        told("Available")
        other.dial("4002")
        told("On the phone")
        wait_for(lambda: other.hears({"tone": 1000.0}, 0.15), 30, "the tone of the mailbox")
        wait_for(lambda: not other.hears({"tone": 1000.0}, 0.15), 10, "its end")
        time.sleep(2)  # what is shorter is no message
        other.do("hangup")
        told("Available")
        wait_for(lambda: "Voice-Message: 1/0" in watcher.summaries()[-1], 10, "the lamp")
        assert "Messages-Waiting: no" in watcher.summaries()[0]
        other.do("unregister")
        told("Offline")
