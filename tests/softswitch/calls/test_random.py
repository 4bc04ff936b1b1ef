"""Random orders, hang-ups, refusals and lost pages in one call: nobody is ever left in silence, and nothing is left over."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from softswitch.model.cause import Cause
from softswitch.model.errors import SwitchError
from tests.softswitch.calls.desk import Desk, office_of, talking
from tests.support.office import Office

STEPS = 60
TARGETS = ("zhao", "1002", "1003", "agent:wen", "0123", "queue:repair", "queue:sales", "sun")
COMMANDS = {
    "hold": 3, "resume": 3, "mute": 1, "unmute": 2, "consult": 6, "consult_complete": 4, "consult_merge": 4,
    "consult_cancel": 2, "transfer": 3, "invite": 4, "remove": 2, "park": 2, "pickup": 4, "hangup": 1,
}  # fmt: skip
AGENTS = ("li", "zhao", "wen", "sun")


async def _order(desk: Desk, dice: random.Random) -> None:
    office = desk.office
    inside = [party.agent for party in desk.call.mix.parties if party.agent]
    login = dice.choice(inside) if inside and dice.random() < 0.85 else dice.choice(AGENTS)
    (command,) = dice.choices(list(COMMANDS), list(COMMANDS.values()))
    values = {
        "to": dice.choice(TARGETS), "participant": dice.choice(("agent:zhao", "extension:1002", "customer")),
        "slot": dice.choice(("", "701")), "agent": "", "call": "",
    }  # fmt: skip
    try:
        await office.floor.act(login, command, values)
    except SwitchError:
        return  # refused: the checks see that nothing has changed


def _people(office: Office, dice: random.Random) -> None:
    """Somebody at a device does something."""
    phones = [phone for ringing in office.phones.values() for phone in ringing if not phone.is_ended]
    what = dice.random()
    if phones and what < 0.5:
        phone = dice.choice(phones)
        if not phone.is_answered and what < 0.4:
            phone.accept()
        elif what > 0.4:
            phone.leave(Cause.NORMAL if phone.is_answered else Cause.BUSY)
        return
    login = dice.choice(AGENTS)
    try:
        if what < 0.8:
            office.stations.accept(login)
        elif what < 0.9:
            office.stations.reject(login)
        elif what < 0.95:
            office.floor.desk_lost(login)
        else:
            office.floor.desk_connected(login)
    except SwitchError:
        return


def _check(desk: Desk, log: list[str]) -> None:
    """Whoever is in the call hears somebody or something, unless all others are muted or it only waits for the switch."""
    call, engine = desk.call, desk.office.engine
    if call.is_over:
        return
    for party in call.mix.parties:
        assert not party.leg.is_ended, log
    if call.conversation.is_live:
        assert any(party.agent or party.name for party in call.conversation.others)
        for party in call.mix.parties:
            mates = [mate for mate in call.mix.parties if mate is not party and mate.circle == party.circle and not mate.held]
            lonely = not party.held and (not mates or all(mate.muted or mate.away for mate in mates))
            ringing = call.guests.consulted is not None and call.guests.consulted.party is None
            silent_holder = any(mate.held for mate in call.mix.parties if mate is not party)
            assert engine.hears(party.port) or lonely or ringing or silent_holder, (party.name, log)
            assert not (party.held and not any(mate.agent or mate.away for mate in call.mix.parties if mate is not party)), log
    guest = call.guests.consulted
    assert guest is None or guest.by in call.mix.parties, log


@pytest.mark.parametrize("seed", [*range(23), 445, 996])  # those two have failed before
async def test_a_call_survives_what_people_do(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with office_of(tmp_path) as office:
        desk = await talking(office)
        office.page("sun")
        await office.ready("sun")
        log: list[str] = []
        for step in range(STEPS):
            if dice.random() < 0.55:
                await _order(desk, dice)
            else:
                _people(office, dice)
            await asyncio.sleep(dice.choice((0, 0, 0.1, 0.5, 3)))
            await asyncio.sleep(0.05)
            log.append(str([party.name for party in desk.call.mix.parties]))
            _check(desk, log[-5:])
            if desk.call.is_over:
                assert desk.customer.is_ended or step, "the call is over for everybody"
                break
        desk.customer.leave()
        for phone in [phone for ringing in office.phones.values() for phone in ringing if not phone.is_ended]:
            phone.leave()
        for login in ("li", "zhao", "sun"):
            office.stations.browsers.close(login)
        await asyncio.sleep(300)
        assert len(office.calls) == 0
        assert (office.engine.live["players"], office.engine.live["recorders"], office.engine.live["ports"]) == (0, 0, 0)
        settled = {"ready", "not_ready", "logged_out", "not_responding", "offline"}
        assert {office.state(login) for login in AGENTS} <= settled
        assert not office.lot.all()
        assert all(office.floor.offer_of(login) is None for login in AGENTS)
        ends = [event.type for event in desk.call.timeline.events if not event.type.startswith("rec.")]
        assert ends.count("call.ended") == 1 and ends[-1] == "call.ended", ends[-5:]
