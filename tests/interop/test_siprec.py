"""A call between two phones goes to a recording server: SIPp judges the messages, an ear at each of its two ports the sound.

The first server refuses, so that the second one takes the session.
"""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.apply import extensions
from tests.support.audio import heard_tones
from tests.support.phone import Phone, PhoneError
from tests.support.sipp import Sipp, refusing
from tests.support.sniff import Sniffer
from tests.support.switch import Switch, free_sip_port, wait_for

TONES = {"caller": 440.0, "called": 1000.0}
NAMESPACE = "{urn:ietf:params:xml:ns:recording:1}"

_ANSWER = """<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>;+sip.srs
Content-Type: application/sdp
Content-Length: [len]

v=0
o=srs 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio {first} RTP/AVP 0
a=recvonly
a=label:1
m=audio {second} RTP/AVP 0
a=recvonly
a=label:2
]]></send>
<recv request="ACK"/>
"""

_CHECKS = (
    ("hdr", "Require:", "siprec"),
    ("hdr", "Contact:", "[+]sip[.]src"),
    ("hdr", "Content-Type:", "multipart/mixed;boundary="),
    ("body", "", "Content-Type: application/sdp"),
    ("body", "", "m=audio [0-9]+ RTP/AVP .*a=sendonly.*a=label:1.*m=audio [0-9]+ RTP/AVP .*a=sendonly.*a=label:2"),
    ("body", "", "Content-Type: application/rs-metadata[+]xml"),
    ("body", "", "Content-Disposition: recording-session"),
)


def recording_server(first: int, second: int) -> str:
    """Takes a session, lets it be changed once (hold) and again (resume), and waits for its end."""
    ids = range(1, len(_CHECKS) + 1)
    checks = "".join(
        f'<ereg regexp="{pattern}" search_in="{where}" {f"header={chr(34)}{header}{chr(34)} " if header else ""}'
        f'check_it="true" assign_to="{number}"/>'
        for number, (where, header, pattern) in zip(ids, _CHECKS, strict=True)
    )
    invite = f'<recv request="INVITE"><action>{checks}</action></recv>'
    answers = [_ANSWER.format(tag=tag, first=first, second=second) for tag in (";tag=[pid]R[call_number]", "", "")]
    steps = "".join(f"{invite}\n{answer}" for answer in answers)
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="recording server">
{steps}
<recv request="BYE" timeout="30000"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
<Reference variables="{",".join(map(str, ids))}"/>
</scenario>
"""


def pictures(messages: str) -> list[dict[str, tuple[list[str], list[str]]]]:
    """Of each INVITE the people: labels that they send on, labels that they hear."""
    found = []
    for text in re.findall(r"<\?xml.*?</recording>", messages, re.DOTALL):
        root = ET.fromstring(text)
        labels = {one.get("stream_id"): one.findtext(f"{NAMESPACE}label") for one in root.iter(f"{NAMESPACE}stream")}
        people = {}
        for one in root.iter(f"{NAMESPACE}participant"):
            key, name = one.get("participant_id"), one.find(f"{NAMESPACE}nameID")
            assert name is not None
            ways: tuple[list[str], list[str]] = ([], [])
            for link in root.iter(f"{NAMESPACE}participantstreamassoc"):
                if link.get("participant_id") == key:
                    for way, kind in zip(ways, ("send", "recv"), strict=True):
                        way += [str(labels[each.text]) for each in link.iter(f"{NAMESPACE}{kind}")]
            people[(name.get("aor") or "")[4:].partition("@")[0]] = ways
        found.append(people)
    return found


def _registered(phone: Phone) -> bool:
    """Right after the start of the switch on a busy machine the first requests may be put off (503)."""
    try:
        phone.do("register")
    except PhoneError as refused:
        if refused.status != 503:
            raise
        return False
    return True


@pytest.mark.timeout(60)
def test_a_recording_server_hears_both_sides_and_is_told_who_they_are(tmp_path: Path) -> None:
    first, second = free_sip_port(), free_sip_port()
    full = Sipp(tmp_path / "full", refusing(486))
    server = Sipp(tmp_path / "srs", recording_server(first, second))
    apply = (
        extensions("1001", "1002")
        + f"""
[[trunk]]
name = "full"
addresses = ["127.0.0.1:{full.port}"]
[[trunk]]
name = "srs"
addresses = ["127.0.0.1:{server.port}"]
[[recording_rule]]
name = "everything"
direction = "internal"
mode = "never"
siprec = ["full", "srs"]
"""
    )
    with (
        Switch(tmp_path, apply) as switch,
        Phone("1001", "secret-1001", f"127.0.0.1:{switch.sip_port}", TONES["caller"], ("pcmu",)) as caller,
        Phone("1002", "secret-1002", f"127.0.0.1:{switch.sip_port}", TONES["called"], ("pcma",)) as called,
        full, server, Sniffer(first) as left, Sniffer(second) as right,
    ):  # fmt: skip
        wait_for(lambda: _registered(caller) and _registered(called), 15, "the phones to log in")
        caller.dial("1002", wait=False)
        called.do("ringing")
        called.do("answer")
        wait_for(lambda: len(left.audio()) > 8000 and len(right.audio()) > 8000, 8, "sound at the recording server")
        assert heard_tones(left.audio()[-6000:], TONES) == {"caller"}
        assert heard_tones(right.audio()[-6000:], TONES) == {"called"}
        (call,) = switch.api("GET", "/calls?state=live")["items"]
        shown = switch.api("GET", f"/calls/{call['id']}/siprec")
        assert (shown["state"], shown["server"]) == ("recording", f"127.0.0.1:{server.port}")
        called.do("hold")
        wait_for(lambda: len(pictures(server.messages())) == 2, 3, "the server to hear of the hold")
        called.do("resume")
        wait_for(lambda: len(pictures(server.messages())) == 3, 3, "and of its end")
        assert caller.hears(TONES, 0.5) == {"called"}, "the call itself is as it was"
        caller.do("hangup")
        server.succeed(5)
        (record,) = switch.ended_calls(1)
        timeline = switch.api("GET", f"/calls/{record['id']}")["timeline"]
    before, held, after = pictures(server.messages())
    assert before == after == {"1001": (["1"], ["2"]), "1002": (["2"], ["1"])}
    assert held["1001"] == (["1"], []), "who is held hears none of it"
    assert [event["type"] for event in timeline if event["type"].startswith(("siprec.", "rec."))] == [
        "siprec.started", "siprec.ended",
    ]  # fmt: skip
