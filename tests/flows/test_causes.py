"""Why a call ended crosses the switch in full: every status, every Q.850 cause, both ways (sip.md §4.8)."""

from pathlib import Path

import pytest

from signalling import events as sig
from softswitch.directory.model import Kind, Object, Route, Trunk
from softswitch.model.address import Address
from softswitch.model.events import LegStarted
from softswitch.model.release import Onward, onward, release
from tests.flows.forking import Forking
from tests.flows.world import Peer, World, run, sdp

# (statuses of the far end, what the caller is told, Q.850 in its Reason), as the rows of §4.8 stand
ROWS: list[tuple[tuple[int, ...], int, int]] = [
    ((300, 301, 302, 305, 380), 480, 23),
    ((400, 481, 500), 500, 41),
    ((401, 407), 500, 21),
    ((402,), 402, 21), ((403,), 403, 21),
    ((404, 485, 604), 404, 1),
    ((405,), 503, 63), ((406, 415, 501), 501, 79),
    ((408,), 408, 102), ((504,), 504, 102),
    ((410,), 410, 22),
    ((412, 413, 414, 416, 417, 420, 421, 422, 423, 439, 469, 489, 493, 494, 505, 513), 500, 127),
    ((424, 428, 429, 436, 437, 438), 403, 21),
    ((433,), 433, 21), ((607,), 607, 21), ((608,), 608, 21),
    ((430,), 502, 27), ((502,), 502, 38),
    ((440,), 483, 25), ((482,), 482, 25), ((483,), 483, 25),
    ((480,), 480, 18), ((484,), 484, 28), ((486, 600), 486, 17),
    ((487,), 480, 16), ((491,), 500, 41),
    ((488, 606, 580), 488, 88), ((503,), 503, 41), ((603,), 603, 21),
]  # fmt: skip
TOLD = {status: (told, q850) for statuses, told, q850 in ROWS for status in statuses}
OTHERS = {3: (480, 23), 4: (480, 31), 5: (500, 41), 6: (480, 31)}

WRITTEN = {
    500: (7, 9, 30, 43, 62, 81, 83, 84, 85, 86, 90, *range(95, 102), 103, 110, 111, 127),
    403: (21, 24, 50, 53, 55, 57, 87), 404: (1, 2, 3, 4, 5, 14, 26, 91), 501: (29, 69, 79), 408: (18,), 504: (102,),
    410: (22,), 502: (27,), 483: (25,), 484: (28,), 486: (8, 17), 488: (65, 66, 70, 88),
    503: (6, 34, 38, 39, 40, 41, 42, 44, 46, 47, 49, 58, 63, 82),
}  # fmt: skip
STATUS_OF = {cause: status for status, causes in WRITTEN.items() for cause in causes}


async def _refused(world: World, phone: Peer, status: int, q850: int = 0) -> tuple[int, int]:
    phone.rejects(status, q850)
    world.carrier.call("4001")
    ended = await world.carrier.sees(sig.Ended)
    return ended.status, ended.q850


@pytest.mark.acceptance("DLG-11")
@pytest.mark.parametrize("status", range(300, 700))
def test_every_status_is_told_by_the_table(status: int) -> None:
    assert release(status)[1:3] == TOLD.get(status, OTHERS[status // 100])


@pytest.mark.acceptance("DLG-11")
@pytest.mark.parametrize("q850", range(1, 128))
def test_every_cause_is_told_by_the_table(q850: int) -> None:
    assert release(499, q850)[1:3] == (STATUS_OF.get(q850, 480), q850)


@pytest.mark.acceptance("DLG-11")
def test_every_status_reaches_the_caller_by_the_table(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        wrong = {}
        for status in range(300, 700):
            got = await _refused(world, phone, status)
            expected = TOLD.get(status, OTHERS[status // 100])
            if got != expected:
                wrong[status] = (got, expected)
        assert not wrong
        await world.settles()

    run(tmp_path, scenario, scan=False)  # hundreds of calls: the scanner has looked at each kind elsewhere


@pytest.mark.acceptance("DLG-11")
def test_every_cause_of_a_refusal_reaches_the_caller(tmp_path: Path) -> None:
    """The status is the one for the cause; the Reason is the far end's own."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        wrong = {}
        for q850 in range(1, 128):
            got = await _refused(world, phone, 499, q850)
            expected = (STATUS_OF.get(q850, 480), q850)
            if got != expected:
                wrong[q850] = (got, expected)
        assert not wrong
        assert await _refused(world, phone, 603, 21) == (603, 21)  # the person: the status says so already
        assert await _refused(world, phone, 486, 34) == (503, 34)  # the trunk is full, whatever the status
        await world.settles()

    run(tmp_path, scenario, scan=False)  # hundreds of calls: the scanner has looked at each kind elsewhere


@pytest.mark.acceptance("DLG-11")
@pytest.mark.parametrize("who", ["caller", "callee"])
def test_every_cause_of_a_bye_reaches_the_other_side(tmp_path: Path, who: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.answers(after=0.01)
        wrong = []
        for q850 in range(1, 128):
            leg = world.carrier.call("4001")
            await world.carrier.sees(sig.Answered)
            await world.passes(0.1)
            phone.events.clear()
            world.carrier.events.clear()
            if who == "caller":
                world.carrier.hang_up(leg, q850)
            else:
                phone.hang_up(q850=q850)
            ended = await (phone if who == "caller" else world.carrier).sees(sig.Ended)
            if (ended.status, ended.q850) != (200, q850):
                wrong.append((q850, ended.status, ended.q850))
            await world.passes(0.1)
        assert not wrong
        await world.settles()

    run(tmp_path, scenario, scan=False)  # hundreds of calls: the scanner has looked at each kind elsewhere


def test_a_caller_that_was_answered_elsewhere_leaves_no_missed_call(tmp_path: Path) -> None:
    """The CANCEL of a proxy before us says why; the phone is told the same (RFC 3326)."""

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rings()
        leg = world.carrier.call("4001")
        await world.carrier.sees(sig.Progress)
        world.carrier.hang_up(leg, q850=26)
        ended = await phone.sees(sig.Ended)
        assert ended.q850 == 26
        await world.settles()
        (cancel,) = [seen.data for seen in world.network.wire if seen.to_peer and seen.data.startswith(b"CANCEL ")]
        assert b'Reason: SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26\r\n' in cancel

    run(tmp_path, scenario)


TWO: tuple[tuple[Kind, Object], ...] = (
    (Kind.TRUNK, Trunk(name="carrier", addresses=(Address("192.0.2.1"),))),
    (Kind.TRUNK, Trunk(name="spare", addresses=(Address("192.0.2.2"),))),
    (Kind.ROUTE, Route(pattern="0*", trunks=("carrier", "spare"))),
)


@pytest.mark.acceptance("TRK-5")
@pytest.mark.parametrize(
    ("status", "q850", "advances"),
    [(503, 0, True), (480, 34, True), (480, 0, False), (486, 0, False), (404, 0, False), (404, 3, True), (488, 0, True),
     (400, 0, False), (500, 0, True), (403, 0, False), (603, 0, False), (401, 0, True)],
)  # fmt: skip
def test_the_next_route_by_the_table(tmp_path: Path, status: int, q850: int, advances: bool) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(status, q850)
        spare = Peer(world, "192.0.2.2")
        spare.answers()
        phone.call("0123456")
        if advances:
            await phone.sees(sig.Answered)
            assert spare.incoming[0].call_id != world.carrier.incoming[0].call_id
            spare.hang_up()
        else:
            await phone.sees(sig.Ended)
            assert not spare.incoming
        await world.settles()

    run(tmp_path, scenario, *TWO)


@pytest.mark.acceptance("TRK-5", "TRA-6")
def test_no_next_route_once_the_caller_has_heard_the_far_end(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        spare = Peer(world, "192.0.2.2")
        spare.answers()

        def early_then_503(call: sig.IncomingCall) -> None:
            from signalling import commands as sip

            world.carrier.node.submit(sip.Ring(call.leg, sig.Body(sdp(world.carrier.host))))
            later = sip.Reject(call.leg, 503, headers={"Retry-After": "30"})
            world.loop.call_later(0.5, world.carrier.node.submit, later)

        world.carrier.on_call = early_then_503
        phone.call("0123456")
        ended = await phone.sees(sig.Ended)
        assert ended.status == 480 and ended.q850 == 41  # a 503 would tell a phone that the switch is dead
        assert ended.retry_after == 0, "that was the trunk's, not ours"
        assert not spare.incoming
        await world.settles()

    run(tmp_path, scenario, *TWO)


@pytest.mark.acceptance("TRK-5")
def test_four_attempts_and_no_more(tmp_path: Path) -> None:
    addresses = tuple(Address(f"192.0.2.{number}") for number in range(1, 7))

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        peers = [world.carrier, *(Peer(world, f"192.0.2.{number}") for number in range(2, 7))]
        for peer in peers:
            peer.rejects(503)
        phone.call("0123456")
        await phone.sees(sig.Ended)
        assert [len(peer.incoming) for peer in peers] == [1, 1, 1, 1, 0, 0]
        await world.settles()

    run(tmp_path, scenario, (Kind.TRUNK, Trunk(name="carrier", addresses=addresses)))


@pytest.mark.acceptance("TRK-5")
def test_a_trunk_that_finds_no_codec_is_offered_all_of_them_once(tmp_path: Path) -> None:
    narrow = Trunk(name="carrier", addresses=(Address("192.0.2.1"),), overrides={"media": {"codecs": ["PCMA"]}})

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(488)
        phone.call("0123456")
        assert (await phone.sees(sig.Ended)).status == 488
        first, second = world.carrier.incoming
        assert first.call_id != second.call_id
        assert first.body is not None
        assert second.body is not None
        assert b"G722" not in first.body.content
        assert b"G722" in second.body.content
        await world.settles()

    assert len(run(tmp_path, scenario, (Kind.TRUNK, narrow)).seen(LegStarted)) == 2


def test_the_words_of_a_trunk_go_before_the_table() -> None:
    assert onward(403) is Onward.STOP
    assert onward(403, advance=(403,)) is Onward.ADVANCE
    assert onward(503, stop=(503,)) is Onward.STOP
    assert onward(480, 34, stop=(34,)) is Onward.STOP
    assert onward(480, 31, advance=(31,)) is Onward.ADVANCE


@pytest.mark.acceptance("DLG-11")
def test_where_a_cause_arose_goes_on_with_it(tmp_path: Path) -> None:
    """The location of RFC 8606, in a refusal and in a BYE; and the cause that an announcement explains, in the 183."""

    async def scenario(world: World) -> None:
        busy = sig.Reason("Q.850", 17, "", "LN")
        far = Forking(world)
        phone = await world.phone("1001")
        phone.call("0123456")
        await world.passes(0.1)
        far.answers(183, "one", sdp("192.0.2.1"), "Reason: Q.850;cause=17\r\n")
        await world.passes(0.1)
        early = [event for event in phone.events if isinstance(event, sig.Progress) and event.body is not None]
        assert early[0].headers["reason"] == "Q.850;cause=17"
        far.answers(486, "one", headers="Reason: Q.850;cause=17;location=LN\r\n")
        ended = await phone.sees(sig.Ended)
        assert (ended.status, ended.reasons) == (486, (busy,))
        await world.settles()

    run(tmp_path, scenario)
