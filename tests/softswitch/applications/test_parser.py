"""TwiML becomes typed verbs, or a sentence that says why not; nothing else ever comes out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.applications import model as m
from softswitch.applications.parser import VERBS, BadAnswer, parse


def response(body: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{body}</Response>'.encode()


@pytest.mark.parametrize(
    ("body", "verb"),
    [
        ('<Say language="zh-CN" loop="2">您好</Say>', m.Say(text="您好", language="zh-CN", loop=2)),
        ("<Play>welcome</Play>", m.Play(name="welcome")),
        ('<Play digits="ww12#"/>', m.Play(digits="ww12#")),
        ('<Pause length="3"/>', m.Pause(length=3.0)),
        (
            '<Gather action="/key" numDigits="1" timeout="7" finishOnKey="*"><Say>hello</Say></Gather>',
            m.Gather(action="/key", num_digits=1, timeout=7.0, finish_on_key="*", prompts=(m.Say(text="hello"),)),
        ),
        ('<Record maxLength="20" playBeep="false"/>', m.Record(max_length=20.0, play_beep=False)),
        ("<Dial>1001</Dial>", m.Dial(targets=(m.Target(kind="number", name="1001"),))),
        (
            '<Dial action="/after" timeout="15"><Number>1001</Number><Client>li</Client></Dial>',
            m.Dial(
                targets=(m.Target(kind="number", name="1001"), m.Target(kind="client", name="li")),
                action="/after",
                timeout=15.0,
            ),
        ),
        ("<Dial><Queue>sales</Queue></Dial>", m.Dial(targets=(m.Target(kind="queue", name="sales"),))),
        ("<Dial><Sip>sip:1001@x</Sip></Dial>", m.Dial(targets=(m.Target(kind="sip", name="sip:1001@x"),))),
        ("<Dial><Conference>room</Conference></Dial>", m.Dial(targets=(m.Target(kind="conference", name="room"),))),
        ('<Enqueue importance="80">sales</Enqueue>', m.Enqueue(queue="sales", importance="80")),
        ("<Leave/>", m.Leave()),
        ('<Redirect method="GET">/other</Redirect>', m.Redirect(url="/other", method="GET")),
        ('<Reject reason="busy"/>', m.Reject(reason="busy")),
        ("<Hangup/>", m.Hangup()),
        ("<Refer><Sip>sip:1002@x</Sip></Refer>", m.Refer(to="sip:1002@x")),
    ],
)
def test_each_verb_of_the_common_subset(body: str, verb: m.Verb) -> None:
    assert parse(response(body)) == (verb,)


def test_verbs_keep_their_order() -> None:
    found = parse(response("<Say>a</Say><Pause/><Hangup/>"))
    assert [type(verb) for verb in found] == [m.Say, m.Pause, m.Hangup]
    assert parse(b"<Response/>") == ()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "expected XML"),
        (b"nonsense", "expected XML"),
        (b"<html><body>502</body></html>", "expected <Response>, got <html>"),
        (response("<Sing/>"), "<Sing>: unknown verb"),
        (response("<Say></Say>"), "expected a text inside"),
        (response('<Connect><Stream url="https://x"/></Connect>'), "expected ws:// or wss://"),
        (response('<Connect><Stream url="wss://x" track="both_tracks"/></Connect>'), "expected inbound_track"),
        (response("<Start><Say>x</Say></Start>"), "one <Stream> inside"),
        (response('<Start><Stream url="wss://x"><Say>x</Say></Stream></Start>'), "<Parameter name value>"),
        (response('<Stream url="wss://x"/>'), "inside Connect, Start or Stop"),
        (response("<Pay/>"), "payments are not in this release"),
        (response("<Play>https://example.org/a.mp3</Play>"), "sounds are not fetched"),
        (response('<Gather input="speech"/>'), "there is no speech recognition"),
        (response("<Gather><Dial>1</Dial></Gather>"), "expected Say, Play or Pause inside"),
        (response('<Gather timeout="never"/>'), "<Gather timeout>: expected 0.5 to 60"),
        (response('<Pause length="nan"/>'), "<Pause length>"),
        (response('<Record method="PUT"/>'), "expected GET or POST"),
        (response('<Gather finishOnKey="x"/>'), "expected digits"),
        (response("<Dial><Queue>a</Queue><Queue>b</Queue></Dial>"), "one queue"),
        (response("<Hangup/>" * 101), "at most 100 verbs"),
        (b"<Response>" + b"<Say>" + b"a" * 70_000 + b"</Say></Response>", "at most 65536 octets"),
        (b'<!DOCTYPE r [<!ENTITY a "b">]><Response><Say>&a;</Say></Response>', "expected XML"),
        (b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><Response/>', "expected XML"),
    ],
)
def test_what_cannot_be_followed_is_said(document: bytes, why: str) -> None:
    with pytest.raises(BadAnswer, match=why):
        parse(document)


_NAMES = st.sampled_from([*VERBS, "Number", "Client", "Sip", "Queue", "Conference", "Stream", "Sing"])
_ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        ["timeout", "numDigits", "loop", "length", "method", "action", "finishOnKey", "importance", "reason", "input"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="<>&\"'"), max_size=6),
    max_size=3,
)


@st.composite
def _element(draw: st.DrawFn, depth: int = 0) -> str:
    name, attributes = draw(_NAMES), draw(_ATTRIBUTES)
    inner = "".join(draw(st.lists(_element(depth + 1), max_size=2))) if depth < 2 else ""
    text = draw(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="<>&"), max_size=8))
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{text}{inner}</{name}>"


@settings(deadline=None, max_examples=100)
@given(body=st.lists(_element(), max_size=4))
def test_any_tree_of_known_names_is_verbs_or_a_sentence(body: list[str]) -> None:
    try:
        found = parse(response("".join(body)))
    except BadAnswer as fault:
        assert str(fault)
    else:
        assert len(found) == len(body)


@settings(deadline=None, max_examples=100)
@given(document=st.binary(max_size=200))
def test_any_octets_are_verbs_or_a_sentence(document: bytes) -> None:
    for octets in (document, b"<Response>" + document + b"</Response>"):
        try:
            parse(octets)
        except BadAnswer as fault:
            assert str(fault)
