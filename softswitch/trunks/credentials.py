"""Certificates of those who sign calling numbers: our own, those kept here, those fetched; and to whom their chains lead."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MAX_CHAIN = 5
MAX_OCTETS = 65_536
MAX_KEPT = 1000
KEPT_SECONDS = 3600.0
REFUSED_SECONDS = 60.0
PATIENCE = 2.0
PORTS = (443, 8443)
"""Where certificates are published (ATIS-1000074 §5.3.1)."""


class CannotFetchError(Exception):
    """The certificate cannot be had: 436 Bad Identity Info."""


class NotTrustedError(Exception):
    """The certificate is none that we believe: 437 Unsupported Credential."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Our own certificate for calling numbers; `url` is where others fetch it."""

    key: EllipticCurvePrivateKey
    url: str


def read_signer(files: str, url: str) -> Signer:
    """`CHAIN.pem:KEY.pem`. Raises OSError, ValueError: unreadable, not on P-256, not belonging together."""
    chain, _, key = files.partition(":")
    private = load_pem_private_key(Path(key or chain).read_bytes(), password=None)
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        raise ValueError("the key that signs numbers must be on the curve P-256 (ES256)")
    leaf = x509.load_pem_x509_certificates(Path(chain).read_bytes())[0]
    if leaf.public_key() != private.public_key():
        raise ValueError("certificate and key of stir do not belong together")
    if urlsplit(url).scheme != "https":
        raise ValueError("stir.url must be the https address where others fetch the certificate")
    return Signer(private, url)


def trusted(chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], now: float) -> EllipticCurvePublicKey:
    """The key of the first certificate, when the chain ends at an anchor and is valid now. Raises NotTrustedError."""
    at = datetime.fromtimestamp(now, UTC)
    current, others = chain[0], list(chain[1:])
    for depth in range(MAX_CHAIN):
        if not current.not_valid_before_utc <= at <= current.not_valid_after_utc:
            raise NotTrustedError("a certificate is not valid at this time")
        if depth and not _may_sign(current):
            raise NotTrustedError("a certificate of the chain may not sign others")
        if current in anchors:
            return _key_of(chain[0])
        issuer = next((each for each in (*anchors, *others) if _issued(current, each)), None)
        if issuer is None:
            raise NotTrustedError("the chain ends at nobody whom we trust")
        current = issuer
    raise NotTrustedError("the chain is too long")


def _key_of(leaf: x509.Certificate) -> EllipticCurvePublicKey:
    key = leaf.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise NotTrustedError("the key is not on the curve P-256")
    return key


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate == issuer or certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


Fetch = Callable[[str], Awaitable[bytes]]


class Chains:
    """Certificate chains by address, bounded in number and time; an address that failed is left alone for a minute.

    `kept` are chains that never are fetched; `fetch` None fetches nothing at all.
    """

    def __init__(self, kept: dict[str, tuple[x509.Certificate, ...]], fetch: Fetch | None, now: Callable[[], float]) -> None:
        self._kept = kept
        self._fetch = fetch
        self._now = now
        self._found: OrderedDict[str, tuple[float, tuple[x509.Certificate, ...]]] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[tuple[x509.Certificate, ...]]] = {}

    def known(self, url: str) -> tuple[x509.Certificate, ...] | None:
        """What is here already; () for an address that has just failed, None for one that must be fetched."""
        if url in self._kept:
            return self._kept[url]
        until, chain = self._found.get(url, (0.0, None))
        return chain if self._now() < until else None

    async def get(self, url: str) -> tuple[x509.Certificate, ...]:
        """Raises CannotFetchError. Many calls that want the same one wait for one fetch."""
        chain = self.known(url)
        if chain is None:
            task = self._under_way.get(url)
            if task is None:
                task = self._under_way[url] = asyncio.get_running_loop().create_task(self._load(url))
                task.add_done_callback(lambda _done: self._under_way.pop(url, None))
            chain = await asyncio.shield(task)
        if not chain:
            raise CannotFetchError(f"no certificate at {url}")
        return chain

    async def _load(self, url: str) -> tuple[x509.Certificate, ...]:
        chain: tuple[x509.Certificate, ...] = ()
        if self._fetch is not None and is_public(url):
            try:
                async with asyncio.timeout(PATIENCE):
                    chain = tuple(x509.load_pem_x509_certificates(await self._fetch(url)))
            except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
                chain = ()
        self._found[url] = (self._now() + (KEPT_SECONDS if chain else REFUSED_SECONDS), chain)
        self._found.move_to_end(url)
        while len(self._found) > MAX_KEPT:
            self._found.popitem(last=False)
        return chain


def is_public(url: str) -> bool:
    """Whether an address of a stranger's message may be asked at all: https, a usual port, a name, nothing else in it."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return False
    host = parts.hostname or ""
    if parts.scheme != "https" or port not in PORTS or parts.username or parts.fragment or "." not in host:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True


class PublicResolver(AbstractResolver):
    """Names that lead into our own network lead nowhere: who writes the header must not choose what we connect to (SSRF)."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        public = [entry for entry in found if ipaddress.ip_address(entry["host"]).is_global]
        if not public:
            raise OSError(f"{host} is no public address")
        return public

    async def close(self) -> None:
        await self._inner.close()


async def fetch(url: str) -> bytes:
    """What stands at a public address, without following redirects. Raises aiohttp.ClientError, OSError, ValueError."""
    connector = aiohttp.TCPConnector(resolver=PublicResolver(), limit=4)
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != 200:
            raise ValueError(f"status {response.status}")
        content: Any = await response.content.read(MAX_OCTETS + 1)
        while len(content) <= MAX_OCTETS and (more := await response.content.read(MAX_OCTETS + 1)):
            content += more
    if len(content) > MAX_OCTETS:
        raise ValueError("too long for a certificate")
    return bytes(content)
