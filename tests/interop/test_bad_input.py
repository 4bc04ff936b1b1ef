"""Hostile and broken input from outside: the precise answer, nothing rung, nothing lost."""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.apply import extensions
from tests.support.audio import tone, tone_level
from tests.support.raw_sip import RawSip, authorization, header, offer, register, status
from tests.support.sipp import Caller, Sipp, answering, ulaw
from tests.support.sniff import Sniffer
from tests.support.switch import COMMAND, Switch, wait_for

PHONES = extensions("1001", "1002")
TRUNK = """
[[trunk]]
name = "carrier"
addresses = ["127.0.0.1"]
[[number]]
number = "9196"
to = "echo"
[[route]]
pattern = "00*"
trunks = ["carrier"]
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


def reached(peer: RawSip, number: str = "9196") -> None:
    """A proper call is answered; it is hung up again."""
    peer.send(invite(peer, number))
    answer = peer.final(5)
    assert answer is not None and status(answer) == 200, answer
    peer.hang_up(answer)


def recorded(switch: Switch, called: str) -> dict[str, Any]:
    """The newest record of a call to this number."""
    calls = wait_for(lambda: switch.api("GET", f"/calls?state=ended&number={called}")["items"], 5, f"a record of {called}")
    found: dict[str, Any] = calls[0]
    return found


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
    call = recorded(trunk, "5550000")
    assert (call["trunk"], call["result"], call["sip_status"]) == ("carrier", "failed", 404)


def test_no_common_codec_gets_488(trunk: Switch) -> None:
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "9196", offer(formats="98", extra="a=rtpmap:98 FANTASY/8000\r\n")))
        assert status(peer.final()) == 488


def test_broken_sdp_gets_488(trunk: Switch) -> None:
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "9196", "v=0\r\nthis is no description\r\n"))
        assert status(peer.final()) in (400, 488)


def test_a_phone_reaches_no_number_without_a_route(phones: Switch) -> None:
    """To a phone that logged in, a number that nobody declared is unknown; the call never leaves."""
    with RawSip(phones.sip_port) as peer:
        assert register(phones.sip_port, "1001", "secret-1001", peer.address[1]) == 200
        assert status(dial(peer, "0013105551234")) == 404
    call = recorded(phones, "0013105551234")
    assert (call["caller"], call["called"], call["sip_status"]) == ("1001", "0013105551234", 404)


def test_a_trunk_may_not_pass_through_to_the_outside(trunk: Switch) -> None:
    """An identified party that may not dial gets 403, though a route leads there."""
    with RawSip(trunk.sip_port) as peer:
        peer.send(invite(peer, "0013105551234"))
        assert status(peer.final()) == 403
    call = recorded(trunk, "0013105551234")
    assert (call["trunk"], call["result"], call["sip_status"]) == ("carrier", "rejected", 403)


def dial(peer: RawSip, number: str, user: str = "1001", replay: str = "") -> str | None:
    """A phone's INVITE with its digest login (or with an old Authorization line); the final answer."""
    uri = f"sip:{number}@127.0.0.1"
    call_id = uuid4().hex
    peer.send(peer.request("INVITE", uri, body=offer(), caller=user, call_id=call_id, headers=replay))
    answer = peer.final()
    if replay or answer is None or status(answer) != 401:
        return answer
    login = authorization(answer, "INVITE", uri, user, f"secret-{user}")
    peer.send(peer.request("INVITE", uri, body=offer(), caller=user, call_id=call_id, cseq=2, headers=login))
    return peer.final()


def test_a_captured_login_is_worth_nothing(phones: Switch) -> None:
    """Whoever sees the Authorization of a call or of a registration cannot use it again, whatever else is changed."""
    uri = f"sip:127.0.0.1:{phones.sip_port}"
    with RawSip(phones.sip_port) as owner, RawSip(phones.sip_port) as thief:

        def enrol(peer: RawSip, login: str, cseq: int, contact: int) -> str | None:
            headers = f"Contact: <sip:1002@127.0.0.1:{contact}>\nExpires: 600\n{login}"
            text = peer.request("REGISTER", uri, headers=headers, caller="1002", cseq=cseq, to="sip:1002@127.0.0.1")
            peer.send(re.sub(r"Contact: <sip:1002@[\d.:]+>\n(?=Max-Forwards)", "", text))
            return peer.final()

        challenge = enrol(owner, "", 1, owner.address[1])
        assert challenge is not None and status(challenge) == 401
        login = authorization(challenge, "REGISTER", uri, "1002", "secret-1002")
        assert status(enrol(owner, login, 2, owner.address[1])) == 200
        for peer, cseq in ((thief, 3), (owner, 4)):
            answer = enrol(peer, login, cseq, thief.address[1])
            assert status(answer) == 401 and "stale=true" in (answer or "").lower()
        (known,) = [item for item in phones.api("GET", "/registrations")["items"] if item["extension"] == "1002"]
        assert [contact["contact"] for contact in known["contacts"]] == [f"sip:1002@127.0.0.1:{owner.address[1]}"]

        uri = "sip:1002@127.0.0.1"
        text = thief.request("INVITE", uri, body=offer(), caller="1002", headers=login)
        thief.send(text)
        assert status(thief.final()) == 401, "a login for REGISTER is none for INVITE"
        assert owner.receive(0.3) is None, "nothing rings"


MUTATIONS = 100


def mutated(text: str, dice: random.Random) -> bytes:
    """One to three faults that a broken peer or a broken network makes."""
    data = bytearray(text.replace("\n", "\r\n").replace("\r\r\n", "\r\n").encode())
    for _ in range(dice.randint(1, 3)):
        lines = bytes(data).split(b"\r\n")
        line = dice.randrange(len(lines))
        at = dice.randrange(len(data))
        match dice.randrange(9):
            case 0:
                data[at] ^= 1 << dice.randrange(8)
            case 1:
                del data[at : at + dice.randint(1, 40)]
            case 2:
                data[at:at] = dice.choice([b"\x00", b"\xff\xfe", b'"', b"<", b"\r\n", b"%", b";" * 50, b"9" * 40])
            case 3:
                del data[at:]
            case 4:
                data[:] = b"\r\n".join(lines[:line] + lines[line + 1 :])
            case 5:
                data[:] = b"\r\n".join([*lines[: line + 1], *lines[line:]])
            case 6:
                data[:] = b"\r\n".join([*lines[:line], lines[line] + b"," + lines[line], *lines[line + 1 :]])
            case 7:
                data[:] = re.sub(rb"\d+", lambda _: dice.choice([b"0", b"-1", b"4294967296", b"99999999999999999999"]),
                                 bytes(data), count=dice.randint(1, 6))  # fmt: skip
            case _:
                data[:] = b"\r\n".join(
                    [*lines[:line], b"X" * dice.choice([1, 300, 9000]) + b": " + lines[line], *lines[line + 1 :]]
                )
        if not data:
            return b"INVITE"
    return bytes(data)


def test_mutated_calls_of_a_carrier_break_nothing(tmp_path: Path) -> None:
    """The deepest way in: from an address that is trusted. No fault of ours is ever admitted, and the next call works."""
    dice = random.Random(20_240_101)
    seen: Counter[int] = Counter()
    with Switch(tmp_path, PHONES + TRUNK) as switch, ExitStack() as stack:
        assert switch.process is not None
        peers = [stack.enter_context(RawSip(switch.sip_port)) for _ in range(MUTATIONS)]
        sent = [mutated(invite(peer, "9196"), dice) for peer in peers]
        for peer, data in zip(peers, sent, strict=True):
            peer.send(data)
        deadline = time.monotonic() + 4
        for peer, data in zip(peers, sent, strict=True):
            answer = peer.final(max(0.02, deadline - time.monotonic()))
            seen[status(answer)] += 1
            assert status(answer) not in (500, 502), (data, answer)
            if answer is not None and status(answer) == 200 and "CSeq: 1 INVITE" in answer:
                peer.hang_up(answer)
        assert seen[400] >= 10 and seen[200] >= 5, seen
        with RawSip(switch.sip_port) as peer:
            reached(peer)
        wait_for(lambda: not switch.api("GET", "/calls?state=live")["items"], 5, "all calls to be over")
        answered = "/calls?state=ended&result=answered&limit=200"
        wait_for(lambda: len(switch.api("GET", answered)["items"]) == seen[200] + 1, 5, "the record of each call")
        assert switch.process.poll() is None
        assert not re.search("Traceback|! call failed|! journal|! task", switch.log)


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
        wait_for(lambda: not trunk.api("GET", "/calls?state=live")["items"], 5)
        with RawSip(trunk.sip_port) as peer:
            reached(peer)


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
        reached(peer)


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
    """The recordings folder is a file system of 128 KiB: recording degrades, the call goes on, an alarm is raised."""
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=True)
    try:
        voice = tmp_path / "voice.ulaw"
        voice.write_bytes(ulaw(tone(440, 2)))
        with Switch(tmp_path, QUEUE) as switch, agent_phone(switch, tmp_path, voice):
            scenario = Caller().invite().answered().speak(voice, -1).pause(9).hang_up().xml()
            customer = Sipp(tmp_path, scenario, target=f"127.0.0.1:{switch.sip_port}", service="4000")
            with Sniffer(customer.media_port) as ear, customer:
                wait_for(lambda: switch.api("GET", "/status")["alarms"], 12, "an alarm about the disk")
                customer.succeed()
            alarms = {(alarm["code"], alarm["level"]) for alarm in switch.api("GET", "/status")["alarms"]}
            assert ("recording_degraded", "critical") in alarms
            call = switch.ended_calls()[0]
            assert call["result"] == "answered" and call["talk_ms"] > 6000
            assert tone_level(ear.audio()[-8000:], 440) > -30, "the agent is heard to the end"
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
    commands = (["check", "bad.toml"], ["apply", "bad.toml", "--yes"], ["run", "--apply", "bad.toml"])
    with ThreadPoolExecutor() as threads:
        for done in threads.map(lambda command: switch.run(*command, check=False), commands):
            assert done.returncode == 1, done.args
            said = done.stderr + done.stdout
            assert re.search(r"bad\.toml" + expected if expected.startswith(":") else expected, said), said
            assert "Traceback" not in said
