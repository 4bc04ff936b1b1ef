"""Wake-up calls: the civil time through a change to summer time and a restart, three tries, the alarm (FEA-9)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from signalling import commands as sip
from signalling import events as sig
from softswitch.features.wake_up import WakeUp, WakeUps, next_time
from softswitch.model.errors import Invalid
from tests.flows.world import World, run

BERLIN = "Europe/Berlin"


def _berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


@pytest.mark.acceptance("FEA-9")
@pytest.mark.parametrize(
    ("now", "wanted", "days", "expected"),
    [
        ("2026-03-28 22:00", "0700", "", "2026-03-29 07:00"),  # nine hours on the clock, eight in truth
        ("2026-03-28 22:00", "0230", "", "2026-03-29 03:30"),  # there is no half past two
        ("2026-10-24 22:00", "0700", "", "2026-10-25 07:00"),
        ("2026-10-24 07:00", "0700", "", "2026-10-25 07:00"),
        ("2026-11-20 08:00", "0700", "01234", "2026-11-23 07:00"),  # Friday to Monday
    ],
)
def test_the_civil_time_comes_next(now: str, wanted: str, days: str, expected: str) -> None:
    assert next_time(_berlin(now), wanted, BERLIN, days) == _berlin(expected)


def _wake_ups(world: World, kept: dict[str, WakeUp | None]) -> WakeUps:
    made = WakeUps(world.clock, world.switch.calls, world.switch.codes, world.alarms, "Asia/Shanghai")

    def save(extension: str, wake_up: WakeUp | None) -> None:
        kept[extension] = wake_up

    made.save = save
    return made


def _soon(world: World, seconds: float) -> str:
    at = datetime.fromtimestamp(world.clock.utc() + seconds, ZoneInfo("Asia/Shanghai"))
    return at.strftime("%H%M")


@pytest.mark.acceptance("FEA-9")
def test_it_rings_on_time_after_a_restart_and_a_key_ends_it(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        kept: dict[str, WakeUp | None] = {}
        first = _wake_ups(world, kept)
        phone = await world.phone("1001")
        phone.call(f"*55*{_soon(world, 7200)}#")
        await phone.sees(sig.Answered)
        await phone.sees(sig.Ended)
        first.close()
        second = _wake_ups(world, kept)
        second.restore({extension: each for extension, each in kept.items() if each is not None})
        due = kept["1001"].at if kept["1001"] is not None else 0.0
        rang: list[float] = []
        phone.answers(after=1.0)
        react = phone.on_call

        def note(call: sig.IncomingCall) -> None:
            rang.append(world.clock.utc())
            react(call)

        phone.on_call = note
        await world.passes(due - world.clock.utc() + 5.0)
        assert len(rang) == 1 and abs(rang[0] - due) <= 2.0
        phone.node.submit(sip.SendInfo(phone.incoming[-1].leg, sig.Body(b"Signal=5\r\n", "application/dtmf-relay")))
        await phone.sees(sig.Ended)
        await world.passes(700.0)
        assert len(rang) == 1 and kept["1001"] is None and not world.alarms.raised
        second.close()

    run(tmp_path, scenario)


@pytest.mark.acceptance("FEA-9")
def test_three_tries_and_then_the_desk_is_told(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        kept: dict[str, WakeUp | None] = {}
        wake_ups = _wake_ups(world, kept)
        phone = await world.phone("1001")
        phone.rings()
        due = wake_ups.set("1001", _soon(world, 600)).at
        await world.passes(due - world.clock.utc() + 1.0)
        assert len(phone.incoming) == 1
        await world.passes(300.0)
        assert len(phone.incoming) == 2
        await world.passes(500.0)
        assert len(phone.incoming) == 3
        assert world.alarms.raised == [("wake_up", "extension:1001")]
        assert wake_ups.of("1001") is None
        with pytest.raises(Invalid):
            wake_ups.set("1001", "2460")

    run(tmp_path, scenario)
