"""Sippy B2BUA as the neighbour behind a trunk, and what its authors ask of a switch: early cancels, broken descriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.apply import extensions
from tests.support.audio import tone
from tests.support.phone import PhoneError
from tests.support.pjsua import Pjsua
from tests.support.sipp import Sipp, answering, cancelled, ulaw
from tests.support.sipp_steps import BODY, expect, has, scenario, send
from tests.support.sippy import sippy
from tests.support.switch import Switch, free_sip_port, wait_for

NEAR, NEIGHBOUR, BEHIND, DIRECT = (free_sip_port() for _ in range(4))
TONES = {"a": 440.0, "b": 1000.0}
WHERE, NOWHERE = "c=IN IP[media_ip_type] [media_ip]\n", "c=IN IP[media_ip_type]\n"
"""The line that says where the sound goes, and one that says nothing. (Without any, the address is learnt from what comes.)"""
APPLY = (
    extensions("1001")
    + f"""
[[trunk]]
name = "near"
addresses = ["127.0.0.1:{NEAR}"]
[[trunk]]
name = "sippy"
addresses = ["127.0.0.1:{NEIGHBOUR}"]
[[trunk]]
name = "direct"
addresses = ["127.0.0.1:{DIRECT}"]
[[route]]
pattern = "08*"
trunks = ["sippy"]
[[route]]
pattern = "09*"
trunks = ["direct"]
[[number]]
number = "7000"
to = "echo"
"""
)
pytestmark = pytest.mark.timeout(120)


def behind_it(folder: Path, text: str) -> Sipp:
    """Whom Sippy calls; it takes no transport in capital letters."""
    return Sipp(folder, text.replace(";transport=[transport]", ""), port=BEHIND)


def test_calls_through_a_neighbour(tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(TONES["b"], 2)))
    with Switch(tmp_path, APPLY) as switch, sippy(tmp_path, BEHIND, NEIGHBOUR):
        domain = f"127.0.0.1:{switch.sip_port}"
        with Pjsua("1001", "secret-1001", domain, TONES["a"]) as phone:
            phone.do("register")
            with behind_it(tmp_path / "talk", answering(voice=voice)) as behind:
                phone.dial("08123")
                wait_for(lambda: phone.hears(TONES, 0.4) == {"b"}, 8, "the far end through two switches")
                for _ in range(3):
                    phone.do("hold")
                    wait_for(lambda: not phone.hears(TONES, 0.2), 8, "the hold")
                    phone.do("resume")
                    phone.do("clear")
                    wait_for(lambda: phone.hears(TONES, 0.3) == {"b"}, 8, "the talk to go on")
                assert behind.messages().count("INVITE sip:") == 1, "a hold is no message there"
                phone.do("hangup")
                behind.succeed(10)
            with behind_it(tmp_path / "early", cancelled()) as behind:
                phone.dial("08123", wait=False)
                wait_for(lambda: phone.state() == "EARLY", 8, "the far end to ring")
                phone.do("hangup")
                behind.succeed(10)
            _broken_answer(phone, tmp_path)
        _broken_change(domain, tmp_path)
        wait_for(lambda: not switch.api("GET", "/calls?state=live")["items"], 8, "no call to be left")


def _broken_answer(phone: Pjsua, folder: Path) -> None:
    """The called party's 200 names no address: it is acknowledged and ended, and the caller hears of a failure."""
    with Sipp(folder / "answer", answering().replace(WHERE, NOWHERE), port=DIRECT) as far:
        with pytest.raises(PhoneError) as failed:
            phone.dial("09123", timeout=10)
        assert failed.value.status is not None and failed.value.status >= 400
        far.succeed(10)


def _broken_change(target: str, folder: Path) -> None:
    """A re-INVITE that names no address is refused, and the call goes on as it was."""
    broken = send("INVITE", 2, "", BODY.replace(WHERE, NOWHERE)).replace(";branch=[branch]", ";branch=z9hG4bKs[call_id]")
    steps = [
        send("INVITE", 1, "", BODY, inside=False), expect(100, optional=True), expect(180, optional=True), expect(200),
        send("ACK", 1), broken,
        expect(100, optional=True), expect(488),
        send("ACK", 2).replace(";branch=[branch]", ";branch=z9hG4bKs[call_id]"),
        send("INVITE", 3, "", BODY), expect(100, optional=True), expect(200, action=has("CSeq:", "3 INVITE")), send("ACK", 3),
        send("BYE", 4), expect(200), '<Reference variables="1"/>',
    ]  # fmt: skip
    with Sipp(folder / "change", scenario(*steps), target, "7000", port=NEAR, seconds=20) as caller:
        caller.succeed(15)
