"""Two carriers and the switch between them: what one does is its own affair, and neither learns anything of the other.

SIPp on both sides. One switch for the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.audio import tone
from tests.support.sipp import Caller, Sipp, answering, refusing, ulaw
from tests.support.switch import Switch, free_sip_port
from tests.support.topology import leaks, sipp_log

NEAR, FAR = free_sip_port(), free_sip_port()
APPLY = f"""
[[trunk]]
name = "far"
addresses = ["127.0.0.1:{FAR}"]
[[trunk]]
name = "near"
addresses = ["127.0.0.1:{NEAR}"]
[[route]]
pattern = "09*"
trunks = ["far"]
[[number]]
number = "4050"
to = "outside:0912345"
"""


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    with Switch(tmp_path_factory.mktemp("apart"), APPLY) as running:
        yield running


def _apart(switch: Switch, near: Sipp, far: Sipp) -> None:
    seen = [*sipp_log(near.folder / f"sipp-{near.port}.msg", "near"), *sipp_log(far.folder / f"sipp-{far.port}.msg", "far")]
    assert len({message.peer for message in seen}) == 2
    found = leaks(seen, shared=("127.0.0.1", f"127.0.0.1:{switch.sip_port}", "softswitch"))
    assert not found, found[:3]


@pytest.mark.acceptance("DLG-7")
def test_hold_and_resume_are_no_message_on_the_other_leg(switch: Switch, tmp_path: Path) -> None:
    voice = tmp_path / "voice.ulaw"
    voice.write_bytes(ulaw(tone(440.0, 2)))
    scenario = Caller().invite().answered().speak(voice, -1).pause(0.3)
    for direction in ("sendonly", "inactive", "sendrecv"):
        scenario.invite(direction=direction, in_dialog=True).expect(100, optional=True).expect(200).acknowledge().pause(0.3)
    far = Sipp(tmp_path / "far", answering(ring_ms=100), port=FAR)
    near = Sipp(tmp_path / "near", scenario.hang_up().xml(), port=NEAR, target=f"127.0.0.1:{switch.sip_port}", service="4050")
    with far, near:
        near.succeed(15)
        far.succeed(5)
    assert far.messages().count("INVITE sip:") == 1
    for answer in ("a=recvonly", "a=inactive"):
        assert answer in near.messages()
    _apart(switch, near, far)


@pytest.mark.acceptance("DLG-11", "DLG-10")
@pytest.mark.parametrize(("status", "told", "q850"), [(486, 486, 17), (404, 404, 1), (415, 501, 79)])
def test_a_refusal_is_told_by_the_table(switch: Switch, tmp_path: Path, status: int, told: int, q850: int) -> None:
    scenario = Caller().invite()
    for code in (100, 180):
        scenario.expect(code, optional=True)
    scenario.expect(told).acknowledge()
    far = Sipp(tmp_path / "far", refusing(status), port=FAR)
    near = Sipp(tmp_path / "near", scenario.xml(), port=NEAR, target=f"127.0.0.1:{switch.sip_port}", service="4050")
    with far, near:
        near.succeed(15)
        far.succeed(5)
    assert f"Reason: Q.850;cause={q850}" in near.messages()
    _apart(switch, near, far)
