"""A malicious call is reported by its called person, during it and up to a minute later (FEA-8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.features.malicious import Evidence, MaliciousCalls
from softswitch.model.errors import Conflict
from tests.flows.world import Peer, World, run


def _reports(world: World, kept: list[Evidence]) -> MaliciousCalls:
    made = MaliciousCalls(world.clock, world.switch.calls, world.switch.codes, world.alarms)
    made.keep = kept.append
    world.switch.calls.on_over = made.call_over
    return made


async def _dial(phone: Peer) -> None:
    phone.call("*33#")
    await phone.sees(sig.Answered)
    await phone.sees(sig.Ended)


@pytest.mark.acceptance("FEA-8")
@pytest.mark.parametrize(("after", "taken"), [(None, True), (59.0, True), (61.0, False)])
def test_a_call_is_reported_in_time(tmp_path: Path, after: float | None, taken: bool) -> None:
    async def scenario(world: World) -> None:
        kept: list[Evidence] = []
        made = _reports(world, kept)
        phone = await world.phone("1001")
        phone.answers()
        world.carrier.call("4001", caller="13800138000")
        await world.carrier.sees(sig.Answered)
        await world.passes(1.0)
        if after is not None:
            world.carrier.hang_up("call1")
            await phone.sees(sig.Ended)
            await world.passes(after)
            if not taken:
                with pytest.raises(Conflict):
                    made.report("1001")
        await _dial(phone)
        assert len(kept) == taken
        if taken:
            (evidence,) = kept
            assert (evidence.number, evidence.extension, evidence.called) == ("13800138000", "1001", "4001")
            assert evidence.trunk == "carrier" and evidence.sip_call_id
            assert world.alarms.raised == [("malicious_call", f"call:{evidence.call}")]
        if after is None:
            world.carrier.hang_up("call1")
            await world.passes(1.0)

    run(tmp_path, scenario)
