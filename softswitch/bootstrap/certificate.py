"""A self-signed certificate for `softswitch demo --lan`: browsers give the microphone to secure pages only."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from signalling.transports.tls import Certificate
from softswitch.config.settings import Settings
from softswitch.model.clock import Clock
from softswitch.observe.certificates import Certificates

SECURED = ("tls", "mtls", "wss")
VALID = timedelta(days=397)  # the longest that browsers accept
RENEW = timedelta(days=30)


def self_signed(data_dir: Path, now: datetime) -> tuple[Path, Path]:
    """Certificate and key below `data_dir/tls`, made when missing or about to end. `now` is aware."""
    folder = data_dir / "tls"
    certificate, key = folder / "self-signed.pem", folder / "self-signed.key"
    if certificate.exists() and key.exists():
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
        if known.not_valid_after_utc - now > RENEW:
            return certificate, key
    folder.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    made = _certificate(private, now)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    return certificate, key


def certificates_of(settings: Settings, clock: Clock) -> Certificates:
    """What the listeners of these settings need: their own files, else those of the pages, else one that is signed by itself.

    Raises OSError, ssl.SSLError or ValueError for a file that cannot be used.
    """
    pages: tuple[Certificate, ...] = ()
    if settings.http.tls_cert:
        pages = (Certificate(Path(settings.http.tls_cert), Path(settings.http.tls_key or settings.http.tls_cert)),)
    sip = tuple(map(Certificate.parse, settings.sip.tls_certificates)) or pages
    if not any(listen.transport in SECURED for listen in settings.sip.listen):
        sip = ()
    elif not sip:
        sip = (Certificate(*self_signed(settings.data_dir, datetime.fromtimestamp(clock.utc(), UTC))),)
    return Certificates(clock, sip=sip, http=pages, client_ca=settings.sip.tls_client_ca)


def _certificate(private: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "softswitch demo")])
    addresses = {ipaddress.ip_address("127.0.0.1"), *map(ipaddress.ip_address, local_addresses())}
    names = [x509.DNSName("localhost"), *(x509.IPAddress(address) for address in sorted(addresses, key=str))]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(private, hashes.SHA256())
    )


def local_addresses() -> list[str]:
    """IPv4 addresses of this machine, the one of the default route first; nothing is sent to find it."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):  # no route: alone
        probe.connect(("192.0.2.1", 9))  # RFC 5737: belongs to nobody
        found.append(str(probe.getsockname()[0]))
    with contextlib.suppress(OSError):  # the host name may be unknown to the resolver
        found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET))
    return list(dict.fromkeys(found))
