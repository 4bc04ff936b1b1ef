"""How long a party was not heard after it had answered."""

from __future__ import annotations

import asyncio

from softswitch.legs import base
from softswitch.model import events as ev
from tests.support.office import Office


async def test_the_first_packet_is_timed_from_the_answer(office: Office) -> None:
    caller, call = office.phone_calls("1003", "1002")
    await asyncio.sleep(0.2)
    caller.listener(base.MediaFlows("PCMA"))
    phone = office.phone("1002")
    phone.accept()
    await asyncio.sleep(0.25)
    phone.listener(base.MediaFlows("PCMA"))
    phone.listener(base.MediaFlows("PCMA"))
    heard = {event.leg: event.first_rtp_ms for event in office.of(ev.LegMedia)}
    assert heard.keys() == {caller.id, phone.id}
    assert heard[caller.id] == 0, "it was heard before the answer"
    assert 240 <= heard[phone.id] <= 260
    assert len(office.of(ev.LegMedia)) == 2
    assert not call.is_over
