"""A certificate authority for calling numbers, made anew in each test run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = 1_800_000_000.0


class Authority:
    """A root, and certificates below it. `now` is the middle of their time."""

    def __init__(self, name: str = "STI-CA of tests", now: float = NOW) -> None:
        self.now = now
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self._made(self.name, self.key.public_key(), self.name, self.key, ca=True)

    def issue(
        self, name: str = "SHAKEN 1234", *, days: float = 10, ca: bool = False, curve: ec.EllipticCurve | None = None
    ) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(curve or ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return key, self._made(subject, key.public_key(), self.name, self.key, ca=ca, days=days)

    def below(self, name: str = "between", *, ca: bool = True) -> Authority:
        """An intermediate authority; `root` is its own certificate."""
        key, certificate = self.issue(name, ca=ca)
        other = Authority.__new__(Authority)
        other.now, other.key, other.name, other.root = self.now, key, certificate.subject, certificate
        return other

    def _made(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name, by: ec.EllipticCurvePrivateKey, *,
        ca: bool, days: float = 10,
    ) -> x509.Certificate:  # fmt: skip
        middle = datetime.fromtimestamp(self.now, UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(middle - timedelta(days=20))
        builder = builder.not_valid_after(middle + timedelta(days=days))
        return builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True).sign(by, hashes.SHA256())
