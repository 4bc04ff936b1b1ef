"""Who signs for a calling number: PASSporTs in Identity headers (RFC 8224, 8225, 8588, 8946). Pure: keys are arguments.

A PASSporT is a signed token with the calling and the called number. Here tokens are written, read and checked against a public
key; whose key it is and whether that somebody may be believed is asked elsewhere (`softswitch.trunks.credentials`).
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from signalling.errors import RemoteProtocolError

FRESH = 60
"""Seconds that a token may be old, or ahead of our clock (RFC 8224 §6.2.1, sip.md §5.4)."""
MAX_HEADERS = 10
MAX_VALUE = 8192
_ALGORITHM = ECDSA(SHA256())
_PART = re.compile(r"[A-Za-z0-9_-]*")
_PARAMETER = re.compile(r';\s*([A-Za-z0-9-]+)\s*=\s*(<[^<>"\s]*>|"[^"]*"|[^;"<>\s]+)\s*')


@dataclass(frozen=True, slots=True)
class Passport:
    """One token as it came. `signed` is what the signature covers; "" in the compact form until `completed`."""

    url: str  # where the certificate is
    ppt: str  # "" | shaken | div
    signature: bytes = field(repr=False)
    signed: bytes = field(default=b"", repr=False)
    claims: Mapping[str, Any] = field(default_factory=dict)

    @property
    def issued(self) -> int:
        """`iat`, UTC epoch seconds; 0 without one."""
        value = self.claims.get("iat")
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    @property
    def origin(self) -> str:
        return next(iter(_names(self.claims.get("orig"))), "")

    @property
    def destinations(self) -> tuple[str, ...]:
        return _names(self.claims.get("dest"))

    @property
    def diverted(self) -> str:
        """Of a `div` token: whom the call was for before."""
        return next(iter(_names(self.claims.get("div"))), "")

    @property
    def attestation(self) -> str:
        """A, B or C of SHAKEN, "" otherwise."""
        value = self.claims.get("attest")
        return value if value in ("A", "B", "C") else ""

    def is_signed_by(self, key: EllipticCurvePublicKey) -> bool:
        half = len(self.signature) // 2
        if len(self.signature) != 64 or not self.signed:
            return False
        r, s = (int.from_bytes(part, "big") for part in (self.signature[:half], self.signature[half:]))
        try:
            key.verify(encode_dss_signature(r, s), self.signed, _ALGORITHM)
        except InvalidSignature:
            return False
        return True

    def completed(self, orig: str, dest: str, issued: int) -> Passport:
        """A token of the compact form, whose claims the message itself tells (RFC 8224 §4.1); a full one as it is."""
        if self.signed:
            return self
        claims = {"dest": {"tn": [dest]}, "iat": issued, "orig": {"tn": orig}}
        return Passport(self.url, self.ppt, self.signature, _signed(self.url, self.ppt, claims), claims)


def parse(value: str) -> Passport:
    """Reads the value of one Identity header, full or compact. Raises RemoteProtocolError(438)."""
    if len(value) > MAX_VALUE:
        raise _invalid("too long")
    token, _, _ = value.strip().partition(";")
    parameters = {name.lower(): text.strip('<>"') for name, text in _PARAMETER.findall(value.strip()[len(token) :])}
    pieces = token.strip().split(".")
    if len(pieces) != 3 or not all(map(_PART.fullmatch, pieces)) or not pieces[2]:
        raise _invalid("no token of three parts")
    if parameters.get("alg", "ES256") != "ES256" or "info" not in parameters:
        raise _invalid("no info, or another algorithm than ES256")
    signature = _decoded(pieces[2])
    if not pieces[0] and not pieces[1]:
        return Passport(parameters["info"], parameters.get("ppt", ""), signature)
    head, claims = _object(pieces[0]), _object(pieces[1])
    url, ppt = head.get("x5u"), head.get("ppt", "")
    if head.get("alg") != "ES256" or head.get("typ") != "passport" or not isinstance(url, str) or not isinstance(ppt, str):
        raise _invalid("the token's head is none of a PASSporT")
    if url != parameters["info"] or parameters.get("ppt", ppt) != ppt:
        raise _invalid("header and token tell different certificates or kinds")
    return Passport(url, ppt, signature, f"{pieces[0]}.{pieces[1]}".encode(), claims)


def shaken(key: EllipticCurvePrivateKey, url: str, *, orig: str, dest: str, issued: int, attestation: str, origid: str) -> str:
    """The Identity header of a call from `orig` to `dest`, digits without plus (RFC 8588 §4)."""
    claims = {
        "attest": attestation, "dest": {"tn": [dest]}, "iat": issued, "orig": {"tn": orig}, "origid": origid,
    }  # fmt: skip
    return _header(key, url, "shaken", claims)


def div(key: EllipticCurvePrivateKey, url: str, *, orig: str, dest: str, diverted: str, issued: int) -> str:
    """The header that stands beside the original one when a call was sent on from `diverted` to `dest` (RFC 8946 §3)."""
    claims = {"dest": {"tn": [dest]}, "div": {"tn": diverted}, "iat": issued, "orig": {"tn": orig}}
    return _header(key, url, "div", claims)


def telephone(number: str) -> str:
    """A number as tokens write it: digits, # and * alone (RFC 8224 §8.3)."""
    return re.sub(r"[^0-9#*]", "", number)


def leads(passports: Sequence[Passport], orig: str, dests: Iterable[str]) -> Passport | None:
    """The token that speaks for this call: from `orig`, to one of `dests` itself or by a row of `div` tokens; None without.

    Signatures are the caller's to check, of every token given here.
    """
    reached = {telephone(dest) for dest in dests}
    sent_on = [passport for passport in passports if passport.ppt == "div" and telephone(passport.origin) == telephone(orig)]
    for _ in sent_on:
        reached |= {
            telephone(each.diverted) for each in sent_on if each.diverted and reached & set(map(telephone, each.destinations))
        }
    for passport in passports:
        heads_here = reached & set(map(telephone, passport.destinations))
        if passport.ppt in ("", "shaken") and heads_here and telephone(passport.origin) == telephone(orig) != "":
            return passport
    return None


def _header(key: EllipticCurvePrivateKey, url: str, ppt: str, claims: Mapping[str, Any]) -> str:
    signed = _signed(url, ppt, claims)
    r, s = decode_dss_signature(key.sign(signed, _ALGORITHM))
    signature = _encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return f'{signed.decode()}.{signature};info=<{url}>;alg=ES256;ppt="{ppt}"'


def _signed(url: str, ppt: str, claims: Mapping[str, Any]) -> bytes:
    head = {"alg": "ES256", **({"ppt": ppt} if ppt else {}), "typ": "passport", "x5u": url}
    return ".".join(_encoded(_canonical(part)) for part in (head, claims)).encode()


def _canonical(value: Mapping[str, Any]) -> bytes:
    """Keys in order, no blanks (RFC 8225 §9)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _encoded(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Base64Error, ValueError):
        raise _invalid("no base64") from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text))
    except (ValueError, RecursionError):
        raise _invalid("no JSON") from None
    if not isinstance(found, dict):
        raise _invalid("no JSON object")
    return found


def _names(value: object) -> tuple[str, ...]:
    """Of `orig`, `dest` or `div`: the numbers, else the URIs."""
    if not isinstance(value, dict):
        return ()
    found = value.get("tn", value.get("uri", ()))
    items = found if isinstance(found, list) else [found]
    return tuple(item for item in items if isinstance(item, str))


def _invalid(why: str) -> RemoteProtocolError:
    return RemoteProtocolError(438, f"Invalid Identity Header: {why}")
