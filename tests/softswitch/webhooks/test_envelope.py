"""Which events a hook wants, how a delivery is signed, and what an answer means."""

from __future__ import annotations

import pytest

from softswitch.webhooks.envelope import MOST_AGE, SIGNATURE, TIMESTAMP, Verdict, backoff, headers, signature, verdict, wants


@pytest.mark.parametrize(
    ("patterns", "kind", "expected"),
    [
        (("call.ended",), "call.ended", True),
        (("call.ended",), "call.created", False),
        (("agent.*",), "agent.state", True),
        (("agent.*",), "agentx.state", False),
        (("*",), "rec.finished", True),
        ((), "call.ended", False),
        (("queue.*", "call.ended"), "call.ended", True),
    ],
)
def test_families(patterns: tuple[str, ...], kind: str, expected: bool) -> None:
    assert wants(patterns, kind) is expected


def test_the_signature_covers_time_address_and_body() -> None:
    found = headers("s", "http://x/h", "{}", identity="w1", kind="call.ended", attempt=2, at=1_700_000_000.9)
    assert found[TIMESTAMP] == "1700000000"
    assert found[SIGNATURE] == signature("s", "1700000000", "http://x/h", "{}")
    others = {
        signature("t", "1700000000", "http://x/h", "{}"), signature("s", "1700000001", "http://x/h", "{}"),
        signature("s", "1700000000", "http://x/i", "{}"), signature("s", "1700000000", "http://x/h", "{ }"),
    }  # fmt: skip
    assert len(others | {found[SIGNATURE]}) == 5
    assert SIGNATURE not in headers("", "http://x/h", "{}", identity="w1", kind="k", attempt=1, at=1.0)


@pytest.mark.parametrize(
    ("status", "attempts", "age", "expected"),
    [
        (200, 1, 0.0, Verdict.DONE),
        (204, 9, MOST_AGE * 2, Verdict.DONE),
        (301, 1, 0.0, Verdict.AGAIN),
        (500, 50, 3600.0, Verdict.AGAIN),
        (0, 50, MOST_AGE, Verdict.FAILED),
        (404, 2, 0.0, Verdict.AGAIN),
        (404, 3, 0.0, Verdict.FAILED),
        (429, 30, 0.0, Verdict.AGAIN),
    ],
)
def test_what_an_answer_means(status: int, attempts: int, age: float, expected: Verdict) -> None:
    assert verdict(status, attempts, age) is expected


def test_pauses_grow_to_a_quarter_of_an_hour() -> None:
    pauses = [backoff(attempts) for attempts in range(1, 20)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, 900.0)
