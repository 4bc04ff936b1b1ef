"""TLS in both roles (sip.md §3, §9): 1.2 and newer, forward secrecy and AEAD only, certificates by name, reload in use."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2. 1.3 has no others; so neither RSA key exchange nor CBC is ever agreed."""
HANDSHAKE_TIME = 5.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files: the chain, our own certificate first, and its private key (the same file when it holds both)."""

    chain: Path
    key: Path

    @classmethod
    def parse(cls, text: str) -> Certificate:
        """Reads `CHAIN:KEY`, or one path of a file with both. Raises ValueError."""
        chain, _, key = text.partition(":")
        if not chain:
            raise ValueError(f'expected "chain.pem:key.pem" or one file with both, got "{text}"')
        return cls(Path(chain), Path(key or chain))


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How we connect to one peer. `name` is the configured host name: it is sent as SNI and must stand in the certificate."""

    name: str
    ca: str = ""  # PEM file of the authorities; empty: the system's
    certificate: Certificate | None = None  # ours, when the peer wants to know who we are
    verify: bool = True
    minimum: str = "1.2"  # or "1.3"
    alpn: tuple[str, ...] = ()


class ServerTls:
    """The certificates of our listeners. A handshake takes what is loaded at its time; connections live on over a reload."""

    def __init__(self, certificates: Iterable[Certificate], client_ca: str = "") -> None:
        """Raises OSError, ssl.SSLError or ValueError when a file cannot be used."""
        self._certificates = tuple(certificates)
        if not self._certificates:
            raise ValueError("a TLS listener needs a certificate")
        self._client_ca = client_ca
        self._read: tuple[float, ...] = ()
        self._by_name: dict[bool, dict[str, ssl.SSLContext]] = {}
        self.reload()

    def reload(self) -> None:
        """Read all files again. Raises as the constructor does, and then everything stays as it was."""
        times = self.stamp
        asked = (False, True) if self._client_ca else (False,)
        self._by_name = {clients: self._load(clients) for clients in asked}
        self._read = times

    @property
    def changed(self) -> bool:
        """Whether a file is another one than was read."""
        return self.stamp != self._read

    def context(self, *, clients: bool = False) -> ssl.SSLContext:
        """A context for a listener; `clients`: who connects must show a certificate. Raises ValueError without `client_ca`."""
        if clients and not self._client_ca:
            raise ValueError("a listener that asks for client certificates needs the authority that signs them")
        front = _server_context(self._certificates[0], self._client_ca if clients else "")

        def choose(connection: ssl.SSLObject, name: str | None, _front: ssl.SSLContext) -> None:
            connection.context = find(self._by_name[clients], name)

        front.sni_callback = choose
        return front

    def names(self) -> tuple[str, ...]:
        """What the certificates are for; "" stands for the first, which serves names that nobody knows."""
        return tuple(self._by_name[False])

    def _load(self, clients: bool) -> dict[str, ssl.SSLContext]:
        found: dict[str, ssl.SSLContext] = {}
        for certificate in self._certificates:
            context = _server_context(certificate, self._client_ca if clients else "")
            found.setdefault("", context)
            for name in subject_names(certificate.chain.read_bytes()):
                found.setdefault(name, context)
        return found

    @property
    def stamp(self) -> tuple[float, ...]:
        paths = [path for each in self._certificates for path in (each.chain, each.key)]
        if self._client_ca:
            paths.append(Path(self._client_ca))
        return tuple(path.stat().st_mtime_ns if path.exists() else 0.0 for path in paths)


def find(contexts: Mapping[str, ssl.SSLContext], name: str | None) -> ssl.SSLContext:
    """The context for a name: exact, then by wildcard (RFC 6125 §6.4.3: the left-most label only), then the first."""
    wanted = (name or "").lower().rstrip(".")
    exact = contexts.get(wanted)
    if exact is None:
        exact = contexts.get("*." + wanted.partition(".")[2])
    return exact if exact is not None else contexts[""]


def _server_context(certificate: Certificate, client_ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.load_cert_chain(certificate.chain, certificate.key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


@lru_cache(maxsize=256)
def client_context(client: ClientTls) -> ssl.SSLContext:
    """The context for a connection of ours. Raises OSError or ssl.SSLError when a file cannot be used."""
    context = ssl.create_default_context(cafile=client.ca or None)
    _restrict(context)
    if client.minimum == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if client.alpn:
        context.set_alpn_protocols(list(client.alpn))
    if not client.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client.certificate is not None:
        context.load_cert_chain(client.certificate.chain, client.certificate.key)
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


def subject_names(pem: bytes) -> tuple[str, ...]:
    """DNS names, SIP URIs' hosts and addresses of the first certificate of a file (RFC 5922 §7.1), in lower case.

    Raises ValueError for what is no certificate.
    """
    certificate = x509.load_pem_x509_certificate(pem)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    uris = [text.partition(":")[2] for text in names.get_values_for_type(x509.UniformResourceIdentifier) if text[:4] == "sip:"]
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return tuple(name.lower() for name in (*names.get_values_for_type(x509.DNSName), *uris, *addresses))


def peer_names(shown: Mapping[str, Any] | None) -> frozenset[str]:
    """The names in a certificate that a peer has proved (`SSLObject.getpeercert()`), in lower case; empty without one."""
    if not shown:
        return frozenset()
    names = set()
    for kind, value in shown.get("subjectAltName", ()):
        if kind in {"DNS", "IP Address"}:
            names.add(str(value).lower())
        elif kind == "URI" and str(value).lower().startswith("sip:"):
            names.add(str(value)[4:].lower())
    return frozenset(names)


def is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
