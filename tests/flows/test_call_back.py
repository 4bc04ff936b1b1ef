"""Call back when free: asked for after a busy call, both rung once both are free, given up in time."""

from __future__ import annotations

from pathlib import Path

from signalling import events as sig
from softswitch.features.call_back import LASTS, CallBacks, Wish
from tests.flows.world import Peer, World, run


def _call_backs(world: World, kept: dict[tuple[str, str], Wish]) -> CallBacks:
    switch = world.switch
    phones, told = switch.sip.phones, switch.sip.phones.on_change
    state = switch.groups.state
    made = CallBacks(
        world.clock, switch.calls, switch.codes, lambda number: state(number) == "free" and not phones.calls(number)
    )  # fmt: skip
    made.exists = lambda number: number in world.snapshot.extensions

    def save(wish: Wish, keep: bool) -> None:
        kept.pop((wish.extension, wish.target), None)
        if keep:
            kept[wish.extension, wish.target] = wish

    def changed(extension: str) -> None:
        told(extension)
        made.changed(extension)

    made.save, switch.calls.on_over, phones.on_change = save, made.call_over, changed
    return made


async def _dial(phone: Peer, code: str) -> None:
    phone.events.clear()
    phone.call(code)
    await phone.sees(sig.Answered)
    await phone.sees(sig.Ended)


async def _busy(world: World, asker: Peer, other: Peer) -> str:
    """The other talks, the asker finds it busy; the leg of that talk."""
    world.switch.personal.change(other.number, "test", {"call_waiting": False})
    leg = other.call("9196")
    await other.sees(sig.Answered)
    asker.call(other.number)
    assert (await asker.sees(sig.Ended)).status == 486
    return leg


def test_both_are_rung_when_both_are_free(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        kept: dict[tuple[str, str], Wish] = {}
        made = _call_backs(world, kept)
        asker, other = await world.phone("1001"), await world.phone("1002")
        leg = await _busy(world, asker, other)
        await _dial(asker, "*59#")
        assert list(kept) == [("1001", "1002")]
        own = asker.call("9196")
        await asker.sees(sig.Answered)
        other.hang_up(leg)
        await world.passes(30.0)
        assert not asker.incoming, "the asker talks still"
        asker.answers(after=1.0)
        other.answers(after=1.0)
        asker.hang_up(own)
        await world.passes(3.6)
        assert asker.incoming and not other.incoming, "who asked is rung first"
        assert asker.incoming[0].caller.uri_user == "1002"
        await world.passes(4.0)
        assert len(other.incoming) == 1
        other.hang_up(other.incoming[0].leg)
        await world.passes(2.0)
        assert not kept and not made.of("1001")
        await world.settles()

    run(tmp_path, scenario)


def test_it_ends_by_its_code_by_time_and_without_a_busy_call_it_is_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        kept: dict[tuple[str, str], Wish] = {}
        _call_backs(world, kept)
        asker, other = await world.phone("1001"), await world.phone("1002")
        await _dial(asker, "*59#")
        assert not kept, "nobody was busy"
        leg = await _busy(world, asker, other)
        await _dial(asker, "*59#")
        assert kept
        await _dial(asker, "#59#")
        assert not kept
        asker.events.clear()
        asker.call("1002")
        assert (await asker.sees(sig.Ended)).status == 486
        await _dial(asker, "*59#")
        await world.passes(LASTS - 60.0)
        assert kept
        await world.passes(61.0)
        assert not kept
        other.hang_up(leg)
        await world.passes(60.0)
        assert not asker.incoming
        await world.settles()

    run(tmp_path, scenario)


def test_it_goes_on_after_a_restart_and_after_another_busy(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        kept: dict[tuple[str, str], Wish] = {}
        asker, other = await world.phone("1001"), await world.phone("1002")
        made = _call_backs(world, kept)
        made.restore([Wish("1001", "1002", world.clock.utc() + 600.0), Wish("1002", "1001", world.clock.utc() - 1.0)])
        asker.answers(after=0.5)
        other.rejects(486)
        await world.passes(8.0)
        assert len(asker.incoming) == 1 and len(other.incoming) == 1
        other.answers(after=0.5)
        await world.passes(30.0)
        assert len(asker.incoming) == 2 and len(other.incoming) == 2, "busy after all: tried again"
        other.hang_up(other.incoming[1].leg)
        await world.passes(5.0)
        assert not made.of("1001") and not made.of("1002")
        await world.settles()

    run(tmp_path, scenario)
