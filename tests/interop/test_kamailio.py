"""Kamailio between phones and the switch, and as the proxy of a carrier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.apply import extensions
from tests.support.audio import tone
from tests.support.kamailio import Kamailio, carrier, edge
from tests.support.phone import PhoneError
from tests.support.pjsua import Pjsua
from tests.support.sipp import OFFER, Caller, Sipp, answering, cancelled, refusing, ulaw
from tests.support.switch import Switch, free_sip_port, wait_for

TONES = {"a": 440.0, "b": 1000.0}
PROXY, SPARE, LINES = "127.0.0.3", "127.0.0.4", "127.0.0.5"
"""The carrier's proxy, another carrier, and what stands behind the proxy."""
pytestmark = pytest.mark.timeout(120)


PORTS = {name: free_sip_port() for name in ("switch", "proxy", "spare", "busy", "slow", "quick")}
APPLY = (
    extensions("1001", "1002", "1003")
    + f"""
[[trunk]]
name = "carrier"
addresses = ["{PROXY}:{PORTS["proxy"]}"]
[[trunk]]
name = "spare"
addresses = ["{SPARE}:{PORTS["spare"]}"]
[[route]]
pattern = "8*"
trunks = ["carrier", "spare"]
[[number]]
number = "7000"
to = "extension:1003"
"""
)
PLAN = f"""
    if ($rU == "7000") {{ $du = "sip:127.0.0.1:{PORTS["switch"]}"; t_relay(); exit; }}
    if ($rU == "81") {{
        append_branch("sip:81@{LINES}:{PORTS["slow"]}");
        $ru = "sip:81@{LINES}:{PORTS["quick"]}";
        t_relay();
        exit;
    }}
    if ($rU == "82") {{ t_on_failure("NEXT"); $ru = "sip:82@{LINES}:{PORTS["busy"]}"; t_relay(); exit; }}
    append_to_reply("Contact: <sip:83@{LINES}:{PORTS["quick"]}>\r\n");
    sl_send_reply("302", "Moved");
}}
failure_route[NEXT] {{
    if (t_check_status("503")) {{ $ru = "sip:82@{LINES}:{PORTS["quick"]}"; t_relay(); }}
"""
"""What the carrier's proxy does with 81 (rings two at once), 82 (the second when the first says 503) and 83 (sends it away)."""


@dataclass
class Bed:
    switch: Switch
    edge: Kamailio


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("kamailio")
    port = PORTS["switch"]
    settings = {"SOFTSWITCH_SIP__EDGES": '["127.0.0.1"]'}
    with (
        Switch(folder, APPLY, settings=settings, sip_port=port) as switch,
        edge(folder / "edge", port) as proxy,
        carrier(folder / "carrier", PLAN, PROXY, PORTS["proxy"]),
    ):
        yield Bed(switch, proxy)


def phone(bed: Bed, number: str, name: str, **more: object) -> Pjsua:
    """A phone whose outbound proxy is Kamailio; it believes that its address is one behind a NAT."""
    way = f"sip:127.0.0.1:{bed.edge.ports[0]};lr"
    return Pjsua(
        number,
        f"secret-{number}",
        f"127.0.0.1:{bed.switch.sip_port}",
        TONES[name],
        proxies=(way,),
        contact=f"sip:{number}@192.168.77.7:5062",
        **more,
    )  # type: ignore[arg-type]


def talk(a: Pjsua, b: Pjsua) -> None:
    wait_for(lambda: (a.hears(TONES, 0.4), b.hears(TONES, 0.4)) == ({"b"}, {"a"}), 8, "both to hear each other")


def ended(*phones: Pjsua) -> None:
    wait_for(lambda: {each.state() for each in phones} == {"CLOSED"}, 5, "everybody to be hung up")


def test_phones_behind_a_proxy_and_a_nat(bed: Bed) -> None:
    """Path on the way to them, two Record-Routes on the way back, their private Contacts known to the proxy alone."""
    with phone(bed, "1001", "a") as a, phone(bed, "1002", "b") as b:
        for each in (a, b):
            each.do("register")
        for first, second in ((a, b), (b, a)):
            first.dial(second.user, wait=False)
            second.do("ringing")
            second.do("answer")
            first.do("established")
            talk(a, b)
            first.do("hold")
            wait_for(lambda: not b.hears(TONES, 0.3) & {"a"} and not a.hears(TONES, 0.3) & {"b"}, 5, "the hold")
            first.do("resume")
            talk(a, b)
            second.do("hangup")
            ended(a, b)
        a.dial("1002", wait=False)
        b.do("ringing")
        a.do("hangup")  # CANCEL goes the same way
        wait_for(lambda: a.state() == "CLOSED", 5)
        wait_for(lambda: b.do("missed")["states"] == ["CLOSED"], 5, "the cancelled call to be over")
        a.dial("1002", wait=False)
        b.do("ringing")
        b.do("reject")  # and so does the ACK of a refusal
        with pytest.raises(PhoneError) as refused:
            a.do("established", timeout=5)
        assert refused.value.status == 486
        a.do("message", uri=a.uri("1002"), text="over two proxies")
        wait_for(lambda: b.do("messages")["texts"] == ["over two proxies"], 5, "the message")
        for each in (a, b):
            each.do("unregister")
    wait_for(lambda: not bed.switch.api("GET", "/registrations")["items"], 5, "both to be logged out")


def early(voice: Path) -> str:
    """A called party that speaks before it answers."""
    body = OFFER.format(formats="0 101", direction="sendrecv")
    ringing, sounding = "180 Ringing", "183 Session Progress"
    text = answering(ring_ms=1000, voice=voice).replace(ringing, sounding, 1)
    return text.replace("Content-Length: 0\n\n]]>", f"Content-Type: application/sdp\nContent-Length: [len]\n\n{body}]]>", 1)


def test_a_carrier_behind_a_proxy(bed: Bed, tmp_path: Path) -> None:
    """Two that ring at once, a 503 that the proxy hides, a 302 that is for the next trunk, and a call that comes in."""
    file = tmp_path / "voice.ulaw"
    file.write_bytes(ulaw(tone(TONES["b"], 2)))

    def line(name: str, scenario: str, host: str = LINES) -> Sipp:
        return Sipp(tmp_path / f"{name}{host}", scenario, port=PORTS[name], host=host)

    with Pjsua("1003", "secret-1003", f"127.0.0.1:{bed.switch.sip_port}", TONES["a"]) as desk:
        desk.do("register")
        with line("slow", cancelled()) as slow, line("quick", early(file)) as quick:
            desk.dial("81")
            wait_for(lambda: desk.hears(TONES, 0.4) == {"b"}, 8, "the one who answered")
            slow.succeed(8)
            desk.do("hangup")
            quick.succeed(8)
        with line("busy", refusing(503)) as busy, line("quick", answering(voice=file)) as quick:
            desk.dial("82")
            wait_for(lambda: desk.hears(TONES, 0.4) == {"b"}, 8, "the second line")
            busy.succeed(8)
            desk.do("hangup")
            quick.succeed(8)
        with line("spare", answering(voice=file), SPARE) as spare:
            desk.dial("83")
            wait_for(lambda: desk.hears(TONES, 0.4) == {"b"}, 8, "the other carrier")
            desk.do("hangup")
            spare.succeed(8)
        voiced = Caller().invite().answered().speak(file, -1).pause(1).invite(in_dialog=True)
        voiced.expect(100, optional=True).expect(200).acknowledge().wait_bye()
        with Sipp(tmp_path / "in", voiced.xml(), f"{PROXY}:{PORTS['proxy']}", "7000", host=LINES) as caller:
            desk.do("ringing")
            desk.do("answer")
            wait_for(lambda: desk.hears(TONES, 0.4) == {"b"}, 8, "the caller")
            wait_for(lambda: caller.messages().count("SIP/2.0 200") == 2, 8, "the answer to the re-INVITE")
            assert desk.do("state")["modifications"] == 0
            desk.do("hangup")
            caller.succeed(8)
