"""PASSporTs: the example of RFC 8225, what is written and read again, and hostile spellings."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from signalling import identity
from signalling.errors import RemoteProtocolError

KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
URL = "https://cert.example.org/passport.cer"
RFC_8225 = (
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9."
    "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19."
    "VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw"
)
"""Appendix A of RFC 8225. Its signature does not belong to the key that is printed beside it; what is signed is right."""
NUMBERS = st.text("0123456789", min_size=1, max_size=15)


def test_the_example_of_rfc_8225() -> None:
    passport = identity.parse(f"{RFC_8225};info=<{URL}>;alg=ES256")
    assert (passport.origin, passport.destinations, passport.issued) == ("12155551212", ("sip:alice@example.com",), 1471375418)


def test_the_signature_of_rfc_7515() -> None:
    """Appendix A.3: ES256 as r and s beside each other."""
    x, y = (int.from_bytes(identity._decoded(text), "big") for text in (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"))  # fmt: skip
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    signature = identity._decoded("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")
    signed = (
        b"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    assert identity.Passport("", "", signature, signed).is_signed_by(key)
    assert not identity.Passport("", "", signature, signed + b"x").is_signed_by(key)


def test_what_is_signed_is_written_in_order_without_blanks() -> None:
    """RFC 8225 §9: the head and claims of Appendix A come out octet by octet."""
    head, claims, _ = RFC_8225.split(".")
    value = identity.shaken(KEY, URL, orig="12155551212", dest="13105551234", issued=1471375418, attestation="A", origid="1-2")
    assert identity._signed(URL, "", {"orig": {"tn": "12155551212"}, "iat": 1471375418,
                                      "dest": {"uri": ["sip:alice@example.com"]}}).decode() == f"{head}.{claims}"  # fmt: skip
    assert value.endswith(f';info=<{URL}>;alg=ES256;ppt="shaken"')
    assert identity.parse(value).claims == {
        "attest": "A", "dest": {"tn": ["13105551234"]}, "iat": 1471375418, "orig": {"tn": "12155551212"}, "origid": "1-2",
    }  # fmt: skip


@given(orig=NUMBERS, dest=NUMBERS, issued=st.integers(1, 2**33), attestation=st.sampled_from("ABC"))
def test_what_is_written_is_read(orig: str, dest: str, issued: int, attestation: str) -> None:
    value = identity.shaken(KEY, URL, orig=orig, dest=dest, issued=issued, attestation=attestation, origid="x")
    passport = identity.parse(value)
    assert (passport.origin, passport.destinations, passport.issued) == (orig, (dest,), issued)
    assert (passport.ppt, passport.attestation, passport.url) == ("shaken", attestation, URL)
    assert passport.is_signed_by(KEY.public_key()) and not passport.is_signed_by(OTHER.public_key())


def test_the_compact_form_takes_its_numbers_from_the_message() -> None:
    signature = identity._header(KEY, URL, "", {"dest": {"tn": ["200"]}, "iat": 9, "orig": {"tn": "100"}}).split(";")[0]
    compact = f"..{signature.rsplit('.', 1)[1]};info=<{URL}>;alg=ES256"
    passport = identity.parse(compact)
    assert not passport.is_signed_by(KEY.public_key())
    assert passport.completed("100", "200", 9).is_signed_by(KEY.public_key())
    assert not passport.completed("100", "201", 9).is_signed_by(KEY.public_key())


@pytest.mark.parametrize(
    "value",
    ["", "a", "a.b", "a.b.c.d", "..", RFC_8225, f"{RFC_8225};info=<https://other.example/x>",
     f"{RFC_8225};info=<{URL}>;alg=none",
     f"{RFC_8225};info=<{URL}>;ppt=shaken", f"e30.e30.AAAA;info=<{URL}>", f"W10.W10.AAAA;info=<{URL}>", "é.é.é;info=<x>",
     f"{'W1' * 5000}.e30.AA;info=<{URL}>"],
)  # fmt: skip
def test_nonsense_is_438(value: str) -> None:
    with pytest.raises(RemoteProtocolError) as fault:
        identity.parse(value)
    assert fault.value.status == 438


@given(st.text(max_size=300))
def test_any_text_is_a_value_or_438(value: str) -> None:
    try:
        identity.parse(value)
    except RemoteProtocolError as fault:
        assert fault.status == 438


def test_a_chain_of_diversions_leads_to_the_call() -> None:
    def token(value: str) -> identity.Passport:
        return identity.parse(value)

    first = token(identity.shaken(KEY, URL, orig="100", dest="200", issued=9, attestation="A", origid="x"))
    second = token(identity.div(KEY, URL, orig="100", dest="300", diverted="200", issued=9))
    third = token(identity.div(KEY, URL, orig="100", dest="400", diverted="300", issued=9))
    assert identity.leads([first], "+100", ["200"]) is first
    assert identity.leads([first], "100", ["300"]) is None
    assert identity.leads([first], "101", ["200"]) is None
    assert identity.leads([third, first, second], "100", ["400"]) is first
    assert identity.leads([first, third], "100", ["400"]) is None, "a step is missing"
    assert identity.leads([second, third], "100", ["400"]) is None, "nobody vouches for the caller"
