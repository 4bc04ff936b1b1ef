"""Budgets of sources, points and bans, guessing from many sources, and what strangers can tell from answers (sip.md §9)."""

from __future__ import annotations

import re
import resource
import statistics
import time
from ipaddress import ip_network

import pytest

from signalling.auth import DigestClient, ha1, response_value
from signalling.commands import HangUp, Login, Modify
from signalling.endpoint.bans import Ban, Bans, GuessGuard
from signalling.endpoint.budget import Budget, Verdict, source_of
from signalling.events import BindingsChanged, Body, Counted, Ended, Flow, SecurityEvent, TransferRequested
from signalling.message import Response
from signalling.testing import counting_token
from signalling.usage.config import Limits
from signalling.usage.offences import BanRules
from tests.signalling.scripted import SDP, Bench, phone_flow, trunk_flow
from tests.signalling.test_peer_faults import Call

URI = "sip:pbx.example.com"
INVITE, BYE = b"INVITE sip:100@pbx SIP/2.0", b"BYE sip:100@pbx SIP/2.0"


def asked(budget: Budget, host: str, times: int, now: float, data: bytes = INVITE) -> int:
    return sum(budget.ask(host, data, now) is Verdict.FINE for _ in range(times))


def tcp(host: str, number: int = 1) -> Flow:
    return Flow("tcp", ("192.0.2.200", 5060), (host, 40000 + number), number)


def guess(bench: Bench, flow: Flow, password: str, user: str = "1001") -> list[Response]:
    """One attempt with credentials; the challenge before it is not counted as a guess."""
    data = bench.request("REGISTER", URI, user=user)
    answers = bench.feed(data, flow)
    if not answers:
        return []
    value = DigestClient(Login(user, password), counting_token("c")).answer(
        answers[0].headers["www-authenticate"], "REGISTER", URI
    )
    to = f"sip:{user}@pbx.example.com"
    return bench.feed(bench.request("REGISTER", URI, user=user, to=to, headers=f"Authorization: {value}\r\n"), flow)


def told(bench: Bench) -> list[SecurityEvent]:
    return [event for event in bench.events if isinstance(event, SecurityEvent)]


# budgets


def test_costly_requests_have_a_smaller_budget_than_others() -> None:
    budget = Budget(Limits())
    assert asked(budget, "203.0.113.1", 100, 0.0) == 20
    assert asked(budget, "203.0.113.2", 100, 0.0, BYE) == 60


def test_an_overrun_is_silence_for_a_minute_and_then_the_rate_counts() -> None:
    budget = Budget(Limits())
    verdicts = [budget.ask("203.0.113.1", INVITE, 0.0) for _ in range(22)]
    assert verdicts[19:] == [Verdict.FINE, Verdict.OVERRUN, Verdict.SILENCED]
    assert budget.ask("203.0.113.1", INVITE, 59.9) is Verdict.SILENCED
    assert asked(budget, "203.0.113.1", 100, 60.0) == 20


def test_five_a_second_may_go_on_for_ever() -> None:
    budget = Budget(Limits())
    assert all(budget.ask("203.0.113.1", INVITE, number * 0.2) is Verdict.FINE for number in range(1000))


def test_a_source_is_one_address_of_ipv4_and_a_64_of_ipv6() -> None:
    budget = Budget(Limits())
    assert asked(budget, "2001:db8::1", 10, 0.0) + asked(budget, "2001:db8::2", 100, 0.0) == 20
    assert asked(budget, "2001:db8:0:1::1", 5, 0.0) == 5
    assert source_of("2001:db8::ffff%eth0") == "2001:db8::"
    assert source_of("203.0.113.9") == "203.0.113.9"


def test_an_office_after_a_power_cut_gets_in() -> None:
    """400 at once from a source that logged in 29 days ago, 20 from one 31 days ago."""
    budget = Budget(Limits())
    budget.logged_in("203.0.113.1", 0.0)
    budget.logged_in("203.0.113.2", 0.0)
    assert asked(budget, "203.0.113.1", 500, 29 * 86400.0) == 400
    assert asked(budget, "203.0.113.2", 500, 31 * 86400.0) == 20


def test_a_login_ends_the_silence() -> None:
    budget = Budget(Limits())
    asked(budget, "203.0.113.1", 30, 0.0)
    budget.logged_in("203.0.113.1", 1.0)
    assert asked(budget, "203.0.113.1", 100, 1.0) == 100


@pytest.mark.acceptance("SEC-4")
def test_all_strangers_together_have_a_budget_and_known_sources_another() -> None:
    budget = Budget(Limits())
    budget.logged_in("198.51.100.7", 0.0)
    fine = sum(asked(budget, f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 1, 10.0) for n in range(5000))
    assert fine == 2000
    assert asked(budget, "198.51.100.7", 20, 10.0) == 20


@pytest.mark.acceptance("SEC-4")
def test_a_flood_from_forged_sources_takes_bounded_memory_and_bans_nobody() -> None:
    """20 s of 5,000 INVITE/s from 100,000 addresses, and 20 honest calls a second of a phone that logged in earlier."""
    bench, honest = Bench(), phone_flow("198.51.100.7")
    bench.register(honest)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    template = bench.request("INVITE", body=SDP).encode()
    heard = 0
    for number in range(100_000):
        bench.now += 1 / 5000
        host = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        bench.endpoint.receive(template, phone_flow(host), bench.now)
        if number % 250 == 0:
            bench.endpoint.handle_timeout(bench.now)
            heard += len(bench.feed(bench.request("INVITE", body=SDP), honest))
    assert heard == 400
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
    assert bench.endpoint.bans.active(bench.now) == []


@pytest.mark.acceptance("SEC-4")
def test_a_flood_from_one_source_is_not_parsed() -> None:
    bench, honest = Bench(), phone_flow("198.51.100.7")
    bench.register(honest)
    for number in range(25_000):
        bench.now += 1 / 5000
        bench.endpoint.receive(INVITE + b"\r\njunk", phone_flow("203.0.113.66"), bench.now)
        if number % 250 == 0:
            assert len(bench.feed(bench.request("INVITE", body=SDP), honest)) == 1
    assert bench.endpoint.traffic["in", "silenced"] >= 25_000 - 60


# bans


def test_ten_points_are_a_ban_that_doubles_up_to_a_day() -> None:
    bans = Bans(BanRules())
    now, lasted = 0.0, []
    for _ in range(7):
        scores = [bans.note("auth_failed", "203.0.113.1", now, verified=True) for _ in range(5)]
        assert [score.total for score in scores] == [2, 4, 6, 8, 10]
        (ban,) = bans.active(now)
        lasted.append(ban.until - now)
        assert bans.is_banned("203.0.113.1", ban.until - 0.1)
        now = ban.until
        assert not bans.is_banned("203.0.113.1", now)
    assert lasted == [3600.0, 7200.0, 14400.0, 28800.0, 57600.0, 86400.0, 86400.0]


def test_points_are_forgotten_after_ten_minutes_and_by_a_login() -> None:
    bans = Bans(BanRules())
    totals = [bans.note("auth_failed", "203.0.113.1", at, verified=True).total for at in (0.0, 300.0, 599.0, 899.0, 1000.0)]
    assert totals == [2, 4, 6, 6, 6]
    bans.cleared("203.0.113.1")
    assert bans.note("scanner", "203.0.113.1", 1001.0, verified=True).total == 5


def test_a_source_that_may_be_forged_and_one_that_is_spared_are_never_banned() -> None:
    bans = Bans(BanRules(never=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))))
    for host, verified in (("203.0.113.1", False), ("192.0.2.9", True), ("2001:db8::9", True)):
        for _ in range(20):
            assert bans.note("scanner", host, 0.0, verified=verified).ban is None
        assert not bans.is_banned(host, 1.0)


def test_a_ban_can_be_lifted_and_put_back_after_a_restart() -> None:
    bans = Bans(BanRules())
    bans.ban(Ban("203.0.113.1", 500.0, "scanner", times=3))
    assert bans.is_banned("203.0.113.1", 499.0)
    assert [bans.lift("203.0.113.1"), bans.lift("203.0.113.1")] == [True, False]
    assert not bans.is_banned("203.0.113.1", 100.0)


def test_guessing_bans_its_source_and_nobody_else() -> None:
    """SEC-1 in small: a guesser is out after five wrong passwords, for every request; the honest user is not."""
    bench, bad, good = Bench(), phone_flow("203.0.113.66"), phone_flow("198.51.100.7")
    heard = []
    for number in range(10):
        heard.append(len(guess(bench, bad, f"guess{number}")))
        bench.now += 1.0
    assert heard == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert [(event.score, event.total) for event in told(bench)] == [(2, 2), (2, 4), (2, 6), (2, 8), (2, 10)]
    assert told(bench)[-1].banned_until == pytest.approx(bench.now + 3600.0, abs=20.0)
    assert bench.feed(bench.request("INVITE", body=SDP), bad) == []
    assert guess(bench, good, "s3cret")[0].status == 200
    bench.now += 3700.0
    assert guess(bench, bad, "s3cret")[0].status == 200


def test_a_mistyped_password_is_forgiven() -> None:
    bench, flow = Bench(), phone_flow()
    for _ in range(3):
        for _ in range(4):
            guess(bench, flow, "typo")
            bench.now += 3.0
        assert guess(bench, flow, "s3cret")[0].status == 200
    assert bench.endpoint.bans.active(bench.now) == []


def test_what_is_no_sip_on_a_stream_bans_and_closes_it() -> None:
    bench = Bench()
    for number in range(4):
        flow = tcp("203.0.113.66", number)
        assert not bench.endpoint.flow_opened(flow, bench.now).close_flows
        assert bench.endpoint.receive(b"GET / HTTP/1.1\r\n\r\n", flow, bench.now).close_flows
        bench.endpoint.flow_closed(flow, bench.now)
    assert bench.endpoint.flow_opened(tcp("203.0.113.66", 9), bench.now).close_flows
    assert not bench.endpoint.flow_opened(tcp("203.0.113.67", 9), bench.now).close_flows


def test_scanners_by_tcp_are_banned_and_by_udp_only_left_alone() -> None:
    bench = Bench()
    for number in range(3):
        for flow in (tcp("203.0.113.66", 1), phone_flow("203.0.113.67", 5000 + number)):
            bench.endpoint.flow_opened(flow, bench.now)
            assert bench.feed(bench.request("OPTIONS", headers="User-Agent: friendly-scanner\r\n"), flow) == []
    assert [ban.source for ban in bench.endpoint.bans.active(bench.now)] == ["203.0.113.66"]
    assert [event.verified for event in told(bench)] == [True, False, True, False, False]


# digest


@pytest.mark.acceptance("REG-2")
def test_captured_credentials_are_of_no_use() -> None:
    """On a new branch, with the count repeated, and 301 s later: stale, and the binding is as it was."""
    bench, flow = Bench(), phone_flow()
    (challenge,) = bench.feed(bench.request("REGISTER", URI), flow)
    value = DigestClient(Login("1001", "s3cret"), counting_token("c")).answer(
        challenge.headers["www-authenticate"], "REGISTER", URI
    )
    to, line = "sip:1001@pbx.example.com", f"Authorization: {value}\r\n"
    assert bench.feed(bench.request("REGISTER", URI, to=to, headers=line), flow)[0].status == 200
    stolen = bench.request("REGISTER", URI, to=to, headers=line, contact="<sip:thief@198.51.100.66>")
    bindings = len(bench.told(BindingsChanged))
    statuses = []
    for wait in (0.0, 1.0, 301.0):
        bench.now += wait
        (answer,) = bench.feed(stolen.replace("z9hG4bK", f"z9hG4bK{int(wait)}"), flow)
        statuses.append((answer.status, "stale=true" in answer.get("www-authenticate")))
    assert statuses == [(401, True)] * 3
    assert len(bench.told(BindingsChanged)) == bindings
    assert [event.what for event in told(bench)] == ["replay", "replay"]
    (answer,) = bench.authorized("REGISTER", URI, flow, to="sip:1002@pbx.example.com")
    assert answer.status == 403


def attempt(bench: Bench, user: str, number: int) -> tuple[bytes, float]:
    """The answer to a wrong password and the seconds it took, each from its own source."""
    flow = phone_flow(f"10.1.{number >> 8}.{number & 255}")
    (challenge,) = bench.feed(bench.request("REGISTER", URI, user=user, branch="z9hG4bKa", call_id="c"), flow)
    nonce = re.search(r'nonce="([^"]+)"', challenge.get("www-authenticate"))
    assert nonce is not None
    proof = response_value(
        "MD5", ha1("MD5", user, "softswitch", "guess"), "REGISTER", URI, nonce=nonce[1], nc="00000001", cnonce="c"
    )
    line = (
        f'Authorization: Digest username="{user}", realm="softswitch", nonce="{nonce[1]}", uri="{URI}", algorithm=MD5, '
        f'response="{proof}", qop=auth, nc=00000001, cnonce="c"\r\n'
    )
    data = bench.request("REGISTER", URI, user=user, branch="z9hG4bKb", call_id="c", headers=line).encode()
    started = time.perf_counter()
    output = bench.endpoint.receive(data, flow, bench.now)
    spent = time.perf_counter() - started
    bench.now += 1.0
    return output.transmits[0].data, spent


@pytest.mark.acceptance("SEC-2")
def test_known_and_unknown_accounts_look_the_same() -> None:
    bench = Bench()
    spent: dict[str, list[float]] = {"1001": [], "9999": []}
    shapes = set()
    for number in range(1000):
        for place, user in enumerate(spent):
            # guessing is spread over time and sources here: neither bans nor the guard of the account play a part
            bench.endpoint.guesses = GuessGuard()
            data, seconds = attempt(bench, user, number * 2 + place)
            spent[user].append(seconds)
            text = data.decode().replace(user, "USER")
            text = re.sub(r'nonce="[^"]+"|;tag=[^;\r]+|received=[^;\r]+', "", text)
            shapes.add(re.sub(r"script\d+|call\d+", "", text))
    assert len(shapes) == 1, shapes
    medians = [statistics.median(values) for values in spent.values()]
    assert abs(medians[0] - medians[1]) <= 0.001


# one account, many sources


def test_an_account_that_is_guessed_from_everywhere_answers_strangers_late() -> None:
    """The 21st failure guards it; a source that logged in before is served at once, any other hears after 2 s."""
    bench, home, away = Bench(), phone_flow("198.51.100.7"), phone_flow("198.51.100.8")
    assert guess(bench, home, "s3cret")[0].status == 200
    for user in ("1001", "9999"):
        for number in range(21):
            assert guess(bench, phone_flow(f"10.2.{user[:1]}.{number}"), "no", user)[0].status == 401
            bench.now += 1.0
        assert guess(bench, phone_flow("10.4.0.1"), "no", user) == []
    names = [event.detail for event in bench.events if isinstance(event, Counted) and event.what == "account-guarded"]
    assert names == ["1001", "9999"]
    assert guess(bench, home, "s3cret")[0].status == 200
    for password, status in (("s3cret", b"SIP/2.0 200"), ("no", b"SIP/2.0 401")):
        bench.wait(3.0)
        assert guess(bench, away, password) == []
        assert bench.wait(1.5) == []
        assert [data[:11] for data in bench.wait(1.0)] == [status]
        away = phone_flow("198.51.100.9")
    bench.wait(600.0)
    assert guess(bench, away, "no")[0].status == 401


def test_a_delayed_login_is_judged_once_however_often_it_is_repeated() -> None:
    bench, away = Bench(), phone_flow("198.51.100.8")
    for _ in range(21):
        bench.endpoint.guesses.failed("1001", bench.now)
    (challenge,) = bench.feed(bench.request("REGISTER", URI), away)
    value = DigestClient(Login("1001", "s3cret"), counting_token("c")).answer(
        challenge.headers["www-authenticate"], "REGISTER", URI
    )
    data = bench.request("REGISTER", URI, to="sip:1001@pbx.example.com", headers=f"Authorization: {value}\r\n")
    for _ in range(3):
        assert bench.feed(data, away) == []
        assert bench.wait(0.5) == []
    assert [sent[:11] for sent in bench.wait(1.0)] == [b"SIP/2.0 200"]
    assert [answer.status for answer in bench.feed(data, away)] == [200]


# requests inside a dialog from somewhere else


@pytest.mark.acceptance("SEC-7")
@pytest.mark.parametrize("method", ["BYE", "INVITE"])
def test_the_right_tags_from_a_foreign_address_end_nothing(method: str) -> None:
    for is_phone, heard in ((True, [401]), (False, [])):
        call = Call(Bench(), phone=is_phone)
        body = SDP if method == "INVITE" else ""
        assert call.send(method, cseq=7, flow=phone_flow("203.0.113.99"), body=body) == heard
        assert call.bench.told(Ended) == []
        assert call.send("BYE", cseq=8) == [200]


@pytest.mark.acceptance("SEC-3")
@pytest.mark.parametrize("status", ["401 Unauthorized", "407 Proxy Authentication Required"])
def test_no_challenge_of_a_phone_is_ever_answered(status: str) -> None:
    """The "SIP digest leak": a phone that is rung hangs up by a challenge to our BYE or re-INVITE."""
    header = "WWW-Authenticate" if status.startswith("401") else "Proxy-Authenticate"
    for order in (HangUp, None):
        call = Call(Bench(), phone=True)
        data = call.bench.order(HangUp(call.leg) if order else Modify(call.leg, Body(SDP.encode())))[0].decode()
        lines = re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq):[^\r]*\r\n", data)
        challenge = f'{header}: Digest realm="softswitch", nonce="abc", algorithm=MD5, qop="auth"\r\n'
        call.bench.feed(f"SIP/2.0 {status}\r\n{''.join(lines)}{challenge}Content-Length: 0\r\n\r\n", call.flow)
        sent = [octets for octets, _ in call.bench.sent] + call.bench.wait(40.0)
        assert not any(b"uthorization:" in octets for octets in sent)


def test_a_refer_from_outside_reaches_nothing() -> None:
    """A stranger's is challenged, an account's and a carrier's beside a call of theirs is refused; nobody is asked to dial."""
    bench = Bench()
    refer = "Refer-To: <sip:0019005550100@pbx.example.com>\r\n"
    assert [answer.status for answer in bench.feed(bench.request("REFER", headers=refer), phone_flow())] == [401]
    assert [answer.status for answer in bench.feed(bench.request("REFER", headers=refer), trunk_flow())] == [403]
    call = Call(bench)
    dialog = f"Target-Dialog: {call.call_id};local-tag=x;remote-tag={call.tag}\r\n"
    (answer,) = bench.authorized("REFER", "sip:100@pbx.example.com", phone_flow("198.51.100.7"), headers=refer + dialog)
    assert answer.status == 403
    assert bench.told(TransferRequested) == []
