"""Secrets of the directory: where they come from, how they are made, how they lie in the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "secret.key"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no letters that are mistaken for others when typed into a phone


class Sources(Protocol):
    """Resolves `env:NAME` and `file:PATH`. Raises ValueError with `expected …, got …`."""

    def environment(self, name: str) -> str: ...

    def file(self, path: str) -> str: ...


@dataclass(frozen=True, slots=True)
class LocalSources:
    """For files that an operator applies on this machine; paths are relative to the apply file."""

    directory: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def environment(self, name: str) -> str:
        if value := self.environ.get(name):
            return value
        raise ValueError(f"expected the environment variable {name} to be set")

    def file(self, path: str) -> str:
        try:
            return (self.directory / path).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"expected a readable file, got {path} ({error.__class__.__name__})") from error


class NoSources:
    """For files that come over HTTP: they must not read this machine's environment or files."""

    def environment(self, name: str) -> str:
        raise ValueError(f'expected the value itself, got "env:{name}", which only works from the command line')

    def file(self, path: str) -> str:
        raise ValueError(f'expected the value itself, got "file:{path}", which only works from the command line')


class Cipher:
    """AES-256-GCM with a key that lies beside the database, not in it. `purpose` binds a secret to its place."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._aead = AESGCM(key)

    @classmethod
    def of(cls, data_dir: Path) -> Cipher:
        """The key of this data directory, made on first use with mode 0600. Raises OSError."""
        path = data_dir / KEY_FILE
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        key = AESGCM.generate_key(256)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        return cls(key)

    def derived(self, purpose: str) -> bytes:
        """32 octets for one purpose, the same ones each time; nothing of the key can be told from them."""
        return hmac.new(self._key, purpose.encode(), hashlib.sha256).digest()

    def seal(self, text: str, purpose: str) -> str:
        nonce = os.urandom(12)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, text.encode(), purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """Raises ValueError when the key is not the one it was sealed with."""
        raw = base64.b64decode(sealed)
        try:
            return self._aead.decrypt(raw[:12], raw[12:], purpose.encode()).decode()
        except InvalidTag as error:
            raise ValueError(f"{KEY_FILE} does not fit the database: the secret of {purpose} cannot be read") from error


def ha1(number: str, realm: str, password: str) -> dict[str, str]:
    """H(user:realm:password) for the algorithms we challenge with (RFC 7616 §3.4.2; MD5 for phones that know nothing else)."""
    text = f"{number}:{realm}:{password}".encode()
    return {"MD5": hashlib.md5(text, usedforsecurity=False).hexdigest(), "SHA-256": hashlib.sha256(text).hexdigest()}


def new_password() -> str:
    """For people to type into a phone: 20 signs, 100 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(20))


def new_token() -> str:
    """256 random bits for links, sessions and API tokens."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """What is stored of a random token. Plain SHA-256 is enough: 256 random bits cannot be guessed back.

    A header may bring octets that are no text; they are nobody's token and no fault of ours.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


_PIN_HASHER = PasswordHasher()


def pin_hash(pin: str) -> str:
    """Argon2id of a PIN: slow, because PINs are short."""
    return _PIN_HASHER.hash(pin)


def pin_fits(stored: str, pin: str) -> bool:
    """Whether the PIN is the one that was hashed; takes some tens of milliseconds."""
    try:
        return bool(stored) and _PIN_HASHER.verify(stored, pin)
    except (VerificationError, InvalidHashError):
        return False
