"""The words on the WebSocket, both languages."""

from __future__ import annotations

import base64
import json

import pytest

from softswitch.model.errors import Invalid
from softswitch.streams.messages import BadMessage, Clear, Mark, Sound, language_of
from softswitch.streams.model import Format, StreamWish, Track

BOTH = (Track.INBOUND, Track.OUTBOUND)


def media(**more):
    wish = StreamWish(url="wss://bot.example/x", parameters={"lang": "zh"}, account="shop", **more)
    return language_of(wish, stream="s1", call="c1")


def raw(**more):
    return language_of(StreamWish(url="ws://bot.example", format=Format.RAW, rate=16_000, **more), stream="s1", call="c1")


def test_media_streams_says_what_its_programs_expect():
    language = media(tracks=BOTH)
    connected, start = map(json.loads, language.greeting())
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start["sequenceNumber"] == "1"
    assert start["start"] == {
        "accountSid": "shop", "callSid": "c1", "streamSid": "s1", "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}, "customParameters": {"lang": "zh"},
    }  # fmt: skip
    said = [json.loads(language.sound(track, b"\xff" * 160, at)) for track, at in ((BOTH[0], 0), (BOTH[1], 0), (BOTH[0], 20))]
    assert [one["sequenceNumber"] for one in said] == ["2", "3", "4"]
    assert [(one["media"]["track"], one["media"]["chunk"], one["media"]["timestamp"]) for one in said] == [
        ("inbound", "1", "0"), ("outbound", "1", "0"), ("inbound", "2", "20"),
    ]  # fmt: skip
    assert base64.b64decode(said[0]["media"]["payload"]) == b"\xff" * 160
    assert json.loads(language.mark("end", 500))["mark"] == {"name": "end"}
    assert json.loads(language.digit("5"))["dtmf"] == {"track": "inbound_track", "digit": "5"}
    stop = json.loads(language.farewell("closed"))
    assert (stop["event"], stop["sequenceNumber"], stop["streamSid"]) == ("stop", "7", "s1")
    assert stop["stop"] == {"accountSid": "shop", "callSid": "c1"}


def test_media_streams_is_told_sound_marks_and_clear():
    payload = base64.b64encode(b"\x7f\x7f").decode()
    read = media().read
    assert read(json.dumps({"event": "media", "streamSid": "s1", "media": {"payload": payload}})) == Sound(b"\x7f\x7f")
    assert read(json.dumps({"event": "mark", "mark": {"name": "m" * 300}})) == Mark("m" * 256)
    assert read('{"event":"clear","streamSid":"s1"}') == Clear()


@pytest.mark.parametrize(
    "message",
    ["", "[]", "{", b"\xff\xfe", '{"event":"media"}',
     '{"event":"media","media":{"payload":"%%"}}', '{"event":"mark","mark":{}}',
     '{"event":"hello"}', "[" * 100_000],
)  # fmt: skip
def test_nonsense_is_refused(message):
    with pytest.raises(BadMessage):
        media().read(message)


def test_raw_is_samples_and_short_json():
    language = raw()
    (start,) = map(json.loads, language.greeting())
    assert (start["event"], start["rate"], start["encoding"], start["tracks"]) == ("start", 16_000, "pcm16le", ["inbound"])
    assert language.sound(Track.INBOUND, b"ab", 0) == b"ab"
    both = raw(tracks=BOTH)
    assert [both.sound(track, b"ab", 0) for track in BOTH] == [b"\x00ab", b"\x01ab"]
    assert json.loads(language.dropped(Track.INBOUND, 40)[0]) == {"event": "dropped", "track": "inbound", "ms": 40}
    assert json.loads(language.mark("end", 500)) == {"event": "mark", "name": "end", "played_ms": 500}
    assert language.read(b"abcd") == Sound(b"abcd")
    assert language.read('{"event":"mark","name":"x"}') == Mark("x")
    assert language.read('{"event":"clear"}') == Clear()
    with pytest.raises(BadMessage):
        language.read(b"abc")


@pytest.mark.parametrize(
    "wrong", [{"url": "http://x"}, {"url": "ws://"}, {"url": "ws://x", "rate": 16_000}, {"url": "ws://x", "tracks": ()},
              {"url": "ws://x", "parameters": {"a": "b" * 501}}],
)  # fmt: skip
def test_wishes_that_cannot_be(wrong):
    with pytest.raises(Invalid):
        StreamWish(**wrong)
