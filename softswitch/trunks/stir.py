"""STIR/SHAKEN: what Identity headers of a carrier's call are worth, and those of our own calls (RFC 8224, 8588, 8946)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import structlog
from cryptography import x509

from signalling import identity
from signalling.errors import RemoteProtocolError
from signalling.identity import Passport
from softswitch.model.clock import Clock
from softswitch.trunks.credentials import CannotFetchError, Chains, NotTrustedError, Signer, trusted

log = structlog.get_logger("stir")

PASSED, FAILED, NONE = "TN-Validation-Passed", "TN-Validation-Failed", "No-TN-Validation"


class Verdict(NamedTuple):
    """What is known of the calling number. `status` refuses the call where the trunk's policy is `reject`."""

    verstat: str
    attestation: str = ""
    status: int = 0
    reason: str = ""


class Asked(NamedTuple):
    """One call as it came: unread Identity headers, Date, the calling number, and the numbers it may be for."""

    identities: tuple[str, ...]
    date: str
    orig: str
    dests: tuple[str, ...]


class Stir:
    """Owned by the loop. Judging is arithmetic of 0.2 ms; only a certificate that is not here yet takes time (`prepare`)."""

    def __init__(
        self, clock: Clock, chains: Chains, anchors: Sequence[x509.Certificate] = (), signer: Signer | None = None
    ) -> None:
        self._clock = clock
        self._chains = chains
        self._anchors = tuple(anchors)
        self._signer = signer

    # calls that come in

    def judge(self, asked: Asked) -> Verdict | None:
        """The verdict; None while a certificate has to be fetched first."""
        if not asked.identities:
            return Verdict(NONE, status=428, reason="no Identity header")
        try:
            passports = self._read(asked)
            for passport in passports:
                chain = self._chains.known(passport.url)
                if chain is None:
                    return None
                self._check(passport, chain)
        except RemoteProtocolError as fault:
            return Verdict(FAILED, status=fault.status or 438, reason=str(fault))
        except CannotFetchError as fault:
            return Verdict(NONE, status=436, reason=str(fault))
        except NotTrustedError as fault:
            return Verdict(FAILED, status=437, reason=str(fault))
        found = identity.leads(passports, asked.orig, asked.dests)
        if found is None:
            return Verdict(FAILED, status=438, reason="signed for other numbers")
        return Verdict(PASSED, found.attestation)

    async def prepare(self, asked: Asked) -> None:
        """Fetches the certificates that are not here; what cannot be had is remembered as such."""
        for passport in self._read(asked):
            try:
                await self._chains.get(passport.url)
            except CannotFetchError as fault:
                log.info("! certificate of a calling number", reason=str(fault))

    def _read(self, asked: Asked) -> list[Passport]:
        issued = _seconds(asked.date)
        orig, dest = identity.telephone(asked.orig), identity.telephone(asked.dests[0] if asked.dests else "")
        found = [identity.parse(value).completed(orig, dest, issued) for value in asked.identities[: identity.MAX_HEADERS]]
        known = [passport for passport in found if passport.ppt in ("", "shaken", "div")]  # others say other things
        if not known:
            raise RemoteProtocolError(438, "Invalid Identity Header: no kind that is known here")
        return known

    def _check(self, passport: Passport, chain: Sequence[x509.Certificate]) -> None:
        if not chain:
            raise CannotFetchError(f"no certificate at {passport.url}")
        now = self._clock.utc()
        if abs(now - passport.issued) > identity.FRESH:
            raise RemoteProtocolError(403, "Stale Date")
        if not passport.is_signed_by(trusted(chain, self._anchors, now)):
            raise RemoteProtocolError(438, "Invalid Identity Header: the signature is wrong")

    # calls that go out

    def sign(self, orig: str, dest: str, attestation: str, originals: Sequence[str] = ()) -> tuple[str, ...]:
        """Identity headers of a call of ours; () without a certificate or with a number that nobody can sign.

        `originals` are those of a call that was sent on: they stay, and a `div` token tells from where (RFC 8946).
        """
        orig, dest = identity.telephone(orig), identity.telephone(dest)
        if self._signer is None or not orig or not dest:
            return ()
        key, url, now = self._signer.key, self._signer.url, int(self._clock.utc())
        kept = _readable(originals)
        if kept:
            left = {identity.telephone(each.diverted) for each in kept.values()}
            ends = [name for each in kept.values() for name in map(identity.telephone, each.destinations) if name not in left]
            if not ends or dest in ends:
                return tuple(kept)
            origin = identity.telephone(next(iter(kept.values())).origin)
            return (*kept, identity.div(key, url, orig=origin, dest=dest, diverted=ends[-1], issued=now))
        return (
            identity.shaken(
                key, url, orig=orig, dest=dest, issued=now, attestation=attestation, origid=str(uuid.uuid4())
            ),
        )  # fmt: skip


def _readable(originals: Sequence[str]) -> dict[str, Passport]:
    """Full tokens only: a compact one cannot be read once the numbers have changed."""
    found = {}
    for value in originals:
        try:
            passport = identity.parse(value)
        except RemoteProtocolError:
            continue
        if passport.signed:
            found[value] = passport
    return found


def _seconds(date: str) -> int:
    """A Date header as UTC epoch seconds, 0 for none."""
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError):
        return 0
