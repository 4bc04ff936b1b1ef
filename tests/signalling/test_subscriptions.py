"""SUBSCRIBE, NOTIFY, PUBLISH and MESSAGE between two endpoints in virtual time (RFC 6665, 3903, 3428)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from signalling.commands import (
    AcceptSubscription,
    AnswerMessage,
    AnswerPublish,
    Command,
    Notify,
    RejectSubscription,
    SendInfo,
    SendMessage,
    SendNotify,
    Subscribe,
    Unsubscribe,
)
from signalling.endpoint import EndpointConfig
from signalling.events import (
    Body,
    Event,
    Identity,
    InfoReceived,
    MessageAnswered,
    MessageReceived,
    Notified,
    PublicationEnded,
    Published,
    Subscribed,
    SubscriptionAsked,
    SubscriptionEnded,
)
from signalling.message import Response, parse
from signalling.testing import EndpointPair
from tests.signalling.flows import established, nothing_left, one, statuses
from tests.signalling.scripted import Bench, trunk_flow

CONFIG = EndpointConfig(events=("dialog", "message-summary"), publishes=("presence",), messages=True)
FREE, BUSY = Body(b"<free/>", "application/dialog-info+xml"), Body(b"<busy/>", "application/dialog-info+xml")
ME = Identity("200", "example.com")


def notifying(pair: EndpointPair, expires: int = 600) -> None:
    def react(event: Event) -> Iterable[Command]:
        if isinstance(event, SubscriptionAsked):
            if not event.refresh:
                yield AcceptSubscription(event.subscription, expires if event.expires else 0)
            yield Notify(event.subscription, FREE)

    pair.b.on_event = react


def subscribe(pair: EndpointPair, expires: int = 600, event: str = "dialog") -> None:
    pair.submit(pair.a, Subscribe("S", "sip:100@192.0.2.2", pair.a.flow, event, ME, "100", expires))
    pair.run(0.5)


def test_subscription_lives_by_refreshes_and_ends_on_wish() -> None:
    pair = EndpointPair(config=CONFIG)
    notifying(pair)
    subscribe(pair)
    asked = one(pair.b, SubscriptionAsked)
    assert (asked.event, asked.resource, asked.expires, asked.refresh) == ("dialog", "100", 600, False)
    assert one(pair.a, Subscribed).expires == 600
    assert one(pair.a, Notified).body == FREE
    assert statuses(pair)[:2] == ["> SUBSCRIBE", "< 200"]
    pair.submit(pair.b, Notify(asked.subscription, BUSY))
    pair.run(1)
    assert pair.a.told(Notified)[-1].body == BUSY  # type: ignore[attr-defined]
    pair.run(1200)
    assert statuses(pair).count("> SUBSCRIBE") == 3
    assert not pair.a.told(SubscriptionEnded)
    pair.submit(pair.a, Unsubscribe("S"))
    pair.run(1)
    assert one(pair.a, SubscriptionEnded).reason == "unsubscribed"
    assert one(pair.b, SubscriptionEnded).reason == "timeout"
    assert pair.a.told(Notified)[-1].state == "terminated"  # type: ignore[attr-defined]
    nothing_left(pair)


def test_fetch_brings_the_state_once() -> None:
    pair = EndpointPair(config=CONFIG)
    notifying(pair)
    subscribe(pair, expires=0)
    assert (one(pair.a, Notified).state, one(pair.a, Notified).body) == ("terminated", FREE)
    assert one(pair.a, SubscriptionEnded).reason == "unsubscribed"
    nothing_left(pair)


def test_unknown_package_is_489_with_the_known_ones() -> None:
    bench = Bench(CONFIG)
    (refused,) = bench.feed(bench.request("SUBSCRIBE", headers="Event: presence.winfo\r\n"), trunk_flow())
    assert (refused.status, refused.get("allow-events")) == (489, "dialog, message-summary")
    lines = "Event: dialog\r\nExpires: 20\r\n"
    (brief,) = bench.feed(bench.request("SUBSCRIBE", headers=lines, call_id="b"), trunk_flow())
    assert (brief.status, brief.get("min-expires")) == (423, "60")
    (stranger,) = bench.feed(bench.request("NOTIFY", headers="Event: dialog\r\n", call_id="c"), trunk_flow())
    assert stranger.status == 481


def test_refusal_and_silence_are_told() -> None:
    pair = EndpointPair(config=CONFIG)

    def refuse(event: Event) -> Iterable[Command]:
        if isinstance(event, SubscriptionAsked):
            yield RejectSubscription(event.subscription, 403)

    pair.b.on_event = refuse
    subscribe(pair)
    assert (one(pair.a, SubscriptionEnded).reason, one(pair.a, SubscriptionEnded).status) == ("refused", 403)
    nothing_left(pair)
    pair = EndpointPair(config=CONFIG)

    def forget(event: Event) -> Iterable[Command]:
        if isinstance(event, SubscriptionAsked):
            yield AcceptSubscription(event.subscription, 600)

    pair.b.on_event = forget
    subscribe(pair)
    pair.run(33)
    assert one(pair.a, SubscriptionEnded).reason == "timeout", "timer N: no NOTIFY in 32 s"


def test_watcher_that_is_gone_ends_its_subscription() -> None:
    pair = EndpointPair(config=CONFIG)
    notifying(pair)
    subscribe(pair)
    name = one(pair.b, SubscriptionAsked).subscription
    pair.link.loss = 1.0
    pair.submit(pair.b, Notify(name, BUSY))
    pair.run(33)
    assert (one(pair.b, SubscriptionEnded).reason, one(pair.b, SubscriptionEnded).status) == ("timeout", 408)


def test_subscription_that_nobody_refreshes_expires_with_a_last_notify() -> None:
    bench = Bench(CONFIG)
    bench.feed(bench.request("SUBSCRIBE", headers="Event: dialog;id=7\r\nExpires: 60\r\n"), trunk_flow())
    name = bench.told(SubscriptionAsked)[0].subscription  # type: ignore[attr-defined]
    bench.order(AcceptSubscription(name, 3600))
    (first,) = bench.order(Notify(name, FREE))
    assert b"Event: dialog;id=7\r\nSubscription-State: active;expires=60\r\n" in first
    bench.feed(ok_to(first), trunk_flow())
    last = [data for data in bench.wait(61) if data.startswith(b"NOTIFY")]
    assert b"Subscription-State: terminated;reason=timeout\r\n" in last[0]


def test_only_the_newest_state_waits_behind_an_open_notify() -> None:
    bench = Bench(CONFIG)
    bench.feed(bench.request("SUBSCRIBE", headers="Event: dialog\r\nExpires: 600\r\n"), trunk_flow())
    name = bench.told(SubscriptionAsked)[0].subscription  # type: ignore[attr-defined]
    bench.order(AcceptSubscription(name, 600))
    (first,) = bench.order(Notify(name, FREE))
    assert bench.order(Notify(name, BUSY)) == []
    assert bench.order(Notify(name, FREE)) == []
    bench.feed(ok_to(first), trunk_flow())
    assert [data.endswith(FREE.content) for data, _ in bench.sent] == [True]


def ok_to(request: bytes) -> bytes:
    lines = [
        line for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:] if line[:4] in {b"Via:", b"From", b"Call", b"CSeq"}
    ]
    to = next(line for line in request.split(b"\r\n") if line.startswith(b"To: "))
    return b"SIP/2.0 200 OK\r\n" + b"\r\n".join([*lines, to, b"Content-Length: 0", b"", b""])


def test_published_state_has_a_tag_and_a_time() -> None:
    bench = Bench(CONFIG)

    def publish(cseq: int, headers: str, body: str = "") -> tuple[int, str]:
        request = bench.request(
            "PUBLISH", cseq=cseq, headers="Event: presence\r\n" + headers, body=body, kind="application/pidf+xml"
        )
        answers = bench.feed(request, trunk_flow())
        if not answers:
            name = bench.told(Published)[-1].id  # type: ignore[attr-defined]
            answers = [message for data in bench.order(AnswerPublish(name)) if isinstance(message := parse(data), Response)]
        return answers[0].status, answers[0].get("sip-etag")

    status, tag = publish(1, "Expires: 120\r\n", "<open/>")
    assert (status, bool(tag)) == (200, True)
    status, newer = publish(2, f"Expires: 120\r\nSIP-If-Match: {tag}\r\n")
    assert (status, newer != tag, bench.told(Published)[-1].replaced) == (200, True, tag)  # type: ignore[attr-defined]
    assert publish(3, f"SIP-If-Match: {tag}\r\n")[0] == 412
    assert publish(4, "Expires: 120\r\n")[0] == 400, "nothing published"
    bench.wait(121)
    assert bench.told(PublicationEnded)[0].tag == newer  # type: ignore[attr-defined]
    status, tag = publish(5, "Expires: 120\r\n", "<open/>")
    assert publish(6, f"Expires: 0\r\nSIP-If-Match: {tag}\r\n") == (200, "")
    (refused,) = bench.feed(bench.request("PUBLISH", cseq=7, headers="Event: dialog\r\n", body="x"), trunk_flow())
    assert (refused.status, refused.get("allow-events")) == (489, "presence")


def test_message_is_handed_up_and_answered() -> None:
    pair = EndpointPair(config=CONFIG)
    pair.b.on_event = lambda event: [AnswerMessage(event.id, 202)] if isinstance(event, MessageReceived) else []
    text = Body("你好".encode(), "text/plain")
    pair.submit(pair.a, SendMessage("M", "sip:100@192.0.2.2", pair.a.flow, ME, text, "100"))
    pair.run(1)
    received = one(pair.b, MessageReceived)
    assert (received.called, received.caller.uri_user, received.body) == ("100", "200", text)
    assert one(pair.a, MessageAnswered).status == 202
    nothing_left(pair)


def test_messages_are_refused_where_nobody_wants_them() -> None:
    bench = Bench()
    (refused,) = bench.feed(bench.request("MESSAGE", body="hi", kind="text/plain"), trunk_flow())
    assert refused.status == 405
    assert "MESSAGE" not in refused.get("allow")


def test_notify_outside_a_subscription_is_sent_and_its_fate_told() -> None:
    pair = EndpointPair(config=CONFIG)
    pair.submit(pair.a, SendNotify("N", "sip:100@192.0.2.2", pair.a.flow, "check-sync", ME))
    pair.run(1)
    assert one(pair.a, MessageAnswered).status == 481, "an endpoint of ours takes none"
    nothing_left(pair)


@pytest.mark.parametrize(("package", "status"), [("dtmf", 200), ("nothing", 469)])
def test_info_packages(package: str, status: int) -> None:
    pair, a, _ = established()
    pair.submit(pair.a, SendInfo(a, Body(b"5", "application/dtmf"), package))
    pair.run(1)
    assert statuses(pair)[-1] == f"< {status}"
    assert [event.package for event in pair.b.told(InfoReceived)] == ([package] if status == 200 else [])  # type: ignore[attr-defined]
