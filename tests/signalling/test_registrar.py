"""REGISTER as phones send it: login, order, expiry, limits, flows."""

from __future__ import annotations

import pytest

from signalling.auth import DigestClient
from signalling.commands import DropBindings, Invite, Login
from signalling.endpoint import EndpointConfig
from signalling.events import Binding, BindingsChanged, Body, Flow, Identity, SecurityEvent
from signalling.message import Request, Response, parse
from signalling.testing import counting_token
from tests.signalling.scripted import LOCAL, PHONE, Bench, phone_flow


def bindings(bench: Bench) -> tuple[Binding, ...]:
    changed = bench.told(BindingsChanged)
    return changed[-1].bindings if changed else ()  # type: ignore[attr-defined]


def contact(name: str = "1001", tail: str = "") -> str:
    return f"<sip:{name}@{PHONE[0]}:{PHONE[1]}>{tail}"


def test_login_binds_the_contact_with_its_flow() -> None:
    bench = Bench()
    (answer,) = bench.register(phone_flow(), headers="Expires: 120\r\nUser-Agent: phone\r\n")
    assert answer.status == 200
    (binding,) = bindings(bench)
    assert (binding.aor, binding.contact, binding.flow) == ("1001", f"sip:1001@{PHONE[0]}:{PHONE[1]}", phone_flow())
    assert (binding.expires_at, binding.user_agent) == (bench.now + 120, "phone")
    assert answer.get("contact") == f"<sip:1001@{PHONE[0]}:{PHONE[1]}>;expires=120"


def test_wrong_password_is_challenged_again_told_and_never_bound() -> None:
    bench = Bench()
    (answer,) = bench.register(phone_flow(), password="guess")
    assert answer.status == 401
    assert bindings(bench) == ()
    (event,) = bench.told(SecurityEvent)
    assert (event.what, event.user, event.method, event.status) == ("auth_failed", "1001", "REGISTER", 401)  # type: ignore[attr-defined]


def test_foreign_address_of_record_is_403() -> None:
    bench = Bench()
    (answer,) = bench.authorized("REGISTER", "sip:pbx.example.com", phone_flow(), to="sip:1002@pbx.example.com")
    assert (answer.status, bindings(bench)) == (403, ())


def test_foreign_domain_is_404_after_login() -> None:
    bench = Bench(EndpointConfig(domains=("elsewhere.example",)))
    (answer,) = bench.register(phone_flow())
    assert answer.status == 404


@pytest.mark.acceptance("REG-3")
@pytest.mark.parametrize(
    ("asked", "status", "granted"),
    [("10", 423, 0), ("59", 423, 0), ("60", 200, 60), ("999999", 200, 7200), ("garbage", 200, 3600), ("0", 200, 0)],
)
def test_expiry_rules(asked: str, status: int, granted: int) -> None:
    bench = Bench()
    (answer,) = bench.register(phone_flow(), headers=f"Expires: {asked}\r\n")
    assert answer.status == status
    if status == 423:
        assert answer.get("min-expires") == "60"
    elif granted:
        seconds = bindings(bench)[0].expires_at - bench.now
        assert granted * 0.9 - 1 <= seconds <= granted
        assert asked != "999999" or seconds == 7200
    else:
        assert bindings(bench) == ()


def test_contact_behind_nat_is_refreshed_often() -> None:
    bench = Bench()
    bench.register(phone_flow(), contact="<sip:1001@192.168.1.20:5060>", headers="Expires: 3600\r\n")
    assert bindings(bench)[0].expires_at - bench.now == 120


def again(bench: Bench, *, call_id: str, cseq: int, **parts: object) -> Response:
    """A REGISTER with a fresh nonce but chosen Call-ID and CSeq."""
    uri = "sip:pbx.example.com"
    options = {"to": "sip:1001@pbx.example.com", "call_id": call_id, **parts}
    (challenge,) = bench.feed(bench.request("REGISTER", uri, cseq=1, **options), phone_flow())  # type: ignore[arg-type]
    value = DigestClient(Login("1001", "s3cret"), counting_token("x")).answer(
        challenge.headers["www-authenticate"], "REGISTER", uri
    )
    extra = str(options.pop("headers", ""))
    request = bench.request("REGISTER", uri, cseq=cseq, headers=f"Authorization: {value}\r\n{extra}", **options)  # type: ignore[arg-type]
    (answer,) = bench.feed(request, phone_flow())
    return answer


@pytest.mark.acceptance("REG-3")
def test_older_cseq_of_the_same_call_id_is_500() -> None:
    bench = Bench()
    assert again(bench, call_id="same", cseq=10).status == 200
    assert again(bench, call_id="same", cseq=9).status == 500
    assert again(bench, call_id="same", cseq=11).status == 200
    assert again(bench, call_id="new after a restart", cseq=3).status == 200
    assert len(bindings(bench)) == 1


@pytest.mark.acceptance("REG-3")
def test_wildcard_only_alone_and_with_expires_zero() -> None:
    bench = Bench()
    assert again(bench, call_id="c", cseq=3).status == 200
    assert again(bench, call_id="c", cseq=4, contact="*", headers="Expires: 3600\r\n").status == 400
    assert again(bench, call_id="c", cseq=5, contact=f"*, {contact()}", headers="Expires: 0\r\n").status == 400
    assert len(bindings(bench)) == 1
    assert again(bench, call_id="c", cseq=6, contact="*", headers="Expires: 0\r\n").status == 200
    assert bindings(bench) == ()


@pytest.mark.acceptance("REG-3")
def test_eleventh_contact_is_403_and_changes_nothing() -> None:
    bench = Bench()
    ten = ", ".join(contact(f"line{number}") for number in range(10))
    assert again(bench, call_id="c", cseq=3, contact=ten).status == 200
    assert again(bench, call_id="c", cseq=4, contact=contact("line10")).status == 403
    assert len(bindings(bench)) == 10


def test_same_instance_replaces_whatever_its_address() -> None:
    bench = Bench()
    tag = ';+sip.instance="<urn:uuid:1>";reg-id=1'
    assert again(bench, call_id="a", cseq=3, contact=contact("1001", tag)).status == 200
    assert again(bench, call_id="b", cseq=3, contact=f"<sip:1001@{PHONE[0]}:9999>{tag}").status == 200
    (binding,) = bindings(bench)
    assert binding.contact.endswith(":9999")
    assert binding.instance == '"<urn:uuid:1>"'


def test_a_contact_that_stands_twice_is_bound_once_as_the_last_one_says() -> None:
    bench = Bench()
    (answer,) = bench.register(phone_flow(), contact=f"{contact(tail=';expires=600')}, {contact(tail=';expires=90')}")
    assert answer.status == 200
    (binding,) = bindings(bench)
    assert binding.expires_at == bench.now + 90


def test_query_without_contact_lists_and_changes_nothing() -> None:
    bench = Bench()
    again(bench, call_id="c", cseq=3)
    before = len(bench.told(BindingsChanged))
    answer = again(bench, call_id="d", cseq=3, contact="")
    assert len(answer.headers["contact"]) == 1
    assert len(bench.told(BindingsChanged)) == before


def test_binding_is_gone_32_seconds_after_its_expiry() -> None:
    bench = Bench()
    again(bench, call_id="c", cseq=3, headers="Expires: 60\r\n")
    bench.wait(91)
    assert len(bindings(bench)) == 1
    bench.wait(2)
    assert bindings(bench) == ()
    assert bench.endpoint.leftovers["servers"] == 0


def test_retransmitted_register_gets_the_same_answer() -> None:
    bench = Bench()
    register = None

    original = bench.feed

    def remember(data: str | bytes, flow: Flow) -> list[Response]:
        nonlocal register
        register = data
        return original(data, flow)

    bench.feed = remember  # type: ignore[method-assign]
    bench.register(phone_flow())
    first = bench.sent[0][0]
    assert register is not None
    original(register, phone_flow())
    assert bench.sent[0][0] == first
    assert len(bench.told(BindingsChanged)) == 1


def test_stream_that_closes_takes_its_binding_along() -> None:
    bench = Bench()
    flow = Flow("tcp", LOCAL, PHONE, 5)
    assert bench.register(flow)[-1].status == 200
    bench.events += bench.endpoint.flow_closed(flow, bench.now).events
    assert bindings(bench) == ()


def test_dropped_extension_has_no_bindings() -> None:
    bench = Bench()
    bench.register(phone_flow())
    bench.order(DropBindings("1001"))
    assert bindings(bench) == ()
    bench.order(DropBindings("1001"))
    assert len(bench.told(BindingsChanged)) == 2


def test_call_to_a_phone_goes_to_its_flow_with_the_registered_uri() -> None:
    bench = Bench()
    bench.register(phone_flow(), contact="<sip:1001@192.168.1.20:5060;line=x>")
    (binding,) = bindings(bench)
    bench.order(Invite("L", binding.contact, binding.flow, Identity("200", "pbx"), "1001", Body(b"v=0")))
    ((data, flow),) = bench.sent
    assert data.startswith(b"INVITE sip:1001@192.168.1.20:5060;line=x SIP/2.0\r\n")
    assert flow == phone_flow()


def test_the_path_of_a_proxy_of_ours_is_the_way_to_the_phone_and_that_of_a_stranger_is_not() -> None:
    """RFC 3327: who could add a Path could lead somebody's calls to himself."""
    first, second = "<sip:198.51.100.7:5070;lr;received=sip:203.0.113.9:40000>", "<sip:edge.example.com;lr>"
    headers = f"Expires: 120\r\nSupported: path\r\nPath: {first}\r\nPath: {second}\r\n"
    stranger = Bench()
    (answer,) = stranger.register(phone_flow(), headers=headers)
    assert (answer.status, answer.get("path"), bindings(stranger)[0].path) == (200, "", ())
    edge = Bench(EndpointConfig(edges=frozenset({PHONE[0]})))
    (answer,) = edge.register(phone_flow(), headers=headers)
    assert (answer.headers["path"], bindings(edge)[0].path) == ([first, second], (first, second))
    caller = Identity("1002", "pbx.example.com")
    way = bindings(edge)[0].path
    (sent,) = edge.order(Invite("leg", "sip:1001@10.0.0.9", phone_flow(), caller, "1001", Body(b"v=0\r\n"), routes=way))
    invite = parse(sent)
    assert isinstance(invite, Request)
    assert (invite.uri_text, invite.headers["route"]) == ("sip:1001@10.0.0.9", [first, second])


def test_a_proxy_of_ours_is_no_source_with_a_limit() -> None:
    """A hundred phones behind it ask in the same moment."""
    for edges, least, most in ((frozenset[str](), 1, 50), (frozenset({PHONE[0]}), 100, 100)):
        bench = Bench(EndpointConfig(edges=edges))
        answers = [bench.feed(bench.request("REGISTER", "sip:pbx.example.com"), phone_flow()) for _ in range(100)]
        assert least <= sum(bool(found) and found[0].status == 401 for found in answers) <= most
