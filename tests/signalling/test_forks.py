"""One INVITE, several answers: early dialogs with their own PRACK, UPDATE and target; one wins (RFC 3261 §13.2.2, RFC 6228)."""

from __future__ import annotations

import pytest

from signalling.commands import HangUp, Invite, Update
from signalling.endpoint import Endpoint, EndpointConfig, Output
from signalling.events import Answered, Body, EarlyDialog, Ended, Event, Flow, Identity, Progress
from signalling.message import Request, ResponseTemplate, parse
from signalling.policy import PeerKind, PeerPolicy
from signalling.testing import Book, counting_token
from tests.signalling.flows import ANSWER, HELD, HOLD, OFFER

HERE, PROXY = ("192.0.2.200", 5060), ("198.51.100.1", 5060)
FLOW = Flow("udp", HERE, PROXY)


class Proxy:
    """The far end of one call of ours, written by hand: it may answer with any To tag."""

    def __init__(self, **changes: object) -> None:
        book = Book(trunks={PROXY[0]: PeerPolicy(PeerKind.TRUNK, "proxy")})
        self.endpoint = Endpoint(EndpointConfig(), book, counting_token())
        self.now = 0.0
        self.events: list[Event] = []
        self.sent: list[Request] = []
        values: dict[str, object] = {"body": OFFER, **changes}
        command = Invite("L", "sip:100@198.51.100.1", FLOW, Identity("200", "x"), "100", **values)  # type: ignore[arg-type]
        self.note(self.endpoint.submit(command, self.now))
        self.invite = self.sent.pop()

    def note(self, output: Output) -> None:
        self.events += output.events
        for transmit in output.transmits:
            message = parse(transmit.data)
            if isinstance(message, Request):
                self.sent.append(message)

    def answers(self, status: int, tag: str, body: bytes = b"", headers: str = "", to: Request | None = None) -> list[Request]:
        """A response with this To tag; what the endpoint sends for it."""
        self.sent = []
        contact = f"Contact: <sip:{tag}@198.51.100.7>\r\nAllow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK\r\n"
        template = ResponseTemplate(to or self.invite, HERE)
        kind = "application/sdp" if body else ""
        self.note(self.endpoint.receive(template.render(status, tag, contact + headers, kind, body), FLOW, self.now))
        return self.sent

    def order(self, command: object) -> list[Request]:
        self.sent = []
        self.note(self.endpoint.submit(command, self.now))  # type: ignore[arg-type]
        return self.sent

    def told(self, kind: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def reliable(number: int) -> str:
    return f"Require: 100rel\r\nRSeq: {number}\r\n"


@pytest.mark.acceptance("DLG-9", "TXN-6")
def test_each_early_dialog_has_its_own_prack_and_the_third_may_win() -> None:
    call = Proxy()
    (first,) = call.answers(183, "one", b"v=0 one", reliable(7))
    (second,) = call.answers(183, "two", b"v=0 two", reliable(90))
    assert [(prack.method, prack.to.tag, prack.get("rack"), prack.uri_text) for prack in (first, second)] == [
        ("PRACK", "one", "7 1 INVITE", "sip:one@198.51.100.7"),
        ("PRACK", "two", "90 1 INVITE", "sip:two@198.51.100.7"),
    ]
    assert first.cseq.number == second.cseq.number == 2, "every dialog counts for itself"
    assert [event.tag for event in call.told(EarlyDialog)] == ["two"]  # type: ignore[attr-defined]
    (ack,) = call.answers(200, "three", b"v=0 three")
    assert (ack.method, ack.to.tag) == ("ACK", "three")
    assert call.told(Answered)[0].body == Body(b"v=0 three")  # type: ignore[attr-defined]
    loser = call.answers(200, "two", b"v=0 two")
    assert [(message.method, message.to.tag) for message in loser] == [("ACK", "two"), ("BYE", "two")]
    assert loser[1].cseq.number == 3, "behind its PRACK"
    assert 'SIP;cause=200;text="Call completed elsewhere"' in loser[1].get("reason")
    assert not call.told(Ended)
    assert [message.method for message in call.answers(200, "three", b"v=0 three")] == ["ACK"], "a repeat"


def test_repeats_and_gaps_of_rseq_are_not_acknowledged() -> None:
    call = Proxy()
    assert len(call.answers(183, "one", b"v=0 one", reliable(7))) == 1
    assert call.answers(183, "one", b"v=0 one", reliable(7)) == []
    assert call.answers(180, "one", b"", reliable(9)) == []
    assert len(call.answers(180, "one", b"", reliable(8))) == 1
    assert len(call.told(Progress)) == 2


def test_an_early_dialog_that_is_over_is_told_and_the_others_go_on() -> None:
    call = Proxy()
    call.answers(180, "one")
    call.answers(180, "two")
    call.answers(199, "one")
    assert [(event.status, event.tag) for event in call.told(Progress)] == [  # type: ignore[attr-defined]
        (180, "one"), (180, "two"), (199, "one")
    ]  # fmt: skip
    call.answers(200, "two", b"v=0 two")
    assert len(call.told(Answered)) == 1


def test_update_goes_to_the_chosen_early_dialog_and_its_target() -> None:
    call = Proxy()
    call.answers(183, "one", b"v=0 one", reliable(1))
    call.answers(183, "two", b"v=0 two", reliable(1))
    (update,) = call.order(Update("L", HOLD, tag="one"))
    assert (update.method, update.to.tag, update.uri_text) == ("UPDATE", "one", "sip:one@198.51.100.7")
    call.answers(200, "one", b"v=0 held", to=update)
    call.answers(200, "one", to=call.invite)
    assert call.told(Answered)[0].body == Body(b"v=0 held")  # type: ignore[attr-defined]


def test_update_of_the_peer_in_a_losing_dialog_gets_its_answer() -> None:
    call = Proxy()
    call.answers(183, "one", b"v=0 one", reliable(1))
    offer = b"v=0 again"
    head = (
        f"UPDATE {call.invite.get('contact').strip('<>')} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKu\r\n"
        f"From: <sip:100@x>;tag=one\r\nTo: {call.invite.headers['from'][0]}\r\nCall-ID: {call.invite.call_id}\r\n"
        f"CSeq: 1 UPDATE\r\nContact: <sip:one@198.51.100.7>\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(offer)}\r\n\r\n"
    )
    call.note(call.endpoint.receive(head.encode() + offer, FLOW, call.now))
    contact = "Contact: <sip:two@198.51.100.7>\r\n"
    answer = ResponseTemplate(call.invite, HERE).render(200, "two", contact, "application/sdp", b"v=0")
    output = call.endpoint.receive(answer, FLOW, call.now)
    assert output.transmits[0].data.startswith(b"SIP/2.0 481 ")
    assert b"CSeq: 1 UPDATE" in output.transmits[0].data


def test_two_200_in_the_same_instant_one_wins() -> None:
    call = Proxy()
    assert [message.method for message in call.answers(200, "one", ANSWER.content)] == ["ACK"]
    assert [message.method for message in call.answers(200, "two", HELD.content)] == ["ACK", "BYE"]
    assert len(call.told(Answered)) == 1


@pytest.mark.acceptance("TXN-5")
def test_200_that_crosses_the_cancel_is_acknowledged_and_ended() -> None:
    call = Proxy()
    call.answers(180, "one")
    (cancel,) = call.order(HangUp("L", q850=16))
    assert cancel.method == "CANCEL"
    assert [message.method for message in call.answers(200, "one", ANSWER.content)] == ["ACK", "BYE"]
    assert not call.told(Answered)


def test_redirection_tells_where_to_go() -> None:
    call = Proxy()
    contacts = "Contact: <sip:b@x>;q=0.2, <sip:a@x>;q=0.9\r\nDiversion: <sip:100@x>;reason=unconditional\r\n"
    template = ResponseTemplate(call.invite, HERE)
    call.note(call.endpoint.receive(template.render(302, "one", contacts), FLOW, call.now))
    (ended,) = call.told(Ended)
    assert isinstance(ended, Ended)
    assert (ended.status, ended.contacts) == (302, ("sip:a@x", "sip:b@x"))
    assert ended.headers["diversion"] == "<sip:100@x>;reason=unconditional"


def test_prack_that_nobody_knows_ends_the_call() -> None:
    call = Proxy()
    (prack,) = call.answers(183, "one", b"v=0 one", reliable(1))
    sent = call.answers(481, "one", to=prack)
    assert [message.method for message in sent] == ["CANCEL"]
    assert call.told(Ended)[0].status == 481  # type: ignore[attr-defined]


def test_session_interval_too_small_is_repaired_once() -> None:
    call = Proxy()
    assert call.invite.get("session-expires") == "1800"
    again = call.answers(422, "one", headers="Min-SE: 2400\r\n")
    assert [message.method for message in again] == ["ACK", "INVITE"]
    assert (again[1].get("session-expires"), again[1].get("min-se"), again[1].cseq.number) == ("2400", "2400", 2)
    assert again[1].call_id == call.invite.call_id
    call.answers(422, "one", headers="Min-SE: 2400\r\n", to=again[1])
    assert call.told(Ended)[0].status == 422  # type: ignore[attr-defined]
