"""Ports: open, play, digits, routes and the end, as call code uses them."""

from __future__ import annotations

import asyncio

import pytest

from media import routes
from media.commands import Direction, PayloadMap, PortKind, StopPlay
from media.errors import CommandRefused, EngineClosed, NoCapacity, PortLost
from media.events import MediaLost, PlayEnded, PortFailed, PortStats
from media.negotiation import Agreement


async def settle() -> None:
    """Lets events travel: the reader callback and those who wait for it."""
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_reservation_has_the_local_address(desk):
    port = desk.media.reserve_port(PortKind.RTP, desk.media.new_group())
    assert port.reservation.address == "127.0.0.1"
    assert port.reservation.rtcp_port == port.reservation.port + 1
    assert desk.media.reserve_port(PortKind.WEBRTC, port.group).reservation.rtcp_port == 0


async def test_open_reports_media(desk):
    port = await desk.party("caller", desk.media.new_group())
    started = await port.wait_media_started()
    assert (started.remote, started.codec) == ("192.0.2.1:4000", "PCMU")
    assert port.is_open


async def test_a_refused_open_raises_in_who_waits(desk):
    port = desk.media.reserve_port(PortKind.RTP, desk.media.new_group())
    with pytest.raises(CommandRefused, match="codec_unsupported"):
        await port.open(Agreement(codecs=(PayloadMap("GSM", 3, 8000),), remote=None))


async def test_no_capacity_while_draining(desk):
    desk.media.drain()
    with pytest.raises(NoCapacity):
        desk.media.reserve_port(PortKind.RTP, desk.media.new_group())


async def test_bridge_and_hold_with_music(desk):
    group = desk.media.new_group()
    a, b = await desk.party("caller", group), await desk.party("agent", group)
    desk.media.submit(routes.bridge(a.id, b.id))
    assert (desk.engine.hears(a.id), desk.engine.hears(b.id)) == ({"agent"}, {"caller"})
    music = desk.media.player(group, await desk.media.prompts.load_all(["music"], "en"), loop=True)
    desk.media.submit(routes.hold_with_music(a.id, music.id, b.id))
    assert (desk.engine.hears(a.id), desk.engine.hears(b.id)) == ({"music"}, set())
    desk.media.submit(music.stop_command(), routes.bridge(a.id, b.id))
    assert (desk.engine.hears(a.id), desk.engine.hears(b.id)) == ({"agent"}, {"caller"})
    assert (await music.finished()).reason == "stopped"


async def test_play_ends_with_the_prompts(desk):
    port = await desk.party("caller", desk.media.new_group())
    playing = asyncio.create_task(port.play("welcome", "main-menu"))
    await settle()
    assert desk.engine.hears(port.id) == {"welcome+main-menu"}
    desk.engine.advance(3000)
    assert (await playing).reason == "done"
    assert desk.engine.hears(port.id) == set()


async def test_a_prompt_over_a_conversation_restores_it(desk):
    group = desk.media.new_group()
    a, b = await desk.party("caller", group), await desk.party("agent", group)
    desk.media.submit(routes.bridge(a.id, b.id))
    async with a.playing("welcome", duck=12):
        assert desk.engine.levels(a.id) == {"agent": -12.0, "welcome": 0.0}
        assert desk.engine.hears(b.id) == {"caller"}
    assert desk.engine.levels(a.id) == {"agent": 0.0}


async def test_leaving_a_prompt_keeps_a_route_made_meanwhile(desk):
    group = desk.media.new_group()
    a, b = await desk.party("caller", group), await desk.party("agent", group)
    async with a.playing("welcome"):
        desk.media.submit(routes.bridge(a.id, b.id))
    assert desk.engine.hears(a.id) == {"agent"}
    assert isinstance(desk.engine.batches[-1][0], StopPlay)


async def test_a_missing_prompt_is_skipped_and_reported_once(desk):
    port = await desk.party("caller", desk.media.new_group())
    assert (await port.play("nothing-here")).reason == "done"
    assert (await port.play("nothing-here")).reason == "done"
    assert desk.missing == [("nothing-here", "en", "no such file")]


async def test_a_digit_stops_the_prompt_inside_the_engine(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits, port.playing("main-menu") as prompt:
        desk.engine.advance(500)
        desk.engine.send_digits(port.id, "1")
        assert await digits.collect() == "1"
        assert await prompt.finished() == PlayEnded(prompt.id, "digit", 500)


async def test_the_prompt_goes_on_where_barge_in_is_off(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits, port.playing("main-menu", until_digit=False) as prompt:
        desk.engine.send_digits(port.id, "1")
        assert await digits.collect() == "1"
        assert not prompt.is_over


@pytest.mark.parametrize(
    ("typed", "max_digits", "expected"),
    [("42", 2, "42"), ("4#2", 3, "4"), ("#", 3, ""), ("123", 2, "12"), ("4", 2, "4"), ("", 2, "")],
)
async def test_collect_ends_on_count_finish_key_or_silence(desk, typed, max_digits, expected):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits:
        desk.engine.send_digits(port.id, typed)
        assert await digits.collect(max_digits, timeout=0.02, inter_digit=0.02) == expected


async def test_the_first_digit_timeout_starts_after_the_prompt(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits, port.playing("welcome"):
        collecting = asyncio.create_task(digits.collect(timeout=0.01))
        await asyncio.sleep(0.05)
        assert not collecting.done()
        desk.engine.advance(1000)
        assert await collecting == ""


async def test_type_ahead_is_kept_for_the_next_collect(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits:
        desk.engine.send_digits(port.id, "12")
        assert [await digits.collect(), await digits.collect()] == ["1", "2"]


async def test_info_digits_are_merged_and_rfc4733_wins(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits:
        port.press("5")
        desk.engine.send_digits(port.id, "5")  # the same key by both ways
        await settle()
        port.press("6")  # from now on only RFC 4733 counts
        desk.engine.send_digits(port.id, "6")
        assert await digits.collect(max_digits=4, timeout=0.05, inter_digit=0.05) == "56"


async def test_an_info_digit_stops_the_prompt_too(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits, port.playing("main-menu") as prompt:
        port.press("1")
        assert await digits.collect() == "1"
        assert (await prompt.finished()).reason == "stopped"


async def test_a_lost_port_wakes_all_who_wait(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.digits() as digits:
        collecting = asyncio.create_task(digits.collect(timeout=60))
        await settle()
        desk.engine.emit(PortFailed(port.id, "panic"))
        with pytest.raises(PortLost, match="panic"):
            await collecting
    assert not port.is_open
    assert await port.close() is None


async def test_close_gives_the_counters_and_is_idempotent(desk):
    port = await desk.party("caller", desk.media.new_group())
    assert await port.close() == PortStats()
    assert await port.close() == PortStats()
    assert desk.engine.live["ports"] == 0


async def test_close_stops_what_still_plays(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.playing("music", loop=True):
        await port.close()
    assert not any(desk.engine.live.values())


async def test_move_takes_the_port_to_another_group(desk):
    customer = await desk.party("customer", desk.media.new_group())
    agent = await desk.party("agent", desk.media.new_group())
    desk.media.submit(agent.move_command(customer.group), routes.bridge(customer.id, agent.id))
    assert (desk.engine.hears(customer.id), desk.engine.hears(agent.id)) == ({"agent"}, {"customer"})
    assert agent.move_command(customer.group) == ()


async def test_direction_gates_both_ways(desk):
    group = desk.media.new_group()
    a, b = await desk.party("a", group), await desk.party("b", group)
    desk.media.submit(routes.bridge(a.id, b.id))
    a.turn(Direction.RECVONLY)
    assert (desk.engine.hears(a.id), desk.engine.hears(b.id)) == (set(), {"a"})
    a.turn(Direction.SENDONLY)
    assert (desk.engine.hears(a.id), desk.engine.hears(b.id)) == ({"b"}, set())


async def test_watchers_get_what_handles_do_not_use(desk):
    port = await desk.party("caller", desk.media.new_group())
    of_port, of_all = [], []
    cancel = port.watch(of_port.append)
    desk.media.watch(of_all.append)
    desk.engine.emit(MediaLost(port.id, 2000))
    await settle()
    cancel()
    desk.engine.emit(MediaLost(port.id, 4000))
    await settle()
    assert of_port == [MediaLost(port.id, 2000)]
    assert of_all[-2:] == [MediaLost(port.id, 2000), MediaLost(port.id, 4000)]


async def test_closing_the_engine_ends_all_waits(desk):
    port = await desk.party("caller", desk.media.new_group())
    async with port.playing("music", loop=True) as music:
        waiting = asyncio.create_task(music.finished())
        await settle()
        desk.media.close()
        with pytest.raises(EngineClosed):
            await waiting
        # leaving the block must not raise although the engine is gone
    with pytest.raises(EngineClosed):
        desk.media.reserve_port(PortKind.RTP, 1)


async def test_a_failed_route_is_told_to_who_submitted_the_batch(desk):
    a = await desk.party("a", desk.media.new_group())
    b = await desk.party("b", desk.media.new_group())
    failures = []
    desk.media.submit(routes.bridge(a.id, b.id), on_failure=failures.append)
    await settle()
    assert [(each.command, each.reason) for each in failures] == [("Listen", "cross_group")] * 2


async def test_dtmf_out_and_detectors(desk):
    port = await desk.party("caller", desk.media.new_group())
    port.send_dtmf("12#")
    port.detect(dtmf_inband=True, tones=(440.0,))
    assert desk.engine.ports[port.id].dtmf_sent == "12#"
    assert desk.engine.ports[port.id].detect.tones == (440.0,)
    assert (await port.stats()).codec == "PCMU"
