"""Intercom and paging: phones answer by themselves, who may, who hears whom; headers by maker."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalling import events as sig
from signalling.auth import OFFERED, ha1
from sip_profiles.phones import by_user_agent, names, phone
from softswitch.directory.model import Extension, Kind, Number, PageGroup
from softswitch.legs import alerting
from softswitch.model.destination import Destination
from softswitch.model.events import PageStarted
from tests.flows.world import Peer, World, run


def _extension(number: str, intercom: tuple[str, ...] = ("*",)) -> tuple[Kind, Extension]:
    digests = {algorithm: ha1(algorithm, number, "softswitch", "secret") for algorithm in OFFERED}
    return Kind.EXTENSION, Extension(number=number, realm="softswitch", ha1=digests, intercom=intercom)


HALL = PageGroup(name="hall", number="61", members=("1001", "1003", "1004", "1005"), callers=("1002", "1001"))
EXTRA = (
    _extension("1003"), _extension("1004", intercom=("1001",)), _extension("1005"), (Kind.PAGE_GROUP, HALL),
    (Kind.NUMBER, Number(number="4200", to=Destination.parse("page:hall"))),
)  # fmt: skip


def test_every_maker_has_its_form_and_unknown_phones_get_all() -> None:
    for name in names():
        lines = phone(name).features.auto_answer
        assert lines and all(line.partition(": ")[0] in ("Answer-Mode", "Call-Info", "Alert-Info") for line in lines), name
    assert by_user_agent("Yealink SIP-T46S 66.84").vendor.name == "Yealink"
    assert set(alerting._answers("unknown/1")) == {"Answer-Mode", "Call-Info", "Alert-Info"}
    assert alerting._answers("Polycom VVX 400") == {"Alert-Info": "<http://localhost>;info=alert-autoanswer"}
    assert alerting._waits("snomD385") == {"Alert-Info": "<urn:alert:service:call-waiting>"}


def test_intercom_asks_the_phone_to_answer_and_joins_both_ways(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        one, two = await world.phone("1001"), await world.phone("1002")
        two.answers(after=0.1, ring=False)
        leg = one.call("*801002")
        await one.sees(sig.Answered)
        headers = two.incoming[0].headers
        assert headers["call-info"].endswith("answer-after=0") and headers["answer-mode"] == "Auto"
        await world.passes(0.5)
        for peer in (one, two):
            world.engine.label(peer.port, peer.number)
        assert world.engine.hears(one.port) == {"1002"} and world.engine.hears(two.port) == {"1001"}
        one.hang_up(leg)
        await world.settles()

    run(tmp_path, scenario, *EXTRA)


@pytest.mark.parametrize(("code", "status"), [("*801004", 403), ("*851", 404), ("*80999", 404), ("*801005", 480)])
def test_intercom_is_refused(tmp_path: Path, code: str, status: int) -> None:
    async def scenario(world: World) -> None:
        two, four = await world.phone("1002"), await world.phone("1004")
        two.call(code)
        assert (await two.sees(sig.Ended)).status == status
        assert not four.incoming
        if status == 403:
            assert 183 in [event.status for event in two.events if isinstance(event, sig.Progress)], "the refusal is spoken"
        await world.settles()

    run(tmp_path, scenario, *EXTRA)


def test_a_page_is_heard_by_all_and_hears_nobody(tmp_path: Path) -> None:
    """1004 has a call, 1005 is not logged in; 1003 rings instead of answering and is let go."""

    async def scenario(world: World) -> None:
        one, two, three, four = [await world.phone(number) for number in ("1001", "1002", "1003", "1004")]
        one.answers(after=0.1, ring=False)
        three.rings()
        echo = four.call("9196")
        await four.sees(sig.Answered)
        leg = two.call("*8561")
        await two.sees(sig.Answered)
        await world.passes(2.0)
        for peer in (one, two):
            world.engine.label(peer.port, peer.number)
        assert world.engine.hears(one.port) == {"1002"} and not world.engine.hears(two.port)
        assert not four.incoming and three.incoming
        await world.passes(8.0)
        assert (await three.sees(sig.Ended)).cancelled
        two.hang_up(leg)
        assert (await one.sees(sig.Ended)).status == 200
        four.hang_up(echo)
        await world.settles()

    world = run(tmp_path, scenario, *EXTRA)
    (started,) = world.seen(PageStarted)
    assert (started.group, started.members) == ("hall", ("1001", "1003"))


@pytest.mark.parametrize("caller", ["1005", "carrier"])
def test_who_is_not_named_may_not_page(tmp_path: Path, caller: str) -> None:
    async def scenario(world: World) -> None:
        one = await world.phone("1001")
        peer: Peer = world.carrier if caller == "carrier" else await world.phone(caller)
        peer.call("4200")
        assert (await peer.sees(sig.Ended)).status == 403
        assert not one.incoming
        await world.settles()

    run(tmp_path, scenario, *EXTRA)
