"""Digest authentication: vectors, and what a verifier must refuse."""

from __future__ import annotations

import pytest

from signalling.auth import DigestClient, Outcome, Verifier, ha1, parse_credentials, response_value
from signalling.commands import Login
from signalling.testing import counting_token

SOURCE = "203.0.113.7"


@pytest.mark.acceptance("REG-1")
@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "c0f46a8d7b37dd95b920128b85947fb8"),
        ("SHA-256", "de4136601b35e59b0bc7af36790eb280b2231221d7c0049e511cf82fc49ff09d"),
        ("SHA-512-256", "4c782ba1a713bbbccc3105660232d22a78ea19cb767bd1c0579ec81b8faf9643"),
    ],
)
def test_vectors(algorithm: str, expected: str) -> None:
    secret = ha1(algorithm, "1001", "pbx.example.com", "s3cret")
    uri = "sip:pbx.example.com"
    value = response_value(algorithm, secret, "REGISTER", uri, nonce="bm9uY2UtZml4ZWQtMDE=", nc="00000001", cnonce="0a4f113b")
    assert value == expected


class Server:
    """A verifier with one account, and a client that talks to it."""

    def __init__(self) -> None:
        self.verifier = Verifier("pbx", b"key", counting_token())
        self.accounts = {"1001": {name: ha1(name, "1001", "pbx", "s3cret") for name in ("MD5", "SHA-256")}}
        self.client = DigestClient(Login("1001", "s3cret"), counting_token("c"))

    def challenge(self, now: float = 10.0) -> list[str]:
        return self.verifier.challenge(SOURCE, now)

    def check(
        self, value: str | None, now: float = 10.0, method: str = "REGISTER", uri: str = "sip:pbx", source: str = SOURCE
    ) -> Outcome:
        return self.verifier.check([value] if value else [], method, uri, source, now, self.accounts.get)[0]


def test_challenge_offers_sha256_before_md5() -> None:
    values = Server().challenge()
    assert ["SHA-256" in values[0], "MD5" in values[1]] == [True, True]
    assert all('qop="auth"' in value and "stale" not in value for value in values)


def test_client_takes_the_stronger_algorithm_and_is_accepted() -> None:
    server = Server()
    value = server.client.answer(server.challenge(), "REGISTER", "sip:pbx")
    assert value is not None
    assert "algorithm=SHA-256" in value
    assert server.check(value) is Outcome.ACCEPTED


def test_md5_only_client_is_accepted() -> None:
    server = Server()
    assert server.check(server.client.answer(server.challenge()[1:], "REGISTER", "sip:pbx")) is Outcome.ACCEPTED


def test_replay_is_stale_not_accepted() -> None:
    server = Server()
    value = server.client.answer(server.challenge(), "REGISTER", "sip:pbx")
    assert server.check(value) is Outcome.ACCEPTED
    assert server.check(value) is Outcome.REPLAYED


def test_counts_out_of_order_are_accepted_once_each() -> None:
    server = Server()
    secret = server.accounts["1001"]["MD5"]
    nonce = parse_credentials(server.challenge()[1])[1]["nonce"]

    def value(nc: int) -> str:
        count = f"{nc:08x}"
        proof = response_value("MD5", secret, "REGISTER", "sip:pbx", nonce=nonce, nc=count, cnonce="c")
        return (
            f'Digest username="1001", realm="pbx", nonce="{nonce}", uri="sip:pbx", algorithm=MD5, response="{proof}", '
            f'qop=auth, nc={count}, cnonce="c"'
        )

    outcomes = [server.check(value(nc)) for nc in (1, 3, 2, 2, 3, 200, 136, 137)]
    accepted, stale = Outcome.ACCEPTED, Outcome.REPLAYED
    assert outcomes == [accepted, accepted, accepted, stale, stale, accepted, stale, accepted]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"now": 10.0 + 301.0}, Outcome.STALE),
        ({"source": "198.51.100.9"}, Outcome.STALE),
        ({"method": "INVITE"}, Outcome.WRONG),
        ({"uri": "sip:elsewhere"}, Outcome.WRONG),
        ({"source": "203.0.113.99"}, Outcome.ACCEPTED),
        ({"uri": "sip:pbx:5060"}, Outcome.ACCEPTED),
        ({"uri": "sip:100@pbx;transport=udp"}, Outcome.ACCEPTED),
    ],
)
def test_what_the_proof_is_bound_to(change: dict[str, object], expected: Outcome) -> None:
    server = Server()
    value = server.client.answer(server.challenge(), "REGISTER", "sip:pbx")
    assert server.check(value, **change) is expected  # type: ignore[arg-type]


def test_wrong_password_unknown_user_forged_nonce_and_missing() -> None:
    server = Server()
    wrong = DigestClient(Login("1001", "guess"), counting_token()).answer(server.challenge(), "REGISTER", "sip:pbx")
    unknown = DigestClient(Login("9999", "guess"), counting_token()).answer(server.challenge(), "REGISTER", "sip:pbx")
    forged = DigestClient(Login("1001", "s3cret"), counting_token()).answer(
        ['Digest realm="pbx", nonce="abc", qop="auth"'], "REGISTER", "sip:pbx"
    )
    foreign = DigestClient(Login("1001", "s3cret"), counting_token()).answer(
        ['Digest realm="other", nonce="abc", qop="auth"'], "REGISTER", "sip:pbx"
    )
    outcomes = [server.check(value) for value in (wrong, unknown, forged, foreign, "NoOneKnowsThisScheme x=y", None)]
    missing = Outcome.MISSING
    assert outcomes == [Outcome.WRONG, Outcome.WRONG, Outcome.FORGED, missing, missing, missing]


def test_client_answers_a_nonce_once_unless_it_is_stale_and_never_a_second_realm() -> None:
    server = Server()
    challenge = server.challenge()
    assert server.client.answer(challenge, "INVITE", "sip:x")
    assert server.client.answer(challenge, "INVITE", "sip:x") is None
    assert server.client.answer([value + ", stale=true" for value in challenge], "INVITE", "sip:x")
    assert server.client.answer(['Digest realm="thief", nonce="n", qop="auth"'], "INVITE", "sip:x") is None
    assert server.client.answer(["Basic realm=x", "Digest nonce"], "INVITE", "sip:x") is None


def test_a_login_of_one_realm_and_some_algorithms_answers_no_other() -> None:
    sha, md5 = (f'Digest realm="pbx", nonce="n", algorithm={each}, qop="auth"' for each in ("SHA-256", "MD5"))
    strict = Login("1001", "s3cret", "pbx", ("SHA-256",))
    assert DigestClient(strict, counting_token()).answer([md5], "INVITE", "sip:pbx") is None
    answer = DigestClient(strict, counting_token()).answer([md5, sha], "INVITE", "sip:pbx")
    assert answer is not None
    assert "algorithm=SHA-256" in answer
    foreign = sha.replace('realm="pbx"', 'realm="elsewhere"')
    assert DigestClient(strict, counting_token()).answer([foreign], "INVITE", "sip:pbx") is None
    assert DigestClient(Login("1001", "s3cret"), counting_token()).answer([foreign], "INVITE", "sip:pbx") is not None
