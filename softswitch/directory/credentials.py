"""What people prove themselves with: passwords, their history and locks, and the second factor (RFC 6238) with recovery codes.

Passwords are argon2id, computed in a thread; secrets of devices lie sealed; of recovery codes only the SHA-256 is stored.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, insert, select, update

from softswitch.directory.passwords import PasswordPolicy
from softswitch.directory.secrets import Cipher, digest_of
from softswitch.directory.store import forget_sign_ins, table_of
from softswitch.directory.tables import CredentialRow
from softswitch.model.clock import Clock
from softswitch.model.errors import Conflict, Forbidden, Invalid
from softswitch.store.database import Store

STEP_SECONDS = 30
WINDOW = 1  # steps that a device's clock may be early or late
RECOVERY_CODES = 10
_STRANGERS = 10_000  # logins that do not exist, whose wrong attempts are counted too
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_rows = table_of(CredentialRow)


class Locked(Forbidden):
    """Too many wrong attempts."""

    code = "locked"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many wrong attempts; try again in {max(1, round(seconds))} seconds")
        self.seconds = seconds


class CodeNeeded(Forbidden):
    """The password is right; a code of the second factor is missing."""

    code = "code_needed"

    def __init__(self) -> None:
        super().__init__("A code of the second factor is needed")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a login's credentials; nothing secret."""

    password: bool = False
    changed_at: float = 0.0
    second_factor: bool = False
    recovery_left: int = 0
    locked_until: float = 0.0


class Credentials:
    """Stateless over the store, but for the counters of logins that do not exist."""

    def __init__(
        self, store: Store, clock: Clock, cipher: Cipher, policy: PasswordPolicy, hasher: PasswordHasher | None = None
    ) -> None:
        self.policy = policy
        self._store = store
        self._clock = clock
        self._cipher = cipher
        self._hasher = hasher or PasswordHasher()
        self._strangers: dict[str, tuple[int, float]] = {}

    async def standing(self, login: str) -> Standing:
        row = await self._row(login)
        if row is None:
            return Standing()
        return Standing(bool(row.password), row.changed_at, bool(row.totp), len(row.recovery), row.locked_until)

    # passwords

    async def check(self, login: str, password: str) -> None:
        """Raises Forbidden for a wrong pair, after the same time for every one, Locked after too many."""
        row = await self._row(login)
        self._refuse_locked(login, row)
        if not await asyncio.to_thread(self._verify, row.password if row else "", password):
            await self.failed(login, known=row is not None)
            raise Forbidden("Login or password is wrong")

    async def set_password(self, login: str, password: str, *words: str) -> None:
        """Raises Invalid for one that the policy refuses. An empty one removes it. Ends all sessions."""
        row = await self._row(login)
        former = [row.password, *row.former] if row and row.password else list(row.former) if row else []
        if password and (faults := list(self.policy.faults(password, login, *words))):
            raise Invalid("password", faults[0])
        repeated = await asyncio.to_thread(self._was_used, former[: self.policy.history], password)
        if password and repeated:
            raise Invalid("password", f"expected another one than the last {self.policy.history}")
        hashed = await self._hashed(password) if password else ""
        values = {
            "password": hashed, "changed_at": self._clock.utc(), "former": former[: self.policy.history], "failures": 0,
            "locked_until": 0.0,
        }  # fmt: skip

        def write(connection: Connection) -> None:
            self._put(connection, login, values)
            forget_sign_ins(connection, login)

        await self._store.write(write)

    async def failed(self, login: str, *, known: bool = True) -> None:
        """Counts a wrong attempt."""
        now = self._clock.utc()
        if not known:
            if len(self._strangers) >= _STRANGERS:
                self._strangers.clear()
            failures = self._strangers.get(login, (0, 0.0))[0] + 1
            self._strangers[login] = failures, now + self.policy.locked_for(failures)
            return

        def write(connection: Connection) -> None:
            failures = connection.execute(select(_rows.c.failures).where(_rows.c.login == login)).scalar() or 0
            values = {"failures": failures + 1, "locked_until": now + self.policy.locked_for(failures + 1)}
            connection.execute(update(_rows).where(_rows.c.login == login).values(values))

        await self._store.write(write)

    async def succeeded(self, login: str) -> None:
        await self._store.write(lambda c: self._update(c, login, {"failures": 0, "locked_until": 0.0}))

    async def unlock(self, login: str) -> None:
        self._strangers.pop(login, None)
        await self.succeeded(login)

    def _refuse_locked(self, login: str, row: Row[Any] | None) -> None:
        until = row.locked_until if row else self._strangers.get(login, (0, 0.0))[1]
        if until > self._clock.utc():
            raise Locked(until - self._clock.utc())

    def _verify(self, stored: str, password: str) -> bool:
        """Argon2 in constant time; without a stored hash it works as long on nothing."""
        if not stored:
            self._hasher.hash(password)
            return False
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _hashed(self, password: str) -> str:
        return await asyncio.to_thread(self._hasher.hash, password)

    def _was_used(self, former: list[str], password: str) -> bool:
        return any(self._verify(stored, password) for stored in former)

    # the second factor

    async def enrol(self, login: str, issuer: str) -> tuple[str, str]:
        """A new device: its secret and the `otpauth:` address that its camera reads. Valid once `confirm` got a code."""
        secret = pyotp.random_base32(32)
        sealed = self._cipher.seal(secret, f"totp:{login}")
        await self._store.write(lambda c: self._put(c, login, {"totp_pending": sealed}))
        return secret, pyotp.TOTP(secret, interval=STEP_SECONDS).provisioning_uri(name=login, issuer_name=issuer)

    async def confirm(self, login: str, code: str) -> list[str]:
        """The first code of the new device; returns the recovery codes, shown once. Raises Conflict, Forbidden."""
        row = await self._row(login)
        if row is None or not row.totp_pending:
            raise Conflict("No second factor is being set up")
        counter = _counter_of(self._cipher.open(row.totp_pending, f"totp:{login}"), code, self._clock.utc(), after=0)
        if counter is None:
            raise Forbidden("The code is wrong")
        codes = [
            "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(RECOVERY_CODES)
        ]
        values = {
            "totp": row.totp_pending, "totp_pending": "", "totp_counter": counter, "recovery": [digest_of(c) for c in codes],
        }  # fmt: skip
        await self._store.write(lambda c: self._put(c, login, values))
        return codes

    async def remove_second_factor(self, login: str) -> None:
        values = {"totp": "", "totp_pending": "", "totp_counter": 0, "recovery": []}
        await self._store.write(lambda c: self._update(c, login, values))

    async def check_code(self, login: str, code: str) -> None:
        """The second factor, when there is one: a code of the device, each once, or a recovery code.

        Raises CodeNeeded, Forbidden, Locked.
        """
        row = await self._row(login)
        if row is None or not row.totp:
            return
        self._refuse_locked(login, row)
        if not code:
            raise CodeNeeded
        secret, now = self._cipher.open(row.totp, f"totp:{login}"), self._clock.utc()
        if not await self._store.write(lambda c: _use_code(c, login, secret, code, now)):
            await self.failed(login)
            raise Forbidden("The code is wrong")

    # rows

    async def _row(self, login: str) -> Row[Any] | None:
        return await self._store.read(lambda c: c.execute(select(_rows).where(_rows.c.login == login)).first())

    def _update(self, connection: Connection, login: str, values: dict[str, Any]) -> int:
        return connection.execute(update(_rows).where(_rows.c.login == login).values(values)).rowcount

    def _put(self, connection: Connection, login: str, values: dict[str, Any]) -> None:
        if not self._update(connection, login, values):
            fresh = {
                "login": login, "password": "", "changed_at": 0.0, "former": [], "failures": 0, "locked_until": 0.0, "totp": "",
                "totp_pending": "", "totp_counter": 0, "recovery": [],
            }  # fmt: skip
            connection.execute(insert(_rows).values({**fresh, **values}))


def _use_code(connection: Connection, login: str, secret: str, code: str, now: float) -> bool:
    """Whether the code is good; uses it up in the same transaction."""
    row = connection.execute(select(_rows.c.totp_counter, _rows.c.recovery).where(_rows.c.login == login)).one()
    counter = _counter_of(secret, code, now, after=row.totp_counter)
    if counter is not None:
        here = (_rows.c.login == login) & (_rows.c.totp_counter < counter)  # of two with the same code one is late
        return bool(connection.execute(update(_rows).where(here).values(totp_counter=counter)).rowcount)
    digest = digest_of(code.strip().lower())
    if digest not in row.recovery:
        return False
    left = [other for other in row.recovery if other != digest]
    connection.execute(update(_rows).where(_rows.c.login == login).values(recovery=left))
    return True


def _counter_of(secret: str, code: str, now: float, *, after: int) -> int | None:
    """The time step that a code belongs to; None when it fits none, or one that is used up."""
    totp = pyotp.HOTP(secret)
    current = int(now // STEP_SECONDS)
    given = code.strip().replace(" ", "").encode("utf-8", "surrogateescape")
    for counter in range(current - WINDOW, current + WINDOW + 1):
        if counter > after and hmac.compare_digest(totp.at(counter).encode(), given):
            return counter
    return None
