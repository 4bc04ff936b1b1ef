"""Transfers, parking, pick-up and hold with the keys of real phones: PJSIP (1001, 1002), baresip (1003), SIPp as a carrier.

Whom a phone hears tells who is joined with whom; the reports that PJSIP got tell what it was told of its REFER. The exact
order and times stand in tests/flows/test_referrals.py and test_parking.py; bounds here allow for a busy machine.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.apply import extensions
from tests.support.audio import tone
from tests.support.phone import Phone, PhoneError
from tests.support.pjsua import Pjsua
from tests.support.raw_sip import RawSip, header, offer, status
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.switch import Switch, free_sip_port, wait_for

TONES = {"a": 440.0, "b": 1000.0, "c": 1700.0, "far": 620.0}
FAR, SENDS = free_sip_port(), free_sip_port()
APPLY = (
    extensions("1001", "1002", "1003")
    + f"""
[[trunk]]
name = "far"
addresses = ["127.0.0.1:{FAR}"]
[[route]]
pattern = "09*"
trunks = ["far"]
[[trunk]]
name = "sends"
addresses = ["127.0.0.2:{SENDS}"]
[trunk.session]
refer = "send"
[[route]]
pattern = "08*"
trunks = ["sends"]
[[trunk]]
name = "bridge"
addresses = ["127.0.0.3"]
[trunk.session]
refer = "bridge"
[[number]]
number = "4081"
to = "extension:1001"
[[number]]
number = "4082"
to = "echo"
[[queue]]
name = "sales"
announce = "none"
[[number]]
number = "4080"
to = "queue:sales"
"""
)
SOON = 2.0
"""Seconds until people hear each other, on a machine that does ten other things."""
pytestmark = pytest.mark.timeout(120)


class Office:
    """Three phones that have logged in."""

    def __init__(self, switch: Switch, a: Pjsua, b: Pjsua, c: Phone) -> None:
        self.switch, self.a, self.b, self.c = switch, a, b, c
        self.moved = 0

    def connect(self, first: Pjsua, second: Pjsua) -> None:
        first.dial(second.user, wait=False)
        second.do("ringing")
        second.do("answer")
        first.do("established")
        self.hear(a={"b"}, b={"a"})

    def hear(self, seconds: float = 8.0, **expected: set[str]) -> float:
        """Until everybody who is named hears exactly these; the seconds that it took."""
        began = time.monotonic()
        phones: dict[str, Phone] = {"a": self.a, "b": self.b, "c": self.c}
        wait_for(lambda: all(phones[name].hears(TONES, 0.25) == who for name, who in expected.items()), seconds, str(expected))
        return time.monotonic() - began

    def reports(self, last: int) -> list[int]:
        """What PJSIP was told about the transfer, once it was told this last; repeats once."""

        def told() -> list[int]:
            found: list[int] = self.a.do("state", call=self.moved)["reports"]
            return found

        wait_for(lambda: told()[-1:] == [last], 12, f"the report {last} after {told()}")
        return list(dict.fromkeys(told()))

    def transfer(self, number: str) -> None:
        """Blind, of the call that a has."""
        self.moved = self.a.states().index("ESTABLISHED")
        self.a.transfer(number)

    def all_over(self) -> None:
        for phone in (self.a, self.b, self.c):
            if "ESTABLISHED" in (phone.states() if isinstance(phone, Pjsua) else [phone.state()]):
                with suppress(PhoneError):  # the switch was faster: the other one has gone
                    phone.do("hangup")
        wait_for(lambda: not self.switch.api("GET", "/calls?state=live")["items"], 8, "all calls to be over")

    def changes(self) -> int:
        """Re-INVITEs and UPDATEs with a description that b got in its call."""
        return int(self.b.do("state")["modifications"])


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    quick = {"SOFTSWITCH_FEATURES__TRANSFER_RING": "3", "SOFTSWITCH_FEATURES__PARK_TIMEOUT": "7"}
    with Switch(tmp_path_factory.mktemp("transfers"), APPLY, settings=quick) as running:
        yield running


@pytest.fixture(scope="module")
def office(switch: Switch) -> Iterator[Office]:
    domain = f"127.0.0.1:{switch.sip_port}"
    with (
        Pjsua("1001", "secret-1001", domain, TONES["a"]) as a, Pjsua("1002", "secret-1002", domain, TONES["b"]) as b,
        Phone("1003", "secret-1003", domain, TONES["c"]) as c,
    ):  # fmt: skip
        for phone in (a, b, c):
            phone.do("register")
        yield Office(switch, a, b, c)


@pytest.mark.acceptance("XFR-1")
def test_blind_to_a_phone_a_trunk_and_a_queue(office: Office, tmp_path: Path) -> None:
    a, b, c = office.a, office.b, office.c
    office.connect(a, b)
    office.transfer("1003")
    c.do("ringing")
    office.reports(180)
    c.do("answer")
    assert office.hear(b={"c"}, c={"b"}) < SOON
    assert office.reports(200) == [100, 180, 200]
    wait_for(lambda: a.state() == "CLOSED", 4, "the switch to release who has transferred")
    assert office.changes() == 0, "whom it was about has got no INVITE"
    office.all_over()

    voice = tmp_path / "far.ulaw"
    voice.write_bytes(ulaw(tone(TONES["far"], 5)))
    with Sipp(tmp_path, answering(ring_ms=500, voice=voice), port=FAR):
        office.connect(a, b)
        office.transfer("0912345")
        assert office.hear(b={"far"}) < SOON + 1
        assert office.reports(200) == [100, 180, 200]
        assert office.changes() == 0
        office.all_over()

    office.connect(b, a)
    office.transfer("4080")
    assert office.reports(200) == [100, 200]
    office.hear(b=set())
    wait_for(lambda: a.state() == "CLOSED", 4, "the switch to release who has transferred")
    assert office.switch.api("GET", "/calls?state=live")["items"][0]["state"] == "waiting"
    office.all_over()


@pytest.mark.acceptance("XFR-2")
def test_whom_nobody_takes_talks_on(office: Office) -> None:
    a, c = office.a, office.c
    office.connect(a, office.b)
    for number, due in (("1003", 486), ("7777", 404), ("1003", 408)):
        office.transfer(number)
        if number == "1003":
            c.do("ringing")
        if due == 486:
            c.do("reject")
        assert office.reports(due)[-1] == due
        assert office.hear(a={"b"}, b={"a"}) < SOON
    assert office.changes() == 0
    office.all_over()


@pytest.mark.acceptance("XFR-3", missing="another tenant's dialog: there is one tenant; another person's: flows/test_referrals")
def test_attended_semi_attended_and_wrong_tags(office: Office) -> None:
    a, b, c = office.a, office.b, office.c
    for answered in (True, False):
        office.connect(a, b)
        office.moved = first = a.states().index("ESTABLISHED")
        a.do("hold")
        office.hear(b=set())
        a.dial("1003", wait=False)
        c.do("ringing")
        if answered:
            c.do("answer")
            office.hear(c={"a"})
        a.transfer_attended(first, len(a.states()) - 1)
        if not answered:
            time.sleep(0.5)
            c.do("answer")
        assert office.hear(b={"c"}, c={"b"}) < SOON
        wait_for(lambda: set(a.states()) == {"CLOSED"}, 4, "both calls of the transferor to be over")
        office.all_over()
    office.connect(a, b)
    office.moved = a.states().index("ESTABLISHED")
    a.do("transfer", uri=f"<sip:1003@{a.domain}?Replaces=nobody%3Bto-tag%3Da%3Bfrom-tag%3Db>")
    assert office.reports(481)[-1] == 481
    office.hear(a={"b"}, b={"a"})
    office.all_over()


def _named_by(office: Office, phone: str) -> str:
    """The Replaces of the early dialog with a phone, as its lamp tells it: read from the messages of the live call."""
    (call,) = office.switch.api("GET", "/calls?state=live")["items"]

    def ringing() -> str:
        messages: list[dict[str, Any]] = office.switch.api("GET", f"/calls/{call['id']}/ladder")["messages"]
        return next((m["text"] for m in messages if m["status"] == 180 and f"<sip:{phone}@" in m["text"]), "")

    text = wait_for(ringing, 5, "the 180")
    call_id, ours, theirs = (
        re.search(pattern, text, re.M)[1].strip()  # type: ignore[index]
        for pattern in (r"^Call-ID: *(\S+)", r"^From:.*;tag=([^;\s]+)", r"^To:.*;tag=([^;\s]+)")
    )
    return f"{call_id};to-tag={ours};from-tag={theirs};early-only"


@pytest.mark.acceptance("FEA-1")
def test_pick_up_by_code_by_lamp_and_in_the_same_moment(office: Office) -> None:
    a, b, c = office.a, office.b, office.c
    a.dial("1002", wait=False)
    b.do("ringing")
    c.dial("*8*1002")
    office.hear(a={"c"}, c={"a"})
    wait_for(lambda: _is_free(b), 2, "the phone that rang to be free")
    office.all_over()

    b.dial("1003", wait=False)
    c.do("ringing")
    a.dial("1003", wait=False, headers={"Replaces": _named_by(office, "1003"), "Require": "replaces"})
    a.do("established")
    office.hear(a={"b"}, b={"a"})
    office.all_over()

    a.dial("1002", wait=False)
    b.do("ringing")
    start = threading.Barrier(2)
    with ExitStack() as stack:
        stack.callback(office.all_over)
        threads = [threading.Thread(target=_at_once, args=(start, act)) for act in (
            lambda: b.do("answer"), lambda: c.dial("*8*1002", wait=False),
        )]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        wait_for(lambda: a.hears(TONES, 0.25) in ({"b"}, {"c"}), 8, "one of them to have the call")
        (winner,) = a.hears(TONES, 0.25)
        loser = c if winner == "b" else b
        wait_for(lambda: "a" not in loser.hears(TONES, 0.25), 2, "the other to be free")


def _at_once(start: threading.Barrier, act: Any) -> None:
    start.wait(5)
    with suppress(PhoneError):  # whoever comes too late is told that the call is over
        act()


def _is_free(phone: Pjsua) -> bool:
    """Nothing rings there."""
    try:
        phone.do("ringing", timeout=0.05)
    except PhoneError:
        return True
    return False


@pytest.mark.acceptance("FEA-2")
def test_park_retrieve_and_recall(office: Office) -> None:
    a, b, c = office.a, office.b, office.c
    office.connect(a, b)
    office.transfer("700")
    assert office.reports(200) == [100, 200]
    (call,) = office.switch.api("GET", "/calls?state=live")["items"]
    parked = office.switch.api("GET", "/parked")["items"]
    assert [(each["slot"], each["call"], each["by"]) for each in parked] == [("701", call["id"], "1001")]
    messages = office.switch.api("GET", f"/calls/{call['id']}/ladder")["messages"]
    (last,) = [m["text"] for m in messages if m["text"].startswith("NOTIFY") and "SIP/2.0 200" in m["text"]]
    assert re.search(r"^Contact: <sip:701@", last, re.M)
    c.dial("701")
    assert office.hear(b={"c"}, c={"b"}) < SOON
    wait_for(lambda: a.state() == "CLOSED", 10, "the parker to be released, once the slot was said")
    office.all_over()

    office.connect(a, b)
    parked_at = time.monotonic()
    office.transfer("*68")
    office.reports(200)
    message = str(a.do("ringing")["message"])
    assert 6 <= time.monotonic() - parked_at <= 11
    assert re.search(r'^From: "701 ', message, re.M)
    a.do("answer")
    office.hear(a={"b"}, b={"a"})
    office.all_over()


@pytest.mark.acceptance("DLG-7")
def test_the_hold_key_of_baresip(office: Office) -> None:
    b, c = office.b, office.c
    c.dial("1002", wait=False)
    b.do("ringing")
    b.do("answer")
    office.hear(b={"c"}, c={"b"})
    for _ in range(2):
        c.do("hold")
        wait_for(lambda: "c" not in b.hears(TONES, 0.25) and abs(b.audio(0.25)).max() > 0.01, 5, "music")
        c.do("resume")
        office.hear(b={"c"}, c={"b"})
    assert office.changes() == 0
    office.all_over()


REPORT = """Event: refer
Subscription-State: terminated;reason=noresource
Content-Type: message/sipfrag
Content-Length: [len]

SIP/2.0 503 Service Unavailable
"""
ACCEPTED = """<send><![CDATA[
SIP/2.0 202 Accepted
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Content-Length: 0

]]></send>"""


@pytest.mark.acceptance("XFR-5", missing="the 45 s of silence live: virtual time alone")
def test_a_carrier_that_could_not_transfer(office: Office, tmp_path: Path) -> None:
    """It accepts the REFER, then reports 503: the phone is told so and has its customer again."""
    a, switch = office.a, office.switch
    voice = tmp_path / "far.ulaw"
    voice.write_bytes(ulaw(tone(TONES["far"], 5)))
    caller = Caller().invite().answered().speak(voice, -1)
    caller.steps += ['<recv request="REFER" timeout="20000"/>', ACCEPTED]
    notify = caller._request("NOTIFY").replace("Content-Length: 0\n\n", REPORT)
    caller.steps.append(notify)
    caller.expect(200).wait_bye()
    customer = Sipp(
        tmp_path, caller.xml(), f"127.0.0.1:{switch.sip_port}", "4081", port=SENDS, host="127.0.0.2", seconds=40
    )  # fmt: skip
    with customer:
        a.do("ringing")
        a.do("answer")
        office.hear(a={"far"})
        (call,) = switch.api("GET", "/calls?state=live")["items"]
        office.transfer("0812345")
        assert office.reports(503) == [100, 503]
        assert office.hear(a={"far"}) < SOON
        a.do("hangup")
        customer.succeed(20)
    asked = re.search(r"^Refer-To: *(\S+)", customer.messages(), re.M)
    assert asked and asked[1] == f"<sip:0812345@127.0.0.2:{SENDS}>"
    failed = [
        event for event in switch.api("GET", f"/calls/{call['id']}")["timeline"] if event["type"] == "call.transfer_failed"
    ]
    assert [(event["target"], event["status"]) for event in failed] == [("outside:0812345", 503)]


class Dialog:
    """A call of a raw peer to the echo, and requests inside it."""

    def __init__(self, peer: RawSip, uri: str) -> None:
        self.peer, self.number = peer, 1
        peer.send(peer.request("INVITE", uri, body=offer(peer.address[0])))
        answer = peer.final()
        assert status(answer) == 200, answer
        self.call_id, self.ours, self.theirs = (header(answer, name) for name in ("Call-ID", "From", "To"))
        self.contact = header(answer, "Contact").strip("<>")
        self.send("ACK")

    @property
    def tags(self) -> str:
        return ";".join(
            (self.call_id, f"to-tag={self.theirs.partition('tag=')[2]}", f"from-tag={self.ours.partition('tag=')[2]}")
        )

    def send(self, method: str, more: str = "") -> str | None:
        """The final answer to a request."""
        self.number += method != "ACK"
        text = self.peer.request(method, self.contact, headers=more, call_id=self.call_id, cseq=self.number)
        text = re.sub(r"^From: .*$", f"From: {self.ours}", text, count=1, flags=re.M)
        self.peer.send(re.sub(r"^To: .*$", f"To: {self.theirs}", text, count=1, flags=re.M))
        return self.peer.final() if method != "ACK" else None


@pytest.mark.acceptance("XFR-4")
def test_what_a_refer_and_a_replaces_may_not_be(switch: Switch) -> None:
    uri, to = f"sip:4082@127.0.0.1:{switch.sip_port}", f"<sip:4082@127.0.0.1:{switch.sip_port}>"
    with RawSip(switch.sip_port, "127.0.0.3") as peer, RawSip(switch.sip_port, "127.0.0.9") as stranger:
        dialog = Dialog(peer, uri)
        for more, due in (
            ("", 400), (f"Refer-To: {to}\nRefer-To: {to}\n", 400), ("Refer-To: <mailto:li@example.com>\n", 416),
        ):  # fmt: skip
            assert status(dialog.send("REFER", more)) == due, more
        accepted = dialog.send("REFER", f"Refer-To: {to}\nRefer-Sub: false\n")
        assert status(accepted) == 202 and header(accepted, "Refer-Sub") == "false"
        assert peer.receive(0.7) is None, "no NOTIFY"
        stranger.send(stranger.request("REFER", uri, headers=f"Refer-To: {to}\n"))
        assert status(stranger.final(0.7)) in (0, 401)

        def replacing(more: str) -> int:
            peer.send(peer.request("INVITE", uri, headers=more, body=offer("127.0.0.3")))
            return status(peer.final())

        assert replacing(f"Replaces: {dialog.tags};early-only\n") == 486
        assert replacing(f"Replaces: {dialog.tags}\nReplaces: {dialog.tags}\n") == 400
        assert status(dialog.send("BYE", f"Replaces: {dialog.tags}\n")) == 400
        assert status(dialog.send("BYE")) == 200
        assert replacing(f"Replaces: {dialog.tags}\n") == 603
