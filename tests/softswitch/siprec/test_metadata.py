"""What a recording server is told, as it would read it."""

from __future__ import annotations

import base64
from email import message_from_bytes
from xml.etree import ElementTree as ET

from signalling.message import sdp_part
from softswitch.siprec.metadata import CONTENT_TYPE, NAMESPACE, Participant, Picture, body, document

ALICE = Participant(id="l1", user="1001", name='A "lice" <&>\x07', joined=1_700_000_000.0, sends=("1",), hears=("2",))
BOB = Participant(id="l2", user="bob@home", name="", joined=1_700_000_000.0, sends=("2",), hears=("1",))
PICTURE = Picture(call="c1", host="192.0.2.1", since=1_700_000_000.0, labels=("1", "2"), participants=(ALICE, BOB))


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def test_each_stream_belongs_to_who_sends_it_and_every_reference_leads_somewhere() -> None:
    root = ET.fromstring(document(PICTURE))
    assert root.findtext(_tag("datamode")) == "complete"
    session = root.find(_tag("session")).get("session_id")
    streams = {one.get("stream_id"): one.findtext(_tag("label")) for one in root.iter(_tag("stream"))}
    people = {one.get("participant_id"): one.find(_tag("nameID")) for one in root.iter(_tag("participant"))}
    assert sorted(streams.values()) == ["1", "2"]
    assert [name.get("aor") for name in people.values()] == ["sip:1001@192.0.2.1", "sip:bob%40home@192.0.2.1"]
    assert [name.findtext(_tag("name")) for name in people.values()] == ['A "lice" <&>', None]
    sends = {
        one.get("participant_id"): streams[one.findtext(_tag("send"))] for one in root.iter(_tag("participantstreamassoc"))
    }
    hears = {
        one.get("participant_id"): streams[one.findtext(_tag("recv"))] for one in root.iter(_tag("participantstreamassoc"))
    }
    assert list(sends) == list(people)
    assert list(sends.values()) == ["1", "2"]
    assert list(hears.values()) == ["2", "1"]
    assert {one.get("session_id") for one in root.iter(_tag("participantsessionassoc"))} == {session}
    for unique in (session, *streams, *people):
        assert len(base64.b64decode(unique, validate=True)) == 16, "a UUID"


def test_who_has_left_stays_with_the_time() -> None:
    gone = Participant(id="l2", user="bob", name="", joined=1_700_000_000.0, left=1_700_000_060.0)
    root = ET.fromstring(document(Picture(call="c1", host="h", since=0.0, labels=("1",), participants=(ALICE, gone))))
    (left,) = root.iter(_tag("disassociate-time"))
    assert left.text == "2023-11-14T22:14:20.000Z"
    assert len(list(root.iter(_tag("participantstreamassoc")))) == 1


def test_the_body_is_read_by_another_parser_and_by_our_own() -> None:
    written = body(b"v=0\r\n", PICTURE)
    first, second = message_from_bytes(f"Content-Type: {CONTENT_TYPE}\r\n\r\n".encode() + written).get_payload()
    assert (first.get_content_type(), first.get_payload(decode=True)) == ("application/sdp", b"v=0\r\n")
    assert second.get_content_type() == "application/rs-metadata+xml"
    assert second["Content-Disposition"] == "recording-session"
    ET.fromstring(second.get_payload(decode=True))
    assert sdp_part(CONTENT_TYPE, written) == b"v=0\r\n"
