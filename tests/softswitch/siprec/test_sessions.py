"""Recording sessions of calls over a fake engine: a server reads the commands of signalling and answers with events."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from media import sdp
from media.commands import Direction, OpenPort
from media.errors import NoCommonCodec, NoCommonSecurity
from signalling import commands as sip
from signalling import events as sig
from signalling.message import sdp_part
from softswitch.calls import mix
from softswitch.calls.call import Call
from softswitch.calls.scene import PartyRole
from softswitch.directory.model import RecordingRule
from softswitch.legs import encryption
from softswitch.legs.base import LegFacts, PartyKind
from softswitch.legs.studio import Studio
from softswitch.model import events as ev
from softswitch.model.errors import Conflict, Forbidden, Invalid, NotFound
from softswitch.model.ids import Ids
from softswitch.model.target import Target
from softswitch.siprec.lines import Lines
from softswitch.siprec.metadata import NAMESPACE
from softswitch.siprec.model import Desk
from softswitch.siprec.service import Siprec
from softswitch.siprec.session import RETRY_SECONDS
from tests.support.office import Office, Party

HOSTS = {"srs": "192.0.2.1", "spare": "192.0.2.2"}


def answer_to(offer: sdp.Description, *, refuse: Sequence[int] = ()) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"]
    for index, media in enumerate(offer.media):
        lines += [f"m=audio {0 if index in refuse else 40_000 + 2 * index} RTP/AVP {media.formats[0]}", "a=recvonly"]
    return "\r\n".join([*lines, ""]).encode()


@dataclass
class Servers:
    """Both recording servers."""

    siprec: Siprec = field(init=False)
    commands: list[sip.Command] = field(default_factory=list)
    alarms: dict[str, str] = field(default_factory=dict)
    reports: list[tuple[str, bool]] = field(default_factory=list)

    def targets(self, trunks: Sequence[str], number: str) -> tuple[Target, ...]:
        return tuple(
            Target(
                name=name, uri=f"sip:{number}@{HOSTS[name]}", flow=sig.Flow("udp", ("", 0), (HOSTS[name], 5060)), number=number,
                codecs=("PCMU",), trunk=True, address=f"{HOSTS[name]}:5060",
            )
            for name in trunks
        )  # fmt: skip

    def raise_(self, code: str, level: str, text: str, object: str = "") -> None:
        self.alarms[code] = text

    def clear(self, code: str, object: str = "") -> None:
        self.alarms.pop(code, None)

    @property
    def invites(self) -> list[sip.Invite]:
        return [one for one in self.commands if isinstance(one, sip.Invite)]

    @property
    def modified(self) -> list[sip.Modify]:
        return [one for one in self.commands if isinstance(one, sip.Modify)]

    def take(self, *, refuse: Sequence[int] = ()) -> None:
        last = self.invites[-1]
        offer = sdp.parse(sdp_part(last.body.content_type, last.body.content))
        self.siprec.heard(sig.Answered(last.leg, sig.Body(answer_to(offer, refuse=refuse))))

    def end(self, status: int) -> None:
        self.siprec.heard(sig.Ended(self.invites[-1].leg, status))


def offered(body: sig.Body) -> sdp.Description:
    return sdp.parse(sdp_part(body.content_type, body.content))


def people(body: sig.Body) -> dict[str, tuple[list[str], list[str]]]:
    """User → labels it sends on, labels it hears."""
    document = body.content[body.content.index(b"<?xml") : body.content.rindex(b"--softswitch")]
    root = ET.fromstring(document.strip())
    tag = f"{{{NAMESPACE}}}"
    named = {one.get("participant_id"): one.find(f"{tag}nameID").get("aor") for one in root.iter(f"{tag}participant")}
    names = {key: aor[4:].partition("@")[0] for key, aor in named.items()}
    labels = {one.get("stream_id"): one.findtext(f"{tag}label") for one in root.iter(f"{tag}stream")}
    found: dict[str, tuple[list[str], list[str]]] = {name: ([], []) for name in names.values()}
    for one in root.iter(f"{tag}participantstreamassoc"):
        sends, hears = found[names[one.get("participant_id")]]
        sends += [labels[each.text] for each in one.iter(f"{tag}send")]
        hears += [labels[each.text] for each in one.iter(f"{tag}recv")]
    return found


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path, agents=(), queues=())
    yield made
    await made.close()


@pytest.fixture
def servers(office: Office) -> Servers:
    made = Servers()
    nothing = None
    studio = Studio(office.media, nothing, lambda peer: "127.0.0.1", lambda: ("127.0.0.1",))
    desk = Desk(
        studio, office.clock, Ids(lambda: str(next(office.numbers))), made.commands.append, made.targets,
        lambda target, alive: made.reports.append((target.name, alive)), made,
    )  # fmt: skip
    made.siprec = Siprec(desk, lambda: tuple(HOSTS))
    office.outpost = made.siprec.outpost
    return made


async def test_codecs_without_a_library_are_not_offered_to_a_recording_server(office: Office) -> None:
    missing = {"G729": "no library", "AMR": "no library of that one"}
    studio = Studio(
        office.media,
        None,
        lambda peer: "127.0.0.1",
        lambda: ("127.0.0.1",),
        missing=missing,  # type: ignore[arg-type]
    )
    lines = Lines(studio, office.media.new_group(), lambda: None)
    lines.open("192.0.2.1", ("G729", "PCMU"), 20)
    assert b"PCMU" in lines.offer()
    assert b"G729" not in lines.offer()
    lines.close()
    with pytest.raises(NoCommonCodec, match="no library of that one"):
        lines.open("192.0.2.1", ("AMR",), 20)


def rule(**values: object) -> dict[str, RecordingRule]:
    return {"all": RecordingRule(name="all", **{"mode": "never", "siprec": ("srs", "spare"), **values})}


async def talk(office: Office, rules: dict[str, RecordingRule]) -> tuple[Party, Call]:
    office.snapshot = replace(office.snapshot, recording_rules=rules)
    caller, call = office.call("extension:1001")
    await asyncio.sleep(0.05)
    office.phone("1001").accept()
    await asyncio.sleep(0.05)
    return caller, call


def lines(office: Office) -> list[set[str]]:
    """What the two lines of the newest session let out."""
    opened = [one.port for batch in office.engine.batches for one in batch if _is_line(one)]
    return [office.engine.hears(port) for port in opened[-2:]]


def _is_line(command: object) -> bool:
    return isinstance(command, OpenPort) and command.direction is Direction.INACTIVE


CALLER = "caller 13800138000"


async def test_a_rule_sends_both_sides_to_the_server_and_no_file_is_written(office, servers):
    _, call = await talk(office, rule())
    (invite,) = servers.invites
    assert (invite.target, invite.headers, invite.contact_params) == (
        "sip:recorder@192.0.2.1", {"Require": "siprec"}, ";+sip.src",
    )  # fmt: skip
    described = offered(invite.body)
    assert [(media.kind, media.attribute("label"), media.has("sendonly")) for media in described.media] == [
        ("audio", "1", True), ("audio", "2", True),
    ]  # fmt: skip
    assert people(invite.body) == {"13800138000": (["1"], ["2"]), "1001": (["2"], ["1"])}
    assert lines(office) == [set(), set()], "nothing goes out before the server has answered"
    servers.take()
    assert lines(office) == [{CALLER}, {"1001"}]
    assert servers.siprec.view(call).state == "recording"
    office.phone("1001").leave()
    await asyncio.sleep(0.1)
    assert isinstance(servers.commands[-1], sip.HangUp)
    assert [event.reason for event in office.of(ev.SiprecEnded)] == ["ended"]
    assert not office.of(ev.RecordingStarted)
    with pytest.raises(NotFound):
        servers.siprec.view(call)


async def test_hold_and_a_third_party_are_told_by_a_new_picture(office, servers):
    _, call = await talk(office, rule())
    servers.take()
    await asyncio.sleep(0)
    assert servers.modified == [], "nothing has changed since the INVITE"
    call.hold()
    await asyncio.sleep(0)
    (held,) = servers.modified
    assert held.headers == {"Require": "siprec"}
    assert people(held.body)["13800138000"] == (["1"], []), "who is held hears none of it"
    call.resume()
    await asyncio.sleep(0)
    assert people(servers.modified[-1].body) == people(servers.invites[0].body)
    assert offered(servers.modified[-1].body).value("o") == offered(servers.invites[0].body).value("o"), "the same session"
    third = Party(office, LegFacts(inbound=False, kind=PartyKind.PHONE, party="1002", caller="1001", called="1002"))
    office.engine.label(third.port, "1002")
    call.conversation.join(mix.Party(third, PartyRole.MEMBER, name="extension:1002"))
    assert lines(office) == [{CALLER}, {"1001", "1002"}]
    await asyncio.sleep(0)
    assert people(servers.modified[-1].body)["1002"] == (["2"], ["1", "2"])
    third.leave()
    assert lines(office) == [{CALLER}, {"1001"}]
    await asyncio.sleep(0)
    assert people(servers.modified[-1].body)["1002"] == ([], []), "it stays in the picture, with the time of its leaving"


async def test_a_pause_silences_the_lines_and_says_so(office, servers):
    _, call = await talk(office, rule())
    servers.take()
    recorder = call.conversation.recorder
    recorder.pause("li", "card")
    await asyncio.sleep(0)
    assert lines(office) == [set(), set()]
    assert all(media.has("inactive") for media in offered(servers.modified[-1].body).media)
    assert servers.siprec.view(call).state == "paused"
    recorder.resume("li")
    await asyncio.sleep(0)
    assert lines(office) == [{CALLER}, {"1001"}]
    assert [event.type for event in office.events if event.type.startswith("rec.")] == ["rec.paused", "rec.resumed"]


async def test_the_second_server_takes_over_from_one_that_refuses_and_one_that_is_lost(office, servers):
    await talk(office, rule())
    servers.end(503)
    assert [one.target for one in servers.invites] == ["sip:recorder@192.0.2.1", "sip:recorder@192.0.2.2"]
    servers.take()
    assert lines(office) == [{CALLER}, {"1001"}]
    assert servers.reports == [("srs", False), ("spare", True)]
    servers.end(408)
    assert servers.invites[-1].target == "sip:recorder@192.0.2.1"
    servers.take()
    assert lines(office) == [{CALLER}, {"1001"}]
    assert [event.reason for event in office.of(ev.SiprecEnded)] == ["lost"]
    assert servers.alarms == {}


async def test_without_any_server_the_call_is_unharmed_and_it_is_tried_again(office, servers):
    caller, call = await talk(office, rule())
    servers.end(503)
    servers.end(503)
    assert servers.alarms.keys() == {"siprec_down"}
    assert len(office.of(ev.SiprecFailed)) == 1
    assert servers.siprec.view(call).state == "waiting"
    assert caller.hears == {"1001"}
    await asyncio.sleep(RETRY_SECONDS + 1)
    assert len(servers.invites) == 3
    servers.take()
    assert servers.alarms == {}
    assert lines(office) == [{CALLER}, {"1001"}]


async def test_a_server_may_refuse_one_of_the_lines(office, servers):
    await talk(office, rule())
    servers.take(refuse=(0,))
    assert lines(office) == [set(), {"1001"}]


async def test_a_server_that_refuses_both_lines_is_hung_up_on(office, servers):
    await talk(office, rule())
    servers.take(refuse=(0, 1))
    assert isinstance(servers.commands[-2], sip.HangUp)
    assert servers.invites[-1].target == "sip:recorder@192.0.2.2"


async def test_a_server_that_re_offers_is_answered_and_told_everything_again(office, servers):
    await talk(office, rule())
    servers.take()
    leg = servers.invites[-1].leg
    wanted = answer_to(offered(servers.invites[-1].body)).replace(b"recvonly", b"inactive", 1)
    servers.siprec.heard(sig.ModifyRequested(leg, sig.Body(wanted)))
    answer = servers.commands[-1]
    assert isinstance(answer, sip.AcceptModify)
    assert [media.has("inactive") for media in offered(answer.body).media] == [True, False]
    assert [media.attribute("label") for media in offered(answer.body).media] == ["1", "2"]
    assert lines(office) == [set(), {"1001"}]


async def test_by_hand_and_who_did_not_consent(office, servers):
    _, call = await talk(office, {})
    assert servers.invites == []
    with pytest.raises(Invalid):
        servers.siprec.start(call, ["nobody"], "admin")
    view = servers.siprec.start(call, ["srs"], "admin")
    assert view.state == "connecting"
    servers.take()
    assert servers.siprec.start(call, ["srs"], "admin").id == view.id
    assert [event.actor for event in office.of(ev.SiprecStarted)] == ["admin"]
    servers.siprec.stop(call)
    call.refuse_recording()
    with pytest.raises(Forbidden):
        servers.siprec.start(call, ["srs"], "admin")
    office.phone("1001").leave()
    await asyncio.sleep(0.1)
    call.recording_refused = False
    with pytest.raises(Conflict):
        servers.siprec.start(call, ["srs"], "admin")


@pytest.mark.parametrize(("values", "sent"), [({"agent": "wang"}, 0), ({"trunk": "carrier"}, 1), ({"trunk": "other"}, 0)])
async def test_rules_choose_by_trunk_and_agent(office, servers, values, sent):
    await talk(office, rule(**values))
    assert len(servers.invites) == sent


async def test_no_address_of_a_server_is_no_fault_of_the_call(office, servers):
    caller, _ = await talk(office, rule(siprec=()))
    assert servers.invites == []
    assert caller.hears == {"1001"}


@pytest.mark.parametrize("policy", ["off", "sdes"])
async def test_the_lines_are_encrypted_where_the_trunk_of_the_server_says_so(office: Office, policy: str) -> None:
    """Each line has a key of its own; a pause repeats them, and a server without keys gets nothing."""
    studio = Studio(office.media, None, lambda peer: "127.0.0.1", lambda: ("127.0.0.1",))  # type: ignore[arg-type]
    lines = Lines(studio, office.media.new_group(), lambda: None)
    lines.open("192.0.2.1", ("PCMU",), 20, encryption.required(policy, "udp"))
    described = sdp.parse(lines.offer())
    keys = [media.attribute("crypto") for media in described.media]
    if policy == "off":
        assert keys == [None, None]
        lines.close()
        return
    assert all(media.profile == "RTP/SAVP" for media in described.media)
    assert len(set(keys)) == 2
    assert None not in keys
    with pytest.raises(NoCommonSecurity):
        lines.take_answer(answer_to(described))
    theirs = "AES_CM_128_HMAC_SHA1_80 inline:" + b64encode(b"s" * 30).decode()
    text = answer_to(described).decode().replace("RTP/AVP", "RTP/SAVP")
    lines.take_answer(text.replace("a=recvonly", f"a=recvonly\r\na=crypto:1 {theirs}").encode())
    agreed = [office.engine.ports[port].command.sdes for port in lines.ids]
    assert [each.receive_key for each in agreed if each is not None] == [b"s" * 30, b"s" * 30]
    assert len({each.send_key for each in agreed if each is not None}) == 2
    lines.paused = True
    paused = sdp.parse(lines.offer())
    assert [media.attribute("crypto") for media in paused.media] == keys
    lines.close()
