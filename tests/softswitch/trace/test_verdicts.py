"""Each rule finds its case and says it in both languages; a rule without a case here fails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from signalling.events import Flow
from softswitch.model import events as ev
from softswitch.model.cause import Cause
from softswitch.model.events import Event
from softswitch.trace.ladder import ladder
from softswitch.trace.messages import Dialog, Message
from softswitch.trace.phrases import cause_text
from softswitch.trace.service import Kept
from softswitch.trace.verdicts import RULES, Verdict, verdicts

HERE = ("192.0.2.100", 5060)
PHONE, CARRIER, SPARE = (Flow("udp", HERE, (host, 5060)) for host in ("203.0.113.5", "192.0.2.1", "192.0.2.3"))
SDP = "\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 {host}\r\nm=audio 4000 RTP/AVP 0 8\r\n"
DIGEST = '\r\nAuthorization: Digest username="u"'


def said(flow: Flow, at: float, first: str, method: str = "INVITE", more: str = "") -> Message:
    """`> ` sent by the switch, `< ` received; a number is an answer."""
    sent, line = first[0] == ">", first[2:]
    start = f"SIP/2.0 {line} Reason" if line[0].isdigit() else f"{line} sip:0123@x SIP/2.0"
    return Message(1000.0 + at, sent, flow, f"{start}\r\nCall-ID: x\r\nCSeq: 1 {method}{more}\r\n\r\n".encode())


def invite(flow: Flow, way: str, at: float = 0.0, host: str = "192.0.2.9", more: str = "") -> Message:
    return said(flow, at, f"{way} INVITE", more=more + SDP.format(host=host))


def trail(*events: Event) -> list[Event]:
    return [ev.CallCreated(call="c", at=1000.0, direction="out", caller="1001", called="0123"), *events]


def leg(at: float = 0.0, name: str = "b", trunk: str = "carrier") -> Event:
    return ev.LegStarted(at=1000.0 + at, leg=name, target=f"outside:{name}" if trunk else "agent:li", trunk=trunk)


def leg_ended(cause: str, at: float, status: int = 0) -> Event:
    return ev.LegEnded(at=1000.0 + at, leg="b", cause=cause, sip_status=status, by="peer")


def end(cause: str = "normal", who: str = "callee", at: float = 30.0) -> Event:
    return ev.CallEnded(at=1000.0 + at, who=who, cause=cause, q850=16, sip_status=0)


def heard(why: str, detail: str = "", *, of: str = "b", mos: float = -1.0, lost: int = 0) -> Event:
    return ev.LegQuality(at=1010.0, leg=of, one_way=why, one_way_detail=detail, codec="PCMU", mos=mos, lost=lost,
                         packets_received=100 - lost, jitter_ms=40.0)  # fmt: skip


CONNECTED = ev.CallConnected(at=1005.0, other="outside:0123")
ASKED = invite(CARRIER, ">")
TRYING = said(CARRIER, 0.1, "< 100")


def refused(status: int, more: str = "") -> list[Message]:
    return [ASKED, TRYING, said(CARRIER, 0.5, f"< {status}", more=more)]


Case = tuple[str, Sequence[Event], Sequence[Message], str]
CASES: list[Case] = [
    ("wrong_codec", trail(leg(), heard("codec", "PCMA")), [], "Trunk carrier answers PCMU but sends PCMA"),
    ("no_packets", trail(leg(trunk=""), heard("no_packets")), [], "No packets came from the browser of agent li"),
    ("stopped", trail(leg(), heard("stopped")), [], "The packets of trunk carrier ceased"),
    ("keys", trail(leg(), heard("keys")), [], "The encrypted sound of trunk carrier cannot be read: the keys do not fit"),
    ("other_address", trail(heard("source", "192.0.2.7:4000", of="a")), [],
     "Extension 1001 sends from an address that was not agreed: 192.0.2.7:4000"),
    ("no_path", trail(leg(trunk=""), heard("no_path")), [], "ICE found no way between the browser of agent li and the switch"),
    ("handshake", trail(leg(trunk=""), heard("handshake")), [], "The DTLS handshake with the browser of agent li did not end"),
    ("poor_sound", trail(leg(), heard("", mos=2.5, lost=12)), [],
     "Trunk carrier was heard badly: MOS 2.5, 12 % lost, jitter 40 ms"),
    ("not_as_signalled", trail(leg(), ev.LegMedia(at=1001.0, leg="b", codec="PCMU", as_signalled=False)), [],
     "Trunk carrier sends from another address than it told; the switch followed"),
    ("private_address", trail(), [invite(PHONE, "<", host="192.168.1.9")],
     "Extension 1001 told a private media address, 192.168.1.9, but signals from 203.0.113.5"),
    ("left_on_hold", trail(ev.CallHeld(at=1010.0), end()), [], "The call ended while it was on hold"),
    ("codecs_refused", trail(leg()), refused(488), "Trunk carrier refused the codecs that were offered (PCMU PCMA)"),
    ("no_common_codec", trail(), [invite(PHONE, "<"), said(PHONE, 0.1, "> 488")],
     "Extension 1001 offered only codecs that are not allowed here (PCMU PCMA)"),
    ("wrong_password_there", trail(leg()),
     [ASKED, said(CARRIER, 0.1, "< 401"), invite(CARRIER, ">", 0.2, more=DIGEST), said(CARRIER, 0.3, "< 403")],
     "Trunk carrier does not accept our user name or password (403)"),
    ("wrong_password", trail(),
     [invite(PHONE, "<"), said(PHONE, 0.1, "> 401"), invite(PHONE, "<", 0.2, more=DIGEST), said(PHONE, 0.3, "> 401")],
     "Extension 1001 sent a wrong password"),
    ("next_route", trail(leg(), leg(0.6, "d", "spare")), refused(503), "Trunk carrier answered 503, the next route was tried"),
    ("no_response", trail(leg(), leg_ended("no_user_response", 6.0)), [ASKED, invite(CARRIER, ">", 0.5)],
     "Trunk carrier answered nothing within 6 s"),
    ("nobody_rang", trail(leg()), [ASKED, TRYING, said(CARRIER, 20.0, "> CANCEL", "CANCEL")],
     "Trunk carrier did not ring within 20 s (no 180)"),
    ("busy", trail(leg()), refused(486), "Trunk carrier is busy"),
    ("refused", trail(leg()), refused(603), "Trunk carrier refused the call"),
    ("number_unknown", trail(leg()), refused(404), "Trunk carrier does not know the number 0123 (404)"),
    ("no_channel", trail(leg()), refused(503), "Trunk carrier has no free channel or is out of service (503)"),
    ("extension_required", trail(leg()), refused(421, "\r\nRequire: 100rel"),
     "Trunk carrier asks for what is not enabled here: 100rel"),
    ("redirected", trail(leg()), refused(302), "Trunk carrier asks to call somewhere else (302)"),
    ("peer_status", trail(leg()), refused(500, "\r\nReason: Q.850;cause=41"), "Trunk carrier answered 500 Reason (Q.850 41)"),
    ("no_ack", trail(), [invite(PHONE, "<"), *(said(PHONE, at, "> 200") for at in (1.0, 1.5, 2.5, 4.5))],
     "Extension 1001 never confirmed our answer (no ACK)"),
    ("repeats", trail(leg()), [ASKED, *(invite(CARRIER, ">", at) for at in (0.5, 1.5, 3.5)), said(CARRIER, 3.6, "< 180")],
     "3 messages to or from trunk carrier were repeated: packets are lost, or it is slow"),
    ("no_route", trail(end("no_route", "system")), [], "No route leads to 0123"),
    ("unreachable", trail(end("unreachable", "system")), [], "Whoever was called is not registered or signed in"),
    ("no_answer", trail(leg(), leg_ended("no_answer", 20.0), end("no_answer", "system")), [],
     "Trunk carrier rang for 20 s and nobody answered"),
    ("gave_up_ringing", trail(leg(), end("cancelled", "caller", 9.5)), [], "The caller hung up after 9.5 s of ringing"),
    ("gave_up_waiting", trail(ev.QueueLeft(at=1042.0, visit="v", queue="sales", result="abandoned", wait_ms=42_000)), [],
     "The caller hung up after waiting 42 s in sales"),
    ("loop", trail(end("loop", "system")), [], "The call went in a circle and was stopped"),
    ("cut_off", trail(CONNECTED, end("timeout", "system")), [], "The call was cut off: the far end stopped answering"),
    ("stopped_by_us", trail(CONNECTED, end("supervisor", "supervisor")), [],
     "The switch ended the call: a supervisor ended the call"),
    ("talked", trail(CONNECTED, end()), [], "They talked for 25 s; the called party hung up"),
    ("ended_with", trail(end("forbidden", "system")), [], "Not connected: the call is not permitted"),
]  # fmt: skip


def found(events: Sequence[Event], messages: Sequence[Message]) -> list[Verdict]:
    dialogs = {
        name: Dialog([message for message in messages if message.flow == flow])
        for name, flow in (("a", PHONE), ("b", CARRIER), ("d", SPARE))
    }
    legs = {"" if name == "a" else name: name for name, dialog in dialogs.items() if dialog.messages}
    return verdicts(ladder("c", events, Kept(dialogs, legs)))


@pytest.mark.parametrize(("rule", "events", "messages", "sentence"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_says_its_case(rule: str, events: Sequence[Event], messages: Sequence[Message], sentence: str) -> None:
    verdict = next((each for each in found(events, messages) if each.rule == rule), None)
    assert verdict is not None, [each.rule for each in found(events, messages)]
    assert verdict.text.en == sentence
    assert any("\u4e00" <= sign <= "\u9fff" for sign in verdict.text.zh)
    assert "{" not in verdict.text.zh + verdict.advice.zh + verdict.advice.en


def test_every_rule_has_a_case_and_both_languages() -> None:
    assert [case[0] for case in CASES] == [rule.name for rule in RULES]
    assert all(bool(rule.advice_zh) == bool(rule.advice_en) for rule in RULES)


def test_a_good_call_has_no_fault() -> None:
    messages = [
        invite(PHONE, "<"), said(PHONE, 0.1, "> 401"), said(PHONE, 0.1, "< ACK", "ACK"), invite(PHONE, "<", 0.2, more=DIGEST),
        said(PHONE, 3.0, "> 200"), said(PHONE, 3.1, "< ACK", "ACK"), ASKED, TRYING, said(CARRIER, 1.0, "< 180"),
        said(CARRIER, 3.0, "< 200"), said(CARRIER, 3.0, "> ACK", "ACK"),
    ]  # fmt: skip
    assert [each.rule for each in found(trail(leg(), CONNECTED, end()), messages)] == ["talked"]


def test_the_worst_comes_first_and_says_it_once() -> None:
    events = trail(leg(), heard("codec", "PCMA"), heard("codec", "PCMA"), CONNECTED, end())
    assert [each.level for each in found(events, [])] == ["fault", "info"]


def test_a_stale_nonce_is_no_wrong_password() -> None:
    stale = "\r\nWWW-Authenticate: Digest stale=true"
    messages = [invite(PHONE, "<", more=DIGEST), said(PHONE, 0.1, "> 401", more=stale), invite(PHONE, "<", 0.2, more=DIGEST)]
    assert not found(trail(), messages)


def test_every_cause_has_its_words() -> None:
    """A record may end with any of them; none may break its page."""
    for cause in Cause:
        said = cause_text(cause.word)
        assert said.zh != cause.word and said.en
