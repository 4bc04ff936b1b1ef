"""Hostile and broken input from outside: the precise answer, nothing rung, nothing lost."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audio import tone
from tests.support.raw_sip import RawSip, authorization, header, offer, register, status
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.switch import COMMAND, Switch, wait_for

PHONES = """
[[extension]]
number = "1001"
password = "secret-1001"
[[extension]]
number = "1002"
password = "secret-1002"
"""
TRUNK = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[number]]
number = "9196"
to = "echo"
"""


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """A switch that knows phones but no trunk: everybody on loopback is a stranger."""
    with Switch(tmp_path_factory.mktemp("phones"), PHONES) as running:
        yield running


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("trunk"), PHONES + TRUNK, settings={"SOFTSWITCH_SIP__MAX_CALLS": "2"}) as running:
        yield running


def invite(peer: RawSip, number: str, body: str | None = None, headers: str = "", caller: str = "alice") -> str:
    return peer.request(
        "INVITE", f"sip:{number}@127.0.0.1", body=offer() if body is None else body, headers=headers, caller=caller
    )


def counted(switch: Switch, what: str) -> float:
    """A counter of /metrics by the beginning of its line."""
    _, text = switch.request("GET", "/metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines() if line.startswith(what))


def test_malformed_sip_gets_400_and_is_counted(trunk: Switch) -> None:
    before = counted(trunk, "softswitch_sip_malformed_total")
    with RawSip(trunk.sip_port) as peer:
        peer.send(re.sub(r"CSeq: 1 INVITE", "CSeq: one INVITE", invite(peer, "9196")))
        assert status(peer.final()) == 400
        peer.send(b"\x00\x01\x02 this is no SIP \xff\xfe\r\n\r\n")
        assert peer.receive(0.5) is None
        peer.send(invite(peer, "9196").replace("SIP/2.0\n", "SIP/7.0\n", 1))
        assert status(peer.final()) == 505
    assert counted(trunk, "softswitch_sip_malformed_total") > before
    assert trunk.is_ready()


def test_strangers_learn_nothing(phones: Switch) -> None:
    """The 401 of an existing name and of a made-up one differ in nothing but tag and nonce."""
    answers = []
    with RawSip(phones.sip_port) as peer:
        for name in ("1001", "nobody-has-this-name"):
            peer.send(invite(peer, name, caller=name))
            answer = peer.final()
            assert status(answer) == 401
            assert answer is not None
            blurred = re.sub(r'(nonce=")[^"]*|(tag=)\S+|branch=\S+|(Call-ID: ).*', "", answer)
            answers.append(blurred.replace(name, "NAME"))
    assert answers[0] == answers[1]
    assert phones.api("GET", "/calls?state=live")["items"] == []


def test_a_wrong_login_rings_nobody(phones: Switch) -> None:
    with RawSip(phones.sip_port) as peer:
        text = invite(peer, "1002", caller="1001")
        peer.send(text)
        challenge = peer.final()
        assert challenge is not None
        login = authorization(challenge, "INVITE", "sip:1002@127.0.0.1", "1001", "wrong")
        peer.send(text.replace("CSeq: 1", "CSeq: 2").replace("Max-Forwards", login + "Max-Forwards", 1))
        assert status(peer.final()) in (401, 403)
    assert phones.api("GET", "/calls?state=live")["items"] == []


def test_a_trunk_only_listener_is_silent_to_strangers(tmp_path: Path) -> None:
    apply = '[[trunk]]\nname = "carrier"\naddresses = ["127.0.0.9"]\n'
    with Switch(tmp_path, apply) as switch, RawSip(switch.sip_port) as stranger:
        stranger.send(invite(stranger, "1000"))
        assert stranger.receive(1.0) is None
        stranger.send(stranger.request("OPTIONS", "sip:127.0.0.1"))
        assert stranger.receive(0.5) is None


def test_unknown_number_gets_404(trunk: Switch) -> None:
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "5550000"))
        assert status(peer.final()) == 404
    call = trunk.ended_calls()[0]
    assert (call["called"], call["sip_status"]) == ("5550000", 404)


def test_no_common_codec_gets_488(trunk: Switch) -> None:
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "9196", offer(formats="98", extra="a=rtpmap:98 FANTASY/8000\r\n")))
        assert status(peer.final()) == 488


def test_broken_sdp_gets_488(trunk: Switch) -> None:
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "9196", "v=0\r\nthis is no description\r\n"))
        assert status(peer.final()) in (400, 488)


def test_a_phone_without_a_route_may_not_dial_out(phones: Switch) -> None:
    """An identified party that may not dial gets 403; the call never leaves."""
    with RawSip(phones.sip_port) as peer:
        assert register(phones.sip_port, "1001", "secret-1001", peer.address[1]) == 200
        text = peer.request("INVITE", "sip:0013105551234@127.0.0.1", body=offer(), caller="1001", call_id="dial-out")
        peer.send(text)
        challenge = peer.final()
        assert challenge is not None and status(challenge) == 401
        login = authorization(challenge, "INVITE", "sip:0013105551234@127.0.0.1", "1001", "secret-1001")
        peer.send(text.replace("CSeq: 1", "CSeq: 2").replace("Max-Forwards", login + "Max-Forwards", 1))
        assert status(peer.final()) in (403, 404)


def test_calls_beyond_the_limit_get_503(trunk: Switch, tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440, 2)))
    scenario = Caller().invite().answered().speak(voice, -1).pause(3).hang_up().xml()
    target = f"127.0.0.1:{trunk.sip_port}"
    with Sipp(tmp_path, scenario, target=target, service="9196", calls=2, limit=2, rate=20) as busy:
        wait_for(lambda: len(trunk.api("GET", "/calls?state=live")["items"]) == 2, 8)
        with RawSip(trunk.sip_port) as peer:
            peer.send(invite(peer, "9196"))
            answer = peer.final()
            assert status(answer) == 503
            assert int(header(answer, "Retry-After")) > 0
        busy.succeed()
    with RawSip(trunk.sip_port) as peer:
        wait_for(lambda: not trunk.api("GET", "/calls?state=live")["items"], 5)
        text = invite(peer, "9196")
        peer.send(text)
        assert status(peer.final()) == 200


def test_a_taken_port_is_named(phones: Switch, tmp_path: Path) -> None:
    other = Switch(tmp_path, PHONES, sip_port=phones.sip_port)
    (tmp_path / "apply.toml").write_text(PHONES)
    done = subprocess.run([*COMMAND, "run", "--apply", "apply.toml"], env=other.variables(), cwd=tmp_path, capture_output=True,
                          text=True, timeout=30, check=False)  # fmt: skip
    assert done.returncode == 1
    assert str(phones.sip_port) in done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout


def test_a_flood_of_noise_changes_nothing(trunk: Switch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        for index in range(2000):
            noise.sendto(bytes([index % 256]) * (index % 1400), ("127.0.0.1", trunk.sip_port))
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "9196"))
        assert status(peer.final(5)) == 200


QUEUE = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[extension]]
number = "2000"
password = "secret-2000"
[[agent]]
login = "li"
queues = ["sales"]
station = "extension:2000"
[[queue]]
name = "sales"
announce = "none"
wrap_up = 0
music = "no-such-music"
[[number]]
number = "4000"
to = "flow:main"
[[flow]]
name = "main"
start = "hello"
[flow.nodes.hello]
verb = "answer"
next = "speak"
[flow.nodes.speak]
verb = "play"
prompts = ["no-such-prompt"]
next = "sales"
[flow.nodes.sales]
verb = "queue"
queue = "sales"
"""


def agent_phone(switch: Switch, folder: Path, voice: Path) -> Sipp:
    phone = Sipp(folder, answering(ring_ms=50, voice=voice)).start()
    assert register(switch.sip_port, "2000", "secret-2000", phone.port) == 200
    switch.api("PUT", "/agents/li/state", {"state": "ready"})
    return phone


def test_a_missing_prompt_is_skipped(tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440, 2)))
    with Switch(tmp_path, QUEUE) as switch, agent_phone(switch, tmp_path, voice):
        scenario = Caller().invite().answered().speak(voice, -1).pause(3).hang_up().xml()
        with Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4000") as customer:
            customer.succeed()
        call = switch.ended_calls()[0]
        assert call["result"] == "answered" and call["agent"] == "li"
        timeline = switch.api("GET", f"/calls/{call['id']}")["timeline"]
        assert any(e["type"] == "ivr.prompt_missing" and e["prompt"] == "no-such-prompt" for e in timeline)


def test_a_full_disk_stops_the_recording_not_the_call(tmp_path: Path) -> None:
    """The recordings folder is a file system of 256 KiB: recording degrades, the call goes on, an alarm is raised."""
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=True)
    try:
        voice = tmp_path / "voice.ulaw"
        voice.write_bytes(ulaw(tone(440, 2)))
        with Switch(tmp_path, QUEUE) as switch, agent_phone(switch, tmp_path, voice):
            scenario = Caller().invite().answered().speak(voice, -1).pause(9).hang_up().xml()
            with Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4000") as customer:
                wait_for(lambda: switch.api("GET", "/status")["alarms"], 12, "an alarm about the disk")
                customer.succeed()
            call = switch.ended_calls()[0]
            assert call["result"] == "answered" and call["talk_ms"] > 6000
            wait_for(lambda: switch.api("GET", f"/calls/{call['id']}")["recording"]["status"] in ("degraded", "failed"), 8)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (QUEUE.replace('next = "sales"', 'next = "nowhere"'), r"flow.*main.*speak.*nowhere"),
        (QUEUE.replace('verb = "play"', 'verb = "sing"'), r"flow.*main.*speak.*sing"),
        (QUEUE.replace('["127.0.0.1"]', "[5060]"), r':\d+: trunk\[0\]\.addresses.*expected "host" or "host:port", got 5060'),
        (QUEUE + '\n[[agent]]\nlogin = "wu"\nqueues = ["slaes"]\n', r":\d+: agent\[1\]\.queues.*slaes"),
        (QUEUE + "\n[[queue]]\nname = 5\n", r":\d+: queue\[1\]\.name: expected"),
        (QUEUE + '\n[[queu]]\nname = "x"\n', r":\d+: queu.*"),
    ],
)
def test_mistakes_of_an_apply_file_are_named(tmp_path: Path, text: str, expected: str) -> None:
    switch = Switch(tmp_path, "")
    file = tmp_path / "bad.toml"
    file.write_text(text, encoding="utf-8")
    for command in (["check", "bad.toml"], ["apply", "bad.toml", "--yes"], ["run", "--apply", "bad.toml"]):
        done = switch.run(*command, check=False)
        assert done.returncode == 1, command
        assert re.search(r"bad\.toml" + expected if expected.startswith(":") else expected, done.stderr + done.stdout), (
            done.stderr
        )
        assert "Traceback" not in done.stderr
