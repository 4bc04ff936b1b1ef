"""What a strange or hostile peer sends inside and outside dialogs, as text, and what it hears."""

from __future__ import annotations

import pytest

from signalling.commands import (
    AcceptModify,
    Answer,
    Drain,
    HangUp,
    Invite,
    Login,
    Modify,
    Options,
    RejectModify,
    Ring,
    TransferResult,
)
from signalling.endpoint import EndpointConfig
from signalling.events import (
    Answered,
    Body,
    Confirmed,
    Counted,
    Ended,
    Flow,
    Identity,
    IncomingCall,
    InfoReceived,
    ModifyRequested,
    OptionsAnswered,
    SecurityEvent,
    TransferRequested,
)
from signalling.message import Request, Response, parse
from tests.signalling.scripted import PHONE, SDP, TRUNK, Bench, phone_flow, trunk_flow

ANSWER = Body(b"v=0 answer\r\n")


class Call:
    """An incoming trunk call, answered and acknowledged."""

    def __init__(self, bench: Bench, *, phone: bool = False, headers: str = "", acknowledged: bool = True) -> None:
        self.bench = bench
        self.flow = phone_flow() if phone else trunk_flow()
        if phone:
            bench.authorized("INVITE", "sip:100@pbx.example.com", self.flow, body=SDP, headers=headers)
            self.cseq = 2
        else:
            bench.feed(
                bench.request("INVITE", body=SDP, call_id="trunk-call", headers=headers, contact=f"<sip:gw@{TRUNK[0]}>"),
                self.flow,
            )
            self.cseq = 1
        call = bench.told(IncomingCall)[-1]
        assert isinstance(call, IncomingCall)
        self.leg, self.call_id = call.leg, call.call_id
        (ok,) = bench.order(Answer(self.leg, ANSWER))
        parsed = parse(ok)
        assert isinstance(parsed, Response)
        self.ok, self.tag = parsed, parsed.to.tag
        if acknowledged:
            bench.feed(self.request("ACK", cseq=self.cseq), self.flow)

    def request(self, method: str, *, cseq: int, **parts: object) -> str:
        options = {"to_tag": self.tag, "call_id": self.call_id, "contact": f"<sip:gw@{self.flow.remote[0]}>", **parts}
        return self.bench.request(method, cseq=cseq, **options)  # type: ignore[arg-type]

    def send(self, method: str, *, cseq: int, **parts: object) -> list[int]:
        flow = parts.pop("flow", self.flow)
        return [answer.status for answer in self.bench.feed(self.request(method, cseq=cseq, **parts), flow)]  # type: ignore[arg-type]


@pytest.mark.acceptance("DLG-12")
def test_lower_cseq_is_500_unknown_tags_481_stray_ack_nothing_second_bye_481() -> None:
    call = Call(Bench())
    assert call.send("INFO", cseq=5) == [200]
    assert call.send("INFO", cseq=4) == [500]
    assert call.send("INFO", cseq=6, to_tag="unknown") == [481]
    assert call.send("INFO", cseq=6, from_tag="unknown") == [481]
    assert call.send("INFO", cseq=6, call_id="unknown") == [481]
    assert call.send("ACK", cseq=77) == []
    assert call.send("ACK", cseq=1, to_tag="unknown") == []
    assert call.send("BYE", cseq=7) == [200]
    assert call.send("BYE", cseq=8) == [481]
    assert len(call.bench.told(Ended)) == 1


def test_retransmitted_bye_gets_its_200_again() -> None:
    call = Call(Bench())
    bye = call.request("BYE", cseq=2)
    assert [answer.status for answer in call.bench.feed(bye, call.flow) + call.bench.feed(bye, call.flow)] == [200, 200]


@pytest.mark.acceptance("TXN-4")
def test_invite_on_two_branches_is_merged_and_a_repeat_is_absorbed() -> None:
    bench = Bench()
    first = bench.request("INVITE", body=SDP, call_id="m", branch="z9hG4bKone")
    assert [answer.status for answer in bench.feed(first, trunk_flow())] == [100]
    assert [answer.status for answer in bench.feed(first, trunk_flow())] == [100]
    second = bench.request("INVITE", body=SDP, call_id="m", branch="z9hG4bKtwo")
    assert [answer.status for answer in bench.feed(second, trunk_flow())] == [482]
    assert len(bench.told(IncomingCall)) == 1


def test_cancel_without_transaction_is_481_and_after_the_answer_without_effect() -> None:
    bench = Bench()
    assert [answer.status for answer in bench.feed(bench.request("CANCEL"), trunk_flow())] == [481]
    invite = bench.request("INVITE", body=SDP, call_id="c", branch="z9hG4bKcancel")
    bench.feed(invite, trunk_flow())
    leg = bench.told(IncomingCall)[0].leg  # type: ignore[attr-defined]
    bench.order(Answer(leg, ANSWER))
    cancel = bench.request("CANCEL", call_id="c", branch="z9hG4bKcancel")
    assert [answer.status for answer in bench.feed(cancel, trunk_flow())] == [200]
    assert not bench.told(Ended)


def test_cancel_ends_a_ringing_leg_with_its_reason() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", body=SDP, call_id="c", branch="z9hG4bKcancel"), trunk_flow())
    bench.order(Ring(bench.told(IncomingCall)[0].leg))  # type: ignore[attr-defined]
    reason = 'Reason: SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26\r\n'
    cancel = bench.request("CANCEL", call_id="c", branch="z9hG4bKcancel", headers=reason + "Require: nothing\r\n")
    assert [answer.status for answer in bench.feed(cancel, trunk_flow())] == [200, 487]
    (ended,) = bench.told(Ended)
    assert (ended.cancelled, ended.status, ended.q850) == (True, 487, 26)  # type: ignore[attr-defined]


def test_reinvite_while_one_is_open_is_500_with_retry_after_and_glare_491() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.send("INVITE", cseq=2, body=SDP) == [100]
    (answer,) = bench.feed(call.request("INVITE", cseq=3, body=SDP), call.flow)
    assert answer.status == 500
    assert 0 <= int(answer.get("retry-after")) <= 10
    bench.order(RejectModify(call.leg))
    bench.order(Modify(call.leg, Body(b"v=0 ours")))
    assert call.send("INVITE", cseq=4, body=SDP) == [491]
    assert call.send("UPDATE", cseq=5, body=SDP) == [491]
    assert len(bench.told(ModifyRequested)) == 1


def test_reinvite_without_offer_gets_ours_and_the_answer_in_the_ack() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.send("INVITE", cseq=2) == [100]
    assert bench.told(ModifyRequested)[-1].body is None  # type: ignore[attr-defined]
    (ok,) = bench.order(AcceptModify(call.leg, Body(b"v=0 our offer")))
    assert ok.endswith(b"v=0 our offer")
    bench.feed(call.request("ACK", cseq=2, body="v=0 their answer"), call.flow)
    assert bench.told(Confirmed)[-1].body == Body(b"v=0 their answer")  # type: ignore[attr-defined]


def test_update_with_offer_is_answered_and_without_only_refreshes() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.send("UPDATE", cseq=2, contact=f"<sip:moved@{TRUNK[0]}:5070>") == [200]
    bench.order(Modify(call.leg, Body(b"v=0 ours")))
    assert bench.sent[0][0].startswith(f"INVITE sip:moved@{TRUNK[0]}:5070 SIP/2.0".encode())
    assert bench.sent[0][1] == trunk_flow(5070)


def test_update_with_an_offer() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.send("UPDATE", cseq=2, body=SDP) == []
    (ok,) = bench.order(AcceptModify(call.leg, ANSWER))
    assert ok.startswith(b"SIP/2.0 200 OK\r\n")
    assert b"CSeq: 2 UPDATE" in ok


@pytest.mark.acceptance("DLG-1")
def test_ack_without_answer_to_our_offer_ends_the_call_with_cause_111() -> None:
    bench = Bench()
    bench.feed(bench.request("INVITE", call_id="late", contact=f"<sip:gw@{TRUNK[0]}>"), trunk_flow())
    (call,) = bench.told(IncomingCall)
    (ok,) = bench.order(Answer(call.leg, ANSWER))  # type: ignore[attr-defined]
    parsed = parse(ok)
    assert isinstance(parsed, Response)
    bench.feed(bench.request("ACK", call_id="late", to_tag=parsed.to.tag), trunk_flow())
    assert b"BYE" in bench.sent[0][0][:4]
    assert b"Reason: Q.850;cause=111" in bench.sent[0][0]
    assert bench.told(Ended)[0].q850 == 111  # type: ignore[attr-defined]


def test_require_of_something_unknown_is_420_also_inside_the_dialog() -> None:
    bench = Bench()
    (answer,) = bench.feed(bench.request("INVITE", body=SDP, headers="Require: precondition\r\n"), trunk_flow())
    assert (answer.status, answer.get("unsupported")) == (420, "precondition")
    call = Call(bench)
    assert call.send("INFO", cseq=9, headers="Require: magic\r\n") == [420]
    assert call.send("ACK", cseq=1, headers="Require: magic\r\n") == []


def test_session_timer_is_echoed_and_a_silent_refresher_ends_the_leg() -> None:
    bench = Bench()
    call = Call(bench, headers="Supported: timer\r\nSession-Expires: 90\r\n")
    assert (call.ok.get("session-expires"), call.ok.get("require")) == ("90;refresher=uac", "timer")
    bench.wait(59)
    assert call.send("UPDATE", cseq=2, headers="Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n") == [200]
    bench.wait(59)
    assert not bench.told(Ended)
    sent = bench.wait(2)
    assert sent[0].startswith(b"BYE ")
    assert bench.told(Ended)[0].status == 408  # type: ignore[attr-defined]


def test_session_interval_below_90_is_422() -> None:
    bench = Bench()
    headers = "Supported: timer\r\nSession-Expires: 30\r\n"
    (answer,) = bench.feed(bench.request("INVITE", body=SDP, headers=headers), trunk_flow())
    assert (answer.status, answer.get("min-se")) == (422, "90")
    assert not bench.told(IncomingCall)
    assert bench.endpoint.leftovers["legs"] == 0


def test_we_refresh_by_update_when_the_caller_wishes_so() -> None:
    bench = Bench()
    call = Call(bench, headers="Supported: timer\r\nAllow: INVITE, UPDATE\r\nSession-Expires: 90;refresher=uas\r\n")
    assert call.ok.get("session-expires") == "90;refresher=uas"
    (update, *_) = bench.wait(46)
    assert update.startswith(b"UPDATE ")
    assert b"Session-Expires: 90;refresher=uac\r\n" in update


def test_transfer_is_accepted_reported_and_judged() -> None:
    bench = Bench()
    call = Call(bench)
    assert call.send("REFER", cseq=2) == [400]
    assert call.send("REFER", cseq=3, headers="Refer-To: <sip:a@b>\r\nRefer-To: <sip:c@d>\r\n") == [400]
    assert call.send("REFER", cseq=4, headers="Refer-To: <mailto:a@b>\r\n") == [416]
    assert call.send("REFER", cseq=5, headers="Refer-To: <sip:1002@pbx?Replaces=x%3Bto-tag%3D1>\r\n") == [202]
    (asked,) = bench.told(TransferRequested)
    assert isinstance(asked, TransferRequested)
    assert (asked.leg, asked.refer_to_user, asked.replaces, asked.refer_to) == (call.leg, "1002", "x;to-tag=1", "sip:1002@pbx")
    notify = bench.sent[1][0]
    assert notify.startswith(b"NOTIFY ")
    assert notify.endswith(b"\r\n\r\nSIP/2.0 100 Trying\r\n")
    assert call.send("REFER", cseq=6, headers="Refer-To: <sip:1003@pbx>\r\n") == [491]
    (final,) = bench.order(TransferResult(call.leg, 486))
    assert final.endswith(b"\r\n\r\nSIP/2.0 486 Busy Here\r\n")
    assert b"Subscription-State: terminated;reason=noresource\r\n" in final
    assert call.send("REFER", cseq=7, headers="Refer-To: <sip:1003@pbx>\r\nRefer-Sub: false\r\n") == [202]
    assert bench.order(TransferResult(call.leg, 200)) == []


def test_dialog_of_a_trunk_ignores_foreign_sources_and_follows_its_own() -> None:
    call = Call(Bench())
    assert call.send("BYE", cseq=2, flow=phone_flow()) == []
    assert call.bench.told(Counted)[-1].what == "foreign-source"  # type: ignore[attr-defined]
    assert call.send("INFO", cseq=3, flow=trunk_flow(6000)) == [200]
    assert not call.bench.told(Ended)


def test_dialog_of_a_phone_moves_only_with_its_login() -> None:
    bench = Bench()
    call = Call(bench, phone=True)
    thief = phone_flow("198.18.0.9")
    assert call.send("BYE", cseq=3, flow=thief) == [401]
    assert not bench.told(Ended)
    stolen = {"to_tag": call.tag, "call_id": call.call_id}
    answers = bench.authorized(
        "BYE", "sip:100@pbx.example.com", thief, user="1002", password="other", from_tag="peer", **stolen
    )
    assert [answer.status for answer in answers] == [403]
    assert not bench.told(Ended)


def test_identity_of_a_phone_is_its_account_and_its_from_is_only_a_claim() -> None:
    bench = Bench()
    headers = "P-Asserted-Identity: <sip:president@example.com>\r\nX-Note: hello\r\n"
    bench.authorized("INVITE", "sip:%2A57@pbx.example.com", phone_flow(), user="1001", body=SDP, headers=headers)
    (call,) = bench.told(IncomingCall)
    assert isinstance(call, IncomingCall)
    assert (call.peer_kind, call.peer_name, call.called) == ("phone", "1001", "*57")
    assert call.caller.asserted_user == ""
    assert call.headers["x-note"] == "hello"
    assert "authorization" not in call.headers


def test_trunk_is_believed_who_calls() -> None:
    bench = Bench()
    headers = 'P-Asserted-Identity: "Bob" <tel:+8613800138000>\r\n'
    bench.feed(bench.request("INVITE", user="anonymous", body=SDP, headers=headers), trunk_flow())
    (call,) = bench.told(IncomingCall)
    assert isinstance(call, IncomingCall)
    assert (call.peer_kind, call.peer_name, call.caller.asserted_user) == ("trunk", "carrier", "+8613800138000")


@pytest.mark.parametrize(
    ("octets", "name"),
    [('"王伟"'.encode(), "王伟"), ('"王伟"'.encode("gb18030"), "王伟"), (b"J. Doe", "J. Doe"), (b'"a \\" b"', 'a " b')],
)
def test_display_names_arrive_as_text(octets: bytes, name: str) -> None:
    bench = Bench()
    data = bench.request("INVITE", body=SDP).encode().replace(b"From: <", b"From: " + octets + b" <")
    bench.feed(data, trunk_flow())
    (call,) = bench.told(IncomingCall)
    assert call.caller.display_name == name  # type: ignore[attr-defined]


def test_strangers_hear_the_same_401_for_every_name() -> None:
    heard = set()
    for user in ("1001", "no-such-user"):
        bench = Bench()
        (answer,) = bench.feed(bench.request("INVITE", body=SDP, user=user, call_id="x", branch="z9hG4bKx"), phone_flow())
        assert answer.status == 401
        heard.add(bench.sent[0][0].replace(user.encode(), b"USER"))
    assert len(heard) == 1
    wrong = set()
    for user in ("1001", "9999"):
        bench = Bench()
        (answer,) = bench.authorized("INVITE", "sip:100@pbx.example.com", phone_flow(), user=user, password="guess", body=SDP)
        wrong.add(bench.sent[0][0].replace(user.encode(), b"USER"))
        assert answer.status == 401
        assert not bench.told(IncomingCall)
    assert len(wrong) == 1


def test_trunk_only_listener_is_silent_to_strangers() -> None:
    bench = Bench()
    bench.book.is_silent = True
    for method in ("INVITE", "REGISTER", "OPTIONS", "BYE", "WEIRD"):
        assert bench.feed(bench.request(method), phone_flow()) == []
    assert bench.feed(bench.request("INVITE").replace("CSeq: 6", "CSeq: -1"), phone_flow()) == []
    assert bench.feed(bench.request("OPTIONS"), trunk_flow())[0].status == 200


def test_options_of_strangers_are_silent_and_public_only_on_wish() -> None:
    assert Bench().feed(Bench().request("OPTIONS"), phone_flow()) == []
    (answer,) = Bench(EndpointConfig(options_public=True)).feed(Bench().request("OPTIONS"), phone_flow())
    assert answer.status == 200
    bench = Bench()
    bench.register(phone_flow())
    assert bench.feed(bench.request("OPTIONS"), phone_flow())[0].status == 200


def test_scanner_is_told_nothing() -> None:
    bench = Bench()
    assert bench.feed(bench.request("REGISTER", headers="User-Agent: Friendly-Scanner\r\n"), phone_flow()) == []
    (event,) = bench.told(SecurityEvent)
    assert event.what == "scanner"  # type: ignore[attr-defined]


def test_flood_is_silenced_for_a_minute_and_others_are_not() -> None:
    bench = Bench()
    answers = [len(bench.feed(bench.request("INVITE"), phone_flow())) for _ in range(70)]
    assert sum(answers) == 20
    assert [event.what for event in bench.told(Counted)] == ["flood"]  # type: ignore[attr-defined]
    assert len(bench.feed(bench.request("INVITE"), phone_flow("203.0.113.8"))) == 1
    bench.wait(61)
    assert len(bench.feed(bench.request("INVITE"), phone_flow())) == 1


def test_calls_go_on_while_their_source_is_silenced() -> None:
    bench = Bench()
    call = Call(bench, phone=True)
    for _ in range(500):
        bench.feed(bench.request("INVITE"), phone_flow())
    assert bench.feed(bench.request("INVITE"), phone_flow()) == []
    assert call.send("BYE", cseq=3) == [200]


def test_strangers_hear_five_error_answers_a_minute() -> None:
    bench = Bench()
    heard = [len(bench.feed(bench.request("WEIRD"), phone_flow())) for _ in range(10)]
    assert sum(heard) == 5
    assert b"Allow" not in b"".join(data for data, _ in bench.sent)


def test_a_scanner_cannot_fill_the_log() -> None:
    bench = Bench()
    for _ in range(500):
        bench.feed(bench.request("REGISTER", headers="User-Agent: sipvicious\r\n"), phone_flow())
    assert len(bench.told(SecurityEvent)) == 20


def test_a_challenge_is_no_amplifier_for_forged_sources() -> None:
    bench = Bench()
    lines = ("INVITE sip:0@a SIP/2.0", "v:SIP/2.0/UDP a;branch=z9hG4bKx", "f:<sip:a@a>;tag=1", "t:<sip:0@a>", "i:1")
    short = "\r\n".join([*lines, "CSeq:1 INVITE", "", ""])
    assert bench.feed(short, phone_flow()) == []
    brief = bench.request("REGISTER", "sip:pbx.example.com")
    (answer,) = bench.feed(brief, phone_flow())
    assert [("MD5" in value) for value in answer.headers["www-authenticate"]] == [True]
    assert len(bench.sent[0][0]) <= 1.55 * len(brief)
    (answer,) = bench.feed(bench.request("INVITE", body=SDP + "a=sendrecv\r\n" * 10), phone_flow())
    assert len(answer.headers["www-authenticate"]) == 2
    over_tcp = Flow("tcp", phone_flow().local, phone_flow().remote, 5)
    assert bench.feed(short.replace("/UDP", "/TCP").replace("i:1", "i:1\r\nl:0"), over_tcp)[0].status == 401


def test_octets_that_are_no_text_are_told_as_text() -> None:
    bench = Bench()
    data = bench.request("INVITE", "sip:1%ff%00@pbx", user="a%ff%1b", body=SDP, to="sip:%fe@pbx")
    data = data.replace("From: <", 'From: "\x1b[2J" <').replace("Call-ID: ", "Call-ID: \udcff")
    bench.feed(data.encode("utf-8", "surrogateescape"), trunk_flow())
    (call,) = bench.told(IncomingCall)
    assert isinstance(call, IncomingCall)
    texts = [call.called, call.to_user, call.call_id, call.caller.uri_user, call.caller.display_name]
    assert texts == ["1\ufffd\ufffd", "\ufffd", "\ufffd" + call.call_id[1:], "a\ufffd\ufffd", "\ufffd[2J"]
    bench.feed(bench.request("REGISTER", headers="User-Agent: \x1b[2J\r\n", user="%ff"), phone_flow())
    bench.authorized("REGISTER", "sip:pbx", phone_flow(), user="1001", password="no", headers="User-Agent: \udcff\r\n".encode(
        "utf-8", "surrogateescape").decode("latin-1"))  # fmt: skip
    assert all(event.user_agent.isprintable() for event in bench.told(SecurityEvent))  # type: ignore[attr-defined]


def test_registered_phone_has_its_own_budget() -> None:
    bench = Bench()
    bench.register(phone_flow())
    answers = [len(bench.feed(bench.request("INVITE"), phone_flow())) for _ in range(100)]
    assert sum(answers) == 100


def test_malformed_request_of_a_trunk_is_400_and_counted() -> None:
    bench = Bench()
    data = bench.request("INVITE", body=SDP).replace("Call-ID: ", "Call-ID: x\r\nCall-ID: ")
    bench.feed(data, trunk_flow())
    assert bench.sent[0][0].startswith(b"SIP/2.0 400 ")
    assert bench.told(Counted)[0].what == "malformed"  # type: ignore[attr-defined]
    for junk in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and more of it",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n",
        b"\0",
    ):
        assert bench.feed(junk, trunk_flow()) == []


def test_draining_refuses_what_is_new_and_finishes_what_is_old() -> None:
    bench = Bench()
    call = Call(bench)
    bench.order(Drain(retry_after=12))
    (answer,) = bench.feed(bench.request("INVITE", body=SDP), trunk_flow())
    assert (answer.status, answer.get("retry-after")) == (503, "12")
    assert bench.feed(bench.request("OPTIONS"), trunk_flow())[0].status == 503
    assert call.send("BYE", cseq=2) == [200]


def test_challenge_to_our_invite_is_answered_once_per_nonce() -> None:
    bench = Bench()
    login = Login("line1", "pw")
    (sent,) = bench.order(Invite("L", "sip:1@carrier.example", trunk_flow(), Identity("1", "pbx"), "1", ANSWER, login=login))
    challenge = 'WWW-Authenticate: Digest realm="carrier", nonce="n1", qop="auth"\r\n'
    bench.feed(answer_to(sent, "401 Unauthorized", "t", challenge), trunk_flow())
    ack, again = (data for data, _ in bench.sent)
    assert ack.startswith(b"ACK ")
    assert b'Authorization: Digest username="line1", realm="carrier"' in again
    assert b"CSeq: 2 INVITE" in again
    bench.feed(answer_to(again, "401 Unauthorized", "t", challenge), trunk_flow())
    assert bench.told(Ended)[0].status == 401  # type: ignore[attr-defined]


def test_credentials_never_leave_for_a_call_without_login() -> None:
    bench = Bench()
    (sent,) = bench.order(Invite("L", "sip:1001@x", phone_flow(), Identity("1", "pbx"), "1", ANSWER))
    bench.feed(
        answer_to(sent, "407 Proxy Authentication Required", "t", 'Proxy-Authenticate: Digest realm="r", nonce="n"\r\n'),
        phone_flow(),
    )
    assert all(b"uthorization" not in data for data, _ in bench.sent)
    assert bench.told(Ended)[0].status == 407  # type: ignore[attr-defined]


def test_second_fork_that_answers_is_acknowledged_and_ended() -> None:
    bench = Bench()
    (sent,) = bench.order(Invite("L", f"sip:1@{TRUNK[0]}", trunk_flow(), Identity("1", "pbx"), "1", ANSWER))
    for tag in ("one", "two"):
        bench.feed(answer_to(sent, "180 Ringing", tag), trunk_flow())
    bench.feed(answer_to(sent, "200 OK", "two", body=SDP), trunk_flow())
    assert [data.split(b" ")[0] for data, _ in bench.sent] == [b"ACK"]
    bench.feed(answer_to(sent, "200 OK", "one", body=SDP), trunk_flow())
    assert [data.split(b" ")[0] for data, _ in bench.sent] == [b"ACK", b"BYE"]
    assert all(b"tag=one" in data for data, _ in bench.sent)
    bench.feed(answer_to(sent, "200 OK", "one", body=SDP), trunk_flow())
    assert [data.split(b" ")[0] for data, _ in bench.sent] == [b"ACK"]
    assert len(bench.told(Answered)) == 1
    assert not bench.told(Ended)


def test_2xx_without_session_is_acknowledged_and_ended_with_cause_111() -> None:
    bench = Bench()
    (sent,) = bench.order(Invite("L", f"sip:1@{TRUNK[0]}", trunk_flow(), Identity("1", "pbx"), "1", ANSWER))
    bench.feed(answer_to(sent, "200 OK", "t"), trunk_flow())
    assert [data.split(b" ")[0] for data, _ in bench.sent] == [b"ACK", b"BYE"]
    assert bench.told(Ended)[0].q850 == 111  # type: ignore[attr-defined]


def test_route_set_and_strict_router() -> None:
    bench = Bench()
    (sent,) = bench.order(Invite("L", f"sip:1@{TRUNK[0]}", trunk_flow(), Identity("1", "pbx"), "1", ANSWER))
    record = "Record-Route: <sip:198.51.100.7;lr>\r\nRecord-Route: <sip:198.51.100.8:5080;lr>\r\n"
    bench.feed(answer_to(sent, "200 OK", "t", record, SDP), trunk_flow())
    ack, flow = bench.sent[0]
    assert flow.remote == ("198.51.100.8", 5080)
    assert b"Route: <sip:198.51.100.8:5080;lr>\r\nRoute: <sip:198.51.100.7;lr>\r\n" in ack
    (bye,) = bench.order(HangUp("L"))
    parsed = parse(bye)
    assert isinstance(parsed, Request)
    assert parsed.uri_text == f"sip:callee@{TRUNK[0]}"


def test_contact_of_a_phone_that_lies_about_its_address_is_not_dialled() -> None:
    bench = Bench()
    (sent,) = bench.order(Invite("L", "sip:1001@10.1.1.1", phone_flow(), Identity("1", "pbx"), "1", ANSWER))
    data = answer_to(sent, "200 OK", "t", body=SDP).replace(TRUNK[0], "10.1.1.1")
    bench.feed(data, phone_flow())
    assert bench.sent[0][1] == phone_flow()
    assert bench.sent[0][0].startswith(b"ACK sip:callee@10.1.1.1 SIP/2.0")


def test_options_probe_reports_status_or_408() -> None:
    bench = Bench()
    (sent,) = bench.order(Options("probe", "sip:carrier.example", trunk_flow()))
    bench.feed(answer_to(sent, "404 Not Found", "t"), trunk_flow())
    assert bench.told(OptionsAnswered) == [OptionsAnswered("probe", 404)]
    bench.order(Options("silent", "sip:carrier.example", trunk_flow()))
    bench.wait(33)
    assert bench.told(OptionsAnswered)[-1] == OptionsAnswered("silent", 408)


def test_late_and_stray_responses_are_ignored() -> None:
    bench = Bench()
    (sent,) = bench.order(Options("probe", "sip:carrier.example", trunk_flow()))
    ok = answer_to(sent, "200 OK", "t")
    bench.feed(ok.replace("z9hG4bK", "z9hG4bKother"), trunk_flow())
    assert bench.told(OptionsAnswered) == []
    bench.feed(ok, trunk_flow())
    bench.feed(ok, trunk_flow())
    assert len(bench.told(OptionsAnswered)) == 1


def test_empty_info_is_a_sign_of_life_only() -> None:
    call = Call(Bench())
    assert call.send("INFO", cseq=2) == [200]
    assert call.send("INFO", cseq=3, body="Signal=1", kind="application/dtmf-relay") == [200]
    assert len(call.bench.told(InfoReceived)) == 1


def test_answers_go_to_the_source_with_rport_filled() -> None:
    bench = Bench()
    bench.feed(bench.request("OPTIONS", branch="z9hG4bKv"), trunk_flow(4711))
    data, flow = bench.sent[0]
    assert flow == trunk_flow(4711)
    assert f"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKv;received={TRUNK[0]};rport=4711\r\n".encode() in data


def test_nothing_of_us_leaks_but_the_product_word() -> None:
    bench = Bench(EndpointConfig(advertise=("203.0.113.200", 5060)))
    call = Call(bench)
    call.send("INVITE", cseq=2, body=SDP)
    bench.order(HangUp(call.leg))
    text = b"".join(data for data, _ in bench.sent)
    assert b"192.0.2.200" not in text
    assert b"softswitch" in text
    assert PHONE[0].encode() not in text


def answer_to(sent: bytes, status: str, tag: str, headers: str = "", body: str = "") -> str:
    """A response of a scripted callee to one of our requests."""
    request = parse(sent)
    assert isinstance(request, Request)
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"SIP/2.0 {status}\r\nVia: {request.get('via')}\r\nFrom: {request.get('from')}\r\nTo: {request.get('to')};tag={tag}\r\n"
        f"Call-ID: {request.call_id}\r\nCSeq: {request.get('cseq')}\r\nContact: <sip:callee@{TRUNK[0]}>\r\n{headers}{kind}"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def test_strangers_of_one_network_share_its_connections() -> None:
    bench = Bench()
    flows = [Flow("tcp", ("2001:db8::1", 5060), (f"2001:db8:9::{number:x}", 40000), number) for number in range(1, 22)]
    closed = [bench.endpoint.flow_opened(flow, bench.now).close_flows for flow in flows]
    assert closed[:20] == [[]] * 20
    assert closed[20] == [flows[20]]
    other = Flow("tcp", ("2001:db8::1", 5060), ("2001:db8:9:1::1", 40000), 99)
    assert bench.endpoint.flow_opened(other, bench.now).close_flows == []


@pytest.mark.acceptance("TXN-7", "TXN-4")
def test_a_request_that_waits_for_the_layer_above_hears_100_late_and_never_408() -> None:
    bench = Bench(EndpointConfig(messages=True))
    assert bench.feed(bench.request("MESSAGE", body="hi", kind="text/plain"), trunk_flow()) == []
    started = bench.now
    heard: list[tuple[float, bytes]] = []
    while bench.now < started + 40:
        heard += [(bench.now - started, data) for data in bench.wait(0.25)]
    assert [(at, data[:11]) for at, data in heard] == [(3.5, b"SIP/2.0 100")]
    (unknown,) = bench.feed(bench.request("CANCEL", call_id="none"), trunk_flow())
    assert unknown.status == 481
