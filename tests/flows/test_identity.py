"""Who calls, who was reached and where a call has been: what each peer is told, byte by byte (sip.md §5.4, 5.5)."""

from pathlib import Path
from typing import Any

import pytest

from signalling import commands as sip
from signalling import events as sig
from signalling.auth import OFFERED, ha1
from softswitch.directory.model import Extension, Kind, Number, Object, Route, Trunk
from softswitch.legs import history
from softswitch.model.address import Address
from softswitch.model.destination import Destination
from softswitch.model.identity import Diversion, Manners
from softswitch.model.numbering import Context, read, written
from tests.flows.world import SWITCH, Peer, World, run, sdp

FORWARDED = (Kind.NUMBER, Number(number="4050", to=Destination.parse("outside:09001")))


def _two(**overrides: Any) -> tuple[tuple[Kind, Object], ...]:
    """The callers' trunk believes Privacy; `far` is what the test says."""
    far = Trunk(name="far", addresses=(Address("192.0.2.2"),), overrides=overrides)
    return (Kind.TRUNK, far), (Kind.ROUTE, Route(pattern="09*", trunks=("far",))), FORWARDED


def _call(world: World, to: str, headers: dict[str, str] | None = None, caller: str = "13800138000") -> None:
    flow = sig.Flow("udp", world.carrier.node.address, SWITCH)
    world.carrier.node.submit(
        sip.Invite("in", f"sip:{to}@{SWITCH[0]}", flow, sig.Identity(caller, "carrier.example", "Wang"), to,
                   sig.Body(sdp(world.carrier.host)), headers=headers or {})
    )  # fmt: skip


def _sent(world: World, host: str, start: bytes = b"INVITE ") -> dict[str, str]:
    """The headers of the first message of a kind to a host, as they are on the wire."""
    data = next(seen.data for seen in world.network.wire if seen.to_peer and seen.peer == host and seen.data.startswith(start))
    lines = data.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name: value for name, _, value in (line.partition(": ") for line in lines)}


HIDDEN = {"Privacy": "id", "P-Asserted-Identity": "<sip:13800138000@carrier.example>"}
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@pytest.mark.acceptance("FEA-7")
@pytest.mark.parametrize(
    ("outbound", "expected"),
    [
        ({}, {}),  # not trusted: no PAI, no RPID, no name, no user in Diversion
        ({"caller_id": "pai"}, {}),
        ({"caller_id": "pai", "privacy": "id"},
         {"P-Asserted-Identity": "<sip:13800138000@192.0.2.100>", "Privacy": "id"}),
        ({"caller_id": "rpid", "privacy": "id"},
         {"Remote-Party-ID": "<sip:13800138000@192.0.2.100>;party=calling;privacy=full;screen=yes"}),
    ],
)  # fmt: skip
def test_a_withheld_number_goes_to_trusted_peers_only(
    tmp_path: Path, outbound: dict[str, str], expected: dict[str, str]
) -> None:
    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        far.rejects(486)
        _call(world, "4050", HIDDEN)
        await world.carrier.sees(sig.Ended)
        sent = _sent(world, far.host)
        assert sent["From"].partition(";tag=")[0] == ANONYMOUS
        told = {name: value for name, value in sent.items() if name in ("P-Asserted-Identity", "Privacy", "Remote-Party-ID")}
        assert told == expected
        if not expected:
            data = next(seen.data for seen in world.network.wire if seen.peer == far.host and seen.data.startswith(b"INVITE"))
            assert b"13800138000" not in data
            assert b"Wang" not in data
        await world.settles()

    record = run(tmp_path, scenario, *_two(outbound=outbound)).record()
    assert record.caller == "anonymous"


@pytest.mark.acceptance("FEA-7")
@pytest.mark.parametrize("prefix", ["*67", "#31#"])
def test_a_phone_withholds_its_number_for_one_call(tmp_path: Path, prefix: str) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(486)
        phone.call(f"{prefix}0123")
        await phone.sees(sig.Ended)
        assert world.carrier.incoming[0].called == "0123"
        assert _sent(world, world.carrier.host)["From"].partition(";tag=")[0] == ANONYMOUS
        phone.call("0123")
        await phone.sees(sig.Ended)
        assert world.carrier.incoming[1].caller.uri_user == "1001"
        await world.settles()

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("keys", "shown"), [({"hide_number": True}, "anonymous"), ({"outside_number": "+861062340001"}, "+861062340001")]
)
def test_what_an_extension_shows_outside(tmp_path: Path, keys: dict[str, Any], shown: str) -> None:
    digests = {algorithm: ha1(algorithm, "1001", "softswitch", "secret") for algorithm in OFFERED}
    own = Extension(number="1001", realm="softswitch", ha1=digests, **keys)

    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        world.carrier.rejects(486)
        phone.call("0123")
        await phone.sees(sig.Ended)
        assert world.carrier.incoming[0].caller.uri_user == shown
        await world.settles()

    run(tmp_path, scenario, (Kind.EXTENSION, own))


@pytest.mark.parametrize(
    ("caller_id", "expected"),
    [
        ("from", {}),
        ("pai", {"P-Asserted-Identity": '"Wang" <sip:13800138000@192.0.2.100>'}),
        ("ppi", {"P-Preferred-Identity": '"Wang" <sip:13800138000@192.0.2.100>'}),
        ("rpid", {"Remote-Party-ID": '"Wang" <sip:13800138000@192.0.2.100>;party=calling;privacy=off;screen=yes'}),
        ("both", {"P-Asserted-Identity": '"Wang" <sip:13800138000@192.0.2.100>',
                  "Remote-Party-ID": '"Wang" <sip:13800138000@192.0.2.100>;party=calling;privacy=off;screen=yes'}),
    ],
)  # fmt: skip
def test_the_caller_in_the_headers_that_a_carrier_reads(tmp_path: Path, caller_id: str, expected: dict[str, str]) -> None:
    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        far.rejects(486)
        _call(world, "4050")
        await world.carrier.sees(sig.Ended)
        sent = _sent(world, far.host)
        names = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Privacy")
        assert {name: value for name, value in sent.items() if name in names} == expected
        await world.settles()

    run(tmp_path, scenario, *_two(outbound={"caller_id": caller_id}))


def test_only_own_numbers_are_shown_to_a_carrier_that_checks(tmp_path: Path) -> None:
    outbound = {"owned": ["+86106234*"], "number": "+861062345678", "number_format": "national_trunk0"}

    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        far.rejects(486)
        _call(world, "4050")
        await world.carrier.sees(sig.Ended)
        _call(world, "4050", caller="+861062340000")
        await world.carrier.sees(sig.Ended)
        assert [call.caller.uri_user for call in far.incoming] == ["01062345678", "01062340000"]
        await world.settles()

    run(tmp_path, scenario, *_two(outbound=outbound))


@pytest.mark.parametrize(
    ("diversion", "expected"),
    [
        ("off", {}),
        ("diversion", {"Diversion": "<sip:4050@192.0.2.100>;reason=unconditional;counter=1;privacy=off, "
                                    "<sip:8001@192.0.2.100>;reason=no-answer;counter=1;privacy=off"}),
        ("history", {"History-Info": "<sip:8001@192.0.2.100?Reason=SIP%3Bcause%3D408>;index=1, "
                                     "<sip:4050@192.0.2.100?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1, "
                                     "<sip:09001@192.0.2.100>;index=1.1.1;mp=1.1"}),
    ],
)  # fmt: skip
def test_where_a_call_has_been(tmp_path: Path, diversion: str, expected: dict[str, str]) -> None:
    """Read from one header, written into the other, with our own forwarding at its end."""

    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        far.rejects(486)
        _call(world, "4050", {"Diversion": "<sip:8001@carrier.example>;reason=no-answer;counter=1"})
        await world.carrier.sees(sig.Ended)
        sent = _sent(world, far.host)
        assert {name: value for name, value in sent.items() if name in ("Diversion", "History-Info")} == expected
        await world.settles()

    run(tmp_path, scenario, *_two(outbound={"diversion": diversion}))


def test_history_is_read_back_as_it_was_written() -> None:
    way = (Diversion("8001", "no-answer"), Diversion("+8610", "user-busy", 1, hidden=True))
    trusted = Manners(diversion="both", privacy="id")
    headers = history.write(way, trusted, "h.example", "9")
    assert history.read({"history-info": headers["History-Info"]}, trusted) == way
    assert history.read({"diversion": headers["Diversion"]}, trusted) == way
    assert "+8610" not in str(history.write(way, Manners(diversion="both"), "h.example", "9"))
    assert history.read({"diversion": 'x;"', "history-info": "<sip:1@a?Reason=Q.850>"}, trusted) == ()


def test_a_call_that_was_forwarded_too_often_is_refused(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        _call(world, "4001", {"Diversion": "<sip:8001@carrier.example>;reason=unconditional;counter=6"})
        assert (await world.carrier.sees(sig.Ended)).status == 480
        await world.settles()

    run(tmp_path, scenario)


def test_a_call_that_comes_back_for_the_third_time_is_a_loop(tmp_path: Path) -> None:
    """The far end sends it back to the number that leads there, with the Session-ID that we gave it."""

    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        other = Peer(world, "192.0.2.1", 5070)

        def back(call: sig.IncomingCall) -> None:
            flow = sig.Flow("udp", far.node.address, SWITCH)
            headers = {"Session-ID": call.headers["session-id"]}
            far.node.submit(
                sip.Invite(f"{call.leg}.back", f"sip:4050@{SWITCH[0]}", flow, call.caller, "4050",
                           sig.Body(sdp(far.host)), headers=headers)
            )  # fmt: skip

        far.on_call = back
        assert other.host == world.carrier.host
        _call(world, "4050", {"Session-ID": "47755a9de7794ba387653f2099600ef2"})
        ended = await far.sees(sig.Ended, 5.0)
        assert ended.status == 482
        assert len(far.incoming) == 2
        assert world.alarms.raised[0][0] == "sip_loop"
        world.carrier.hang_up("in")
        await world.settles()

    run(tmp_path, scenario, *_two())


def test_a_session_has_one_identifier_at_both_ends(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        phone = await world.phone("1001")
        phone.rejects(486)
        _call(world, "4001", {"Session-ID": "47755a9de7794ba387653f2099600ef2;remote=00000000000000000000000000000000"})
        await world.carrier.sees(sig.Ended)
        assert phone.incoming[0].headers["session-id"].startswith("47755a9de7794ba387653f2099600ef2;")
        await world.settles()

    run(tmp_path, scenario)


def test_headers_pass_where_both_profiles_say_so(tmp_path: Path) -> None:
    inside = Trunk(
        name="carrier", addresses=(Address("192.0.2.1"),), overrides={"inbound": {"headers_in": ["X-*", "User-to-User"]}}
    )
    extra = ((Kind.TRUNK, inside), *_two(outbound={"headers_out": ["X-Ref", "User-to-User"]}))

    async def scenario(world: World) -> None:
        far = Peer(world, "192.0.2.2")
        far.rejects(486)
        told = {"X-Ref": "7", "X-Other": "8", "User-to-User": "56a390f3d2b7;encoding=hex", "Subject": "no"}
        _call(world, "4050", told)
        await world.carrier.sees(sig.Ended)
        sent = _sent(world, far.host)
        assert sent["X-Ref"] == "7"
        assert sent["User-To-User"] == "56a390f3d2b7;encoding=hex"
        assert not {"X-Other", "Subject"} & set(sent)
        await world.settles()

    world = run(tmp_path, scenario, *extra)
    assert world.events[0].context["X-Other"] == "8"  # type: ignore[attr-defined]


BEIJING = Context("CN", "10")


@pytest.mark.parametrize(
    ("number", "form", "canonical"),
    [
        ("01062345678", "national_trunk0", "+861062345678"), ("13800138000", "national_trunk0", "+8613800138000"),
        ("013800138000", "national_trunk0", "+8613800138000"), ("0085223456789", "national_trunk0", "+85223456789"),
        ("62345678", "national_trunk0", "+861062345678"), ("62345678", "subscriber", "+861062345678"),
        ("4001234567", "national_trunk0", "+864001234567"), ("10086", "national_trunk0", "10086"),
        ("1062345678", "national", "+861062345678"), ("861062345678", "e164", "+861062345678"),
        ("+86 10 6234-5678", "asis", "+861062345678"), ("1001", "asis", "1001"), ("anonymous", "national", "anonymous"),
    ],
)  # fmt: skip
def test_numbers_of_china_are_read(number: str, form: str, canonical: str) -> None:
    assert read(number, form, BEIJING) == canonical


@pytest.mark.parametrize(
    ("canonical", "form", "number"),
    [
        ("+861062345678", "national_trunk0", "01062345678"), ("+861062345678", "national", "1062345678"),
        ("+861062345678", "subscriber", "62345678"), ("+861062345678", "e164", "861062345678"),
        ("+8613800138000", "national_trunk0", "13800138000"), ("+864001234567", "national_trunk0", "4001234567"),
        ("+85223456789", "national_trunk0", "0085223456789"), ("+861062345678", "e164_plus", "+861062345678"),
        ("10086", "national_trunk0", "10086"), ("+861062345678", "asis", "+861062345678"),
    ],
)  # fmt: skip
def test_numbers_of_china_are_written(canonical: str, form: str, number: str) -> None:
    assert written(canonical, form, BEIJING) == number


def test_a_mobile_number_with_zero_for_carriers_that_want_it() -> None:
    assert written("+8613800138000", "national_trunk0", BEIJING, "always") == "013800138000"
