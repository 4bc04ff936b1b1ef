"""A line that speaks AMR or AMR-WB alone (baresip) and a phone that speaks G.711: each way is decoded and coded anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.engine import codec_libraries
from tests.support.amr_phone import AmrPhone, is_there
from tests.support.hotline import HOTLINE, desk_phone
from tests.support.switch import Switch, wait_for

APPLY = f"""
[[extension]]
number = "1001"
password = "correct-horse-1001"
[[trunk]]
name = "mobile"
profile = "generic"
addresses = ["127.0.0.1"]
[trunk.media]
codecs = ["AMR-WB", "AMR"]
[[number]]
number = "{HOTLINE}"
to = "extension:1001"
"""
TONES = {"desk": 1000.0, "mobile": 440.0}
MISSING = codec_libraries(["auto"])

pytestmark = pytest.mark.skipif(not is_there(), reason="baresip with its module amr is not installed")


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    settings = {"SOFTSWITCH_MEDIA__PLUGINS": '["auto"]'}
    with Switch(tmp_path_factory.mktemp("amr"), APPLY, settings=settings) as running:
        yield running


@pytest.mark.parametrize(("name", "codec"), [("AMR-WB", "AMR-WB/16000/1"), ("AMR", "AMR/8000/1")])
def test_both_hear_each_other(switch: Switch, tmp_path: Path, name: str, codec: str) -> None:
    if MISSING[name]:
        pytest.skip(MISSING[name])
    with desk_phone(switch, TONES["desk"], "1001") as desk:
        desk.do("register")
        with AmrPhone(tmp_path / "phone", f"127.0.0.1:{switch.sip_port}", codec, HOTLINE, 440) as mobile:
            try:
                desk.do("ringing")
            except AssertionError as silence:
                raise AssertionError(mobile.log) from silence
            desk.do("answer")
            wait_for(lambda: desk.hears(TONES, 0.4) == {"mobile"}, 5, "the desk phone to hear the mobile one")
            time.sleep(0.6)
            assert desk.hears(TONES, 0.4) == {"mobile"}
    assert mobile.heard(TONES) == {"desk"}
