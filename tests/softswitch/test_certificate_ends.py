"""When certificates end: of listeners, trunks and signed calling numbers, each on its own (alarm `certificate`)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from softswitch.alerting.conditions import certificate_conditions
from softswitch.observe.certificates import Ends

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def now(self) -> float:
        return 0.0

    def utc(self) -> float:
        return NOW.timestamp()


def certificate(days: float) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=90)).not_valid_after(NOW + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def test_each_certificate_warns_at_21_and_at_7_days(tmp_path: Path) -> None:
    listener, trunk, stir = (tmp_path / name for name in ("listener.pem", "trunk.pem", "stir.pem"))
    listener.write_bytes(certificate(20))
    trunk.write_bytes(certificate(60) + certificate(6))  # one of its chain ends sooner
    stir.write_bytes(certificate(30))
    files = {"listener": str(listener), "trunk teams": str(trunk), "stir": str(stir), "trunk gone": str(tmp_path / "none")}
    ends = Ends(lambda: files, Clock())
    assert ends.days() == pytest.approx({"listener": 20, "trunk teams": 6, "stir": 30})
    levels = {each.object: each.level for each in certificate_conditions(ends.days(), 21.0)}
    assert levels == {"listener": "minor", "trunk teams": "major"}
    trunk.write_bytes(certificate(365))  # renewed in its place
    assert set(certificate_conditions(ends.days(), 21.0)) == {
        each for each in certificate_conditions(ends.days(), 21.0) if each.object == "listener"
    }
